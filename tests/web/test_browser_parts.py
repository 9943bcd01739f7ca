"""The page in a real browser, at a server that plays the part of a body: what it shows of what it is told, and what it asks for.

Needs neither ROS nor MuJoCo. The tests share one page, and each tells it what it needs.
"""

import json
import math
import queue
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("websockets")

from websockets.sync.client import connect

from kinesis_control.evaluate.emg_recordings import EmgRecording
from kinesis_control.evaluate.time_base import TimeBase
from kinesis_sim.viewer.access import Access
from kinesis_sim.viewer.colours import ANCHORS
from kinesis_sim.viewer.human import human_facts
from kinesis_sim.viewer.server import MAX_PAGES, PageServer

PATIENCE_S = 120.0
MUSCLES, JOINTS, CONTACTS = ("soleus_r", "soleus_l"), ("knee_angle_r", "knee_angle_l"), ("right_heel", "left_heel")
STEP_S, CYCLE_S = 0.025, 1.2
CLIPS = [*([f"walk_{i}", 2.5, "walk"] for i in range(60)), ["turn_left", 1.25, "turn <b>"], ["shot", 1.5, "kick"]]
NO_FILM = {"stage": "off", "address": "", "text": ""}
OFF = {"stage": "off", "path": "", "report": "", "text": "", "seconds": 0.0, "of": None, "film": NO_FILM}


def bump(phase):
    return np.exp(-60.0 * (phase - 0.4) ** 2)


def scene():
    """A body of one triangle, laid out as kinesis_sim/viewer/packing.py says."""
    people = [EmgRecording(person=p, electrodes=("soleus",), envelope=bump(np.arange(100) / 100)[None], base=TimeBase.PLAIN) for p in "ab"]
    header = {
        "body": "made-up", "muscles": MUSCLES, "joints": JOINTS, "contacts": CONTACTS, "mass": 70.0, "height": 0.9, "slots": 1, "vertices": 3,
        "triangles": 1, "point_unit": 1e-4, "colours": ANCHORS, "clips": {"list": CLIPS, "problem": ""}, "human": human_facts(MUSCLES, people),
    }  # fmt: skip
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 4)
    vertices = np.array([[0, 0, 0], [0.1, 0, 0], [0, 0, 0.1]], dtype="<f4")
    parts = (vertices, np.full((3, 4), 127, dtype=np.int8), np.array([0, 1, 2], dtype="<u4"), np.zeros(3, dtype=np.uint8))
    return len(text).to_bytes(4, "little") + text + b"".join(part.tobytes() for part in parts)


def frame(seq, *, fallen=False):
    """The body walks: its heels take turns on the floor, and its right soleus is active in mid-stance."""
    time_s = STEP_S * seq
    phase = time_s / CYCLE_S % 1.0
    pose = [time_s, 0.0, 0.9, 1.0, 0.0, 0.0, 0.0]
    loads = [400.0 * (phase < 0.6), 400.0 * ((phase + 0.5) % 1.0 < 0.6)]
    knee = [0.5 * np.sin(2 * np.pi * phase), 0.2]
    numbers = [0.0, float(fallen), 1.0, 0.0, time_s, 0.0, 0.9, 1.0, 0.0, 0.0, *knee, knee[0] + 0.1, 0.2, *loads, *([0.0] * 6), *pose, *pose]
    numbers += [0.1 + 0.5 * bump(phase), 0.2, 500.0, 10.0]
    points = np.zeros(12, dtype="<i2")
    return np.array([time_s, seq], dtype="<f8").tobytes() + np.array(numbers, dtype="<f4").tobytes() + points.tobytes() + bytes([2, 2])


