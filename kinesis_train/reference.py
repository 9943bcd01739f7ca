"""What a batch of bodies follows: where the reference comes from, apart from the physics that follow it.

A provider begins episodes, moves its window on, and says where the key bodies should be at the present instant. Several
providers share a batch: each has a range of its members and writes its part of one window.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyState
from kinesis_control.reference import ReferenceWindow
from kinesis_train.task import TaskConfig

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Mask = NDArray[np.bool_]


@dataclass(kw_only=True)
class Start:
    """Where k episodes begin: on the reference, before the small random differences.

    Attributes:
        position: of the root in odom; shape (k, 3) [m].
        yaw: first turn of base_link, about the vertical; shape (k,) [rad].
        lean: what is turned by it, wxyz; shape (k, 4). None: upright.
        velocity: of the root in odom; shape (k, 3) [m/s].
        spin: angular velocity about the axes of base_link; shape (k, 3) [rad/s].
        joints, joint_velocity: independent joints; shape (k, n_joints) [rad], [rad/s].
        activation: shape (k, n_muscles), 0..1.
    """

    position: Array
    yaw: Array
    lean: Array | None = None
    velocity: Array
    spin: Array
    joints: Array
    joint_velocity: Array
    activation: Array


@dataclass(kw_only=True)
class Target:
    """What is wanted at the present instant.

    Attributes:
        position, velocity: of the key bodies in odom; shape (n, B, 3) [m], [m/s].
        joints: shape (n, n_joints) [rad].
        up: the vertical in the frame of the reference root; shape (n, 3).
        heading: where the reference root looks, about the vertical; shape (n,) [rad].
        spin: roll and pitch rates of the reference root, in its own frame; shape (n, 2) [rad/s].
        activation: feed-forward; shape (n, n_muscles), 0..1.
    """

    position: Array
    velocity: Array
    joints: Array
    up: Array
    heading: Array
    spin: Array
    activation: Array


class Reference(ABC):
    """Provider of references for a batch.

    Attributes:
        window: filled in place by `update`; leading batch shape (n,).
    """

    window: ReferenceWindow

    @abstractmethod
    def begin(self, which: Index) -> Start:
        """New episodes for the members `which`; their window is filled by the next `update`."""

    @abstractmethod
    def update(self, state: BodyState, dt: float) -> None:
        """Let `dt` pass [s] and fill the window; 0 fills it anew for members that just began."""

    @abstractmethod
    def target(self) -> Target:
        """What is wanted now, as of the last `update`."""

    @abstractmethod
    def key_error(self) -> Array:
        """How far a key body may be from its target before an episode fails; shape (n,) [m]."""

    @abstractmethod
    def over(self, age: Index, dt: float) -> Mask:
        """Members whose time is up, of episodes that are `age` ticks of `dt` [s] old; shape (n,)."""

    @abstractmethod
    def practise(self, task: TaskConfig) -> None:
        """Take up another task; running episodes go on under it."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """All that must be kept to go on with the running episodes."""

    @abstractmethod
    def load(self, state: dict[str, Any]) -> None:
        """Take up what `state` gave."""

    def learn(self, which: Index, failed: Mask) -> None:  # noqa: B027 - most providers have nothing to learn
        """Take note of how the episodes of the members `which` ended; `failed` has the shape of `which`."""


def part_of_window(window: ReferenceWindow, part: slice) -> ReferenceWindow:
    """A window whose arrays are views of some members of a batched one."""
    values = {f.name: getattr(window, f.name) for f in fields(window)}
    return ReferenceWindow(**{k: v[part] if isinstance(v, np.ndarray) and k != "time_offsets" else v for k, v in values.items()})


def part_of_state(state: BodyState, part: slice) -> BodyState:
    """A state whose arrays are views of some members of a batched one."""
    return BodyState(**{name: array[part] for name, array in state.arrays().items()})


class Mixture(Reference):
    """Several providers, one after the other, in one batch.

    Attributes:
        parts: the providers.
        ranges: members of each.
    """

    def __init__(self, window: ReferenceWindow, state: BodyState, parts: Sequence[tuple[int, Callable[[ReferenceWindow], Reference]]]) -> None:
        """`parts`: number of members, and what makes the provider from its part of the window."""
        self.window, self.parts, self.ranges, self._states = window, [], [], []  # type: ignore[var-annotated]
        at = 0
        for size, make in parts:
            piece = slice(at, at + size)
            self.ranges.append(piece)
            self.parts.append(make(part_of_window(window, piece)))
            self._states.append(part_of_state(state, piece))
            at += size

    def begin(self, which: Index) -> Start:
        pieces = [(part, which[(which >= r.start) & (which < r.stop)] - r.start) for part, r in zip(self.parts, self.ranges, strict=True)]
        starts = [part.begin(local) for part, local in pieces if len(local)]
        places = np.concatenate([local + r.start for (_, local), r in zip(pieces, self.ranges, strict=True)])
        order = np.argsort(places)[np.argsort(np.argsort(which))]
        joined: dict[str, Any] = {}
        for field in fields(Start):
            values = [_lean(s) if field.name == "lean" else getattr(s, field.name) for s in starts]
            joined[field.name] = np.concatenate(values)[order]
        return Start(**joined)

    def update(self, state: BodyState, dt: float) -> None:
        for part, own in zip(self.parts, self._states, strict=True):
            part.update(own, dt)

    def target(self) -> Target:
        targets = [part.target() for part in self.parts]
        return Target(**{f.name: np.concatenate([getattr(t, f.name) for t in targets]) for f in fields(Target)})

    def key_error(self) -> Array:
        return np.concatenate([part.key_error() for part in self.parts])

    def over(self, age: Index, dt: float) -> Mask:
        return np.concatenate([part.over(age[r], dt) for part, r in zip(self.parts, self.ranges, strict=True)])

    def practise(self, task: TaskConfig) -> None:
        for part in self.parts:
            part.practise(task)

    def state(self) -> dict[str, Any]:
        return {str(i): part.state() for i, part in enumerate(self.parts)}

    def load(self, state: dict[str, Any]) -> None:
        for i, part in enumerate(self.parts):
            part.load(state[str(i)])

    def learn(self, which: Index, failed: Mask) -> None:
        for part, r in zip(self.parts, self.ranges, strict=True):
            mine = (which >= r.start) & (which < r.stop)
            if mine.any():
                part.learn(which[mine] - r.start, failed[mine])


def _lean(start: Start) -> Array:
    return np.tile([1.0, 0.0, 0.0, 0.0], (len(start.yaw), 1)) if start.lean is None else start.lean
