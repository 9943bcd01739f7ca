"""What the body is set to do and what is said of it, for whoever records or watches: one report whenever either changes."""

from dataclasses import dataclass

from kinesis_control.motion.plan.activity import Wish
from kinesis_control.motion.plan.outcome import Ending, Event
from kinesis_control.motion.plan.plan import MotionPlan


@dataclass(frozen=True, kw_only=True)
class ActivityReport:
    """The fields of Activity.msg.

    Attributes:
        stamp_ns: of the state from which on it holds.
        ticket, mode: of what is done from now on; ticket 0: standing that nobody asked for.
        goal: place and heading it goes to, (x, y [m], yaw [rad] or None) in odom; None where it goes to none.
        velocity: as it was asked for, where a velocity is all there is to follow.
        asked: text command that is answered; text: what is said.
        ended: ticket of what has ended, 0 for nothing; ending: how.
    """

    stamp_ns: int
    ticket: int = 0
    mode: str = "stand"
    goal: tuple[float, float, float | None] | None = None
    velocity: Wish | None = None
    asked: str = ""
    text: str = ""
    ended: int = 0
    ending: Ending = Ending.SUCCEEDED


class ActivityWatch:
    """Collects what is said and what ends between two states, and sees what the plan does."""

    def __init__(self) -> None:
        self._lines: list[tuple[str, str, Event | None]] = []
        self._seen: tuple[int, Wish | None] | None = None

    def note(self, text: str = "", asked: str = "", event: Event | None = None) -> None:
        """Something was said, in answer to a text command or not, or something ended."""
        if text or (event is not None and event.ticket):
            self._lines.append((text, asked, event))

    def reports(self, plan: MotionPlan, stamp_ns: int) -> list[ActivityReport]:
        """What there is to tell since the last call, at the first what there is; to be called after each update of the plan.

        Args:
            stamp_ns: of the state that it was updated for.
        """
        activity = plan.activity
        now = activity.ticket, plan.following
        lines = self._lines or ([("", "", None)] if now != self._seen else [])
        self._lines, self._seen = [], now
        return [
            ActivityReport(
                stamp_ns=stamp_ns, ticket=activity.ticket, mode=activity.mode, goal=activity.target, velocity=plan.following, asked=asked, text=text,
                ended=event.ticket if event is not None else 0, ending=event.ending or Ending.SUCCEEDED if event is not None else Ending.SUCCEEDED,
            )
            for text, asked, event in lines
        ]  # fmt: skip
