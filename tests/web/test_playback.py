"""A recording on the page: what is kept of it, and how it is played."""

import json
import queue
import struct
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("mujoco")
pytest.importorskip("websockets")

from kinesis_cli.main import main
from kinesis_control.body_state import BodyState
from kinesis_control.errors import UnavailableError
from kinesis_control.evaluate.bag import BagMessage
from kinesis_control.evaluate.stream_graph import Graph, graphs_of
from kinesis_control.evaluate.stream_open import Recording
from kinesis_control.reference import ReferenceWindow
from kinesis_sim.benchmark.bag import CaseBag
from kinesis_sim.benchmark.suites import Case
from kinesis_sim.bodies import load_body
from kinesis_sim.viewer import track as track_module
from kinesis_sim.viewer.drawing import BodyDrawing
from kinesis_sim.viewer.playback import Playback
from kinesis_sim.viewer.server import Event
from kinesis_sim.viewer.track import LONGEST_GAP_S, read_track

STEP_S = 0.025
TICKS = 41


@pytest.fixture(scope="module")
def body():
    return load_body("legs80")


@pytest.fixture(scope="module")
def bag(tmp_path_factory, body):
    """One second of a body that is carried forward."""
    path = tmp_path_factory.mktemp("bags") / "carried"
    state, window = BodyState.zeros(body.description), ReferenceWindow.zeros(body.description, np.array([STEP_S]))
    state.root_quaternion[:] = window.root_quaternion[:] = (1.0, 0.0, 0.0, 0.0)
    with CaseBag(path, body.description, Case(suite="s", kind="k", seed=1, seconds=1.0), SimpleNamespace(name="made-up"), "c" * 64) as writer:
        for seq in range(TICKS):
            state.seq = window.seq = seq
            state.stamp_ns = window.stamp_ns = round(1e9 * (5.0 + STEP_S * seq))
            state.root_position[:] = window.root_position[:] = (0.1 * seq, 0.0, 0.9)
            writer.write(state, window, np.full(80, 0.1))
    return path


class Server:
    """Keeps what would be sent to browsers."""

    def __init__(self):
        self.events, self.pages, self.frames, self.news = queue.SimpleQueue(), (1,), [], []

    def send_frame(self, frame):
        self.frames.append(frame)

    def send(self, news, page=None):
        self.news.append(news)

    def offer_report(self, name, file):
        return f"/report/{name}"

    def seq(self):
        return int(np.frombuffer(self.frames[-1], "<f8", 2)[1])

    def status(self):
        return next(n for n in reversed(self.news) if isinstance(n, dict) and n["kind"] == "status")


@pytest.fixture
def play(bag, body, tmp_path):
    """Server, playback, and a clock that is set by hand."""
    with Recording(bag) as recording:
        track = read_track(recording, graphs_of(recording.topics)[0])
        server = Server()
        playback = Playback(server, recording, track, BodyDrawing(body), facts={"clips": {"list": []}}, reports=tmp_path)
        now = [playback._ticked_at]

        def order(after_s=0.0, **fields):
            if fields:
                server.events.put(Event(1, json.dumps(fields), True))
            playback.tick(now[0])
            now[0] += after_s
            playback.tick(now[0])

        yield server, playback, order


def test_it_plays_at_its_speed_to_its_end_and_begins_again(play):
    server, playback, order = play
    order(0.21)
    assert server.seq() == 8
    order(0.21, kind="time", factor=2.0)
    assert server.seq() == 25
    order(5.0)
    assert server.seq() == TICKS - 1 and not playback.playing
    order(0.26, kind="pause", on=False)
    assert server.seq() == 20


def test_pause_and_seek(play):
    server, playback, order = play
    order(3.0, kind="pause", on=True)
    assert server.seq() == 0
    order(kind="seek", to=0.52)
    assert server.seq() == 20 and playback.at_s == 0.52
    order(kind="seek", to=1e6)
    assert playback.at_s == pytest.approx(1.0)
    order(kind="seek", to=-5.0)
    assert server.seq() == 0
    order(0.3)
    report = server.status()["playback"]
    assert report["length"] == pytest.approx(1.0) and not report["playing"] and report["at"] == 0.0


def test_it_waits_for_the_first_who_looks(play):
    server, playback, order = play
    server.pages = ()
    order(3.0)
    assert playback.at_s == 0.0 and not server.frames


def test_a_newcomer_gets_the_body_and_the_moment(play):
    server, _, order = play
    order(kind="pause", on=True)
    shown = len(server.frames)
    server.events.put(Event(2, None, True))
    order()
    assert any(isinstance(n, bytes) for n in server.news)
    assert len(server.frames) == shown + 1


