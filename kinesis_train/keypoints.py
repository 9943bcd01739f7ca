"""Where the key bodies are on the reference: forward kinematics of the gait table, tabulated once."""

from dataclasses import replace

import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_control.motion.gait_table import GaitTable
from kinesis_control.motion.generator import GaitGenerator
from kinesis_sim.bodies import Body

Array = NDArray[np.float64]


class KeypointTable:
    """Key-body positions over velocity and phase, in the frame of the path (x ahead, y left, origin on the floor)."""

    def __init__(self, body: Body, table: GaitTable) -> None:
        m, data, b = body.model, mujoco.MjData(body.model), len(body.key_body_ids)
        points = np.zeros((*table.joint.shape[:4], b, 3))
        qpos = body.standing_qpos.copy()
        for place in np.ndindex(points.shape[:4]):
            qpos[:3] = (0.0, table.root_sway[place], table.root_height[place])
            qpos[body.joint_qpos_adr] = table.joint[place]
            data.qpos[:] = body.coupling.fill(qpos)
            mujoco.mj_kinematics(m, data)
            points[place] = data.xpos[body.key_body_ids]
        self.bodies = b
        # The key points ride in the joint channel of a second table, so that one interpolation serves both.
        self.table = replace(table, joint=points.reshape(*points.shape[:4], -1))

    def at(self, generator: GaitGenerator) -> tuple[Array, Array, Array]:
        """Key-body positions (n, B, 3) and velocities (n, B, 3) in odom, and joints (n, n_joints), of the present reference."""
        gait = self.table.sample(self.table.cell(generator.velocity), generator.phase, generator.acceleration)
        change = generator.rate[:, None] * gait.slope + gait.drift
        local, moved = (a[:, : 3 * self.bodies].reshape(-1, self.bodies, 3) for a in (gait.value, change))
        forward, lateral, turn = (generator.velocity[:, i, None] for i in range(3))
        x, y = local[..., 0], local[..., 1]
        vx, vy = moved[..., 0] + forward - turn * y, moved[..., 1] + lateral + turn * x
        c, s = np.cos(generator.yaw)[:, None], np.sin(generator.yaw)[:, None]
        position = np.stack([c * x - s * y, s * x + c * y, local[..., 2]], axis=-1)
        position[..., :2] += generator.position[:, None, :]
        velocity = np.stack([c * vx - s * vy, s * vx + c * vy, moved[..., 2]], axis=-1)
        return position, velocity, generator.joint_position
