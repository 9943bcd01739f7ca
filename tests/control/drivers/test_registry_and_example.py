"""Drivers by name, a plug-in from another package, and the worked example against a robot that speaks its protocol."""

import socket
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from kinesis_control.drivers import registry
from kinesis_control.drivers.base import IdentityError, LinkError, MuscleDriver
from kinesis_control.drivers.codecs.valve_bank import BankState
from kinesis_control.drivers.dummy import DummyConfig, DummyDriver
from kinesis_control.drivers.frames import Control, LinkFault
from kinesis_control.drivers.registry import driver_names, load_driver
from kinesis_control.errors import ConfigurationError, UnknownNameError

EXAMPLE = Path(__file__).resolve().parents[3] / "ros2_ws" / "src" / "kinesis_example_driver"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The example as if it were installed: its folder and an entry-points file on the path."""

    def install(entry="puppet = kinesis_example_driver.driver:PuppetDriver", folder="kinesis_example_driver-0.1.0.dist-info"):
        info = tmp_path / folder
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {folder.split('-')[0]}\nVersion: 0.1.0\n")
        (info / "entry_points.txt").write_text(f"[kinesis.drivers]\n{entry}\n")
        monkeypatch.syspath_prepend(str(EXAMPLE))
        monkeypatch.syspath_prepend(str(tmp_path))

    yield install
    for name in [name for name in sys.modules if name.startswith("kinesis_example_driver")]:
        del sys.modules[name]


def test_every_built_in_driver_loads():
    for name in registry.BUILT_IN:
        module = {"golem": "grpc", "ethercat": "pysoem", "can_fd": "can"}.get(name)
        if module is not None:
            pytest.importorskip(module)
        assert issubclass(load_driver(name), MuscleDriver)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(UnknownNameError, match=r"unknown driver 'etherkat'; known: dummy, golem, ethercat.*Did you mean 'ethercat'"):
        load_driver("etherkat")


def test_a_missing_package_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "grpc", None)
    for name in ("kinesis_control.drivers.golem", "kinesis_control.drivers.golem_client"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(LinkError, match=r"pip install 'kinesis-ros\[golem\]'"):
        load_driver("golem")


def test_a_plug_in_is_found(installed):
    installed()
    assert driver_names()[-1] == "puppet"
    assert load_driver("puppet").__name__ == "PuppetDriver"


def test_two_plug_ins_of_one_name_are_refused(installed):
    installed()
    installed("puppet = kinesis_example_driver.other:PuppetDriver", "kinesis_other_driver-0.1.0.dist-info")
    with pytest.raises(ConfigurationError, match="offered by"):
        load_driver("puppet")


def test_a_plug_in_that_is_no_driver(installed):
    installed("puppet = kinesis_example_driver.driver:PuppetConfig")
    with pytest.raises(ConfigurationError, match="expected a subclass of MuscleDriver"):
        load_driver("puppet")


def puppet_robot(listener, heard):
    link, _ = listener.accept()
    with link, link.makefile("rw") as lines:
        for line in lines:
            heard.append(line.strip())
            words = line.split()
            values = words[1:] if words[0] == "P" else ["0", "-"]
            lines.write("I 3 2\n" if words[0] == "I" else f"S {' '.join(values)}\n")
            lines.flush()


def test_the_worked_example_drives_its_robot(installed):
    installed()
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=puppet_robot, args=(listener, heard), daemon=True)
        thread.start()
        settings = {"muscles": ("left", "right"), "port": listener.getsockname()[1], "serial": 3}
        with load_driver("puppet").from_mapping(settings) as driver:
            assert driver.identify().serial == 3
            command, state = driver.frames()
            command.control = Control.FOLLOW
            command.values[:] = (12e3, 34e3)
            status = driver.exchange(command, state, far())
            assert status.fault is LinkFault.NONE and list(state.pressure_pa) == [12e3, 34e3] and state.bank_state[0] == BankState.ACTIVE
            command.control = Control.HOLD
            driver.exchange(command, state, far())
            assert np.isnan(state.pressure_pa[1])
        thread.join(timeout=60)
    assert heard == ["V", "I", "P 12.00 34.00", "H", "V"]


# -- the base class and the dummy -------------------------------------------------------------------------------------


def dummy(**changes):
    return DummyDriver(DummyConfig(**{"muscles": ("a", "b", "c"), "lag_s": 0.0, **changes}))


def far():
    return time.monotonic_ns() + 60_000_000_000


def test_the_dummy_takes_pressures_only_when_armed():
    with dummy(command_timeout_s=50.0) as driver:
        command, state = driver.frames()
        command.control, command.values[:] = Control.FOLLOW, 1e5
        for _ in range(2):
            driver.exchange(command, state, far())
        assert (state.pressure_pa == 0.0).all() and state.bank_state[0] == BankState.DISARMED
        for control in (Control.ARM, Control.FOLLOW, Control.FOLLOW):
            command.control = control
            driver.exchange(command, state, far())
        assert (state.pressure_pa == 1e5).all() and state.bank_state[0] == BankState.ACTIVE
        assert driver.safe_state("hold") and driver.safe_state("vent") and driver.safe_state("vent")
        command.control = Control.VENT
        driver.exchange(command, state, far())
        assert (state.pressure_pa == 0.0).all()


def test_the_dummy_vents_when_commands_stay_away():
    with dummy(command_timeout_s=0.02) as driver:
        command, state = driver.frames()
        for control in (Control.ARM, Control.FOLLOW):
            command.control = control
            driver.exchange(command, state, far())
        time.sleep(0.05)
        command.control = Control.HOLD
        driver.exchange(command, state, far())
        assert state.bank_state[0] == BankState.DISARMED


def test_a_late_exchange_says_so_and_a_failing_hook_is_told_not_raised():
    with dummy() as driver:
        command, state = driver.frames()
        assert driver.exchange(command, state, time.monotonic_ns() - 1).fault is LinkFault.LATE

        def broken(*_):
            raise ZeroDivisionError("inside")

        driver._exchange = driver._safe_state = broken
        assert driver.exchange(command, state, far()).fault is LinkFault.INTERNAL
        assert driver.last_error == "ZeroDivisionError: inside"
        assert not driver.safe_state("vent")
    assert not driver.is_open, "closed in spite of it"


def test_probe_asks_and_closes_again():
    driver = dummy()
    assert driver.probe().n_banks == 1 and not driver.is_open
    with pytest.raises(IdentityError, match="serial 1, expected 9"):
        dummy(expected_serial=9).probe()
    with pytest.raises(ConfigurationError, match="expected DummyConfig"):
        DummyDriver(object())
