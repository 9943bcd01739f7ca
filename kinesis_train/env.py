"""The batched training environment: mujoco.rollout on threads, and the very observation and reference code of the robot.

No Python runs per sub-step, and none per member. What is followed comes from a provider (reference.py), the observation
from kinesis_control/observation.py, both on the whole batch at once.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyState
from kinesis_control.contract import ObservationTerm
from kinesis_control.errors import UnavailableError, UnknownNameError
from kinesis_control.motion.gait_table import GaitTable
from kinesis_control.motion.generator import GaitGenerator, heading
from kinesis_control.observation import ObservationBuilder, rotation_entries, term_size
from kinesis_control.reference import ReferenceWindow
from kinesis_sim.bodies import Body
from kinesis_train.disturbance import Disturbance
from kinesis_train.physics import BatchPhysics
from kinesis_train.reference import Reference, Start
from kinesis_train.task import CommandSampler, RewardWeights, TaskConfig, tracking_reward
from kinesis_train.walk_reference import WalkReference

Array = NDArray[np.float64]
log = logging.getLogger(__name__)

# Trunk first; its last two terms are the context of the feed-forward network; then the decoder's tail.
TERMS = (
    ("root_height", 1.0), ("root_up", 1.0), ("root_linear_velocity", 1.0), ("root_angular_velocity", 0.3),
    ("joint_position", 1.0), ("joint_velocity", 0.1), ("muscle_activation", 1.0), ("contact_force", 1e-3),
    ("reference_root_position_error", 3.0), ("reference_root_rotation_error", 1.0), ("reference_joint_error", 1.0),
    ("reference_next_contact", 1.0), ("reference_next_root_linear_velocity", 1.0),
    ("muscle_length", 1.0), ("muscle_velocity", 1.0), ("reference_next_joint_position", 1.0), ("reference_next_joint_velocity", 1.0),
)  # fmt: skip
CONTEXT_TERMS = ("reference_next_contact", "reference_next_root_linear_velocity")
REFERENCE_OFFSETS = (0.025, 0.1, 0.3, 0.6)
LIFT = np.array([0.0, 0.0, 0.002])  # episodes start a little above the floor [m]
MAX_RECORDS = 20
PHYSICS = ("rollout", "warp")
TOPPLED = 0.75  # an episode fails when the cosine between the vertical of body and reference is less


def physics_type(name: str) -> type[BatchPhysics]:
    """One of PHYSICS."""
    if name == "rollout":
        return BatchPhysics
    from kinesis_train.physics_warp import WarpPhysics

    return WarpPhysics


def observation_terms(body: Body, offsets: Sequence[float] = REFERENCE_OFFSETS) -> tuple[ObservationTerm, ...]:
    """The observation of the shipped policies."""
    return tuple(ObservationTerm(name=n, size=term_size(n, body.description, len(offsets)), scale=s) for n, s in TERMS)


@dataclass(frozen=True, kw_only=True)
class EnvConfig:
    """Size and timing of the environment.

    Attributes:
        envs: bodies in the batch.
        control_dt: control period [s].
        threads: rollout threads.
        physics: "rollout" (mujoco.rollout on threads) or "warp" (MuJoCo Warp on a GPU).
        task, reward: what is practised and how it is judged.
        disturbance: how bodies and sensors differ from the model.
    """

    envs: int = 64
    control_dt: float = 0.025
    threads: int = 2
    physics: str = "rollout"
    task: TaskConfig = field(default_factory=TaskConfig)
    reward: RewardWeights = field(default_factory=RewardWeights)
    disturbance: Disturbance = field(default_factory=Disturbance)

    def __post_init__(self) -> None:
        if self.physics not in PHYSICS:
            raise UnknownNameError("physics", self.physics, PHYSICS)


class TrackingEnv:
    """A batch of bodies that follow a reference.

    Attributes:
        reference: what is followed.
        observation: float32, shape (n, size); valid after `reset` and `step`.
        excitation: what was asked of the muscles last, within the slew limit; shape (n, n_muscles).
        age: ticks since each episode began; shape (n,).
        key_distance: how far each key body is from its reference, as of the last `step`; shape (n, B) [m].
        physics_failures: how often the physics of a member broke.
        records: folder for flight records of broken physics, the first MAX_RECORDS of them; None: none are written.
    """

    def __init__(self, body: Body, config: EnvConfig, seed: int, provide: Callable[["TrackingEnv", ReferenceWindow], Reference]) -> None:
        """`provide`: makes the reference; the environment it gets has its `physics`, `state`, `config` and `rng` already."""
        self.body, self.config = body, config
        self.rng = np.random.default_rng(seed)
        n, d = config.envs, body.description
        self.physics = physics_type(config.physics)(body, n, control_dt=config.control_dt, threads=config.threads, disturbance=config.disturbance, seed=seed)
        self.state = self.physics.state
        self._sensed = BodyState.zeros(d, (n,)) if config.disturbance.noise.any else self.state
        self.records: Path | None = None
        self.reference = provide(self, ReferenceWindow.zeros(d, np.array(REFERENCE_OFFSETS), (n,)))
        self.builder = ObservationBuilder(observation_terms(body), d, len(REFERENCE_OFFSETS))
        self.observation = np.zeros((n, self.builder.size), dtype=np.float32)
        self.excitation = np.zeros((n, len(d.muscles)))
        self.age = np.zeros(n, dtype=int)
        self.key_distance = np.zeros((n, len(d.key_body_names)))
        self.physics_failures = 0
        self.reset(np.arange(n))

    def practise(self, task: TaskConfig) -> None:
        """Change the task; running episodes go on under it."""
        self.config = replace(self.config, task=task)
        self.reference.practise(task)

    def reset(self, which: NDArray[np.intp]) -> None:
        """New episodes for the members `which`."""
        if not len(which):
            return
        self._place(which, self.reference.begin(which))
        self.physics.redraw(which, self.rng)
        self.age[which] = 0
        self.excitation[which] = self.state.muscle_activation[which]
        self.reference.update(self.state, 0.0)
        self._observe()

    def _place(self, which: NDArray[np.intp], start: Start) -> None:
        """Put bodies on their reference, with small random differences."""
        rng, k, j, size = self.rng, len(which), len(self.body.joint_ids), self.config.task.start_noise
        slack = rng.uniform(0.0, 0.08, (k, 1))
        self.physics.place(
            which,
            position=start.position + LIFT,
            yaw=start.yaw + 0.05 * size * rng.standard_normal(k),
            lean=start.lean,
            velocity=start.velocity + 0.05 * size * rng.standard_normal((k, 3)),
            spin=start.spin,
            joints=start.joints + 0.02 * size * rng.standard_normal((k, j)),
            joint_velocity=start.joint_velocity + 0.1 * size * rng.standard_normal((k, j)),
            activation=np.clip(start.activation + slack, 0.0, 1.0),
        )

    def step(self, excitation: Array) -> tuple[Array, NDArray[np.bool_], NDArray[np.bool_]]:
        """One control tick; the caller resets finished members.

        Args:
            excitation: shape (n, n_muscles), 0..1.

        Returns:
            reward (n,), failed (n,) and timed_out (n,).
        """
        task, dt = self.config.task, self.config.control_dt
        slew = task.slew_per_s * dt
        self.excitation = np.clip(excitation, self.excitation - slew, self.excitation + slew)
        noise = task.excitation_noise * self.rng.standard_normal(self.excitation.shape)
        pushed = self.rng.random(len(excitation)) < dt / task.push_interval
        self.physics.nudge(pushed, task.push_speed * self.rng.standard_normal((len(excitation), 3)) * (1.0, 1.0, 0.3))
        broken = self.physics.step(np.clip(self.excitation + noise, 0.0, 1.0))
        self.age += 1
        self.reference.update(self.state, dt)
        errors, worst, upright = self._errors()
        reward = tracking_reward(self.config.reward, errors)
        failed = (worst > self.reference.key_error()) | (upright < TOPPLED) | broken
        reward[broken] = 0.0
        if broken.any():
            self._note_broken(np.flatnonzero(broken))
        self._observe()
        timed_out = self.reference.over(self.age, dt) & ~failed
        ended = np.flatnonzero(failed | timed_out)
        if len(ended):
            self.reference.learn(ended, failed[ended])
        return reward, failed, timed_out

    def _note_broken(self, which: NDArray[np.intp]) -> None:
        """Count broken physics and keep a record of it; training goes on where none can be written."""
        for member in which:
            if self.records is not None and self.physics_failures < MAX_RECORDS:
                try:
                    path = self.physics.record(int(member), self.records)
                    log.warning("physics of a training body broke; kinesis_sim.flight_recorder.replay shows it: %s", path.name)
                except UnavailableError as error:
                    log.warning("%s", error)
            self.physics_failures += 1

    def _observe(self) -> None:
        if self._sensed is not self.state:
            self.config.disturbance.noise.apply(self.state, self._sensed, self.rng)
        self.builder.build(self._sensed, self.reference.window, self.excitation, self.observation)

    def _errors(self) -> tuple[dict[str, Array], Array, Array]:
        """Tracking errors as RewardWeights names them, the largest key-body error (n,) [m], and how upright each member is (n,)."""
        state, target = self.state, self.reference.target()
        d = self.physics.key_position - target.position
        dv = self.physics.key_velocity - target.velocity
        up = rotation_entries(state.root_quaternion)[2]
        upright = up[0] * target.up[:, 0] + up[1] * target.up[:, 1] + up[2] * target.up[:, 2]
        spin = state.root_angular_velocity[:, :2] - target.spin
        errors = {
            "position": (d * d).mean(axis=(1, 2)) * 3.0,
            "velocity": (dv * dv).mean(axis=(1, 2)),
            "joints": ((state.joint_position - target.joints) ** 2).mean(axis=1),
            "tilt": 1.0 - upright + 0.1 * (spin**2).mean(axis=1) * 0.1,
            "heading": 1.0 - np.cos(heading(state.root_quaternion) - target.heading),
            "effort": self.excitation.mean(axis=1),
            "muscles": ((state.muscle_activation - target.activation) ** 2).mean(axis=1),
        }
        self.key_distance = np.sqrt((d * d).sum(axis=2))
        return errors, self.key_distance.max(axis=1), upright

    def snapshot(self) -> dict[str, Any]:
        """All that is needed to go on with the running episodes, bit for bit; plain arrays and numbers."""
        return {
            "physics": self.physics.snapshot(), "reference": self.reference.state(), "rng": self.rng.bit_generator.state,
            "age": self.age.copy(), "excitation": self.excitation.copy(), "observation": self.observation.copy(),
            "physics_failures": self.physics_failures,
        }  # fmt: skip

    def restore(self, kept: dict[str, Any]) -> None:
        """Take up what `snapshot` gave, of an environment of the same size and task. The window is filled anew by the next step."""
        self.physics.restore(kept["physics"])
        self.reference.load(kept["reference"])
        self.age[:], self.excitation = kept["age"], kept["excitation"].copy()
        self.physics_failures = kept["physics_failures"]
        self.rng.bit_generator.state = kept["rng"]
        self.observation[:] = kept["observation"]  # the window is filled by the next step; to fill it now could move the reference


class WalkEnv(TrackingEnv):
    """A batch of bodies that follow the generator's reference."""

    reference: WalkReference

    def __init__(self, body: Body, config: EnvConfig, seed: int) -> None:
        super().__init__(body, config, seed, lambda env, window: WalkReference(body, window, config.task, env.rng))

    @property
    def generator(self) -> GaitGenerator:
        """Makes the reference."""
        return self.reference.generator

    @property
    def commands(self) -> CommandSampler:
        """What each member is asked for."""
        return self.reference.commands

    @property
    def drive(self) -> GaitTable:
        """The gait table with feed-forward activations in the place of joints."""
        return self.reference.drive

    @property
    def reference_residual(self) -> Array:
        """Root residual of the gait table [N]."""
        return self.reference.residual
