"""What a text comes to, while it is read."""

import math
from dataclasses import dataclass, field

from kinesis_control.motion.instruction import Direction, Instruction
from kinesis_control.motion.words.lexicon import Verb

MAX_INSTRUCTIONS = 60
"""Most instructions that one text may give, repetitions counted."""

QUARTER, HALF, FULL, SLIGHT = math.pi / 2, math.pi, 2.0 * math.pi, math.pi / 6
"""Angles of turns that are said without a number [rad]."""

SIDES = {"left": Direction.LEFT, "right": Direction.RIGHT}
WALKERS = (Verb.WALK, Verb.RUN, Verb.MOVE, Verb.BACK, Verb.STEP, Verb.SHUFFLE, Verb.SIDE, Verb.CURVE)
TURNERS = (Verb.TURN, Verb.FACE, Verb.SPIN)


class RefusalError(Exception):
    """What a clause asks for cannot be done; `why` in plain words."""

    def __init__(self, why: str, nearest: str = "") -> None:
        super().__init__(why)
        self.why, self.nearest = why, nearest


@dataclass(kw_only=True)
class Meant:
    """What a text comes to, so far.

    Attributes:
        instructions: in order.
        groups: index of the first instruction of each clause, for repetitions.
        taken: what was not said and was assumed.
        undone: what was said and is not done.
        change: factor on the present speed, 1 for none.
        refusals: (words, why, nearest) of the clauses that cannot be done.
    """

    instructions: list[Instruction] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    undone: list[str] = field(default_factory=list)
    change: float = 1.0
    refusals: list[tuple[str, str, str]] = field(default_factory=list)

    def take(self, text: str) -> None:
        """Note an assumption once."""
        if text not in self.taken:
            self.taken.append(text)
