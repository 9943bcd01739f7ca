"""The three links that carry valve-bank records, each against a robot in another process."""

import time

import numpy as np
import pytest

from kinesis_control.drivers.base import ClosedError, IdentityError, LinkError
from kinesis_control.drivers.codecs.protection import session_key
from kinesis_control.drivers.codecs.valve_bank import BankState, Control
from kinesis_control.drivers.frames import LinkFault
from kinesis_control.drivers.registry import load_driver
from kinesis_control.errors import ConfigurationError, UnknownNameError

JOINTS = ("hip", "knee")
PATIENT = {"answer_timeout_us": 20_000, "start_timeout_us": 100_000, "watchdog_ms": 1000.0}
"""EtherCAT on a loaded machine: emulated devices answer when their process gets the processor."""


@pytest.fixture(params=["udp", "can", "ethercat"])
def link(request, serve, free_port):
    """Name of the driver, its settings, and a context manager of the robot, for 24 muscles."""
    if request.param == "udp":
        return "udp", {"port": free_port, "answer_timeout_s": 0.1}, lambda: serve("udp", free_port, 24, 600)
    if request.param == "can":
        pytest.importorskip("can")
        pytest.importorskip("msgpack", reason="msgpack is not installed (extra: robot)")
        group = f"239.74.{free_port >> 8}.{free_port & 0xFF}"  # of this test alone: others may run on the same machine
        settings = {"interface": "udp_multicast", "channels": (group,), "answer_timeout_s": 0.1}
        return "can_fd", settings, lambda: serve("can", group, 24, 600)
    pytest.importorskip("pysoem")
    ends = request.getfixturevalue("veth")
    return "ethercat", {"interface": ends[0], **PATIENT}, lambda: serve("ethercat", ends[1], 24, 600)


def make(link, bank_robot, **settings):
    name, own, _ = link
    return load_driver(name).from_mapping({"muscles": bank_robot.names(24), "joints": JOINTS, "identify_timeout_s": 30.0, **own, **settings})


def test_arms_follows_and_vents(link, bank_robot, drive):
    with link[2](), make(link, bank_robot) as driver:
        identity = driver.identify()
        assert identity.serial == bank_robot.SERIAL and len(identity.banks) == 3 and identity.epoch_floor == 0
        run = drive(driver)
        command, state = run.command, run.state
        run.lease(5)
        run.until(Control.VENT, lambda s: s.fresh_banks == 3)
        run.arm()
        command.values[:] = 1000.0 * np.arange(24)
        run.follow(lambda s: np.allclose(state.pressure_pa, command.values, atol=10.0) and (state.bank_state == BankState.ACTIVE).all())
        run.follow(lambda s: np.allclose(state.tension_n, 1e-3 * command.values, atol=0.1) and np.allclose(state.length_m, 0.2))
        run.follow(lambda s: (state.bank_lag <= 1).all() and s.fresh_banks == 3 and np.allclose(state.joint_position, bank_robot.JOINT_ANGLE, atol=1e-4))
        np.testing.assert_allclose(state.contact_force, bank_robot.FORCE, atol=0.1)
        np.testing.assert_allclose(state.root_quaternion, (1.0, 0.0, 0.0, 0.0), atol=1e-4)
        assert driver.safe_state("vent")
        run.until(Control.VENT, lambda s: (state.bank_state == BankState.DISARMED).all() and (state.pressure_pa == 0.0).all())


def test_a_wrong_token_arms_nothing_and_an_old_epoch_moves_nothing(link, bank_robot, drive):
    with link[2](), make(link, bank_robot) as driver:
        driver.identify()
        run = drive(driver)
        command, state = run.command, run.state
        run.lease(3)
        run.until(Control.VENT, lambda s: s.fresh_banks == 3)
        command.arm_count, command.arm_token = 1, bytes(8)
        heard = 0
        while heard < 5:  # so many answers of every bank to the wrong token
            heard += run.until(Control.ARM, lambda s: s.fresh_banks == 3).fresh_banks == 3
        assert (state.bank_state == BankState.DISARMED).all()
        # The lease goes to epoch 4; whoever still speaks in the name of 3 is not heard.
        run.lease(4)
        run.until(Control.VENT, lambda s: s.fresh_banks == 3)
        run.arm()
        driver.lease(3, session_key(bank_robot.ROBOT_KEY, 3))
        command.values[:] = 50e3
        assert max(run.exchange(Control.FOLLOW).fresh_banks for _ in range(5)) == 0
        driver.lease(4, session_key(bank_robot.ROBOT_KEY, 4))
        run.until(Control.HOLD, lambda s: s.fresh_banks == 3)
        assert (state.pressure_pa == 0.0).all(), "what epoch 3 asked for has reached no muscle"


def test_another_robot_and_another_layout_are_refused(link, bank_robot):
    _, _, robot = link
    swapped = (*bank_robot.names(24)[:-2], "muscle_23", "muscle_22")
    with robot():
        with make(link, bank_robot, serial=1) as driver, pytest.raises(IdentityError, match=r"serial 0x4d, expected 0x1"):
            driver.identify()
        with make(link, bank_robot, muscles=swapped) as driver, pytest.raises(IdentityError, match="layout"):
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
    settings = {"interface": veth[0], "muscles": bank_robot.names(10), "joints": JOINTS, "identify_timeout_s": 30.0, **PATIENT, "watchdog_ms": 100.0}
    with serve("ethercat", veth[1], 10, 600), load_driver("ethercat").from_mapping(settings) as driver:
        driver.identify()
        end = time.monotonic() + 60.0

        def state_of_the_bank():
            assert time.monotonic() < end, hex(driver._slaves[0].state)
            time.sleep(0.02)
            driver._master.read_state()
            return driver._slaves[0].state

        while state_of_the_bank() != pysoem.SAFEOP_STATE | pysoem.STATE_ERROR:
            pass
        assert driver._slaves[0].al_status == 0x1B
        up = False
        while not up:  # asked again, it is brought up again, and falls back as soon as nobody speaks for 100 ms
            assert time.monotonic() < end and driver.identify().serial == bank_robot.SERIAL
            driver._master.read_state()
            up = driver._slaves[0].state == pysoem.OP_STATE


def test_an_interface_without_devices(veth, bank_robot):
    pytest.importorskip("pysoem")
    driver = load_driver("ethercat").from_mapping({"interface": veth[0], "muscles": bank_robot.names(10)})
    with pytest.raises(LinkError, match="got 0 EtherCAT devices, expected 2"):
        driver.open()
    driver = load_driver("ethercat").from_mapping({"interface": "nosuch0", "muscles": bank_robot.names(10)})
    with pytest.raises(LinkError, match="nosuch0"):
        driver.open()
