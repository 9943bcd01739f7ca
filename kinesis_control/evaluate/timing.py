"""Timing from a recording alone: latency, jitter, misses, age and loss.

A message has two times: when it was recorded (the recorder's clock) and the stamp inside (the clock of the graph). The
latency of a command is the time between the recording of a state and that of its answer, as the recorder saw both; it
holds the way to the recorder twice, which cancels but for its jitter.

Where the recording time is simulated (lock-step, or a recorder that keeps to /clock), no wall-clock time is in the bag, and
every figure that needs it is missing. It is never 0.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kinesis_control.evaluate.figure import Figure

Stamps = NDArray[np.int64]

LOCKSTEP = "a lock-step recording holds simulated times only; wall-clock latency is not in it"
SIMULATED = "the recorder kept simulated time, so arrival times stand still between two ticks; wall-clock latency is not in the recording"
_SAME_CLOCK_NS = 60_000_000_000
_GAP = 1.5  # a pause of this many periods is a gap


@dataclass(kw_only=True)
class _Series:
    """Times of one topic, gathered in pieces."""

    log: list[Stamps] = field(default_factory=list)
    stamp: list[Stamps] = field(default_factory=list)
    seq: list[Stamps] = field(default_factory=list)

    def arrays(self) -> tuple[Stamps, Stamps, Stamps]:
        """log, stamp, seq; shape (n,) each."""
        empty = [np.zeros(0, dtype=np.int64)]
        return np.concatenate(self.log or empty), np.concatenate(self.stamp or empty), np.concatenate(self.seq or empty)


@dataclass(frozen=True, kw_only=True)
class LatencySeries:
    """Latency over time, for a plot: time since the first state [s], latency [s]; shape (n,) each."""

    time_s: NDArray[np.float64]
    latency_s: NDArray[np.float64]


class TimingLog:
    """Gathers times while a recording is read: 24 bytes a message."""

    def __init__(self) -> None:
        self._state = _Series()
        self._answers: dict[str, _Series] = {}
        self._others: dict[str, tuple[list[int], list[int]]] = {}

    def states(self, seq: Stamps, stamp_ns: Stamps, log_ns: Stamps) -> None:
        """Body states, shape (n,) each."""
        self._append(self._state, seq, stamp_ns, log_ns)

    def answers(self, kind: str, seq: Stamps, stamp_ns: Stamps, log_ns: Stamps) -> None:
        """Messages that carry the number and the stamp of a state: "command" or "reference"."""
        self._append(self._answers.setdefault(kind, _Series()), seq, stamp_ns, log_ns)

    def other(self, topic: str, log_ns: int, stamp_ns: int) -> None:
        """Any other message with a stamp."""
        log, stamp = self._others.setdefault(topic, ([], []))
        log.append(log_ns)
        stamp.append(stamp_ns)

    @staticmethod
    def _append(series: _Series, seq: Stamps, stamp_ns: Stamps, log_ns: Stamps) -> None:
        series.log.append(log_ns.astype(np.int64))
        series.stamp.append(stamp_ns.astype(np.int64))
        series.seq.append(seq.astype(np.int64))

    def period_s(self) -> float:
        """Control period: the median step of the stamps of the states [s]; NaN without two states."""
        steps = np.diff(np.unique(self._state.arrays()[1]))
        return float(np.median(steps)) * 1e-9 if len(steps) else float("nan")

    def wall_clock_missing(self, clocks: set[str]) -> str:
        """Why wall-clock times cannot be told; empty where they can.

        Args:
            clocks: what the nodes said of their clock, "lockstep" or "realtime".
        """
        log, stamp, _ = self._state.arrays()
        if not len(log):
            return "no body state was recorded"
        if "lockstep" in clocks:
            return LOCKSTEP
        command = self._answers.get("command", _Series()).arrays()[0]
        # A wall clock does not hit the same nanosecond twice in a row; a simulated one does, tick after tick.
        ticks = np.unique(np.concatenate((log, stamp)))
        if len(command) > 1 and np.isin(command, ticks).mean() > 0.5:
            return SIMULATED
        if len(log) > 1 and (log == stamp).mean() > 0.5:
            return SIMULATED
        return ""

    def latencies(self) -> LatencySeries:
        """Every state -> command latency, in the order of the states. Only of meaning on a wall clock."""
        log, stamp, seq = self._state.arrays()
        c_log, c_stamp, c_seq = self._answers.get("command", _Series()).arrays()
        state, answer = _pairs((stamp, seq), (c_stamp, c_seq))
        latency: NDArray[np.float64] = (c_log[answer] - log[state]).astype(float) * 1e-9
        return LatencySeries(time_s=1e-9 * (stamp[state] - stamp[0]) if len(stamp) else np.zeros(0), latency_s=latency)

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
        names = {"p50": 0.5, "p99": 0.99, "max": 1.0}
        latency = self.latencies().latency_s if not why else np.zeros(0)
        why = why or ("" if len(latency) else "no command answers a recorded state")
        if why:
            return [Figure.absent(f"timing.latency.{name}", "s", why) for name in names]
        return [Figure(name=f"timing.latency.{name}", value=nearest_rank(latency, q), unit="s", n=len(latency)) for name, q in names.items()]

    def _answer_figures(self, why: str) -> list[Figure]:
        """Ticks without an answer, or with one that came after its period."""
        log, stamp, seq = self._state.arrays()
        c_log, c_stamp, c_seq = self._answers.get("command", _Series()).arrays()
        if not len(c_log):
            absent = "no command was recorded"
            return [Figure.absent(f"timing.{n}", "share", absent) for n in ("unanswered", "late")] + [Figure.absent("timing.age.p99", "s", absent)]
        # Before the first and after the last command nobody meant to answer.
        asked = (stamp >= c_stamp.min()) & (stamp <= c_stamp.max())
        state, answer = _pairs((stamp, seq), (c_stamp, c_seq))
        n = int(asked.sum())
        unanswered = 1.0 - np.isin(np.flatnonzero(asked), state).mean() if n else float("nan")
        result = [Figure.of("timing.unanswered", unanswered, "share", n=n, note="states between the first and the last command that no command answers")]
        if why:
            return [*result, Figure.absent("timing.late", "share", why), Figure.absent("timing.age.p99", "s", why)]
        latency = 1e-9 * (c_log[answer] - log[state])
        late = float((latency > self.period_s()).mean()) if len(latency) else float("nan")
        result.append(Figure.of("timing.late", late, "share", n=len(latency), note="commands that came later than one control period after their state"))
        return [*result, self._age(c_log, c_stamp)]

    @staticmethod
    def _age(log: Stamps, stamp: Stamps) -> Figure:
        name = "timing.age.p99"
        age = log - stamp
        if np.abs(np.median(age)) > _SAME_CLOCK_NS:
            return Figure.absent(name, "s", "stamps and recording times are on different clocks")
        return Figure(
            name=name, value=nearest_rank(1e-9 * age.astype(float), 0.99), unit="s", n=len(age), note="of the answered state when its command was recorded"
        )

    def _loss_figures(self) -> list[Figure]:
        """Numbers that are missing between others. What was lost on the way to the recorder counts like what was never sent."""
        _, stamp, seq = self._state.arrays()
        result = [_loss("body_state", stamp, seq)]
        for kind in ("command", "reference"):
            _, a_stamp, a_seq = self._answers.get(kind, _Series()).arrays()
            result.append(_loss(kind, a_stamp, a_seq, "numbers of states that it skips: not answered, or lost; a recording cannot tell these apart"))
        for topic, (_, stamps) in sorted(self._others.items()):
            result.append(_pauses(topic, np.array(stamps, dtype=np.int64)))
        return result

    def _jitter_figures(self, why: str) -> list[Figure]:
        """Scatter of the intervals at which a topic arrives."""
        series = {"body_state": self._state.arrays()[0]} | {kind: s.arrays()[0] for kind, s in self._answers.items()}
        return [_jitter(kind, log, why) for kind, log in series.items()]


def nearest_rank(values: NDArray[np.float64], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed; shape (n,), n at least 1."""
    return float(np.sort(values)[max(int(np.ceil(share * len(values))) - 1, 0)])


