"""A table of texts with what they mean, and how many of them are understood so.

A row is a text and its meaning in a compact notation: instructions separated by ";", each a skill, a direction, an amount with its unit and
perhaps a manner, for example `walk forward 3 m; turn left 180 deg; walk forward 3 m slow`. The other meanings are `refused`, `faster` and
`slower`; `then:` before the instructions marks a text that is queued.
"""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from kinesis_control.errors import ConfigurationError
from kinesis_control.evaluate.statistics import wilson_interval
from kinesis_control.motion.instruction import Direction, Instruction, Queueing, Skill, Understanding, Unit
from kinesis_control.motion.words import parse

_UNITS = {"m": (1.0, Unit.METRE), "steps": (1.0, Unit.STEP), "step": (1.0, Unit.STEP), "s": (1.0, Unit.SECOND), "deg": (math.radians(1.0), Unit.RADIAN)}
_SKILLS = {"stand": Skill.STAND, "walk": Skill.WALK, "run": Skill.RUN, "side": Skill.SIDE_STEP, "turn": Skill.TURN, "curve": Skill.CURVE, "kick": Skill.KICK}
_DIRECTIONS = {d.value: d for d in Direction}
_MANNERS = {"slow", "fast", "usual"}


@dataclass(frozen=True, kw_only=True)
class Expected:
    """One instruction of a table; `manner` and `running` are compared only where they are written."""

    instruction: Instruction
    manner: str = ""
    running: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Row:
    """One text of a table and its meaning; `kind` is "do", "refused", "faster" or "slower"."""

    line: int
    text: str
    kind: str
    instructions: tuple[Expected, ...] = ()
    appended: bool = False


@dataclass(frozen=True, kw_only=True)
class Score:
    """How many rows were understood as they are meant.

    Attributes:
        total: number of rows.
        wrong: rows that were not, with what was understood instead.
    """

    total: int
    wrong: tuple[tuple[Row, Understanding], ...]

    @property
    def right(self) -> int:
        """Number of rows understood as they are meant."""
        return self.total - len(self.wrong)

    @property
    def share(self) -> float:
        """Part of the rows that is right, 0 to 1."""
        return self.right / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the share (Wilson 1927, score interval)."""
        return wilson_interval(self.right, self.total)


def read_table(path: Path) -> list[Row]:
    """Rows of a CSV file with the columns `text` and `meaning`.

    Raises:
        ConfigurationError: the file has not these columns, no row, or a meaning that is not in the notation.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = csv.DictReader(file, strict=True)
            if not {"text", "meaning"} <= set(lines.fieldnames or ()):
                raise ConfigurationError(f"{path}: got the columns {', '.join(lines.fieldnames or ()) or 'none'}, expected text and meaning")
            rows = [read_row(entry["text"] or "", entry["meaning"] or "", lines.line_num) for entry in lines]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigurationError(f"{path}: cannot be read as a table of texts: {error}") from error
    if not rows:
        raise ConfigurationError(f"{path}: got no row, expected at least one text with its meaning")
    return rows


def read_row(text: str, meaning: str, line: int = 0) -> Row:
    """One row from its two columns.

    Raises:
        ConfigurationError: the meaning is not in the notation.
    """
    plain = meaning.strip()
    if plain in ("refused", "faster", "slower"):
        return Row(line=line, text=text, kind=plain)
    appended = plain.startswith("then:")
    parts = plain.removeprefix("then:").split(";")
    try:
        instructions = tuple(_expected(part.split()) for part in parts)
    except (KeyError, ValueError, IndexError) as error:
        raise ConfigurationError(f"line {line}: got the meaning '{meaning}', expected for example 'walk forward 3 m; turn left 90 deg' or 'refused'") from error
    return Row(line=line, text=text, kind="do", instructions=instructions, appended=appended)


def _expected(words: list[str]) -> Expected:
    running = words[0] == "run" and words[1:2] == ["curve"]
    skill = Skill.CURVE if running else _SKILLS[words[0]]
    rest = words[2 if running else 1 :]
    direction = _DIRECTIONS[rest.pop(0)] if rest and rest[0] in _DIRECTIONS else Direction.NONE
    manner = rest.pop() if rest and rest[-1] in _MANNERS else ""
    speed = float(rest.pop(-2)) if rest[-1:] == ["m/s"] else None
    if speed is not None:
        rest.pop()
    amount, unit = None, None
    if rest:
        factor, unit = _UNITS[rest[1]]
        amount = float(rest[0]) * factor
    if len(rest) > 2:
        raise ValueError("more words than an instruction has")
    made = Instruction(skill=skill, direction=direction, amount=amount, unit=unit, speed=speed)
    return Expected(instruction=made, manner=manner, running=True if running else None)


def agrees(row: Row, got: Understanding) -> bool:
    """Whether a text was understood as its row means it: skill, direction and amount of every instruction, in order."""
    if row.kind == "refused":
        return not got.understood
    if not got.understood:
        return False
    if row.kind in ("faster", "slower"):
        return got.queueing is Queueing.CHANGE and (got.pace_change > 1.0) == (row.kind == "faster")
    if row.appended != (got.queueing is Queueing.APPEND) or len(got.instructions) != len(row.instructions):
        return False
    return all(_same(expected, made) for expected, made in zip(row.instructions, got.instructions, strict=True))


def _same(expected: Expected, made: Instruction) -> bool:
    wanted = expected.instruction
    if (wanted.skill, wanted.direction, wanted.unit) != (made.skill, made.direction, made.unit):
        return False
    if (wanted.amount is None) != (made.amount is None) or not math.isclose(wanted.amount or 0.0, made.amount or 0.0, rel_tol=0.01):
        return False
    if wanted.speed is not None and not math.isclose(wanted.speed, made.speed or 0.0, rel_tol=0.01):
        return False
    if expected.running is not None and expected.running != made.running:
        return False
    manners = {"slow": made.pace < 0.99, "fast": made.pace > 1.01, "usual": math.isclose(made.pace, 1.0)}
    return manners.get(expected.manner, True)


def evaluate(rows: list[Row]) -> Score:
    """Parse every text and compare."""
    answers = [(row, parse(row.text)) for row in rows]
    return Score(total=len(rows), wrong=tuple((row, got) for row, got in answers if not agrees(row, got)))
