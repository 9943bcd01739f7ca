"""The three links that carry valve-bank records, each against a robot in another process."""

import os
import time

import numpy as np
import pytest

from kinesis_control.drivers.base import ClosedError, IdentityError, LinkError
from kinesis_control.drivers.codecs.protection import arm_token, session_key
from kinesis_control.drivers.codecs.valve_bank import BankState, Control
from kinesis_control.drivers.frames import LinkFault
from kinesis_control.drivers.registry import load_driver
from kinesis_control.errors import ConfigurationError, UnknownNameError

JOINTS = ("hip", "knee")


@pytest.fixture(params=["udp", "can", "ethercat"])
def link(request, serve, free_port):
    """Name of the driver, its settings, and a context manager of the robot, for 24 muscles."""
    if request.param == "udp":
        return "udp", {"port": free_port, "answer_timeout_s": 0.1}, lambda: serve("udp", free_port, 24)
    if request.param == "can":
        pytest.importorskip("can")
        pytest.importorskip("msgpack", reason="msgpack is not installed (extra: robot)")
        group = "239.74.163.9"
        settings = {"interface": "udp_multicast", "channels": (group,), "answer_timeout_s": 0.1}
        return "can_fd", settings, lambda: serve("can", group, 24)
    pytest.importorskip("pysoem")
    ends = request.getfixturevalue("veth")
    return "ethercat", {"interface": ends[0], "answer_timeout_us": 20000}, lambda: serve("ethercat", ends[1], 24)


def make(link, bank_robot, **settings):
    name, own, _ = link
    return load_driver(name).from_mapping({"muscles": bank_robot.names(24), "joints": JOINTS, **own, **settings})


def lease(driver, bank_robot, epoch):
    driver.lease(epoch, session_key(bank_robot.ROBOT_KEY, epoch))


def test_arms_follows_and_vents(link, bank_robot, until):
    if link[0] == "ethercat" and "KINESIS_FAULT_CAMPAIGN" not in os.environ:
        pytest.skip("the emulated segment needs real time and processor time to spare; set KINESIS_FAULT_CAMPAIGN=1")
    with link[2](), make(link, bank_robot) as driver:
        identity = driver.identify()
        assert identity.serial == bank_robot.SERIAL and len(identity.banks) == 3 and identity.epoch_floor == 0
        lease(driver, bank_robot, 5)
        command, state = driver.frames()
        command.control = Control.VENT
        until(driver, command, state, lambda s: s.fresh_banks == 3)
        command.control, command.arm_count, command.arm_token = Control.ARM, 1, arm_token(bank_robot.ROBOT_KEY, 5, 1)
        until(driver, command, state, lambda s: (state.bank_state == BankState.ARMED).all())
        command.control = Control.FOLLOW
        command.values[:] = 1000.0 * np.arange(24)
        until(driver, command, state, lambda s: np.allclose(state.pressure_pa, command.values, atol=10.0))
        until(driver, command, state, lambda s: np.allclose(state.tension_n, 1e-3 * command.values, atol=0.1) and np.allclose(state.length_m, 0.2))
        assert (state.bank_state == BankState.ACTIVE).all() and (state.bank_lag <= 1).all()
        np.testing.assert_allclose(state.joint_position, bank_robot.JOINT_ANGLE, atol=1e-4)
        np.testing.assert_allclose(state.contact_force, bank_robot.FORCE, atol=0.1)
        np.testing.assert_allclose(state.root_quaternion, (1.0, 0.0, 0.0, 0.0), atol=1e-4)
        assert driver.safe_state("vent")
        command.control = Control.VENT
        until(driver, command, state, lambda s: (state.bank_state == BankState.DISARMED).all() and (state.pressure_pa == 0.0).all())


