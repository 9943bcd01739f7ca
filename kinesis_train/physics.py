"""Batched physics of one body with mujoco.rollout: many bodies, a few threads, no Python per sub-step."""

import mujoco
import numpy as np
from mujoco import rollout
from numpy.typing import NDArray

from kinesis_control.body_state import BodyState
from kinesis_sim.bodies import Body
from kinesis_sim.flight_recorder import private_model
from kinesis_sim.readout import StateReadout

Array = NDArray[np.float64]
FULL = mujoco.mjtState.mjSTATE_FULLPHYSICS


class BatchPhysics:
    """n copies of a body.

    Attributes:
        state: BodyState with batch shape (n,), valid after `place` and `step`.
        key_position, key_velocity: key bodies in odom; shape (n, B, 3) [m], [m/s].
    """

    def __init__(self, body: Body, n: int, *, control_dt: float, threads: int) -> None:
        self.body, self.n, self.threads = body, n, threads
        # Without MuJoCo's silent reset, so that broken physics is seen.
        self.model = m = private_model(body, body.model.opt.timestep)
        self.readout = StateReadout(body)
        self.substeps = round(control_dt / m.opt.timestep)
        self.pool = rollout.Rollout(nthread=threads)
        self.data = [mujoco.MjData(m) for _ in range(threads)]
        self.single = mujoco.MjData(m)
        size = mujoco.mj_stateSize(m, FULL)
        if size != 1 + m.nq + m.nv + m.na:
            raise RuntimeError(f"physics state has {size} numbers, expected time, qpos, qvel and act: {1 + m.nq + m.nv + m.na}")
        self.full = np.zeros((n, size))
        self.qpos = self.full[:, 1 : 1 + m.nq]
        self.qvel = self.full[:, 1 + m.nq : 1 + m.nq + m.nv]
        self.act = self.full[:, 1 + m.nq + m.nv :]
        self.sensors = np.zeros((n, m.nsensordata))
        self.control = np.zeros((n, self.substeps, m.nu))
        self.state = BodyState.zeros(body.description, (n,))
        self.key_position = np.zeros((n, len(body.key_body_ids), 3))
        self.key_velocity, self._key_sensed = np.zeros_like(self.key_position), np.zeros_like(self.key_position)

    def place(
        self, which: NDArray[np.intp], *, position: Array, yaw: Array, velocity: Array, spin: Array,
        joints: Array, joint_velocity: Array, activation: Array,
    ) -> None:  # fmt: skip
        """Put the members `which` into a state.

        Args:
            position, velocity: of the root in odom; shape (k, 3) [m], [m/s].
            yaw: of base_link; shape (k,) [rad].
            spin: angular velocity about the axes of base_link; shape (k, 3) [rad/s].
            joints, joint_velocity: independent joints; shape (k, n_joints).
            activation: shape (k, n_muscles).
        """
        body, m = self.body, self.model
        qpos, qvel = np.tile(body.standing_qpos, (len(which), 1)), np.zeros((len(which), m.nv))
        half = 0.5 * (yaw - body.entry.forward_yaw)
        qpos[:, :3] = position
        qpos[:, 3:7] = 0.0
        qpos[:, 3], qpos[:, 6] = np.cos(half), np.sin(half)
        low, high = body.joint_range.T
        qpos[:, body.joint_qpos_adr] = np.clip(joints, low + 0.005, high - 0.005)
        qvel[:, :3] = velocity
        qvel[:, 3:6] = spin  # about z only: the same in base_link and in the root frame
        qvel[:, body.joint_dof_adr] = joint_velocity
        body.coupling.fill(qpos)
        body.coupling.fill_velocity(qpos, qvel)
        self.full[which, 0] = 0.0
        self.qpos[which], self.qvel[which], self.act[which] = qpos, qvel, activation
        for i, q, v in zip(which, qpos, qvel, strict=True):
            self.single.qpos[:], self.single.qvel[:], self.single.act[:] = q, v, self.act[i]
            mujoco.mj_forward(m, self.single)
            self.sensors[i] = self.single.sensordata
        self._read(moved=False)

    def nudge(self, which: NDArray[np.bool_], change: Array) -> None:
        """Add `change`, shape (n, 3) [m/s], to the root velocity of the members in the mask `which`."""
        self.qvel[which, :3] += change[which]

    def step(self, excitation: Array) -> NDArray[np.bool_]:
        """Advance one control tick with constant excitation (n, n_muscles).

        Returns:
            Mask (n,) of members whose physics broke; they are frozen at their last finite state and must be placed anew.
        """
        self.control[:] = excitation[:, None, :]
        states, sensors = self.pool.rollout(self.model, self.data, self.full, self.control)
        last, sensed = states[:, -1], sensors[:, -1]
        broken = ~(np.isfinite(last).all(axis=1) & np.isfinite(sensed).all(axis=1)) | (np.abs(last[:, 1 + self.model.nq :]).max(axis=1) > 200.0)
        good = ~broken
        self.full[good] = last[good]
        self.sensors[good] = sensed[good]
        self._read(moved=True)
        return broken

    def _read(self, moved: bool) -> None:
        """Fill `state` and the key bodies; key velocities are differences over a tick, zero where nothing moved."""
        dt = self.model.opt.timestep
        self.readout.read(self.qpos, self.qvel, self.act, self.sensors, self.state)
        self.readout.advance(self.state, dt)
        sensed = self.readout.key_body_position(self.sensors)
        if moved:
            self.key_velocity[:] = (sensed - self._key_sensed) / (self.substeps * dt)
        self._key_sensed[:] = sensed
        # Sensors of a rollout lag the state by one physics step.
        np.add(sensed, dt * self.key_velocity, out=self.key_position)
