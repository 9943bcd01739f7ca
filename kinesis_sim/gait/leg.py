"""Lengths of the legs of a body, and inverse kinematics of both legs on its model."""

import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_sim.bodies import Body

Array = NDArray[np.float64]


class LegGeometry:
    """Lengths read off the standing model, and inverse kinematics of both legs on it."""

    def __init__(self, body: Body) -> None:
        self.body, self.model = body, body.model
        self.data = mujoco.MjData(self.model)
        self.place(body.standing_qpos)
        self.stand_qpos = self.data.qpos.copy()
        ankle, ball, heel = (self.data.xpos[self.model.body(b).id] for b in ("talus_r", "toes_r", "calcn_r"))
        self.ankle_height = float(ankle[2])
        self.ball = np.array([ball[0] - ankle[0], ball[2] - ankle[2] - 0.02])
        self.heel = np.array([heel[0] - ankle[0] - 0.005, -ankle[2] + 0.004])
        hip = self.data.xanchor[self.model.joint("hip_flexion_r").id]
        self.hip_offset = hip - self.stand_qpos[:3]
        self.foot_orientation = {s: self._foot_matrix(s) for s in "rl"}

    def place(self, qpos: Array) -> None:
        self.data.qpos[:] = qpos
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_comPos(self.model, self.data)

    def _foot_matrix(self, side: str) -> Array:
        """Orientation of the flat foot in the world; shape (3, 3)."""
        return self.data.xmat[self.model.body(f"calcn_{side}").id].reshape(3, 3).copy()

    def joint_vector(self) -> Array:
        return self.data.qpos[self.body.joint_qpos_adr].copy()

    def foot_clearance(self, side: str) -> float:
        """Height of the lowest point of a foot in the present pose [m]."""
        floor, scratch = self.model.geom("floor").id, np.zeros(6)
        geoms = [g for g in self.body.foot_geom_ids if self.model.body(self.model.geom_bodyid[g]).name.endswith(side)]
        return min(mujoco.mj_geomDistance(self.model, self.data, floor, int(g), 5.0, scratch) for g in geoms)

    def longest_leg(self, knee: float) -> float:
        """Distance from hip to ankle with the knee at `knee` [m]."""
        qpos = self.body.standing_qpos.copy()
        qpos[self.model.joint("knee_angle_r").qposadr[0]] = knee
        self.body.coupling.fill(qpos)
        self.place(qpos)
        hip = self.data.xanchor[self.model.joint("hip_flexion_r").id]
        return float(np.linalg.norm(hip - self.data.xpos[self.model.body("talus_r").id]))

    def solve(self, root: Array, feet: dict[str, tuple[Array, float, float, float]], start: Array) -> Array:
        """Joint angles that put each ankle at a point with a foot pitch, yaw and toe angle; damped Gauss-Newton.

        Args:
            root: root position, shape (3,), upright and facing +x.
            feet: for "r" and "l": ankle position (3,), pitch (toes up), yaw (left), toe extension.
            start: first guess, shape (nq,).
        """
        qpos = start.copy()
        qpos[:3] = root
        for side, (_, _, _, toes) in feet.items():
            qpos[self.model.joint(f"mtp_angle_{side}").qposadr[0]] = -toes  # the model counts toe flexion positive
        for _ in range(25):
            self.body.coupling.fill(qpos)
            self.place(qpos)
            worst = max(self._improve(side, foot, qpos) for side, foot in feet.items())
            if worst < 1e-7:
                break
        self.body.coupling.fill(qpos)
        self.place(qpos)
        return qpos

    def _improve(self, side: str, foot: tuple[Array, float, float, float], qpos: Array) -> float:
        position, pitch, yaw, _ = foot
        names = [f"{j}_{side}" for j in ("hip_flexion", "hip_adduction", "hip_rotation", "knee_angle", "ankle_angle", "subtalar_angle")]
        joints = [self.model.joint(n).id for n in names]
        dofs, addresses = self.model.jnt_dofadr[joints], self.model.jnt_qposadr[joints]
        error, jacobian = self._foot_error(side, position, pitch, yaw, dofs)
        # The foot's roll (row 3 of the rotation) is followed loosely: the legs lean a few degrees, shoes do too.
        weight = np.array([10.0, 10.0, 10.0, 0.5, 1.0, 1.0])
        a, b = jacobian * weight[:, None], error * weight
        damping = np.diag([1e-4, 1e-4, 1e-4, 1e-4, 1e-4, 2e-1])
        step = np.linalg.solve(a.T @ a + damping, a.T @ b - damping @ np.r_[np.zeros(5), qpos[addresses[5]]])
        low, high = self.model.jnt_range[joints].T
        qpos[addresses] = np.clip(qpos[addresses] + np.clip(step, -0.3, 0.3), low + 0.01, high - 0.01)
        return float(np.abs(step).max())

    def _foot_error(self, side: str, position: Array, pitch: float, yaw: float, dofs: Array) -> tuple[Array, Array]:
        jp, jr = np.zeros((3, self.model.nv)), np.zeros((3, self.model.nv))
        talus, calcn = self.model.body(f"talus_{side}").id, self.model.body(f"calcn_{side}").id
        mujoco.mj_jacBody(self.model, self.data, jp, None, talus)
        mujoco.mj_jacBody(self.model, self.data, None, jr, calcn)
        slope = self.body.coupling
        follow = slope.slope(self.data.qpos)
        full_p, full_r = jp.copy(), jr.copy()
        for c in range(len(slope.joint)):  # a coupled joint moves with its source: chain rule
            full_p[:, slope.source_dof_adr[c]] += follow[c] * jp[:, slope.dof_adr[c]]
            full_r[:, slope.source_dof_adr[c]] += follow[c] * jr[:, slope.dof_adr[c]]
        turn = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1.0]])
        tilt = np.array([[np.cos(pitch), 0, -np.sin(pitch)], [0, 1, 0], [np.sin(pitch), 0, np.cos(pitch)]])
        target = turn @ tilt @ self.foot_orientation[side]
        difference = target @ self.data.xmat[calcn].reshape(3, 3).T
        rotation = 0.5 * np.array([difference[2, 1] - difference[1, 2], difference[0, 2] - difference[2, 0], difference[1, 0] - difference[0, 1]])
        return np.r_[position - self.data.xpos[talus], rotation], np.vstack([full_p, full_r])[:, dofs]
