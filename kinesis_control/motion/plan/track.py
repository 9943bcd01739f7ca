"""What the plan knows of the body's way: how far it came, how far it turned, and what the reference does now."""

import math

from kinesis_control.body_state import BodyState
from kinesis_control.motion.command import MotionCommand
from kinesis_control.motion.generator import heading
from kinesis_control.motion.plan.config import PlanConfig

SWING_TIME = 0.6
"""Time constant with which the tracked heading and place follow the pelvis, which swings to both sides with every step [s]."""

REST_TIME = 0.1
"""The same while the reference rests."""


class Track:
    """Odometry of the body along and across its own heading, and the ramp of the reference that follows the command.

    Attributes:
        now: time on the clock of the states [s].
        x, y: the root in odom [m].
        mid_x, mid_y: the root without the sway of the steps [m].
        yaw: heading without the swing of the steps, counted on beyond a full turn [rad].
        forward, left: way along and across the heading since the start, signed [m].
        speed, lateral, yaw_rate: what a generator with the accelerations of the configuration does now [m/s], [rad/s].
        resting: how long that has been zero [s].
        stop_wait: how long a stop that is asked for now waits for its phase [s].
        known: a state was seen since the start or the last `forget`.
    """

    def __init__(self, config: PlanConfig) -> None:
        self._config = config
        self.now = self.x = self.y = self.yaw = self.forward = self.left = 0.0
        self.mid_x = self.mid_y = 0.0
        self.speed = self.lateral = self.yaw_rate = self.resting = 0.0
        self.stop_wait = 0.0
        self.known = False

    def forget(self) -> None:
        """The body was put somewhere else: nothing before counts."""
        self.known = False

    def update(self, state: BodyState, now: float, command: MotionCommand) -> None:
        """Take in a state at `now` [s] and the command that was given since the last one."""
        x, y, yaw = float(state.root_position[0]), float(state.root_position[1]), float(heading(state.root_quaternion))
        if not self.known:
            self.x, self.y, self.yaw, self.now, self.known = x, y, yaw, now, True
            self.mid_x, self.mid_y = x, y
            self.speed = self.lateral = self.yaw_rate = self.resting = 0.0
        dt = max(now - self.now, 0.0)
        self._ramp(command, dt)
        # The reference's velocity carries heading and place on, so that the filter adds no lag in a steady walk or turn.
        share = 1.0 - math.exp(-dt / (REST_TIME if self.resting else SWING_TIME))
        self.yaw += self.yaw_rate * dt
        self.yaw += share * math.remainder(yaw - self.yaw, math.tau)
        c, s, dx, dy = math.cos(self.yaw), math.sin(self.yaw), x - self.x, y - self.y
        self.mid_x += (c * self.speed - s * self.lateral) * dt
        self.mid_y += (s * self.speed + c * self.lateral) * dt
        self.mid_x += share * (x - self.mid_x)
        self.mid_y += share * (y - self.mid_y)
        self.forward += c * dx + s * dy
        self.left += c * dy - s * dx
        self.x, self.y, self.now = x, y, now

    def _ramp(self, command: MotionCommand, dt: float) -> None:
        c = self._config
        if self.stop_wait > 0.0 and float(command.speed) == float(command.lateral) == float(command.yaw_rate) == 0.0:
            return
        self.speed = _towards(self.speed, float(command.speed), c.acceleration * dt)
        self.lateral = _towards(self.lateral, float(command.lateral), c.lateral_acceleration * dt)
        self.yaw_rate = _towards(self.yaw_rate, float(command.yaw_rate), c.yaw_acceleration * dt)
        still = abs(self.speed) + abs(self.lateral) + abs(self.yaw_rate) < 1e-9
        self.resting = self.resting + dt if still else 0.0

    @property
    def braking(self) -> float:
        """Way from the present forward speed to a stand [m]."""
        return self.speed**2 / (2.0 * self._config.acceleration) + (self._config.lag + self.stop_wait) * abs(self.speed)

    @property
    def side_braking(self) -> float:
        """Way from the present sideways speed to a stand [m]."""
        return self.lateral**2 / (2.0 * self._config.lateral_acceleration) + (self._config.lag + self.stop_wait) * abs(self.lateral)

    @property
    def turn_braking(self) -> float:
        """Angle from the present turn rate to none [rad]."""
        return self.yaw_rate**2 / (2.0 * self._config.yaw_acceleration) + (self._config.lag + self.stop_wait) * abs(self.yaw_rate)

    def to(self, x: float, y: float) -> tuple[float, float]:
        """A place in odom as (distance [m], bearing to the left of the heading [rad])."""
        dx, dy = x - self.x, y - self.y
        return math.hypot(dx, dy), math.remainder(math.atan2(dy, dx) - self.yaw, math.tau)


def _towards(value: float, goal: float, step: float) -> float:
    return value + min(max(goal - value, -step), step)
