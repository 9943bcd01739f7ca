"""What is refused before anything else is asked of a clause."""

import math

from kinesis_control.motion.words.clause import Clause
from kinesis_control.motion.words.lexicon import Verb
from kinesis_control.motion.words.meant import TURNERS, RefusalError

MAX_AMOUNT = 1e6
"""Largest number that is read, in any unit."""


def check(c: Clause, caption: bool) -> None:
    """Refuse what is not known or cannot be done.

    Raises:
        RefusalError: it is.
    """
    if c.negated and c.impossible and not c.unknown:
        return
    if c.impossible:
        raise RefusalError(f"'{' '.join(c.impossible)}' is not something this body can do")
    if c.unknown:
        raise RefusalError(f"the word '{c.unknown[0][:40]}' is not known")
    if "or" in c.extra:
        raise RefusalError("a choice is left open by 'or'; say which")
    if "minus" in c.extra:
        raise RefusalError("a negative number is not read; say 'backward' or the other side")
    if "ball" in c.extra and c.kind is not Verb.KICK:
        raise RefusalError("where the ball is is not known", "kick")
    if c.place and not caption and not c.negated:
        raise RefusalError(f"the place '{' '.join(c.place)[:40]}' is not known; a place is given by numbers (goal_pose)", "walk forward 3 metres")
    if c.body and c.kind is None and not c.does:
        return
    if c.body and c.kind not in (Verb.KICK, Verb.WALK, Verb.RUN, Verb.STEP, Verb.SIDE) and not (c.kind in TURNERS and all(b.startswith("on ") for b in c.body)):
        if c.kind is None and c.does and (c.amounts or c.steps):
            return
        raise RefusalError(f"moving the {c.body[0].removeprefix('on ')} alone is not known")
    _check_numbers(c)


def _check_numbers(c: Clause) -> None:
    values = [a.value for a in c.amounts if a.value is not None] + [v for v in (c.bare, c.speed, c.count) if v is not None]
    for value in values:
        if not math.isfinite(value) or value > MAX_AMOUNT:
            raise RefusalError(f"a number that large is not read; at most {MAX_AMOUNT:,.0f} is")
        if value <= 0.0:
            raise RefusalError("an amount of 0 asks for nothing; say 'stand' to stand")
    if c.times and not math.isfinite(c.times):
        raise RefusalError("a number that large is not read")
