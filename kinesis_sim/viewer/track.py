"""What a page shows of a recording: states, references, reports and replies in the order of playing."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kinesis_control.errors import UnavailableError
from kinesis_control.evaluate.bag import BagMessage
from kinesis_control.evaluate.stream_graph import Graph
from kinesis_control.evaluate.stream_open import Recording
from kinesis_sim.viewer.status import OTHERS, edge_status, goal_of

MOST_STATES = 40_000
"""States that are kept; of a longer recording every second, fourth, ... one."""

LONGEST_GAP_S = 1.0
"""A longer gap between two states is passed over in this time [s]."""

EARLY = 200
"""References that may be recorded before their states."""

NO_REPORT: dict[str, Any] = {"state": "state not recorded", "clock": "", "paused": False, "faults": [], "refusal": ""}


@dataclass(kw_only=True)
class Track:
    """Seconds of playing count from the first state; they stand still where the clock of the body goes back.

    Attributes:
        at: when each state is shown [s of playing], never falling.
        states: serialized, as many.
        stamps: of the states [ns, clock of the body], as many.
        windows: references by the stamp of the state that they are for.
        reports, modes, replies, goals: what the body's edge and the motion node said, each with its second of playing.
        every: one of so many states was kept.
    """

    at: list[float] = field(default_factory=list)
    states: list[BagMessage] = field(default_factory=list)
    stamps: list[int] = field(default_factory=list)
    windows: dict[int, BagMessage] = field(default_factory=dict)
    reports: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    modes: list[tuple[float, str]] = field(default_factory=list)
    replies: list[tuple[float, str]] = field(default_factory=list)
    goals: list[tuple[float, tuple[float, float, float | None] | None]] = field(default_factory=list)
    every: int = 1

    @property
    def length_s(self) -> float:
        """Seconds of playing."""
        return self.at[-1]

    def index(self, at_s: float) -> int:
        """Which state is shown at a second of playing."""
        return max(bisect_right(self.at, at_s) - 1, 0)

    def report(self, at_s: float) -> dict[str, Any]:
        """What the body's edge had reported last, and what the body was doing."""
        said = {"mode": _last(self.modes, at_s) or "", "reply": _last(self.replies, at_s) or "", "goal": _last(self.goals, at_s)}
        return {**(_last(self.reports, at_s) or NO_REPORT), **said}

    def thin_out(self) -> None:
        """Forget every second state."""
        self.every *= 2
        self.at, self.states, self.stamps = self.at[::2], self.states[::2], self.stamps[::2]

    def forget_windows(self, newest: int) -> None:
        """Forget references whose state is not kept, but for the `newest`, whose states may be on their way."""
        kept = {*self.stamps, *list(self.windows)[len(self.windows) - newest :]}
        self.windows = {stamp: window for stamp, window in self.windows.items() if stamp in kept}


def read_track(recording: Recording, graph: Graph, progress: Callable[[int, int], None] = lambda done, total: None, most: int = MOST_STATES) -> Track:
    """Read a recording for showing it.

    Args:
        recording: which.
        graph: whose topics are read.
        progress: is told messages read, and of how many.
        most: states that are kept.

    Raises:
        UnavailableError: there is no state of a body in it.
    """
    topics = {t for t in (graph.state, graph.reference, graph.status, graph.reply, graph.activity) if t}
    track, clock, total = Track(), _Clock(), sum(recording.topics[t].count for t in topics)
    for count, message in enumerate(recording.messages(topics)):
        if count % 2000 == 0:
            progress(count, total)
        if message.topic == graph.state:
            _take_state(track, message, clock, most)
        elif message.topic == graph.reference:
            track.windows[_stamp(message)] = message
            if len(track.windows) > most + 2 * EARLY:
                track.forget_windows(EARLY)
        elif message.topic == graph.reply:
            track.replies.append((clock.at, recording.decode(message).data))
        elif message.topic == graph.activity:
            track.goals.append((clock.at, goal_of(recording.decode(message))))
        else:
            _take_status(track, recording.decode(message), clock.at)
    track.forget_windows(0)
    if not track.states:
        raise UnavailableError(f"{recording.path} holds no state of a body")
    return track


class _Clock:
    """Counts the seconds of playing and the states."""

    def __init__(self) -> None:
        self.at, self.count, self._stamp_ns = 0.0, 0, -1

    def advance(self, stamp_ns: int) -> bool:
        """To the next state; False for one that was there already."""
        if stamp_ns == self._stamp_ns:
            return False
        if self._stamp_ns >= 0:
            self.at += min(max(1e-9 * (stamp_ns - self._stamp_ns), 0.0), LONGEST_GAP_S)
        self._stamp_ns, self.count = stamp_ns, self.count + 1
        return True


def _take_state(track: Track, message: BagMessage, clock: _Clock, most: int) -> None:
    stamp_ns = _stamp(message)
    if not clock.advance(stamp_ns) or (clock.count - 1) % track.every:
        return
    track.at.append(clock.at)
    track.states.append(message)
    track.stamps.append(stamp_ns)
    if len(track.states) > most:
        track.thin_out()


def _take_status(track: Track, status: Any, at_s: float) -> None:
    if status.node == "motion_node":
        track.modes.append((at_s, status.mode))
    elif status.node not in OTHERS:
        track.reports.append((at_s, edge_status(status)))


def _stamp(message: BagMessage) -> int:
    """Stamp of a message that begins with its header [ns]: two numbers after the four bytes that say how it is encoded."""
    order = "little" if message.data[1] & 1 else "big"
    return int.from_bytes(message.data[4:8], order, signed=True) * 1_000_000_000 + int.from_bytes(message.data[8:12], order)


def _last(entries: list[tuple[float, Any]], at_s: float) -> Any:
    """The newest entry at a second of playing, or None."""
    index = bisect_right(entries, at_s, key=lambda entry: entry[0])
    return entries[index - 1][1] if index else None
