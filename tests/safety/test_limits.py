"""The limit function: what it lets through is finite, in range and within the slew limit; everything else has a name."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kinesis_control.errors import ConfigurationError
from kinesis_control.safety.faults import Fault
from kinesis_control.safety.limits import Command, Expected, Limits, Workspace, check_and_limit

N = 4
LIMITS = Limits(n_muscles=N, layout_hash="layout", slew_per_s=10.0, control_dt_s=0.025)
NOW = 10.0
EXPECTED = Expected(seq=7, stamp_ns=10_000_000_000, answered_seq=6, commander="policy")
GOOD = Command(seq=7, stamp_ns=10_000_000_000, layout_hash="layout", commander="policy", values=np.array([0.0, 0.2, 0.5, 1.0]), valid_for_s=0.1)
HALF = np.full(N, 0.5)


def judge(command=GOOD, limits=LIMITS, expected=EXPECTED, previous=HALF, now_s=NOW):
    work = Workspace(N)
    work.values.fill(np.nan)  # so that nothing written shows
    return check_and_limit(command, limits, expected, previous, now_s, work), work.values


def test_a_good_command_within_the_slew_limit_is_untouched():
    result, values = judge(previous=GOOD.values)
    assert result == (True, None, "", 0)
    np.testing.assert_array_equal(values, GOOD.values)


def test_fast_changes_are_slowed_and_counted():
    result, values = judge()
    assert result.accepted
    assert result.slowed == 3
    np.testing.assert_allclose(values, [0.25, 0.25, 0.5, 0.75])


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"values": np.zeros(N + 1)}, Fault.WRONG_LENGTH),
        ({"values": np.zeros(0)}, Fault.WRONG_LENGTH),
        ({"values": np.zeros((1, N))}, Fault.WRONG_LENGTH),
        ({"layout_hash": "permuted"}, Fault.WRONG_LAYOUT),
        ({"mode": 1}, Fault.WRONG_MODE),
        ({"commander": ""}, Fault.UNNAMED_COMMANDER),
        ({"commander": "intruder"}, Fault.SECOND_COMMANDER),
        ({"values": np.array([0.5, np.nan, 0.5, 0.5])}, Fault.NON_FINITE_COMMAND),
        ({"values": np.array([0.5, 0.5, 0.5, np.inf])}, Fault.NON_FINITE_COMMAND),
        ({"values": np.array([-np.inf, 0.5, 0.5, 2.0])}, Fault.NON_FINITE_COMMAND),
        ({"values": np.array([0.5, 1.0001, 0.5, 0.5])}, Fault.OUT_OF_RANGE),
        ({"values": np.array([0.5, 1e30, 0.5, 0.5])}, Fault.OUT_OF_RANGE),
        ({"values": np.array([0.5, 0.5, -1.0, 0.5])}, Fault.OUT_OF_RANGE),
        ({"valid_for_s": 0.0}, Fault.INVALID_VALIDITY),
        ({"valid_for_s": float("nan")}, Fault.INVALID_VALIDITY),
        ({"valid_for_s": float("inf")}, Fault.INVALID_VALIDITY),
        ({"seq": 8}, Fault.FUTURE_COMMAND),
        ({"seq": 6}, Fault.REPLAYED_COMMAND),
        ({"stamp_ns": 9_999_999_999}, Fault.WRONG_STAMP),
        ({"stamp_ns": 10_000_000_001}, Fault.WRONG_STAMP),
    ],
)
def test_every_refusal_has_its_name_and_writes_nothing(change, fault):
    result, values = judge(replace(GOOD, **change))
    assert (result.accepted, result.fault) == (False, fault)
    assert "got" in result.detail
    assert np.isnan(values).all()


def test_the_detail_names_the_worst_muscle():
    result, _ = judge(replace(GOOD, values=np.array([1.1, 0.5, -3.0, 0.5])))
    assert result.detail == "got -3.0 for muscle 2, expected 0.0 to 1.0"
    result, _ = judge(replace(GOOD, values=np.array([5.0, 0.5, np.nan, 0.5])))
    assert result.detail == "got nan for muscle 2"


def test_rounding_beyond_the_range_is_set_to_the_bound():
    result, values = judge(replace(GOOD, values=np.array([-1e-7, 1.0 + 1e-7, 0.5, 0.5])), previous=np.array([0.0, 1.0, 0.5, 0.5]))
    assert result.accepted
    np.testing.assert_array_equal(values, [0.0, 1.0, 0.5, 0.5])


def test_an_answer_may_lag_as_far_as_allowed():
    expected = replace(EXPECTED, answered_seq=4)
    late = replace(GOOD, seq=6, stamp_ns=9_975_000_000)
    assert judge(late, expected=expected)[0].fault is Fault.STALE_COMMAND
    assert judge(late, replace(LIMITS, max_seq_lag=1), expected)[0].accepted
    assert judge(replace(late, seq=5), replace(LIMITS, max_seq_lag=1), expected)[0].fault is Fault.STALE_COMMAND
    stamped_ahead = replace(late, stamp_ns=10_000_000_001)
    assert judge(stamped_ahead, replace(LIMITS, max_seq_lag=1), expected)[0].fault is Fault.WRONG_STAMP


def test_an_answer_that_took_too_long_is_refused():
    assert judge(now_s=NOW + 0.099)[0].accepted
    assert judge(now_s=NOW + 0.101)[0].fault is Fault.COMMAND_TOO_OLD


def test_nobody_holds_the_body_before_the_first_command():
    assert judge(replace(GOOD, commander="anyone"), expected=replace(EXPECTED, commander=""))[0].accepted


def test_no_command_is_expected_before_the_first_state():
    assert judge(replace(GOOD, seq=0, stamp_ns=0), expected=Expected(), now_s=0.0)[0].fault is Fault.FUTURE_COMMAND


def test_another_mode_has_its_own_range():
    limits = replace(LIMITS, mode=1, high=7e5, slew_per_s=4e6)
    result, values = judge(replace(GOOD, mode=1, values=np.full(N, 3e5)), limits, previous=np.full(N, 1e5))
    assert (result.accepted, result.slowed) == (True, N)
    np.testing.assert_allclose(values, 2e5)


@pytest.mark.parametrize(
    "change",
    [
        {"low": 0.1},
        {"high": -0.1},
        {"high": 0.0},
        {"high": float("inf")},
        {"slew_per_s": 0.0},
        {"slew_per_s": float("nan")},
        {"control_dt_s": 0.0},
        {"max_age_s": -1.0},
        {"max_valid_for_s": float("inf")},
        {"n_muscles": 0},
        {"max_seq_lag": -1},
        {"range_tolerance": 0.1},
    ],
)
def test_limits_refuse_what_limits_nothing(change):
    with pytest.raises(ConfigurationError, match="got"):
        replace(LIMITS, **change)


ANY_FLOAT = st.one_of(st.floats(), st.floats(-0.1, 1.1), st.sampled_from([0.0, 1.0, -0.0, 1.0 + 1e-7, float("nan"), float("inf")]))


@settings(max_examples=200, deadline=None)
@given(
    values=arrays(np.float64, N, elements=st.one_of(ANY_FLOAT, st.floats(0.0, 1.0))),
    previous=arrays(np.float64, N, elements=st.floats(0.0, 1.0)),
    slew=st.floats(0.01, 1000.0),
)
def test_what_passes_is_finite_in_range_and_slow_enough(values, previous, slew):
    limits = replace(LIMITS, slew_per_s=slew)
    result, out = judge(replace(GOOD, values=values), limits, previous=previous)
    sound = np.isfinite(values).all() and values.min() >= -1e-6 and values.max() <= 1.0 + 1e-6
    assert result.accepted == sound
    if result.accepted:
        assert np.isfinite(out).all()
        assert ((out >= 0.0) & (out <= 1.0)).all()
        assert (np.abs(out - previous) <= limits.max_step * (1 + 1e-12) + 1e-15).all()
        # each value lies between where it was and where it was asked to go
        asked = np.clip(values, 0.0, 1.0)
        assert ((out >= np.minimum(previous, asked)) & (out <= np.maximum(previous, asked))).all()
        assert result.slowed == np.count_nonzero(out != asked)


@settings(max_examples=100, deadline=None)
@given(
    seq=st.integers(0, 20), stamp=st.integers(9_900_000_000, 10_100_000_000), commander=st.sampled_from(["policy", "intruder"]),
    answered=st.integers(-1, 7), lag=st.integers(0, 3),
)  # fmt: skip
def test_only_an_unanswered_recent_state_can_be_answered(seq, stamp, commander, answered, lag):
    command = replace(GOOD, seq=seq, stamp_ns=stamp, commander=commander)
    result, _ = judge(command, replace(LIMITS, max_seq_lag=lag), replace(EXPECTED, answered_seq=answered))
    if result.accepted:
        assert commander == "policy"
        assert max(answered + 1, 7 - lag) <= seq <= 7
        assert stamp <= EXPECTED.stamp_ns
    else:
        assert result.fault is not None
