"""Arming takes every step; every stop latches; a reset never arms."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from kinesis_control.drivers.codecs.guardian import BusFlag, GuardianState, Permit, Refusal, Request, StopCategory
from kinesis_control.drivers.guardian.machine import ENERGISED
from kinesis_control.drivers.guardian.settings import GuardianFault

ALL_ENERGISED = [GuardianState.SUPPLY_ON, GuardianState.PRECHARGE, GuardianState.ARMED, GuardianState.ACTIVE]


def test_it_arms_only_when_asked_and_only_step_by_step(world):
    seen = [world.machine.state]
    for _ in range(500):
        world.run(0.002)
        if world.machine.state is not seen[-1]:
            seen.append(world.machine.state)
    assert seen == [GuardianState.BOOT, GuardianState.SELFTEST, GuardianState.IDENT, GuardianState.LEASE, GuardianState.ESTOP_CHAIN]
    assert set(world.permits) == {Permit.VENT} and not world.machine.pump_on and world.machine.dump_open
    assert world.ask(Request.ARM) is Refusal.NONE
    order = []
    for _ in range(800):
        world.run(0.002)
        order += [world.machine.permit] if not order or order[-1] is not world.machine.permit else []
    assert order == [Permit.VENT, Permit.ARM, Permit.HOLD, Permit.FOLLOW] and world.machine.state is GuardianState.ACTIVE


@pytest.mark.parametrize("state", [GuardianState.BOOT, *ALL_ENERGISED])
def test_arm_is_refused_anywhere_else(world, state):
    if state is not GuardianState.BOOT:
        world.to(state)
    before = world.machine.arm_count
    assert world.ask(Request.ARM) is Refusal.WRONG_STATE and world.machine.arm_count == before


@pytest.mark.parametrize("flag", [BusFlag.SELFTEST_OK, BusFlag.IDENTIFIED, BusFlag.LINK_OK, BusFlag.VENTED])
def test_each_flag_of_the_bus_process_is_needed(world, flag):
    world.remove = flag
    world.run(1.0)
    assert world.machine.state is not GuardianState.ESTOP_CHAIN


@pytest.mark.parametrize("state", [GuardianState.ESTOP_CHAIN, *ALL_ENERGISED])
@pytest.mark.parametrize("channel", ["channel_a", "channel_b"])
def test_the_stop_button_stops_in_every_state_within_a_cycle(world, state, channel):
    world.to(state)
    world.board[channel] = False
    world.run(0.002)
    machine = world.machine
    assert machine.permit is Permit.VENT and not machine.pump_on and machine.dump_open and machine.fault is GuardianFault.ESTOP
    world.board[channel] = True
    world.run(3.0)
    assert machine.state is GuardianState.FAULT and machine.permit is Permit.VENT and not machine.pump_on


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda w: setattr(w, "board_heard", False), GuardianFault.IO_LOST),
        (lambda w: setattr(w, "epoch", 0), GuardianFault.LEASE_LOST),
        (lambda w: setattr(w, "bus_alive", False), GuardianFault.HEARTBEAT_LOST),
        (lambda w: setattr(w, "add", BusFlag.FAULT), GuardianFault.BUS_FAULT),
        (lambda w: setattr(w, "remove", BusFlag.LINK_OK), GuardianFault.LINK_LOST),
        (lambda w: setattr(w, "forced_supply", 300e3), GuardianFault.SUPPLY_LOW),
        (lambda w: setattr(w, "forced_supply", float("nan")), GuardianFault.SUPPLY_LOW),
        (lambda w: setattr(w, "forced_supply", 1100e3), GuardianFault.SUPPLY_HIGH),
    ],
)
def test_what_goes_wrong_while_armed_stops_and_latches(world, spoil, fault):
    world.to(GuardianState.ACTIVE)
    spoil(world)
    world.run(0.15)
    assert world.machine.permit in (Permit.RAMP, Permit.VENT) and not world.machine.pump_on and world.machine.dump_open
    world.__dict__.update(board_heard=True, epoch=1, bus_alive=True, add=BusFlag(0), remove=BusFlag(0), forced_supply=None)
    world.run(4.0)
    assert world.machine.state is GuardianState.FAULT and world.machine.fault is fault


def test_the_fault_of_the_bus_process_names_its_muscle(world):
    world.to(GuardianState.ACTIVE)
    world.add = BusFlag.FAULT
    world.run(0.01)
    assert world.machine.muscle == 7


def test_category_1_ramps_then_vents(world):
    world.to(GuardianState.ACTIVE)
    world.ask(Request.ESTOP, StopCategory.RAMP)
    world.run(0.4)
    assert set(world.permits) == {Permit.RAMP}
    world.run(0.4)
    assert world.machine.permit is Permit.VENT


def test_category_2_holds_with_supply_for_300_ms_then_is_category_1(world):
    world.to(GuardianState.ACTIVE)
    world.ask(Request.ESTOP, StopCategory.HOLD)
    world.run(0.25)
    assert set(world.permits) == {Permit.HOLD} and world.machine.pump_on
    world.run(0.2)
    assert world.machine.permit is Permit.RAMP and not world.machine.pump_on
    world.run(3.0)
    assert world.machine.state is GuardianState.FAULT


def test_a_harder_stop_overtakes_a_softer_one_and_the_first_cause_stays(world):
    world.to(GuardianState.ACTIVE)
    world.ask(Request.ESTOP, StopCategory.HOLD)
    world.run(0.05)
    world.board["channel_a"] = world.board["channel_b"] = False
    world.run(0.002)
    assert world.machine.permit is Permit.VENT and world.machine.fault is GuardianFault.ESTOP_ASKED


def test_a_disarm_ends_at_boot_and_arms_again_only_when_asked(world):
    world.to(GuardianState.ACTIVE)
    assert world.ask(Request.DISARM) is Refusal.NONE
    world.run(3.0)
    assert world.machine.state is GuardianState.ESTOP_CHAIN and world.machine.fault is GuardianFault.NONE and not world.machine.pump_on


def test_a_reset_leads_to_boot_and_arms_nothing(world):
    world.to(GuardianState.ACTIVE)
    world.ask(Request.ESTOP)
    world.run(3.0)
    assert world.ask(Request.ARM) is Refusal.WRONG_STATE
    assert world.ask(Request.RESET) is Refusal.NONE and world.machine.state is GuardianState.BOOT
    world.permits.clear()
    world.run(5.0)
    assert world.machine.state is GuardianState.ESTOP_CHAIN and set(world.permits) == {Permit.VENT}


def test_a_reset_is_refused_while_the_chain_is_open(world):
    world.to(GuardianState.ACTIVE)
    world.board["channel_a"] = world.board["channel_b"] = False
    world.run(3.0)
    assert world.ask(Request.RESET) is Refusal.ESTOP_OPEN and world.machine.state is GuardianState.FAULT


def test_one_channel_alone_asks_for_a_full_press_before_a_reset(world):
    world.to(GuardianState.ACTIVE)
    world.board["channel_b"] = False
    world.run(1.0)
    assert world.machine.fault is GuardianFault.ESTOP_DISCREPANCY
    world.board["channel_b"] = True
    world.run(2.0)
    assert world.ask(Request.RESET) is Refusal.ESTOP_OPEN
    world.board.update(channel_a=False, channel_b=False)
    world.run(0.1)
    world.board.update(channel_a=True, channel_b=True)
    world.run(0.1)
    assert world.ask(Request.RESET) is Refusal.NONE


def test_the_reset_button_acts_when_let_go_and_never_while_held(world):
    world.to(GuardianState.ACTIVE)
    world.ask(Request.ESTOP)
    world.run(3.0)
    world.board["reset_pressed"] = True
    world.run(1.0)
    assert world.machine.state is GuardianState.FAULT and world.ask(Request.RESET) is Refusal.RESET_HELD
    world.board["reset_pressed"] = False
    world.run(0.004)
    assert world.machine.state is GuardianState.BOOT


def test_a_reset_button_that_is_tied_down_resets_nothing(world):
    world.to(GuardianState.ACTIVE)
    world.ask(Request.ESTOP)
    world.run(3.0)
    world.board["reset_pressed"] = True
    world.run(6.0)
    world.board["reset_pressed"] = False
    world.run(0.1)
    assert world.machine.state is GuardianState.FAULT


def test_a_muscle_that_does_not_vent_is_a_fault_of_its_own(world):
    world.to(GuardianState.ACTIVE)
    world.vents = False
    world.ask(Request.DISARM)
    world.run(6.0)
    assert world.machine.state is GuardianState.FAULT and world.machine.fault is GuardianFault.NOT_VENTED


def test_an_accumulator_that_does_not_dump_keeps_the_robot_from_being_armed(world):
    world.forced_supply = 600e3
    world.run(5.0)
    assert world.machine.state is GuardianState.FAULT and world.machine.fault is GuardianFault.DUMP_FAILED


def test_a_supply_that_does_not_rise_ends_the_arming(make_world):
    world = make_world(supply_timeout_s=1.0)
    world.to(GuardianState.ESTOP_CHAIN)
    world.forced_supply = 100e3
    world.ask(Request.ARM)
    world.run(1.5)
    assert world.machine.fault is GuardianFault.SUPPLY_LOW and Permit.ARM not in world.permits


def test_a_token_that_is_lost_is_followed_by_a_fresh_one_until_the_banks_are_armed(world):
    world.to(GuardianState.PRECHARGE)
    first = world.machine.arm_count
    counts = []
    for _ in range(300):  # 0.6 s in which no bank takes a token
        world.run(0.002)
        counts.append(world.machine.arm_count)
    assert counts == sorted(counts) and 5 <= counts[-1] - first <= 6 and world.machine.state is GuardianState.PRECHARGE
    world.remove = BusFlag(0)
    world.run(0.1)
    assert world.machine.state in (GuardianState.ARMED, GuardianState.ACTIVE)
    count = world.machine.arm_count
    world.run(2.0)
    assert world.machine.arm_count == count, "nobody hands out tokens to a robot that is armed"


def test_a_bank_that_falls_back_before_it_is_charged_is_armed_again_with_a_token_of_its_own(world):
    world.remove = BusFlag.PRECHARGED
    world.to(GuardianState.ESTOP_CHAIN)
    world.ask(Request.ARM)
    world.run(0.6)
    count = world.machine.arm_count
    assert world.machine.permit is Permit.HOLD
    world.remove = BusFlag.PRECHARGED | BusFlag.BANKS_ARMED
    world.run(0.004)
    assert world.machine.permit is Permit.ARM and world.machine.arm_count == count + 1


def test_banks_that_are_never_armed_end_the_arming_and_are_named(make_world):
    world = make_world(arming_timeout_s=1.5).to(GuardianState.PRECHARGE)
    world.run(2.5)
    machine = world.machine
    assert machine.fault is GuardianFault.ARMING_TIMEOUT and machine.muscle == 7 and not machine.pump_on
    assert "the bank of muscle 7 is not armed after 1.5 s and 1" in machine.text


def test_on_its_feet_the_stop_button_ramps(make_world):
    world = make_world(posture="feet").to(GuardianState.ACTIVE)
    world.board["channel_a"] = world.board["channel_b"] = False
    world.run(0.1)
    assert set(world.permits) == {Permit.RAMP}


_EVENTS = st.sampled_from(["a", "b", "reset", "board", "bus", "lease", "fault", "disarm", "estop", "ask_reset", "wait"])


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(_EVENTS, max_size=25))
def test_whatever_happens_nothing_is_energised_without_a_new_arm(make_world, events):
    world = make_world()
    world.to(GuardianState.ACTIVE)
    ended = False
    for event in events:
        if event in ("a", "b"):
            world.board[f"channel_{event}"] ^= True
        elif event == "reset":
            world.board["reset_pressed"] ^= True
        elif event in ("board", "bus"):
            name = "board_heard" if event == "board" else "bus_alive"
            setattr(world, name, not getattr(world, name))
        elif event == "lease":
            world.epoch = 0 if world.epoch else 2
        elif event == "fault":
            world.add ^= BusFlag.FAULT
        elif event in ("disarm", "estop", "ask_reset"):
            world.ask({"disarm": Request.DISARM, "estop": Request.ESTOP, "ask_reset": Request.RESET}[event])
        world.run(0.3)
        machine = world.machine
        ended = ended or machine.state not in ENERGISED
        if ended:
            assert machine.state not in ENERGISED and machine.permit not in (Permit.ARM, Permit.FOLLOW) and (machine.dump_open or machine.permit is Permit.HOLD)
