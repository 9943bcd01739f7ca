"""A robot of valve banks in another process, on any of its links; and what a guardian would hand out."""

import importlib.util
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

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


@pytest.fixture
def until():
    """Repeats an exchange until a condition holds; the driver's own deadline is generous here, because machines are loaded."""

    def repeat(driver, command, state, condition, seconds=15.0):
        end = time.monotonic() + seconds
        while True:
            status = driver.exchange(command, state, time.monotonic_ns() + 100_000_000)
            if condition(status):
                return status
            assert time.monotonic() < end, f"never: {status}, {driver.last_error}, bank states {state.bank_state}"
            time.sleep(0.002)

    return repeat
