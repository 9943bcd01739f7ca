"""How the benchmarks count."""

import os

import pytest

from benchmarks.measure import Result, one_core, percentile


def test_percentile_is_the_nearest_rank():
    values = [float(v) for v in range(1, 101)]
    assert percentile(values, 0.5) == 51.0 and percentile(values, 0.99) == 100.0 and percentile([3.0], 0.99) == 3.0


def test_a_result_states_its_spread():
    result = Result(name="x", unit="ms", target="(aim: < 1)", values=(3.0, 1.0, 2.0))
    assert (result.as_dict()["min"], result.as_dict()["median"], result.as_dict()["max"]) == (1.0, 2.0, 3.0)
    assert "(1 to 3) ms" in result.row() and "aim" in result.row()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot bind a process to a core")
def test_cores_are_given_back():
    before = os.sched_getaffinity(0)
    with pytest.raises(ZeroDivisionError), one_core():
        assert len(os.sched_getaffinity(0)) == 1
        raise ZeroDivisionError
    assert os.sched_getaffinity(0) == before
