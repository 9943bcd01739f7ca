"""Timing figures against numbers that were put in."""

import numpy as np
import pytest

from kinesis_control.evaluate.figure import by_name
from kinesis_control.evaluate.histogram import DurationHistogram, Scatter
from kinesis_control.evaluate.latency_series import MOST_BINS, LatencySeries
from kinesis_control.evaluate.timing import LOCKSTEP, SIMULATED, Arrivals, TimingLog

PERIOD = 25_000_000


def recorded(*, wall: bool = True, late: int = 0, lost: tuple[int, ...] = (), unanswered: tuple[int, ...] = (), piece: int = 1000) -> TimingLog:
    """100 states; the command comes 3 ms later, in every tenth tick 8 ms later. They are taken in so many at a time."""
    log = TimingLog()
    seq = np.array([i for i in range(100) if i not in lost])
    stamp = seq * PERIOD
    arrived = stamp + 10**18 + (np.arange(len(seq)) * 7919) % 1000 if wall else stamp
    kept = ~np.isin(seq, unanswered)
    latency = np.where(seq % 10 == 0, 8_000_000, 3_000_000) if wall else np.zeros(len(seq), dtype=int)
    latency[seq == late] = 30_000_000 if late else latency[seq == late]
    for first in range(0, len(seq), piece):
        part = slice(first, first + piece)
        keep = kept[part]
        answers = Arrivals(seq=seq[part][keep], stamp_ns=stamp[part][keep], log_ns=(arrived + latency)[part][keep])
        log.update(Arrivals(seq=seq[part], stamp_ns=stamp[part], log_ns=arrived[part]), {"command": answers})
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


@pytest.mark.parametrize("piece", [1, 7, 99])
def test_pieces_change_nothing(piece: int) -> None:
    facts = {"late": 50, "lost": (5, 6, 40), "unanswered": (0, 1, 20, 21, 99)}
    whole, pieces = (by_name(recorded(**facts, piece=p).figures({"realtime"}, None)) for p in (1000, piece))  # type: ignore[arg-type]
    for name, figure in whole.items():
        assert pieces[name].value == (None if figure.value is None else pytest.approx(figure.value, rel=1e-9)), name
        assert (pieces[name].n, pieces[name].missing) == (figure.n, figure.missing), name
    assert whole["timing.unanswered"].n == 94  # 97 recorded, of which 0, 1 and 99 lie before the first and after the last command


def test_a_clock_of_the_recorder_that_goes_back_gives_no_latency() -> None:
    log, seq = TimingLog(), np.arange(10)
    stamp = seq * PERIOD
    log.update(Arrivals(seq=seq, stamp_ns=stamp, log_ns=stamp + 10**18), {"command": Arrivals(seq=seq, stamp_ns=stamp, log_ns=stamp + 10**18 - 5)})
    assert "went back" in by_name(log.figures({"realtime"}, None))["timing.latency.p50"].missing


def test_time_that_goes_back_is_no_loss_and_leaves_nothing_unanswered() -> None:
    log, seq = TimingLog(), np.arange(50)
    for _ in range(2):
        stamp = seq * PERIOD
        log.update(
            Arrivals(seq=seq, stamp_ns=stamp, log_ns=stamp + 10**18),
            {"command": Arrivals(seq=seq[5:40], stamp_ns=stamp[5:40], log_ns=stamp[5:40] + 10**18 + 9)},
        )
    figures = by_name(log.figures({"realtime"}, None))
    assert (figures["timing.unanswered"].value, figures["timing.unanswered"].n) == (0.0, 70)
    assert figures["timing.loss.body_state"].value == 0.0


def test_pauses_of_a_topic_without_numbers() -> None:
    log = TimingLog()
    for i in range(10_000):
        if i not in (4000, 4096, 7777):
            log.other("/odom", i * PERIOD)
    (figure,) = [f for f in log.figures(set(), None) if f.name == "timing.pauses.odom"]
    assert (figure.value, figure.n) == (3.0, 9997)


def test_percentiles_of_counts_are_those_of_the_values() -> None:
    """Exact to 1 us below 33 ms, to 0.003 % above."""
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.integers(0, 30_000_000, 999), rng.integers(10**8, 10**11, 500), [123_456_789_012]])
    histogram = DurationHistogram()
    for part in np.array_split(values, 7):
        histogram.add(part)
    for share in (0.0, 0.3, 0.5, 0.99, 1.0):
        exact = 1e-9 * float(np.sort(values)[max(int(np.ceil(share * len(values))) - 1, 0)])
        assert exact * (1 - 3.1e-5) - 1e-6 <= histogram.nearest_rank_s(share) <= exact
    assert histogram.longer_than(0.05) == 501
    assert np.isnan(DurationHistogram().nearest_rank_s(0.5))
    histogram.add(np.full(5000, -1))
    assert histogram.nearest_rank_s(0.5) == -np.inf and histogram.nearest_rank_s(1.0) == pytest.approx(123.456789012)


def test_scatter_of_pieces_is_that_of_the_whole() -> None:
    values, scatter = 1e9 + np.random.default_rng(2).normal(0.0, 3.0, 1000), Scatter()
    for part in np.array_split(values, [1, 2, 500]):
        scatter.add(part)
    assert (scatter.count, scatter.deviation) == (1000, pytest.approx(values.std(), rel=1e-6))


def test_a_latency_series_keeps_its_size_and_its_largest_value() -> None:
    series, time_s = LatencySeries(width_s=0.1), np.arange(0.0, 1000.0, 0.05)
    for part in np.array_split(time_s, 23):
        series.add(part, np.where(np.abs(part - 321.0) < 0.01, 0.5, 0.002))
    assert len(series.time_s) <= MOST_BINS and series.width_s == pytest.approx(1.6)
    worst = int(series.largest_s.argmax())
    assert series.largest_s[worst] == 0.5 and abs(series.time_s[worst] - 321.0) <= 0.8
    assert series.mean_s[0] == pytest.approx(0.002)
