"""Walking, running and stepping, by their directions; the way back."""

import math
from dataclasses import replace

from kinesis_control.motion.instruction import Direction, Instruction, Skill, Unit
from kinesis_control.motion.words.clause import Clause
from kinesis_control.motion.words.lexicon import SLOW, Verb
from kinesis_control.motion.words.meant import HALF, MAX_INSTRUCTIONS, QUARTER, SIDES, TURNERS, WALKERS, RefusalError
from kinesis_control.motion.words.movements import Movements
from kinesis_control.motion.words.shapes import there_and_back


class Going(Movements):
    """Movements from place to place; the outermost of the classes that make instructions."""

    def _made(self, c: Clause) -> list[Instruction]:
        if c.kind is None and not c.shape:
            self._verbless(c)
        if c.shape:
            return self._shaped(c)
        if c.kind in (Verb.STAND, Verb.STOP):
            return [self._stand(c)]
        if c.kind is Verb.KICK:
            return [Instruction(skill=Skill.KICK, pace=c.pace)]
        if c.kind in TURNERS:
            return self._turn(c)
        if "inplace" in c.directions or "still" in c.directions:
            return self._in_place(c)
        if c.kind is Verb.RETURN:
            return self._back(c)
        return self._go(c)

    def _go(self, c: Clause) -> list[Instruction]:
        """Walkers and runners, by their directions."""
        self._speed_from_two_amounts(c)
        where = set(c.directions)
        if "backandforth" in where or "sidetoside" in where:
            return self._there_and_back(c)
        if c.connector in ("join", "while") and c.kind is Verb.CURVE and self.last is not None and self.last.kind in WALKERS:
            return self._curve(c, self._default_side(c))
        if c.kind is Verb.CURVE and (self._side(c) is not None or "forward" not in where):
            return self._curve(c, self._default_side(c))
        if "diagonal" in where:
            return self._diagonal(c)
        if self._is_side_step(c):
            return self._side_step(c)
        if "back" in where and c.amounts and c.kind is not Verb.STEP and self._just_turned():
            return [replace(i, returning=True) for i in self._straight(replace(c, directions=["forward"]))]
        if "back" in where and self._side(c) is None and c.kind is not Verb.STEP and not c.amounts and (self._outward() is not None or self._just_turned()):
            return self._back(c)
        return self._straight(c)

    def _speed_from_two_amounts(self, c: Clause) -> None:
        """ "three metres in five seconds" is a speed."""
        if sorted(a.unit for a in c.amounts) == ["m", "s"]:
            length, time = sorted(c.amounts, key=lambda a: a.unit)
            if length.value and time.value:
                c.speed = length.value / time.value
                c.amounts = [length]

    def _is_side_step(self, c: Clause) -> bool:
        side = self._side(c) is not None
        if c.kind is Verb.SIDE or "sideways" in c.directions:
            return True
        if side and c.kind is Verb.MOVE and (c.steps or any(a.unit == "steps" for a in c.amounts)):
            return True
        return side and c.kind in (Verb.STEP, Verb.SHUFFLE) and "forward" not in c.directions and "backward" not in c.directions

    def _side_step(self, c: Clause) -> list[Instruction]:
        amount, unit = self._amount(c, ("m", "s", "steps"))
        if amount is None and c.kind is Verb.STEP and not c.steps and c.form != "ing":
            amount, unit = 1.0, Unit.STEP
        side = self._side(c)
        if side is None and {"back", "opposite"} & set(c.directions) and self._outward() is not None:
            return self._back(c)
        return [Instruction(skill=Skill.SIDE_STEP, direction=side or self._default_side(c), amount=amount, unit=unit, pace=c.pace, speed=c.speed)]

    def _diagonal(self, c: Clause) -> list[Instruction]:
        side, backward = self._side(c), "backward" in c.directions or "back" in c.directions
        walk = self._straight(replace(c, directions=["backward" if backward else "forward"]))
        if side is None:
            self.meant.take("diagonally without a side as straight")
            return walk
        self.meant.take("diagonally as a turn of 45 degrees and then straight")
        turned = side if not backward else SIDES["left" if side is Direction.RIGHT else "right"]
        return [Instruction(skill=Skill.TURN, direction=turned, amount=math.pi / 4, unit=Unit.RADIAN), *walk]

    def _straight(self, c: Clause) -> list[Instruction]:
        where = set(c.directions)
        side = self._side(c)
        backward = c.kind is Verb.BACK or "backward" in where or ("back" in where and "forward" not in where and (side is None or not self.meant.instructions))
        if "forward" in where and "backward" in where:
            raise RefusalError("forward and backward at once; say 'then' between them")
        if side is not None and backward:
            return self._diagonal(c)
        if side is not None:
            return self._to_a_side(c, side)
        amount, unit = self._amount(c, ("m", "s", "steps"))
        if amount is None and c.kind is Verb.STEP and not c.steps and c.form in ("base", "s", "ed"):
            amount, unit = 1.0, Unit.STEP
        if "around" in where:
            self.meant.take("'around' as straight ahead")
        if c.kind is Verb.SHUFFLE:
            c.pace *= SLOW
            self.meant.undone += ["the shuffle"] if "the shuffle" not in self.meant.undone else []
        skill = Skill.RUN if c.kind is Verb.RUN else Skill.WALK
        if "opposite" in where and not self._just_turned():
            turn = Instruction(skill=Skill.TURN, direction=Direction.LEFT, amount=HALF, unit=Unit.RADIAN)
            return [turn, Instruction(skill=skill, direction=Direction.FORWARD, amount=amount, unit=unit, speed=c.speed, pace=c.pace)]
        direction = Direction.BACKWARD if backward else Direction.FORWARD
        return [Instruction(skill=skill, direction=direction, amount=amount, unit=unit, speed=c.speed, pace=c.pace)]

    def _to_a_side(self, c: Clause, side: Direction) -> list[Instruction]:
        """ "walks to the left": the path goes to the left; with a length it is a place, so a turn and then that length."""
        if any(a.unit == "m" for a in c.amounts) and not c.clock and "forward" not in c.directions:
            turn = Instruction(skill=Skill.TURN, direction=side, amount=QUARTER, unit=Unit.RADIAN)
            walk = self._straight(replace(c, directions=["forward"]))
            self.meant.take(f"to the {side.value} with a length as a turn of 90 degrees and then straight")
            return [turn, *walk]
        return self._curve(c, side)

    def _outward(self) -> Instruction | None:
        for done in reversed(self.meant.instructions):
            if done.skill in (Skill.WALK, Skill.RUN, Skill.SIDE_STEP, Skill.CURVE):
                return done
        return None

    def _just_turned(self) -> bool:
        return bool(self.meant.instructions) and self.meant.instructions[-1].skill is Skill.TURN

    def _back(self, c: Clause) -> list[Instruction]:
        """The way back of the last leg: turned round unless that was said, sideways and backwards without turning."""
        out = self._outward()
        if out is None:
            if self._just_turned():
                return self._straight(replace(c, kind=Verb.RUN if c.kind is Verb.RUN else Verb.WALK, directions=["forward"]))
            if c.kind is Verb.RETURN or "startpoint" in c.extra or c.kind is Verb.MOVE:
                if self.meant.instructions:
                    return self._straight(replace(c, kind=Verb.WALK, directions=["forward"]))
                raise RefusalError("there is no way out in this text to come back from", "walk backward, turn around")
            return self._straight(replace(c, directions=["backward"]))
        done = self.meant.instructions
        turned = any(d.skill is Skill.TURN for d in done[len(done) - 1 - done[::-1].index(out) :])
        amount, unit = (out.amount, out.unit) if not c.amounts else self._amount(c, ("m", "s", "steps"))
        same = Skill.RUN if out.running else Skill.WALK if out.skill is Skill.CURVE else out.skill
        if out.skill is Skill.CURVE and unit is Unit.RADIAN:
            amount, unit = None, None
        skill = same if c.kind in (Verb.RETURN, Verb.MOVE) else Skill.RUN if c.kind is Verb.RUN else Skill.WALK
        pace = c.pace if c.pace != 1.0 else out.pace if skill is out.skill else 1.0
        back = Instruction(skill=skill, direction=Direction.FORWARD, amount=amount, unit=unit, pace=pace, speed=c.speed, returning=True)
        if out.skill is Skill.SIDE_STEP and not turned:
            other = Direction.RIGHT if out.direction is Direction.LEFT else Direction.LEFT
            return [replace(back, skill=Skill.SIDE_STEP, direction=other)]
        if turned or out.direction is Direction.BACKWARD:
            return [back]
        if "backward" in c.directions:
            return [replace(back, direction=Direction.BACKWARD)]
        self.meant.take("'back' as turning around and then the same way")
        return [Instruction(skill=Skill.TURN, direction=Direction.LEFT, amount=HALF, unit=Unit.RADIAN), back]

    def _there_and_back(self, c: Clause) -> list[Instruction]:
        amount, unit = self._amount(c, ("m", "steps"))
        times = int(c.times or c.count or 1)
        if times > MAX_INSTRUCTIONS:
            raise RefusalError(f"that comes to more than {MAX_INSTRUCTIONS} movements")
        if not c.times:
            self.meant.take("once, because no number of times was said")
        c.times = 0.0
        sideways = "sidetoside" in c.directions or c.kind in (Verb.SIDE,) or "sideways" in c.directions
        skill = Skill.SIDE_STEP if sideways else Skill.RUN if c.kind is Verb.RUN else Skill.WALK
        return there_and_back(skill, amount, unit, c.pace, times)
