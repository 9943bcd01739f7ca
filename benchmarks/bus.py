"""The bus process's cycle over EtherCAT against emulated valve banks in another process: 290 muscles at 500 Hz and 1 kHz.

The loop is the real one (check, limits, sealed records, shared memory), on a pair of veth interfaces; the banks seal and check
their records like the real ones, and their pressures obey at once.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.measure import Result, percentile
from kinesis_control.drivers.bus.check import CommandRules
from kinesis_control.drivers.bus.loop import BusLoop, LoopConfig, Phase
from kinesis_control.drivers.bus.realtime import become_real_time
from kinesis_control.drivers.bus.records import command_record, state_record
from kinesis_control.drivers.bus.shared import SharedBlock
from kinesis_control.drivers.codecs.guardian import GuardianState, Heartbeat, Lease, LeaseRequest, Permit, Status
from kinesis_control.drivers.codecs.protection import arm_token, session_key
from kinesis_control.drivers.codecs.valve_bank import BankState
from kinesis_control.drivers.frames import Mode
from kinesis_control.drivers.registry import load_driver
from kinesis_control.errors import UnavailableError
from kinesis_control.safety.robot_limits import RobotLimits

ROOT = Path(__file__).resolve().parents[1]
MUSCLES, FULL_PA, EPOCH, COMMAND_HZ = 290, 700e3, 1, 40.0
ROBOT_KEY = bytes(range(32))
STALL_S = 0.2
"""A robot would be stopped by banks that are silent for 20 ms; here a stall of the machine is to be measured, not obeyed."""
TARGETS = {500.0: "(aim: 0 lost, p99 <= 1)", 1000.0: "(aim: overruns <= 0.5 %)"}


@dataclass
class Permits:
    """A guardian without a process: says what it is told to say."""

    lease: Lease | None
    status: Status | None

    def poll(self, now_ns: int) -> bool:
        """Always there."""
        return True

    def request(self, request: LeaseRequest, now_ns: int) -> None:
        """The lease is granted already."""

    def beat(self, heartbeat: Heartbeat) -> None:
        """Not listened to."""

    def close(self) -> None:
        """Nothing to give back."""


def run(seconds: float = 60.0, repeats: int = 1) -> Iterator[Result]:
    """Round trip, cycle, lost cycles and overruns at 500 Hz and 1 kHz.

    Raises:
        UnavailableError: no pair of interfaces can be made here, or the extra `ethercat` is missing.
    """
    for rate_hz, target in TARGETS.items():
        runs = [measure(rate_hz, seconds) for _ in range(repeats)]
        title = f"EtherCAT, {MUSCLES} muscles, {rate_hz:g} Hz"
        for name, unit in (("round trip p50", "ms"), ("round trip p99", "ms"), ("cycle p99", "ms"), ("lost cycles", ""), ("overruns", "%"), ("processor", "%")):
            yield Result(name=f"{title}: {name}", unit=unit, target=target, values=tuple(found[name] for found in runs))


def measure(rate_hz: float, seconds: float, *, real_time: bool = True) -> dict[str, float]:
    """One run, from a robot that is switched on to one that is vented; without real-time priority neither side has it."""
    with cable() as (near, far), banks(far, seconds + 20.0, real_time=real_time), load_driver("ethercat").from_mapping(settings(near)) as driver:
        identity, robot = driver.identify(), driver.capabilities
        permits = Permits(Lease(epoch=EPOCH, key=session_key(ROBOT_KEY, EPOCH)), Status(state=GuardianState.LEASE, epoch=EPOCH))
        name, layout = f"kinesis-bench-{os.getpid()}", robot.muscles.hash
        commands, states = (SharedBlock.create(name + end, dtype, layout) for end, dtype in (("c", command_record(MUSCLES)), ("s", state_record(robot))))
        node = SharedBlock.attach(name + "c", command_record(MUSCLES), layout)
        loop = BusLoop(
            driver=driver, identity=identity, authority=permits, limits=RobotLimits.uniform(MUSCLES, full_pressure_pa=FULL_PA),
            commands=commands, states=states, rules=CommandRules(n_muscles=MUSCLES, layout=int(layout, 16), mode=Mode.PRESSURE, high=FULL_PA),
            config=LoopConfig(rate_hz=rate_hz, bank_timeout_s=STALL_S),
        )  # fmt: skip
        try:
            if real_time:
                become_real_time(priority=60, core=0)
            return timed(loop, permits, node, rate_hz, seconds)
        finally:
            loop.close()
            for block in (node, commands, states):
                block.close()


def timed(loop: BusLoop, permits: Permits, node: SharedBlock, rate_hz: float, seconds: float) -> dict[str, float]:
    """Arm, follow commands that come at 40 Hz, and keep the times of every cycle."""
    period, count = round(1e9 / rate_hz), int(seconds * rate_hz)
    trips, cycles = np.zeros(count), np.zeros(count)
    due, overruns, lost, warm_up = time.monotonic_ns() + period, 0, 0, int(rate_hz)
    began = 0.0
    for k in range(-warm_up, count):
        left = due - time.monotonic_ns()
        if left > 0:
            time.sleep(1e-9 * left)
        if k == -warm_up // 2:
            permits.status = Status(state=GuardianState.PRECHARGE, permit=Permit.ARM, epoch=EPOCH, arm_count=1, arm_token=arm_token(ROBOT_KEY, EPOCH, 1))
        elif k < 0 and (loop.state.bank_state == BankState.ARMED).all():
            permits.status = Status(state=GuardianState.ARMED, permit=Permit.FOLLOW, epoch=EPOCH)
        if k == 0:
            began = time.process_time()
        if k % round(rate_hz / COMMAND_HZ) == 0:
            send(node, loop, k)
        begin = time.monotonic_ns()
        lost_before = loop.writer.lost
        loop.cycle(begin)
        end = time.monotonic_ns()
        due += period
        if k >= 0:
            trips[k], cycles[k] = 1e-6 * loop.round_trip_ns, 1e-6 * (end - begin)
            lost += loop.writer.lost - lost_before
        if end > due:
            skipped = (end - due) // period + 1
            due += skipped * period
            overruns += int(skipped) if k >= 0 else 0
    if loop.phase is not Phase.FOLLOWING:
        raise UnavailableError(f"the robot did not follow to the end: {loop.phase.name}, {loop.fault}, banks {sorted(set(loop.state.bank_state.tolist()))}")
    share = 100.0 * (time.process_time() - began) / (seconds + overruns / rate_hz)
    return {
        "round trip p50": percentile(trips.tolist(), 0.5), "round trip p99": percentile(trips.tolist(), 0.99), "cycle p99": percentile(cycles.tolist(), 0.99),
        "lost cycles": float(lost), "overruns": 100.0 * overruns / count, "processor": share,
    }  # fmt: skip


def send(node: SharedBlock, loop: BusLoop, k: int) -> None:
    """A command as the ROS node would hand it over: a slow wave, different in each muscle."""
    record = node.record
    record["seq"] += 1
    record["answers"], record["stamp_ns"], record["epoch"] = loop.intake.answered, time.monotonic_ns(), loop.epoch
    record["layout"], record["mode"], record["count"], record["length"] = loop.layout, Mode.PRESSURE, MUSCLES, np.nan
    record["values"] = 0.1 * FULL_PA * (1.0 + np.sin(0.01 * k + np.arange(MUSCLES)))
    node.publish()


def settings(interface: str) -> dict[str, object]:
    """Of the driver."""
    return {"interface": interface, "muscles": tuple(f"muscle_{i}" for i in range(MUSCLES)), "joints": ("hip", "knee"), "identify_timeout_s": 10.0}


@contextmanager
def cable() -> Iterator[tuple[str, str]]:
    """A pair of interfaces that are each other's other end."""
    near, far = f"kb{os.getpid() % 100000}a", f"kb{os.getpid() % 100000}b"
    made = subprocess.run(["ip", "link", "add", near, "type", "veth", "peer", "name", far], capture_output=True, text=True, check=False)
    if made.returncode:
        raise UnavailableError(f"no pair of network interfaces can be made here ({made.stderr.strip()}); it takes CAP_NET_ADMIN")
    try:
        for end in (near, far):
            subprocess.run(["ip", "link", "set", end, "up"], check=True)
        yield near, far
    finally:
        subprocess.run(["ip", "link", "del", near], check=False)


@contextmanager
def banks(interface: str, seconds: float, *, real_time: bool = True) -> Iterator[None]:
    """The made-up robot of the tests, in a process of its own, with real-time priority on the other core where permitted."""
    script = ROOT / "tests" / "control" / "drivers" / "bank_robot.py"
    command = [sys.executable, str(script), "ethercat", interface, str(MUSCLES), str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            os.sched_setaffinity(process.pid, {(os.cpu_count() or 1) - 1})
            if real_time:
                os.sched_setscheduler(process.pid, os.SCHED_FIFO, os.sched_param(55))
        except OSError:
            pass  # then the numbers are those of a machine without real-time priority
        yield
    finally:
        process.kill()
        process.wait()
