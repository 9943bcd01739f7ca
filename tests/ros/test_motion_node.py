"""The motion node as a process, with a body that goes where the reference says: topics, actions, refusals."""

import math

import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("kinesis_msgs.action")
pytest.importorskip("h5py")

from action_msgs.msg import GoalStatus
from following_body import FollowingBody
from geometry_msgs.msg import TwistStamped
from kinesis_msgs.action import ReachGoal, TrackMotion
from kinesis_msgs.msg import ControlStatus
from ros_domains import new_domain
from ros_graph import Processes
from talking import Talk, ahead, wait

from kinesis_control.motion.clip import MotionClip

DOMAIN = new_domain()


def standing_clip(body, name: str, seconds: float) -> MotionClip:
    n, bodies = round(40 * seconds) + 1, len(body.key_body_names)
    zeros = np.zeros((n, 3))
    joints = np.zeros((n, len(body.joint_names)))
    joints[:, 0] = 0.2 * np.sin(np.linspace(0.0, 4.0 * math.pi, n))
    return MotionClip(
        name=name, rate_hz=40.0, root_position=zeros + np.array([0.0, 0.0, body.standing_height]), root_quaternion=np.tile([1.0, 0.0, 0.0, 0.0], (n, 1)),
        root_linear_velocity=zeros, root_angular_velocity=zeros, joint_position=joints, joint_velocity=np.gradient(joints, 0.025, axis=0),
        key_body_position=np.zeros((n, bodies, 3)), contact=np.ones((n, len(body.contact_names))),
    )  # fmt: skip


def write_library(path, body) -> None:
    from kinesis_control.motion.library_writer import LibraryWriter

    with LibraryWriter(path, body) as library:
        for name in ("nod_slow", "nod_fast"):
            library.add(standing_clip(body, name, 2.0))


@pytest.fixture(scope="module")
def graph(legs80, made_up, tmp_path_factory):
    """(body, processes) with a motion node that has a library."""
    folder = tmp_path_factory.mktemp("motion")
    write_library(folder / "nods.h5", legs80)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
        processes = Processes(DOMAIN, folder)
        processes.start("motion", f"policy:='{made_up}'", f"library:='{folder / 'nods.h5'}'")
        body = FollowingBody(DOMAIN, legs80)
        try:
            wait(processes, lambda: body.ready, "every endpoint")
            body.start()
            wait(processes, lambda: body.motions, "the first reference")
            yield body, processes
        finally:
            try:
                codes = processes.end()
            finally:
                body.close()
    assert codes == {"motion": 0}


@pytest.fixture
def talk(graph):
    """Helpers of a test; the body stands before and after it."""
    body, processes = graph
    talk = Talk(body, processes)

    def stand():
        body.fall = body.stuck = body.still = False
        seq = body.state.seq
        talk.wait(lambda: body.state.seq > seq + 2, "a state without a fall to be answered")
        talk.say("stop", "standing")

    stand()
    yield talk
    stand()


def test_words_go_from_text_to_place(talk):
    before = talk.body.place()
    since = len(talk.body.replies)
    assert "1.50 m" in talk.say("walk forward 1.5 metres", "walking")
    talk.reply(since, "done: walking")
    assert np.hypot(*(talk.body.place() - before)) == pytest.approx(1.5, abs=0.25)  # a stop waits for its phase: half a step to either side


def test_what_cannot_be_is_refused(talk):
    assert talk.say("do a backflip", "I can").startswith("refused")
    assert talk.say("walk backwards", "refused").startswith("refused:")
    assert talk.say("x" * 100_000, "not understood")


def test_goals_of_a_topic(talk):
    x, y = talk.body.place() + ahead(talk, 2.0)
    since = len(talk.body.replies)
    assert "facing" not in talk.goal(float(x), float(y), "walking to", frame="map")
    talk.reply(since, "goal reached")
    assert np.hypot(*(talk.body.place() - (x, y))) < 0.3


@pytest.mark.parametrize(
    ("goal", "why"),
    [
        ((1.0, 0.0, "moon", 1.0), "expected one of odom, map"),
        ((math.nan, 0.0, "odom", 1.0), "finite"),
        ((1000.0, 0.0, "odom", 1.0), "at most 100 m"),
        ((1.0, 0.0, "odom", math.inf), "finite"),
    ],
)
def test_bad_goals_are_refused(talk, goal, why):
    x, y, frame, w = goal
    assert why in talk.goal(x, y, "goal refused", frame, w)


def test_a_velocity_is_followed_and_left(talk):
    since = len(talk.body.replies)
    twist = TwistStamped()
    twist.twist.linear.x, twist.twist.linear.y = 0.7, 0.2
    before = talk.body.place()

    def moved() -> bool:
        talk.body.velocity.publish(twist)
        return bool(np.hypot(*(talk.body.place() - before)) > 0.1)

    talk.wait(moved, "the body to follow")
    assert "0.00 m/s to the left" in talk.reply(since, "limited")
    talk.reply(since, "no velocity command for a while")


def test_reach_goal_succeeds_with_feedback(talk):
    heard = []
    goal = talk.reach(*ahead(talk, 1.5))
    _, future = talk.act(talk.body.reach, goal, lambda message: heard.append(message.feedback.distance))
    status, result = talk.result(future)
    assert status == GoalStatus.STATUS_SUCCEEDED and result.success and result.reason == ReachGoal.Result.SUCCEEDED
    assert result.distance < 0.3 and result.time_taken > 1.0 and "goal reached" in result.message
    talk.wait(lambda: len(heard) > 3, "the feedback")
    assert heard[0] > heard[-1]


