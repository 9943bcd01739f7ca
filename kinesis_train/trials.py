"""What negative mining and the gate train and are judged on: a list of named trials, whatever each of them is.

A trial is a stretch of reference that a body is to follow from its start: a clip of a library (clip_trials.py), or a command to the gait
generator held for some seconds (here). A trial is managed where the mean distance of the key bodies from their reference never exceeds a
limit, the body never topples, and its physics never break.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from kinesis_control.errors import ConfigurationError, UnknownNameError
from kinesis_sim.bodies import Body
from kinesis_train.env import EnvConfig, TrackingEnv, WalkEnv
from kinesis_train.networks import MusclePolicy
from kinesis_train.reference import Index
from kinesis_train.task import CommandSampler, TaskConfig
from kinesis_train.walk import build_policy, fit_decoder

Array = NDArray[np.float64]
LIMIT = 0.5  # [m], of the mean over key bodies: success@0.5
QUIET = {"excitation_noise": 0.0, "push_interval": 1e9, "push_speed": 0.0, "start_noise": 0.0}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one trial.

    Attributes:
        managed: followed to its end.
        coverage: share of its time until it was lost, 0..1.
    """

    managed: bool
    coverage: float


class TrialSet(ABC):
    """Named trials of one body.

    Attributes:
        body: that follows them.
        names: of all trials.
    """

    body: Body
    names: tuple[str, ...]

    @abstractmethod
    def practice(self, names: Sequence[str], config: EnvConfig, seed: int) -> TrackingEnv:
        """Training environment whose episodes are of these trials alone."""

    @abstractmethod
    def exam(self, names: Sequence[str], config: EnvConfig) -> TrackingEnv:
        """Environment in which member i begins trial names[i] at its start, without noise; it never ends an episode for a distance."""

    @abstractmethod
    def ticks(self, names: Sequence[str], dt: float) -> Index:
        """Length of each trial in control periods of `dt` [s]; shape (len(names),)."""

    @abstractmethod
    def prepare(self, env: TrackingEnv, policy: MusclePolicy, seed: int) -> dict[str, float]:
        """Fit the decoder of an untrained policy; returns what is worth noting of it."""

    def build(self, env: TrackingEnv, hidden: Sequence[int], action: str) -> MusclePolicy:
        """An untrained policy; `action` is one of kinesis_train.actions.ACTIONS."""
        return build_policy(self.body, env, tuple(hidden), action)

    def require(self, names: Sequence[str]) -> None:
        """Refuse names that are no trials, and an empty list.

        Raises:
            UnknownNameError: one of them is not known.
            ConfigurationError: there is none.
        """
        for name in names:
            if name not in self.names:
                raise UnknownNameError("trial", name, self.names)
        if not names:
            raise ConfigurationError("trials: got none, expected at least one")


@torch.no_grad()
def examine(policy: nn.Module, trials: TrialSet, names: Sequence[str], config: EnvConfig) -> dict[str, Outcome]:
    """Deterministic run of every named trial from its start to its end; the same policy gives the same outcomes."""
    trials.require(names)
    env = trials.exam(names, replace(config, envs=len(names)))
    env.reset(np.arange(len(names)))
    length = trials.ticks(names, config.control_dt)
    alive, lived = np.ones(len(names), dtype=bool), np.zeros(len(names))
    for tick in range(int(length.max())):
        seen = np.nan_to_num(env.observation, posinf=0.0, neginf=0.0)
        _, failed, _ = env.step(policy(torch.from_numpy(seen)).numpy().astype(np.float64))
        lost = failed | ~np.isfinite(env.observation).all(axis=1) | ~(env.key_distance.mean(axis=1) <= LIMIT)
        alive &= ~lost | (tick >= length)
        lived += alive & (tick < length)
        if not (alive & (tick + 1 < length)).any():
            break
    return {n: Outcome(managed=bool(a), coverage=float(s / k)) for n, a, s, k in zip(names, alive, lived, length, strict=True)}


