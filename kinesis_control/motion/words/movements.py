"""One clause -> its instructions: stands, turns and shapes here, walks in going.py."""

import math
from dataclasses import replace

from kinesis_control.motion.instruction import Direction, Instruction, Skill, Unit
from kinesis_control.motion.words.clause import Amount, Clause
from kinesis_control.motion.words.lexicon import Verb
from kinesis_control.motion.words.meant import FULL, HALF, QUARTER, SIDES, SLIGHT, TURNERS, Meant, RefusalError
from kinesis_control.motion.words.shapes import SHAPES, circle


class Movements:
    """Turns a clause into instructions, knowing what came before and what comes next.

    Attributes:
        caption: the text describes somebody ("he walks") rather than commands.
        meant: what the text comes to so far.
        last: the clause whose verb a following one without a verb takes over.
        following: the clause after the one that is read.
    """

    def __init__(self, caption: bool) -> None:
        self.caption = caption
        self.meant = Meant()
        self.last: Clause | None = None
        self.following: Clause | None = None

    def _verbless(self, c: Clause) -> None:
        """Words alone: "left", "forward three metres", "still"."""
        steps = c.steps or any(a.unit == "steps" for a in c.amounts)
        if steps:
            c.kind = Verb.STEP
            c.form = "noun"
        elif "still" in c.directions or "inplace" in c.directions:
            c.kind = Verb.STAND
        elif c.bare is not None and c.does:
            c.kind = Verb.TURN
        elif {"left", "right", "around", "opposite"} & set(c.directions) and not {"forward", "backward", "diagonal"} & set(c.directions):
            if {"left", "right"} <= set(c.directions):
                raise RefusalError("left and right at once; say one of them")
            c.kind = Verb.SIDE if "sideways" in c.directions else Verb.TURN
        elif c.directions or (c.amounts and any(a.unit == "m" for a in c.amounts)) or c.speed is not None or c.pace != 1.0 or c.auxiliary == "proceed":
            c.kind = Verb.SIDE if "sideways" in c.directions else Verb.MOVE
        elif c.auxiliary:
            raise RefusalError(f"'{c.auxiliary}' needs a movement with it", "walk")
        else:
            raise RefusalError("no movement is named in it")

    def _stand(self, c: Clause) -> Instruction:
        amount, unit = self._amount(c, ("s",))
        return Instruction(skill=Skill.STAND, amount=amount, unit=unit)

    def _in_place(self, c: Clause) -> list[Instruction]:
        if c.kind is Verb.MOVE and "still" in c.directions:
            return [self._stand(c)]
        raise RefusalError("walking or running in place is not known", "stand still, walk, run")

    def _side(self, c: Clause) -> Direction | None:
        sides = [d for d in c.directions if d in SIDES]
        if len(set(sides)) > 1:
            raise RefusalError("left and right at once; say one of them, or 'then' between them")
        return SIDES[sides[0]] if sides else None

    def _default_side(self, c: Clause) -> Direction:
        side = self._side(c)
        if side is None:
            if "opposite" in c.directions:
                for done in reversed(self.meant.instructions):
                    if done.direction in (Direction.LEFT, Direction.RIGHT):
                        return Direction.RIGHT if done.direction is Direction.LEFT else Direction.LEFT
            self.meant.take("no side was said, so left")
            return Direction.LEFT
        return side

    def _amount(self, c: Clause, units: tuple[str, ...], bare_unit: str = "") -> tuple[float | None, Unit | None]:
        """The one amount of a clause, in a unit that fits it."""
        amounts = list(c.amounts)
        if c.bare is not None:
            if not bare_unit:
                raise RefusalError(f"{c.bare:g} of what? Say metres, steps, seconds or degrees")
            self.meant.take(f"{c.bare:g} as degrees")
            amounts.append(Amount(value=math.radians(c.bare), unit=bare_unit))
        if not amounts:
            return None, None
        if len(amounts) > 1:
            raise RefusalError("two amounts for one movement; say one of them")
        if amounts[0].unit not in units:
            named = {"m": "metres", "s": "seconds", "rad": "degrees", "steps": "steps"}
            raise RefusalError(f"an amount in {named[amounts[0].unit]} does not fit this movement; expected {' or '.join(named[u] for u in units)}")
        return amounts[0].value, Unit(amounts[0].unit)

    def _turn(self, c: Clause) -> list[Instruction]:
        if "inplace" in c.directions:
            c.directions.remove("inplace")
        if {"forward", "backward", "sideways"} & set(c.directions) and not c.amounts and self._side(c) is None:
            if c.kind is Verb.FACE and "forward" in c.directions:
                raise RefusalError("facing forward is what it does already", "stand, turn left")
            if "backward" in c.directions:
                c.directions.append("back")
        if c.auxiliary in ("keep", "continue") and not c.amounts and c.kind is Verb.TURN:
            return self._curve(c, self._default_side(c))
        whole = {"around", "opposite"} & set(c.directions) or ("back" in c.directions and self._side(c) is None)
        amount, unit = self._amount(c, ("rad", "s"), "rad")
        given = amount is not None
        if not given:
            amount, unit = self._usual_turn(c, bool(whole))
        side = self._side(c)
        if side is None and whole and not given and c.kind is not Verb.SPIN:
            side = Direction.LEFT
        return [Instruction(skill=Skill.TURN, direction=side or self._default_side(c), amount=amount, unit=unit, pace=c.pace)]

    def _usual_turn(self, c: Clause, whole: bool) -> tuple[float, Unit]:
        if (c.kind is Verb.SPIN and not whole) or c.kind is Verb.SPIN:
            return FULL, Unit.RADIAN
        comes_back = self.following is not None and ("back" in self.following.directions or self.following.kind is Verb.RETURN)
        if whole or (comes_back and self._side(c) is None and not c.slight):
            return HALF, Unit.RADIAN
        if c.slight:
            self.meant.take("a slight turn as 30 degrees")
            return SLIGHT, Unit.RADIAN
        if self._side(c) is None:
            self.meant.take("no angle was said, so 90 degrees")
        return QUARTER, Unit.RADIAN

    def _shaped(self, c: Clause) -> list[Instruction]:
        running = c.kind is Verb.RUN
        if c.kind in TURNERS and c.shape in ("circle", "circles", "semicircle"):
            angle = (HALF if c.shape == "semicircle" else FULL) * (c.count or 1.0)
            return [Instruction(skill=Skill.TURN, direction=self._default_side(c), amount=angle, unit=Unit.RADIAN, pace=c.pace)]
        if "backward" in c.directions or c.kind in (Verb.SIDE, Verb.BACK):
            raise RefusalError("a path of that shape is walked forward only", "walk in a circle")
        if c.shape == "uturn":
            return [Instruction(skill=Skill.TURN, direction=self._side(c) or Direction.LEFT, amount=HALF, unit=Unit.RADIAN, pace=c.pace)]
        if c.shape == "arc":
            return self._curve(c, self._default_side(c))
        if c.shape in ("circle", "circles", "semicircle", "quartercircle"):
            return [self._circle(c, running)]
        parts = SHAPES[c.shape](self._default_side(c) if c.shape != "zigzag" and c.shape != "s" else self._side(c) or Direction.LEFT)
        self.meant.take(f"the shape as {len(parts)} parts")
        made = [replace(p, pace=c.pace, speed=c.speed) for p in parts] * int(c.count or 1)
        return [_run(p) for p in made] if running else made

    def _circle(self, c: Clause, running: bool) -> Instruction:
        radius = None
        if c.radius_word:
            lengths = [a for a in c.amounts if a.unit == "m"]
            if not lengths or lengths[0].value is None:
                raise RefusalError(f"a {c.radius_word} needs a length")
            radius = lengths[0].value * (1.0 if c.radius_word == "radius" else 0.5)
            c.amounts.remove(lengths[0])
        made = circle(c.shape, self._default_side(c), c.count)
        amount, unit = self._amount(c, ("m", "s", "rad", "steps"))
        if amount is not None:
            made = replace(made, amount=amount, unit=unit)
        return replace(made, pace=c.pace, speed=c.speed, radius=radius, running=running)

    def _curve(self, c: Clause, side: Direction) -> list[Instruction]:
        amount, unit = self._amount(c, ("m", "s", "rad", "steps"))
        speed = c.speed
        return [Instruction(skill=Skill.CURVE, direction=side, amount=amount, unit=unit, pace=c.pace, speed=speed, running=c.kind is Verb.RUN)]


def _run(part: Instruction) -> Instruction:
    """The same part of a path at a run."""
    if part.skill is Skill.CURVE:
        return replace(part, running=True)
    return replace(part, skill=Skill.RUN) if part.skill is Skill.WALK else part
