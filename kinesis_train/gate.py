"""Trains the gate of a mixture by PPO: an action is the number of the expert that acts, drawn from a categorical distribution."""

from typing import Any

import torch
from torch import Tensor, nn

from kinesis_train.env import TrackingEnv
from kinesis_train.mixture import ExpertMixture
from kinesis_train.on_policy import LearnConfig, OnPolicy
from kinesis_train.parallel import Team


class GatePpo(OnPolicy):
    """The learner of a gate; the experts stay as they are.

    Attributes:
        mixture: gate and experts.
    """

    def __init__(self, mixture: ExpertMixture, env: TrackingEnv, config: LearnConfig, team: Team | None = None) -> None:
        self.mixture, self.norm, self.trunk_size = mixture, mixture.gate.norm, mixture.gate.trunk_size
        super().__init__(env, config, team)
        self.optimiser = torch.optim.Adam(mixture.gate.net.parameters(), lr=config.rate, eps=1e-5)
        self._entropy = 0.0
        self.team.share([mixture, self.value])
        self.update_norm()

    def _choose(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Random experts; shape (n,)."""
        drawn = torch.distributions.Categorical(logits=self.mixture.gate.net(x))
        action = drawn.sample()
        self._entropy = drawn.entropy().mean().item()
        return action, drawn.log_prob(action)

    def _log_probability(self, x: Tensor, action: Tensor) -> Tensor:
        return torch.distributions.Categorical(logits=self.mixture.gate.net(x)).log_prob(action)

    def _excite(self, observation: Tensor, action: Tensor) -> Tensor:
        return self.mixture.by(observation, action)

    def _mirrored_action(self, action: Tensor) -> Tensor:
        """The mirrored situation asks for the same expert: experts are trained with mirrored samples too."""
        return action

    def _parameters(self) -> list[nn.Parameter]:
        return list(self.mixture.gate.net.parameters())

    def _width(self) -> float:
        """Entropy of the choice [nat]: 0 where the gate is sure, log(number of experts) where it has no idea."""
        return self._entropy

    def state(self) -> dict[str, Any]:
        """All that is needed to go on; the experts are part of it."""
        return {"policy": self.mixture.state_dict(), **super().state()}

    def _load_policy(self, state: dict[str, Any]) -> None:
        self.mixture.load_state_dict(state["policy"])
