"""Plays a clip as the reference, from where the reference is now."""

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyState
from kinesis_control.motion.clip import MotionClip
from kinesis_control.motion.frames import Alignment, Frames, Inertia
from kinesis_control.motion.generator import heading
from kinesis_control.reference import ReferenceWindow

Array = NDArray[np.float64]


class ClipPlayer:
    """One clip, its place on the floor, and the blend into it and over its repetitions.

    Every window here begins with a row for the present instant (time offset 0).
    """

    def __init__(self, clip: MotionClip, rate: float, inertia: Inertia, *, follows: bool = True) -> None:
        """`rate`: time in the clip per time of the graph; `follows`: whether the clip is drawn after the body, or stays where it was laid."""
        self._frames, self._rate, self._inertia, self._follows = Frames(clip), rate, inertia, follows
        self._alignment, self._count, self._begun = Alignment(), 0, False

    def update(self, state: BodyState, clip_time: float, repetition: int, window: ReferenceWindow, before: ReferenceWindow, dt: float) -> None:
        """Fill `window` for a place in the clip.

        Args:
            clip_time: place of the present instant [s].
            repetition: number of the present repetition; a new one begins where the last one has come to.
            before: window of the last tick, whatever made it.
            dt: time since then [s].
        """
        if self._begun and repetition == self._count:
            self._fill(clip_time, window)
        else:
            self._enter(clip_time, window, before, dt)
        self._inertia.apply(window, dt)
        if self._follows and self._begun and repetition == self._count:
            self._alignment.follow(state, window, dt)
        self._begun, self._count = True, repetition
        window.seq, window.stamp_ns = state.seq, state.stamp_ns
        window.phase[...] = clip_time / max(self._frames.duration_s, 1e-9)

    def _enter(self, clip_time: float, window: ReferenceWindow, before: ReferenceWindow, dt: float) -> None:
        """Lay the clip to where the reference is, and begin to blend."""
        self._frames.fill(clip_time + self._rate * window.time_offsets, window, self._rate)
        own_yaw = float(heading(window.root_quaternion[0]))
        self._alignment.place(window.root_position[0], own_yaw, before.root_position[0], float(heading(before.root_quaternion[0])))
        self._alignment.apply(window)
        self._inertia.start(before, window, dt)

    def _fill(self, clip_time: float, window: ReferenceWindow) -> None:
        self._frames.fill(clip_time + self._rate * window.time_offsets, window, self._rate)
        self._alignment.apply(window)


def tracking_errors(state: BodyState, window: ReferenceWindow) -> tuple[float, float]:
    """Mean |reference - body| over the joints [rad] and horizontal distance of the roots [m], both at the present instant (row 0)."""
    joints = float(np.abs(window.joint_position[0] - state.joint_position).mean())
    apart = window.root_position[0, :2] - state.root_position[:2]
    return joints, float(np.hypot(apart[0], apart[1]))
