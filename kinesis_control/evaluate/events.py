"""What happens beside the states: what a body is asked to do, and how that ends; pushes, balls, faults."""

import math
from dataclasses import dataclass

from kinesis_control.errors import LayoutError


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A place to go to.

    Attributes: stamp_ns; x, y in odom [m]; yaw [rad], None where any will do; ticket, by which its end is known, 0 where the
        end of no goal was recorded.
    """

    stamp_ns: int
    x: float
    y: float
    yaw: float | None = None
    ticket: int = 0


@dataclass(frozen=True, kw_only=True)
class GoalEnd:
    """A goal is not pursued any more. Attributes: stamp_ns; ticket of the goal; ending, a name of motion.plan.Ending in lower case."""

    stamp_ns: int
    ticket: int
    ending: str


REPLACED = "something else was asked for"
"""How a text ended that was not given its time."""


@dataclass(frozen=True, kw_only=True)
class Text:
    """A text command and what came of it.

    Attributes:
        stamp_ns: when it was given.
        text: as given.
        reply: first answer to it; empty where none was recorded.
        understood: None where it cannot be told (no answer recorded).
        done_ns: when it was reported done; None where it was not, or cannot be told.
        endless: it has no end of its own, as "walk" has none.
        ended: how it ended without being done: the report of the motion node, or REPLACED; empty while it was under way.
    """

    stamp_ns: int
    text: str
    reply: str = ""
    understood: bool | None = None
    done_ns: int | None = None
    endless: bool = False
    ended: str = ""


@dataclass(frozen=True, kw_only=True)
class Push:
    """An external force.

    Attributes: stamp_ns of its start; duration_s [s]; force (x, y, z) in odom [N]; part, the model body that was
        pushed.
    """

    stamp_ns: int
    duration_s: float
    force: tuple[float, float, float]
    part: str = ""


@dataclass(frozen=True, kw_only=True)
class GoalFrame:
    """A goal for a ball.

    Attributes: left, right, feet of the posts in odom, (x, y) [m], as seen by who looks into the goal; height, of the
        bar above the ground [m].
    """

    left: tuple[float, float]
    right: tuple[float, float]
    height: float

    def __post_init__(self) -> None:
        numbers = (*self.left, *self.right, self.height)
        if not (all(math.isfinite(v) for v in numbers) and math.dist(self.left, self.right) > 0.1 and self.height > 0.1):
            raise LayoutError(f"a goal needs two posts more than 0.1 m apart and a bar above 0.1 m; got {self}")


@dataclass(frozen=True, kw_only=True)
class StatusEvent:
    """Something that changed.

    Attributes: stamp_ns; kind "fault", "mode", "state" or "stop"; name, for example "COMMAND_TOO_OLD"; node that said
        so.
    """

    stamp_ns: int
    kind: str
    name: str
    node: str = ""
