"""A pose with its velocities, in the words of BodyState, and the coordinates of the model that it means."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinesis_control.motion.rotations import rotate
from kinesis_control.reference import ReferenceWindow
from kinesis_sim.bodies import Body

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Where a body is and how it moves.

    Attributes:
        position: of base_link in odom; shape (3,) [m].
        quaternion: of base_link in odom, wxyz; shape (4,).
        velocity, spin: of base_link, about its own axes; shape (3,) [m/s], [rad/s].
        joints, joint_velocity: independent joints; shape (n_joints,) [rad], [rad/s].
    """

    position: Array
    quaternion: Array
    velocity: Array
    spin: Array
    joints: Array
    joint_velocity: Array

    @classmethod
    def of_reference(cls, window: ReferenceWindow, row: int = 0) -> "Pose":
        """A frame of a reference."""
        w = window
        return cls(
            position=w.root_position[row].copy(), quaternion=w.root_quaternion[row].copy(), velocity=w.root_linear_velocity[row].copy(),
            spin=w.root_angular_velocity[row].copy(), joints=w.joint_position[row].copy(), joint_velocity=w.joint_velocity[row].copy(),
        )  # fmt: skip

    def coordinates(self, body: Body) -> tuple[Array, Array]:
        """qpos and qvel of the model; coupled joints follow, joints beyond their range are brought into it."""
        qpos, qvel = body.standing_qpos.copy(), np.zeros(body.model.nv)
        qpos[:3], qpos[3:7] = self.position, body.root_quaternion_from_base(self.quaternion)
        low, high = body.joint_range.T
        qpos[body.joint_qpos_adr] = np.clip(self.joints, low, high)
        qvel[:3] = rotate(self.quaternion, self.velocity)
        c, s = np.cos(body.entry.forward_yaw), np.sin(body.entry.forward_yaw)  # base_link is the root of the model, turned
        qvel[3:6] = c * self.spin[0] - s * self.spin[1], s * self.spin[0] + c * self.spin[1], self.spin[2]
        qvel[body.joint_dof_adr] = self.joint_velocity
        body.coupling.fill(qpos)
        body.coupling.fill_velocity(qpos, qvel)
        return qpos, qvel
