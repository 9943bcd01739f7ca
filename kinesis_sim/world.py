"""The stepped world of one body: no ROS, no clock of its own, bit-identical for one seed."""

import logging
import math
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyState
from kinesis_control.errors import ConfigurationError, LayoutError, UnavailableError, UnknownNameError
from kinesis_sim.bodies import Body
from kinesis_sim.fall import FallDetector
from kinesis_sim.flight_recorder import FlightRecorder, PhysicsError, advance, private_model
from kinesis_sim.pose import Pose
from kinesis_sim.readout import StateReadout

Array = NDArray[np.float64]
_LARGEST = 1e10  # MuJoCo's own limit of a sane number (mjMAXVAL)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class StartSpread:
    """Half-widths of the uniform distributions of a random start at perturbation 1.

    Attributes:
        joint_angle: [rad], on every independent joint, kept inside its range.
        joint_velocity: [rad/s].
        heading: [rad].
        activation: 0..1; activations are drawn from 0 to this.
    """

    joint_angle: float = 0.03
    joint_velocity: float = 0.1
    heading: float = math.radians(10.0)
    activation: float = 0.1


@dataclass(kw_only=True)
class _Push:
    body: int
    force: Array  # shape (3,), world frame [N]
    ticks_left: float


class World:
    """One body on a level floor.

    A tick is one control period of `substeps` physics steps under constant excitation. Tick numbers and stamps never go
    back, not even at a reset, because `/clock` and sequence numbers must not.

    Attributes:
        body, control_dt, physics_dt: as given [s].
        state: the one preallocated BodyState; every step and reset writes into it. Copy what must be kept.
        readout: how `state` is read; `model` and `data` are MuJoCo's own (read only for others).
    """

    def __init__(
        self, body: Body, *, control_dt: float, physics_dt: float, seed: int, excitation_noise: float = 0.0,
        spread: StartSpread | None = None, flight_folder: Path | None = None,
    ) -> None:  # fmt: skip
        """Build the world and stand the body up, unperturbed.

        Args:
            control_dt: control period [s], a whole multiple of `physics_dt`.
            physics_dt: physics step [s].
            seed: seed of every random number of this world.
            excitation_noise: standard deviation of the noise added to each excitation, drawn anew every tick; 0..1.
            spread: size of random starts.
            flight_folder: where the flight recorder writes when the physics goes bad; the temporary folder by default.

        Raises:
            ConfigurationError: a value out of its range.
        """
        self.body, self.control_dt, self.physics_dt = body, float(control_dt), float(physics_dt)
        self._substeps = _substeps(control_dt, physics_dt)
        if not 0.0 <= excitation_noise <= 1.0:
            raise ConfigurationError(f"excitation_noise must be in 0..1, got {excitation_noise}")
        self.excitation_noise, self._spread, self._flight_folder = excitation_noise, spread or StartSpread(), flight_folder
        self._period_ns = round(control_dt * 1e9)
        self.model = private_model(body, self.physics_dt)
        _require_clamped(self.model, body.entry.name)
        self.data = mujoco.MjData(self.model)
        self.readout = StateReadout(body)
        self.state = BodyState.zeros(body.description)
        self._fall = FallDetector(body.description, body.entry.fall_limits)
        self._recorder = FlightRecorder(body, self.model, substeps=self._substeps)
        self._rng = np.random.Generator(np.random.PCG64(seed))
        self._noise = np.zeros(self.model.nu)
        self._pushes: list[_Push] = []
        # MuJoCo's arrays keep their memory for the life of `data`; taking each view once saves the look-ups in `step`.
        d = self.data
        self._qpos, self._qvel, self._act, self._sensors, self._ctrl = d.qpos, d.qvel, d.act, d.sensordata, d.ctrl
        self._started = self._broken = False
        self._place(0.0)

    @property
    def tick(self) -> int:
        """Number of the present state; equal to `state.seq`."""
        return self.state.seq

    @property
    def time(self) -> float:
        """Simulated time since the world was made [s]."""
        return self.state.stamp_ns * 1e-9

    @property
    def fallen(self) -> bool:
        """True from the first fall until `reset`."""
        return self._fall.fallen

    def reset(self, seed: int | None = None, perturbation: float = 0.0) -> BodyState:
        """Stand the body up again: pose, velocities and activations; pushes are dropped and the fall is forgotten.

        The first reset before any step is the start itself (tick 0, episode 0). A later one takes one tick, so that an
        answer to the state before it cannot be taken for an answer to the new one, and starts the next episode.

        Args:
            seed: starts the random numbers anew; None goes on with the present ones.
            perturbation: scale of the random start (see StartSpread); 0 is the plain standing pose at zero activation.

        Raises:
            ConfigurationError: perturbation is negative or not finite.
        """
        if not (math.isfinite(perturbation) and perturbation >= 0.0):
            raise ConfigurationError(f"perturbation must be finite and not negative, got {perturbation}")
        if seed is not None:
            self._rng = np.random.Generator(np.random.PCG64(seed))
        if self._started:
            self._count_tick()
            self.state.episode += 1
        self._started, self._broken = True, False
        return self._place(perturbation)

    def put(self, pose: Pose, activation: Array | float = 0.0) -> BodyState:
        """Put the body into a pose, in the place of the standing start; before the first step only.

        Args:
            activation: of the muscles, shape (n_muscles,) or one for all, 0..1.

        Raises:
            ConfigurationError: the world was stepped already.
        """
        if self.tick:
            raise ConfigurationError(f"a body is put into a pose before the first step, got tick {self.tick}")
        self._set(*pose.coordinates(self.body), activation)
        return self._read()

    def step(self, excitation: Array) -> BodyState:
        """Advance one tick under constant excitation, shape (n_muscles,), clamped to 0..1 after noise.

        Raises:
            LayoutError: excitation has another length or holds a value that is not finite; nothing was stepped.
            PhysicsError: the simulation went bad, now or before; only a reset helps. The state keeps its last good values.
        """
        if self._broken:
            raise PhysicsError(f"body '{self.body.entry.name}': the physics went bad before; reset the world", None)
        self._excite(excitation)
        if self._pushes:
            self._apply_pushes()
        self._recorder.record(self.data)
        advance(self.model, self.data, self._substeps)
        self._started = True
        # A bad acceleration reaches a velocity within its sub-step, and a sum of squares is only sane if every term is. Between
        # physics steps, when no cache holds NumPy's code, `dot` costs a quarter of a sum.
        if not self._qvel.dot(self._qvel) < _LARGEST**2:
            self._fail()
        self._count_tick()
        return self._read()

    def push(self, force: Array, duration: float, part: str | None = None, *, in_odom: bool = False) -> Array:
        """Push the body from the next tick on, with exactly the impulse force x duration; returns the force in odom, shape (3,) [N].

        Args:
            force: shape (3,), in the heading frame at this instant (x forward, y left, z up), or `in_odom` [N].
            duration: [s]; a part of a tick is made up by a weaker force over one whole tick.
            part: model body that is pushed, at its centre of mass; the trunk by default.

        Raises:
            UnknownNameError: no such part.
            ConfigurationError: force or duration not finite, or duration not positive.
        """
        vector = np.asarray(force, dtype=float)
        if vector.shape != (3,) or not np.isfinite(vector).all() or not (math.isfinite(duration) and duration > 0.0):
            raise ConfigurationError(f"a push needs 3 finite forces and a positive duration; got {force!r} N for {duration} s")
        part = part or self.body.entry.trunk
        if part not in self.body.part_names:
            raise UnknownNameError("part", part, self.body.part_names)
        if not in_odom:
            w, x, y, z = self.state.root_quaternion.tolist()
            heading = math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
            cosine, sine = math.cos(heading), math.sin(heading)
            vector = np.array([cosine * vector[0] - sine * vector[1], sine * vector[0] + cosine * vector[1], vector[2]])
        self._pushes.append(_Push(body=self.model.body(part).id, force=vector, ticks_left=duration / self.control_dt))
        return vector

    def joint_positions(self) -> Array:
        """Every joint of `body.all_joint_names`, coupled ones too [rad or m]; shape (n_all_joints,)."""
        return self._qpos[self.body.all_joint_qpos_adr]

    def joint_velocities(self) -> Array:
        """Velocities of `joint_positions` [rad/s or m/s]; shape (n_all_joints,)."""
        return self._qvel[self.body.all_joint_dof_adr]

    def key_body_position(self) -> Array:
        """Positions of the key bodies in odom, shape (n_key_bodies, 3) [m]."""
        return self.readout.key_body_position(self._sensors)

    def _excite(self, excitation: Array) -> None:
        if excitation.shape != self._ctrl.shape:
            raise LayoutError(f"body '{self.body.entry.name}' has {self.model.nu} muscles; got excitation of shape {excitation.shape}")
        # The sum of squares is finite unless a value is not (or overflows it, which no excitation may).
        if not math.isfinite(excitation.dot(excitation)):
            bad = [n for n, ok in zip(self.body.description.muscles.names, np.isfinite(excitation), strict=True) if not ok]
            raise LayoutError(f"excitation is not finite for {', '.join(bad) or 'the sum of all muscles'}")
        if self.excitation_noise:
            self._rng.standard_normal(out=self._noise)
            self._noise *= self.excitation_noise
            self._noise += excitation
            excitation = np.clip(self._noise, 0.0, 1.0, out=self._noise)
        # Without noise the clamping is left to the model, which does it in any case (`_require_clamped`).
        self._ctrl[:] = excitation

    def _apply_pushes(self) -> None:
        applied = self.data.xfrc_applied
        applied[:] = 0.0
        for push in self._pushes:
            if push.ticks_left > 1e-9:
                applied[push.body, :3] += min(push.ticks_left, 1.0) * push.force
            push.ticks_left -= 1.0
        # A spent push stays for one more tick, in which the line above has cleared its force.
        self._pushes = [p for p in self._pushes if p.ticks_left > -1.0 + 1e-9]

    def _count_tick(self) -> None:
        self.state.seq += 1
        self.state.stamp_ns += self._period_ns

    def _place(self, perturbation: float) -> BodyState:
        """Put the body into a (perturbed) standing start and read it."""
        start = self.body.standing_qpos.copy()
        velocity = np.zeros(self.model.nv)
        activation: Array | float = 0.0
        if perturbation > 0.0:
            activation = self._perturb(start, velocity, perturbation)
        self._set(start, velocity, activation)
        self._pushes.clear()
        self._recorder.clear()
        self._fall.reset()
        return self._read()

    def _set(self, qpos: Array, qvel: Array, activation: Array | float) -> None:
        mujoco.mj_resetData(self.model, self.data)
        self._qpos[:], self._qvel[:], self._act[:] = qpos, qvel, activation
        mujoco.mj_forward(self.model, self.data)
        self.data.qacc_warmstart[:] = 0.0  # start as any fresh simulation of the same state does

    def _perturb(self, qpos: Array, qvel: Array, scale: float) -> Array:
        """Draw a random start into `qpos` and `qvel`; returns activations, shape (na,)."""
        body, spread, rng = self.body, self._spread, self._rng
        joints = qpos[body.joint_qpos_adr] + scale * spread.joint_angle * rng.uniform(-1.0, 1.0, len(body.joint_ids))
        qpos[body.joint_qpos_adr] = np.clip(joints, body.joint_range[:, 0], body.joint_range[:, 1])
        qvel[body.joint_dof_adr] = scale * spread.joint_velocity * rng.uniform(-1.0, 1.0, len(body.joint_ids))
        half = 0.5 * scale * spread.heading * rng.uniform(-1.0, 1.0)
        qpos[3:7] = body.root_quaternion_from_base(np.array([math.cos(half), 0.0, 0.0, math.sin(half)]))
        body.coupling.fill(qpos)
        body.coupling.fill_velocity(qpos, qvel)
        qpos[2] -= body.lowest_point(qpos, self.data)
        return np.clip(scale * spread.activation * rng.uniform(0.0, 1.0, self.model.na), 0.0, 1.0)

    def _read(self) -> BodyState:
        self.readout.read(self._qpos, self._qvel, self._act, self._sensors, self.state)
        self.state.fallen = self._fall.update(self.state, float(self.readout.floor_force(self._sensors)))
        return self.state

    def _fail(self) -> None:
        self._broken = True
        try:
            dump: Path | None = self._recorder.dump(self._flight_folder)
        except UnavailableError as error:
            dump = None
            _log.warning("%s", error)
        where = f"the ticks before it are in {dump}" if dump else "no flight record could be written"
        raise PhysicsError(f"body '{self.body.entry.name}': the physics went bad after tick {self.tick}; {where}", dump)


