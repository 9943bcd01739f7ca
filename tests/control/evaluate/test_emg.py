"""Correlation, error, lag, ceiling and shift test on envelopes whose answers are known."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from kinesis_control.evaluate.electrodes import find_electrode, markdown_table, under
from kinesis_control.evaluate.emg import best_lag, compare, comparison_figures, pair_correlations, shift_p, shifted_correlations
from kinesis_control.evaluate.emg_recordings import EmgRecording, read_recordings
from kinesis_control.evaluate.figure import by_name
from kinesis_control.evaluate.gait_cycles import LegGait
from kinesis_control.evaluate.time_base import TimeBase

T = np.arange(200) / 200
PLAIN, PIECEWISE = TimeBase.PLAIN, TimeBase.PIECEWISE
ROOT = Path(__file__).resolve().parents[3]
TREADMILL = ROOT.parent / "shared/data/emg/treadmill_walking_envelopes.npz"


def wave(shift: float = 0.0) -> np.ndarray:
    """A burst that is `shift` of a cycle late."""
    return np.exp(np.cos(2.0 * np.pi * (T - 0.3 - shift)) * 4.0)


def leg(envelopes: Mapping[str, np.ndarray], side: str = "right", cycles: int = 10) -> LegGait:
    rows = np.array(list(envelopes.values()))
    mean = dict.fromkeys(TimeBase, rows) if cycles else {}
    none = np.zeros(0)
    return LegGait(
        side=side,
        muscles=tuple(envelopes),
        cycles=cycles,
        outliers=0,
        rejected={},
        durations_s=none,
        stance_shares=none,
        speeds=none,
        mean=mean,
        deviation=mean,
    )


def person(name: str, base: TimeBase = PLAIN, **envelopes: np.ndarray) -> EmgRecording:
    return EmgRecording(person=name, electrodes=tuple(envelopes), envelope=np.array(list(envelopes.values())), base=base)


def test_an_envelope_of_the_same_shape_correlates_fully_whatever_its_scale() -> None:
    c = compare([leg({"soleus": 0.3 * wave() + 0.1})], [person("a", soleus=wave()), person("b", soleus=7.0 - wave())], PLAIN)
    match = c.matches[0]
    assert match.r == pytest.approx([1.0, -1.0])
    assert match.rmse[0] == pytest.approx(0.0, abs=1e-12)
    assert match.rmse[1] == pytest.approx(np.sqrt(np.mean((1.0 - 2.0 * (wave() - wave().min()) / np.ptp(wave())) ** 2)))


def test_r_is_numpys() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 200))
    assert compare([leg({"soleus": a})], [person("p", soleus=b)], PLAIN).matches[0].r[0] == pytest.approx(np.corrcoef(a, b)[0, 1])


@pytest.mark.parametrize("late", [0.0, 0.05, 0.3, -0.2, -0.45, 0.5])
def test_a_late_body_has_a_positive_lag(late: float) -> None:
    c = compare([leg({"soleus": wave(late)})], [person("a", soleus=wave())], PLAIN)
    assert c.matches[0].lag == pytest.approx([100.0 * late])
    assert by_name(comparison_figures(c))["emg.plain.lag.soleus"].value == pytest.approx(100.0 * late)


def test_lag_is_not_given_on_the_piecewise_base() -> None:
    c = compare([leg({"soleus": wave()})], [person("a", PIECEWISE, soleus=wave())], PIECEWISE)
    assert np.isnan(c.matches[0].lag).all()
    assert not any("lag" in f.name for f in comparison_figures(c))


def test_the_mean_goes_over_electrodes_and_sides_first_then_over_people() -> None:
    """Person a has one electrode (r 1), b two (r -1 and 1): means 1 and 0, so 0.5; an equal mean of the three would be 1/3."""
    body = [leg({"soleus": wave(), "tibant": wave()}, side) for side in ("right", "left")]
    people = [person("a", soleus=wave()), person("b", soleus=-wave(), tibialis_anterior=wave())]
    figure = by_name(comparison_figures(compare(body, people, PLAIN)))["emg.plain.r"]
    assert (figure.value, figure.n) == (pytest.approx(0.5), 2)
    assert "2 of 2 electrodes" in figure.note and "left and right" in figure.note


def test_the_ceiling_is_the_mean_over_pairs_and_needs_two() -> None:
    people = [person("a", soleus=wave()), person("b", soleus=wave()), person("c", soleus=-wave())]
    figures = by_name(comparison_figures(compare([leg({"soleus": wave()})], people, PLAIN)))
    assert figures["emg.plain.ceiling"].value == pytest.approx((1.0 - 1.0 - 1.0) / 3.0)
    alone = by_name(comparison_figures(compare([leg({"soleus": wave()})], people[:1], PLAIN)))
    assert alone["emg.plain.ceiling"].missing == alone["emg.plain.ceiling_of_mean"].missing == "a ceiling needs two people"
    assert np.isnan(np.diag(pair_correlations(people, "soleus", PLAIN)[1])).all()


def test_the_shift_test_tells_a_fit_from_a_coincidence() -> None:
    fit, miss = shifted_correlations(wave(), wave()[None])[:, 0], shifted_correlations(wave(0.5), wave()[None])[:, 0]
    assert shift_p(fit) == pytest.approx(1 / 200)
    assert shift_p(miss) == pytest.approx(1.0, abs=0.02)
    assert best_lag(np.full((200, 1), np.nan)) == pytest.approx([np.nan], nan_ok=True)


def test_chance_is_rarely_significant() -> None:
    """White noise against white noise: p below 0.05 in about one of twenty."""
    rng = np.random.default_rng(2)
    p = [shift_p(shifted_correlations(rng.normal(size=200), rng.normal(size=(1, 200)))[:, 0]) for _ in range(300)]
    assert 0.02 < np.mean(np.array(p) <= 0.05) < 0.09


def test_what_cannot_be_compared_is_missing_with_its_reason() -> None:
    people = [person("a", soleus=wave(), tibialis_anterior=wave(), erector_spinae=wave())]
    body = [leg({"soleus": np.full(200, 0.3), "tibant": wave()}), leg({"soleus": wave(), "tibant": wave()}, "left", cycles=0)]
    figures = by_name(comparison_figures(compare(body, people, PLAIN)))
    assert "flat" in figures["emg.plain.r.soleus"].missing
    assert figures["emg.plain.r.erector_spinae"].missing == "the body has no muscle under this electrode"
    assert figures["emg.plain.r.tibialis_anterior"].note == "right side only: no gait cycle of the left leg"
    nothing = by_name(comparison_figures(compare([leg({"soleus": wave()}, cycles=0)], people, PLAIN)))
    assert "no gait cycle" in nothing["emg.plain.r"].missing and "no gait cycle" in nothing["emg.plain.shift_p"].missing


def test_a_muscle_in_parts_is_weighted_by_strength() -> None:
    electrode = find_electrode("Vastus Lateralis")
    assert electrode.name == "vastus_lateralis"
    gastrocnemius = find_electrode("gastroc_r")
    seen = under(gastrocnemius, ("gaslat", "gasmed"), np.array([np.full(200, 1.0), np.zeros(200)]))
    assert seen is not None and seen[0] == pytest.approx(1318.7 / (1318.7 + 2237.3))
    assert under(gastrocnemius, ("gaslat",), np.ones((1, 200))) is None


def test_the_docs_have_the_table_of_the_code() -> None:
    assert markdown_table() in (ROOT / "docs/emg.md").read_text(encoding="utf-8")


@pytest.mark.skipif(not TREADMILL.exists(), reason=f"the treadmill recordings are not at {TREADMILL.relative_to(ROOT.parent)}")
def test_the_ceiling_of_the_treadmill_recordings() -> None:
    """Ten people, thirteen electrodes: people agree with one another at about 0.64, most in the calf, least in the peroneus."""
    people = read_recordings(TREADMILL)
    assert (len(people), len(people[0].electrodes)) == (10, 13)
    body = leg({"soleus": people[0].envelope[people[0].electrodes.index("soleus")]})
    for base in TimeBase:
        figures = by_name(comparison_figures(compare([body], people, base)))
        assert figures[f"emg.{base.value}.ceiling"].value == pytest.approx(0.635, abs=0.015)
    # On its own base the first person's soleus finds itself again.
    match = compare([body], people, PIECEWISE).of("soleus")[0]
    assert match.r[0] == pytest.approx(1.0) and match.r[1:].max() < 0.999
