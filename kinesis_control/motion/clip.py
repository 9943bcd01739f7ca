"""A motion on one of our bodies: frames at a fixed rate, with what is known of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


MIRRORED = "@mirror"
"""End of the name of a mirrored copy."""


@dataclass(frozen=True, kw_only=True)
class GaitEvent:
    """A foot that comes down or leaves the floor.

    Attributes:
        time_s: from the start of the clip [s].
        side: "l" or "r".
        kind: "heel_strike", the first contact of the foot, or "toe_off", the last.
    """

    time_s: float
    side: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class MotionClip:
    """F frames; frames and units as in ReferenceWindow.

    Attributes:
        name: unique in its library; a mirrored copy ends in "@mirror".
        rate_hz: frames per second.
        root_position: shape (F, 3), floor at z = 0 [m].
        root_quaternion: shape (F, 4), wxyz.
        root_linear_velocity, root_angular_velocity: shape (F, 3), in the root's own frame [m/s], [rad/s].
        joint_position, joint_velocity: shape (F, n_joints), independent joints in the body's order [rad], [rad/s].
        key_body_position: shape (F, B, 3) [m].
        contact: shape (F, n_contacts), 1 where the foot region is loaded.
        descriptors: "duration_s", "mean_speed", "heading_change" [rad], "distance_m", "content" (walk, run, turn, ...) and so on.
        report: figures of the retargeting: "key_body_error_mm", "limit_hits", "foot_skate_mm_s", "penetration_mm", "tendon_jumps".
        source: "file", "dataset", "licence", "credit", "sha256" of the file it was made from.
        gait_events: in the order of time.
    """

    name: str
    rate_hz: float
    root_position: Array
    root_quaternion: Array
    root_linear_velocity: Array
    root_angular_velocity: Array
    joint_position: Array
    joint_velocity: Array
    key_body_position: Array
    contact: Array
    descriptors: Mapping[str, float | str] = field(default_factory=dict)
    report: Mapping[str, float] = field(default_factory=dict)
    source: Mapping[str, str] = field(default_factory=dict)
    gait_events: tuple[GaitEvent, ...] = ()

    @property
    def mirrored(self) -> bool:
        """Whether this is the mirrored copy of a recording."""
        return self.name.endswith(MIRRORED)

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.root_position)

    @property
    def duration_s(self) -> float:
        """From the first frame to the last [s]."""
        return (self.frames - 1) / self.rate_hz
