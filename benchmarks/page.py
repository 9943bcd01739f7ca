"""What the page shows, and what it costs the control loop.

    python -m benchmarks.page [--body legs80] [--rounds 5] [--clock realtime] [--browser]

With a page and without one, in turn, in one run: in real time the rate of the loop and its missed deadlines, in lock-step the states a
second (which a page must share the processor with). Frames a second, their size, and the viewer's processor time a frame; with
--browser the pictures that a headless Chromium has drawn, too, on the processor where there is no graphics card. A body without a
shipped policy is played from a made-up recording, which has no loop to slow down.
"""

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from websockets.sync.client import ClientConnection, connect

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

WINDOW_S, START_S = 10.0, 120.0
"""Length of a window, and longest time until the page is there [s]."""

SCENE_BYTES, RECORDING_BYTES = 100_000, 5_000_000
"""Anything longer is the scene, not a frame; size of a made-up recording."""

COUNT_FRAMES = """() => {
    const renderer = kinesis.renderer(), set = renderer.setFrame.bind(renderer);
    window.count = 0;
    renderer.setFrame = frame => { window.count++; set(frame); };
}"""


class Window(NamedTuple):
    """One window: seconds, states passed, deadlines missed, frames and pictures shown, processor time of the viewer [s], bytes a frame."""

    seconds: float
    states: int
    misses: int
    frames: int = 0
    pictures: float = 0.0
    busy_s: float = 0.0
    size: int = 0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--body", default="legs80")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clock", choices=("realtime", "lockstep"), default="realtime")
    parser.add_argument("--browser", action="store_true", help="count what a browser draws (needs playwright and a Chromium)")
    args = parser.parse_args()
    from kinesis_cli.sim_checks import shipped_policies

    alive = any(name.startswith(f"{args.body}-") for name in shipped_policies())
    with tempfile.TemporaryDirectory() as folder, program(args, alive, Path(folder)) as (port, viewer):
        watched, alone = windows(port, viewer, args.rounds, args.browser, alive)
    print(json.dumps(report(watched, alone, args.browser), indent=2))


@contextmanager
def program(args: argparse.Namespace, alive: bool, folder: Path) -> Iterator[tuple[int, int]]:
    """A body that walks, or a recording that is played; port of its page and process number of what serves it."""
    if alive:
        words = ["launch", str(ROOT / "launch" / "sim.launch.yaml"), "web:=true", "port:=0", f"clock:={args.clock}", f"body:={args.body}", "script:=['1 walk']"]
    else:
        from benchmarks.recording import write_walk

        write_walk(folder / "walk", args.body, RECORDING_BYTES)
        words = ["replay", str(folder / "walk"), "--web"]
    environment = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", **os.environ, "PYTHONPATH": str(ROOT)}
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen([sys.executable, "-m", "kinesis_cli", *words], cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            port = wait_for_port(folder / "log", process)
            yield port, viewer_of(process.pid) if alive else process.pid
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60.0)


def wait_for_port(log: Path, process: "subprocess.Popen[bytes]") -> int:
    """Port of the page, once it is served."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"is at http://localhost:(\d+)", log.read_text(errors="replace")):
            return int(found[1])
        time.sleep(0.2)
    raise SystemExit(f"the page did not come up:\n{log.read_text(errors='replace')[-2000:]}")


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


def page_of(port: int) -> ClientConnection:
    """A page without a browser."""
    return connect(f"ws://localhost:{port}/socket", origin=f"http://localhost:{port}", compression=None, max_size=None)  # type: ignore[arg-type]


def account(port: int) -> tuple[int, int]:
    """States and missed deadlines so far, as a page is told them; zeros for a recording."""
    with page_of(port) as page:
        while True:
            data = page.recv(timeout=START_S)
            if isinstance(data, str) and (news := json.loads(data))["kind"] == "status" and ("ticks" in news or "playback" in news):
                return int(news.get("ticks", 0)), int(news.get("misses", 0))


def window(port: int, watch: Callable[[], dict[str, Any]]) -> Window:
    """What passed while `watch` ran."""
    (states, misses), begun = account(port), time.monotonic()
    seen = watch()
    seconds = time.monotonic() - begun
    last = account(port)
    return Window(seconds, last[0] - states, last[1] - misses, **seen)


def watch_frames(port: int, viewer: int) -> dict[str, Any]:
    """A page that reads every frame of one window, which begins when the body is loaded."""
    with page_of(port) as page:
        frames, size, busy = 0, 0, 0.0
        begun: float | None = None
        while begun is None or time.monotonic() - begun < WINDOW_S:
            data = page.recv(timeout=START_S)
            if not isinstance(data, bytes) or len(data) > SCENE_BYTES:
                continue
            if begun is None:
                begun, busy = time.monotonic(), processor_s(viewer)
            frames, size = frames + 1, len(data)
        return {"frames": frames, "busy_s": processor_s(viewer) - busy, "size": size}


@contextmanager
def chromium() -> Iterator[Any]:
    """Headless Chromium."""
    from playwright.sync_api import sync_playwright

    from tools.screenshots import open_browser

    with sync_playwright() as api:
        browser = open_browser(api)
        yield browser
        browser.close()


def watch_pictures(browser: Any, port: int, viewer: int) -> dict[str, Any]:
    """A page in a browser, for one window."""
    page = browser.new_context(viewport={"width": 1280, "height": 720}, bypass_csp=True).new_page()
    page.goto(f"http://localhost:{port}")
    page.wait_for_function("window.kinesis && kinesis.frame() && kinesis.fps > 0", timeout=1000 * START_S)
    page.evaluate(COUNT_FRAMES)
    rates, busy, begun = [], processor_s(viewer), time.monotonic()
    while time.monotonic() - begun < WINDOW_S:
        page.wait_for_timeout(1000)
        rates.append(page.evaluate("kinesis.fps"))
    frames = page.evaluate("window.count")
    page.context.close()
    return {"frames": frames, "pictures": statistics.mean(rates), "busy_s": processor_s(viewer) - busy}


def windows(port: int, viewer: int, rounds: int, browser: bool, alive: bool) -> tuple[list[Window], list[Window]]:
    """Windows with a page and without one, in turn; the first loads the body, and does not count."""
    watched, alone = [], []
    account(port)
    watch_frames(port, viewer)
    if browser:
        with chromium() as program:
            for _ in range(rounds):
                watched.append(window(port, lambda: watch_pictures(program, port, viewer)))
    else:
        for _ in range(rounds):
            watched.append(window(port, lambda: watch_frames(port, viewer)))
            if alive:
                alone.append(window(port, lambda: time.sleep(WINDOW_S) or {}))
    return watched, alone


def report(watched: list[Window], alone: list[Window], browser: bool) -> dict[str, Any]:
    """The figures, medians over the windows."""
    middle = statistics.median
    result: dict[str, Any] = {
        "frames_per_s": round(middle(w.frames / WINDOW_S for w in watched), 1),
        "viewer_ms_per_frame": round(1e3 * sum(w.busy_s for w in watched) / max(sum(w.frames for w in watched), 1), 2),
    }
    if browser:
        result["pictures_per_s"] = round(middle(w.pictures for w in watched), 1)
    else:
        result["frame_bytes"] = max(w.size for w in watched)
    for name, part in (("with_page", watched), ("without", alone)):
        if part:
            result[f"states_per_s_{name}"] = round(middle(w.states / w.seconds for w in part), 1)
            result[f"missed_of_1000_{name}"] = round(1e3 * sum(w.misses for w in part) / max(sum(w.states for w in part), 1), 2)
    return result


if __name__ == "__main__":
    main()
