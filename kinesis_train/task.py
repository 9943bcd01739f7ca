"""The stand-and-walk task: commands, starts, reward and end of an episode, for a batch of bodies."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kinesis_control.motion.command import MotionCommand

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class TaskConfig:
    """What is practised.

    Attributes:
        min_speed, max_speed: range of commanded walking speeds [m/s].
        stand_share: share of commands that are "stand".
        turn_share: share of walking commands that also turn.
        max_turn: largest turn rate commanded while walking [rad/s].
        back_share, max_back: share of commands that walk backward, and how fast at most [m/s].
        side_share, max_lateral: share of commands that step aside, and how fast at most [m/s].
        spin_share, max_spin: share of commands that turn in place, and how fast at most [rad/s].
        creep_share, creep: share of commands that go slowly any way at once, as the end of a path to a goal does, and
            how fast at most ahead, sideways [m/s] and turning [rad/s]; backward half as fast as ahead.
        hold: shortest and longest time a command is kept [s]; short ones are drawn more often (evenly in the logarithm).
        walk_starts: share of episodes that start in the middle of a walk (reference-state starts).
        excitation_noise: standard deviation of the noise on every excitation, redrawn each control tick.
        push_interval: mean time between pushes [s].
        push_speed: standard deviation of the change of root velocity that a push makes [m/s].
        episode: longest episode [s].
        key_error: an episode ends when a key body is further than this from its reference [m].
        slew_per_s: largest change of an excitation per second; the body's edge enforces the same.
        free_share: share of the episodes whose reference goes its way through the world, in place of following the body softly.
        start_noise: size of the random differences that an episode starts with; 0 starts on the reference.
    """

    min_speed: float = 0.6
    max_speed: float = 1.1
    stand_share: float = 0.2
    turn_share: float = 0.2
    max_turn: float = 0.3
    back_share: float = 0.0
    max_back: float = 0.5
    side_share: float = 0.0
    max_lateral: float = 0.3
    spin_share: float = 0.0
    max_spin: float = 0.8
    creep_share: float = 0.0
    creep: tuple[float, float, float] = (0.4, 0.2, 0.5)
    hold: tuple[float, float] = (2.5, 8.0)
    walk_starts: float = 0.6
    excitation_noise: float = 0.02
    push_interval: float = 4.0
    push_speed: float = 0.05
    episode: float = 20.0
    key_error: float = 0.3
    slew_per_s: float = 24.0
    free_share: float = 0.0
    start_noise: float = 1.0


CURRICULUM: tuple[tuple[int, TaskConfig], ...] = (
    (0, TaskConfig()),
    (
        2_200_000,
        TaskConfig(
            min_speed=0.3, max_speed=1.2, stand_share=0.25, turn_share=0.35, max_turn=0.5, back_share=0.25, side_share=0.15, spin_share=0.1,
            creep_share=0.15, hold=(1.5, 10.0), excitation_noise=0.03, push_speed=0.10,
        ),
    ),
    (
        6_000_000,
        TaskConfig(
            min_speed=0.2, max_speed=1.4, stand_share=0.35, turn_share=0.35, max_turn=0.6, back_share=0.2, side_share=0.15, spin_share=0.1,
            creep_share=0.25, hold=(0.7, 15.0), walk_starts=0.4, excitation_noise=0.03, push_speed=0.10, episode=60.0,
        ),
    ),
    (
        10_000_000,
        TaskConfig(
            min_speed=0.2, max_speed=1.4, stand_share=0.3, turn_share=0.35, max_turn=0.6, back_share=0.25, side_share=0.15, spin_share=0.1,
            creep_share=0.2, hold=(1.5, 15.0), walk_starts=0.3, excitation_noise=0.03, push_speed=0.10, episode=60.0,
        ),
    ),
)  # fmt: skip
"""Environment steps from which a task is practised: first to walk at all; then every direction, with pushes; then, short commands
and long episodes, as goals need them; last, for long."""


@dataclass(frozen=True, kw_only=True)
class RewardWeights:
    """Weights and sharpness of the tracking reward; the form follows DeepMimic (Peng et al. 2018) and KINESIS.

    reward = sum_i weight_i exp(-sharpness_i error_i); errors are mean squares except effort (a mean), tilt and heading
    (one minus the cosine of the angle between body and reference). "muscles" are activations against those of the feed-forward.
    """

    position: tuple[float, float] = (0.40, 60.0)
    velocity: tuple[float, float] = (0.15, 3.0)
    joints: tuple[float, float] = (0.15, 10.0)
    tilt: tuple[float, float] = (0.20, 6.0)
    heading: tuple[float, float] = (0.0, 4.0)
    effort: tuple[float, float] = (0.10, 6.0)
    muscles: tuple[float, float] = (0.0, 40.0)


class CommandSampler:
    """Draws commands for a batch and redraws each when its time is over."""

    def __init__(self, config: TaskConfig, n: int, rng: np.random.Generator) -> None:
        self.config, self.rng = config, rng
        self.command = MotionCommand(speed=np.zeros(n), lateral=np.zeros(n), yaw_rate=np.zeros(n))
        self.left = np.zeros(n)

    def draw(self, which: NDArray[np.intp], *, stand_share: float | None = None) -> None:
        """New commands for the members `which`."""
        c, rng, k = self.config, self.rng, len(which)
        stand = rng.random(k) < (c.stand_share if stand_share is None else stand_share)
        # What a moving body does: one of five.
        spin, side, back, creep, walk = _one_of(rng.random(k), c.spin_share, c.side_share, c.back_share, c.creep_share)
        turn = walk & (rng.random(k) < c.turn_share)
        speed = np.where(back, -rng.uniform(0.3 * c.max_back, c.max_back, k), rng.uniform(c.min_speed, c.max_speed, k))
        lateral = rng.choice((-1.0, 1.0), k) * rng.uniform(0.3 * c.max_lateral, c.max_lateral, k)
        spinning = rng.choice((-1.0, 1.0), k) * rng.uniform(0.3 * c.max_spin, c.max_spin, k)
        turning = rng.uniform(-c.max_turn, c.max_turn, k)
        creeping = rng.uniform(-1.0, 1.0, (k, 3)) * c.creep
        creeping[:, 0] = np.where(creeping[:, 0] < 0.0, 0.5 * creeping[:, 0], creeping[:, 0])
        kinds = [stand | side | spin, creep]
        self.command.speed[which] = np.select(kinds, [0.0, creeping[:, 0]], speed)
        self.command.lateral[which] = np.select([stand, side, creep], [0.0, lateral, creeping[:, 1]], 0.0)
        self.command.yaw_rate[which] = np.select([stand, spin, creep, turn], [0.0, spinning, creeping[:, 2], turning], 0.0)
        self.left[which] = np.exp(rng.uniform(*np.log(c.hold), k))

    def tick(self, dt: float) -> None:
        """Let time pass; commands that ran out are redrawn."""
        self.left -= dt
        over = np.flatnonzero(self.left <= 0.0)
        if len(over):
            self.draw(over)


def _one_of(u: Array, *shares: float) -> tuple[NDArray[np.bool_], ...]:
    """Masks, one for each share of 0..1 that `u` falls into and a last one for the rest."""
    edges = np.concatenate([[0.0], np.cumsum(shares), [np.inf]])
    return tuple((u >= low) & (u < high) for low, high in pairwise(edges))


def tracking_reward(weights: RewardWeights, errors: dict[str, Array]) -> Array:
    """Reward (n,) in 0..1 from errors named as the fields of RewardWeights, each of shape (n,)."""
    total = np.zeros_like(errors["position"])
    for name, error in errors.items():
        weight, sharpness = getattr(weights, name)
        total += weight * np.exp(-sharpness * error)
    return total
