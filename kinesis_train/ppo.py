"""Proximal policy optimisation (Schulman et al. 2017) of the joint-level policy above the fixed muscle decoder.

Kept small: generalised advantage estimation, clipped ratio, separate optimiser for the value function, a learning rate
driven by the measured KL divergence (as in rsl_rl), time-outs bootstrapped. Checkpoints hold all that is needed to go on.
"""

from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kinesis_train.env import WalkEnv
from kinesis_train.networks import MusclePolicy, mlp
from kinesis_train.symmetry import Mirror


@dataclass(frozen=True, kw_only=True)
class PpoConfig:
    """Hyper-parameters.

    Attributes:
        horizon: ticks a round.
        epochs, minibatch: passes over a round with its mirror images, and samples a gradient step.
        clip: of the probability ratio.
        gamma, lam: discount and advantage-estimation factors per tick.
        rate, value_rate, std_rate: Adam rates of policy, value and exploration width.
        target_kl: the policy's rate is steered to this KL divergence a round.
        initial_std: exploration width at the start, in units of the policy output.
        min_std: smallest exploration width.
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
    std_rate: float = 2e-3
    target_kl: float = 0.02
    initial_std: float = 0.35
    min_std: float = 0.05
    max_gradient: float = 1.0
    value_hidden: tuple[int, ...] = (256, 128)


class Ppo:
    """The learner: owns value function, exploration width and optimisers; the policy is given.

    Attributes:
        steps: environment steps taken so far.
        rounds: rounds done so far.
        caution: share of the target divergence that is aimed at now; less than one settles the policy.
    """

    def __init__(self, policy: MusclePolicy, env: WalkEnv, config: PpoConfig) -> None:
        self.policy, self.env, self.config = policy, env, config
        joints = policy.decoder.joints
        self.value = mlp((policy.trunk_size, *config.value_hidden, 1))
        self.log_std = nn.Parameter(torch.full((joints,), float(np.log(config.initial_std))))
        self.optimiser = torch.optim.Adam(
            [{"params": policy.actor.parameters(), "lr": config.rate}, {"params": [self.log_std], "lr": config.std_rate}], eps=1e-5
        )
        self.value_optimiser = torch.optim.Adam(self.value.parameters(), lr=config.value_rate, eps=1e-5)
        self.mirror = Mirror(env.body, env.builder.terms)
        self.steps = self.rounds = 0
        self.caution = 1.0
        policy.norm.update(self._trunk(self._observation()))

    def _observation(self) -> Tensor:
        return torch.from_numpy(self.env.observation.copy())

    def _trunk(self, observation: Tensor) -> Tensor:
        return observation[:, : self.policy.trunk_size]

    def _log_probability(self, mean: Tensor, action: Tensor) -> Tensor:
        return (-0.5 * ((action - mean) / self.log_std.exp()) ** 2 - self.log_std).sum(dim=1)

    def round(self) -> dict[str, float]:
        """Collect one horizon and learn from it; returns figures for the log."""
        # A batch of 64 is too small to share between threads: handing it round costs more than it saves.
        torch.set_num_threads(1)
        batch, figures = self._collect()
        torch.set_num_threads(self.env.config.threads)
        figures |= self._learn(batch)
        self.rounds += 1
        return figures

    @torch.no_grad()
    def _collect(self) -> tuple[dict[str, Tensor], dict[str, float]]:
        c, env, rows, lengths = self.config, self.env, [], []
        last: Tensor | None = None
        for tick in range(c.horizon):
            observation = self._observation()
            x = self.policy.norm(self._trunk(observation))
            mean = self.policy.actor(x)
            action = mean + self.log_std.exp() * torch.randn_like(mean)
            excitation = self.policy.decode(observation, action).numpy().astype(np.float64)
            reward, failed, timed_out = env.step(excitation)
            reward = torch.from_numpy(reward * (1.0 - c.gamma)).float()  # returns stay in 0..1
            if timed_out.any():  # nothing ended there but the clock: what would have followed still counts
                after = self.policy.norm(self._trunk(self._observation()))
                reward += c.gamma * torch.from_numpy(timed_out).float() * self.value(after)[:, 0]
            done = failed | timed_out
            rows.append((observation, action, self._log_probability(mean, action), self.value(x)[:, 0], reward, torch.from_numpy(done).float()))
            lengths += list(env.age[done])
            env.reset(np.flatnonzero(done))
            if tick % 8 == 0 and self.rounds < 600:  # later the statistics stand still, so that the policy does too
                self.policy.norm.update(self._trunk(self._observation()))
        last = self.value(self.policy.norm(self._trunk(self._observation())))[:, 0]
        self.steps += c.horizon * env.config.envs
        names = ("observation", "action", "log_probability", "value", "reward", "done")
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
        advantage = (b["advantage"] - b["advantage"].mean()) / (b["advantage"].std() + 1e-6)
        for epoch in range(c.epochs):
            for pick in torch.randperm(len(advantage)).split(c.minibatch):
                difference = self._log_probability(self.policy.actor(b["x"][pick]), b["action"][pick]) - b["log_probability"][pick]
                ratio = difference.exp()
                gain = torch.min(ratio * advantage[pick], ratio.clamp(1 - c.clip, 1 + c.clip) * advantage[pick])
                self._descend(self.optimiser, -gain.mean(), [*self.policy.actor.parameters(), self.log_std])
                value_loss = (self.value(b["x"][pick])[:, 0] - b["return"][pick]).pow(2).mean()
                self._descend(self.value_optimiser, value_loss, list(self.value.parameters()))
                with torch.no_grad():
                    self.log_std.clamp_(min=float(np.log(c.min_std)), max=0.0)
                    if epoch == c.epochs - 1:  # mirror images say how symmetric the policy is, not how far it moved
                        kls.append((ratio - 1.0 - difference)[pick < collected].mean().item())
        kl = float(np.mean(kls))
        self._steer_rate(kl)
        explained = 1.0 - (b["return"] - b["value"]).var() / b["return"].var()
        return {"kl": kl, "rate": self.optimiser.param_groups[0]["lr"], "std": self.log_std.exp().mean().item(), "explained": explained.item()}

    @torch.no_grad()
    def _with_mirrored(self, b: dict[str, Tensor]) -> dict[str, Tensor]:
        """Normalise the observations, and add every sample once more as its mirror image."""
        both = {k: torch.cat([v, v]) for k, v in b.items() if k not in ("observation", "action")}
        both["action"] = torch.cat([b["action"], self.mirror.action(b["action"])])
        observations = torch.cat([b["observation"], self.mirror.observation(b["observation"])])
        both["x"] = self.policy.norm(self._trunk(observations))
        return both

    def _descend(self, optimiser: torch.optim.Optimizer, loss: Tensor, parameters: list[nn.Parameter]) -> None:
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, self.config.max_gradient)
        optimiser.step()

    def _steer_rate(self, kl: float) -> None:
        group, target = self.optimiser.param_groups[0], self.config.target_kl * self.caution
        if kl > 2.0 * target:
            group["lr"] = max(1e-5, group["lr"] / 1.3)
        elif kl < 0.5 * target:
            group["lr"] = min(1e-3, group["lr"] * 1.2)

    def state(self) -> dict[str, Any]:
        """All that is needed to go on."""
        return {
            "policy": self.policy.state_dict(), "value": self.value.state_dict(), "log_std": self.log_std.data,
            "optimiser": self.optimiser.state_dict(), "value_optimiser": self.value_optimiser.state_dict(),
            "steps": self.steps, "rounds": self.rounds, "torch_rng": torch.get_rng_state(),
            "env_rng": self.env.rng.bit_generator.state, "config": asdict(self.config),
        }  # fmt: skip

    def inherit(self, state: dict[str, Any]) -> None:
        """Start from the policy, value function and exploration width of another run; optimisers and random numbers are fresh."""
        self.policy.load_state_dict(state["policy"])
        self.value.load_state_dict(state["value"])
        self.log_std.data.copy_(state["log_std"].clamp(min=float(np.log(0.5 * self.config.initial_std))))
        self.steps = state["steps"]

    def load(self, state: dict[str, Any]) -> None:
        """Take up a state made by `state`; the environments start new episodes."""
        state = deepcopy(state)  # the optimisers would go on working on the tensors of the caller
        self.policy.load_state_dict(state["policy"])
        self.value.load_state_dict(state["value"])
        self.log_std.data.copy_(state["log_std"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.value_optimiser.load_state_dict(state["value_optimiser"])
        self.steps, self.rounds = state["steps"], state["rounds"]
        torch.set_rng_state(state["torch_rng"])
        self.env.rng.bit_generator.state = state["env_rng"]
        self.env.reset(np.arange(self.env.config.envs))


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write beside the old file and rename, so that a full disk or a kill never costs the last good checkpoint."""
    temporary = path.with_suffix(".tmp")
    torch.save(content, temporary)
    temporary.replace(path)


@torch.no_grad()
def survival(policy: MusclePolicy, env: WalkEnv, seconds: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
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
