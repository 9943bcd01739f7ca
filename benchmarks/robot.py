"""Every figure of the robot side that a machine has to be free for, in one run of about seven minutes.

    python -m benchmarks.robot [--json FILE] [--only bus golem share stop]        # root, or in: unshare -Urn

bus     the bus process's loop over EtherCAT, 290 muscles: 500 Hz and 1 kHz with real-time priority, 200 Hz without (benchmarks/bus.py)
golem   80 muscles over gRPC: from the driver's stream into another process, at the rate that the maker's cap allows
share   processor time of bus process and guardian together, 80 and 290 muscles over EtherCAT at 500 Hz
stop    stop button to valves commanded, and last command to HOLD, on the ground truth of the emulated robot (rows of 2 ms)

It goes one after the other: what was granted in real-time priority for the first stays with this process, so "bus" runs in one of its own.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bus import cable, measure
from benchmarks.measure import Result, percentile
from kinesis_control.drivers.codecs.guardian import GuardianState, Request
from kinesis_control.drivers.codecs.valve_bank import BankState
from kinesis_control.errors import UnavailableError
from kinesis_sim.emulator.rig import ROOT, Rig

PRESSURE_PA, COMMAND_HZ = 60e3, 40.0
REAL_TIME = ("--priority", "50")
_BUS = ((500.0, 60.0, True), (1000.0, 30.0, True), (200.0, 30.0, False))
_GOLEM_S, _GOLEM_MUSCLES, _SHARE_S, _STOPS = 30.0, 80, 20.0, 10
_NUMBERS = 65536
"""Of vectors that a pressure of 0 to 1 can tell apart."""
_TICKS_S = os.sysconf("SC_CLK_TCK")


def bus() -> Iterator[Result]:
    """The loop at each rate, each in a process of its own."""
    for rate_hz, seconds, real_time in _BUS:
        words = [sys.executable, "-m", "benchmarks.robot", "--loop", str(rate_hz), str(seconds), str(int(real_time))]
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
        if done.returncode:
            raise UnavailableError(f"the loop at {rate_hz:g} Hz did not end well: {done.stderr.strip()[-500:]}")
        found = json.loads(done.stdout.splitlines()[-1])
        title = f"EtherCAT 290, {rate_hz:g} Hz{'' if real_time else ', no priority'}"
        aims = {"round trip p99": "<= 1", "lost cycles": "0"} if rate_hz == 500.0 else {"overruns": "<= 0.5" if real_time else "<= 2"}
        for name, unit in (("round trip p50", "ms"), ("round trip p99", "ms"), ("cycle p99", "ms"), ("lost cycles", ""), ("overruns", "%")):
            yield Result(name=f"{title}: {name}", unit=unit, target=aims.get(name, ""), values=(found[name],))


def golem() -> Iterator[Result]:
    """From a vector of pressures given to the stream until it has arrived in another process, at the rate that the maker's cap allows."""
    from kinesis_control.drivers.codecs.golem import encode_pressures
    from kinesis_control.drivers.golem import rate_cap_hz
    from kinesis_control.drivers.golem_client import GolemClient, NewestRequest

    context, rate_hz = multiprocessing.get_context("spawn"), rate_cap_hz(_GOLEM_MUSCLES)
    with tempfile.TemporaryDirectory(prefix="kinesis-bench-") as folder:
        address, (mine, other) = f"unix:{folder}/controller", context.Pipe()
        server = context.Process(target=receive, args=(address, other))
        server.start()
        mine.recv()
        client, stream, values = GolemClient(address, address, 5.0), NewestRequest(), np.zeros(_GOLEM_MUSCLES)
        call, sent, due = client.stream_pressures(stream), [], time.monotonic()
        for k in range(round(_GOLEM_S * rate_hz)):
            due += 1.0 / rate_hz
            time.sleep(max(0.0, due - time.monotonic()))
            values[0] = k / _NUMBERS
            request = encode_pressures(values)
            sent.append(time.monotonic_ns())
            stream.put(request)
        time.sleep(0.2)  # ending it drops what has not left yet
        stream.end()
        call.result(timeout=10.0)
        mine.send("done")
        got = dict(mine.recv())
        client.close()
        server.join()
    trips = [1e-6 * (got[k] - begin) for k, begin in enumerate(sent) if k in got]
    title = f"golem {_GOLEM_MUSCLES}, stream at {rate_hz:.1f} Hz"
    yield Result(name=f"{title}: p50", unit="ms", target="", values=(percentile(trips, 0.5),))
    yield Result(name=f"{title}: p99", unit="ms", target="<= 5", values=(percentile(trips, 0.99),))
    yield Result(name=f"{title}: not arrived", unit="", target="0", values=(float(len(sent) - len(trips)),))