def _require_clamped(model: mujoco.MjModel, name: str) -> None:
    """Refuse a model that would not clamp every control to 0..1 by itself.

    Raises:
        ConfigurationError: a control range is missing or another one, or clamping is switched off.
    """
    limited = model.actuator_ctrllimited.all() and np.array_equal(model.actuator_ctrlrange, np.tile((0.0, 1.0), (model.nu, 1)))
    if not limited or model.opt.disableflags & int(mujoco.mjtDisableBit.mjDSBL_CLAMPCTRL):
        raise ConfigurationError(f"body '{name}': every actuator must have the control range 0 to 1, and the model must clamp to it")


def _substeps(control_dt: float, physics_dt: float) -> int:
    """Physics steps in a control period.

    Raises:
        ConfigurationError: a period is not positive, or the one is not a whole multiple of the other.
    """
    if not (math.isfinite(control_dt) and math.isfinite(physics_dt) and 0.0 < physics_dt <= control_dt):
        raise ConfigurationError(f"need 0 < physics_dt <= control_dt; got {physics_dt} s and {control_dt} s")
    ratio = control_dt / physics_dt
    if abs(ratio - round(ratio)) > 1e-6 * ratio:
        raise ConfigurationError(f"control_dt must be a whole multiple of physics_dt; got {control_dt} / {physics_dt} = {ratio:.6f}")
    return round(ratio)