def _pairs(asked: tuple[Stamps, Stamps], given: tuple[Stamps, Stamps]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """(state, first answer) that agree in stamp and number, by rising state."""
    keys = [np.stack(pair, axis=1).view("i8,i8")[:, 0] if len(pair[0]) else np.zeros(0, "i8,i8") for pair in (asked, given)]
    _, state, answer = np.intersect1d(keys[0], keys[1], return_indices=True)
    order = np.argsort(state)
    return state[order], answer[order]


def _loss(kind: str, stamp: Stamps, seq: Stamps, note: str = "gaps in the sequence numbers") -> Figure:
    name = f"timing.loss.{kind}"
    if len(seq) < 2:
        return Figure.absent(name, "messages", f"{len(seq)} messages were recorded", n=len(seq))
    order = np.argsort(stamp, kind="stable")
    steps = np.diff(seq[order])
    # A number that falls is a restart, not a loss.
    return Figure(name=name, value=float((steps[steps > 1] - 1).sum()), unit="messages", n=len(seq), note=note)


def _pauses(topic: str, stamp: Stamps) -> Figure:
    name = f"timing.pauses.{topic.strip('/').replace('/', '_')}"
    steps = np.diff(np.unique(stamp))
    if len(steps) < 8:
        return Figure.absent(name, "pauses", f"{len(stamp)} messages are too few to know the rate of {topic}", n=len(stamp))
    count = float((steps > _GAP * np.median(steps)).sum())
    return Figure(name=name, value=count, unit="pauses", n=len(stamp), note=f"intervals longer than {_GAP:g} usual ones; {topic} has no numbers")


def _jitter(kind: str, log: Stamps, why: str) -> Figure:
    name = f"timing.jitter.{kind}"
    if why:
        return Figure.absent(name, "s", why)
    steps = 1e-9 * np.diff(log)
    if len(steps) < 2:
        return Figure.absent(name, "s", f"{len(log)} messages were recorded", n=len(log))
    return Figure(name=name, value=float(steps.std()), unit="s", n=len(steps), note="standard deviation of the intervals of arrival")
