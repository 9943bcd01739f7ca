"""Proximal policy optimisation with Gaussian exploration: of joint offsets above the fixed muscle decoder, or of whatever a policy decodes.

Exploration is independent for every output, or correlated as in Lattice (Chiappa et al. 2023, "Latent exploration for reinforcement
learning", NeurIPS): noise on the last hidden layer reaches the outputs through the policy's own last weights, so that outputs that work
together are tried together,

    action ~ N(mean(x), diag(s_a)^2 + W diag(s_z)^2 W^T).

The widths s_a, s_z are learned and do not depend on x; no gradient of the covariance reaches W (both are choices of ours).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kinesis_control.errors import ConfigurationError
from kinesis_train.env import TrackingEnv
from kinesis_train.networks import MusclePolicy
from kinesis_train.on_policy import LearnConfig, OnPolicy
from kinesis_train.parallel import Team

__all__ = ["EXPLORATIONS", "Ppo", "PpoConfig", "survival"]

EXPLORATIONS = ("independent", "lattice")


@dataclass(frozen=True, kw_only=True)
class PpoConfig(LearnConfig):
    """Hyper-parameters.

    Attributes:
        exploration: "independent", or "lattice" for noise that is correlated through the policy's last layer.
        std_rate: Adam rate of the exploration width.
        initial_std: exploration width at the start, in units of the policy output (and of the last hidden layer).
        min_std: smallest exploration width.
    """

    exploration: str = "independent"
    std_rate: float = 2e-3
    initial_std: float = 0.35
    min_std: float = 0.05

    def __post_init__(self) -> None:
        if self.exploration not in EXPLORATIONS:
            raise ConfigurationError(f"exploration: got {self.exploration!r}, expected one of {', '.join(EXPLORATIONS)}")


class Ppo(OnPolicy):
    """The learner of a policy that has a normalisation, an actor that ends in a linear layer, and a decoder.

    Attributes:
        log_std: logarithm of the independent exploration width, shape (outputs,).
        latent_log_std: the same of the last hidden layer, shape (width of that layer,); empty without Lattice.
    """

    config: PpoConfig

    def __init__(self, policy: MusclePolicy, env: TrackingEnv, config: PpoConfig, team: Team | None = None) -> None:
        self.policy, self.norm, self.trunk_size = policy, policy.norm, policy.trunk_size
        super().__init__(env, config, team)
        last = policy.actor[-1]
        start = float(np.log(config.initial_std))
        self.log_std = nn.Parameter(torch.full((last.out_features,), start))
        self.latent_log_std = nn.Parameter(torch.full((last.in_features if config.exploration == "lattice" else 0,), start))
        widths = [self.log_std, self.latent_log_std] if config.exploration == "lattice" else [self.log_std]
        self.optimiser = torch.optim.Adam([{"params": policy.actor.parameters(), "lr": config.rate}, {"params": widths, "lr": config.std_rate}], eps=1e-5)
        self.team.share([policy, self.value])
        self.update_norm()

    def _root(self) -> Tensor:
        """Lower Cholesky factor of the covariance of the actions."""
        through = self.policy.actor[-1].weight.detach() * self.latent_log_std.exp()
        return torch.linalg.cholesky(torch.diag(self.log_std.exp() ** 2) + through @ through.T)

    def _choose(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean = self.policy.actor(x)
        noise = torch.randn_like(mean)
        action = mean + (noise @ self._root().T if len(self.latent_log_std) else self.log_std.exp() * noise)
        return action, self._likelihood(mean, action)

    def _log_probability(self, x: Tensor, action: Tensor) -> Tensor:
        return self._likelihood(self.policy.actor(x), action)

    def _likelihood(self, mean: Tensor, action: Tensor) -> Tensor:
        if not len(self.latent_log_std):
            return (-0.5 * ((action - mean) / self.log_std.exp()) ** 2 - self.log_std).sum(dim=1)
        root = self._root()
        white = torch.linalg.solve_triangular(root, (action - mean).T, upper=False)
        return -0.5 * (white**2).sum(dim=0) - root.diagonal().log().sum()

    def _excite(self, observation: Tensor, action: Tensor) -> Tensor:
        return self.policy.decode(observation, action)

    def _mirrored_action(self, action: Tensor) -> Tensor:
        return self.mirror.action(action)

    def _parameters(self) -> list[nn.Parameter]:
        widths = [self.log_std, self.latent_log_std] if len(self.latent_log_std) else [self.log_std]
        return [*self.policy.actor.parameters(), *widths]

    def _after_step(self) -> None:
        for width in (self.log_std, self.latent_log_std):
            width.clamp_(min=float(np.log(self.config.min_std)), max=0.0)

    def _width(self) -> float:
        if not len(self.latent_log_std):
            return self.log_std.exp().mean().item()
        return self._root().detach().pow(2).sum(dim=1).sqrt().mean().item()

    def state(self) -> dict[str, Any]:
        """All that is needed to go on."""
        widths = {"log_std": self.log_std.data, "latent_log_std": self.latent_log_std.data}
        return {"policy": self.policy.state_dict(), **widths, **super().state()}

    def _load_policy(self, state: dict[str, Any]) -> None:
        self.policy.load_state_dict(state["policy"])
        self.log_std.data.copy_(state["log_std"])
        self.latent_log_std.data.copy_(state.get("latent_log_std", self.latent_log_std.data))

    def inherit(self, state: dict[str, Any]) -> None:
        """Start from the policy, value function and exploration width of another run; optimisers and random numbers are fresh."""
        self.policy.load_state_dict(state["policy"])
        self.value.load_state_dict(state["value"])
        self.log_std.data.copy_(state["log_std"].clamp(min=float(np.log(0.5 * self.config.initial_std))))
        self.steps = state["steps"]


@torch.no_grad()
def survival(policy: MusclePolicy, env: TrackingEnv, seconds: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Deterministic run of the whole batch from a reset; seconds until failure (n,) and distance gone (n,) [m]."""
    n, dt = env.config.envs, env.config.control_dt
    env.reset(np.arange(n))
    alive, lived, travelled = np.ones(n, dtype=bool), np.zeros(n), np.zeros(n)
    for _ in range(round(seconds / dt)):
        before = env.state.root_position[:, :2].copy()
        excitation = policy(torch.from_numpy(env.observation)).numpy().astype(np.float64)
        _, failed, _ = env.step(excitation)
        alive &= ~failed
        lived += alive * dt
        travelled += alive * np.linalg.norm(env.state.root_position[:, :2] - before, axis=1)
        if not alive.any():
            break
    return lived, travelled
