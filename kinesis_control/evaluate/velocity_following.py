"""How well a body follows velocity commands.

velocity error      mean over ticks of |v - v_cmd|, v horizontal in the heading frame. It holds the sway of every
                    step: nobody brings it to 0
mean velocity error the same of means over 2.5 s under one unchanged command, weighted by a Hann window. That is two
                    strides, and such a mean lets nothing faster than 0.8 a second through: the sway is out of it
heading error       mean over ticks of |heading - (heading when the command came + its yaw rate integrated since)|
settling            time from a new command until the mean over the 2.5 s around a tick stays within max(0.1 m/s, 10 %)
                    of the command. Commands that last less than 4 s are not judged
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kinesis_control.evaluate.episode import Episode
from kinesis_control.evaluate.figure import Figure
from kinesis_control.evaluate.movement import to_odom
from kinesis_control.evaluate.statistics import mean_figure
from kinesis_control.motion.generator import heading, wrap

Array = NDArray[np.float64]

MEAN_S = 2.5
SETTLED_M_S, SETTLED_SHARE = 0.1, 0.1
LEAST_COMMAND_S = 4.0
WATCHED_S = 10.0
"""A command is watched for settling no longer than this [s]."""
SAME = 1e-3
MAX_STEP_S = 0.1


@dataclass
class _Segment:
    """The time under one command.

    Attributes: command (3,); start_ns; heading at its start; turned, yaw rate integrated; times and velocities while
        watched.
    """

    command: Array
    start_ns: int
    heading: float
    turned: float = 0.0
    last_ns: int = 0
    times: list[float] = field(default_factory=list)
    velocities: list[Array] = field(default_factory=list)
    block: list[Array] = field(default_factory=list)
    block_start_ns: int = 0


class VelocityScore:
    """Takes in an episode chunk by chunk; the caller ends it at the fall."""

    def __init__(self) -> None:
        self._segment: _Segment | None = None
        self._error = self._heading_error = 0.0
        self._ticks = 0
        self._block_errors: list[float] = []
        self._settling: list[float] = []
        self._unsettled = 0

    def update(self, chunk: Episode) -> None:
        """Take in the next ticks."""
        velocity, yaw = heading_velocity(chunk)
        usable = np.isfinite(chunk.velocity_command.sum(axis=1) + velocity.sum(axis=1)).tolist()
        for i, stamp_ns in enumerate(chunk.stamp_ns.tolist()):
            if not usable[i]:
                self._close()
                continue
            command, segment = chunk.velocity_command[i], self._segment
            if segment is None or np.abs(command - segment.command).max() > SAME or stamp_ns - segment.last_ns > 1e9 * MAX_STEP_S:
                self._close()
                segment = self._segment = _Segment(command.copy(), stamp_ns, float(yaw[i]), last_ns=stamp_ns, block_start_ns=stamp_ns)
            self._take(segment, stamp_ns, velocity[i], float(yaw[i]))

    def result(self) -> list[Figure]:
        """Figures of everything taken in so far."""
        why = "no velocity was commanded while the body's own velocity was known"
        n = self._ticks
        settling = list(self._settling)
        unsettled = self._unsettled
        if self._segment is not None and (outcome := _settling_time(self._segment)) is not None:
            settling, unsettled = (settling, unsettled + 1) if np.isinf(outcome) else ([*settling, outcome], unsettled)
        why_never = f"none of {unsettled} command(s) settled" if unsettled else f"no command lasted {LEAST_COMMAND_S:g} s"
        note = f"{unsettled} command(s) never settled" if unsettled else ""
        return [
            Figure.of("velocity.error", self._error / n if n else float("nan"), "m/s", n=n, why=why),
            mean_figure("velocity.mean_error", np.array(self._block_errors), "m/s", note=f"of means over {MEAN_S:g} s", why=f"no command lasted {MEAN_S:g} s"),
            Figure.of("velocity.heading_error", self._heading_error / n if n else float("nan"), "rad", n=n, why=why),
            mean_figure("velocity.settling", np.array(settling), "s", note=note, why=why_never if n else why),
        ]

    def _take(self, s: _Segment, stamp_ns: int, velocity: Array, yaw: float) -> None:
        s.turned += float(s.command[2]) * 1e-9 * (stamp_ns - s.last_ns)
        s.last_ns = stamp_ns
        self._error += float(np.linalg.norm(velocity - s.command[:2]))
        self._heading_error += abs(float(wrap(np.array(yaw - s.heading - s.turned))))
        self._ticks += 1
        if stamp_ns - s.block_start_ns >= 1e9 * MEAN_S:
            mean = hann(np.arange(0.5, len(s.block)), 0.5 * len(s.block)) @ np.array(s.block)
            self._block_errors.append(float(np.linalg.norm(mean - s.command[:2])))
            s.block, s.block_start_ns = [], stamp_ns
        s.block.append(velocity)
        if stamp_ns - s.start_ns <= 1e9 * WATCHED_S:
            s.times.append(1e-9 * (stamp_ns - s.start_ns))
            s.velocities.append(velocity)

    def _close(self) -> None:
        if self._segment is not None and (outcome := _settling_time(self._segment)) is not None:
            if np.isinf(outcome):
                self._unsettled += 1
            else:
                self._settling.append(outcome)
        self._segment = None


def heading_velocity(chunk: Episode) -> tuple[Array, Array]:
    """Horizontal velocity forward and left of the heading, shape (T, 2) [m/s], and the heading itself, shape (T,) [rad]."""
    yaw = heading(chunk.root_quaternion)
    world = to_odom(chunk.root_quaternion, chunk.root_linear_velocity)
    c, s = np.cos(yaw), np.sin(yaw)
    return np.stack([c * world[:, 0] + s * world[:, 1], c * world[:, 1] - s * world[:, 0]], axis=1), yaw


def hann(at: Array, half: float) -> Array:
    """Weights of a Hann window from 0 to 2 half at the places `at`, shape (n,), with sum 1; 0 outside."""
    inside = np.abs(at - half) < half
    weights = np.where(inside, 1.0 + np.cos(np.pi * (at - half) / half), 0.0)
    result: Array = weights / weights.sum()
    return result


def _settling_time(segment: _Segment) -> float | None:
    """Time until the command was reached for good [s]; inf when it never was, None when it did not last long enough to tell."""
    if not segment.times or segment.times[-1] < LEAST_COMMAND_S:
        return None
    times, velocities = np.array(segment.times), np.array(segment.velocities)
    means = np.array([hann(times - t + 0.5 * MEAN_S, 0.5 * MEAN_S) @ velocities for t in times])
    limit = max(SETTLED_M_S, SETTLED_SHARE * float(np.linalg.norm(segment.command[:2])))
    outside = np.flatnonzero(np.linalg.norm(means - segment.command[:2], axis=1) > limit)
    if not outside.size:
        return 0.0
    last = int(outside[-1])
    return float(times[last + 1]) if last + 1 < len(times) and times[-1] - times[last] >= 0.5 * MEAN_S else float("inf")
