"""Decides from words, goals and velocity commands what the body is asked to do now. Pure: time and state come in."""

import math
from dataclasses import dataclass

from kinesis_control.body_state import BodyState
from kinesis_control.motion.command import MotionCommand
from kinesis_control.motion.generator import heading
from kinesis_control.motion.words import parse


@dataclass(frozen=True, kw_only=True)
class PlanLimits:
    """What the policy was trained for.

    Attributes:
        max_speed: [m/s].
        max_yaw_rate: [rad/s].
        deceleration: with which the generator slows down [m/s^2].
        goal_speed: usual speed towards a goal [m/s].
        slow_speed: speed of the last steps and of tight turns [m/s].
        goal_tolerance: a goal is reached within this distance [m].
        max_goal_distance: goals farther away are refused [m].
        velocity_timeout: a velocity command is dropped after this time without another [s].
    """

    max_speed: float = 1.2
    max_yaw_rate: float = 0.4
    deceleration: float = 0.6
    goal_speed: float = 0.9
    slow_speed: float = 0.5
    goal_tolerance: float = 0.3
    max_goal_distance: float = 100.0
    velocity_timeout: float = 0.5


class MotionPlan:
    """The present intention; the newest command replaces what was there.

    Attributes:
        command: filled in place by `update`.
        mode: "stand", "walk", "velocity" or "goal".
    """

    def __init__(self, limits: PlanLimits | None = None) -> None:
        self.limits = limits or PlanLimits()
        self.command = MotionCommand()
        self.mode = "stand"
        self._speed = self._yaw_rate = 0.0
        self._goal: tuple[float, float] | None = None
        self._velocity_until = 0.0

    def say(self, text: str) -> str:
        """Take a text command; returns the reply."""
        intent = parse(text)
        if not intent.understood:
            return intent.reply
        present = self._speed if self.mode != "stand" else 0.0
        speed = (present if intent.speed is None else intent.speed) + intent.speed_change
        turn = self._yaw_rate if intent.yaw_rate is None else intent.yaw_rate
        note = self._drive(speed, turn, "walk")
        return intent.reply + note

    def velocity(self, speed: float, yaw_rate: float, now: float) -> str:
        """Take a velocity command [m/s], [rad/s]; returns a remark, empty when it is followed as it is."""
        if not (math.isfinite(speed) and math.isfinite(yaw_rate)):
            return f"velocity refused: got speed {speed}, turn rate {yaw_rate}; expected finite numbers"
        self._velocity_until = now + self.limits.velocity_timeout
        return self._drive(speed, yaw_rate, "velocity").strip(" ;()")

    def goal(self, x: float, y: float, state: BodyState) -> str:
        """Take a goal in odom [m]; returns the reply."""
        if not (math.isfinite(x) and math.isfinite(y)):
            return f"goal refused: got ({x}, {y}); expected finite coordinates in odom"
        distance = math.hypot(x - state.root_position[0], y - state.root_position[1])
        if distance > self.limits.max_goal_distance:
            return f"goal refused: it is {distance:.0f} m away; at most {self.limits.max_goal_distance:.0f} m"
        self.mode, self._goal = "goal", (x, y)
        return f"walking to ({x:.2f}, {y:.2f}), {distance:.1f} m away"

    def stop(self) -> None:
        """Come to a stand and forget everything else."""
        self.mode, self._goal, self._speed, self._yaw_rate = "stand", None, 0.0, 0.0

    def _drive(self, speed: float, yaw_rate: float, mode: str) -> str:
        lim = self.limits
        kept_speed, kept_turn = min(max(speed, 0.0), lim.max_speed), min(max(yaw_rate, -lim.max_yaw_rate), lim.max_yaw_rate)
        if kept_speed < 0.05:
            self.stop()
        else:
            self.mode, self._goal, self._speed, self._yaw_rate = mode, None, kept_speed, kept_turn
        if abs(kept_speed - speed) < 1e-6 and abs(kept_turn - yaw_rate) < 1e-6:
            return ""
        return f" (limited to {kept_speed:.2f} m/s and {kept_turn:.2f} rad/s)"

    def update(self, state: BodyState, now: float) -> str:
        """Refresh `command`; returns a reply when something ended, else an empty text."""
        reply = ""
        if self.mode == "velocity" and now > self._velocity_until:
            self.stop()
            reply = "no velocity command for a while: standing"
        if self.mode == "goal":
            reply = self._pursue(state)
        self.command.speed[...] = self._speed
        self.command.yaw_rate[...] = self._yaw_rate
        return reply

    def _pursue(self, state: BodyState) -> str:
        assert self._goal is not None
        lim = self.limits
        dx, dy = self._goal[0] - float(state.root_position[0]), self._goal[1] - float(state.root_position[1])
        distance = math.hypot(dx, dy)
        braking = self._speed**2 / (2.0 * lim.deceleration)
        if distance < max(lim.goal_tolerance * 0.5, braking + 0.05):
            self.stop()
            return f"goal reached within {distance:.2f} m"
        bearing = math.remainder(math.atan2(dy, dx) - float(heading(state.root_quaternion)), 2.0 * math.pi)
        sharp = abs(bearing) > 0.5
        self._speed = lim.slow_speed if sharp or distance < 1.0 else lim.goal_speed
        radius = self._speed / lim.max_yaw_rate
        # A goal inside the turning circle is never reached by turning: walk on until it lies outside.
        inside = distance < 2.0 * radius * abs(math.sin(bearing)) if abs(bearing) < math.pi / 2 else distance < 2.0 * radius
        self._yaw_rate = 0.0 if inside and sharp else min(max(1.5 * bearing, -lim.max_yaw_rate), lim.max_yaw_rate)
        return ""
