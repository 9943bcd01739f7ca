"""What words mean: a sequence of instructions, before anything is known of the body that carries them out."""

from dataclasses import dataclass
from enum import Enum


class Skill(str, Enum):
    """What is done."""

    STAND = "stand"
    WALK = "walk"  # in the instruction's direction, backwards too
    RUN = "run"
    SIDE_STEP = "side step"
    TURN = "turn"  # to a side, by an angle: in place where the body can
    CURVE = "curve"  # walk along an arc or a circle
    KICK = "kick"


class Direction(str, Enum):
    """Where to; for TURN and CURVE the side of the turn."""

    FORWARD = "forward"
    BACKWARD = "backward"
    LEFT = "left"
    RIGHT = "right"
    NONE = "none"


class Unit(str, Enum):
    """In what an amount is counted."""

    METRE = "m"
    STEP = "steps"
    SECOND = "s"
    RADIAN = "rad"


class Queueing(str, Enum):
    """How a new text meets what is still under way."""

    REPLACE = "replace"
    APPEND = "append"  # "then ...", "after that ..."
    CHANGE = "change"  # "faster", "slower": what is done goes on at another speed


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """One thing to do.

    Attributes:
        amount: how much, in `unit`; None: until told otherwise, or the usual amount where something follows.
        speed: asked for by number [m/s]; None: by `pace`.
        pace: 1 usual, below 1 slower, above 1 faster; a factor on the usual speed of the skill.
        radius: of a CURVE [m]; None: the usual one.
        running: of a CURVE: at a run rather than at a walk.
        returning: a way back; without an amount it is as long as the way out, the mover before it.
    """

    skill: Skill
    direction: Direction = Direction.NONE
    amount: float | None = None
    unit: Unit | None = None
    speed: float | None = None
    pace: float = 1.0
    radius: float | None = None
    running: bool = False
    returning: bool = False


@dataclass(frozen=True, kw_only=True)
class Understanding:
    """What a text asks for.

    Attributes:
        understood: False where the text is refused and nothing changes.
        instructions: what to do, in order; empty for a refusal or a CHANGE.
        queueing: how it meets what is under way.
        pace_change: for CHANGE, factor on the present speed.
        reply: what was understood in plain words, or why it is refused and the nearest things that are known.
    """

    understood: bool
    instructions: tuple[Instruction, ...] = ()
    queueing: Queueing = Queueing.REPLACE
    pace_change: float = 1.0
    reply: str = ""
