"""Where the key bodies of a body are, from its pose alone: what evaluation asks of the side that knows the model."""

import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_sim.bodies import Body

Array = NDArray[np.float64]


class KeyBodyKinematics:
    """(root position, root quaternion, independent joints) -> key-body positions, the same ones that the world senses."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._data = mujoco.MjData(body.model)

    def __call__(self, root_position: Array, root_quaternion: Array, joint_position: Array) -> Array:
        """Positions in odom, shape (T, n_key_bodies, 3) [m].

        Args:
            root_position: `base_link` in odom, shape (T, 3) [m].
            root_quaternion: of `base_link`, wxyz, shape (T, 4).
            joint_position: independent joints, shape (T, n_joints) [rad]; dependent ones follow from the couplings.
        """
        body, data = self._body, self._data
        qpos = np.tile(body.standing_qpos, (len(root_position), 1))
        qpos[:, :3] = root_position
        qpos[:, body.joint_qpos_adr] = joint_position
        body.coupling.fill(qpos)
        result = np.zeros((len(qpos), len(body.key_body_ids), 3))
        for t, quaternion in enumerate(root_quaternion):
            data.qpos[:] = qpos[t]
            data.qpos[3:7] = body.root_quaternion_from_base(quaternion)
            mujoco.mj_kinematics(body.model, data)
            result[t] = data.xpos[body.key_body_ids]
        return result
