"""Batched physics of one body with mujoco.rollout: many bodies, a few threads, no Python per sub-step."""

from pathlib import Path

import mujoco
import numpy as np
from mujoco import rollout
from numpy.typing import NDArray

from kinesis_control.body_state import BodyState
from kinesis_control.motion.rotations import conjugate, multiply
from kinesis_sim.bodies import Body
from kinesis_sim.flight_recorder import STATE, private_model, write_record
from kinesis_sim.readout import StateReadout
from kinesis_train.disturbance import Disturbance, LateCommands

Array = NDArray[np.float64]
FULL = mujoco.mjtState.mjSTATE_FULLPHYSICS
KEPT = ("full", "variant", "sensors", "key_position", "key_velocity", "_key_sensed")


class BatchPhysics:
    """n copies of a body.

    Attributes:
        state: BodyState with batch shape (n,), valid after `place` and `step`.
        key_position, key_velocity: key bodies in odom; shape (n, B, 3) [m], [m/s].
    """

    def __init__(self, body: Body, n: int, *, control_dt: float, threads: int, disturbance: Disturbance | None = None, seed: int = 0) -> None:
        """`disturbance`: how bodies differ and how late commands arrive; its bodies are drawn from `seed`."""
        self.body, self.n, self.threads = body, n, threads
        disturbance = disturbance or Disturbance()
        # Without MuJoCo's silent reset, so that broken physics is seen.
        self.model = m = private_model(body, body.model.opt.timestep)
        self.readout = StateReadout(body)
        self.variants = disturbance.make_models(m, np.random.default_rng(seed))
        self.variant = np.zeros(n, dtype=np.intp)
        self.substeps = round(control_dt / m.opt.timestep)
        late = disturbance.delay_s[1] > 0.0
        self.late = LateCommands(n, m.nu, self.substeps, m.opt.timestep, disturbance.delay_s) if late else None
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
        joints: Array, joint_velocity: Array, activation: Array, lean: Array | None = None,
    ) -> None:  # fmt: skip
        """Put the members `which` into a state.

        Args:
            position, velocity: of the root in odom; shape (k, 3) [m], [m/s].
            yaw: of base_link; shape (k,) [rad].
            spin: angular velocity about the axes of base_link; shape (k, 3) [rad/s].
            joints, joint_velocity: independent joints; shape (k, n_joints).
            activation: shape (k, n_muscles).
            lean: orientation of base_link that is then turned by `yaw`, wxyz; shape (k, 4). None: upright.
        """
        body, m = self.body, self.model
        qpos, qvel = np.tile(body.standing_qpos, (len(which), 1)), np.zeros((len(which), m.nv))
        half = 0.5 * (yaw - body.entry.forward_yaw)
        qpos[:, :3] = position
        qpos[:, 3:7] = 0.0
        qpos[:, 3], qpos[:, 6] = np.cos(half), np.sin(half)
        if lean is not None:  # base_link is the root turned by forward_yaw: lean, seen from the root
            turn = body.base_yaw_quaternion
            qpos[:, 3:7] = multiply(qpos[:, 3:7], multiply(multiply(turn, lean), conjugate(turn)))
        low, high = body.joint_range.T
        qpos[:, body.joint_qpos_adr] = np.clip(joints, low + 0.005, high - 0.005)
        qvel[:, :3] = velocity
        c, s = np.cos(body.entry.forward_yaw), np.sin(body.entry.forward_yaw)
        qvel[:, 3], qvel[:, 4] = c * spin[:, 0] - s * spin[:, 1], s * spin[:, 0] + c * spin[:, 1]
        qvel[:, 5] = spin[:, 2]
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

    def redraw(self, which: NDArray[np.intp], rng: np.random.Generator) -> None:
        """Another body and another delay for members that were just placed; draws nothing where nothing differs."""
        if len(self.variants) > 1:
            self.variant[which] = rng.integers(0, len(self.variants), len(which))
        if self.late is not None:
            self.late.reset(which, self.act[which], rng)

    def _models(self) -> mujoco.MjModel | list[mujoco.MjModel]:
        return self.variants[0] if len(self.variants) == 1 else [self.variants[i] for i in self.variant]

    def record(self, which: int, folder: Path) -> Path:
        """Write the last tick of a member whose physics broke as a flight record, physics step by physics step.

        A record holds states, not masses: of a variant, `replay` shows what the body itself does.

        Raises:
            UnavailableError: the folder cannot be written.
        """
        model, data, states = self.variants[self.variant[which]], mujoco.MjData(self.model), []
        mujoco.mj_setState(model, data, self.full[which], int(FULL))
        for control in self.control[which]:
            data.ctrl[:] = control
            states.append(np.zeros(mujoco.mj_stateSize(model, STATE)))
            mujoco.mj_getState(model, data, states[-1], STATE)
            mujoco.mj_step(model, data)
        return write_record(folder, self.body, self.model, np.array(states), 1)

    def snapshot(self) -> dict[str, Array]:
        """Copies of the arrays from which `restore` brings back this very state."""
        late = {} if self.late is None else {"delay": self.late.delay.copy(), "history": self.late.history.copy()}
        return {name: getattr(self, name).copy() for name in KEPT} | {"state_" + k: v.copy() for k, v in self.state.arrays().items()} | late

    def restore(self, kept: dict[str, Array]) -> None:
        """Take up what `snapshot` gave, of as many members."""
        for name in KEPT:
            getattr(self, name)[:] = kept[name]
        for name, array in self.state.arrays().items():
            array[:] = kept["state_" + name]
        if self.late is not None:
            self.late.delay[:], self.late.history[:] = kept["delay"], kept["history"]

    def nudge(self, which: NDArray[np.bool_], change: Array) -> None:
        """Add `change`, shape (n, 3) [m/s], to the root velocity of the members in the mask `which`."""
        self.qvel[which, :3] += change[which]

    def step(self, excitation: Array) -> NDArray[np.bool_]:
        """Advance one control tick with constant excitation (n, n_muscles).

        Returns:
            Mask (n,) of members whose physics broke; they are frozen at their last finite state and must be placed anew.
        """
        self.control[:] = excitation[:, None, :] if self.late is None else self.late.pass_on(excitation)
        last, sensed = self._advance()
        broken = ~(np.isfinite(last).all(axis=1) & np.isfinite(sensed).all(axis=1)) | (np.abs(last[:, 1 + self.model.nq :]).max(axis=1) > 200.0)
        good = ~broken
        self.full[good] = last[good]
        self.sensors[good] = sensed[good]
        self._read(moved=True)
        return broken

    def _advance(self) -> tuple[Array, Array]:
        """Full states (n, size) and sensors (n, nsensordata) after one control tick of `control`, from `full`; may hold what is not finite."""
        states, sensors = self.pool.rollout(self._models(), self.data, self.full, self.control)
        return states[:, -1], sensors[:, -1]

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
