"""Heel strike and toe off from made-up foot loads; a body of 10 kg weighs 98.1 N, so a foot is down above 4.905 N and up below 2.4525 N."""

import numpy as np
import pytest

from kinesis_control.errors import ConfigurationError
from kinesis_control.evaluate.gait_events import FootContact, GaitEventConfig, GaitEventKind

STRIKE, OFF, BREAK = GaitEventKind.HEEL_STRIKE, GaitEventKind.TOE_OFF, GaitEventKind.BREAK
DT_NS = 25_000_000


def events(loads: list[float], stamps: list[int] | None = None, **config: float) -> list[tuple[GaitEventKind, int]]:
    foot = FootContact(10.0, GaitEventConfig(**config))
    times = stamps or [DT_NS * i for i in range(len(loads))]
    found = [foot.update(stamp, load) for stamp, load in zip(times, loads, strict=True)]
    return [(e.kind, e.tick) for e in found if e is not None]


def test_events_are_dated_to_the_first_tick_of_the_new_state() -> None:
    assert events([0.0] * 10 + [50.0] * 20 + [0.0] * 10) == [(STRIKE, 10), (OFF, 30)]


def test_the_state_at_the_start_is_no_event() -> None:
    assert events([50.0] * 10) == []
    assert events([50.0] * 3 + [0.0] * 2 + [50.0] * 10) == []  # what comes before the first state that lasts is none either


def test_hysteresis_holds_between_the_thresholds() -> None:
    rising = [0.0] * 8 + [4.0] * 8 + [5.0] * 8
    falling = [4.0] * 8 + [2.5] * 8 + [2.4] * 8
    assert events(rising + falling) == [(STRIKE, 16), (OFF, 40)]


@pytest.mark.parametrize("scuff", [[30.0], [30.0, 0.0, 30.0], [30.0, 30.0, 30.0, 30.0]])
def test_a_scuff_shorter_than_the_least_stance_is_no_step(scuff: list[float]) -> None:
    """Four ticks of 25 ms last from the first to the fourth for 75 ms, less than the 100 ms asked for."""
    assert events([0.0] * 10 + scuff + [0.0] * 10 + [50.0] * 10) == [(STRIKE, 20 + len(scuff))]


def test_a_stance_of_the_least_duration_counts() -> None:
    assert events([0.0] * 10 + [30.0] * 5 + [0.0] * 10) == [(STRIKE, 10), (OFF, 15)]


def test_chatter_at_the_strike_dates_it_to_the_contact_that_lasts() -> None:
    assert events([0.0] * 10 + [30.0, 0.0] * 3 + [30.0] * 10) == [(STRIKE, 16)]


def test_an_unknown_load_breaks() -> None:
    found = events([0.0] * 10 + [50.0] * 10 + [np.nan] + [50.0] * 10 + [0.0] * 10)
    assert found == [(STRIKE, 10), (BREAK, 20), (OFF, 31)]


def test_lost_ticks_break_and_the_clock_counts_not_the_ticks() -> None:
    loads = [0.0] * 10 + [50.0] * 10
    stamps = [DT_NS * i for i in range(8)] + [DT_NS * 8 + 101_000_000 + DT_NS * i for i in range(12)]
    assert events(loads, stamps) == [(BREAK, 8)]
    slow = [2 * DT_NS * i for i in range(20)]
    assert events(loads, slow) == [(STRIKE, 10)]


def test_without_least_durations_every_crossing_counts() -> None:
    assert events([0.0, 50.0, 0.0, 50.0], least_stance_s=0.0, least_swing_s=0.0) == [(STRIKE, 1), (OFF, 2), (STRIKE, 3)]


@pytest.mark.parametrize("wrong", [{"down_share": 0.01}, {"up_share": 0.0}, {"least_stance_s": -1.0}, {"longest_gap_s": 0.0}, {"down_share": float("nan")}])
def test_thresholds_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="up_share < down_share"):
        GaitEventConfig(**wrong)
