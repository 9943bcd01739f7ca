"""Paths with a name, made of walks, turns and curves."""

import math
from collections.abc import Callable
from dataclasses import replace

from kinesis_control.motion.instruction import Direction, Instruction, Skill, Unit

_OTHER = {Direction.LEFT: Direction.RIGHT, Direction.RIGHT: Direction.LEFT}
_ANGLES = {"circle": 2.0 * math.pi, "semicircle": math.pi, "quartercircle": math.pi / 2}
SIDE_LENGTH_M = 2.0
"""Side of a square or a triangle [m]."""


def _curve(side: Direction, angle: float) -> Instruction:
    return Instruction(skill=Skill.CURVE, direction=side, amount=angle, unit=Unit.RADIAN)


def _walk() -> Instruction:
    return Instruction(skill=Skill.WALK, direction=Direction.FORWARD, amount=SIDE_LENGTH_M, unit=Unit.METRE)


def _turn(side: Direction, angle: float) -> Instruction:
    return Instruction(skill=Skill.TURN, direction=side, amount=angle, unit=Unit.RADIAN)


def circle(shape: str, side: Direction, count: float | None) -> Instruction:
    """A circle or a part of one; "circles" without a number go on until told otherwise."""
    if shape == "circles" and count is None:
        return Instruction(skill=Skill.CURVE, direction=side)
    return _curve(side, _ANGLES.get(shape, 2.0 * math.pi) * (count or 1.0))


def _eight(side: Direction) -> list[Instruction]:
    return [_curve(side, 2.0 * math.pi), _curve(_OTHER[side], 2.0 * math.pi)]


def _s(side: Direction) -> list[Instruction]:
    return [_curve(side, math.pi), _curve(_OTHER[side], math.pi)]


def _zigzag(side: Direction) -> list[Instruction]:
    other = _OTHER[side]
    return [_curve(side, math.pi / 4), _curve(other, math.pi / 2), _curve(side, math.pi / 2), _curve(other, math.pi / 4)]


def _polygon(corners: int) -> Callable[[Direction], list[Instruction]]:
    return lambda side: [_walk(), _turn(side, 2.0 * math.pi / corners)] * corners


SHAPES: dict[str, Callable[[Direction], list[Instruction]]] = {"eight": _eight, "s": _s, "zigzag": _zigzag, "square": _polygon(4), "triangle": _polygon(3)}
"""Parts of a named path, by the side of its first turn."""


def there_and_back(skill: Skill, amount: float | None, unit: Unit | None, pace: float, times: int) -> list[Instruction]:
    """Out and back, `times` times; sideways without turning."""
    if skill is Skill.SIDE_STEP:
        out = Instruction(skill=skill, direction=Direction.LEFT, amount=amount, unit=unit, pace=pace)
        return [out, replace(out, direction=Direction.RIGHT, returning=True)] * times
    out = Instruction(skill=skill, direction=Direction.FORWARD, amount=amount, unit=unit, pace=pace)
    turn = _turn(Direction.LEFT, math.pi)
    return [*([out, turn, replace(out, returning=True), turn] * times)][:-1]
