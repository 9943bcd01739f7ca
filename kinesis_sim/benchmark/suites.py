"""The suites of `kinesis benchmark`: what is asked, for how long, and what counts as success. One table; docs/evaluation.md has the same.

Every case stands for SETTLE_S first, from a seeded random start, with 2 % noise on every excitation unless the table says otherwise.
Seeds of goals are the seeds of their cases, so that every policy is sent to the same places.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from kinesis_control.errors import ConfigurationError, UnknownNameError
from kinesis_sim.lockstep import ScheduledPush

SETTLE_S = 1.0
NOISE = 0.02
SPEEDS = (0.6, 0.9, 1.2)
VELOCITIES = (0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6)
NOISE_LEVELS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)
SQUARE_M = 4.0
GOAL_S, GOAL_AT_S = 20.0, 5.0
PUSH_N, PUSH_S, PUSH_AT_S = 100.0, 0.2, 6.0
DIRECTIONS = {"front": 180, "front_left": -135, "left": -90, "back_left": -45, "back": 0, "back_right": 45, "right": 90, "front_right": 135}
"""Where the push comes from -> direction of its force, left of straight ahead [degree]."""

STEADY_S = 4.0
"""Speeds are measured from this time after the command on [s]."""
SPEED_TOLERANCE = 0.15
"""A velocity counts as followed when the mean speed is this close [m/s]."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One run.

    Attributes:
        suite, kind: what it belongs to; figures are given for each kind.
        seed: of start, noise and goal.
        seconds: simulated time in all [s].
        noise, perturbation: as in `kinesis sim`.
        velocity: forward, left [m/s] and turn rate [rad/s] from SETTLE_S on; None for none.
        goal: place relative to the start [m]; None for none.
        clip: name in the library; empty for none.
        pushes: external forces.
        success: rule that the case is judged by, a name in `RULES`.
    """

    suite: str
    kind: str
    seed: int
    seconds: float
    noise: float = NOISE
    perturbation: float = 1.0
    velocity: tuple[float, float, float] | None = None
    goal: tuple[float, float] | None = None
    clip: str = ""
    pushes: tuple[ScheduledPush, ...] = ()
    success: str = "upright"

    @property
    def name(self) -> str:
        """Unique in a suite."""
        return f"{self.suite}-{self.kind}-seed{self.seed}".replace("/", "_")

    @property
    def label(self) -> str:
        """The same for people."""
        return f"{self.kind.replace('_', ' ') if not self.clip else self.clip}, seed {self.seed}"


RULES = {
    "upright": "no fall to the end",
    "velocity": f"no fall, and the mean speed from {STEADY_S:g} s after the command on within {SPEED_TOLERANCE:g} m/s of the command",
    "goal": "the goal is reached within 0.3 m, and no fall",
    "clip": "success@0.5: the mean over the key bodies never exceeds 0.5 m, and the clip is played to its end",
}
"""When a case counts as a success."""


@dataclass(frozen=True, kw_only=True)
class Suite:
    """One row of the table.

    Attributes:
        name, asks: what it is called and what it asks.
        seeds: usual number of seeds.
        make: seed -> cases of that seed; for imitation, seed and clips.
        per_clip: whether it needs a library.
    """

    name: str
    asks: str
    seeds: int
    make: Callable[[int], list[Case]]
    per_clip: bool = field(default=False)


def _walking(seed: int) -> list[Case]:
    cases = [Case(suite="walking", kind="stand", seed=seed, seconds=60.0)]
    cases += [Case(suite="walking", kind=f"walk_{v:g}", seed=seed, seconds=21.0, velocity=(v, 0.0, 0.0)) for v in SPEEDS]
    return cases + [
        Case(suite="walking", kind=f"turn_{side}", seed=seed, seconds=21.0, velocity=(0.8, 0.0, rate)) for side, rate in (("left", 0.3), ("right", -0.3))
    ]


def _velocity(seed: int) -> list[Case]:
    return [Case(suite="velocity", kind=f"v_{v:g}", seed=seed, seconds=16.0, velocity=(v, 0.0, 0.0), success="velocity") for v in VELOCITIES]


def _goals(seed: int) -> list[Case]:
    x, y = np.random.Generator(np.random.PCG64([seed, 0x60A1])).uniform(-SQUARE_M / 2, SQUARE_M / 2, 2)
    return [Case(suite="goals", kind="square", seed=seed, seconds=SETTLE_S + GOAL_S, goal=(float(x), float(y)), success="goal")]


def _push(seed: int) -> list[Case]:
    cases = []
    for what, velocity in (("stand", None), ("walk", (0.9, 0.0, 0.0))):
        for name, degree in DIRECTIONS.items():
            push = ScheduledPush(at_s=PUSH_AT_S, newton=PUSH_N, degree=float(degree), duration_s=PUSH_S)
            cases.append(Case(suite="push", kind=f"{what}_from_{name}", seed=seed, seconds=PUSH_AT_S + 6.0, velocity=velocity, pushes=(push,)))
    return cases


def _noise(seed: int) -> list[Case]:
    return [Case(suite="noise", kind=f"sd_{level:g}", seed=seed, seconds=21.0, noise=level, velocity=(0.9, 0.0, 0.0)) for level in NOISE_LEVELS]


SUITES = {
    s.name: s
    for s in (
        Suite(name="walking", asks="stand 60 s; walk 20 s at 0.6, 0.9 and 1.2 m/s; walk 20 s in curves of 0.3 rad/s", seeds=20, make=_walking),
        Suite(name="velocity", asks="walk 15 s at 0.4 to 1.6 m/s", seeds=10, make=_velocity),
        Suite(name="goals", asks="go to a place in a square of 4 x 4 m around the start; 20 s", seeds=100, make=_goals),
        Suite(name="push", asks="100 N for 0.2 s at the trunk from 8 sides, standing and walking at 0.9 m/s; 6 s to recover", seeds=5, make=_push),
        Suite(name="noise", asks="walk 20 s at 0.9 m/s with noise of 0 to 0.2 on every excitation", seeds=10, make=_noise),
        Suite(name="imitation", asks="follow every clip of the library, put on its first frame", seeds=1, make=lambda _: [], per_clip=True),
    )
}


def cases_of(suite: str, seeds: Sequence[int], clips: Sequence[tuple[str, float]] = ()) -> list[Case]:
    """Cases of a suite, in a fixed order.

    Args:
        clips: name and duration [s] of every clip, for the suite that plays them.

    Raises:
        UnknownNameError: no such suite.
        ConfigurationError: no seed, or a suite of clips without clips.
    """
    if suite not in SUITES:
        raise UnknownNameError("suite", suite, SUITES)
    if not seeds:
        raise ConfigurationError("a benchmark needs at least one seed")
    if not SUITES[suite].per_clip:
        return [case for seed in seeds for case in SUITES[suite].make(seed)]
    if not clips:
        raise ConfigurationError("suite 'imitation' needs clips: give a motion library with --library")
    return [
        Case(suite=suite, kind=name, seed=seed, seconds=duration + 0.1, noise=0.0, perturbation=0.0, clip=name, success="clip")
        for seed in seeds
        for name, duration in sorted(clips)
    ]
