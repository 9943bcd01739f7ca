"""When muscles are on: masks, agreement and kappa by hand."""

from pathlib import Path

import numpy as np
import pytest

from kinesis_control.evaluate.emg_timing import TIMINGS, MuscleTiming, body_mask, judge, markdown_table, table_mask, timing_figures
from kinesis_control.evaluate.figure import by_name
from kinesis_control.evaluate.gait_cycles import LegGait
from kinesis_control.evaluate.time_base import TimeBase


def mask(*on: tuple[int, int]) -> np.ndarray:
    result = np.zeros(200, dtype=bool)
    for begin, end in on:
        result[begin:end] = True
    return result


def test_bursts_go_over_the_end_of_the_cycle() -> None:
    timing = MuscleTiming(name="x", muscles=("x",), on=((90, 20), (50, 60)))
    assert (table_mask(timing) == mask((0, 40), (100, 120), (180, 200))).all()


def test_short_bursts_and_pauses_are_closed() -> None:
    """5 % of 200 points are 10: a burst of 9 goes, one of 10 stays; a pause of 9 is filled; across the end of the cycle too."""
    envelope = np.where(mask((20, 29), (50, 60), (100, 120), (129, 150), (195, 200)) | mask((0, 5)), 0.2, 0.01)
    assert (body_mask(envelope) == mask((0, 5), (50, 60), (100, 150), (195, 200))).all()
    assert body_mask(np.full(200, 0.2)).all() and not body_mask(np.full(200, 0.05)).any()


def test_agreement_and_kappa_by_hand() -> None:
    """Table on over 0..100 of 200 points; 10 on both sides of each switch are not judged: 80 on and 80 off are left.

    The body is on over 50..150: 10..50 of the judged on is wrong, 150..190 of the judged off is right: half, as chance gives.
    """
    half = judge("x", "right", np.where(mask((50, 150)), 0.5, 0.0), mask((0, 100)))
    assert (half.agreement, half.kappa) == (pytest.approx(0.5), pytest.approx(0.0))
    same = judge("x", "right", np.where(mask((8, 108)), 0.5, 0.0), mask((0, 100)))
    assert (same.agreement, same.kappa) == (1.0, 1.0)
    always = judge("x", "right", np.full(200, 0.5), mask((0, 20)))
    assert always.kappa == pytest.approx(0.0) and always.agreement < 0.1


def test_figures_name_every_muscle_that_the_body_has() -> None:
    envelopes = np.stack([np.where(table_mask(next(t for t in TIMINGS if t.name == "soleus")), 0.4, 0.0), np.zeros(200), np.full(200, 0.3)])
    nothing = np.zeros(0)
    leg = LegGait(
        side="right", muscles=("soleus", "gasmed", "gaslat"), cycles=3, outliers=0, rejected={}, durations_s=nothing, stance_shares=nothing, speeds=nothing,
        mean={TimeBase.PLAIN: envelopes}, deviation={},
    )  # fmt: skip
    figures = by_name(timing_figures([leg]))
    assert set(figures) == {"muscle_timing.agreement", "muscle_timing.kappa", "muscle_timing.agreement.soleus", "muscle_timing.agreement.gastrocnemius"}
    assert figures["muscle_timing.agreement.soleus"].value == 1.0
    assert figures["muscle_timing.agreement.gastrocnemius"].note == "kappa 0.00"  # one of its heads is on all the time
    none = LegGait(**{**vars(leg), "cycles": 0, "mean": {}})
    assert "no gait cycle" in by_name(timing_figures([none]))["muscle_timing.agreement"].missing


def test_the_table_is_sound_and_stands_in_the_docs() -> None:
    assert len({t.name for t in TIMINGS}) == len(TIMINGS)
    for timing in TIMINGS:
        assert all(0 <= a < 100 and 0 < b <= 100 for a, b in timing.on) and table_mask(timing).any() and not table_mask(timing).all()
    assert markdown_table() in (Path(__file__).resolve().parents[3] / "docs/emg.md").read_text(encoding="utf-8")
