"""The whole graph over DDS: speed in lock-step, and the rate held in real time on a loaded machine."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measure import Result
from benchmarks.synthetic import write_policy
from kinesis_control.errors import UnavailableError

REALTIME_HZ = 100.0


def lockstep(seconds: float = 20.0, repeats: int = 3) -> list[Result]:
    """Real-time factor of `kinesis sim` in lock-step, walking, with start-up left out."""
    runs = [simulate("--clock", "lockstep", "--duration", str(seconds), "--seed", str(seed)) for seed in range(repeats)]
    factors = tuple(run["real_time_factor"] for run in runs)
    return [Result(name=f"lock-step over DDS, {seconds:g} s at 80 muscles", unit="x", target="(aim: >= 8)", values=factors)]


def realtime(shipped: Path | None, seconds: float = 20.0, repeats: int = 3) -> list[Result]:
    """Rate error, missed deadlines and latency at 100 Hz while one busy process a core competes."""
    from kinesis_sim.bodies import load_body

    with tempfile.TemporaryDirectory() as folder, busy_cores():
        path = Path(folder) / "legs80-synthetic100.onnx"
        write_policy(path, load_body("legs80").description, control_rate_hz=REALTIME_HZ, physics_rate_hz=2 * REALTIME_HZ, like=shipped)
        runs = [simulate("--clock", "realtime", "--duration", str(seconds), "--policy", str(path), "--stand") for _ in range(repeats)]
    errors = tuple(100.0 * abs(run["seconds_simulated"] / run["wall_seconds"] - 1.0) for run in runs)
    misses = tuple(100.0 * run["deadline_misses"] / max(run["ticks"], 1) for run in runs)
    where = f"real time, {REALTIME_HZ:g} Hz, every core busy"
    return [
        Result(name=f"{where}: rate error", unit="%", target="(aim: < 0.1)", values=errors),
        Result(name=f"{where}: missed deadlines", unit="%", target="(reported)", values=misses),
        Result(name=f"{where}: latency p99", unit="us", target="(reported)", values=tuple(run["latency_us"]["p99"] for run in runs)),
    ]


def simulate(*arguments: str) -> dict[str, Any]:
    """Summary of one `kinesis sim`.

    Raises:
        UnavailableError: the run failed; its last lines are in the message.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.json"
        command = [sys.executable, "-m", "kinesis_cli", "sim", "--headless", "--no-web", "--json", str(path), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise UnavailableError(f"'kinesis sim {' '.join(arguments)}' ended with {done.returncode}:\n{done.stderr[-2000:]}")
        result: dict[str, Any] = json.loads(path.read_text())
        return result


@contextmanager
def busy_cores() -> Iterator[None]:
    """One process a core that does nothing but compute; all of them are ended at the end."""
    busy = [subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
        for process in busy:
            process.wait()
