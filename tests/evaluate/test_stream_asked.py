"""What was asked of a body, out of a recording: by `activity`, and by the wishes alone where that is missing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinesis_control.evaluate.episode import Episode, concatenate
from kinesis_control.evaluate.report_evaluation import evaluate_recordings
from kinesis_control.evaluate.stream import EpisodeStream, read_lives
from kinesis_control.evaluate.stream_graph import graphs_of
from kinesis_control.evaluate.stream_open import Recording
from kinesis_control.motion.plan import ActivityReport, Ending

PERIOD_NS = 25_000_000


def told(bag: Any, seq: int, **fields: Any) -> None:
    """An Activity of state number `seq`, as the motion node sends it: after its answer."""
    bag.types.require("kinesis_msgs/msg/Activity")
    message = bag.maker()._activity(ActivityReport(stamp_ns=seq * PERIOD_NS, **fields))
    bag.put("activity", "kinesis_msgs/msg/Activity", bag.wall_ns + seq * PERIOD_NS + 5_000_000, message)


def episode_of(path: Path) -> Episode:
    """The only episode, and that it is read in several chunks makes no difference."""
    with Recording(path) as recording:
        ((_, chunks),) = ((n, list(c)) for n, c in read_lives(EpisodeStream(recording, graphs_of(recording.topics)[0])))
    return concatenate(chunks)


@pytest.fixture
def bag(recorded: Any) -> Any:
    """60 s, during which the body walks 0.4 m/s along x."""
    bag = recorded.layout().status(0).ticks(0, 2400)
    told(bag, 0)
    return bag


def test_a_goal_sent_by_an_action_is_scored(bag: Any, tmp_path: Path) -> None:
    """Given at 10 s, where the body is at 4 m: 2 m ahead, within 0.1 m after 4.75 s; called off, then given once more."""
    told(bag, 100, ticket=1, mode="goal", goal=(99.0, 0.0, None), text="walking to (99.00, 0.00)")
    told(bag, 300, ended=1, ending=Ending.CANCELED, text="ended: walking to (99.00, 0.00): cancelled")
    told(bag, 400, ticket=2, mode="goal", goal=(6.0, 0.0, None), text="walking to (6.00, 0.00)")
    told(bag, 600, ended=2, ending=Ending.SUCCEEDED, text="goal reached within 0.00 m; standing")
    told(bag, 2000, ticket=3, mode="goal", goal=(99.0, 0.0, 0.5))
    (life,) = evaluate_recordings([bag.save(tmp_path / "goals")]).lives
    assert [(g.ticket, g.yaw) for g in life.goals] == [(1, None), (2, None), (3, pytest.approx(0.5))]
    assert [(e.ticket, e.ending) for e in life.goal_ends] == [(1, "canceled"), (2, "succeeded")]
    reached = life.figures["goals.reached"]
    assert (reached.value, reached.n, reached.note) == (1.0, 1, "1 called off before the end, not known for 1 goal(s)")
    assert life.figures["goals.time"].value == pytest.approx(4.75)
    assert life.figures["goals.distance"].value == pytest.approx(0.0, abs=1e-9)


def test_velocities_are_in_force_from_their_state_to_the_next_word(bag: Any, tmp_path: Path) -> None:
    told(bag, 100, ticket=1, mode="velocity", velocity=(0.4, 0.0, 0.1))
    told(bag, 1100, ticket=1, mode="velocity", velocity=(0.8, 0.0, 0.0))
    told(bag, 1500, ended=1, ending=Ending.TIMED_OUT)
    episode = episode_of(bag.save(tmp_path / "velocity"))
    speed = episode.velocity_command[:, 0]
    assert np.isnan(speed[:100]).all() and np.isnan(speed[1500:]).all()
    assert (speed[100:1100] == 0.4).all() and (speed[1100:1500] == 0.8).all() and (episode.velocity_command[100:1100, 2] == 0.1).all()


def test_texts_of_a_lock_step_recording(bag: Any, tmp_path: Path) -> None:
    told(bag, 100, ticket=1, mode="walk", asked="walk 1 m", text="walking 1.00 m at 0.60 m/s")
    told(bag, 200, ended=1, text="done: walking 1.00 m at 0.60 m/s; went 1.00 m in 2.5 s; standing")
    told(bag, 300, asked="fly", text="refused: I cannot fly")
    told(bag, 400, ticket=2, mode="walk", velocity=(0.6, 0.0, 0.0), asked="walk", text="walking at 0.60 m/s")
    told(bag, 500, ticket=3, mode="walk", asked="walk 9 m", text="walking 9.00 m at 0.60 m/s")
    told(bag, 500, ticket=3, mode="walk", ended=2, ending=Ending.PREEMPTED)
    told(bag, 600, ticket=4, mode="velocity", velocity=(0.6, 0.0, 0.0), ended=3, ending=Ending.PREEMPTED)
    (life,) = evaluate_recordings([bag.save(tmp_path / "texts")]).lives
    assert [(t.text, t.understood, t.ended) for t in life.texts] == [
        ("walk 1 m", True, ""),
        ("fly", False, ""),
        ("walk", True, "something else was asked for"),
        ("walk 9 m", True, "something else was asked for"),
    ]
    figures = life.figures
    assert (figures["texts.understood"].value, figures["texts.done"].value, figures["texts.time"].value) == (0.75, 1.0, pytest.approx(2.5))


def test_a_recorder_that_came_late_knows_what_was_under_way(recorded: Any, tmp_path: Path) -> None:
    """Whoever comes late to `activity` is told what was before, too: that is not part of the recording."""
    bag = recorded.layout().status(0).ticks(400, 400)
    told(bag, 10, ticket=1, mode="walk", asked="walk 1 m", text="walking 1.00 m")
    told(bag, 90, ended=1, text="done: walking 1.00 m; standing")
    told(bag, 100, ticket=2, mode="goal", goal=(3.0, 0.0, None))
    told(bag, 200, ended=2, ending=Ending.MISSED)
    told(bag, 300, ticket=3, mode="goal", goal=(5.0, 0.0, None))
    told(bag, 600, ended=3, ending=Ending.SUCCEEDED)
    (life,) = evaluate_recordings([bag.save(tmp_path / "late")]).lives
    assert [g.ticket for g in life.goals] == [3] and not life.texts
    assert (life.figures["goals.reached"].value, life.figures["goals.reached"].n) == (1.0, 1)
    assert life.figures["goals.time"].value == pytest.approx((490 - 300) * 0.025)


def test_without_activity_the_goals_that_were_published_count(recorded: Any, tmp_path: Path) -> None:
    bag = recorded.layout().status(0).ticks(0, 800)
    types = bag.types.store.types
    make = bag.maker()
    point, any_heading = make._vector(np.array([3.005, 0.0, 0.0]), "Point"), make._make("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=0.0, w=0.0)
    pose = types["geometry_msgs/msg/Pose"](position=point, orientation=any_heading)
    stamped = types["geometry_msgs/msg/PoseStamped"](header=make._header(0), pose=pose)
    bag.put("goal_pose", "geometry_msgs/msg/PoseStamped", 99 * PERIOD_NS + 1, stamped)
    evaluation = evaluate_recordings([bag.save(tmp_path / "older")])
    assert evaluation.figures["goals.reached"].value == 1.0
    assert evaluation.figures["goals.time"].value == pytest.approx((291 - 99) * 0.025)  # it came after state 99
    assert "sent by an action" in evaluation.recordings[0].missing["activity"]


def test_pushes_of_the_simulator(bag: Any, tmp_path: Path) -> None:
    bag.types.require("kinesis_msgs/msg/AppliedPush")
    make = bag.maker()
    message = make._make("AppliedPush", header=make._header(50 * PERIOD_NS), body_part="torso", force=make._vector(np.array([0.0, 60.0, 0.0])), duration=0.2)
    bag.put("applied_push", "kinesis_msgs/msg/AppliedPush", 50 * PERIOD_NS + 1, message)
    (life,) = evaluate_recordings([bag.save(tmp_path / "pushed")]).lives
    (push,) = life.pushes
    assert (push.stamp_ns, push.duration_s, push.force, push.part) == (50 * PERIOD_NS, 0.2, (0.0, 60.0, 0.0), "torso")
    assert life.figures["push.recovered"].value == 1.0
