"""Instructions in plain words, and refusals that say what can be done."""

import math
from difflib import get_close_matches

from kinesis_control.motion.instruction import Direction, Instruction, Skill, Unit
from kinesis_control.motion.words.lexicon import LEXICON, Tag

CAN_DO = (
    "stand, stop, walk forward or backward, run, side step, turn, walk in a curve or a circle, kick; "
    "with metres, steps, seconds, degrees, slowly, fast, or at 0.8 m/s"
)


def describe(instruction: Instruction, followed: bool = False) -> str:
    """One instruction, as it would be said; `followed` when another comes after it."""
    parts = [_movement(instruction), _amount(instruction, followed), _speed(instruction)]
    if instruction.radius is not None:
        parts.insert(1, f"of {instruction.radius:g} m radius")
    return " ".join(part for part in parts if part)


def describe_all(instructions: tuple[Instruction, ...]) -> str:
    """A sequence; long ones are cut."""
    texts = [describe(instruction, followed=i < len(instructions) - 1) for i, instruction in enumerate(instructions)]
    if len(texts) > 12:
        texts = [*texts[:11], f"and {len(texts) - 11} movements more"]
    return ", then ".join(texts)


def _movement(i: Instruction) -> str:
    if i.skill is Skill.STAND:
        return "stand"
    if i.skill is Skill.CURVE:
        return f"{'run' if i.running else 'walk'} in a curve to the {i.direction.value}"
    if i.skill in (Skill.TURN, Skill.SIDE_STEP):
        return f"{i.skill.value} {i.direction.value}"
    if i.skill is Skill.KICK:
        return "kick"
    return f"{i.skill.value} {i.direction.value}{' again, back' if i.returning and i.direction is not Direction.BACKWARD else ''}"


def _amount(i: Instruction, followed: bool) -> str:
    if i.amount is None or i.unit is None:
        if i.returning:
            return "as far as before"
        return "" if i.skill is Skill.KICK or followed else "until told otherwise"
    if i.unit is Unit.RADIAN:
        return f"by {_plain(math.degrees(i.amount))} degrees"
    if i.unit is Unit.SECOND:
        return f"for {_plain(i.amount)} s"
    return f"{_plain(i.amount)} {'step' if i.unit is Unit.STEP and i.amount == 1.0 else i.unit.value}"


def _plain(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000.0 else f"{value:.4g}"


def _speed(i: Instruction) -> str:
    if i.speed is not None:
        return f"at {i.speed:.3g} m/s"
    if i.skill in (Skill.STAND, Skill.KICK, Skill.TURN) and i.pace == 1.0:
        return ""
    return "at the usual pace" if i.pace == 1.0 else f"at {i.pace:.2g} of the usual pace"


def refusal(what: str, why: str, nearest: str = "", rest: str = "") -> str:
    """A text that says no: what, why, what is left of the text and what can be done."""
    words = " ".join("".join(c if c.isprintable() else "?" for c in what).split())
    shown = f"'{words[:60]}{'...' if len(words) > 60 else ''}': " if words else ""
    text = f"not understood: {shown}{why}"
    if rest:
        text += f"; the rest would be: {rest}"
    if nearest:
        text += f"; nearest: {nearest}"
    return f"{text}; I can: {CAN_DO}"


def nearest_words(word: str) -> str:
    """Known verbs that look like a word."""
    verbs = [w for w, m in LEXICON.items() if m.tag in (Tag.VERB, Tag.DIRECTION) and m.form in ("base", "")]
    return ", ".join(get_close_matches(word[:20], verbs, n=2, cutoff=0.7))
