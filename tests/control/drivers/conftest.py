"""A robot of valve banks in another process, on any of its links; and a guardian that hands out arm tokens."""

import importlib.util
import itertools
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from kinesis_control.drivers.codecs.protection import arm_token, session_key
from kinesis_control.drivers.codecs.valve_bank import BankState
from kinesis_control.drivers.frames import Control

ROOT = Path(__file__).resolve().parents[3]
_spec = importlib.util.spec_from_file_location("bank_robot", Path(__file__).with_name("bank_robot.py"))
bank_robot_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(bank_robot_module)


@pytest.fixture(scope="session")
def bank_robot():
    """The module of the made-up robot: its keys, names and class."""
    return bank_robot_module


@pytest.fixture
def serve():
    """Starts a robot: `with serve("udp", port, 20): ...`."""

    @contextmanager
    def start(link, address, n_muscles, seconds=30.0):
        command = [sys.executable, str(Path(__file__).with_name("bank_robot.py")), link, str(address), str(n_muscles), str(seconds)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
        try:
            assert process.stdout.readline().strip() == "ready"
            yield process
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    return start


@pytest.fixture
def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.bind(("127.0.0.1", 0))
        return link.getsockname()[1]


@pytest.fixture
def veth():
    """Two ends of a cable between interfaces; skipped where this process may not make one."""
    name = f"kt{os.getpid() % 10000}"
    made = subprocess.run(["ip", "link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b"], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"no pair of network interfaces can be made here: {made.stderr.strip()}")
    try:
        for end in "ab":
            subprocess.run(["ip", "link", "set", f"{name}{end}", "up"], check=True)
        yield f"{name}a", f"{name}b"
    finally:
        subprocess.run(["ip", "link", "del", f"{name}a"], check=False)


class Drive:
    """A driver with its frames, a lease, and a guardian that hands out a fresh token whenever a bank is not armed.

    Machines that run tests are loaded: an exchange may come late, a watchdog may run out. Every wait here repeats what a guardian
    and an operator would repeat, until the condition holds or the time is over.
    """

    def __init__(self, driver, seconds=60.0):
        self.driver, self.seconds = driver, seconds
        self.command, self.state = driver.frames()
        self.epoch, self._tokens = 0, itertools.count(1)

    def lease(self, epoch):
        self.epoch = epoch
        self.driver.lease(epoch, session_key(bank_robot_module.ROBOT_KEY, epoch))

    def exchange(self, control):
        self.command.control = control
        return self.driver.exchange(self.command, self.state, time.monotonic_ns() + 100_000_000)

    def until(self, control, condition):
        end = time.monotonic() + self.seconds
        while True:
            status = self.exchange(control)
            if condition(status):
                return status
            assert time.monotonic() < end, f"never: {status}, {self.driver.last_error}, bank states {self.state.bank_state}"
            time.sleep(0.002)

    def live(self):
        return ((self.state.bank_state >= BankState.ARMED) & (self.state.bank_state <= BankState.HOLD)).all()

    def arm(self):
        def armed(_):
            self.fresh_token()
            return self.live()

        self.fresh_token()
        return self.until(Control.ARM, armed)

    def fresh_token(self):
        count = next(self._tokens)
        self.command.arm_count, self.command.arm_token = count, arm_token(bank_robot_module.ROBOT_KEY, self.epoch, count)

    def follow(self, condition):
        """FOLLOW until it holds; banks that fell back are vented and armed again."""
        end = time.monotonic() + self.seconds
        while not (self.live() and condition(self.exchange(Control.FOLLOW))):
            assert time.monotonic() < end, f"never: {self.driver.last_error}, bank states {self.state.bank_state}, {self.state.pressure_pa}"
            if not self.live():
                values = np.array(self.command.values)
                self.until(Control.VENT, lambda s: s.fresh_banks == len(self.state.bank_state))
                self.arm()
                self.command.values[:] = values
            time.sleep(0.002)


@pytest.fixture
def drive():
    """`drive(driver)`: see Drive."""
    return Drive


@pytest.fixture
def until():
    """Repeats an exchange until a condition holds; the driver's own deadline is generous here, because machines are loaded."""

    def repeat(driver, command, state, condition, seconds=60.0):
        end = time.monotonic() + seconds
        while True:
            status = driver.exchange(command, state, time.monotonic_ns() + 100_000_000)
            if condition(status):
                return status
            assert time.monotonic() < end, f"never: {status}, {driver.last_error}, bank states {state.bank_state}"
            time.sleep(0.002)

    return repeat
