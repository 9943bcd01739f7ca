"""The bones: the body's own model, pulled by the artificial muscles along its tendon paths, on its feet or hung from a gantry."""

from typing import Literal

import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyState
from kinesis_control.errors import ConfigurationError, UnknownNameError
from kinesis_sim.bodies import Body
from kinesis_sim.flight_recorder import private_model
from kinesis_sim.readout import StateReadout

Array = NDArray[np.float64]
Posture = Literal["gantry", "feet"]
POSTURES: tuple[Posture, ...] = ("gantry", "feet")

GANTRY_HEIGHT_M = 0.15
"""How far the soles hang above the floor."""

_STOP_S = 0.005
"""Time constant of the joints' stops [s]: those of a robot are of metal, those of the body's own model give way like ligaments."""

_GANTRY_INERTIA = 1e6
"""Added to the six coordinates of the root: the gantry as a body so heavy that nothing moves it [kg], [kg m^2]."""


class Skeleton:
    """A private copy of a body's model whose muscles are plain forces.

    The compiled body of the registry is not touched: the copy only has its actuators replaced and, at the gantry, the inertia
    of the root raised.

    Attributes:
        state: pose, velocities and contacts after the last step; its activation stays 0.
        length, velocity: of the musculotendons; shape (n,) [m], [m/s].
        posture: as given.
    """

    def __init__(self, body: Body, *, posture: Posture = "gantry", dt_s: float = 0.002) -> None:
        """Stand the body up, or hang it.

        Raises:
            UnknownNameError: no such posture.
            ConfigurationError: dt_s is not 0.5 to 5 ms.
        """
        if posture not in POSTURES:
            raise UnknownNameError("posture", posture, POSTURES)
        if not 0.0005 <= dt_s <= 0.005:
            raise ConfigurationError(f"dt_s: got {dt_s}, expected 0.0005 to 0.005")
        self.body, self.posture, self.dt_s = body, posture, dt_s
        self.model = model = private_model(body, dt_s)
        n = model.nu
        model.actuator_gaintype[:], model.actuator_biastype[:] = int(mujoco.mjtGain.mjGAIN_FIXED), int(mujoco.mjtBias.mjBIAS_NONE)
        model.actuator_dyntype[:] = int(mujoco.mjtDyn.mjDYN_NONE)
        model.actuator_actadr[:], model.actuator_actnum[:] = -1, 0  # with an activation address MuJoCo would take that, not the control
        model.actuator_gainprm[:] = 0.0
        model.actuator_gainprm[:, 0] = -1.0  # a muscle pulls
        model.actuator_biasprm[:] = 0.0
        model.actuator_ctrllimited[:] = 0
        model.actuator_forcelimited[:] = 0
        model.jnt_solref[:] = (_STOP_S, 1.0)
        if posture == "gantry":
            model.dof_armature[:6] += _GANTRY_INERTIA
        self.data = mujoco.MjData(model)
        self.data.qpos[:] = body.standing_qpos
        if posture == "gantry":
            self.data.qpos[2] += GANTRY_HEIGHT_M
        self._root = self.data.qpos[:7].copy()
        self._readout = StateReadout(body)
        self.state = BodyState.zeros(body.description)
        self.length, self.velocity = np.zeros(n), np.zeros(n)
        self._harness = _harness(body, model) if posture == "gantry" else np.zeros((model.nbody, 6))
        self.data.xfrc_applied[:] = self._harness
        self._jammed: dict[int, float] = {}
        self._pushes: list[tuple[int, Array, float]] = []
        mujoco.mj_forward(model, self.data)
        self._read()

    def step(self, tension: Array) -> None:
        """One physics step under constant tensions; shape (n,) [N], not negative."""
        data = self.data
        data.ctrl[:] = tension
        self._apply_pushes()
        mujoco.mj_step2(self.model, data)
        if self.posture == "gantry":
            data.qpos[:7] = self._root
            data.qvel[:6] = 0.0
        for joint, angle in self._jammed.items():
            data.qpos[self.body.joint_qpos_adr[joint]] = angle
            data.qvel[self.body.joint_dof_adr[joint]] = 0.0
        mujoco.mj_step1(self.model, data)
        self._read()

    def _read(self) -> None:
        data, state = self.data, self.state
        self._readout.read(data.qpos, data.qvel, data.act, data.sensordata, state)
        self.length[:], self.velocity[:] = state.muscle_length, state.muscle_velocity

    def jam(self, joint: int, *, jammed: bool) -> None:
        """Hold one independent joint where it is, or let it go."""
        if jammed:
            self._jammed[joint] = float(self.data.qpos[self.body.joint_qpos_adr[joint]])
        else:
            self._jammed.pop(joint, None)

    def push(self, force: Array, seconds: float) -> None:
        """Push the root segment for a time; force in the world frame, shape (3,) [N]."""
        self._pushes.append((int(self.body.key_body_ids[0]), np.asarray(force, dtype=float), seconds))

    def _apply_pushes(self) -> None:
        applied = self.data.xfrc_applied
        if not self._pushes:
            return
        applied[:] = self._harness
        left = []
        for part, force, seconds in self._pushes:
            if seconds > 0.0:
                applied[part, :3] += force
                left.append((part, force, seconds - self.dt_s))
        self._pushes = left

    @property
    def finite(self) -> bool:
        """Whether the physics is still sane."""
        return bool(np.isfinite(self.data.qpos).all())


def _harness(body: Body, model: mujoco.MjModel) -> Array:
    """What a harness at the gantry carries besides the root: the weight of all that is not root or leg, so that a trunk without power
    does not fall over; forces at the bodies' centres of mass, shape (n_bodies, 6) [N], [N m]."""
    out = np.zeros((model.nbody, 6))
    root = int(body.key_body_ids[0])
    branch = np.arange(model.nbody)
    for i in range(1, model.nbody):  # parents come before their children
        branch[i] = i if model.body_parentid[i] in (0, root) else branch[model.body_parentid[i]]
    feet = [int(geom) for region in range(len(body.description.contact_names)) for geom in body.region_geom_ids(region)]
    legs = {int(branch[model.geom_bodyid[geom]]) for geom in feet}
    carried = [i for i in range(1, model.nbody) if i != root and int(branch[i]) not in legs]
    out[carried, 2] = -model.opt.gravity[2] * model.body_mass[carried]
    return out
