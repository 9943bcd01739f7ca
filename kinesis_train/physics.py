"""Batched physics of one body with mujoco.rollout: many bodies, a few threads, no Python per sub-step."""

import warnings

import mujoco
import numpy as np
from mujoco import rollout
from numpy.typing import NDArray

from kinesis_control.body_state import BodyState
from kinesis_control.observation import rotation_entries
from kinesis_sim.bodies import Body
from kinesis_sim.composition import BodyEntry, clean

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
        self.model = compile_with_sensors(body.entry)
        m = self.model
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
        b, u, c = len(body.key_body_ids), m.nu, len(body.entry.contact_regions)
        self._cuts = np.cumsum([3 * b, 3 * b, u, u, u, 3 * c])
        self.key_position, self.key_velocity = np.zeros((n, b, 3)), np.zeros((n, b, 3))

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
        self._read()

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
        self._catch_up(good)
        self._read()
        return broken

    def _catch_up(self, good: NDArray[np.bool_]) -> None:
        """Rollout sensors lag the state by one sub-step: carry positions forward with their velocities."""
        dt, (a, b, c, d, _, _) = self.model.opt.timestep, self._cuts
        self.sensors[good, :a] += dt * self.sensors[good, a:b]
        self.sensors[good, b:c] += dt * self.sensors[good, c:d]

    def _read(self) -> None:
        """Fill `state` and the key bodies."""
        s, (a, b, c, d, e, f) = self.state, self._cuts
        sensors, q = self.sensors, self.qpos[:, 3:7]
        y = self.body.base_yaw_quaternion
        s.root_position[:] = self.qpos[:, :3]
        s.root_quaternion[:, 0] = q[:, 0] * y[0] - q[:, 3] * y[3]
        s.root_quaternion[:, 1] = q[:, 1] * y[0] + q[:, 2] * y[3]
        s.root_quaternion[:, 2] = q[:, 2] * y[0] - q[:, 1] * y[3]
        s.root_quaternion[:, 3] = q[:, 3] * y[0] + q[:, 0] * y[3]
        r, v = rotation_entries(s.root_quaternion), self.qvel
        for i in range(3):
            s.root_linear_velocity[:, i] = r[0][i] * v[:, 0] + r[1][i] * v[:, 1] + r[2][i] * v[:, 2]
        cos, sin = np.cos(self.body.entry.forward_yaw), np.sin(self.body.entry.forward_yaw)
        s.root_angular_velocity[:, 0] = cos * v[:, 3] + sin * v[:, 4]
        s.root_angular_velocity[:, 1] = cos * v[:, 4] - sin * v[:, 3]
        s.root_angular_velocity[:, 2] = v[:, 5]
        s.joint_position[:] = self.qpos[:, self.body.joint_qpos_adr]
        s.joint_velocity[:] = self.qvel[:, self.body.joint_dof_adr]
        s.muscle_activation[:] = self.act
        self.key_position[:] = sensors[:, :a].reshape(self.n, -1, 3)
        self.key_velocity[:] = sensors[:, a:b].reshape(self.n, -1, 3)
        s.muscle_length[:], s.muscle_velocity[:], s.muscle_tension[:] = sensors[:, b:c], sensors[:, c:d], -sensors[:, d:e]
        s.contact_force[:] = np.maximum(-sensors[:, e:f].reshape(self.n, -1, 3)[..., 2], 0.0)


def compile_with_sensors(entry: BodyEntry) -> mujoco.MjModel:
    """The body's model with the sensors of `add_training_sensors` and no others."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spec = entry.build()
        clean(spec)
        add_training_sensors(spec, entry)
        model = spec.compile()
    model.opt.timestep = entry.physics_dt
    return model


def add_training_sensors(spec: mujoco.MjSpec, entry: BodyEntry) -> None:
    """Sensors that `BatchPhysics` reads, in its order."""
    kind, obj = mujoco.mjtSensor, mujoco.mjtObj
    for name in entry.key_bodies:
        spec.add_sensor(type=kind.mjSENS_FRAMEPOS, objtype=obj.mjOBJ_XBODY, objname=name)
    for name in entry.key_bodies:
        spec.add_sensor(type=kind.mjSENS_FRAMELINVEL, objtype=obj.mjOBJ_XBODY, objname=name)
    for what in (kind.mjSENS_ACTUATORPOS, kind.mjSENS_ACTUATORVEL, kind.mjSENS_ACTUATORFRC):
        for actuator in spec.actuators:
            spec.add_sensor(type=what, objtype=obj.mjOBJ_ACTUATOR, objname=actuator.name)
    net_force = [2, 3, 1]  # data: force; reduce: net force; one slot
    for _, name in entry.contact_regions:
        spec.add_sensor(type=kind.mjSENS_CONTACT, objtype=obj.mjOBJ_BODY, objname=name, reftype=obj.mjOBJ_GEOM, refname="floor", intprm=net_force)
