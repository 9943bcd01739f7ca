"""Makes the pictures of the page that README and docs show: tools/screenshots.py, or tools/screenshots.py URL for a page that runs.

Needs playwright and a Chromium: Debian's (apt-get install chromium) where it is there, else the one that `playwright install`
has fetched. Without a URL it starts a simulation of its own, in lock-step, so that it works on a busy machine too, and plays made-up
recordings of the bodies of 290 and 416 muscles.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

WAY_M = 6.0
"""How far it walks before the pictures are taken [m]: several gait cycles."""

LARGE = {"legs_back290": "page-290.png", "fullbody416": "page-416.png"}
"""Bodies that are shown from a made-up recording."""

RECORDING_BYTES, UPRIGHT_S = 1_000_000, 11.0
"""Least size of a made-up recording, and a time at which the body in it stands upright [s]."""

PATIENCE_S = 300.0
MOST_BYTES, COLOURS = 300_000, 256
FLAGS = (
    "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-gpu-watchdog",
)  # fmt: skip
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DESKTOP, PHONE = {"width": 1280, "height": 720}, {"width": 390, "height": 844}
# Smooth edges as with a graphics card, although the processor draws: nobody waits for these pictures.
AS_WITH_A_CARD = "window.K = {}; Object.defineProperty(K, 'drawsInSoftware', { get: () => () => false, set: () => {} })"

DRAW = """() => {
    for (const id of ["hint", "fps", "factor"]) document.getElementById(id).style.display = "none";
    const renderer = kinesis.renderer();
    renderer.quality = 1;
    renderer.draw(kinesis.camera);
}"""


def main() -> int:
    """Take the pictures; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", help="of a page that runs; without it a simulation is started")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "docs" / "images", help="folder (default: docs/images)")
    parser.add_argument("--emg", type=Path, help="recordings of people for the plots, with a simulation that is started")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as api:
        browser = open_browser(api)
        if args.url:
            take(browser, args.url, args.output)
        else:
            with simulation(args.emg) as url:
                take(browser, url, args.output)
            for body, name in LARGE.items():
                with recording(body) as url:
                    take_large(browser, url, args.output / name)
        browser.close()
    return 0


def open_browser(api: Any) -> Any:
    """Headless Chromium, which draws without a graphics card."""
    return api.chromium.launch(executable_path=next(filter(None, map(shutil.which, BROWSERS)), None), args=list(FLAGS))


@contextmanager
def served(words: Callable[[Path], list[str]]) -> Iterator[str]:
    """A command of Kinesis that serves a page, in a folder of its own; the address."""
    environment = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", **os.environ, "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("wb") as out:
            process = subprocess.Popen([sys.executable, "-m", "kinesis_cli", *words(Path(folder))], env=environment, stdout=out, stderr=out, cwd=folder)
        try:
            until = time.monotonic() + PATIENCE_S
            while not (found := re.search(r" is at (http://[^\s;]+)", log.read_text(errors="replace"))):
                if process.poll() is not None or time.monotonic() > until:
                    raise SystemExit(f"no page was served:\n{log.read_text(errors='replace')}")
                time.sleep(0.2)
            yield found[1]
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60.0)


@contextmanager
def simulation(emg: Path | None) -> Iterator[str]:
    """A body that walks; the address of its page."""
    words = ["launch", str(ROOT / "launch" / "sim.launch.yaml"), "web:=true", "port:=0", "clock:=lockstep", "script:=['1 walk at 1 m/s']"]
    words += [f"emg:=['{emg.resolve()}']"] if emg else []
    with served(lambda folder: words) as url:
        yield url


@contextmanager
def recording(body: str) -> Iterator[str]:
    """A made-up recording that is played; the address of its page."""
    from benchmarks.recording import write_walk

    def words(folder: Path) -> list[str]:
        write_walk(folder / "walk", body, RECORDING_BYTES)
        return ["replay", str(folder / "walk"), "--web"]

    with served(words) as url:
        yield url


def open_page(browser: Any, url: str) -> Any:
    """The page with the body on it, drawn for the pictures alone: the processor has other things to do."""
    page = browser.new_context(viewport=DESKTOP, bypass_csp=True).new_page()
    page.set_default_timeout(1000 * PATIENCE_S)
    page.add_init_script(AS_WITH_A_CARD)
    page.goto(url)
    page.wait_for_function("window.kinesis && kinesis.frame()")
    page.evaluate("kinesis.renderer().ready = () => false; 0")
    return page


def take(browser: Any, url: str, folder: Path) -> None:
    """All pictures of one body that walks."""
    page = open_page(browser, url)
    page.wait_for_function(f"kinesis.frame().root[0] > {WAY_M} && kinesis.plots.gait.legs.right.cycles.length > 2")
    # What it walks to the script of the launch file was said before anybody looked; this is answered.
    page.get_by_role("textbox", name="Say what the body should do").fill("walk at 1 m/s")
    page.get_by_role("button", name="Say", exact=True).click()
    page.wait_for_function("/walk/.test(document.querySelector('#reply').textContent)")
    save(page, folder / "page.png")
    page.get_by_role("tab", name="Muscles").click()
    page.get_by_role("searchbox", name="Search a muscle by name").fill("recfem")
    page.get_by_role("button", name="recfem_l").click()
    page.get_by_role("searchbox", name="Search a muscle by name").fill("")
    page.wait_for_function("document.querySelectorAll('#muscles li').length > 20")
    save(page, folder / "page-muscles.png")
    page.get_by_role("list", name="Muscles").get_by_role("button", pressed=True).click()
    page.get_by_role("tab", name="Plots").click()
    page.get_by_role("checkbox", name="over the gait cycle").check()
    save(page, folder / "page-plots.png")
    page.set_viewport_size(PHONE)
    page.get_by_role("tab", name="Drive").click()
    save(page, folder / "page-phone.png")
    page.context.close()


def take_large(browser: Any, url: str, path: Path) -> None:
    """One picture of a body with many muscles."""
    page = open_page(browser, url)
    page.get_by_role("button", name="Play or pause").click()
    page.wait_for_function("kinesis.status.playback && !kinesis.status.playback.playing")
    page.get_by_role("slider", name="Time in the recording").fill(str(UPRIGHT_S))
    page.wait_for_function(f"Math.abs(kinesis.frame().time - {UPRIGHT_S}) < 0.1")
    page.get_by_role("tab", name="Muscles").click()
    page.wait_for_function("document.querySelectorAll('#muscles li').length > 20")
    save(page, path)
    page.context.close()


def save(page: Any, path: Path) -> None:
    """One picture; one of too many bytes gets fewer colours."""
    page.wait_for_timeout(500)  # lists and plots are drawn five times a second
    page.evaluate(DRAW)
    page.wait_for_timeout(1500)
    page.screenshot(path=path, timeout=1000 * PATIENCE_S)
    if path.stat().st_size > MOST_BYTES:
        from PIL import Image

        with Image.open(path) as picture:
            fewer = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.FLOYDSTEINBERG)
        fewer.save(path, optimize=True)
    print(f"{path}: {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    sys.exit(main())