@pytest.mark.parametrize("wish", [{"kind": "velocity", "x": 1, "y": 0, "yaw": 0}, {"kind": "say", "text": "walk"}, {"kind": "trigger", "text": "arm"}])
def test_a_recording_is_not_steered(play, wish):
    server, _, order = play
    order(**wish)
    assert any(n["kind"] == "note" and "not steered" in n["text"] for n in server.news if isinstance(n, dict))


def test_a_speed_out_of_range_is_refused(play):
    server, playback, order = play
    order(kind="time", factor=0.0)
    assert playback.speed == 1.0
    assert any("expected 0.05 to 10" in n.get("text", "") for n in server.news if isinstance(n, dict))


def test_the_reference_of_the_same_moment_is_shown(play):
    server, _, order = play
    order(0.5)
    assert np.frombuffer(server.frames[-1], "<f4", 4, 16)[2] == 1.0


class Made:
    """A recording of nothing but stamped messages: (topic, stamp [s]) or (topic, object)."""

    path = "made"

    def __init__(self, *entries):
        self.entries = entries
        self.topics = {t: SimpleNamespace(count=1) for t in ("state", "reference", "status", "reply", "activity")}

    def messages(self, topics):
        for topic, what in self.entries:
            data = what if not isinstance(what, float) else b"\x00\x01\x00\x00" + struct.pack("<iI", int(what), round(1e9 * (what - int(what))))
            yield BagMessage(topic=topic, type_name="", stamp_ns=0, data=data)

    def decode(self, message):
        return message.data


GRAPH = Graph(namespace="", state="state", reference="reference", status="status", reply="reply", activity="activity")


def test_seconds_of_playing_pass_over_gaps_and_a_clock_that_goes_back():
    track = read_track(Made(*(("state", t) for t in (10.0, 10.5, 10.5, 60.0, 0.0, 0.25))), GRAPH)
    assert track.at == [0.0, 0.5, 0.5 + LONGEST_GAP_S, 0.5 + LONGEST_GAP_S, 0.75 + LONGEST_GAP_S]
    assert track.index(-1.0) == 0 and track.index(0.6) == 1 and track.index(99.0) == 4


def test_a_long_recording_is_thinned_out_with_its_references(monkeypatch):
    monkeypatch.setattr(track_module, "EARLY", 2)
    entries = [(topic, 0.025 * i) for i in range(100) for topic in ("reference", "state")]
    track = read_track(Made(*entries), GRAPH, most=30)
    assert track.every == 4 and len(track.states) == 25 and set(track.windows) == set(track.stamps)
    assert track.at == pytest.approx([0.1 * i for i in range(25)])
    assert track.length_s == pytest.approx(2.4)


def test_reports_and_replies_are_those_of_the_moment():
    def status(node, mode, state=2):
        return SimpleNamespace(
            node=node, mode=mode, state=state, clock="lockstep", ticks=1, fault_names=["FALLEN"], fault_counts=[1], last_rejection="",
            deadline_misses=0, rate_hz=0.0, latency_p50=0.001, latency_p99=0.002,
        )  # fmt: skip

    track = read_track(
        Made(
            ("state", 0.0), ("status", status("motion_node", "stand")), ("status", status("sim_node", "")), ("state", 0.5),
            ("reply", SimpleNamespace(data="walking")), ("status", status("motion_node", "walk")), ("status", status("sim_node", "", 5)), ("state", 0.75),
        ), GRAPH
    )  # fmt: skip
    assert (track.report(0.2)["state"], track.report(0.2)["mode"], track.report(0.2)["reply"]) == ("active", "stand", "")
    assert (track.report(0.6)["state"], track.report(0.6)["mode"], track.report(0.6)["reply"]) == ("fault", "walk", "walking")
    assert track.report(0.6)["faults"][0][0] == "FALLEN" and "on its feet" in track.report(0.6)["faults"][0][3]


def test_the_goal_is_the_one_of_the_moment():
    there = SimpleNamespace(goal=[SimpleNamespace(position=SimpleNamespace(x=2.0, y=1.0), orientation=SimpleNamespace(z=0.0, w=0.0))])
    track = read_track(Made(("state", 0.0), ("state", 0.5), ("activity", there), ("state", 1.0), ("activity", SimpleNamespace(goal=[]))), GRAPH)
    assert [track.report(at)["goal"] for at in (0.2, 0.6, 1.0)] == [None, (2.0, 1.0, None), None]


def test_nothing_to_show():
    with pytest.raises(UnavailableError, match="no state"):
        read_track(Made(("reply", SimpleNamespace(data="x"))), GRAPH)


def test_a_body_that_is_not_in_the_recording(bag, capsys):
    assert main(["replay", str(bag), "--web", "8080", "--graph", "3"]) == 5
    assert "number 3 is not among them" in capsys.readouterr().err