class Body:
    """What the page talks to."""

    def __init__(self, server):
        self.server, self.seq = server, 0

    def walk(self, page, ticks=1, **fields):
        """So many frames, none of which is dropped."""
        for tick in range(ticks):
            self.seq += 1
            self.server.send(frame(self.seq, **fields))
            if tick % 40 == 39 or tick == ticks - 1:
                page.wait_for_function(f"kinesis.frame()?.seq === {self.seq}")

    def tell(self, page, **fields):
        """A report, and that it has arrived."""
        self.seq += 1
        report = {
            "kind": "status", "problem": "", "held": False, "steers": True, "pages": 1, "goal": None, "rate": 40.0, "record": OFF, "mode": "walk",
            "simulated": True, "state": "active", "clock": "realtime", "paused": False, "ticks": 10, "faults": [], "refusal": "", "misses": 0, "hz": 40.0,
            "latency": [3.0, 7.0], "mark": self.seq,
        }  # fmt: skip
        self.server.send({**report, **fields})
        page.wait_for_function(f"kinesis.status?.mark === {self.seq}")

    def forget(self):
        """Orders so far are of no interest."""
        while not self.server.events.empty():
            self.server.events.get()

    def order(self, kind):
        """The next order of a kind."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                event = self.server.events.get(timeout=0.2)
            except queue.Empty:
                continue
            if event.message is not None and (order := json.loads(event.message))["kind"] == kind:
                return order
        raise AssertionError(f"the page has not asked for '{kind}'")


@pytest.fixture(scope="module")
def body():
    server = PageServer(Access.for_host("127.0.0.1"), 0)
    yield Body(server)
    server.close()


@pytest.fixture(scope="module")
def shared(chromium, body, open_page):
    context = chromium.new_context(viewport={"width": 1280, "height": 720}, bypass_csp=True)
    context.set_default_timeout(1000 * PATIENCE_S)
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    open_page(page, body.server.address)
    page.evaluate("{ const r = kinesis.renderer(); if (r) r.ready = () => false; } 0")  # nothing here looks at the picture
    page.wait_for_function("document.querySelector('#problem').hidden")
    body.server.send(scene())
    body.walk(page)
    body.tell(page)
    yield page
    context.close()
    assert not errors


@pytest.fixture
def page(shared, body):
    body.forget()
    return shared


def test_the_gait_cycle_is_cut_and_compared_with_people(page, body):
    body.walk(page, 200)
    page.get_by_role("tab", name="Plots").click()
    page.get_by_role("checkbox", name="over the gait cycle").check()
    page.wait_for_function("/soleus_r · r = /.test(document.querySelector('#cycle-plots').textContent)")
    assert "r = 1.00 with 2 people" in page.locator("#cycle-plots").inner_text()
    assert page.evaluate("kinesis.plots.gait.stance('right')") == pytest.approx(0.6, abs=0.03)
    assert page.evaluate("kinesis.plots.gait.legs.left.cycles.length") >= 2
    assert "as published" in page.locator("#cycle-keys").inner_text()
    page.wait_for_function("/mean difference \\d/.test(document.querySelector('#joint-error').textContent)")
    assert float(page.locator("#joint-error").inner_text().split()[-1].rstrip("°")) == pytest.approx(np.degrees(0.1), abs=0.2)
    assert page.evaluate("document.querySelector('#cycle-plots canvas').getContext('2d').getImageData(60, 10, 200, 60).data.some(v => v > 0)")


def test_missed_deadlines_are_counted_over_the_last_seconds(page, body):
    page.get_by_role("tab", name="Plots").click()
    body.tell(page, misses=3)
    body.tell(page, misses=5)
    page.wait_for_function("document.querySelector('#latency-text').textContent.includes('5 deadlines missed in all')")
    text = page.locator("#latency-text").inner_text()
    assert "Median 3.0 ms" in text and " in the last 30 s" in text and " 0 in the last" not in text
    body.tell(page, clock="lockstep")
    page.wait_for_function("document.querySelector('#latency-text').textContent.includes('no deadline')")


@pytest.mark.parametrize(
    "status, fallen, words, orders",
    [
        ({}, False, None, None),
        ({"paused": True}, False, "stands still", [["Go on", [["pause", {"on": False}]]]]),
        ({"state": "e-stopped"}, True, "does not arm", [["Reset", [["trigger", {"text": "reset_estop"}]]]]),
        ({"state": "fault"}, True, "has fallen", [["Put it on its feet", [["reset", {}]]]]),
        ({"state": "fault", "simulated": False, "faults": [["BANK_FAULT", 1, "A bank.", "Read it."]]}, True, "BANK_FAULT: A bank. Read it.",
         [["Reset", [["trigger", {"text": "reset_estop"}]]]]),
        ({"state": "disarmed"}, False, "disarmed", [["Arm", [["trigger", {"text": "arm"}]]]]),
        ({"state": "disarmed"}, True, "held there", [["Put it on its feet", [["pause", {"on": True}], ["reset", {}]]]]),
        ({"state": "disarmed", "simulated": False}, False, "within its reach", [["Arm", [["trigger", {"text": "arm"}]]]]),
        ({"state": "fault", "playback": {}}, True, None, None),
    ],
)  # fmt: skip
def test_the_next_step(page, status, fallen, words, orders):
    """Reset and Arm are never one step, and what lies is not armed."""
    step = page.evaluate("([status, fallen]) => K.nextStep({ state: 'active', simulated: true, faults: [], ...status }, fallen)", [status, fallen])
    if words is None:
        assert step is None
        return
    assert words in step["text"] and step["steps"] == orders


def test_the_guide_asks_for_the_step_that_it_names(page, body):
    body.tell(page, state="e-stopped")
    guide = page.get_by_role("status", name="What to do next")
    guide.get_by_role("button", name="Reset").click()
    assert body.order("trigger")["text"] == "reset_estop"
    body.tell(page, state="disarmed")
    guide.get_by_role("button", name="Arm").click()
    assert body.order("trigger")["text"] == "arm"
    body.tell(page)
    guide.wait_for(state="hidden")


def test_clips_are_searched_and_played(page, body):
    page.get_by_role("tab", name="Drive").click()
    clips = page.get_by_role("list", name="Clips")
    assert clips.get_by_role("listitem").count() == 40 and "22 more" in page.locator("#clip-problem").inner_text()
    search = page.get_by_role("searchbox", name="Search a clip of the motion library")
    search.fill("LEFT turn")
    assert clips.get_by_role("listitem").count() == 1 and "1.3 s" in clips.inner_text() and clips.locator("b").count() == 0
    clips.get_by_role("button", name="Play turn_left").click()
    assert body.order("play")["text"] == "turn_left"
    search.fill("nothing")
    assert "No clip" in page.locator("#clip-problem").inner_text()


def test_the_speed_of_time(page, body):
    page.get_by_role("tab", name="Drive").click()
    body.tell(page)
    pace = page.get_by_role("combobox", name="Speed of time")
    pace.select_option("0.25")
    assert body.order("time")["factor"] == 0.25
    body.tell(page, clock="lockstep")
    assert pace.is_disabled()


def test_record_and_evaluate_say_where_they_are(page, body, tmp_path):
    page.get_by_role("tab", name="Drive").click()
    record, evaluate, text = page.locator("#record"), page.locator("#evaluate"), page.get_by_role("status", name="State of the recording")
    dialog = page.get_by_role("dialog", name="Report of the evaluation")
    record.click()
    assert body.order("record")["on"] is True
    body.tell(page, record={**OFF, "stage": "recording", "path": "/bags/a", "seconds": 4.2})
    assert record.inner_text() == "End recording" and evaluate.inner_text() == "End and evaluate" and "4 s: /bags/a" in text.inner_text()
    evaluate.click()
    assert body.order("evaluate") == {"kind": "evaluate"}
    for stage in ("ending", "evaluating"):
        body.tell(page, record={**OFF, "stage": stage, "path": "/bags/a"})
        assert record.is_disabled() and evaluate.is_disabled()
    file = tmp_path / "index.html"
    file.write_text("<h1>How it went</h1><script>parent.document.title = 'taken over'</script>")
    ready = {**OFF, "stage": "ready", "path": "/bags/a", "report": body.server.offer_report("a", file)}
    body.tell(page, record=ready)
    dialog.wait_for()
    page.frame_locator("#report iframe").get_by_role("heading", name="How it went").wait_for()
    assert page.title() == "Kinesis"
    assert page.get_by_role("button", name="Emergency stop").is_visible()
    dialog.get_by_role("button", name="Close").click()
    dialog.wait_for(state="hidden")
    body.tell(page, record=ready)
    assert not dialog.is_visible()  # it opens for who asked, once
    page.get_by_role("button", name="Show the report").click()
    dialog.wait_for()
    dialog.get_by_role("button", name="Close").click()
    body.tell(page, record={**OFF, "stage": "failed", "text": "the disk is full"})
    assert "the disk is full" in text.inner_text()


def test_a_kick_is_there_when_the_library_holds_one(page, body):
    page.get_by_role("tab", name="Drive").click()
    page.get_by_role("button", name="Kick", exact=True).click()
    assert body.order("play")["text"] == "shot"
    assert page.evaluate("document.querySelector('#kick').hidden") is False
    kicks = page.evaluate(
        """() => {
            const clips = new K.Clips({ byId: () => document.createElement("input"), send: () => 0 });
            clips.setScene({ clips: { list: [["walk", 1, ""]] } });
            return clips.kicks;
        }"""
    )
    assert kicks == []


def test_a_film_of_the_last_recording(page, body, tmp_path):
    page.get_by_role("tab", name="Drive").click()
    button, link = page.get_by_role("button", name="MP4 film"), page.locator("#film-file")
    body.tell(page)
    assert button.is_disabled() and not link.is_visible()
    body.tell(page, record={**OFF, "path": "/bags/a"})
    button.click()
    assert body.order("film") == {"kind": "film"}
    body.tell(page, record={**OFF, "path": "/bags/a", "film": {**NO_FILM, "stage": "making"}})
    assert button.is_disabled() and "being drawn" in page.get_by_role("status", name="State of the film").inner_text()
    (tmp_path / "a.mp4").write_bytes(b"film")
    address = body.server.offer_report("a.mp4", tmp_path / "a.mp4")
    body.tell(page, record={**OFF, "path": "/bags/a", "film": {"stage": "ready", "address": address, "text": "a.mp4"}})
    with page.expect_download() as coming:
        link.click()
    assert coming.value.suggested_filename == "a.mp4" and Path(coming.value.path()).read_bytes() == b"film"
    body.tell(page, record={**OFF, "path": "/bags/a", "film": {**NO_FILM, "stage": "failed", "text": "no encoder"}})
    assert page.get_by_role("status", name="State of the film").inner_text() == "No film: no encoder"


def test_the_strongest_are_those_that_have_pulled_most(page, body):
    page.get_by_role("tab", name="Muscles").click()
    body.walk(page, 40)
    page.wait_for_function("document.querySelectorAll('#muscles li').length === 2")
    rows = page.get_by_role("list", name="Muscles").get_by_role("button")
    assert [text.split()[0] for text in rows.all_inner_texts()] == ["soleus_r", "soleus_l"]
    pull = page.evaluate(
        """() => { const p = new K.Pull(), add = (time, a, b) => p.add({ time, tension: [a, b] });
            add(0, 100, 0); for (let t = 1; t <= 60; t++) add(t / 4, 0, 50); return [...p.mean, ...p.ranked()]; }"""
    )
    assert pull == pytest.approx([100 * math.exp(-15 / 3), 50 * (1 - math.exp(-15 / 3)), 1, 0], abs=1e-3)


def test_why_there_is_no_connection_is_said(chromium, body, open_page):
    with ExitStack() as others:
        context = chromium.new_context(bypass_csp=True)
        others.callback(context.close)
        context.set_default_timeout(1000 * PATIENCE_S)
        while len(body.server.pages) < MAX_PAGES:
            before = len(body.server.pages)
            others.enter_context(connect(f"ws://127.0.0.1:{body.server.port}/socket", origin=f"http://127.0.0.1:{body.server.port}", compression=None))
            deadline = time.monotonic() + PATIENCE_S
            while len(body.server.pages) == before:
                assert time.monotonic() < deadline
                time.sleep(0.01)
        late = context.new_page()
        open_page(late, body.server.address)
        late.get_by_text(f"No connection: {MAX_PAGES} pages are open already; close one.").wait_for()


def test_a_held_key_repeats_and_its_end_is_zero(page, body):
    page.locator("#view").focus()
    page.keyboard.down("ArrowUp")
    assert [body.order("velocity")["x"] > 0 for _ in range(3)] == [True] * 3
    page.keyboard.up("ArrowUp")
    while (last := body.order("velocity"))["x"] > 0:
        pass
    assert (last["x"], last["y"], last["yaw"]) == (0, 0, 0)


def test_arrows_between_tabs_do_not_drive(page, body):
    page.get_by_role("tab", name="Drive").click()
    page.get_by_role("tab", name="Drive").focus()
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("tab", name="Muscles").get_attribute("aria-selected") == "true"
    page.get_by_role("tab", name="Drive").click()
    page.locator("#stand").click()
    assert body.order("say")["text"] == "stand"
    assert body.server.events.empty()


def test_the_stop_is_one_key_away(page, body):
    page.get_by_role("searchbox", name="Search a clip of the motion library").focus()
    page.keyboard.press("Escape")
    assert body.order("trigger")["text"] == "estop"


def test_every_control_has_a_name_also_those_that_come_and_go(page, body):
    body.tell(page, state="fault", record={**OFF, "stage": "ready", "report": "/report/a"})
    for tab in ("Drive", "Muscles", "Plots", "About"):
        page.get_by_role("tab", name=tab).click()
        nameless = page.evaluate(
            """[...document.querySelectorAll("button, input, select, canvas, iframe, a")]
                .filter(e => e.offsetParent && e.getAttribute("aria-hidden") !== "true")
                .filter(e => !(e.getAttribute("aria-label") || e.title || e.textContent.trim() || (e.labels && e.labels.length))).map(e => e.outerHTML)"""
        )
        assert nameless == []


def test_a_recording_has_no_controls_of_a_living_body(page, body):
    """Last: the page stays like this."""
    playback = {"at": 2.0, "length": 10.0, "playing": True, "speed": 1, "every": 2, "name": "bag", "problems": ["it was cut off"]}
    body.tell(page, playback=playback)
    page.get_by_role("tab", name="Recording").click()
    for name in ("Emergency stop", "Arm", "Walk", "Restart", "Record"):
        assert page.get_by_role("button", name=name, exact=True).count() == 0, name
    assert page.locator("#holder").inner_text() == "it was cut off A long recording: one state of 2 is shown."
    assert page.locator("#player-time").inner_text() == "2.0 of 10.0 s"
    page.locator("#view").focus()
    page.keyboard.press(" ")
    assert body.order("pause")["on"] is True
    page.keyboard.press("ArrowRight")
    assert body.order("seek")["to"] == 3.0
    page.keyboard.press("ArrowUp")
    page.get_by_role("slider", name="Time in the recording").fill("7.5")
    assert body.order("seek")["to"] == 7.5
    page.get_by_role("combobox", name="Speed of playing").select_option("0.5")
    assert body.order("time")["factor"] == 0.5
