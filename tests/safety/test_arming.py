"""The arming state machine: its table, its latches and its fade."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinesis_control.errors import ConfigurationError
from kinesis_control.safety.arming import Arming, ArmingConfig, ControlState
from kinesis_control.safety.faults import Fault

FADE_S = 0.2
STATES = list(ControlState)
D, A, X, G, E, F = STATES


def machine(state, target=D):
    """A machine that was led into `state` at time 0; a fading one is heading for `target`."""
    arming = Arming(ArmingConfig(fade_s=FADE_S, arm_timeout_s=5.0))
    if state in (A, X, G):
        arming.arm(0.0)
    if state in (X, G):
        arming.command_accepted(0.0, 0.5)
    if state is G:
        {D: arming.disarm, E: arming.estop, F: lambda t: arming.fault(Fault.REPEATED_REFUSAL, t)}[target](0.0)
    if state is E:
        arming.estop(0.0)
    if state is F:
        arming.fault(Fault.NON_FINITE_STATE, 0.0)
    assert arming.state is state
    return arming


EVENTS = {
    "arm": lambda a: a.arm(0.0),
    "command": lambda a: a.command_accepted(0.0, 0.5),
    "disarm": lambda a: a.disarm(0.0),
    "estop": lambda a: a.estop(0.0),
    "fall": lambda a: a.set_fallen(True, 0.0),
    "refusals": lambda a: a.fault(Fault.REPEATED_REFUSAL, 0.0),
    "sensors": lambda a: a.fault(Fault.NON_FINITE_STATE, 0.0),
    "reset": lambda a: a.reset(0.0),
    "notice": lambda a: a.fault(Fault.SLEW_LIMITED, 0.0),
    "refusal": lambda a: a.fault(Fault.OUT_OF_RANGE, 0.0),
}
# event -> state after it, from DISARMED, ARMED, ACTIVE, FADING (to DISARMED), ESTOPPED, FAULT; then where a fade ends
TABLE = {
    "arm": ((A, A, X, G, E, F), (None, None, None, D)),
    "command": ((D, X, X, G, E, F), (None, None, None, D)),
    "disarm": ((D, D, G, G, E, F), (None, None, D, D)),
    "estop": ((E, E, G, G, E, E), (None, None, E, E)),
    "fall": ((D, F, G, G, E, F), (None, None, F, F)),
    "refusals": ((D, F, G, G, E, F), (None, None, F, F)),
    "sensors": ((F, F, F, F, E, F), (None, None, None, None)),
    "reset": ((D, A, X, G, D, D), (None, None, None, D)),
    "notice": ((D, A, X, G, E, F), (None, None, None, D)),
    "refusal": ((D, A, X, G, E, F), (None, None, None, D)),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("event", EVENTS)
def test_table(event, state):
    after, ends = TABLE[event]
    arming = machine(state)
    EVENTS[event](arming)
    assert arming.state is after[state]
    if arming.state is G:
        arming.advance(FADE_S)
        assert arming.state is ends[state]


def test_numbers_are_those_of_the_message():
    text = (Path(__file__).parents[2] / "msgs/msg/ControlStatus.msg").read_text()
    assert {name: int(number) for name, number in re.findall(r"^uint8 ([A-Z]+)=(\d)", text, re.M)} == {s.name: s.value for s in ControlState}


@pytest.mark.parametrize("later", ["disarm", "fall", "refusals", "sensors"])
def test_an_estop_is_not_overridden(later):
    arming = machine(G, target=E)
    EVENTS[later](arming)
    arming.advance(FADE_S)
    assert arming.state is E
    assert not arming.arm(1.0).success


def test_the_first_cause_of_a_stop_is_kept():
    arming = machine(G, target=F)
    arming.set_fallen(True, 0.1)
    assert arming.cause is Fault.REPEATED_REFUSAL
    arming.estop(0.1)
    assert arming.cause is Fault.ESTOP


@pytest.mark.parametrize(("state", "word"), [(E, "emergency stop"), (F, "sensors"), (G, "fading")])
def test_arming_is_refused_with_the_reason(state, word):
    answer = machine(state).arm(0.0)
    assert not answer.success
    assert word in answer.message


def test_a_fallen_body_cannot_be_armed_until_it_stands():
    arming = machine(D)
    arming.set_fallen(True, 0.0)
    assert arming.state is D
    assert "fallen" in arming.arm(0.0).message
    arming.set_fallen(False, 0.1)
    assert arming.arm(0.1).success


def test_reset_while_fading_is_refused():
    arming = machine(G, target=E)
    assert not arming.reset(0.1).success
    arming.advance(FADE_S)
    assert arming.reset(FADE_S).success
    assert arming.state is D


def test_a_command_that_runs_out_fades_and_latches():
    arming = machine(X)
    assert arming.advance(0.499) is None
    assert arming.gain == 1.0
    assert arming.advance(0.5) is Fault.LOST_COMMANDER
    assert arming.state is G
    arming.advance(0.6)
    assert arming.gain == pytest.approx(0.5)
    arming.advance(0.7)
    assert (arming.state, arming.gain, arming.cause) == (F, 0.0, Fault.LOST_COMMANDER)


def test_each_command_starts_its_own_validity():
    arming = machine(X)
    for tick in range(1, 100):
        arming.command_accepted(0.025 * tick, 0.05)
    assert arming.state is X
    assert arming.advance(0.025 * 99 + 0.05) is Fault.LOST_COMMANDER


def test_nobody_commands_an_armed_body():
    arming = machine(A)
    assert arming.advance(4.9) is None
    assert arming.advance(5.0) is Fault.LOST_COMMANDER
    assert arming.state is F


def test_a_clock_that_is_set_back_starts_nothing_again():
    arming = machine(G, target=E)
    arming.advance(0.15)
    gain = arming.gain
    arming.advance(0.0)
    assert arming.gain == gain
    arming.advance(0.05)
    assert arming.state is E


@pytest.mark.parametrize("change", [{"fade_s": 0.0}, {"fade_s": float("inf")}, {"fade_s": float("nan")}, {"arm_timeout_s": 0.0}])
def test_times_are_checked(change):
    with pytest.raises(ConfigurationError, match="expected times above 0"):
        ArmingConfig(**change)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([*EVENTS, "stand"]), st.floats(0.0, 0.3)), max_size=40))
def test_no_order_of_events_breaks_a_rule(events):
    arming, now_s = Arming(ArmingConfig(fade_s=FADE_S)), 0.0
    fallen = False
    calls = {
        "arm": lambda: arming.arm(now_s),
        "command": lambda: arming.command_accepted(now_s, 0.1),
        "disarm": lambda: arming.disarm(now_s),
        "estop": lambda: arming.estop(now_s),
        "fall": lambda: arming.set_fallen(True, now_s),
        "stand": lambda: arming.set_fallen(False, now_s),
        "refusals": lambda: arming.fault(Fault.REPEATED_REFUSAL, now_s),
        "sensors": lambda: arming.fault(Fault.NON_FINITE_STATE, now_s),
        "reset": lambda: arming.reset(now_s),
        "notice": lambda: arming.fault(Fault.SLEW_LIMITED, now_s),
        "refusal": lambda: arming.fault(Fault.OUT_OF_RANGE, now_s),
    }
    for event, wait_s in events:
        now_s += wait_s
        arming.advance(now_s)
        before, gain = arming.state, arming.gain
        calls[event]()
        after = arming.state
        fallen = {"fall": True, "stand": False}.get(event, fallen)
        assert 0.0 <= arming.gain <= 1.0
        assert arming.gain <= gain or (before in (A, X) and event == "command"), "only a command raises the gain"
        if after in (A, X) and before not in (A, X):
            assert (before, event, fallen) == (D, "arm", False), "only arm arms, from DISARMED, standing"
        if before in (E, F):
            assert after in (before, E) or event == "reset", "a latch is left by a reset alone"
        if event == "estop":
            arming.advance(now_s + FADE_S)
            now_s += FADE_S
            assert arming.state is E, "an e-stop ends in ESTOPPED from every state"
