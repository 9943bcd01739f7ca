"""A point that follows a command exactly, with the accelerations and the lag of the generator, and a plan that drives it."""

import math

import numpy as np

from kinesis_control.body_state import BodyState
from kinesis_control.motion.command import Abilities
from kinesis_control.motion.plan import Ending, MotionPlan, PlanConfig

DT = 0.025
SHIPPED = Abilities()
WIDE = Abilities(min_speed=-0.6, max_speed=1.2, max_lateral=0.3, max_yaw_rate=0.6, max_turn_in_place=0.8)


def state_at(x: float = 0.0, y: float = 0.0, yaw: float = 0.0, *, fallen: bool = False) -> BodyState:
    """A state of which only pose and fall are looked at."""
    empty = np.zeros(1)
    return BodyState(
        fallen=fallen, root_position=np.array([x, y, 0.9]), root_quaternion=np.array([math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2)]),
        joint_position=empty, joint_velocity=empty, muscle_length=empty, muscle_velocity=empty, muscle_tension=empty,
        muscle_activation=empty, contact_force=empty,
    )  # fmt: skip


class Walker:
    """A plan and the point that follows it.

    Attributes:
        plan: given its wishes by the test.
        x, y, yaw, time: where the point is.
        velocity: shape (3,): forward, left, turn.
        said: every text of the plan's events; `endings`: (ticket, ending) of those that ended something.
        fallen: shown to the plan.
    """

    def __init__(self, abilities: Abilities = SHIPPED, config: PlanConfig | None = None) -> None:
        self.plan = MotionPlan(abilities, config)
        self.config = self.plan.config
        self.x = self.y = self.yaw = self.time = 0.0
        self.velocity, self._ramp = np.zeros(3), np.zeros(3)
        self.said: list[str] = []
        self.endings: list[tuple[int, Ending]] = []
        self.fallen = False
        self.tick()

    @property
    def state(self) -> BodyState:
        return state_at(self.x, self.y, self.yaw, fallen=self.fallen)

    def tick(self) -> None:
        """One control period."""
        c, command = self.config, self.plan.command
        for event in self.plan.update(self.state, self.time):
            self.said += [event.text] if event.text else []
            self.endings += [(event.ticket, event.ending)] if event.ending is not None else []
        wanted = np.array([float(command.speed), float(command.lateral), float(command.yaw_rate)])
        most = DT * np.array([c.acceleration, c.lateral_acceleration, c.yaw_acceleration])
        self._ramp += np.clip(wanted - self._ramp, -most, most)
        self.velocity += (self._ramp - self.velocity) * (1.0 - math.exp(-DT / c.lag))
        self.yaw += self.velocity[2] * DT
        self.x += (self.velocity[0] * math.cos(self.yaw) - self.velocity[1] * math.sin(self.yaw)) * DT
        self.y += (self.velocity[0] * math.sin(self.yaw) + self.velocity[1] * math.cos(self.yaw)) * DT
        self.time += DT

    def run(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(round(seconds / DT)):
            self.tick()

    def run_until_idle(self, limit: float = 120.0) -> float:
        """Let time pass until the plan stands with nothing to come and the point rests; returns how long it took [s]."""
        start = self.time
        while self.time - start < limit:
            self.tick()
            if self.plan.idle and np.abs(self.velocity).max() < 1e-3:
                return self.time - start
        raise AssertionError(f"still busy with {self.plan.activity.text} after {limit} s")
