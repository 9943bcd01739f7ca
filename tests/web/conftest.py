"""A whole graph with its page, and a real browser to look at it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ros_domains import new_domain

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 90.0
FLAGS = (
    "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-gpu-watchdog",
)  # fmt: skip
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def chromium():
    """Headless Chromium, which draws without a graphics card."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright")
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip(f"no browser on this machine (looked for {', '.join(BROWSERS)})")
    with playwright.sync_playwright() as api:
        browser = api.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def open_page():
    """Goes to a page; again where the browser gave up a file because an interface of the machine came or went meanwhile."""

    def go(page, url):
        for _ in range(3):
            page.goto(url)
            if page.evaluate("Boolean(window.kinesis)"):
                return
        raise AssertionError(f"the scripts of {url} were not loaded")

    return go


class Graph:
    """A launched simulation; its page is at `url`."""

    def __init__(self, log: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "ROS_DOMAIN_ID": str(new_domain()), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
        words = ["launch", str(ROOT / "launch" / "sim.launch.yaml"), "web:=true", "port:=0", "clock:=lockstep"]
        self._log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "kinesis_cli", *words], env=environment, stdout=out, stderr=subprocess.STDOUT, cwd=log.parent
            )
        deadline = time.monotonic() + PATIENCE_S
        while not (found := re.search(r"the page is at (http://\S+)", self.log())):
            assert self.process.poll() is None and time.monotonic() < deadline, self.log()
            time.sleep(0.1)
        self.url = found[1]

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def end(self) -> int:
        """Interrupt it, if it still runs; its exit code."""
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(timeout=PATIENCE_S)
        finally:
            self.process.kill()


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    """A body that stands, in lock-step: however busy the machine, nothing is missed."""
    pytest.importorskip("rclpy")
    pytest.importorskip("kinesis_msgs.msg")
    pytest.importorskip("mujoco")
    graph = Graph(tmp_path_factory.mktemp("page") / "log")
    yield graph
    graph.end()


@pytest.fixture
def page(chromium, graph, open_page):
    """The page of the graph, open, with the body on it; no error may have been said on its console."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720}, bypass_csp=True)  # waiting for a condition evaluates text
    context.set_default_timeout(1000 * PATIENCE_S)
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    open_page(page, graph.url)
    page.wait_for_function("window.kinesis && kinesis.frame() && kinesis.status && kinesis.status.state")
    # Drawn once, and then where a test looks at it: without a graphics card the processor draws, and has other things to do.
    page.evaluate("{ const r = kinesis.renderer(); r.quality = 0.3; r.draw(kinesis.camera); r.ready = () => false; } 0")
    yield page
    context.close()
    assert not errors
