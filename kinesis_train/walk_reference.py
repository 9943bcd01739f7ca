"""The gait generator as a provider of references: commands are drawn, and the shipped generator follows them."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyState
from kinesis_control.motion.gait_table import GaitTable
from kinesis_control.motion.generator import GaitGenerator
from kinesis_control.reference import ReferenceWindow
from kinesis_sim.bodies import Body, load_body
from kinesis_train.feedforward import feed_forward
from kinesis_train.keypoints import KeypointTable
from kinesis_train.reference import Index, Mask, Reference, Start, Target
from kinesis_train.task import CommandSampler, TaskConfig

Array = NDArray[np.float64]
KEPT = ("velocity", "ramp", "acceleration", "held", "stopping", "phase", "yaw", "position", "rate", "anchored")


@cache
def reference_tables(name: str, timing: float = 0.0) -> tuple[KeypointTable, GaitTable, Array]:
    """Of a body: key bodies over the gait table, the table with feed-forward activations in the place of joints, root residuals [N].

    `timing`: level of the prior of usual muscle timing.
    """
    body, table = load_body(name), GaitTable.load(name)
    activation, residual = feed_forward(body, table, timing)
    return KeypointTable(body, table), replace(table, joint=activation), residual


class WalkReference(Reference):
    """Standing and walking under commands that change.

    Attributes:
        generator: makes the window.
        commands: what each member is asked for.
        drive: the gait table with feed-forward activations in the place of joints.
        residual: root residual of the gait table [N].
    """

    def __init__(self, body: Body, window: ReferenceWindow, task: TaskConfig, rng: np.random.Generator, timing: float = 0.0) -> None:
        n, d = window.phase.shape[0], body.description
        self.body, self.task, self.rng, self.window = body, task, rng, window
        self.generator = GaitGenerator(d, window.time_offsets, batch=(n,))
        self.generator.window = window
        self.keypoints, self.drive, self.residual = reference_tables(d.name, timing)
        self.commands = CommandSampler(task, n, rng)

    def practise(self, task: TaskConfig) -> None:
        self.task = self.commands.config = task

    def begin(self, which: Index) -> Start:
        """Standing, or in the middle of a walk."""
        task, rng, gen, k = self.task, self.rng, self.generator, len(which)
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
        gen.anchored[which] = 1.0 if task.free_share == 0.0 else rng.random(k) >= task.free_share
        return self._start(which, walking)

    def _start(self, which: Index, walking: Mask) -> Start:
        gen, j = self.generator, len(self.body.joint_ids)
        velocity, yaw = gen.velocity[which], gen.yaw[which]
        cell = gen.table.cell(velocity)
        gait, rate = gen.table.sample(cell, gen.phase[which]), np.where(walking, gen.table.rate(cell), 0.0)
        values, change = gait.value, rate[:, None] * gait.slope
        sway = values[:, j]
        ahead, aside = velocity[:, 0] - velocity[:, 2] * sway, velocity[:, 1] + change[:, j]
        c, s = np.cos(yaw), np.sin(yaw)
        spin = np.zeros((len(which), 3))
        spin[:, 2] = velocity[:, 2]
        return Start(
            position=np.stack([-s * sway, c * sway, values[:, j + 1]], axis=1),
            yaw=yaw,
            velocity=np.stack([c * ahead - s * aside, s * ahead + c * aside, change[:, j + 1]], axis=1),
            spin=spin,
            joints=values[:, :j],
            joint_velocity=change[:, :j],
            activation=self._drive(velocity, gen.phase[which]),
        )

    def _drive(self, velocity: Array, phase: Array) -> Array:
        """Feed-forward activations of walks; none where the body stands."""
        activation = self.drive.sample(self.drive.cell(velocity), phase).value[:, : self.drive.joint.shape[-1]]
        return np.asarray(np.where(velocity.any(axis=1)[:, None], activation, 0.0))

    def update(self, state: BodyState, dt: float) -> None:
        if dt > 0.0:
            self.commands.tick(dt)
        self.generator.update(state, self.commands.command, dt)

    def target(self) -> Target:
        position, velocity, joints = self.keypoints.at(self.generator)
        up = np.zeros((len(position), 3))
        up[:, 2] = 1.0
        return Target(
            position=position, velocity=velocity, joints=joints, up=up, heading=self.generator.yaw.copy(), spin=np.zeros((len(position), 2)),
            activation=self._drive(self.generator.velocity, self.generator.phase),
        )  # fmt: skip

    def key_error(self) -> Array:
        return np.full(len(self.generator.phase), self.task.key_error)

    def over(self, age: Index, dt: float) -> Mask:
        return age * dt >= self.task.episode

    def state(self) -> dict[str, Any]:
        kept = {name: getattr(self.generator, name).copy() for name in KEPT}
        command = {f"command_{k}": v.copy() for k, v in vars(self.commands.command).items()}
        return kept | command | {"left": self.commands.left.copy()}

    def load(self, state: dict[str, Any]) -> None:
        for name in KEPT:
            getattr(self.generator, name)[...] = state[name]
        for name, array in vars(self.commands.command).items():
            array[...] = state[f"command_{name}"]
        self.commands.left[...] = state["left"]
