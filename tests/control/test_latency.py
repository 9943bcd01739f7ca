"""Percentiles over a ring of durations."""

import pytest

from kinesis_control.errors import ConfigurationError
from kinesis_control.latency import LatencyWindow


def test_empty_window_is_all_zero():
    assert LatencyWindow().summary() == (0.0, 0.0, 0.0)


def test_percentiles_by_the_nearest_rank():
    window = LatencyWindow(size=1000)
    for value in range(100, 0, -1):
        window.add(float(value))
    assert window.summary() == (50.0, 99.0, 100.0)


def test_a_full_ring_forgets_the_oldest():
    window = LatencyWindow(size=3)
    for value in (9.0, 1.0, 2.0, 3.0):
        window.add(value)
    assert window.summary().max == 3.0
    assert (window.count, window.total) == (4, 15.0)


def test_a_ring_of_nothing_is_refused():
    with pytest.raises(ConfigurationError, match="got 0"):
        LatencyWindow(size=0)
