"""A point that follows a command, exactly or as a body does, with the accelerations and the lag of the generator, and a plan that drives it."""

import math
from collections import deque
from dataclasses import dataclass, replace

import numpy as np

from kinesis_control.body_state import BodyState
from kinesis_control.motion.command import Abilities
from kinesis_control.motion.plan import Ending, MotionPlan, PlanConfig

DT = 0.025
SHIPPED = Abilities()
WIDE = Abilities(min_speed=-0.6, max_speed=1.2, max_lateral=0.3, max_yaw_rate=0.6, max_turn_in_place=0.8)
CREEPING = replace(WIDE, creep=(0.4, 0.2, 0.5))


def state_at(x: float = 0.0, y: float = 0.0, yaw: float = 0.0, *, fallen: bool = False) -> BodyState:
    """A state of which only pose and fall are looked at."""
    empty = np.zeros(1)
    return BodyState(
        fallen=fallen, root_position=np.array([x, y, 0.9]), root_quaternion=np.array([math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2)]),
        joint_position=empty, joint_velocity=empty, muscle_length=empty, muscle_velocity=empty, muscle_tension=empty,
        muscle_activation=empty, contact_force=empty,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Faults:
    """How a body falls short of its reference.

    Attributes:
        gain: of each velocity: ahead, aside, turn.
        delay: of all of them [s].
        scatter: standard deviation of the velocities over half a second, while it moves [m/s], [m/s], [rad/s].
        sway, swing: of place and heading of the root with each step [m], [rad].
        dead: velocities below which nothing happens [m/s], [m/s], [rad/s].
        relax: share of each velocity's last half second that comes back whenever it comes to a stand.
        slip: largest shift in any direction whenever it comes to a stand [m], and turn [rad].
    """

    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    delay: float = 0.0
    scatter: tuple[float, float, float] = (0.0, 0.0, 0.0)
    sway: float = 0.0
    swing: float = 0.0
    dead: tuple[float, float, float] = (0.0, 0.0, 0.0)
    relax: tuple[float, float, float] = (0.0, 0.0, 0.0)
    slip: tuple[float, float] = (0.0, 0.0)


class Walker:
    """A plan and the point that follows it.

    Attributes:
        plan: given its wishes by the test.
        x, y, yaw, time: where the point is.
        velocity: shape (3,): forward, left, turn.
        said: every text of the plan's events; `endings`: (ticket, ending) of those that ended something.
        fallen: shown to the plan.
    """

    def __init__(self, abilities: Abilities = SHIPPED, config: PlanConfig | None = None, faults: Faults | None = None, seed: int = 0) -> None:
        self.plan = MotionPlan(abilities, config)
        self.config = self.plan.config
        self.faults, self._rng = faults or Faults(), np.random.default_rng(seed)
        self.x = self.y = self.yaw = self.time = 0.0
        self.velocity, self._ramp = np.zeros(3), np.zeros(3)
        self._past: deque[np.ndarray] = deque([np.zeros(3)], maxlen=1 + round(self.faults.delay / DT))
        self._noise, self._phase, self._moved, self._latest = np.zeros(3), 0.0, False, np.zeros(3)
        self.said: list[str] = []
        self.endings: list[tuple[int, Ending]] = []
        self.fallen = False
        self.tick()

    @property
    def state(self) -> BodyState:
        away = self.faults.sway * math.sin(self._phase)
        x, y = self.x - away * math.sin(self.yaw), self.y + away * math.cos(self.yaw)
        return state_at(x, y, self.yaw + self.faults.swing * math.sin(self._phase), fallen=self.fallen)

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
        self._past.append(self.velocity.copy())
        self._move(*self._own(self._past[0]))
        self.time += DT

    def _own(self, asked: np.ndarray) -> np.ndarray:
        """What the body makes of a velocity; shape (3,)."""
        moves = bool(np.abs(asked).max() > 1e-3)
        if self._moved and not moves:
            reach, turn = self.faults.slip
            self.x, self.y = self.x + reach * self._rng.uniform(-0.7, 0.7), self.y + reach * self._rng.uniform(-0.7, 0.7)
            self.yaw += turn * self._rng.uniform(-1.0, 1.0)
            back = -0.5 * np.array(self.faults.relax) * self._latest
            self._move(*(back / DT))
        self._moved = moves
        self._phase = (self._phase + math.tau * DT / 1.2) % math.tau if moves else 0.0
        self._noise += -self._noise * DT / 0.5 + math.sqrt(2.0 * DT / 0.5) * np.array(self.faults.scatter) * self._rng.normal(size=3)
        answered = np.where(np.abs(asked) > self.faults.dead, asked, 0.0)
        if np.abs(answered).max() > 0.0:
            self._latest = answered
        return np.array(self.faults.gain) * answered + self._noise * moves

    def _move(self, ahead: float, aside: float, turn: float) -> None:
        self.yaw += turn * DT
        self.x += (ahead * math.cos(self.yaw) - aside * math.sin(self.yaw)) * DT
        self.y += (ahead * math.sin(self.yaw) + aside * math.cos(self.yaw)) * DT

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
