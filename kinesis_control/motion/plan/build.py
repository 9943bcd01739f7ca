"""Instructions -> activities of a body with certain abilities: what is limited, what is done another way, what is refused."""

import math
from dataclasses import dataclass, replace

from kinesis_control.errors import KinesisError
from kinesis_control.motion.command import STILL, Abilities
from kinesis_control.motion.instruction import Direction, Instruction, Skill, Unit
from kinesis_control.motion.plan.activity import Activity, Stand
from kinesis_control.motion.plan.amounts import Arc, Move
from kinesis_control.motion.plan.config import PlanConfig

QUARTER = 0.5 * math.pi
USUAL_METRES, USUAL_SECONDS = 3.0, 2.0
"""Amounts of what is said without one although something follows."""


class CannotError(KinesisError):
    """The body cannot do this; the message says why, and what it can do."""


def step_length(speed: float) -> float:
    """Length of one step of a walk [m]: it grows with speed to the power 0.42 (Grieve 1968), 0.65 m at 1.2 m/s."""
    return 0.65 * math.pow(max(abs(speed), 0.2) / 1.2, 0.42)


@dataclass(frozen=True, kw_only=True)
class Builder:
    """Builds activities.

    Attributes:
        abilities: of the body with its policy.
        config: numbers of the plan.
    """

    abilities: Abilities
    config: PlanConfig

    def build(self, instructions: tuple[Instruction, ...]) -> list[Activity]:
        """Every activity in order.

        Raises:
            CannotError: one of them is beyond the body; then none is to be begun.
        """
        activities: list[Activity] = []
        out: float | None = None  # the last way out [m]
        for i, instruction in enumerate(instructions):
            whole = self._complete(instruction, out, last=i == len(instructions) - 1)
            if whole.skill in (Skill.WALK, Skill.RUN, Skill.SIDE_STEP) and not whole.returning:
                out = self._amounts(whole)[0]
            activities += self._activities(whole)
        return activities

    def _complete(self, what: Instruction, out: float | None, *, last: bool) -> Instruction:
        """Fill in an amount that the text leaves open."""
        if what.amount is not None and not (math.isfinite(what.amount) and what.amount >= 0.0):
            raise CannotError(f"an amount of {what.amount} is not one I can carry out; I can: {self.abilities.describe()}")
        if what.amount is None and what.skill is Skill.TURN:
            return replace(what, amount=QUARTER, unit=Unit.RADIAN)
        if what.amount is None and what.returning:
            return replace(what, amount=out or USUAL_METRES, unit=Unit.METRE)
        if what.amount is None and not last:
            if what.skill is Skill.STAND:
                return replace(what, amount=USUAL_SECONDS, unit=Unit.SECOND)
            if what.skill is Skill.CURVE:
                return replace(what, amount=QUARTER, unit=Unit.RADIAN)
            return replace(what, amount=USUAL_METRES, unit=Unit.METRE)
        return what

    def _amounts(self, what: Instruction) -> tuple[float | None, float | None, str]:
        """Metres, seconds, and the amount in words."""
        if what.amount is None:
            return None, None, ""
        if what.unit is Unit.SECOND:
            return None, what.amount, f" for {what.amount:g} s"
        if what.unit is Unit.STEP:
            # Both feet come along in a side step.
            metres = what.amount * (0.15 if what.skill is Skill.SIDE_STEP else step_length(self._pace(what)[0]))
            return metres, None, f" {what.amount:g} step{'s' * (what.amount != 1)} ({metres:.1f} m)"
        return what.amount, None, f" {what.amount:.2f} m"

    def _activities(self, what: Instruction) -> list[Activity]:
        if what.skill is Skill.STAND:
            return [Stand(what.amount if what.unit is Unit.SECOND else None)]
        if what.skill is Skill.TURN:
            return [self._turn(what)]
        if what.skill is Skill.CURVE:
            return [self._curve(what)]
        if what.skill is Skill.SIDE_STEP:
            return [self._side(what)]
        if what.skill in (Skill.WALK, Skill.RUN):
            return self._walk(what)
        raise CannotError(f"this body has not learned to {what.skill.value}; I can: {self.abilities.describe()}")

    def _pace(self, what: Instruction) -> tuple[float, str]:
        """Speed [m/s, not negative] and what is to be said of it."""
        can, c = self.abilities, self.config
        if what.direction is Direction.BACKWARD:
            usual, fastest, slowest = c.back_speed, -can.min_speed, 0.2
        else:
            usual = c.run_speed if what.skill is Skill.RUN or what.running else c.usual_speed
            fastest, slowest = can.max_speed, c.slowest
        wanted = what.speed if what.speed is not None else max(usual * what.pace, slowest)
        if not math.isfinite(wanted) or wanted < 0.0:
            raise CannotError(f"a speed of {wanted} m/s is not one I can keep; I can: {can.describe()}")
        note = f" (limited to {fastest:.2f} m/s)" if wanted > fastest + 1e-6 else ""
        return min(wanted, fastest), note

    def _walk(self, what: Instruction) -> list[Activity]:
        if what.direction in (Direction.LEFT, Direction.RIGHT):
            side = Instruction(skill=Skill.TURN, direction=what.direction, amount=QUARTER, unit=Unit.RADIAN)
            return [self._turn(side), *self._walk(replace(what, direction=Direction.FORWARD))]
        back = what.direction is Direction.BACKWARD
        if back and not self.abilities.backward:
            raise CannotError(f"this policy cannot walk backward; I can: {self.abilities.describe()}")
        speed, note = self._pace(what)
        if speed < STILL:
            return [Stand()]
        if what.unit is Unit.RADIAN:
            raise CannotError("an angle is no amount of a straight walk; say metres, steps or seconds")
        word = "walking backward" if back else "running" if what.skill is Skill.RUN and self.abilities.max_speed > 1.8 else "walking"
        metres, seconds, amount = self._amounts(what)
        text = f"{word}{amount} at {speed:.2f} m/s{note}"
        return [Move((-speed if back else speed, 0.0), self.abilities, self.config, metres=metres, seconds=seconds, text=text)]

    def _side(self, what: Instruction) -> Activity:
        can = self.abilities
        if not can.sideways:
            raise CannotError(f"this policy cannot side step; I can: {can.describe()}")
        if what.direction not in (Direction.LEFT, Direction.RIGHT):
            raise CannotError("a side step needs a side; say left or right")
        wanted = what.speed if what.speed is not None else self.config.side_speed * what.pace
        speed = min(wanted, can.max_lateral)
        metres, seconds, amount = self._amounts(what)
        note = f" (limited to {speed:.2f} m/s)" if wanted > speed + 1e-6 else ""
        text = f"stepping {what.direction.value}{amount} at {speed:.2f} m/s{note}"
        sign = 1.0 if what.direction is Direction.LEFT else -1.0
        return Move((0.0, sign * speed), self.abilities, self.config, metres=metres, seconds=seconds, text=text)

    def _turn(self, what: Instruction) -> Activity:
        can, c = self.abilities, self.config
        right = what.direction is Direction.RIGHT
        sign, word = (-1.0, "right") if right else (1.0, "left")
        if what.unit is Unit.SECOND:
            angle, seconds, amount = None, what.amount, f" for {what.amount:g} s"
        else:
            angle, seconds = what.amount if what.unit is Unit.RADIAN else QUARTER, None
            assert angle is not None
            amount = f" by {math.degrees(angle):.0f} degrees"
        if can.turns_in_place:
            rate = 0.8 * can.max_turn_in_place * min(max(what.pace, 0.5), 1.25)
            return Arc((0.0, sign * rate), can, c, angle=angle, seconds=seconds, text=f"turning {word}{amount} on the spot")
        rate = 0.9 * can.max_yaw_rate
        speed = min(c.turn_speed, can.max_speed)
        text = f"turning {word}{amount} in a walking curve of {speed / rate:.1f} m radius, as this policy cannot turn on the spot"
        return Arc((speed, sign * rate), can, c, angle=angle, seconds=seconds, text=text)

    def _curve(self, what: Instruction) -> Activity:
        can, c = self.abilities, self.config
        sign, word = (-1.0, "right") if what.direction is Direction.RIGHT else (1.0, "left")
        if what.direction is Direction.BACKWARD:
            raise CannotError(f"a curve is walked forward; I can: {can.describe()}")
        speed, note = self._pace(what)
        wanted = what.radius if what.radius is not None else c.usual_radius
        radius = max(wanted, min(c.turn_speed, speed) / can.max_yaw_rate)
        kept = min(speed, can.max_yaw_rate * radius)
        if kept < speed - 1e-6:
            note = " (as fast as it can in this curve)"
        if radius > wanted + 1e-6 and what.radius is not None:
            note += f" (the tightest it can, {wanted:g} m was asked for)"
        speed = max(kept, STILL)
        angle = what.amount if what.unit is Unit.RADIAN else None
        metres, seconds, amount = (None, None, f" by {math.degrees(angle):.0f} degrees") if angle is not None else self._amounts(what)
        text = f"walking in a curve to the {word}{amount}, radius {radius:.1f} m, at {speed:.2f} m/s{note}"
        return Arc((speed, sign * speed / radius), can, c, angle=angle, metres=metres, seconds=seconds, text=text)
