"""Makes the pictures of the page that README and docs show, from a page that runs: kinesis sim, then tools/screenshots.py.

Needs playwright and a Chromium (apt-get install chromium). The body is asked to walk first.
"""

import argparse
import shutil
import sys
from pathlib import Path

WALKS_S = 4.0
"""How long it walks before the pictures are taken [s, simulated]."""


def main() -> int:
    """Take the pictures; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", default="http://localhost:8080", help="of the page (default: http://localhost:8080)")
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).resolve().parents[1] / "docs" / "images", help="folder (default: docs/images)")
    args = parser.parse_args()
    from playwright.sync_api import sync_playwright

    args.output.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as api:
        browser = api.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("chromium-browser"),
            args=["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
        )
        page = browser.new_context(viewport={"width": 1280, "height": 720}, bypass_csp=True).new_page()
        page.set_default_timeout(180_000)
        page.goto(args.url)
        page.wait_for_function("window.kinesis && kinesis.frame()")
        page.get_by_role("button", name="Restart").click()
        page.get_by_role("button", name="Walk").click()
        page.wait_for_function(f"kinesis.status.mode === 'walk' && kinesis.frame().root[0] > 0.3 * {WALKS_S}")
        # Nobody waits for these pictures: they are drawn as with a graphics card, without saving.
        page.evaluate("Object.assign(kinesis.renderer(), { soft: false, quality: 1 }); Object.defineProperty(kinesis.renderer(), 'quality', { value: 1 }); 0")
        for tab, name in (("Drive", "page"), ("Muscles", "page-muscles"), ("Plots", "page-plots")):
            page.get_by_role("tab", name=tab).click()
            page.wait_for_timeout(3000)
            save(page, args.output / f"{name}.png")
        page.set_viewport_size({"width": 390, "height": 844})
        page.get_by_role("tab", name="Drive").click()
        page.wait_for_timeout(3000)
        save(page, args.output / "page-phone.png")
        browser.close()
    return 0


def save(page, path: Path) -> None:  # type: ignore[no-untyped-def]
    """One picture."""
    page.screenshot(path=path, timeout=180_000)
    print(path)


if __name__ == "__main__":
    sys.exit(main())