def test_a_wrong_token_arms_nothing_and_an_old_epoch_moves_nothing(link, bank_robot, until):
    with link[2](), make(link, bank_robot) as old:
        old.identify()
        lease(old, bank_robot, 3)
        command, state = old.frames()
        until(old, command, state, lambda s: s.fresh_banks == 3)
        command.control, command.arm_count, command.arm_token = Control.ARM, 1, bytes(8)
        for _ in range(5):
            old.exchange(command, state, time.monotonic_ns() + 100_000_000)
        assert (state.bank_state == BankState.DISARMED).all()
        # The lease goes to epoch 4; whoever still speaks in the name of 3 is not heard.
        lease(old, bank_robot, 4)
        command.control = Control.VENT
        until(old, command, state, lambda s: s.fresh_banks == 3)
        command.control = Control.ARM
        command.arm_token = arm_token(bank_robot.ROBOT_KEY, 4, 1)
        until(old, command, state, lambda s: (state.bank_state == BankState.ARMED).all())
        lease(old, bank_robot, 3)
        command.control = Control.FOLLOW
        command.values[:] = 50e3
        for _ in range(5):
            status = old.exchange(command, state, time.monotonic_ns() + 30_000_000)
        assert status.fresh_banks == 0
        lease(old, bank_robot, 4)
        command.control = Control.HOLD
        until(old, command, state, lambda s: s.fresh_banks == 3)
        assert (state.pressure_pa == 0.0).all(), "what epoch 3 asked for has reached no muscle"


def test_another_robot_and_another_layout_are_refused(link, bank_robot):
    name, own, robot = link
    swapped = (*bank_robot.names(24)[:-2], "muscle_23", "muscle_22")
    with robot():
        with make(link, bank_robot, serial=1) as driver, pytest.raises(IdentityError, match=r"serial 0x4d, expected 0x1"):
            driver.identify()
        with load_driver(name).from_mapping({"muscles": swapped, "joints": JOINTS, **own}) as driver, pytest.raises(IdentityError, match="layout"):
            driver.identify()


def test_nobody_there(free_port, bank_robot):
    driver = load_driver("udp").from_mapping({"muscles": bank_robot.names(10), "port": free_port, "identify_timeout_s": 0.2})
    with driver, pytest.raises(LinkError, match=r"banks \[0\] of 1 do not say who they are"):
        driver.identify()


def test_a_driver_that_is_not_open(bank_robot):
    driver = load_driver("udp").from_mapping({"muscles": bank_robot.names(10)})
    command, state = driver.frames()
    assert driver.exchange(command, state, time.monotonic_ns() + 1_000_000).fault is LinkFault.DOWN
    assert not driver.safe_state("vent")
    driver.close()
    with pytest.raises(ClosedError):
        driver.identify()


def test_bad_settings(bank_robot):
    with pytest.raises(UnknownNameError, match="hostname"):
        load_driver("udp").from_mapping({"muscles": bank_robot.names(10), "hostname": "x"})
    with pytest.raises(ConfigurationError, match="port"):
        load_driver("udp").from_mapping({"muscles": bank_robot.names(10), "port": 0})
    with pytest.raises(ConfigurationError, match="muscles"):
        load_driver("udp").from_mapping({})


def test_the_silent_segment_leaves_operational(bank_robot, serve, veth):
    """EtherCAT: after 100 ms without process data the slaves fall back by themselves, and the bank vents."""
    pysoem = pytest.importorskip("pysoem")
    settings = {"interface": veth[0], "muscles": bank_robot.names(10), "answer_timeout_us": 20000, "joints": JOINTS}
    with serve("ethercat", veth[1], 10), load_driver("ethercat").from_mapping(settings) as driver:
        driver.identify()
        time.sleep(0.3)
        driver._master.read_state()
        assert driver._slaves[0].state == pysoem.SAFEOP_STATE | pysoem.STATE_ERROR
        assert driver._slaves[0].al_status == 0x1B
        assert driver.identify().serial == bank_robot.SERIAL, "asked again, it is brought up again"
        driver._master.read_state()
        assert driver._slaves[0].state == pysoem.OP_STATE


def test_an_interface_without_devices(veth, bank_robot):
    pytest.importorskip("pysoem")
    driver = load_driver("ethercat").from_mapping({"interface": veth[0], "muscles": bank_robot.names(10)})
    with pytest.raises(LinkError, match="got 0 EtherCAT devices, expected 2"):
        driver.open()
    driver = load_driver("ethercat").from_mapping({"interface": "nosuch0", "muscles": bank_robot.names(10)})
    with pytest.raises(LinkError, match="nosuch0"):
        driver.open()
