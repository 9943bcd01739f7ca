"""From a recording to episodes: what belongs together, where a life ends, and what is said of broken input."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinesis_control.evaluate import stream
from kinesis_control.evaluate.episode import Episode, concatenate
from kinesis_control.evaluate.stream import EpisodeStream, read_lives
from kinesis_control.evaluate.stream_graph import graphs_of, missing_topics
from kinesis_control.evaluate.stream_open import Recording
from kinesis_control.muscles import MuscleLayout


def lives_of(path: Path, **options: Any) -> tuple[list[Episode], EpisodeStream]:
    with Recording(path) as recording:
        (graph,) = graphs_of(recording.topics)
        read = EpisodeStream(recording, graph, **options)
        return [concatenate(list(chunks)) for _, chunks in read_lives(read)], read


def test_everything_finds_its_tick(whole_bag: Path) -> None:
    (episode,), _ = lives_of(whole_bag)
    assert episode.seq.tolist() == list(range(200))
    assert np.allclose(episode.excitation[:, 2], 0.001 * (np.arange(200) % 100))
    # The window of state n - 1 holds what was meant for state n.
    assert np.isnan(episode.reference_joint_position[0]).all()
    assert np.allclose(episode.reference_joint_position[1:], episode.joint_position[1:])
    assert np.allclose(episode.root_quaternion, [1.0, 0.0, 0.0, 0.0])
    assert episode.policy_sha256 == "a" * 64 and episode.motion[5] == "walk"


def test_chunk_borders_change_nothing(whole_bag: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (whole,), _ = lives_of(whole_bag)
    monkeypatch.setattr(stream, "CHUNK_TICKS", 17)
    with Recording(whole_bag) as recording:
        read = EpisodeStream(recording, graphs_of(recording.topics)[0])
        pieces = [piece.chunk for piece in read]
        assert len(pieces) > 5
        figures = read.timing.figures(read.log.clocks, None)
    cut = concatenate(pieces)
    for name in ("seq", "excitation", "reference_joint_position", "reference_root_position", "motion"):
        assert np.array_equal(getattr(cut, name), getattr(whole, name), equal_nan=name != "motion"), name
    assert next(f for f in figures if f.name == "timing.loss.command").n == 200


def test_a_gap_of_the_reference_is_filled_from_the_window_before(recorded: Any, tmp_path: Path) -> None:
    bag = recorded.layout().status(0).ticks(0, 50)
    bag.rows = [r for r in bag.rows if not (r[0] == "/reference" and r[2] == 20 * 25_000_000)]
    (episode,), _ = lives_of(bag.save(tmp_path / "gap"))
    assert np.allclose(episode.reference_joint_position[1:], episode.joint_position[1:])


def test_a_reset_begins_a_new_episode(recorded: Any, tmp_path: Path) -> None:
    path = recorded.layout().status(0).ticks(0, 30).ticks(30, 20, episode=1).save(tmp_path / "reset", facts={"seed": "7"})
    (first, second), _ = lives_of(path)
    assert (len(first), len(second)) == (30, 20)
    # Nothing of the life before reaches into the new one.
    assert np.isnan(second.reference_joint_position[0]).all() and second.source.endswith("episode 1")


def test_two_policies_are_never_one_episode(recorded: Any, tmp_path: Path) -> None:
    path = recorded.layout().status(0).ticks(0, 40).status(40, sha256="b" * 64).ticks(40, 40).save(tmp_path / "two")
    (first, second), _ = lives_of(path)
    assert (first.policy_sha256[0], len(first), second.policy_sha256[0], len(second)) == ("a", 40, "b", 40)


def test_time_that_goes_back_begins_a_new_episode(recorded: Any, tmp_path: Path) -> None:
    recorded.layout().status(0).ticks(0, 30)
    recorded.wall_ns = 10**10  # the recorder's clock goes on, the simulation is started again
    path = recorded.ticks(0, 25).save(tmp_path / "again")
    (first, second), read = lives_of(path)
    assert (len(first), len(second)) == (30, 25) and read.counts == {"jumps back in time": 1}


def test_two_bodies_on_one_topic_are_told_apart(recorded: Any, tmp_path: Path) -> None:
    recorded.layout().status(0).ticks(0, 30)
    other = type(recorded)(body=replace(recorded.body, name="other", muscles=MuscleLayout(names=("x_r", "y", "z"))))
    recorded.rows += other.layout().rows
    other.rows.clear()
    recorded.rows += other.ticks(30, 20).rows
    (first, second), read = lives_of(recorded.save(tmp_path / "mixed"))
    assert (first.body.name, len(first), second.body.name, len(second)) == ("tripod", 30, "other", 20)
    assert {b.name for b in read.bodies.values()} == {"tripod", "other"}


def test_values_that_are_no_state_become_unknown(recorded: Any, tmp_path: Path, tripod: Any) -> None:
    recorded.layout().status(0).ticks(0, 10)
    row = next(i for i, r in enumerate(recorded.rows) if r[0] == "/body_state" and r[2] == 5 * 25_000_000)
    topic, kind, log_ns, data = recorded.rows[row]
    message = recorded.types.decode(kind, data)
    message.root_pose.orientation.w = 0.0
    recorded.rows[row] = (topic, kind, log_ns, recorded.types.canonical(kind, message))
    (episode,), read = lives_of(recorded.save(tmp_path / "bad"))
    assert np.isnan(episode.root_position[5]).all() and np.isfinite(episode.root_position[[4, 6]]).all()
    assert any("no orientation" in what for what in read.counts)


def test_states_without_a_layout_are_counted_and_a_known_body_helps(recorded: Any, tmp_path: Path, tripod: Any) -> None:
    path = recorded.status(0).ticks(0, 10).save(tmp_path / "nolayout")
    nothing, read = lives_of(path)
    assert nothing == [] and any("muscle_layout is not in the recording" in what for what in read.counts)
    (episode,), _ = lives_of(path, find_body=lambda layout: tripod if layout == tripod.muscles.hash else None)
    assert len(episode) == 10


def test_missing_topics_are_named(recorded: Any, tmp_path: Path) -> None:
    bag = recorded.layout().ticks(0, 10)
    bag.rows = [r for r in bag.rows if r[0] in ("/muscle_layout", "/body_state")]
    path = bag.save(tmp_path / "few")
    (episode,), read = lives_of(path)
    assert np.isnan(episode.excitation).all() and np.isnan(episode.reference_root_position).all()
    assert set(missing_topics(read.graph)) == {"muscle_command", "reference", "control_status", "activity"}


def test_a_namespace_is_a_graph_of_its_own(recorded: Any, tmp_path: Path, tripod: Any) -> None:
    other = type(recorded)(body=tripod, namespace="/bob")
    recorded.layout().status(0).ticks(0, 10)
    recorded.rows += other.layout().status(0).ticks(0, 12).rows
    with Recording(recorded.save(tmp_path / "both")) as recording:
        graphs = graphs_of(recording.topics)
        lengths = [sum(len(p.chunk) for p in EpisodeStream(recording, g)) for g in graphs]
    assert [g.namespace for g in graphs] == ["", "/bob"] and lengths == [10, 12]


def test_faults_and_goals_come_with_their_ticks(recorded: Any, tmp_path: Path) -> None:
    path = recorded.layout().status(0).ticks(0, 60).status(40, faults={"FALLEN": 1}).save(tmp_path / "faults")
    (episode,), _ = lives_of(path)
    assert [(e.kind, e.name, e.stamp_ns) for e in episode.events if e.kind == "fault"] == [("fault", "FALLEN", 40 * 25_000_000)]
