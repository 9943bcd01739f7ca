"""A figure has a number or a reason, never both, never neither."""

import math

import pytest

from kinesis_control.evaluate.figure import Figure, by_name


def test_a_number_that_is_not_finite_becomes_a_reason() -> None:
    figure = Figure.of("x", math.nan, "m", n=3, why="no ticks")
    assert (figure.value, figure.missing, figure.n) == (None, "no ticks", 3)
    assert figure.as_dict() == {"name": "x", "value": None, "unit": "m", "n": 3, "missing": "no ticks"}


def test_an_interval_that_is_not_finite_is_left_out() -> None:
    assert Figure.of("x", 1.0, "m", n=1, interval=(math.nan, 2.0)).interval is None
    assert Figure.of("x", 1.0, "m", n=2, interval=(0.0, 2.0)).as_dict()["interval_95"] == [0.0, 2.0]


@pytest.mark.parametrize("arguments", [{}, {"value": 1.0, "missing": "no"}, {"value": math.inf}, {"value": 1.0, "interval": (0.0, math.nan)}])
def test_neither_number_nor_reason_is_refused(arguments: dict) -> None:
    with pytest.raises(ValueError, match="figure 'x'"):
        Figure(name="x", **arguments)


def test_two_figures_of_one_name_are_refused() -> None:
    figures = [Figure(name="a", value=1.0), Figure(name="b", missing="why")]
    assert list(by_name(figures)) == ["a", "b"]
    with pytest.raises(ValueError, match="named 'a'"):
        by_name([*figures, figures[0]])
