"""How an activity ends, and what is said of it on the way."""

from dataclasses import dataclass, field
from enum import IntEnum


class Ending(IntEnum):
    """Why an activity is over; the numbers are those of the constants in ReachGoal.action and TrackMotion.action."""

    SUCCEEDED = 0
    REFUSED = 1
    TIMED_OUT = 2
    CANCELED = 3
    PREEMPTED = 4
    FALLEN = 5
    STOPPED = 6
    MISSED = 7


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where an activity stands; what does not apply is 0.

    Attributes:
        distance: still to go [m].
        heading_error: wanted minus own [rad].
        time_taken: since it began [s].
        clip_time: place in a clip [s].
        phase: of the present repetition of a clip, 0..1.
        frames: control ticks for which a clip was the reference.
        joint_error: mean over the joints of |reference - body| now [rad], and `mean_joint_error` over all frames so far.
        root_error: horizontal distance of the root from its reference now [m], and `mean_root_error` so far.
    """

    distance: float = 0.0
    heading_error: float = 0.0
    time_taken: float = 0.0
    clip_time: float = 0.0
    phase: float = 0.0
    frames: int = 0
    joint_error: float = 0.0
    root_error: float = 0.0
    mean_joint_error: float = 0.0
    mean_root_error: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened in the plan.

    Attributes:
        text: in words, for the result of an action and for `text_reply`.
        told: nobody needs to hear it, as the reply to what took its place says it already.
        ticket: number of the activity that ended; 0 where none did.
        ending: why it ended.
        progress: where it stood then.
    """

    text: str
    told: bool = False
    ticket: int = 0
    ending: Ending | None = None
    progress: Progress = field(default_factory=Progress)
