"""The gate: whatever commands, sensors and requests come in, the body gets finite values in range, or zeros."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinesis_control.body_state import BodyDescription, BodyState
from kinesis_control.muscles import MuscleLayout
from kinesis_control.safety.arming import ArmingConfig, ControlState
from kinesis_control.safety.faults import Fault, Severity
from kinesis_control.safety.gate import CommandGate
from kinesis_control.safety.limits import Command, Limits

DT_S = 0.025
FADE_S = 0.2
BODY = BodyDescription(
    name="pair",
    muscles=MuscleLayout(names=("flexor", "extensor")),
    joint_names=("knee",),
    contact_names=(),
    key_body_names=(),
    model_hash="h",
    mass=1.0,
    standing_height=1.0,
)
LIMITS = Limits(n_muscles=2, layout_hash=BODY.muscles.hash, slew_per_s=20.0, control_dt_s=DT_S)


class Rig:
    """A gate with a body and a clock: one `tick` is one control period."""

    def __init__(self, *, armed=True, limits=LIMITS):
        self.gate = CommandGate(limits, ArmingConfig(fade_s=FADE_S))
        self.state = BodyState.zeros(BODY)
        self.tick_number = -1
        if armed:
            self.gate.arm(0.0)

    @property
    def now_s(self):
        return DT_S * max(self.tick_number, 0)

    def sense(self, fallen=False, sensor=0.0):
        self.tick_number += 1
        self.state.seq, self.state.stamp_ns = self.tick_number, round(1e9 * self.now_s)
        self.state.fallen = fallen
        self.state.joint_velocity[:] = sensor
        self.gate.sensors(self.state, self.now_s)

    def submit(self, values, **change):
        command = Command(
            seq=self.state.seq,
            stamp_ns=self.state.stamp_ns,
            layout_hash=LIMITS.layout_hash,
            commander="policy",
            values=np.array(values, dtype=float),
            valid_for_s=0.1,
        )
        return self.gate.submit(replace(command, **change), self.now_s)

    def tick(self, values=None, *, fallen=False, sensor=0.0, **change):
        """One period; returns a copy of what the body gets."""
        self.sense(fallen, sensor)
        if values is not None:
            self.submit(values, **change)
        return self.gate.output(self.now_s).copy()


@pytest.fixture
def walking():
    """A rig that applies (0.4, 0.2)."""
    rig = Rig()
    rig.tick([0.4, 0.2])
    assert rig.gate.state is ControlState.ACTIVE
    return rig


def test_a_disarmed_body_gets_nothing_and_says_why():
    rig = Rig(armed=False)
    np.testing.assert_array_equal(rig.tick([0.4, 0.2]), [0.0, 0.0])
    assert rig.gate.faults.counts() == {"NOT_ARMED": 1}
    assert (rig.gate.accepted, rig.gate.rejected) == (0, 1)
    assert rig.gate.last_rejection == "NOT_ARMED: got a command while DISARMED"


def test_accepted_commands_reach_the_body(walking):
    np.testing.assert_array_equal(walking.tick([0.3, 0.6]), [0.3, 0.6])
    assert walking.gate.accepted == 2
    assert walking.gate.faults.counts() == {}


def test_the_first_command_starts_from_rest():
    np.testing.assert_allclose(Rig().tick([1.0, 0.3]), [0.5, 0.3])


def test_the_output_cannot_be_written(walking):
    with pytest.raises(ValueError, match="read-only"):
        walking.gate.output(walking.now_s)[0] = 1.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, 7.0])
def test_one_bad_value_is_refused_whole_and_the_last_command_held(walking, bad):
    np.testing.assert_array_equal(walking.tick([0.1, bad]), [0.4, 0.2])
    assert walking.gate.state is ControlState.ACTIVE
    assert walking.gate.rejected == 1
    np.testing.assert_array_equal(walking.tick([0.1, 0.1]), [0.1, 0.1])


def test_bad_values_in_a_row_stop_the_body(walking):
    walking.tick([0.4, 0.2], valid_for_s=0.5)  # long enough for the row, not the time, to end the motion
    for _ in range(4):
        walking.tick([np.nan, 0.1])
    assert walking.gate.state is ControlState.ACTIVE
    walking.tick([np.nan, 0.1])
    assert walking.gate.state is ControlState.FADING
    assert walking.gate.cause is Fault.REPEATED_REFUSAL
    assert list(walking.gate.faults.counts()) == ["REPEATED_REFUSAL", "NON_FINITE_COMMAND"]


def test_bad_values_before_an_arming_do_not_count_after_it():
    rig = Rig()
    for _ in range(4):
        rig.tick([np.nan, 0.1])
    rig.gate.disarm(rig.now_s)
    rig.gate.arm(rig.now_s)
    for _ in range(4):
        rig.tick([np.nan, 0.1])
    assert rig.gate.state is ControlState.ARMED
    rig.tick([np.nan, 0.1])
    assert rig.gate.state is ControlState.FAULT


def test_good_commands_between_bad_ones_go_on(walking):
    for _ in range(20):
        walking.tick([np.nan, 0.1])
        walking.tick([0.4, 0.2])
    assert walking.gate.state is ControlState.ACTIVE
    assert walking.gate.rejected == 20


def test_a_lost_commander_fades_in_a_straight_line_and_latches(walking):
    held = [walking.tick() for _ in range(3)]
    np.testing.assert_array_equal(held, [[0.4, 0.2]] * 3)
    faded = np.array([walking.tick() for _ in range(9)])
    np.testing.assert_allclose(faded[:, 0], 0.4 * np.linspace(1.0, 0.0, 9), atol=1e-9)
    assert walking.gate.state is ControlState.FAULT
    assert walking.gate.faults.count(Fault.LOST_COMMANDER) == 1
    np.testing.assert_array_equal(walking.tick([0.4, 0.2]), [0.0, 0.0])


def test_a_command_is_held_no_longer_than_the_cap():
    rig = Rig(limits=replace(LIMITS, max_valid_for_s=0.05))
    rig.tick([0.4, 0.2], valid_for_s=1e6)
    rig.tick()
    assert rig.gate.state is ControlState.ACTIVE
    rig.tick()
    assert rig.gate.state is ControlState.FADING


def test_a_second_commander_is_refused_and_cannot_stop_the_first(walking):
    for _ in range(20):
        walking.sense()
        for _ in range(10):
            assert walking.submit([np.nan, 9.0], commander="intruder").fault is Fault.SECOND_COMMANDER
        assert walking.submit([0.4, 0.2]).accepted
        np.testing.assert_array_equal(walking.gate.output(walking.now_s), [0.4, 0.2])
    assert walking.gate.commander == "policy"
    assert walking.gate.faults.counts() == {"SECOND_COMMANDER": 200}


def test_another_commander_may_take_over_after_arming_again(walking):
    walking.gate.disarm(walking.now_s)
    for _ in range(9):
        walking.tick()
    assert walking.gate.state is ControlState.DISARMED
    assert walking.gate.arm(walking.now_s).success
    np.testing.assert_array_equal(walking.tick([0.1, 0.1], commander="other"), [0.1, 0.1])
    assert walking.gate.commander == "other"


def test_arming_twice_does_not_free_the_body(walking):
    assert walking.gate.arm(walking.now_s).success
    walking.sense()
    assert walking.submit([0.1, 0.1], commander="other").fault is Fault.SECOND_COMMANDER


def test_a_replayed_command_is_refused(walking):
    walking.sense()
    assert walking.submit([0.4, 0.2]).accepted
    assert walking.submit([0.0, 0.0]).fault is Fault.REPLAYED_COMMAND
    np.testing.assert_array_equal(walking.gate.output(walking.now_s), [0.4, 0.2])


def test_a_sensor_that_is_not_finite_cuts_at_once(walking):
    np.testing.assert_array_equal(walking.tick([0.4, 0.2], sensor=np.nan), [0.0, 0.0])
    assert walking.gate.state is ControlState.FAULT
    assert walking.gate.cause is Fault.NON_FINITE_STATE
    assert not walking.gate.arm(walking.now_s).success
    assert walking.gate.reset(walking.now_s).success
    assert walking.gate.state is ControlState.DISARMED


def test_a_fall_fades_and_the_body_can_be_used_again_after_it_stands(walking):
    values = [walking.tick([0.4, 0.2], fallen=True)[0] for _ in range(10)]
    assert values[0] == 0.4
    assert values[-1] == 0.0
    assert walking.gate.state is ControlState.FAULT
    assert walking.gate.faults.count(Fault.FALLEN) == 1
    walking.gate.reset(walking.now_s)
    assert "fallen" in walking.gate.arm(walking.now_s).message
    walking.tick(fallen=False)
    assert walking.gate.arm(walking.now_s).success


def test_estop_counts_latches_and_needs_reset_then_arm(walking):
    walking.gate.estop(walking.now_s)
    faded = np.array([walking.tick([0.4, 0.2])[0] for _ in range(10)])
    assert (np.diff(faded) <= 0.0).all()
    assert faded[-1] == 0.0
    assert walking.gate.state is ControlState.ESTOPPED
    assert not walking.gate.arm(walking.now_s).success
    walking.gate.reset(walking.now_s)
    np.testing.assert_array_equal(walking.tick([0.4, 0.2]), [0.0, 0.0])
    walking.gate.arm(walking.now_s)
    np.testing.assert_array_equal(walking.tick([0.4, 0.2]), [0.4, 0.2])
    assert walking.gate.faults.count(Fault.ESTOP) == 1


def test_what_was_applied_before_an_arming_does_not_come_back(walking):
    walking.gate.disarm(walking.now_s)
    for _ in range(9):
        walking.tick()
    walking.gate.arm(walking.now_s)
    np.testing.assert_array_equal(walking.tick(), [0.0, 0.0])


VALUE = st.one_of(st.floats(0.0, 1.0), st.floats(), st.sampled_from([-1e-7, 1.0 + 1e-7]))
STEP = st.one_of(
    st.tuples(st.just("command"), st.lists(st.floats(0.0, 1.0), min_size=2, max_size=2)),
    st.tuples(st.just("command"), st.lists(VALUE, min_size=1, max_size=3)),
    st.tuples(st.sampled_from(["nothing", "arm", "arm", "disarm", "estop", "reset", "fall", "nan", "intruder", "stale", "twice"]), st.none()),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(STEP, max_size=60))
def test_nothing_that_comes_in_gets_anything_but_sound_values_out(steps):
    rig = Rig(armed=False)
    gate, refused = rig.gate, 0
    gate.arm(0.0)
    last = rig.tick([0.5, 0.5])
    for what, values in steps:
        rig.sense(fallen=what == "fall", sensor=np.nan if what == "nan" else 0.0)
        sent = {
            "command": [(values, {})],
            "intruder": [([0.9, 0.9], {"commander": "intruder"})],
            "stale": [([0.9, 0.9], {"seq": rig.state.seq - 1})],
            "twice": [([0.9, 0.9], {}), ([0.1, 0.1], {})],
        }.get(what, [])
        request = {"arm": gate.arm, "disarm": gate.disarm, "estop": gate.estop, "reset": gate.reset}.get(what)
        if request:
            request(rig.now_s)
        refused += sum(not rig.submit(v, **change).accepted for v, change in sent)
        state_before_output = gate.state
        out = gate.output(rig.now_s).copy()
        assert np.isfinite(out).all()
        assert ((out >= 0.0) & (out <= 1.0)).all()
        if gate.state is ControlState.ACTIVE:
            assert (np.abs(out - last) <= LIMITS.max_step + 1e-12).all(), "slew"
        else:
            assert (out <= last).all(), "without an active commander excitation only falls"
        if gate.state not in (ControlState.ACTIVE, ControlState.FADING):
            assert not out.any()
        assert gate.state is state_before_output
        assert gate.rejected == refused
        last = out
    others = (Fault.SLEW_LIMITED, *(fault for fault in Fault if fault.severity >= Severity.STOP))
    assert sum(gate.faults.count(fault) for fault in Fault if fault not in others) == refused, "every refusal has its name in the log"
