"""The batched training environment: mujoco.rollout on threads, and the very observation and reference code of the robot.

No Python runs per sub-step. The reference comes from the shipped gait generator, the observation from
kinesis_control/observation.py, both on the whole batch at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from kinesis_control.contract import ObservationTerm
from kinesis_control.motion.gait_table import GaitTable
from kinesis_control.motion.generator import GaitGenerator
from kinesis_control.observation import ObservationBuilder, rotation_entries, term_size
from kinesis_sim.bodies import Body, load_body
from kinesis_train.feedforward import feed_forward
from kinesis_train.keypoints import KeypointTable
from kinesis_train.physics import BatchPhysics
from kinesis_train.task import CommandSampler, RewardWeights, TaskConfig, tracking_reward

Array = NDArray[np.float64]

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
        task, reward: what is practised and how it is judged.
    """

    envs: int = 64
    control_dt: float = 0.025
    threads: int = 2
    task: TaskConfig = field(default_factory=TaskConfig)
    reward: RewardWeights = field(default_factory=RewardWeights)


@cache
def reference_tables(name: str) -> tuple[KeypointTable, GaitTable, Array]:
    """Of a body: key bodies over the gait table, the table with feed-forward activations in the place of joints, root residuals [N]."""
    body, table = load_body(name), GaitTable.load(name)
    activation, residual = feed_forward(body, table)
    return KeypointTable(body, table), replace(table, joint=activation), residual


class WalkEnv:
    """A batch of bodies that follow the generator's reference.

    Attributes:
        observation: float32, shape (n, size); valid after `reset` and `step`.
        age: ticks since each episode began; shape (n,).
        drive: the gait table with feed-forward activations in the place of joints.
    """

    def __init__(self, body: Body, config: EnvConfig, seed: int) -> None:
        self.body, self.config = body, config
        self.rng = np.random.default_rng(seed)
        n, d = config.envs, body.description
        self.physics = BatchPhysics(body, n, control_dt=config.control_dt, threads=config.threads)
        self.state = self.physics.state
        self.generator = GaitGenerator(d, np.array(REFERENCE_OFFSETS), batch=(n,))
        self.keypoints, self.drive, self.reference_residual = reference_tables(d.name)
        self.builder = ObservationBuilder(observation_terms(body), d, len(REFERENCE_OFFSETS))
        self.observation = np.zeros((n, self.builder.size), dtype=np.float32)
        self.commands = CommandSampler(config.task, n, self.rng)
        self.excitation = np.zeros((n, len(d.muscles)))
        self.age = np.zeros(n, dtype=int)
        self.physics_failures = 0
        self.reset(np.arange(n))

    def practise(self, task: TaskConfig) -> None:
        """Change the task; running episodes go on under it."""
        self.config = replace(self.config, task=task)
        self.commands.config = task

    def reset(self, which: NDArray[np.intp]) -> None:
        """New episodes for the members `which`: standing, or in the middle of a walk."""
        if not len(which):
            return
        task, rng, gen, k = self.config.task, self.rng, self.generator, len(which)
        walking = rng.random(k) < task.walk_starts
        self.commands.draw(which)
        self.commands.draw(which[walking], stand_share=0.0)
        command = self.commands.command
        wanted = np.stack([command.speed[which], command.lateral[which], command.yaw_rate[which]], axis=1)
        gen.velocity[which] = gen.ramp[which] = np.where(walking[:, None], np.clip(wanted, gen.table.low, gen.table.high), 0.0)
        gen.held[which], gen.stopping[which] = gen.ramp[which], ~walking
        gen.phase[which] = np.where(walking, rng.random(k), gen.limits.start_phase)
        gen.position[which] = 0.0
        gen.yaw[which] = rng.uniform(-np.pi, np.pi, k)
        self._place(which, walking)
        self.age[which] = 0
        self.excitation[which] = self.state.muscle_activation[which]
        gen.update(self.state, self.commands.command, 0.0)
        self._observe()

    def _place(self, which: NDArray[np.intp], walking: NDArray[np.bool_]) -> None:
        """Put bodies on their reference, with small random differences."""
        gen, rng, k, j = self.generator, self.rng, len(which), len(self.body.joint_ids)
        velocity, yaw = gen.velocity[which], gen.yaw[which]
        cell = gen.table.cell(velocity)
        gait, rate = gen.table.sample(cell, gen.phase[which]), np.where(walking, gen.table.rate(cell), 0.0)
        values, change = gait.value, rate[:, None] * gait.slope
        sway = values[:, j]
        ahead, aside = velocity[:, 0] - velocity[:, 2] * sway, velocity[:, 1] + change[:, j]
        c, s = np.cos(yaw), np.sin(yaw)
        position = np.stack([-s * sway, c * sway, values[:, j + 1] + 0.002], axis=1)
        moving = np.stack([c * ahead - s * aside, s * ahead + c * aside, change[:, j + 1]], axis=1)
        slack = rng.uniform(0.0, 0.08, (k, 1))
        drive = self.drive.sample(cell, gen.phase[which]).value[:, : self.drive.joint.shape[-1]]
        spin = np.zeros((k, 3))
        spin[:, 2] = velocity[:, 2]
        self.physics.place(
            which,
            position=position,
            yaw=yaw + 0.05 * rng.standard_normal(k),
            velocity=moving + 0.05 * rng.standard_normal((k, 3)),
            spin=spin,
            joints=values[:, :j] + 0.02 * rng.standard_normal((k, j)),
            joint_velocity=change[:, :j] + 0.1 * rng.standard_normal((k, j)),
            activation=np.clip(np.where(walking[:, None], drive, 0.0) + slack, 0.0, 1.0),
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
        self.commands.tick(dt)
        self.age += 1
        self.generator.update(self.state, self.commands.command, dt)
        errors, worst = self._errors()
        reward = tracking_reward(self.config.reward, errors)
        up = rotation_entries(self.state.root_quaternion)[2][2]
        failed = (worst > task.key_error) | (up < 0.75) | broken
        reward[broken] = 0.0
        self.physics_failures += int(broken.sum())
        self._observe()
        return reward, failed, (self.age * dt >= task.episode) & ~failed

    def _observe(self) -> None:
        self.builder.build(self.state, self.generator.window, self.excitation, self.observation)

    def _errors(self) -> tuple[dict[str, Array], Array]:
        """Tracking errors as RewardWeights names them, and the largest key-body error (n,) [m]."""
        gen, state = self.generator, self.state
        position, velocity, joints = self.keypoints.at(gen)
        d = self.physics.key_position - position
        dv = self.physics.key_velocity - velocity
        up = rotation_entries(state.root_quaternion)[2]
        effort = self.excitation.mean(axis=1)
        errors = {
            "position": (d * d).mean(axis=(1, 2)) * 3.0,
            "velocity": (dv * dv).mean(axis=(1, 2)),
            "joints": ((state.joint_position - joints) ** 2).mean(axis=1),
            "tilt": 1.0 - up[2] + 0.1 * (state.root_angular_velocity[:, :2] ** 2).mean(axis=1) * 0.1,
            "effort": effort,
        }
        return errors, np.sqrt((d * d).sum(axis=2)).max(axis=1)
