"""What every on-policy learner here does: collect a horizon, estimate advantages, learn by clipped ratios (PPO, Schulman et al. 2017).

Generalised advantage estimation, separate optimiser for the value function, a learning rate driven by the measured KL divergence (as in
rsl_rl), time-outs bootstrapped, every sample also as its mirror image. What an action is, and how likely, is up to the subclass.

A sample that is not finite never reaches a network: it is counted, weighs nothing, and its environment begins anew.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kinesis_train.env import TrackingEnv
from kinesis_train.networks import RunningNorm, mlp
from kinesis_train.parallel import Team
from kinesis_train.symmetry import Mirror

FROZEN_NORM_ROUNDS = 600  # later the statistics stand still, so that the policy does too


@dataclass(frozen=True, kw_only=True)
class LearnConfig:
    """Hyper-parameters that every learner has.

    Attributes:
        horizon: ticks a round.
        epochs, minibatch: passes over a round with its mirror images, and samples a gradient step; one pass never uses a sample twice.
        clip: of the probability ratio.
        gamma, lam: discount and advantage-estimation factors per tick.
        rate, value_rate: Adam rates of policy and value.
        target_kl: the policy's rate is steered to this KL divergence a round.
        max_gradient: gradient norm clip.
        value_hidden: widths of the value function's hidden layers.
    """

    horizon: int = 64
    epochs: int = 3
    minibatch: int = 2048
    clip: float = 0.2
    gamma: float = 0.98
    lam: float = 0.95
    rate: float = 3e-4
    value_rate: float = 1e-3
    target_kl: float = 0.02
    max_gradient: float = 1.0
    value_hidden: tuple[int, ...] = (256, 128)


class OnPolicy(ABC):
    """A learner: owns value function and optimisers; what acts is the subclass's.

    Attributes:
        steps: environment steps taken so far, of the whole team.
        rounds: rounds done so far.
        caution: share of the target divergence that is aimed at now; less than one settles the policy.
        poisoned: samples so far that were not finite and were left out, and gradient steps that were skipped for the same reason.
    """

    norm: RunningNorm
    trunk_size: int
    optimiser: torch.optim.Optimizer

    def __init__(self, env: TrackingEnv, config: LearnConfig, team: Team | None = None) -> None:
        self.env, self.config, self.team = env, config, team or Team()
        self.value = mlp((self.trunk_size, *config.value_hidden, 1))
        self.value_optimiser = torch.optim.Adam(self.value.parameters(), lr=config.value_rate, eps=1e-5)
        self.mirror = Mirror(env.body, env.builder.terms)
        self.steps = self.rounds = self.poisoned = 0
        self.caution = 1.0

    @abstractmethod
    def _choose(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Random actions for normalised observations (n, trunk_size), and the logarithms of their probabilities (n,)."""

    @abstractmethod
    def _log_probability(self, x: Tensor, action: Tensor) -> Tensor:
        """Logarithm of the probability of `action`; shape (n,). Constants that cancel in a ratio may be left out."""

    @abstractmethod
    def _excite(self, observation: Tensor, action: Tensor) -> Tensor:
        """Excitations (n, n_muscles) of an action."""

    @abstractmethod
    def _mirrored_action(self, action: Tensor) -> Tensor:
        """The action that the mirrored situation asks for."""

    @abstractmethod
    def _parameters(self) -> list[nn.Parameter]:
        """What the policy's optimiser works on."""

    def _after_step(self) -> None:  # noqa: B027 - most learners have nothing to keep in a range
        """Keep parameters in their range after a gradient step."""

    def _width(self) -> float:
        """How widely the policy explores, for the log."""
        return 0.0

    def _trunk(self, observation: Tensor) -> Tensor:
        return observation[:, : self.trunk_size]

    def _observation(self) -> tuple[Tensor, NDArray[np.bool_]]:
        """Observations with zeros in the place of rows that are not finite, and the mask of those rows."""
        observation = self.env.observation.copy()
        bad = ~np.isfinite(observation).all(axis=1)
        observation[bad] = 0.0
        return torch.from_numpy(observation), bad

    @torch.no_grad()
    def update_norm(self) -> None:
        """Fold the present observations into the running statistics, those of the whole team."""
        observation, bad = self._observation()
        x = self._trunk(observation)[torch.from_numpy(~bad)]
        if self.team.size > 1:
            x = torch.cat(self.team.gather(x))
        if len(x):
            self.norm.update(x)

    def round(self) -> dict[str, float]:
        """Collect one horizon and learn from it; returns figures for the log."""
        # A batch of 64 is too small to share between threads: handing it round costs more than it saves.
        torch.set_num_threads(1)
        batch, figures = self._collect()
        torch.set_num_threads(self.env.config.threads)
        figures |= self._learn(batch)
        self.rounds += 1
        return self.team.mean(figures)

    @torch.no_grad()
    def _collect(self) -> tuple[dict[str, Tensor], dict[str, float]]:
        c, env, rows, lengths = self.config, self.env, [], []
        for tick in range(c.horizon):
            observation, bad = self._observation()
            x = self.norm(self._trunk(observation))
            action, log_probability = self._choose(x)
            excitation = self._excite(observation, action).numpy().astype(np.float64)
            reward, failed, timed_out = env.step(excitation)
            after, lost = self._observation()
            bad |= lost | ~np.isfinite(reward)
            reward, failed, timed_out = np.where(bad, 0.0, reward), failed | bad, timed_out & ~bad
            reward = torch.from_numpy(reward * (1.0 - c.gamma)).float()  # returns stay in 0..1
            if timed_out.any():  # nothing ended there but the clock: what would have followed still counts
                reward += c.gamma * torch.from_numpy(timed_out).float() * self.value(self.norm(self._trunk(after)))[:, 0]
            done = failed | timed_out
            weight = torch.from_numpy(~bad).float()
            rows.append((observation, action, log_probability, self.value(x)[:, 0], reward, torch.from_numpy(done).float(), weight))
            lengths += list(env.age[done])
            self.poisoned += int(bad.sum())
            env.reset(np.flatnonzero(done))
            if tick % 8 == 0 and self.rounds < FROZEN_NORM_ROUNDS:
                self.update_norm()
        last = self.value(self.norm(self._trunk(self._observation()[0])))[:, 0]
        self.steps += c.horizon * env.config.envs * self.team.size
        names = ("observation", "action", "log_probability", "value", "reward", "done", "weight")
        stacked = {n: torch.stack([r[i] for r in rows]) for i, n in enumerate(names)}
        stacked["advantage"] = self._advantages(stacked, last)
        stacked["return"] = stacked["advantage"] + stacked["value"]
        figures = {"reward": stacked["reward"].mean().item() / (1.0 - c.gamma), "episode_s": float(np.mean(lengths or [0])) * env.config.control_dt}
        return {k: v.flatten(0, 1) for k, v in stacked.items()}, figures

    def _advantages(self, rows: dict[str, Tensor], last: Tensor) -> Tensor:
        c, running, following = self.config, torch.zeros_like(last), last
        result = torch.zeros_like(rows["value"])
        for t in reversed(range(c.horizon)):
            alive = 1.0 - rows["done"][t]
            delta = rows["reward"][t] + c.gamma * following * alive - rows["value"][t]
            running = delta + c.gamma * c.lam * alive * running
            result[t], following = running, rows["value"][t]
        return result

    def _learn(self, b: dict[str, Tensor]) -> dict[str, float]:
        c, kls, collected = self.config, [], len(b["advantage"])
        b = self._with_mirrored(b)
        advantage = self._standardised(b["advantage"], b["weight"])
        for epoch in range(c.epochs):
            for pick in torch.randperm(len(advantage)).split(c.minibatch):
                difference = self._log_probability(b["x"][pick], b["action"][pick]) - b["log_probability"][pick]
                ratio, weight = difference.exp(), b["weight"][pick]
                gain = torch.min(ratio * advantage[pick], ratio.clamp(1 - c.clip, 1 + c.clip) * advantage[pick])
                self._descend(self.optimiser, -_mean(gain, weight), self._parameters())
                self._fit_value(b, pick)
                with torch.no_grad():
                    self._after_step()
                    if epoch == c.epochs - 1:  # mirror images say how symmetric the policy is, not how far it moved
                        kls.append((ratio - 1.0 - difference)[pick < collected].mean().item())
        kl = self.team.mean({"kl": float(np.mean(kls))})["kl"]
        self._steer_rate(kl)
        explained = 1.0 - (b["return"] - b["value"]).var() / b["return"].var()
        return {"kl": kl, "rate": self.optimiser.param_groups[0]["lr"], "std": self._width(), "explained": explained.item()}

    def warm_up_value(self) -> dict[str, float]:
        """Collect one horizon and teach it to the value function alone: for a policy that was made by other means than this learner's."""
        batch, figures = self._collect()
        b = self._with_mirrored(batch)
        for _ in range(self.config.epochs):
            for pick in torch.randperm(len(b["return"])).split(self.config.minibatch):
                self._fit_value(b, pick)
        explained = 1.0 - (b["return"] - b["value"]).var() / b["return"].var()
        return self.team.mean(figures | {"explained": explained.item()})

    def _fit_value(self, b: dict[str, Tensor], pick: Tensor) -> None:
        loss = _mean((self.value(b["x"][pick])[:, 0] - b["return"][pick]).pow(2), b["weight"][pick])
        self._descend(self.value_optimiser, loss, self.value.parameters())

    def _standardised(self, advantage: Tensor, weight: Tensor) -> Tensor:
        """Advantages with mean 0 and standard deviation 1 over all samples that count, of the whole team."""
        kept = advantage[weight > 0.0]
        if self.team.size == 1:
            return (advantage - kept.mean()) / (kept.std() + 1e-6)
        n, total, square = self.team.sum(torch.stack([torch.tensor(float(len(kept))), kept.sum(), kept.pow(2).sum()]).double())
        mean = total / n
        return (advantage - mean.float()) / ((square / n - mean**2).clamp(min=0.0).sqrt().float() + 1e-6)

    @torch.no_grad()
    def _with_mirrored(self, b: dict[str, Tensor]) -> dict[str, Tensor]:
        """Normalise the observations, and add every sample once more as its mirror image."""
        both = {k: torch.cat([v, v]) for k, v in b.items() if k not in ("observation", "action")}
        both["action"] = torch.cat([b["action"], self._mirrored_action(b["action"])])
        observations = torch.cat([b["observation"], self.mirror.observation(b["observation"])])
        both["x"] = self.norm(self._trunk(observations))
        return both

    def _descend(self, optimiser: torch.optim.Optimizer, loss: Tensor, parameters: Iterable[nn.Parameter]) -> None:
        parameters = list(parameters)
        optimiser.zero_grad()
        loss.backward()
        self.team.average_gradients(parameters)
        if torch.isfinite(nn.utils.clip_grad_norm_(parameters, self.config.max_gradient)):
            optimiser.step()
        else:
            self.poisoned += 1

    def _steer_rate(self, kl: float) -> None:
        group, target = self.optimiser.param_groups[0], self.config.target_kl * self.caution
        if kl > 2.0 * target:
            group["lr"] = max(1e-5, group["lr"] / 1.3)
        elif kl < 0.5 * target:
            group["lr"] = min(1e-3, group["lr"] * 1.2)

    def state(self) -> dict[str, Any]:
        """All that is needed to go on, to the bit: of every process of the team, its environments and random numbers."""
        here = {"environment": self.env.snapshot(), "torch_rng": torch.get_rng_state()}
        return {
            "value": self.value.state_dict(), "optimiser": self.optimiser.state_dict(), "value_optimiser": self.value_optimiser.state_dict(),
            "steps": self.steps, "rounds": self.rounds, "poisoned": self.poisoned, "processes": self.team.gather(here),
            "config": asdict(self.config),
        }  # fmt: skip

    def load(self, state: dict[str, Any]) -> None:
        """Take up a state made by `state`. Environments go on in mid-episode; where it was made by another number of processes, or before
        environments were kept, they start new episodes."""
        state = deepcopy(state)  # the optimisers would go on working on the tensors of the caller
        self._load_policy(state)
        self.value.load_state_dict(state["value"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.value_optimiser.load_state_dict(state["value_optimiser"])
        self.steps, self.rounds, self.poisoned = state["steps"], state["rounds"], state.get("poisoned", 0)
        processes = state.get("processes", [])
        if len(processes) == self.team.size:
            mine = processes[self.team.rank]
            self.env.restore(mine["environment"])
            torch.set_rng_state(mine["torch_rng"])
            return
        if "torch_rng" in state and self.team.size == 1:
            torch.set_rng_state(state["torch_rng"])
            self.env.rng.bit_generator.state = state["env_rng"]
        self.env.reset(np.arange(self.env.config.envs))

    @abstractmethod
    def _load_policy(self, state: dict[str, Any]) -> None:
        """The policy's own part of `load`."""


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    """Mean over the samples that count."""
    if bool((weight == 1.0).all()):
        return values.mean()
    return (values * weight).sum() / weight.sum().clamp(min=1.0)
