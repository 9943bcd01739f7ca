"""The android behind its links, in lock-step: the drivers of the stack take it for a robot."""

import os
import time

import numpy as np
import pytest

from kinesis_control.drivers.bus.settings import BusSettings
from kinesis_control.drivers.codecs.protection import arm_token, session_key
from kinesis_control.drivers.codecs.valve_bank import BankFault, BankState, Control
from kinesis_control.drivers.errors import IdentityError
from kinesis_control.drivers.guardian.board import Board
from kinesis_control.drivers.guardian.settings import GuardianSettings
from kinesis_control.errors import UnavailableError
from kinesis_control.muscles import MuscleLayout
from kinesis_control.safety.robot_limits_file import read_limits
from kinesis_sim.emulator.faults import LinkFaults
from kinesis_sim.emulator.front import Channel
from kinesis_sim.emulator.kit import moment_arms

EPOCH = 5
CAN = {"interface": "udp_multicast", "channels": [f"ff15:7079:7468:6f6e:6465:6d6f:6d63:{os.getpid() & 0xFFFF:x}"]}


PATIENCE = {"udp": {"identify_timeout_s": 30.0, "answer_timeout_s": 0.1}, "golem": {"timeout_s": 10.0}}
PATIENCE["can_fd"] = PATIENCE["udp"]


def link(kit):
    """The driver; it waits as long as it may for an android whose thread is held up."""
    settings = BusSettings.read(kit.bus)
    settings.driver_settings.update(PATIENCE[settings.driver])
    return settings.make_driver()


def exchange(driver, command, state, until, port=None, seconds=60.0):
    """Exchange until a condition holds, with 5 ms of the android between two exchanges when there is a port."""
    end = time.monotonic() + seconds
    while True:
        driver.exchange(command, state, time.monotonic_ns() + 200_000_000)
        if until():
            return
        assert time.monotonic() < end, f"never: states {state.bank_state}, faults {state.bank_faults}, {driver.last_error}"
        if port is not None:
            port.ask(advance=10)


def take(driver, port, emulator, command, state):
    """Supply on, lease, arm."""
    emulator.android.contactor, emulator.android.dump_open, emulator.android.plant.supply = True, False, 850e3
    port.ask(advance=400)
    identity = driver.identify()
    key = emulator.kit.robot_key()
    driver.lease(EPOCH, session_key(key, EPOCH))
    command.epoch, command.control = EPOCH, Control.VENT
    exchange(driver, command, state, lambda: np.all(state.bank_state == BankState.DISARMED), port)
    arm(driver, command, state, port, key)
    return identity


def arm(driver, command, state, port, key):
    """A fresh token with each exchange, as the guardian hands them out until every bank is armed."""

    def armed():
        command.arm_count += 1
        command.arm_token = arm_token(key, EPOCH, command.arm_count)
        return np.all(state.bank_state == BankState.ARMED)

    command.control = Control.ARM
    armed()
    exchange(driver, command, state, armed, port)


@pytest.mark.parametrize(("bus", "address"), [("udp", {"port": 0}), ("can", CAN)])
def test_a_driver_identifies_arms_and_moves_it(served, bus, address):
    if bus == "can":
        pytest.importorskip("can")
        pytest.importorskip("msgpack", reason="msgpack is not installed (extra: robot)")
    with served(bus, address, board=False) as (emulator, port), link(emulator.kit) as driver:
        command, state = driver.frames()
        identity = take(driver, port, emulator, command, state)
        assert identity.serial == 1 and len(identity.banks) == 8
        command.control, command.values[:] = Control.FOLLOW, 5e3  # the first one is near what there is
        exchange(driver, command, state, lambda: np.all(state.bank_state == BankState.ACTIVE), port)
        command.values[:] = 30e3
        exchange(driver, command, state, lambda: np.all(np.abs(state.pressure_pa - 30e3) < 8e3), port)
        assert np.all(state.bank_state == BankState.ACTIVE) and np.isfinite(state.joint_position).all() and np.isfinite(state.length_m).all()
        # The legs still swing, and what was measured is an exchange old: they are compared until they agree.
        angles = emulator.android.skeleton.state.joint_position
        exchange(driver, command, state, lambda: np.allclose(state.joint_position, angles, atol=0.02), port)
        port.ask(advance=1600)  # nobody speaks for 0.8 s
        command.control = Control.FOLLOW
        exchange(driver, command, state, lambda: np.all(state.bank_faults == BankFault.COMMAND_LOST), port)
        assert emulator.android.plant.pressure.max() < 60e3


def test_a_command_of_an_older_epoch_is_worth_nothing(served):
    with served("udp", {"port": 0}, board=False) as (emulator, port), link(emulator.kit) as driver, link(emulator.kit) as old:
        command, state = driver.frames()
        old_command, old_state = old.frames()
        take(driver, port, emulator, command, state)
        old.identify()
        old.lease(EPOCH - 1, session_key(emulator.kit.robot_key(), EPOCH - 1))
        old_command.epoch, old_command.control = EPOCH - 1, Control.VENT
        for _ in range(2):
            old.exchange(old_command, old_state, time.monotonic_ns() + 50_000_000)
        port.ask(advance=2)
        assert set(emulator.android.banks.state.tolist()) == {BankState.ARMED}


