"""The order of doing, and movements at once that are one."""

from dataclasses import replace

from kinesis_control.motion.words.clause import Clause
from kinesis_control.motion.words.lexicon import Verb
from kinesis_control.motion.words.meant import SIDES, TURNERS, WALKERS

_ONWARD = {"forward", "backward", "diagonal"}


def in_order(clauses: list[Clause]) -> list[Clause]:
    """The order of doing: "before A, B" and "B after A" are said the other way round."""
    ordered = list(clauses)
    if len(ordered) > 1 and ordered[0].connector == "before":
        ordered[0], ordered[1] = ordered[1], ordered[0]
    i = 1
    while i < len(ordered):
        if ordered[i].connector == "after" and (ordered[i].kind or ordered[i].shape or ordered[i].does):
            ordered[i - 1], ordered[i] = ordered[i], ordered[i - 1]
        i += 1
    return _together(ordered)


def _together(clauses: list[Clause]) -> list[Clause]:
    """Two movements at once that are one: "walks while turning left" is a curve; "forward and to the left" one direction."""
    made: list[Clause] = []
    for c in clauses:
        before = made[-1] if made else None
        if before is not None and _is_curve(before, c):
            walker, turner = (c, before) if before.kind in (Verb.TURN, Verb.CURVE) else (before, c)
            sides = [d for d in turner.directions if d in SIDES]
            shape = turner.shape if turner.kind is Verb.CURVE else walker.shape
            merged = replace(walker, connector=before.connector, directions=sides, shape=shape, clock=True, said=before.said + c.said)
            merged.amounts = walker.amounts + turner.amounts
            merged.styles = walker.styles + turner.styles
            merged = _with_words_of(before, merged, c)
            merged.pace = walker.pace * turner.pace
            if not sides:
                merged.shape = merged.shape or "arc"
            made[-1] = merged
        elif before is not None and c.connector == "while" and c.kind is Verb.STAND and before.kind in TURNERS and not (c.impossible or c.unknown):
            before.said += c.said
        elif before is not None and before.shape and c.connector == "while" and c.kind in WALKERS and not c.directions:
            made[-1] = _with_words_of(before, replace(before, kind=c.kind), c)
        elif before is not None and _is_second_direction(before, c):
            before.directions += c.directions
            before.said += ["and", *c.said]
            before.amounts += c.amounts
        elif before is not None and c.connector in ("join", "while") and before.kind is Verb.STAND and before.form == "ing" and c.kind and not before.amounts:
            made[-1] = _with_words_of(before, replace(c, connector=before.connector, styles=before.styles + c.styles), c)
        else:
            made.append(c)
    return made


def _with_words_of(first: Clause, made: Clause, second: Clause) -> Clause:
    """`made` with the words of both, those too that cannot be done."""
    return replace(made, said=first.said + second.said, impossible=first.impossible + second.impossible, unknown=first.unknown + second.unknown)


def _is_curve(before: Clause, c: Clause) -> bool:
    turning = (Verb.TURN, Verb.CURVE)
    if before.negated or c.negated or "around" in c.directions or "opposite" in c.directions:
        return False
    joined = c.connector == "while" or (c.connector == "join" and c.form == "ing")
    if joined and before.kind in (Verb.WALK, Verb.RUN, Verb.MOVE) and c.kind in turning:
        return True
    if before.connector == "while" and before.kind in (Verb.WALK, Verb.RUN, Verb.MOVE) and c.kind in turning and not before.amounts:
        return True
    return (c.connector == "while" or before.connector == "while") and before.kind in turning and c.kind in (Verb.WALK, Verb.RUN) and not before.amounts


def _is_second_direction(before: Clause, c: Clause) -> bool:
    """ "forward and to the left"."""
    first, second = set(before.directions), set(c.directions)
    if c.connector != "and" or c.kind is not None or c.shape or c.does or c.amounts or c.bare is not None:
        return False
    onward = before.kind in WALKERS or before.steps
    return onward and not before.amounts and not before.shape and bool(first and second) and first <= _ONWARD and second <= set(SIDES)
