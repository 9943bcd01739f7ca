"""A window of future reference frames: what the motion side asks of the body over the next instants."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyDescription

Array = NDArray[np.float64]


@dataclass(kw_only=True)
class ReferenceWindow:
    """K future frames; every array may carry a leading batch shape `...`. Frames and units as in BodyState.

    Attributes:
        seq: number of the body state this window answers.
        stamp_ns: stamp of that state [ns]; frame k is meant for `stamp_ns + time_offsets[k]`.
        motion: name of what is being done, for example "stand", "walk".
        phase: gait phase at the stamp, 0..1, zero at right heel strike; shape (...).
        time_offsets: shape (K,), increasing [s].
        root_position: shape (..., K, 3), in odom [m].
        root_quaternion: shape (..., K, 4), wxyz.
        root_linear_velocity: shape (..., K, 3), in the reference's own root frame [m/s].
        root_angular_velocity: shape (..., K, 3), in the reference's own root frame [rad/s].
        joint_position, joint_velocity: shape (..., K, n_joints), independent joints [rad], [rad/s].
        contact: shape (..., K, n_contacts), 1 where the foot region is meant to be loaded, else 0.
        key_body_position: shape (..., K, B, 3), in odom [m]; B = 0 where the source knows no kinematics.
    """

    seq: int = 0
    stamp_ns: int = 0
    motion: str = "stand"
    phase: Array = field(default_factory=lambda: np.zeros(()))
    time_offsets: Array
    root_position: Array
    root_quaternion: Array
    root_linear_velocity: Array
    root_angular_velocity: Array
    joint_position: Array
    joint_velocity: Array
    contact: Array
    key_body_position: Array

    @classmethod
    def zeros(cls, body: BodyDescription, time_offsets: Array, batch: tuple[int, ...] = (), key_bodies: int = 0) -> "ReferenceWindow":
        """A window of zeros with identity orientation, to be filled in place."""
        k, j, c = len(time_offsets), len(body.joint_names), len(body.contact_names)
        quaternion = np.zeros((*batch, k, 4))
        quaternion[..., 0] = 1.0
        return cls(
            phase=np.zeros(batch),
            time_offsets=np.asarray(time_offsets, dtype=float),
            root_position=np.zeros((*batch, k, 3)),
            root_quaternion=quaternion,
            root_linear_velocity=np.zeros((*batch, k, 3)),
            root_angular_velocity=np.zeros((*batch, k, 3)),
            joint_position=np.zeros((*batch, k, j)),
            joint_velocity=np.zeros((*batch, k, j)),
            contact=np.zeros((*batch, k, c)),
            key_body_position=np.zeros((*batch, k, key_bodies, 3)),
        )
