"""Makes the pictures of the page that README and docs show: tools/screenshots.py, or tools/screenshots.py URL for a page that runs.

Needs playwright and a Chromium: Debian's (apt-get install chromium) where it is there, else the one that `playwright install`
has fetched. Without a URL it starts a simulation of its own, in lock-step, so that it works on a busy machine too.
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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
WAY_M = 4.0
"""How far it walks before the pictures are taken [m]: several gait cycles."""

PATIENCE_S = 300.0
MOST_BYTES, COLOURS = 300_000, 256
FLAGS = (
    "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-gpu-watchdog",
)  # fmt: skip
# Smooth edges as with a graphics card, although the processor draws: nobody waits for these pictures.
AS_WITH_A_CARD = "window.K = {}; Object.defineProperty(K, 'drawsInSoftware', { get: () => () => false, set: () => {} })"

DRAW = """() => {
    for (const id of ["hint", "fps"]) document.getElementById(id).style.display = "none";
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
    if args.url:
        take(args.url, args.output)
    else:
        with simulation(args.emg) as url:
            take(url, args.output)
    return 0


@contextmanager
def simulation(emg: Path | None) -> Iterator[str]:
    """A body that walks; the address of its page."""
    words = ["launch", str(ROOT / "launch" / "sim.launch.yaml"), "web:=true", "port:=0", "clock:=lockstep", "script:=['1 walk at 1 m/s']"]
    words += [f"emg:=['{emg.resolve()}']"] if emg else []
    environment = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", **os.environ, "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("wb") as out:
            process = subprocess.Popen([sys.executable, "-m", "kinesis_cli", *words], env=environment, stdout=out, stderr=out, cwd=folder)
        try:
            until = time.monotonic() + PATIENCE_S
            while not (found := re.search(r"the page is at (http://\S+)", log.read_text(errors="replace"))):
                if process.poll() is not None or time.monotonic() > until:
                    raise SystemExit(f"the simulation did not start:\n{log.read_text(errors='replace')}")
                time.sleep(0.2)
            yield found[1]
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60.0)


def take(url: str, folder: Path) -> None:
    """All pictures of one page."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as api:
        program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        browser = api.chromium.launch(executable_path=program, args=list(FLAGS))
        page = browser.new_context(viewport={"width": 1280, "height": 720}, bypass_csp=True).new_page()
        page.set_default_timeout(1000 * PATIENCE_S)
        page.add_init_script(AS_WITH_A_CARD)
        page.goto(url)
        page.wait_for_function("window.kinesis && kinesis.frame()")
        page.evaluate("kinesis.renderer().ready = () => false; 0")  # drawn for the pictures alone: the processor has a body to simulate
        page.wait_for_function(f"kinesis.frame().root[0] > {WAY_M} && kinesis.plots.gait.legs.right.cycles.length > 2")
        save(page, folder / "page.png")
        page.get_by_role("tab", name="Muscles").click()
        page.get_by_role("button", name="soleus_r").or_(page.get_by_role("list", name="Muscles").get_by_role("button")).first.click()
        save(page, folder / "page-muscles.png")
        page.get_by_role("button", pressed=True).and_(page.get_by_role("list", name="Muscles").get_by_role("button")).first.click()
        page.get_by_role("tab", name="Plots").click()
        page.get_by_role("checkbox", name="over the gait cycle").check()
        save(page, folder / "page-plots.png")
        page.set_viewport_size({"width": 390, "height": 844})
        page.get_by_role("tab", name="Drive").click()
        save(page, folder / "page-phone.png")
        browser.close()


def save(page: Any, path: Path) -> None:
    """One picture; one of too many bytes gets fewer colours."""
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
