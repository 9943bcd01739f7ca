"""Timing figures against numbers that were put in."""

import numpy as np
import pytest

from kinesis_control.evaluate.figure import by_name
from kinesis_control.evaluate.timing import LOCKSTEP, SIMULATED, TimingLog

PERIOD = 25_000_000


def recorded(*, wall: bool = True, late: int = 0, lost: tuple[int, ...] = (), unanswered: tuple[int, ...] = ()) -> TimingLog:
    """100 states; the command comes 3 ms later, in every tenth tick 8 ms later."""
    log = TimingLog()
    seq = np.array([i for i in range(100) if i not in lost])
    stamp = seq * PERIOD
    arrived = stamp + 10**18 + (np.arange(len(seq)) * 7919) % 1000 if wall else stamp
    log.states(seq, stamp, arrived)
    kept = ~np.isin(seq, unanswered)
    latency = np.where(seq % 10 == 0, 8_000_000, 3_000_000) if wall else np.zeros(len(seq), dtype=int)
    latency[seq == late] = 30_000_000 if late else latency[seq == late]
    log.answers("command", seq[kept], stamp[kept], (arrived + latency)[kept])
    return log


def test_latency_is_the_time_between_the_arrivals() -> None:
    figures = by_name(recorded().figures({"realtime"}, 4))
    assert figures["timing.latency.p50"].value == pytest.approx(0.003)
    assert figures["timing.latency.p99"].value == pytest.approx(0.008)
    assert figures["timing.latency.max"].n == 100
    assert figures["timing.reported_misses"].value == 4.0
    assert figures["timing.age.p99"].missing  # simulated stamps, wall-clock arrival


def test_a_late_and_a_missing_answer_are_told_apart() -> None:
    figures = by_name(recorded(late=50, unanswered=(20, 21)).figures({"realtime"}, None))
    assert figures["timing.late"].value == pytest.approx(1 / 98)
    assert figures["timing.unanswered"].value == pytest.approx(2 / 100)
    assert figures["timing.reported_misses"].missing


def test_gaps_in_the_numbers_are_losses() -> None:
    figures = by_name(recorded(lost=(5, 6, 40)).figures({"realtime"}, None))
    assert figures["timing.loss.body_state"].value == 3.0


@pytest.mark.parametrize(("clocks", "reason"), [({"lockstep"}, LOCKSTEP), ({"realtime"}, SIMULATED), (set(), SIMULATED)])
def test_a_recording_without_wall_clock_gives_no_latency(clocks: set[str], reason: str) -> None:
    figures = by_name(recorded(wall=False).figures(clocks, None))
    for name in ("timing.latency.p50", "timing.latency.max", "timing.late", "timing.jitter.body_state"):
        assert figures[name].value is None and figures[name].missing == reason
    assert figures["timing.unanswered"].value == 0.0


def test_nothing_recorded_gives_no_figure() -> None:
    assert all(f.value is None for f in TimingLog().figures(set(), None))
