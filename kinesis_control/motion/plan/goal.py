"""Going to a place, and to a heading there: what every way of going there has in common."""

import math

from kinesis_control.motion.command import Abilities
from kinesis_control.motion.plan.activity import Activity
from kinesis_control.motion.plan.approach import Goal
from kinesis_control.motion.plan.config import PlanConfig
from kinesis_control.motion.plan.outcome import Ending, Progress
from kinesis_control.motion.plan.track import Track

STEER_GAIN = 1.5  # turn rate per bearing of the goal [1/s]


class GoTo(Activity):
    """Get there, turn, stop."""

    mode, walks = "goal", True

    def __init__(self, goal: Goal, abilities: Abilities, config: PlanConfig) -> None:
        super().__init__()
        self.goal, self._can, self._config = goal, abilities, config
        self.target = (goal.x, goal.y, goal.yaw)
        self.text = f"walking to ({goal.x:.2f}, {goal.y:.2f})"
        self._speed = min(config.goal_speed, abilities.max_speed)

    def _say(self, track: Track, way: float, how: str = "walking") -> None:
        """Say how, for a way of so many metres, and set the time limit."""
        distance, _, _ = self._errors(track)
        heading = "" if self.goal.yaw is None else f", then facing {math.degrees(self.goal.yaw):.0f} degrees"
        curves = "" if way < distance + 0.3 else f" by curves of {way:.1f} m"
        self.text = f"{how} to ({self.goal.x:.2f}, {self.goal.y:.2f}){heading}, {distance:.1f} m away{curves}"
        self.time_limit = self.goal.time_limit or 2.0 * way / self._config.slowest + 30.0

    def _errors(self, track: Track) -> tuple[float, float, float]:
        """Distance [m], bearing [rad] and heading error [rad]; the last is 0 without a heading."""
        distance, bearing = track.to(self.goal.x, self.goal.y)
        return distance, bearing, 0.0 if self.goal.yaw is None else math.remainder(self.goal.yaw - track.yaw, math.tau)

    def _verdict(self, track: Track, why: str = "") -> tuple[Ending, str]:
        """Reached or missed, by how much, and why."""
        distance, _, off = self._errors(track)
        heading = "" if self.goal.yaw is None else f" and {abs(math.degrees(off)):.0f} degrees"
        if distance <= self.goal.tolerance and abs(off) <= self.goal.heading_tolerance:
            return Ending.SUCCEEDED, f"goal reached within {distance:.2f} m{heading}"
        return Ending.MISSED, f"goal missed by {distance:.2f} m{heading}{', ' * bool(why)}{why}: standing"

    def progress(self, track: Track) -> Progress:
        """Distance and heading still to go."""
        distance, _, off = self._errors(track)
        return Progress(distance=distance, heading_error=off, time_taken=track.now - self.began)

    def change_pace(self, factor: float, abilities: Abilities) -> str:
        """Walk faster or slower."""
        self._speed = min(max(factor * self._speed, self._config.slowest), abilities.max_speed)
        return f"walking at {self._speed:.2f} m/s"