def test_another_serial_or_other_limits_are_refused(served):
    with served("udp", {"port": 0}) as (emulator, port):
        settings = BusSettings.read(emulator.kit.bus)
        settings.driver_settings.update(PATIENCE["udp"])
        settings.driver_settings["limits_checksum"] ^= 1
        with settings.make_driver() as driver, pytest.raises(IdentityError, match="limits"):
            port.ask(advance=10)
            driver.identify()


def test_the_golem_server_is_driven_and_let_loose(served, tmp_path):
    pytest.importorskip("grpc")
    address = {"controller": f"unix:{tmp_path}/c", "state_store": f"unix:{tmp_path}/s"}
    with served("golem", address, board=False) as (emulator, port), link(emulator.kit) as driver:
        emulator.android.contactor, emulator.android.dump_open, emulator.android.plant.supply = True, False, 850e3
        emulator.android.pump_wanted = True
        port.ask(advance=400)
        command, state = driver.frames()
        assert driver.identify().layout_hash == emulator.android.layout_hash
        command.control, command.values[:] = Control.FOLLOW, 40e3
        exchange(driver, command, state, lambda: np.all(np.abs(state.pressure_pa - 40e3) < 8e3), port)
        port.ask(advance=1000)
        assert emulator.android.plant.pressure.mean() == pytest.approx(40e3, abs=5e3)  # it keeps them for ever: no deadline here
        command.control = Control.VENT
        exchange(driver, command, state, lambda: np.all(state.pressure_pa < 5e3), port)


def test_a_golem_server_that_allows_missing_nodes_is_refused(served, tmp_path):
    pytest.importorskip("grpc")
    address = {"controller": f"unix:{tmp_path}/c", "state_store": f"unix:{tmp_path}/s"}
    with served("golem", address) as (emulator, _), link(emulator.kit) as driver:
        emulator.front.allows_missing = True
        with pytest.raises(IdentityError, match="missing nodes"):
            driver.identify()


def test_time_passes_in_lockstep_only_when_it_is_asked_for(served):
    with served("udp", {"port": 0}) as (_, port):
        before = port.ask(look=True)["ticks"]
        assert port.ask(look=True)["ticks"] == before
        assert port.ask(advance=7)["ticks"] == before + 7
        with pytest.raises(UnavailableError, match="expected 1 to"):
            port.ask(advance=0)


def test_the_test_port_breaks_and_mends_for_a_time(served):
    with served("udp", {"port": 0}) as (_, port):
        port.ask(set="pump", verb="off", seconds=0.01)
        assert port.ask(look=True)["active"] == {"pump": "off"}
        port.ask(advance=40)
        assert port.ask(look=True)["active"] == {}
        with pytest.raises(UnavailableError, match="unknown component"):
            port.ask(set="flux", verb="off")


def test_the_outputs_of_the_safety_board_fall_off_without_a_guardian(served):
    with served("udp", {"port": 0}) as (emulator, port):
        board = Board(emulator.kit.board_socket)
        end = time.monotonic() + 60.0
        while not emulator.android.contactor:
            board.poll(time.monotonic_ns())
            board.write(pump=True, dump_open=False)
            assert time.monotonic() < end
            time.sleep(0.002)
        assert not emulator.android.dump_open
        while emulator.android.contactor:  # silent, but still connected
            assert time.monotonic() < end
            port.ask(advance=1)
        assert emulator.android.dump_open
        board.close()


def test_the_kit_is_what_guardian_and_bus_process_read(served, legs80):
    with served("udp", {"port": 0}) as (emulator, _):
        kit, layout = emulator.kit, legs80.description.muscles
        limits = read_limits(kit.limits, layout, legs80.description.joint_names, serial=1)
        assert limits.cap == 0.3 and GuardianSettings.read(kit.guardian).layout_hash == MuscleLayout(names=layout.names).hash
        assert len(GuardianSettings.read(kit.guardian).robot_key()) == 32
        knee = legs80.description.joint_names.index("knee_angle_r")
        arms = moment_arms(legs80)[:, knee]
        extensors = [i for i, name in enumerate(layout.names) if name.startswith("vas") and name.endswith("_r")]
        assert np.all(arms[extensors] > 0.01) and np.all(limits.drives[knee, extensors] == -1.0)


def test_a_channel_sends_again_what_came_before_beside_what_comes_now():
    faults = LinkFaults()
    channel = Channel(faults, np.random.Generator(np.random.PCG64(0)), time.monotonic_ns)
    for k in range(3):
        channel.put(bytes([k]), k)
    assert [data for _, data in channel.get()] == [b"\0", b"\1", b"\2"]
    faults.replay = 1.0
    channel.put(b"new", 9)
    channel.put(b"newer", 9)
    assert sorted(channel.get()) == sorted([(0, b"\0"), (9, b"new"), (1, b"\1"), (9, b"newer")])
    faults.replay = 0.0
    channel.put(b"end", 9)
    assert [data for _, data in channel.get()] == [b"end"]