def receive(address: str, pipe: Any) -> None:
    """A server that only notes when each vector came, by the number in its first value; it tells them when it is asked."""
    from concurrent.futures import ThreadPoolExecutor

    import grpc

    from kinesis_control.drivers.codecs.golem import STREAM_PRESSURES

    came: list[tuple[int, int]] = []

    def take(requests: Iterator[bytes], context: Any) -> bytes:
        for request in requests:
            now = time.monotonic_ns()
            came.append((round(_NUMBERS * float(np.frombuffer(request[-4 * _GOLEM_MUSCLES :], "<f4", 1)[0])), now))
        return bytes.fromhex("0801")  # success

    server = grpc.server(ThreadPoolExecutor(2))
    service, method = STREAM_PRESSURES.strip("/").split("/")
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: grpc.stream_unary_rpc_method_handler(take)}),))
    server.add_insecure_port(address)
    server.start()
    pipe.send("ready")
    pipe.recv()
    server.stop(1.0).wait()
    pipe.send(came)


def share() -> Iterator[Result]:
    """Processor time of the two processes that a robot needs beside the graph."""
    for body in ("legs80", "legs_back290"):
        with cable() as (near, far), _rig("ethercat", body, "--interface", far, "--peer", near) as rig:
            rig.arm()
            rig.follow(1.0, PRESSURE_PA, rate_hz=COMMAND_HZ)
            begin = {name: _cpu_s(rig.pid(name)) for name in ("bus", "guardian")}
            rig.follow(_SHARE_S, PRESSURE_PA, rate_hz=COMMAND_HZ)
            used = {name: 100.0 * (_cpu_s(rig.pid(name)) - start) / _SHARE_S for name, start in begin.items()}
        for name, value in used.items():
            yield Result(name=f"{body} over EtherCAT, 500 Hz: {name}", unit="%", target="", values=(value,))
        yield Result(name=f"{body} over EtherCAT, 500 Hz: both", unit="%", target="<= 35 of one core", values=(sum(used.values()),))


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_S


def stop() -> Iterator[Result]:
    """Latencies on the ground truth."""
    with _rig("udp", "legs80") as rig:
        for k in range(2 * _STOPS):
            rig.arm()
            rig.follow(0.7, PRESSURE_PA, rate_hz=COMMAND_HZ)
            assert rig.port is not None
            if k % 2:
                rig.send(np.full(rig.n_muscles, PRESSURE_PA))
                rig.port.ask(note="last command")
            else:
                rig.port.ask(set="estop", verb="off")
            rig.operator.wait_for(GuardianState.FAULT, timeout_s=10.0)
            rig.port.ask(set="estop", verb="ok")
            _reset(rig)
        rig.stop(rest_s=0.2)
        truth = rig.truth()
    following = (truth.state == BankState.ACTIVE).any(axis=1)
    pressed = [_until_false(truth.time, following, e["time"]) for e in truth.events if e.get("component") == "estop" and e.get("verb") == "off"]
    silent = [_until_false(truth.time, following, e["time"]) - 1e3 / COMMAND_HZ for e in truth.events if e.get("text") == "last command"]
    yield Result(name="stop button to valves commanded", unit="ms", target="<= 10", values=tuple(pressed))
    yield Result(name="command overdue to HOLD", unit="ms", target="<= 20 + one cycle", values=tuple(silent))


def _until_false(time_s: np.ndarray, flags: np.ndarray, since_s: float) -> float:
    """From a time until the flags are false [ms]."""
    after = np.flatnonzero((time_s >= since_s) & ~flags)
    return float(1e3 * (time_s[after[0]] - since_s)) if len(after) else float("inf")


def _reset(rig: Rig) -> None:
    """Until the guardian has taken it."""
    until = time.monotonic() + 20.0
    while rig.ask(Request.RESET)[0]:
        if time.monotonic() > until:
            raise UnavailableError("the guardian cannot be reset")
        time.sleep(0.1)


def _rig(link: str, body: str, *options: str) -> Rig:
    return Rig(Path(tempfile.mkdtemp(prefix="kinesis-bench-")), body=body, bus=link, options=(*REAL_TIME, *options))


PARTS: dict[str, Callable[[], Iterator[Result]]] = {"bus": bus, "golem": golem, "share": share, "stop": stop}


def main() -> int:
    """Measure and print; 1 when a part could not be measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=tuple(PARTS), default=list(PARTS), help="parts (default: all)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every value")
    parser.add_argument("--loop", nargs=3, type=float, metavar=("HZ", "S", "PRIORITY"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.loop is not None:
        print(json.dumps(measure(args.loop[0], args.loop[1], real_time=bool(args.loop[2]))))
        return 0
    results, failed = [], 0
    for name in args.only:
        try:
            for result in PARTS[name]():
                results.append(result.as_dict())
                print(result.row(), flush=True)
        except UnavailableError as error:
            failed += 1
            print(f"{name}: not measured: {error}", file=sys.stderr)
    if args.json is not None:
        args.json.write_text(json.dumps({"results": results}, indent=2) + "\n", encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