@dataclass(frozen=True, kw_only=True)
class HeldCommand:
    """One command to the gait generator.

    Attributes:
        name: of the trial.
        speed, lateral, yaw_rate: [m/s], [m/s], [rad/s].
    """

    name: str
    speed: float = 0.0
    lateral: float = 0.0
    yaw_rate: float = 0.0


COMMANDS = (
    HeldCommand(name="stand"),
    *(HeldCommand(name=f"walk {v:g}", speed=v) for v in (0.3, 0.6, 0.9, 1.2, 1.4)),
    *(HeldCommand(name=f"back {v:g}", speed=-v) for v in (0.2, 0.4)),
    *(HeldCommand(name=f"side {v:+g}", lateral=v) for v in (-0.25, 0.25)),
    *(HeldCommand(name=f"turn {v:+g}", speed=0.8, yaw_rate=v) for v in (-0.5, 0.5)),
    *(HeldCommand(name=f"spin {v:+g}", yaw_rate=v) for v in (-0.6, 0.6)),
)
"""One command of every kind that the generator knows and a walk may need."""


class ListedCommands(CommandSampler):
    """Draws from a list of commands; in order, member i is always asked for command i."""

    def __init__(self, listed: Sequence[HeldCommand], task: TaskConfig, n: int, rng: np.random.Generator, *, in_order: bool = False) -> None:
        super().__init__(task, n, rng)
        self._table = np.array([(c.speed, c.lateral, c.yaw_rate) for c in listed])
        self._moving, self._in_order = np.flatnonzero(self._table.any(axis=1)), in_order

    def draw(self, which: Index, *, stand_share: float | None = None) -> None:
        """New commands for the members `which`; a stand_share of 0 asks for one that moves, where there is one."""
        among = self._moving if stand_share == 0.0 and len(self._moving) else np.arange(len(self._table))
        pick = which if self._in_order else self.rng.choice(among, len(which))
        self.command.speed[which], self.command.lateral[which], self.command.yaw_rate[which] = self._table[pick].T
        self.left[which] = np.exp(self.rng.uniform(*np.log(self.config.hold), len(which)))


class CommandTrials(TrialSet):
    """Commands to the gait generator, each held for some seconds from standing."""

    def __init__(self, body: Body, task: TaskConfig, commands: Sequence[HeldCommand] = COMMANDS, *, seconds: float = 10.0) -> None:
        """`task`: how they are practised: noise, pushes, starts; `seconds`: length of a trial [s]."""
        self.body, self.task, self.seconds = body, task, seconds
        self._commands = {c.name: c for c in commands}
        self.names = tuple(self._commands)

    def practice(self, names: Sequence[str], config: EnvConfig, seed: int) -> WalkEnv:
        # Where all there is to practise is to stand, no episode begins in the middle of a walk.
        moves = any(self._commands[n].speed or self._commands[n].lateral or self._commands[n].yaw_rate for n in names)
        task = self.task if moves else replace(self.task, walk_starts=0.0)
        return self._env(names, replace(config, task=task), seed, in_order=False)

    def exam(self, names: Sequence[str], config: EnvConfig) -> WalkEnv:
        held = replace(self.task, hold=(1e6, 1e6), walk_starts=0.0, episode=self.seconds, key_error=1e6, **QUIET)
        return self._env(names, replace(config, task=held), 0, in_order=True)

    def ticks(self, names: Sequence[str], dt: float) -> Index:
        return np.full(len(names), round(self.seconds / dt), dtype=np.intp)

    def _env(self, names: Sequence[str], config: EnvConfig, seed: int, *, in_order: bool) -> WalkEnv:
        self.require(names)
        env = WalkEnv(self.body, config, seed)
        listed = [self._commands[n] for n in names]
        env.reference.commands = ListedCommands(listed, config.task, config.envs, env.rng, in_order=in_order)
        env.reset(np.arange(config.envs))
        return env

    def prepare(self, env: TrackingEnv, policy: MusclePolicy, seed: int) -> dict[str, float]:
        return fit_decoder(env, policy.decoder, seed)
