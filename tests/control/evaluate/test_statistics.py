"""Intervals against published values."""

import math

import numpy as np
import pytest

from kinesis_control.evaluate.statistics import bootstrap_interval, mean_figure, mean_interval, share_figure, t_probability, t_quantile, wilson_interval


@pytest.mark.parametrize(
    ("df", "expected"), [(1, 12.7062), (2, 4.3027), (3, 3.1824), (4, 2.7764), (9, 2.2622), (10, 2.2281), (30, 2.0423), (120, 1.9799), (500, 1.9647)]
)
def test_t_quantiles_are_those_of_the_printed_tables(df: int, expected: float) -> None:
    assert t_quantile(df) == pytest.approx(expected, abs=6e-5)


def test_t_probability_of_one_degree_is_the_cauchy_distribution() -> None:
    assert t_probability(1.0, 1) == pytest.approx(0.5)
    assert t_probability(math.sqrt(2.0), 2) == pytest.approx(math.sqrt(2.0) / 2.0)


def test_wilson_interval_of_a_worked_case() -> None:
    """9 of 10: centre (0.9 + 0.19207)/1.38415, half width 1.95996 sqrt(0.009 + 0.0096036)/1.38415."""
    low, high = wilson_interval(9, 10)
    assert (low, high) == pytest.approx((0.59585, 0.98212), abs=1e-5)


@pytest.mark.parametrize(("successes", "n"), [(0, 1), (1, 1), (0, 100), (100, 100)])
def test_wilson_interval_stays_on_the_scale(successes: int, n: int) -> None:
    low, high = wilson_interval(successes, n)
    assert 0.0 <= low <= successes / n <= high <= 1.0
    assert high - low > 0.0


@pytest.mark.parametrize(("successes", "n"), [(1, 0), (-1, 5), (6, 5)])
def test_wilson_interval_refuses_what_is_no_share(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="expected 0 <= successes <= n"):
        wilson_interval(successes, n)


def test_interval_of_a_mean_by_hand_leaves_out_nan() -> None:
    """1, 2, 3: mean 2, standard error 1/sqrt(3), t of two degrees 4.3027."""
    assert mean_interval(np.array([1.0, np.nan, 2.0, 3.0])) == pytest.approx((2.0 - 2.48414, 2.0 + 2.48414), abs=1e-4)
    assert mean_interval(np.array([1.0, np.nan])) is None


def test_bootstrap_is_repeatable_and_covers_the_mean() -> None:
    values = np.random.default_rng(3).exponential(size=40)
    first, again = bootstrap_interval(values, seed=1), bootstrap_interval(values, seed=1)
    assert first == again and first != bootstrap_interval(values, seed=2)
    assert first is not None and first[0] < values.mean() < first[1]
    normal = mean_interval(values)
    assert normal is not None and first[1] - first[0] == pytest.approx(normal[1] - normal[0], rel=0.25)


def test_figures_without_samples_say_why() -> None:
    assert share_figure("a", 0, 0, why="no clip ended").missing == "no clip ended"
    assert mean_figure("b", np.array([np.nan]), "m", why="no goal").missing == "no goal"
    assert mean_figure("b", np.array([2.0, np.nan]), "m").interval is None


def test_an_interval_ends_where_no_mean_can_lie() -> None:
    two = np.array([0.1, 0.9])
    for unit, low, high in (("share", 0.0, 1.0), ("r", -1.0, 1.0), ("m/s", 0.0, 0.5 + 12.7062 * 0.4)):
        assert mean_figure("x", two, unit).interval == (pytest.approx(max(low, 0.5 - 12.7062 * 0.4), abs=1e-3), pytest.approx(high, abs=1e-3))
    assert mean_figure("x", np.array([-0.1, 0.9]), "m/s").interval[0] < -1.0  # type: ignore[index]
