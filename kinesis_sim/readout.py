"""From raw MuJoCo arrays to a BodyState: the one implementation, for a single body and for a batch alike.

The world, training (mujoco.rollout) and evaluation all read through StateReadout, so a policy sees the same bits in all
of them. Everything is an index, a sign or an elementwise product or sum (no BLAS, no transcendental functions), which
gives the same result for one body and for any member of a batch.
"""

from collections.abc import Sequence
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyState
from kinesis_sim.bodies import Body
from kinesis_sim.sensors import CONTACT, EVERYTHING, FORCE, KEY_BODY, LENGTH, VELOCITY, sensor_name

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Number = Any  # a float for one body, an array for a batch: the formulas are the same


class StateReadout:
    """Reads body states of one body out of (qpos, qvel, act, sensordata).

    How old each array is:
      * After `mj_step1` (what World does), poses, joints, muscle length and velocity and key bodies belong to the same
        instant as qpos; tension and contact are those of the sub-step that led to it (they need accelerations).
      * In the output of `mujoco.rollout`, and after a plain `mj_step`, EVERY sensor is computed before the last
        integration: length, velocity and key bodies lag qpos by one physics step. `advance` below corrects lengths
        and positions to first order; for exact values run `mj_step1` on the final state.
    """

    def __init__(self, body: Body) -> None:
        description = body.description
        model = body.model
        muscles = description.muscles.names
        self._length = _picked(_addresses(model, LENGTH, muscles))
        self._velocity = _picked(_addresses(model, VELOCITY, muscles))
        self._force = _picked(_addresses(model, FORCE, muscles))
        self._contact = _picked(_addresses(model, CONTACT, description.contact_names) + 2)  # vertical component; the floor is level
        self._floor = int(_addresses(model, CONTACT, (EVERYTHING,))[0]) + 2
        key = _addresses(model, KEY_BODY, description.key_body_names)
        self._key = (key[:, None] + np.arange(3)).astype(np.intp)
        self._qpos, self._qvel = body.joint_qpos_adr, body.joint_dof_adr
        self._act = _picked(model.actuator_actadr.astype(np.intp))
        half = body.base_yaw_quaternion
        self._yaw_w, self._yaw_z = float(half[0]), float(half[3])

    def read(self, qpos: Array, qvel: Array, act: Array, sensordata: Array, out: BodyState) -> BodyState:
        """Fill the arrays of `out` in place and return it; seq, stamp, episode and fallen are left alone.

        Args:
            qpos, qvel, act, sensordata: shapes (..., nq), (..., nv), (..., na), (..., nsensordata), C-contiguous or not.
            out: a state with the same leading shape `...` and C-contiguous arrays.
        """
        self._read_root(qpos, qvel, out)
        # mode="clip" lets numpy write straight into `out`; with "raise" it would buffer. The indices are in range.
        qpos.take(self._qpos, axis=-1, out=out.joint_position, mode="clip")
        qvel.take(self._qvel, axis=-1, out=out.joint_velocity, mode="clip")
        out.muscle_length[...] = sensordata[self._length]
        out.muscle_velocity[...] = sensordata[self._velocity]
        np.negative(sensordata[self._force], out=out.muscle_tension)
        out.muscle_activation[...] = act[self._act]
        np.maximum(sensordata[self._contact], 0.0, out=out.contact_force)
        return out

    def key_body_position(self, sensordata: Array) -> Array:
        """Positions of the key bodies in odom, shape (..., n_key_bodies, 3) [m]."""
        return sensordata[..., self._key]

    def floor_force(self, sensordata: Array) -> Array:
        """Vertical force of the floor on the whole body, shape (...) [N]."""
        return sensordata[..., self._floor]

    @staticmethod
    def advance(state: BodyState, dt: float) -> BodyState:
        """First-order correction of muscle length for sensors that lag by `dt` seconds (see the class), in place."""
        state.muscle_length += dt * state.muscle_velocity
        return state

    def _read_root(self, qpos: Array, qvel: Array, out: BodyState) -> None:
        """Root pose and twist; on one body with Python floats, which are the same IEEE operations at a tenth of the cost."""
        if qpos.ndim == 1:
            position, quaternion = qpos[:3].tolist(), qpos[3:7].tolist()
            linear, angular = qvel[:3].tolist(), qvel[3:6].tolist()
        else:
            position, quaternion = _components(qpos[..., :3]), _components(qpos[..., 3:7])
            linear, angular = _components(qvel[..., :3]), _components(qvel[..., 3:6])
        base = self._base_quaternion(*quaternion)
        _store(out.root_position, position)
        _store(out.root_quaternion, base)
        _store(out.root_linear_velocity, _rotate_inverse(base, linear))
        _store(out.root_angular_velocity, self._into_base(*angular))

    def _base_quaternion(self, w: Number, x: Number, y: Number, z: Number) -> tuple[Number, ...]:
        """root * yaw: the model's root orientation turned by the fixed yaw so that x points forward."""
        c, s = self._yaw_w, self._yaw_z
        return w * c - z * s, x * c + y * s, y * c - x * s, z * c + w * s

    def _into_base(self, x: Number, y: Number, z: Number) -> tuple[Number, ...]:
        """A vector in the model's root frame, expressed in base_link."""
        cosine = self._yaw_w * self._yaw_w - self._yaw_z * self._yaw_z
        sine = 2.0 * self._yaw_w * self._yaw_z
        return x * cosine + y * sine, y * cosine - x * sine, z


def _rotate_inverse(quaternion: Sequence[Number], vector: Sequence[Number]) -> tuple[Number, ...]:
    """Rotate a vector by the conjugate of a unit quaternion: v - w t + q x t with t = 2 q x v."""
    w, x, y, z = quaternion
    a, b, c = vector
    ta, tb, tc = 2.0 * (y * c - z * b), 2.0 * (z * a - x * c), 2.0 * (x * b - y * a)
    return a - w * ta + (y * tc - z * tb), b - w * tb + (z * ta - x * tc), c - w * tc + (x * tb - y * ta)


def _components(vectors: Array) -> list[Array]:
    return [vectors[..., i] for i in range(vectors.shape[-1])]


def _store(out: Array, components: Sequence[Number]) -> None:
    if out.ndim == 1:
        out[:] = components
        return
    for i, component in enumerate(components):
        out[..., i] = component


def _picked(addresses: Index) -> tuple[Any, Any]:
    """What picks these from the last axis: a view where they are evenly spaced, which costs a fraction of picking one by one."""
    steps = np.diff(addresses)
    if len(steps) and steps[0] > 0 and (steps == steps[0]).all():
        return (..., slice(int(addresses[0]), int(addresses[-1]) + 1, int(steps[0])))
    return (..., addresses)


def _addresses(model: mujoco.MjModel, kind: str, targets: tuple[str, ...]) -> Index:
    return np.array([int(model.sensor(sensor_name(kind, t)).adr[0]) for t in targets], dtype=np.intp)
