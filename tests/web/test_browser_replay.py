"""A recording on the page, in a real browser: played, paused, sought in, evaluated."""

import csv
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("mujoco")
pytest.importorskip("websockets")

from kinesis_control.body_state import BodyState
from kinesis_control.reference import ReferenceWindow
from kinesis_sim.benchmark.bag import CaseBag
from kinesis_sim.benchmark.suites import Case
from kinesis_sim.bodies import load_body

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 90.0
SECONDS, STEP_S, CYCLE_S = 12.0, 0.025, 1.2


def write_walk(path):
    """A body carried forward whose feet take turns on the floor, and whose right soleus follows a bump in mid-stance."""
    body = load_body("legs80")
    d, state = body.description, BodyState.zeros(body.description)
    window, soleus = ReferenceWindow.zeros(d, np.array([STEP_S])), d.muscles.names.index("soleus_r")
    side = np.array([name.startswith("left_") for name in d.contact_names])
    state.root_quaternion[:] = window.root_quaternion[:] = (1.0, 0.0, 0.0, 0.0)
    state.root_linear_velocity[0] = 1.0
    with CaseBag(path, d, Case(suite="s", kind="k", seed=1, seconds=SECONDS), SimpleNamespace(name="made-up"), "c" * 64) as writer:
        for seq in range(round(SECONDS / STEP_S)):
            time_s = STEP_S * seq
            state.seq = window.seq = seq
            state.stamp_ns = window.stamp_ns = round(1e9 * time_s)
            state.root_position[:] = window.root_position[:] = (time_s, 0.0, d.standing_height)
            phase = time_s / CYCLE_S % 1.0
            state.contact_force[:] = np.where(side, (phase + 0.5) % 1.0 < 0.6, phase < 0.6) * 150.0
            state.muscle_activation[soleus] = 0.1 + 0.6 * np.exp(-60.0 * (phase - 0.4) ** 2)
            writer.write(state, window, np.full(80, 0.1))
    return path


@pytest.fixture(scope="module")
def replayed(tmp_path_factory):
    """`kinesis replay BAG --web`; its address."""
    folder = tmp_path_factory.mktemp("replay")
    bag, people, log = write_walk(folder / "walk"), folder / "people.csv", folder / "log"
    with people.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["person", "electrode", "base", "stance_share", *range(100)])
        for person in "ab":
            writer.writerow([person, "soleus", "plain", "0.6", *(float(np.exp(-60.0 * (i / 100 - 0.4) ** 2)) for i in range(100))])
    port = str(18080 + os.getpid() % 2000)
    words = ["replay", str(bag), "--web", port, "--emg", str(people)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "kinesis_cli", *words], env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=out, stderr=subprocess.STDOUT, cwd=folder
        )
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not (found := re.search(r"is at (http://\S+?);", log.read_text())):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield found[1]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30.0) == 0, log.read_text()
    finally:
        process.kill()


@pytest.fixture
def page(chromium, replayed, open_page):
    context = chromium.new_context(viewport={"width": 1280, "height": 720}, bypass_csp=True)
    context.set_default_timeout(1000 * PATIENCE_S)
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    open_page(page, replayed)
    page.wait_for_function("kinesis.frame() && kinesis.status && kinesis.status.playback")
    # Drawn once, and then where a test looks at it: without a graphics card the processor draws, and has other things to do.
    page.evaluate("{ const r = kinesis.renderer(); r.quality = 0.3; r.draw(kinesis.camera); r.ready = () => false; } 0")
    yield page
    context.close()
    assert not errors


def at(page):
    return page.evaluate("kinesis.status.playback.at")


def test_it_plays_and_shows_no_controls_of_a_living_body(page):
    before = page.evaluate("kinesis.frame().time")
    page.wait_for_function(f"kinesis.frame().time > {before} + 0.3 || !kinesis.status.playback.playing")
    page.get_by_role("tab", name="Recording").wait_for()
    for name in ("Emergency stop", "Arm", "Walk", "Restart", "Record"):
        assert page.get_by_role("button", name=name, exact=True).count() == 0, name
    assert page.evaluate("kinesis.frame().hasReference")
    assert "80 muscles" in page.locator("header").inner_text()


def test_pause_slider_and_keys(page):
    if page.evaluate("kinesis.status.playback.playing"):
        page.get_by_role("button", name="Play or pause").click()
    page.wait_for_function("!kinesis.status.playback.playing")
    page.get_by_role("slider", name="Time in the recording").fill("6")
    page.wait_for_function("Math.abs(kinesis.status.playback.at - 6) < 0.05 && Math.abs(kinesis.frame().time - 6) < 0.1")
    page.locator("#view").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("Math.abs(kinesis.status.playback.at - 7) < 0.05")
    page.keyboard.press(" ")
    page.wait_for_function("kinesis.status.playback.playing && kinesis.status.playback.at > 7.2")
    page.get_by_role("combobox", name="Speed of playing").select_option("0.25")
    page.wait_for_function("kinesis.status.playback.speed === 0.25")
    page.get_by_role("combobox", name="Speed of playing").select_option("1")


def test_the_gait_cycle_is_drawn_beside_that_of_people(page):
    page.wait_for_function("kinesis.status.playback.speed === 1")
    page.get_by_role("slider", name="Time in the recording").fill("0")
    if not page.evaluate("kinesis.status.playback.playing"):
        page.get_by_role("button", name="Play or pause").click()
    page.get_by_role("tab", name="Plots").click()
    page.get_by_role("checkbox", name="over the gait cycle").check()
    page.wait_for_function("/soleus_r · r = /.test(document.querySelector('#cycle-plots').textContent)")
    r = float(re.search(r"soleus_r · r = (-?[\d.]+) with 2 people", page.locator("#cycle-plots").inner_text())[1])
    assert r > 0.8
    assert "as published" in page.locator("#cycle-keys").inner_text()
    stance = page.evaluate("kinesis.plots.gait.stance('right')")
    assert 0.5 < stance < 0.7


def test_evaluate_opens_the_report_inside_the_page(page):
    pytest.importorskip("matplotlib")
    page.get_by_role("tab", name="Recording").click()
    page.get_by_role("button", name="Evaluate now").click()
    report = page.get_by_role("dialog", name="Report of the evaluation")
    report.wait_for(timeout=300_000)  # the evaluation steps back behind everything else
    page.frame_locator("#report iframe").locator("h1, h2").first.wait_for()
    address = report.get_by_role("link", name="Open in a new tab").get_attribute("href")
    answer = page.request.get(page.url.rstrip("/") + address)
    assert answer.ok and "default-src 'none'" in answer.headers["content-security-policy"]
    report.get_by_role("button", name="Close").click()
    report.wait_for(state="hidden")
