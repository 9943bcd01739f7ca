"""What evaluation works on: one life of one body under one policy, as arrays over its control ticks.

An Episode begins where a body starts or is reset and ends at the next reset, at the end of the recording, or where the
body or the policy changes. It holds plain arrays; where they come from (a bag, a simulation in this process) is not its
business. Everything that was not recorded is NaN, or an empty tuple of events: a metric says "missing" then, it never
guesses.

Two ways to compute, so that a recording of any length fits in bounded memory:

  * Accumulators take the episode in pieces: `update(chunk)` for each chunk in order, `result()` at the end. A chunk is
    itself an Episode (`episode.slice(a, b)` or one that was just read); chunk borders may fall anywhere and change no
    result. One accumulator serves one episode. Events (goals, texts, pushes, status) belong to the chunk in which their
    stamp lies.
        imitation.ImitationScore            success, coverage, MPJPE of one clip
        movement.MovementScore              speed, velocity error, smoothness, energy, cost of transport, foot skate
        gait_cycles.GaitCycles              gait events, cycles and muscle envelopes over the cycle; emg.* work on its
                                            result
        tasks.TaskScore                     goals, velocity following, texts, falls, pushes, kicks
  * Functions over whole arrays are for what is short (one clip, one envelope) or for plots, on `downsample`d episodes.

Every result turns into `Figure`s (figure.py): a value with unit, interval and n, or the reason why it is missing.

Time: all stamps are on the clock of the graph [ns] and do not fall within an episode. Ticks that were lost leave a gap
in `stamp_ns` and `seq`; nothing is filled in. The recorded reference is a window that looks ahead: `reference_*` here
is what was meant for the tick's OWN stamp, that is the frame whose window stamp + time offset is this stamp
(interpolated between frames where none falls on it), NaN before the first. Frames and units are those of BodyState and
ReferenceWindow: odom for positions, base_link for twists, quaternions wxyz."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyDescription
from kinesis_control.errors import LayoutError
from kinesis_control.evaluate.events import Goal, GoalEnd, GoalFrame, Push, StatusEvent, Text

Array = NDArray[np.float64]

Kinematics = Callable[[Array, Array, Array], Array]
"""(root_position (T, 3), root_quaternion (T, 4) wxyz, joint_position (T, n_joints)) -> key-body positions (T, B, 3) in
odom [m]. It comes from the side that knows the body's model, and is used for the body and for its reference alike."""


@dataclass(frozen=True, kw_only=True)
class Episode:
    """T ticks of one body. Floating arrays hold NaN where nothing was recorded; `blank` makes one to be filled.

    Attributes:
        body: constant facts of the body: names and order of muscles, joints, contact regions and key bodies; mass.
        source: where it comes from, for example "walk.bag, episode 0".
        policy: file name of the policy; empty where unknown.
        policy_sha256: of that file; empty where unknown.
        seed: of the world; None where unknown.
        stamp_ns: shape (T,), int64, rising [ns].
        seq: shape (T,), int64, number of the state.
        fallen: shape (T,), bool, the fall detector has latched.
        motion: shape (T,), str, name of the reference motion (clip); "" where unknown.
        root_position, root_linear_velocity, root_angular_velocity: shape (T, 3); root_quaternion: shape (T, 4).
        joint_position, joint_velocity: shape (T, n_joints).
        muscle_length, muscle_velocity, muscle_tension, muscle_activation: shape (T, n_muscles).
        contact_force: shape (T, n_contacts) [N].
        excitation: shape (T, n_muscles), the command that answered this tick's state, 0..1.
        velocity_command: shape (T, 3): forward and left speed [m/s] and yaw rate [rad/s], in the heading frame, as
            asked for at this tick.
        reference_root_position (T, 3), reference_root_quaternion (T, 4), reference_root_linear_velocity (T, 3), in the
        reference's root frame,
            reference_joint_position (T, n_joints), reference_joint_velocity (T, n_joints), reference_contact (T,
            n_contacts).
        key_body_position, reference_key_body_position: shape (T, B, 3), in odom [m].
        ball_position: shape (T, 3), centre of a ball in odom [m].
        goal_frame: where a ball has to go; None where unknown.
        keeper: name of the policy of the goalkeeper; empty where there is none, or it is unknown.
        goals, goal_ends, texts, pushes, events: by rising stamp; a text comes with the chunk in which it is over.
    """

    body: BodyDescription
    source: str = ""
    policy: str = ""
    policy_sha256: str = ""
    seed: int | None = None
    stamp_ns: NDArray[np.int64]
    seq: NDArray[np.int64]
    fallen: NDArray[np.bool_]
    motion: NDArray[np.str_]
    root_position: Array
    root_quaternion: Array
    root_linear_velocity: Array
    root_angular_velocity: Array
    joint_position: Array
    joint_velocity: Array
    muscle_length: Array
    muscle_velocity: Array
    muscle_tension: Array
    muscle_activation: Array
    contact_force: Array
    excitation: Array
    velocity_command: Array
    reference_root_position: Array
    reference_root_quaternion: Array
    reference_root_linear_velocity: Array
    reference_joint_position: Array
    reference_joint_velocity: Array
    reference_contact: Array
    key_body_position: Array
    reference_key_body_position: Array
    ball_position: Array
    goal_frame: GoalFrame | None = None
    keeper: str = ""
    goals: tuple[Goal, ...] = ()
    goal_ends: tuple[GoalEnd, ...] = ()
    texts: tuple[Text, ...] = ()
    pushes: tuple[Push, ...] = ()
    events: tuple[StatusEvent, ...] = ()

    def __post_init__(self) -> None:
        expected = shapes(self.body, len(self.stamp_ns))
        wrong = [f"{k}: got {getattr(self, k).shape}, expected {v}" for k, v in expected.items() if getattr(self, k).shape != v]
        if wrong:
            raise LayoutError(f"episode '{self.source}' does not fit body '{self.body.name}': " + "; ".join(wrong))

    @classmethod
    def blank(cls, body: BodyDescription, ticks: int, **facts: Any) -> "Episode":
        """Nothing recorded: NaN everywhere, stamps and numbers zero, no motion names, ready to be filled in place.

        Args:
            body: its facts.
            ticks: T.
            facts: other fields, for example source="walk.bag" or arrays that are known already.
        """
        arrays: dict[str, Any] = {name: np.full(shape, np.nan) for name, shape in shapes(body, ticks).items() if name not in facts}
        plain = {"stamp_ns": np.int64, "seq": np.int64, "fallen": np.bool_, "motion": np.dtype("U128")}
        arrays |= {name: np.zeros(ticks, dtype) for name, dtype in plain.items() if name not in facts}
        return cls(body=body, **arrays, **facts)

    def __len__(self) -> int:
        return len(self.stamp_ns)

    @property
    def time_s(self) -> Array:
        """Time since the first tick, shape (T,) [s]."""
        return 1e-9 * (self.stamp_ns - self.stamp_ns[0]) if len(self) else np.zeros(0)

    def slice(self, start: int, stop: int) -> "Episode":
        """Ticks start..stop (without stop) and the events from the first of them up to the first tick left out; arrays are views."""
        start, stop = max(start, 0), min(stop, len(self))
        piece: dict[str, Any] = {name: getattr(self, name)[start:stop] for name in shapes(self.body, 0)}
        first = self.stamp_ns[start] if start > 0 and start < len(self) else None
        end = self.stamp_ns[stop] if stop < len(self) else None
        piece |= {name: _between(getattr(self, name), first, end) for name in EVENTS}
        return replace(self, **piece)

    def downsample(self, every: int) -> "Episode":
        """Every `every`-th tick, with all events; for plots."""
        return replace(self, **{name: getattr(self, name)[::every] for name in shapes(self.body, 0)})

    def chunks(self, ticks: int) -> "Iterator[Episode]":
        """The episode in pieces of so many ticks."""
        for start in range(0, len(self), ticks):
            yield self.slice(start, start + ticks)

    def with_kinematics(self, kinematics: Kinematics) -> "Episode":
        """With key bodies of body and reference computed wherever they are not recorded."""
        reached = _filled(self.key_body_position, kinematics, self.root_position, self.root_quaternion, self.joint_position)
        meant = _filled(
            self.reference_key_body_position, kinematics, self.reference_root_position, self.reference_root_quaternion, self.reference_joint_position
        )
        return replace(self, key_body_position=reached, reference_key_body_position=meant)


