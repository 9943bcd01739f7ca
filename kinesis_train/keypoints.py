"""Where the key bodies are on the reference: forward kinematics of the gait table, tabulated once."""

from dataclasses import replace

import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_control.motion.gait_table import GaitTable
from kinesis_control.motion.generator import MOVING, GaitGenerator
from kinesis_sim.bodies import Body

Array = NDArray[np.float64]


class KeypointTable:
    """Key-body positions over speed and phase, in the frame of the path (x ahead, y left, origin on the floor)."""

    def __init__(self, body: Body, table: GaitTable) -> None:
        m, data, b = body.model, mujoco.MjData(body.model), len(body.key_body_ids)
        points = np.zeros((*table.joint.shape[:2], b, 3))
        qpos = body.standing_qpos.copy()
        for s in range(points.shape[0]):
            for p in range(points.shape[1]):
                qpos[:3] = (0.0, table.root_sway[s, p], table.root_height[s, p])
                qpos[body.joint_qpos_adr] = table.joint[s, p]
                data.qpos[:] = body.coupling.fill(qpos)
                mujoco.mj_kinematics(m, data)
                points[s, p] = data.xpos[body.key_body_ids]
        self.joints, self.bodies = table.joint.shape[-1], b
        # The key points ride in the joint channel of a second table, so that one interpolation serves both.
        self.table = replace(table, joint=np.concatenate([table.joint, points.reshape(*points.shape[:2], -1)], axis=-1))

    def at(self, generator: GaitGenerator) -> tuple[Array, Array, Array]:
        """Key-body positions (n, B, 3) and velocities (n, B, 3) in odom, and joints (n, n_joints), of the present reference."""
        values, slopes = self.table.sample(generator.speed, generator.phase)
        rate = np.where(generator.speed > MOVING, self.table.rate(generator.speed), 0.0)[:, None, None]
        stop = self.joints + 3 * self.bodies
        local = values[:, self.joints : stop].reshape(-1, self.bodies, 3)
        local_velocity = rate * slopes[:, self.joints : stop].reshape(-1, self.bodies, 3)
        local_velocity[..., 0] += generator.speed[:, None]
        c, s = np.cos(generator.yaw)[:, None], np.sin(generator.yaw)[:, None]
        position = np.stack([c * local[..., 0] - s * local[..., 1], s * local[..., 0] + c * local[..., 1], local[..., 2]], axis=-1)
        position[..., :2] += generator.position[:, None, :]
        x, y = local_velocity[..., 0], local_velocity[..., 1]
        velocity = np.stack([c * x - s * y, s * x + c * y, local_velocity[..., 2]], axis=-1)
        return position, velocity, values[:, : self.joints]
