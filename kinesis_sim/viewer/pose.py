"""From a body state to what is drawn of it: where every bone is, and along which path every muscle runs."""

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_sim.bodies import Body

Array = NDArray[np.float64]

PULLEY = -2
"""Mark of a pulley among the objects along a path; it has no place of its own."""


@dataclass(frozen=True, kw_only=True)
class MusclePaths:
    """The line of every muscle from origin to insertion, over its via points and wrapping surfaces.

    Attributes:
        counts: points of each muscle; shape (n_muscles,).
        points: all of them in muscle order, in odom; shape (sum of counts, 3) [m].
    """

    counts: NDArray[np.intp]
    points: Array


class BodyPoser:
    """Kinematics for drawing, in an MjData of its own: root pose and independent joints give everything else.

    Attributes:
        data: holds the present pose.
    """

    def __init__(self, body: Body) -> None:
        model = body.model
        if (model.actuator_trntype != int(mujoco.mjtTrn.mjTRN_TENDON)).any():
            raise ValueError(f"body '{body.entry.name}' has actuators that are not muscles along a tendon")
        self._body, self.data = body, mujoco.MjData(model)
        self._tendons = model.actuator_trnid[:, 0].astype(np.intp)
        self._regions = [body.region_geom_ids(i) for i in range(len(body.entry.contact_regions))]

    def pose(self, root_position: Array, root_quaternion: Array, joint_position: Array) -> None:
        """Take a pose.

        Args:
            root_position: `base_link` in odom; shape (3,) [m].
            root_quaternion: of `base_link`, wxyz; shape (4,).
            joint_position: independent joints; shape (n_joints,) [rad].
        """
        body, data = self._body, self.data
        data.qpos[:] = body.standing_qpos
        data.qpos[:3] = root_position
        data.qpos[3:7] = body.root_quaternion_from_base(root_quaternion)
        data.qpos[body.joint_qpos_adr] = joint_position
        body.coupling.fill(data.qpos)
        mujoco.mj_kinematics(body.model, data)

    def transforms(self, body_ids: NDArray[np.intp]) -> Array:
        """Position [m] and wxyz quaternion in odom of model bodies; shape (n, 7)."""
        return np.concatenate([self.data.xpos[body_ids], self.data.xquat[body_ids]], axis=1)

    def contact_points(self) -> Array:
        """Where each contact region stands on the floor, in odom; shape (n_contacts, 3) [m]."""
        points = np.array([self.data.geom_xpos[geoms].mean(axis=0) for geoms in self._regions]).reshape(-1, 3)
        points[:, 2] = 0.0
        return points

    def muscle_paths(self) -> MusclePaths:
        """The paths of all muscles in the present pose."""
        model, data = self._body.model, self.data
        mujoco.mj_comPos(model, data)  # the tendons' moment arms, computed along with the paths, read it
        mujoco.mj_tendon(model, data)
        points, objects = data.wrap_xpos.reshape(-1, 3), data.wrap_obj.reshape(-1)
        first, count = data.ten_wrapadr[self._tendons], data.ten_wrapnum[self._tendons]
        starts = np.cumsum(count) - count
        rows = np.repeat(first - starts, count) + np.arange(int(count.sum()))
        places = objects[rows] != PULLEY
        owner = np.repeat(np.arange(len(count)), count)
        return MusclePaths(counts=np.bincount(owner[places], minlength=len(count)), points=points[rows[places]])
