"""The check-out finds the muscle whose line, valve or sensor is not as it should be, and no other one."""

import numpy as np
import pytest

from kinesis_control.drivers.bus.records import state_record
from kinesis_control.drivers.checkout import Checkout, CheckoutConfig, Verdict
from kinesis_control.drivers.dummy import DummyConfig, DummyDriver
from kinesis_control.errors import ConfigurationError, UnavailableError
from kinesis_control.safety.faults import Fault, number_of

NAMES = ("biceps", "triceps", "flexor", "soleus")
QUICK = CheckoutConfig(ramp_s=0.05, settle_s=0.05, rate_hz=200.0)


class Bus:
    """A bus process whose muscles obey at once, through lines and sensors that a test exchanges or breaks."""

    def __init__(self):
        self.state = np.zeros((), state_record(DummyDriver(DummyConfig(muscles=NAMES)).capabilities))
        self.line, self.dead, self.blocked, self.sent, self.speaks = [0, 1, 2, 3], None, None, [], True

    def fetch(self):
        self.state["seq"] += self.speaks
        return self.speaks

    def send(self, values, mode, **_):
        self.sent.append(np.array(values))
        pressure = np.array(values)[self.line]
        if self.blocked is not None:
            pressure[self.blocked] = 10e3
        if self.dead is not None:
            pressure[self.dead] = np.nan
        self.state["pressure_pa"] = pressure


@pytest.fixture
def bus():
    return Bus()


def found(bus):
    return {f.name: f.verdict for f in Checkout(bus, NAMES, QUICK).run() if f.verdict is not Verdict.GOOD}


def test_a_good_robot_is_good_and_one_muscle_moves_at_a_time(bus):
    told = []
    findings = Checkout(bus, NAMES, QUICK, told.append).run()
    assert [f.name for f in findings] == list(NAMES) and all(f.verdict is Verdict.GOOD for f in findings) and told == findings
    sent = np.array(bus.sent)
    assert sent.max() == QUICK.level_pa and ((sent > QUICK.rest_pa).sum(axis=1) <= 1).all()
    assert (sent.argmax(axis=1)[sent.max(axis=1) > QUICK.rest_pa][[0, -1]] == (0, 3)).all()


def test_each_trouble_is_named_at_its_muscle(bus):
    bus.blocked = 2
    assert found(bus) == {"flexor": Verdict.STUCK}
    bus.blocked, bus.dead = None, 1
    assert found(bus) == {"triceps": Verdict.BLIND}
    bus.dead, bus.line = None, [1, 0, 2, 3]
    assert found(bus) == {"biceps": Verdict.EXCHANGED, "triceps": Verdict.EXCHANGED}
    finding = Checkout(bus, NAMES, QUICK).run()[0]
    assert finding.other == "triceps" and "triceps follows" in finding.line()


def test_a_stop_and_a_silence_end_it(bus):
    bus.state["fault"], bus.state["fault_muscle"] = number_of(Fault.BANK_FAULT), 3
    with pytest.raises(UnavailableError, match="at muscle 'soleus'"):
        Checkout(bus, NAMES, QUICK).run()
    bus.state["fault"], bus.speaks = 0, False
    with pytest.raises(UnavailableError, match="silent"):
        Checkout(bus, NAMES, CheckoutConfig(ramp_s=1.0, settle_s=1.0)).run()


@pytest.mark.parametrize("change", [{"rest_pa": 70e3}, {"level_pa": 0.0}, {"ramp_s": 0.0}, {"rate_hz": 1.0}, {"tolerance_pa": 0.0}])
def test_values_out_of_range_are_refused(change):
    with pytest.raises(ConfigurationError, match="check"):
        CheckoutConfig(**change)