def test_reach_goal_is_cancelled_preempted_refused_and_timed_out(talk):
    talk.body.still = True  # however late what calls the goal off, it is not reached before
    handle, future = talk.act(talk.body.reach, talk.reach(5.0, 0.0))
    handle.cancel_goal_async()
    status, result = talk.result(future)
    assert status == GoalStatus.STATUS_CANCELED and result.reason == ReachGoal.Result.CANCELED and not result.success
    _, future = talk.act(talk.body.reach, talk.reach(5.0, 0.0))
    talk.say("walk", "walking")
    status, result = talk.result(future)
    assert status == GoalStatus.STATUS_ABORTED and result.reason == ReachGoal.Result.PREEMPTED and "new words" in result.message
    status, result = talk.result(talk.act(talk.body.reach, talk.reach(500.0, 0.0))[1])
    assert status == GoalStatus.STATUS_ABORTED and result.reason == ReachGoal.Result.REFUSED and "at most 100 m" in result.message
    talk.body.still = False
    status, result = talk.result(talk.act(talk.body.reach, talk.reach(5.0, 0.0, time_limit=0.5))[1])
    assert result.reason == ReachGoal.Result.TIMED_OUT and result.time_taken == pytest.approx(0.5, abs=0.1)


def test_a_clip_is_tracked_by_name(talk):
    heard = []
    goal = TrackMotion.Goal(motion="nod_slow")
    _, future = talk.act(talk.body.track, goal, lambda message: heard.append(message.feedback.clip_time))
    status, result = talk.result(future)
    assert status == GoalStatus.STATUS_SUCCEEDED and result.success
    assert result.frames_tracked == pytest.approx(81, abs=2) and result.mean_joint_error < 0.05
    assert heard == sorted(heard) and "nod_slow" in talk.body.motions


def test_an_unknown_clip_offers_the_nearest(talk):
    _, result = talk.result(talk.act(talk.body.track, TrackMotion.Goal(motion="nod_slwo"))[1])
    assert result.reason == TrackMotion.Result.REFUSED and "nearest: nod_slow" in result.message


def test_an_endless_clip_is_cancelled(talk):
    handle, future = talk.act(talk.body.track, TrackMotion.Goal(motion="nod_fast", repetitions=0))
    seq = talk.body.state.seq
    talk.wait(lambda: talk.body.state.seq > seq + 200, "two repetitions")
    handle.cancel_goal_async()
    status, result = talk.result(future)
    assert status == GoalStatus.STATUS_CANCELED and result.frames_tracked > 160


def test_an_estop_and_a_fall_end_actions_with_the_reason(talk):
    talk.body.still = True  # neither goal is reached before the news arrive
    _, future = talk.act(talk.body.reach, talk.reach(5.0, 0.0))
    talk.body.say_state(ControlStatus.ESTOPPED)
    _, result = talk.result(future)
    assert result.reason == ReachGoal.Result.STOPPED and "e-stopped" in result.message
    assert "e-stopped" in talk.say("walk", "refused")
    talk.body.say_state(ControlStatus.ACTIVE)
    talk.wait(lambda: "walking" in talk.say("walk", ""), "the release to arrive")
    _, future = talk.act(talk.body.reach, talk.reach(5.0, 0.0))
    talk.body.fall = True
    _, result = talk.result(future)
    assert result.reason == ReachGoal.Result.FALLEN
    assert "fallen" in talk.say("walk", "refused")


@pytest.fixture
def command_line(monkeypatch):
    monkeypatch.setenv("ROS_DOMAIN_ID", str(DOMAIN))
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    from kinesis_cli.main import main

    return main


def test_the_command_line_waits_for_the_end(talk, command_line, capsys):
    x, y = talk.body.place() + ahead(talk, 1.0)
    assert command_line(["goto", f"{x:.3f}", f"{y:.3f}", "--wait"]) == 0
    assert "goal reached within" in capsys.readouterr().out
    assert command_line(["goto", "1000", "0", "--wait"]) == 6
    assert "at most 100 m" in capsys.readouterr().err


def test_a_clip_is_played_from_the_command_line(talk, command_line, capsys):
    assert command_line(["motions", "play", "nod_fast", "--times", "2", "--speed", "2"]) == 0
    assert "done: playing 'nod_fast'" in capsys.readouterr().out
    assert command_line(["motions", "play", "bow"]) == 6
    assert "no clip 'bow' among 2" in capsys.readouterr().err


def test_a_library_of_another_body_ends_the_node(legs80, made_up, tmp_path):
    from dataclasses import replace

    path = tmp_path / "other.h5"
    write_library(path, replace(legs80, name="other", model_hash="0" * 16))
    processes = Processes(new_domain(), tmp_path)
    processes.start("motion", f"policy:='{made_up}'", f"library:='{path}'")
    body = FollowingBody(processes.domain, legs80)
    try:
        assert processes.wait("motion") not in (0, None)
        assert "another body" in processes.log("motion")
    finally:
        processes.end()
        body.close()


def test_matching_without_a_library_is_refused(made_up, tmp_path):
    processes = Processes(new_domain(), tmp_path)
    processes.start("motion", f"policy:='{made_up}'", "source:=matching")
    assert processes.wait("motion") == 2
    assert "without a library" in processes.log("motion")
