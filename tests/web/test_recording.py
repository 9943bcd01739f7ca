"""The buttons Record, Evaluate and MP4 film, with stand-ins for what they start."""

import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("kinesis_msgs.msg")

from kinesis_sim.nodes import viewer_recording
from kinesis_sim.nodes.viewer_recording import Recording
from kinesis_sim.viewer import evaluation

PATIENCE_S = 60.0
RECORDER = """
import pathlib, signal, sys, time
ended = []
signal.signal(signal.SIGINT, lambda *_: ended.append(1))
path = pathlib.Path(next(w for w in sys.argv if w.startswith("output:=")).removeprefix("output:=").strip("'"))
path.mkdir()
while not ended:
    time.sleep(0.01)
(path / "recording.mcap").write_text("whole")
"""
FILM = """
import pathlib, sys
bag, file = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[4])
if not (bag / "recording.mcap").is_file():
    sys.exit("error: there is no end")
file.write_text("film of " + bag.name)
"""
EVALUATION = """
import pathlib, sys
bag, folder = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[4])
print("reading", bag)
if not (bag / "recording.mcap").is_file():
    sys.exit("error: there is no end")
(folder / "index.html").write_text("report of " + bag.name)
"""


@pytest.fixture
def recording(tmp_path, monkeypatch):
    """Recorder and evaluation are small scripts."""
    popen = viewer_recording.subprocess.Popen

    def stand_in(words, **options):
        script = RECORDER if "kinesis_control.nodes.recorder_node" in words else FILM if "render" in words else EVALUATION
        return popen([sys.executable, "-c", script, *words[3:]], **options)

    monkeypatch.setattr(viewer_recording.subprocess, "Popen", stand_in)
    monkeypatch.setattr(viewer_recording, "EVALUATE_S", 0.1)
    offered = {}
    recording = Recording(tmp_path / "bags", "", lambda name, file: offered.setdefault(name, file) and f"/report/{name}")
    recording.offered = offered
    yield recording
    recording.close()


@pytest.fixture
def said():
    return []


def until(recording, stage):
    deadline = time.monotonic() + PATIENCE_S
    while recording.stage != stage:
        recording.tick()
        assert time.monotonic() < deadline and (recording.stage != "failed" or stage == "failed"), (recording.stage, recording.text)
        time.sleep(0.01)


def started(recording):
    deadline = time.monotonic() + PATIENCE_S
    while not Path(recording.path).is_dir():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_record_and_end(recording, said):
    tell = lambda text, good: said.append((text, good))  # noqa: E731
    recording.switch(False, tell)
    assert said == [("nothing is being recorded", False)]
    recording.switch(True, tell)
    assert recording.status()["stage"] == "recording" and recording.status()["of"] is None
    started(recording)
    recording.switch(True, tell)
    assert "already runs" in said[-1][0] and not said[-1][1]
    recording.switch(False, tell)
    assert recording.stage == "ending" and said[-1] == (f"recorded: {recording.path}", True)
    recording.switch(True, tell)
    assert "still being written" in said[-1][0]
    until(recording, "off")
    assert (Path(recording.path) / "recording.mcap").read_text() == "whole"


def test_evaluate_records_a_while_by_itself(recording, said):
    recording.evaluate(lambda text, good: said.append(text))
    assert recording.status()["of"] == 0.1
    until(recording, "evaluating")
    recording.evaluate(lambda text, good: said.append(text))
    assert said == ["an evaluation is on its way"]
    until(recording, "ready")
    name = Path(recording.path).name
    assert recording.report == f"/report/{name}-report"
    assert recording.offered[f"{name}-report"].read_text() == f"report of {name}"


def test_evaluate_ends_a_recording_that_runs(recording, said):
    recording.switch(True, lambda text, good: said.append(text))
    started(recording)
    path = recording.path
    recording.evaluate(lambda text, good: said.append(text))
    until(recording, "ready")
    assert recording.path == path and recording.report


def test_an_evaluation_that_fails_says_its_last_word(recording, said, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "EVALUATION", "import sys; print('one'); sys.exit('error: cannot read it')")
    recording.evaluate(lambda text, good: said.append(text))
    until(recording, "failed")
    assert "error: cannot read it" in recording.status()["text"] and recording.report == ""
    recording.switch(True, lambda text, good: said.append(text))
    assert recording.stage == "recording"  # a failure is no end


def filmed(recording, stage):
    deadline = time.monotonic() + PATIENCE_S
    while recording.status()["film"]["stage"] != stage:
        recording.tick()
        assert time.monotonic() < deadline, recording.status()
        time.sleep(0.01)
    return recording.status()["film"]


def test_a_film_is_made_of_the_last_recording(recording, said):
    tell = lambda text, good: said.append((text, good))  # noqa: E731
    recording.film(tell)
    assert said == [("film: end a recording first; the last one is drawn", False)]
    recording.switch(True, tell)
    started(recording)
    recording.film(tell)
    assert len(said) == 2 and recording.status()["film"]["stage"] == "off"
    recording.switch(False, tell)
    until(recording, "off")
    recording.film(tell)
    recording.film(tell)
    assert said[-1] == ("film: one is being made", False)
    film, name = filmed(recording, "ready"), Path(recording.path).name
    assert film == {"stage": "ready", "address": f"/report/{name}.mp4", "text": f"{name}.mp4"}
    assert recording.offered[f"{name}.mp4"].read_text() == f"film of {name}"


def test_a_film_that_fails_says_its_last_word(recording, said, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "FILM", "import sys; print('one'); sys.exit('kinesis: films need ffmpeg')")
    recording.switch(True, lambda text, good: said.append(text))
    started(recording)
    recording.switch(False, lambda text, good: said.append(text))
    until(recording, "off")
    recording.film(lambda text, good: said.append(text))
    assert "films need ffmpeg" in filmed(recording, "failed")["text"]


def test_a_recorder_that_dies_is_said(recording, said, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "RECORDER", "raise SystemExit(3)")
    recording.switch(True, lambda text, good: said.append(text))
    until(recording, "failed")
    assert "ended by itself" in recording.text


def test_a_folder_that_cannot_be_made(tmp_path, said):
    (tmp_path / "file").write_text("")
    recording = Recording(tmp_path / "file" / "bags", "", lambda name, file: "")
    recording.switch(True, lambda text, good: said.append((text, good)))
    assert "cannot record into" in said[0][0] and not said[0][1] and recording.stage == "off"


def test_what_is_called_is_there():
    """The stand-ins above take the place of these."""
    import kinesis_cli.evaluate
    import kinesis_cli.render
    import kinesis_control.nodes.recorder_node

    assert kinesis_cli.evaluate and kinesis_cli.render and kinesis_control.nodes.recorder_node and evaluation.BESIDE_A_BODY > 0
