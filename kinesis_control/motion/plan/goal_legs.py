"""Going to a place by legs: for a body that does one thing at a time."""

import math

from kinesis_control.motion.command import Abilities
from kinesis_control.motion.plan.activity import Wish
from kinesis_control.motion.plan.approach import SPIN_SHARE, Goal
from kinesis_control.motion.plan.config import PlanConfig
from kinesis_control.motion.plan.goal import STEER_GAIN, GoTo
from kinesis_control.motion.plan.outcome import Ending
from kinesis_control.motion.plan.route import Follower, shortest
from kinesis_control.motion.plan.track import Track

CURVE_SHARE = 0.7  # of the largest turn rate is planned with, the rest is left for corrections
OFF_ROUTE = 0.6  # farther from the route than this, a new one is planned [m]
FACING = 0.3  # a walk begins within this of the bearing of the goal [rad]
BACK_STEP = 0.25  # speed of the steps back to a goal that was overshot [m/s]
SHORT = 0.06  # a walk is meant to end so far before the goal: a step ahead is safer than one back [m]
NEAR = 0.6  # within this a goal is gone to by steps to any side [m]
PRECISE = 0.08  # as near as steps are made for [m]
ALIGNED = 0.08  # as near as a heading is turned for [rad]
LEGS = 6  # most legs before it is left as it is


class GoByLegs(GoTo):
    """Walk there, turn, stop.

    A body that turns on the spot faces the goal, walks straight, and makes up for the rest with single steps and a last turn.
    One that does not walks the shortest route of curves and straights that arrives with the wanted heading.
    """

    def __init__(self, goal: Goal, abilities: Abilities, config: PlanConfig) -> None:
        super().__init__(goal, abilities, config)
        self._free = abilities.turns_in_place
        self._steps = abilities.sideways and abilities.backward
        self._leg, self._legs, self._axis = "", 0, ""
        self._route: Follower | None = None

    def begin(self, track: Track) -> None:
        """Say how, and set the time limit."""
        super().begin(track)
        self.walks = not self._free or not self._needs_to_face(track)
        self._say(track, self._errors(track)[0] if self._free else self._plan_route(track))

    def wish(self, track: Track, *, flowing: bool) -> Wish | None:
        """What the present leg wants."""
        if not self._leg:
            self._leg = self._next_leg(track)
            self._legs += 1
        leg = {"route": self._follow, "face": self._face, "walk": self._walk, "steps": self._step, "turn": self._turn}.get(self._leg)
        wish = None if leg is None else leg(track)
        if wish is None and self._leg == "face":  # goes over into the walk without a stop
            self._leg = "walk"
            return self._walk(track)
        return wish

    def judge(self, track: Track) -> tuple[Ending, str] | None:
        """Reached, missed, or another leg."""
        self._leg = ""
        if self._legs < LEGS and self._next_leg(track):
            return None
        return self._verdict(track)

    def _needs_to_face(self, track: Track) -> bool:
        return abs(track.to(self.goal.x, self.goal.y)[1]) > FACING

    def _next_leg(self, track: Track) -> str:
        """What to do from here, at rest or at the beginning; nothing when it is as good as it gets."""
        distance, _, off = self._errors(track)
        if not self._free:
            # A second round is worth its way only where the first one failed.
            failed = distance > self.goal.tolerance or abs(off) > self.goal.heading_tolerance
            return "route" if self._legs == 0 or (failed and self._legs < 2) else ""
        if distance > (NEAR if self._steps else max(0.5 * self.goal.tolerance, PRECISE)):
            return "face" if self._needs_to_face(track) else "walk"
        if self._steps and distance > max(0.5 * self.goal.tolerance, PRECISE):
            return "steps"
        return "turn" if abs(off) > ALIGNED else ""

    def _plan_route(self, track: Track) -> float:
        """Plan from here; returns the length [m]."""
        radius = self._config.turn_speed / (CURVE_SHARE * self._can.max_yaw_rate)
        route = shortest((track.x, track.y, track.yaw), (self.goal.x, self.goal.y, self.goal.yaw), radius)
        self._route = Follower(route)
        return route.length

    def _follow(self, track: Track) -> Wish | None:
        if self._route is None:
            self._plan_route(track)
        assert self._route is not None
        left, off = self._route.left(track.x, track.y)
        if off > OFF_ROUTE:
            self._plan_route(track)
            left, _ = self._route.left(track.x, track.y)
        if left <= track.braking:
            self._route = None
            return None
        limit = self._can.max_yaw_rate
        curvature = self._route.curvature(track.x, track.y, track.yaw)
        speed = min(self._speed, max(self._config.turn_speed, CURVE_SHARE * limit / max(abs(curvature), 1e-6)))
        return speed, 0.0, min(max(curvature * speed, -limit), limit)

    def _face(self, track: Track) -> Wish | None:
        bearing = track.to(self.goal.x, self.goal.y)[1]
        return self._spin(track, bearing, 0.5 * FACING)

    def _turn(self, track: Track) -> Wish | None:
        return self._spin(track, self._errors(track)[2], 0.5 * ALIGNED)

    def _spin(self, track: Track, angle: float, enough: float) -> Wish | None:
        """Turn on the spot until the angle that is left is what braking takes."""
        side = math.copysign(1.0, angle)
        if abs(angle) <= enough + (track.turn_braking if track.yaw_rate * side > 0.0 else 0.0):
            return None
        return 0.0, 0.0, side * SPIN_SHARE * self._can.max_turn_in_place

    def _walk(self, track: Track) -> Wish | None:
        distance, bearing = track.to(self.goal.x, self.goal.y)
        along = distance * math.cos(bearing)
        if along <= track.braking + SHORT or track.now - self.began > self.time_limit:
            return None
        limit = self._can.max_yaw_rate
        steer = STEER_GAIN * bearing if distance > 0.5 * NEAR else 0.0
        peak = math.sqrt(self._config.acceleration * along) + track.speed
        return min(self._speed, peak), 0.0, min(max(steer, -limit), limit)

    def _step(self, track: Track) -> Wish | None:
        """Steps along one axis of the body, the one on which more is left: a policy practises no mixture."""
        distance, bearing = track.to(self.goal.x, self.goal.y)
        ahead, left = distance * math.cos(bearing), distance * math.sin(bearing)
        if not self._axis:
            self._axis = "side" if abs(left) > abs(ahead) else "straight"
        apart, braking = (left, track.side_braking) if self._axis == "side" else (ahead, track.braking)
        moving = track.lateral if self._axis == "side" else track.speed
        if abs(apart) <= 0.25 * PRECISE + braking or apart * moving < -1e-6:
            self._axis = ""
            return None
        if self._axis == "side":
            return 0.0, math.copysign(min(self._config.side_speed, self._can.max_lateral), apart), 0.0
        return (self._config.creep_speed if apart > 0.0 else max(-BACK_STEP, self._can.min_speed)), 0.0, 0.0
