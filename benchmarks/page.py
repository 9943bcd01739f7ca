"""What the page costs the control loop: lock-step states a second while a page reads and while none does, in turn, in one run.

    python benchmarks/page.py [--body legs80] [--rounds 5]

Prints frames a second, their size, the viewer's processor time a frame, and the ratio of the two rates (1 is no cost).
"""

import argparse
import json
import os
import re
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from websockets.sync.client import ClientConnection, connect

ROOT = Path(__file__).resolve().parents[1]
WINDOW_S, START_S = 5.0, 120.0
"""Length of a window, and longest time until the page is there [s]."""

SCENE_BYTES = 100_000
"""Anything longer is the scene, not a frame."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--body", default="legs80")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    words = ["web:=true", "port:=0", "clock:=lockstep", f"body:={args.body}", "script:=['1.0 walk']"]
    with tempfile.TemporaryFile("w+") as log:
        command = [sys.executable, "-m", "kinesis_cli", "launch", str(ROOT / "launch" / "sim.launch.yaml"), *words]
        launch = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        try:
            measure(wait_for_port(log, launch), viewer_of(launch.pid), args.rounds)
        finally:
            launch.send_signal(signal.SIGINT)
            launch.wait(timeout=30.0)


def wait_for_port(log, launch: "subprocess.Popen[bytes]") -> int:  # type: ignore[no-untyped-def]
    """Port of the page, once it is served."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and launch.poll() is None:
        log.seek(0)
        if found := re.search(r"the page is at http://localhost:(\d+)", log.read()):
            return int(found[1])
        time.sleep(0.2)
    raise SystemExit("the page did not come up")


def viewer_of(parent: int) -> int:
    """Process number of the viewer that a launch started."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words, status = (folder / "cmdline").read_bytes(), (folder / "stat").read_text()
        except OSError:
            continue
        if b"viewer_node" in words and int(status.rsplit(")", 1)[1].split()[1]) == parent:
            return int(folder.name)
    raise SystemExit("no viewer among the launched processes")


def processor_s(pid: int) -> float:
    """Processor time of a process so far [s]."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / float(os.sysconf("SC_CLK_TCK"))


def next_frame(page: ClientConnection) -> tuple[int, int]:
    """Number of the state that the next frame shows, and its size [bytes]."""
    while True:
        data = page.recv(timeout=START_S)
        if isinstance(data, bytes) and len(data) < SCENE_BYTES:
            return int(struct.unpack_from("<dd", data)[1]), len(data)


def measure(port: int, viewer: int, rounds: int) -> None:
    """Windows with a page and without one, in turn."""
    watched, alone, frames, busy, size = [], [], 0, 0.0, 0
    last: tuple[int, float] | None = None
    for _ in range(rounds + 1):
        with connect(f"ws://localhost:{port}/socket", origin=f"http://localhost:{port}", compression=None, max_size=None) as page:
            (first, size), begun, before = next_frame(page), time.monotonic(), processor_s(viewer)
            if last is not None:
                alone.append((first - last[0]) / (begun - last[1]))
            count, seq = 0, first
            while time.monotonic() - begun < WINDOW_S:
                (seq, size), count = next_frame(page), count + 1
            last = seq, time.monotonic()
            if alone:  # the first window loads the body, and does not count
                watched.append((seq - first) / (last[1] - begun))
                frames, busy = frames + count, busy + processor_s(viewer) - before
        time.sleep(WINDOW_S)
    result = {
        "states_per_s_with_page": round(statistics.median(watched), 1),
        "states_per_s_without": round(statistics.median(alone), 1),
        "ratio": round(statistics.median(watched) / statistics.median(alone), 3),
        "frames_per_s": round(frames / (WINDOW_S * len(watched)), 1),
        "frame_bytes": size,
        "viewer_ms_per_frame": round(1e3 * busy / max(frames, 1), 2),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
