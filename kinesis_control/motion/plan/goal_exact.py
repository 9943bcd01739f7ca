"""Going to a place, and to a heading there, with a body that can step any way at once."""

import math
from dataclasses import dataclass

from kinesis_control.motion.command import Abilities
from kinesis_control.motion.plan.activity import Wish
from kinesis_control.motion.plan.approach import BACK, SPIN_SHARE, Approach, Goal, slowing
from kinesis_control.motion.plan.config import PlanConfig
from kinesis_control.motion.plan.goal import STEER_GAIN, GoTo
from kinesis_control.motion.plan.outcome import Ending
from kinesis_control.motion.plan.track import Track

NEAR = 1.0  # the last steps begin so long before the goal at their full speed [s]
CURVING = 0.8  # a walk forward begins within this of the bearing of the goal, and curves towards it [rad]
FACING = 0.15  # a walk backward or to a side begins within this, as it is not turned on the way [rad]
ASTRAY, BESIDE = 1.2, 0.8  # so far off its bearing a body has lost the goal [rad]: this near to it, the last steps take over [m]
START_S = 1.0  # what starting a walk costs besides, and a turn before it [s]


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way of getting there.

    Attributes:
        name: in words.
        side: direction of travel, to the left of the heading [rad].
        speed: [m/s]; 0: by the last steps alone.
        slow: at its end, where the last steps begin [m/s].
        facing: it begins within this of its direction [rad].
        most: nobody goes farther this way [m].
    """

    name: str
    side: float = 0.0
    speed: float = 0.0
    slow: float = 0.0
    facing: float = math.pi
    most: float = math.inf


STEPS = Way(name="stepping", most=1.2)


def ways(can: Abilities, config: PlanConfig) -> list[Way]:
    """What a body can do: first of all walk forward, which is steered; or step all the way, perhaps walk backward or aside."""
    ahead, aside, _ = can.creep
    forward = min(config.goal_speed, can.max_speed)
    found = [Way(name="walking", speed=forward, slow=min(ahead, forward), facing=CURVING), STEPS]
    if can.backward:
        back = min(config.back_speed, -can.min_speed)
        found.append(Way(name="walking backward", side=math.pi, speed=back, slow=min(BACK * ahead, back), facing=FACING, most=1.0))
    if can.sideways:
        speed = min(config.side_speed, can.max_lateral)
        slow = min(aside, speed)
        found += [Way(name="stepping aside", side=side, speed=speed, slow=slow, facing=FACING, most=0.8) for side in (0.5 * math.pi, -0.5 * math.pi)]
    return found


class GoExactly(GoTo):
    """The quickest way there, which goes over into slow steps that end at the place and the heading."""

    def __init__(self, goal: Goal, abilities: Abilities, config: PlanConfig) -> None:
        super().__init__(goal, abilities, config)
        self._way, self._approach = STEPS, Approach(goal, abilities, config)
        self._going = self._arrived = False

    def begin(self, track: Track) -> None:
        """Choose a way and say so."""
        super().begin(track)
        distance = self._errors(track)[0]
        possible = [way for way in ways(self._can, self._config) if distance <= way.most]
        self._way = min(possible, key=lambda way: self._seconds(way, track))
        self.walks = self._way.side == 0.0 and self._way.speed > 0.0 and abs(self._off(track)) <= CURVING
        self._say(track, distance, self._way.name)

    def _seconds(self, way: Way, track: Track) -> float:
        """About how long a way takes."""
        most_ahead, most_aside, most_turn = self._can.creep
        if way.speed == 0.0:
            ahead, left, off = self.goal.errors(track)
            return max(abs(ahead) / (most_ahead if ahead > 0.0 else BACK * most_ahead), abs(left) / most_aside, abs(off) / most_turn)
        distance, bearing, off = self._errors(track)
        first = math.remainder(bearing - way.side, math.tau)
        turn = max(abs(first) - way.facing, 0.0)
        last = 0.0 if self.goal.yaw is None else abs(math.remainder(off - first, math.tau))
        return START_S * (1.0 + (turn > 0.0)) + turn / (SPIN_SHARE * self._can.max_turn_in_place) + distance / way.speed + last / most_turn

    def _off(self, track: Track) -> float:
        """Bearing of the goal to the left of the direction of travel [rad]."""
        return math.remainder(self._errors(track)[1] - self._way.side, math.tau)

    def wish(self, track: Track, *, flowing: bool) -> Wish | None:
        """Facing, going and the last steps go over into one another without a stop."""
        self._arrived = self._arrived or self._arrives(track)
        if self._arrived:
            return self._approach.wish(track)
        off = self._off(track)
        if self._going and abs(off) > ASTRAY:  # whichever way it went, from here on it is steered
            self._going, self._way = False, ways(self._can, self._config)[0]
            off = self._off(track)
        if not self._going:
            if abs(off) > self._way.facing:
                return 0.0, 0.0, math.copysign(SPIN_SHARE * self._can.max_turn_in_place, off)
            self._going = True
        return self._go(track)

    def _arrives(self, track: Track) -> bool:
        """Whether it is near enough for the last steps, or goes by."""
        distance, way = self._errors(track)[0], self._way
        return way.speed == 0.0 or distance <= NEAR * way.slow or (self._going and distance <= BESIDE and abs(self._off(track)) > ASTRAY)

    def _go(self, track: Track) -> Wish:
        distance, off, way = self._errors(track)[0], self._off(track), self._way
        rest = distance - NEAR * way.slow
        if abs(math.sin(way.side)) > 0.5:
            return 0.0, math.copysign(min(way.speed, slowing(rest, way.slow, self._config.lateral_acceleration)), way.side), 0.0
        most = slowing(rest, way.slow, self._config.acceleration)
        if way.side:
            return -min(way.speed, most), 0.0, 0.0
        limit = self._can.max_yaw_rate
        return min(self._speed, most) * max(math.cos(off), 0.0), 0.0, min(max(STEER_GAIN * off, -limit), limit)

    def change_pace(self, factor: float, abilities: Abilities) -> str:
        """Walk faster or slower; single steps have one speed."""
        return super().change_pace(factor, abilities) if self._way.name == "walking" and not self._arrived else ""

    def judge(self, track: Track) -> tuple[Ending, str] | None:
        """Reached, missed and why, or another round."""
        if self._approach.again(track):
            return None
        return self._verdict(track, self._approach.why)
