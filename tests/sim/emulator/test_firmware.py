"""The banks do what docs/robot/wire.md says, and judge by their sensors alone."""

import numpy as np
import pytest

from kinesis_control.drivers.codecs.protection import Verdict
from kinesis_control.drivers.codecs.valve_bank import BankFault, BankState, Control


def states(driven):
    return {BankState(int(s)) for s in driven.banks.state}


def test_it_boots_vented_and_disarmed(driven):
    assert states(driven) == {BankState.DISARMED}
    driven.all(Control.FOLLOW, 300e3)
    driven.run(0.3)
    assert driven.plant.pressure.max() == 0.0 and states(driven) == {BankState.DISARMED}


def test_without_a_token_nothing_is_armed(driven):
    driven.all(Control.ARM, armed=False)
    assert states(driven) == {BankState.DISARMED}


def test_without_supply_nothing_is_armed(driven):
    driven.android.contactor, driven.android.dump_open = False, True
    driven.run(1.0).arm()
    assert states(driven) == {BankState.DISARMED}


def test_pressures_are_followed(active):
    assert states(active) == {BankState.ACTIVE}
    assert active.plant.pressure == pytest.approx(50e3, abs=6e3)


def test_a_muscle_with_little_pressure_is_emptied_as_fast_as_a_full_one(active):
    active.follow(20e3, 0.5).follow(0.0, 0.15)
    assert active.plant.pressure.max() < 5e3


def test_no_inlet_is_opened_to_a_supply_that_has_less_than_the_muscle(active):
    active.follow(100e3, 0.5)
    active.plant.supply = 0.0
    active.android.contactor, active.android.dump_open = False, True
    active.follow(130e3, 0.02)
    assert active.plant.pressure.min() > 80e3


def test_the_first_pressures_must_be_near_the_present_ones(driven):
    driven.arm().all(Control.FOLLOW, 200e3)
    assert states(driven) == {BankState.FAULT} and set(driven.banks.faults) == {BankFault.CONFIGURATION}


def test_a_command_that_stays_away_holds_in_20_ms_and_ramps_from_300(active):
    active.run(0.011)
    assert states(active) == {BankState.HOLD}
    active.run(0.25)
    assert states(active) == {BankState.HOLD} and active.plant.pressure.mean() > 40e3
    active.run(0.05)
    assert states(active) == {BankState.RAMP} and set(active.banks.faults) == {BankFault.COMMAND_LOST}
    active.run(0.6)
    assert states(active) == {BankState.FAULT} and active.plant.pressure.max() < 50e3


def test_a_latched_fault_is_left_by_a_reset_only_and_that_does_not_arm(active):
    active.run(1.0).all(Control.FOLLOW, 0.0)
    assert states(active) == {BankState.FAULT}
    active.arm()
    assert states(active) == {BankState.FAULT}
    active.all(Control.VENT)
    active.all(Control.RESET)
    assert states(active) == {BankState.DISARMED} and not active.banks.faults.any()


def test_a_hold_that_was_asked_for_ends_in_a_ramp_without_a_fault(active):
    active.all(Control.HOLD)
    active.run(0.95)
    assert states(active) == {BankState.DISARMED} and not active.banks.faults.any()


def test_set_points_are_clamped_and_slewed(active):
    top, slew = active.banks.config.max_pressure_pa, active.banks.config.slew_pa_s
    before = active.banks.setpoint.copy()
    active.all(Control.FOLLOW, 1.3e6)
    active.run(0.005)
    assert np.all(active.banks.setpoint - before <= slew * 0.005 * 1.001)
    for _ in range(30):
        active.all(Control.FOLLOW, 1.3e6)
        active.run(0.01)
        assert active.banks.setpoint.max() <= top and active.plant.pressure.max() <= 1.02 * top


def test_too_much_pressure_trips_within_5_ms_and_names_the_channel(active):
    active.plant.pressure[23] = 800e3
    active.all(Control.FOLLOW, 50e3)
    active.run(0.005)
    assert active.banks.state[2] == BankState.FAULT and active.banks.faults[2] == BankFault.OVER_PRESSURE and active.banks.fault_channel[2] == 3
    assert np.all(active.banks.valve[2] == -1.0)


@pytest.mark.parametrize(
    ("component", "verb", "value", "fault"),
    [
        ("pressure:5", "off", 0.0, BankFault.SENSOR),
        ("inlet:5", "stuck", 0.0, BankFault.VALVE),
        ("muscle:5", "stuck", 0.0, BankFault.VALVE),
        ("temperature:0", "wrong", 95.0, BankFault.OVER_TEMPERATURE),
        ("supply", "wrong", 100e3, BankFault.SUPPLY),
    ],
)
def test_what_sensors_show_is_latched(active, component, verb, value, fault):
    from kinesis_sim.emulator.faults import FaultPort

    FaultPort(active.android).set(component, verb, value)
    for k in range(40):  # a muscle whose line is blocked shows it only when it is to change
        active.all(Control.FOLLOW, 50e3 if k < 2 else 250e3)
        active.run(0.01)
    assert active.banks.faults[0] & fault


def test_three_bad_records_in_a_row_are_a_fault_while_armed(active):
    record = memoryview(bytearray(52))
    for _ in range(2):
        assert active.banks.take(1, record)[0] is Verdict.CRC
    assert active.banks.state[1] == BankState.ACTIVE
    active.banks.take(1, record)
    assert active.banks.state[1] == BankState.RAMP and active.banks.faults[1] == BankFault.END_TO_END


def test_a_bank_that_reboots_is_vented_disarmed_and_somebody_new(active):
    nonce = active.banks.nonces[0]
    active.banks.reboot(0)
    active.all(Control.FOLLOW, 50e3)
    active.run(0.3)
    assert active.banks.state[0] == BankState.DISARMED and active.plant.pressure[:10].max() < 5e3 and active.banks.nonces[0] != nonce


@pytest.mark.parametrize("guard", ["clamp", "slew", "trip", "deadline"])
def test_a_guard_that_is_switched_off_is_missed(active, guard):
    active.banks.guards.add(guard)
    top = active.banks.config.max_pressure_pa
    active.all(Control.FOLLOW, 1.2e6)
    active.run(0.005)
    if guard == "trip":
        active.plant.pressure[0] = 850e3
        active.run(0.005)
        assert active.banks.state[0] != BankState.FAULT
    elif guard == "deadline":
        active.run(0.1)
        assert states(active) == {BankState.ACTIVE}
    elif guard == "clamp":
        for _ in range(12):
            active.all(Control.FOLLOW, 1.2e6)
            active.run(0.01)
        assert active.banks.setpoint.max() > top
    else:
        assert active.banks.setpoint.max() > 600e3
