"""A recorded motion of a person as a file gave it: a skeleton over time, in metres, z up, before any body is known."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

ROLES = (
    "pelvis", "spine", "chest", "neck", "head",
    "hip_l", "knee_l", "ankle_l", "toe_l", "hip_r", "knee_r", "ankle_r", "toe_r",
    "shoulder_l", "elbow_l", "wrist_l", "shoulder_r", "elbow_r", "wrist_r",
)  # fmt: skip
"""Names of the places every skeleton is read as, whatever its own joint names are."""


@dataclass(frozen=True, kw_only=True)
class SourceMotion:
    """F frames of a skeleton of J joints.

    Attributes:
        name: of the clip, the file's stem.
        rate_hz: frames per second.
        joint_names: as in the file; shape J.
        parents: index of each joint's parent, -1 at the root; shape (J,).
        position: of every joint in the world, shape (F, J, 3), z up [m].
        rotation: of every joint's frame in the world, shape (F, J, 4), wxyz; identity in the rest pose of a BVH file,
            the bone's own axes as of the rest pose for ASF/AMC.
        rest_position: joints of the skeleton's rest pose, shape (J, 3), z up [m].
        roles: role (one of ROLES) -> joint name; hips, knees, ankles and pelvis are always there.
        problems: what was found wrong with frames or file and what was done about it.
        source: where it came from, licence and credits, for the library; keys "file", "dataset", "licence", "credit", "sha256".
        units, up: what the file's numbers and axes were read as, for example "cm" and "y".
    """

    name: str
    rate_hz: float
    joint_names: tuple[str, ...]
    parents: NDArray[np.int64]
    position: Array
    rotation: Array
    rest_position: Array
    roles: Mapping[str, str]
    problems: tuple[str, ...] = ()
    source: Mapping[str, str] = field(default_factory=dict)
    units: str = "m"
    up: str = "z"

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.position)

    @property
    def duration_s(self) -> float:
        """From the first frame to the last [s]."""
        return (self.frames - 1) / self.rate_hz

    def joint(self, role: str) -> int:
        """Index of the joint with a role; KeyError where the skeleton has none."""
        return self.joint_names.index(self.roles[role])