EVENTS = ("goals", "goal_ends", "texts", "pushes", "events")


def shapes(body: BodyDescription, ticks: int) -> dict[str, tuple[int, ...]]:
    """Shape of every array of an episode."""
    n, j, c, b = len(body.muscles), len(body.joint_names), len(body.contact_names), len(body.key_body_names)
    result: dict[str, tuple[int, ...]] = dict.fromkeys(("stamp_ns", "seq", "fallen", "motion"), (ticks,))
    for prefix in ("", "reference_"):
        result |= {f"{prefix}root_position": (ticks, 3), f"{prefix}root_quaternion": (ticks, 4), f"{prefix}root_linear_velocity": (ticks, 3)}
        result |= {f"{prefix}joint_position": (ticks, j), f"{prefix}joint_velocity": (ticks, j), f"{prefix}key_body_position": (ticks, b, 3)}
    result |= dict.fromkeys(("root_angular_velocity", "velocity_command", "ball_position"), (ticks, 3))
    result |= dict.fromkeys(("muscle_length", "muscle_velocity", "muscle_tension", "muscle_activation", "excitation"), (ticks, n))
    return result | {"contact_force": (ticks, c), "reference_contact": (ticks, c)}


def concatenate(parts: Sequence[Episode]) -> Episode:
    """Consecutive chunks of one episode as one.

    Raises:
        LayoutError: no part, or parts of different bodies.
    """
    if not parts or any(p.body != parts[0].body for p in parts):
        raise LayoutError(f"expected chunks of one body, got {sorted({p.body.name for p in parts})}")
    joined: dict[str, Any] = {name: np.concatenate([getattr(p, name) for p in parts]) for name in shapes(parts[0].body, 0)}
    joined |= {name: tuple(e for p in parts for e in getattr(p, name)) for name in EVENTS}
    return replace(parts[0], **joined)


def runs(motion: NDArray[np.str_]) -> list[tuple[str, int, int]]:
    """Stretches of one motion name: (name, first tick, tick after the last)."""
    if not len(motion):
        return []
    borders = [0, *(np.flatnonzero(motion[1:] != motion[:-1]) + 1).tolist(), len(motion)]
    return [(str(motion[a]), a, b) for a, b in pairwise(borders)]


def _between(events: tuple[Any, ...], first: int | None, end: int | None) -> tuple[Any, ...]:
    return tuple(e for e in events if (first is None or e.stamp_ns >= first) and (end is None or e.stamp_ns < end))


def _filled(known: Array, kinematics: Kinematics, root: Array, quaternion: Array, joints: Array) -> Array:
    """`known` with its missing ticks computed, where the pose is known."""
    absent = np.isnan(known).any(axis=(1, 2))
    pose_known = np.isfinite(root).all(axis=1) & np.isfinite(quaternion).all(axis=1) & np.isfinite(joints).all(axis=1)
    todo = absent & pose_known
    if not todo.any():
        return known
    result = known.copy()
    result[todo] = kinematics(root[todo], quaternion[todo], joints[todo])
    return result
