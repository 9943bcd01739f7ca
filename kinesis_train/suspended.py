"""The teacher of a policy for a body that hangs from a gantry: inverse dynamics in the air, shared out to muscles with the least fluid.

    torque  = M(q) a_ref + h(q, v_ref) + K (q_ref - q) + D (v_ref - v)            joints only, the root is held
    tension = argmin |S^-1 (R^T T - torque)|^2 + sum volume (T / T_full)^2        within what hangs in the passive fibres and a share of T_full

T_full is the tension of the artificial muscle at full pressure and the present length, so that the answer is one that a robot can
give; as an excitation it is what makes the policy's own muscle pull equally (kinesis_control/drivers/muscle_model.py). The reference
is taken `LEAD_S` ahead of the state, the time that command, valves and filling need.
"""

from dataclasses import dataclass

import daqp
import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_control.drivers.muscle_model import McKibbenBundle, force_length, force_velocity, passive_force
from kinesis_control.errors import ConfigurationError
from kinesis_sim.bodies import Body
from kinesis_sim.muscle_table import hill_table
from kinesis_train.feedforward import full_mass

Array = NDArray[np.float64]

OFFSETS_S = (0.025, 0.1)
"""Frames of the reference that teacher and student see [s]."""
LEAD_S = 0.04
STIFFNESS = {"hip_flexion": 75.0, "hip_adduction": 75.0, "hip_rotation": 30.0, "knee": 40.0, "ankle": 20.0, "subtalar": 7.5, "mtp": 2.0}
"""K by the begin of a joint's name [N m/rad]: about what a dead time of 50 ms allows for the inertia beyond the joint."""
OTHER_STIFFNESS = 40.0
_NO_GAIN = 1e-3
_NO_FORCE_N = 1e-6


@dataclass(frozen=True, kw_only=True)
class TeacherConfig:
    """How the teacher drives.

    Attributes:
        share: of full pressure that it uses, above 0 to 1; a little below what a new robot's limits leave.
        damping_s: D / K, 0 to 0.5 [s].
        fluid: weight of the fluid against the torque, above 0.
    """

    share: float = 0.28
    damping_s: float = 0.08
    fluid: float = 1.0

    def __post_init__(self) -> None:
        if not (0.0 < self.share <= 1.0 and 0.0 <= self.damping_s <= 0.5 and self.fluid > 0.0):
            raise ConfigurationError(f"teacher: got {self}; expected share above 0 to 1, damping_s 0 to 0.5, fluid above 0")


class SuspendedTeacher:
    """Excitations for one state of a hanging body.

    Attributes:
        stiffness: K of each joint; shape (n_joints,) [N m/rad].
    """

    def __init__(self, body: Body, config: TeacherConfig | None = None) -> None:
        self.body, self.config, self._model = body, config or TeacherConfig(), body.model
        self._data = mujoco.MjData(self._model)
        self._table = hill_table(self._model)
        self._bundle = McKibbenBundle.for_table(self._table)
        volume = self._bundle.area * self._bundle.rest_length
        self._volume = self.config.fluid * volume / volume.mean()
        self.stiffness = np.array([_stiffness(name) for name in body.description.joint_names])
        self._mass = np.zeros((self._model.nv, self._model.nv))
        self._moment = np.zeros((self._model.nu, self._model.nv))

    def answer(self, position: Array, velocity: Array, reference: Array, pace: Array) -> Array:
        """Excitations, 0..1; shape (n_muscles,).

        Args:
            position, velocity: of the joints; shape (n_joints,) [rad], [rad/s].
            reference: joint angles at `OFFSETS_S` after the state; shape (2, n_joints) [rad].
            pace: joint velocities of the first of them; shape (n_joints,) [rad/s].
        """
        step, lead = OFFSETS_S[1] - OFFSETS_S[0], LEAD_S - OFFSETS_S[0]
        acceleration = 2.0 * (reference[1] - reference[0] - pace * step) / step**2
        angle, rate = reference[0] + lead * pace + 0.5 * lead**2 * acceleration, pace + lead * acceleration
        ahead = position + LEAD_S * velocity
        torque = self.stiffness * (angle - ahead + self.config.damping_s * (rate - velocity))
        return self._share_out(ahead, velocity, acceleration, torque)

    def _share_out(self, position: Array, velocity: Array, acceleration: Array, extra: Array) -> Array:
        model, data = self._model, self._data
        p = self._pose(position, velocity)
        full_mass(model, data, self._mass)
        mass = p.T @ self._mass @ p
        torque = mass @ acceleration + p.T @ (data.qfrc_bias - data.qfrc_passive) + extra
        mujoco.mju_sparse2dense(self._moment, data.actuator_moment.reshape(-1), data.moment_rownnz, data.moment_rowadr, data.moment_colind.reshape(-1))
        length, speed, table = data.actuator_length, data.actuator_velocity, self._table
        full = self._bundle.full_pressure_pa * self._bundle.force_per_pa(length)
        norm = (length - table.tendon_length) * table.per_length
        passive = passive_force(table, norm) * table.peak_force
        low = np.clip(passive / np.maximum(full, _NO_FORCE_N), 0.0, self.config.share)
        scale = 1.0 / np.sqrt(np.diag(mass))
        rows = -(self._moment @ p).T * full * scale[:, None]
        n = model.nu
        x, _, flag, _ = daqp.solve(
            rows.T @ rows + np.diag(self._volume), -rows.T @ (torque * scale), np.zeros((0, n)), np.full(n, self.config.share + 1e-9), low,
            np.zeros(n, dtype=np.int32),
        )  # fmt: skip
        if flag < 0:
            raise RuntimeError(f"the muscle program has no solution (daqp exit {flag})")
        gain = force_length(table, norm) * force_velocity(table, speed * table.per_velocity) * table.peak_force
        wanted = np.clip(np.asarray(x), low, self.config.share) * full - passive
        return np.clip(np.where(gain < _NO_GAIN * table.peak_force, 0.0, wanted / np.maximum(gain, _NO_FORCE_N)), 0.0, 1.0)

    def _pose(self, position: Array, velocity: Array) -> Array:
        """Put the body there; returns P with qvel = P v, shape (nv, n_joints)."""
        body, data = self.body, self._data
        coupling, dofs = body.coupling, body.joint_dof_adr
        data.qpos[:] = body.standing_qpos
        data.qpos[body.joint_qpos_adr] = position
        coupling.fill(data.qpos)
        p = np.zeros((self._model.nv, len(dofs)))
        p[dofs, np.arange(len(dofs))] = 1.0
        slope = coupling.slope(data.qpos)
        for _ in range(3):  # chains of couplings settle in as many passes as they have links
            for c in range(len(coupling.joint)):
                if coupling.source[c] >= 0:
                    p[coupling.dof_adr[c]] = slope[c] * p[coupling.source_dof_adr[c]]
        data.qvel[:] = p @ velocity
        mujoco.mj_fwdPosition(self._model, data)
        mujoco.mj_fwdVelocity(self._model, data)
        return p


def _stiffness(joint: str) -> float:
    return next((value for start, value in STIFFNESS.items() if joint.startswith(start)), OTHER_STIFFNESS)
