"""Timing from a recording alone: latency, jitter, misses, age and loss.

A message has two times: when it was recorded (the recorder's clock) and the stamp inside (the clock of the graph). The
latency of a command is the time between the recording of a state and that of its answer, as the recorder saw both; it
holds the way to the recorder twice, which cancels but for its jitter.

Where the recording time is simulated (lock-step, or a recorder that keeps to /clock), no wall-clock time is in the bag, and
every figure that needs it is missing. It is never 0.

Memory does not grow with the recording: of times only counts are kept (histogram.py).
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kinesis_control.evaluate.figure import Figure
from kinesis_control.evaluate.histogram import DurationHistogram, Scatter
from kinesis_control.evaluate.latency_series import LatencySeries

Stamps = NDArray[np.int64]

LOCKSTEP = "a lock-step recording holds simulated times only; wall-clock latency is not in it"
SIMULATED = "the recorder kept simulated time, so arrival times stand still between two ticks; wall-clock latency is not in the recording"
_SAME_CLOCK_S = 60.0
_GAP = 1.5  # a pause of this many periods is a gap
_BUFFERED = 4096


@dataclass(frozen=True, kw_only=True)
class Arrivals:
    """Messages of one topic in the order of their recording: number, stamp [ns], recording time [ns]; shape (n,) each."""

    seq: Stamps
    stamp_ns: Stamps
    log_ns: Stamps

    def __len__(self) -> int:
        return len(self.stamp_ns)


@dataclass(kw_only=True)
class _Topic:
    """What is kept of a topic with numbers."""

    count: int = 0
    lost: int = 0
    arrival: Scatter = field(default_factory=Scatter)
    _seq: int | None = None
    _log_ns: int | None = None

    def add(self, a: Arrivals) -> None:
        if not len(a):
            return
        self.count += len(a)
        seq = a.seq[np.argsort(a.stamp_ns, kind="stable")]
        steps = np.diff(seq) if self._seq is None else np.diff(seq, prepend=self._seq)
        self.lost += int((steps[steps > 1] - 1).sum())  # a number that falls is a restart, not a loss
        log = a.log_ns if self._log_ns is None else np.concatenate(([self._log_ns], a.log_ns))
        self.arrival.add(1e-9 * np.diff(log).astype(float))
        self._seq, self._log_ns = int(seq[-1]), int(a.log_ns[-1])


@dataclass(kw_only=True)
class _Pauses:
    """What is kept of a topic without numbers: the steps between its stamps."""

    count: int = 0
    steps: DurationHistogram = field(default_factory=DurationHistogram)
    _buffer: list[int] = field(default_factory=list)
    _last_ns: int | None = None

    def add(self, stamp_ns: int) -> None:
        self._buffer.append(stamp_ns)
        if len(self._buffer) >= _BUFFERED:
            self.settle()

    def settle(self) -> None:
        """Count what is waiting."""
        if not self._buffer:
            return
        self.count += len(self._buffer)
        stamps = np.unique(np.array(self._buffer, dtype=np.int64))
        steps = np.diff(stamps) if self._last_ns is None else np.diff(stamps, prepend=self._last_ns)
        self.steps.add(steps[steps > 0])
        self._last_ns, self._buffer = int(stamps[-1]), []


class TimingLog:
    """Takes in times while a recording is read."""

    def __init__(self) -> None:
        self._state, self._answers = _Topic(), {"command": _Topic(), "reference": _Topic()}
        self._others: dict[str, _Pauses] = {}
        self._steps, self._latency, self._age = DurationHistogram(), DurationHistogram(), DurationHistogram()
        self._series = LatencySeries()
        self._begin_ns: int | None = None
        self._last_ns: int | None = None
        self._commanded = False  # since time went back last
        self._asked = self._pending = self._answered = 0
        self._states_on_stamp = self._commands_on_tick = 0

    def update(self, states: Arrivals, answers: dict[str, Arrivals]) -> None:
        """Take in the next states and what answers them: "command" and "reference", which carry number and stamp of a state."""
        if len(states):
            self._step(states)
        self._state.add(states)
        for kind, arrivals in answers.items():
            self._answers[kind].add(arrivals)
        none = np.zeros(0, dtype=np.int64)
        self._pair(states, answers.get("command", Arrivals(seq=none, stamp_ns=none, log_ns=none)))

    def other(self, topic: str, stamp_ns: int) -> None:
        """Any other message with a stamp."""
        if topic not in self._others:
            self._others[topic] = _Pauses()
        self._others[topic].add(stamp_ns)

    def _step(self, states: Arrivals) -> None:
        stamps = np.unique(states.stamp_ns)
        if self._begin_ns is None:
            self._begin_ns = int(stamps[0])
        if self._last_ns is not None and stamps[0] < self._last_ns:  # time went back: what was not answered by then never will be
            self._commanded, self._pending, self._last_ns = False, 0, None
        steps = np.diff(stamps) if self._last_ns is None else np.diff(stamps, prepend=self._last_ns)
        self._steps.add(steps[steps > 0])
        self._last_ns = int(stamps[-1])
        self._states_on_stamp += int((states.log_ns == states.stamp_ns).sum())

    def _pair(self, states: Arrivals, commands: Arrivals) -> None:
        state, answer = _pairs((states.stamp_ns, states.seq), (commands.stamp_ns, commands.seq))
        latency = commands.log_ns[answer] - states.log_ns[state]
        self._latency.add(latency)
        since = states.stamp_ns[state] - (self._begin_ns or 0)
        self._series.add(1e-9 * since.astype(np.float64), 1e-9 * latency.astype(np.float64))
        self._age.add(commands.log_ns - commands.stamp_ns)
        self._commands_on_tick += int(np.isin(commands.log_ns, np.concatenate((states.log_ns, states.stamp_ns))).sum())
        self._answered += len(np.unique(state))
        self._count_asked(states, commands)

    def _count_asked(self, states: Arrivals, commands: Arrivals) -> None:
        """States between the first command and the last: before and after nobody meant to answer."""
        stamps = states.stamp_ns
        if len(commands):
            last = commands.stamp_ns.max()
            first = commands.stamp_ns.min() if not self._commanded else np.int64(-1)
            self._asked += self._pending + int(((stamps >= first) & (stamps <= last)).sum())
            self._pending, self._commanded = int((stamps > last).sum()), True
        elif self._commanded:
            self._pending += len(stamps)

    def period_s(self) -> float:
        """Control period: the median step of the stamps of the states [s]; NaN without two states."""
        return self._steps.nearest_rank_s(0.5)

    def wall_clock_missing(self, clocks: set[str]) -> str:
        """Why wall-clock times cannot be told; empty where they can.

        Args:
            clocks: what the nodes said of their clock, "lockstep" or "realtime".
        """
        states, commands = self._state.count, self._answers["command"].count
        if not states:
            return "no body state was recorded"
        if "lockstep" in clocks:
            return LOCKSTEP
        # A wall clock does not hit the same nanosecond twice in a row; a simulated one does, tick after tick.
        if commands > 1 and self._commands_on_tick > 0.5 * commands:
            return SIMULATED
        if states > 1 and self._states_on_stamp > 0.5 * states:
            return SIMULATED
        return ""

    def latencies(self) -> LatencySeries:
        """State -> command latency over time. Only of meaning on a wall clock."""
        return self._series

    def figures(self, clocks: set[str], reported_misses: int | None) -> list[Figure]:
        """Every timing figure.

        Args:
            clocks: as for `wall_clock_missing`.
            reported_misses: deadline misses that the nodes counted themselves; None where none said so.
        """
        why = self.wall_clock_missing(clocks)
        result = [*self._latency_figures(why), *self._answer_figures(why), *self._loss_figures(), *self._jitter_figures(why)]
        if reported_misses is None:
            result.append(Figure.absent("timing.reported_misses", "ticks", "no node of a real-time graph reported"))
        else:
            result.append(Figure(name="timing.reported_misses", value=float(reported_misses), unit="ticks", n=1, note="as counted by the nodes"))
        return result

    def _latency_figures(self, why: str) -> list[Figure]:
        names, latency = {"p50": 0.5, "p99": 0.99, "max": 1.0}, self._latency
        why = why or ("" if latency.count else "no command answers a recorded state")
        why = why or ("the recorder's clock went back: a command was recorded before its state" if latency.negative else "")
        if why:
            return [Figure.absent(f"timing.latency.{name}", "s", why) for name in names]
        return [Figure(name=f"timing.latency.{name}", value=latency.nearest_rank_s(q), unit="s", n=latency.count) for name, q in names.items()]

    def _answer_figures(self, why: str) -> list[Figure]:
        """Ticks without an answer, or with one that came after its period."""
        if not self._answers["command"].count:
            absent = "no command was recorded"
            return [Figure.absent(f"timing.{n}", "share", absent) for n in ("unanswered", "late")] + [Figure.absent("timing.age.p99", "s", absent)]
        unanswered = 1.0 - self._answered / self._asked if self._asked else float("nan")
        note = "states between the first and the last command that no command answers"
        result = [Figure.of("timing.unanswered", unanswered, "share", n=self._asked, note=note)]
        if why:
            return [*result, Figure.absent("timing.late", "share", why), Figure.absent("timing.age.p99", "s", why)]
        n = self._latency.count
        late = self._latency.longer_than(self.period_s()) / n if n else float("nan")
        result.append(Figure.of("timing.late", late, "share", n=n, note="commands that came later than one control period after their state"))
        return [*result, self._age_figure()]

    def _age_figure(self) -> Figure:
        name, age = "timing.age.p99", self._age
        if not abs(age.nearest_rank_s(0.5)) <= _SAME_CLOCK_S:
            return Figure.absent(name, "s", "stamps and recording times are on different clocks")
        return Figure.of(name, age.nearest_rank_s(0.99), "s", n=age.count, note="of the answered state when its command was recorded")

    def _loss_figures(self) -> list[Figure]:
        """Numbers that are missing between others. What was lost on the way to the recorder counts like what was never sent."""
        skipped = "numbers of states that it skips: not answered, or lost; a recording cannot tell these apart"
        result = [_loss("body_state", self._state, "gaps in the sequence numbers")]
        result += [_loss(kind, topic, skipped) for kind, topic in self._answers.items()]
        return result + [_pauses(topic, pauses) for topic, pauses in sorted(self._others.items())]

    def _jitter_figures(self, why: str) -> list[Figure]:
        """Scatter of the intervals at which a topic arrives."""
        series = {"body_state": self._state} | {kind: topic for kind, topic in self._answers.items() if topic.count}
        return [_jitter(kind, topic, why) for kind, topic in series.items()]


def _pairs(asked: tuple[Stamps, Stamps], given: tuple[Stamps, Stamps]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """(state, first answer) that agree in stamp and number, by rising state."""
    keys = [np.stack(pair, axis=1).view("i8,i8")[:, 0] if len(pair[0]) else np.zeros(0, "i8,i8") for pair in (asked, given)]
    _, state, answer = np.intersect1d(keys[0], keys[1], return_indices=True)
    order = np.argsort(state)
    return state[order], answer[order]


def _loss(kind: str, topic: _Topic, note: str) -> Figure:
    name = f"timing.loss.{kind}"
    if topic.count < 2:
        return Figure.absent(name, "messages", f"{topic.count} messages were recorded", n=topic.count)
    return Figure(name=name, value=float(topic.lost), unit="messages", n=topic.count, note=note)


def _pauses(topic: str, pauses: _Pauses) -> Figure:
    name = f"timing.pauses.{topic.strip('/').replace('/', '_')}"
    pauses.settle()
    if pauses.steps.count < 8:
        return Figure.absent(name, "pauses", f"{pauses.count} messages are too few to know the rate of {topic}", n=pauses.count)
    count = float(pauses.steps.longer_than(_GAP * pauses.steps.nearest_rank_s(0.5)))
    return Figure(name=name, value=count, unit="pauses", n=pauses.count, note=f"intervals longer than {_GAP:g} usual ones; {topic} has no numbers")


def _jitter(kind: str, topic: _Topic, why: str) -> Figure:
    name = f"timing.jitter.{kind}"
    if why:
        return Figure.absent(name, "s", why)
    if topic.arrival.count < 2:
        return Figure.absent(name, "s", f"{topic.count} messages were recorded", n=topic.count)
    return Figure(name=name, value=topic.arrival.deviation, unit="s", n=topic.arrival.count, note="standard deviation of the intervals of arrival")
