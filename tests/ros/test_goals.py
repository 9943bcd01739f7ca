"""Goals and amounts on a graph whose policy can step any way at once: they end exactly, and the result says so."""

import math

import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("kinesis_msgs.action")
pytest.importorskip("onnx")

from action_msgs.msg import GoalStatus
from following_body import FollowingBody
from kinesis_msgs.action import ReachGoal
from made_up_policy import write_policy
from ros_domains import new_domain
from ros_graph import Processes
from talking import Talk, wait

from kinesis_control.motion.generator import heading

COMMANDS = {"min_speed": -0.5, "max_speed": 1.4, "max_lateral": 0.3, "max_yaw_rate": 0.6, "max_turn_in_place": 0.8, "creep": [0.4, 0.2, 0.5]}


@pytest.fixture(scope="module")
def talk(legs80, tmp_path_factory):
    """Helpers of a test, on a graph of their own."""
    folder = tmp_path_factory.mktemp("goals")
    policy = write_policy(folder / "creeping.onnx", legs80, training={"commands": COMMANDS})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
        processes = Processes(new_domain(), folder)
        processes.start("motion", f"policy:='{policy}'")
        body = FollowingBody(processes.domain, legs80)
        try:
            wait(processes, lambda: body.ready, "every endpoint")
            body.start()
            wait(processes, lambda: body.motions, "the first reference")
            yield Talk(body, processes)
        finally:
            try:
                codes = processes.end()
            finally:
                body.close()
    assert codes == {"motion": 0}


def yaw_of(talk: Talk) -> float:
    return float(heading(talk.body.state.root_quaternion))


@pytest.mark.parametrize(("x", "y", "turn"), [(1.0, 0.5, 1.5), (-0.6, 0.1, 0.0), (0.05, 0.0, -1.0)])
def test_a_goal_ends_at_its_place_and_heading(talk, x, y, turn):
    heard = []
    goal, yaw = talk.reach(x, y, use_heading=True), yaw_of(talk) + turn
    goal.goal.pose.orientation.z, goal.goal.pose.orientation.w = math.sin(0.5 * yaw), math.cos(0.5 * yaw)
    _, future = talk.act(talk.body.reach, goal, lambda message: heard.append((message.feedback.distance, message.feedback.heading_error)))
    status, result = talk.result(future)
    assert status == GoalStatus.STATUS_SUCCEEDED and result.reason == ReachGoal.Result.SUCCEEDED, result.message
    assert result.distance <= 0.1 and abs(result.heading_error) <= math.radians(10.0) and "goal reached" in result.message
    wanted = np.array([goal.goal.pose.position.x, goal.goal.pose.position.y])
    assert np.hypot(*(talk.body.place() - wanted)) <= 0.1 and abs(math.remainder(yaw_of(talk) - yaw, math.tau)) <= math.radians(10.0)
    talk.wait(lambda: heard, "a feedback")
    assert all(math.isfinite(value) for pair in heard for value in pair)


@pytest.mark.parametrize(
    ("text", "ahead", "aside", "turn"),
    [("walk forward 1.5 metres", 1.5, 0.0, 0.0), ("side step left 0.5 metres", 0.0, 0.5, 0.0), ("turn right 90 degrees", 0.0, 0.0, -90.0)],
)
def test_amounts_are_exact(talk, text, ahead, aside, turn):
    place, yaw, since = talk.body.place(), yaw_of(talk), len(talk.body.replies)
    talk.say(text, "")
    talk.reply(since, "done: ")
    dx, dy = talk.body.place() - place
    gone = math.cos(yaw) * dx + math.sin(yaw) * dy, math.cos(yaw) * dy - math.sin(yaw) * dx
    assert gone == (pytest.approx(ahead, abs=0.1), pytest.approx(aside, abs=0.1))
    assert math.degrees(math.remainder(yaw_of(talk) - yaw - math.radians(turn), math.tau)) == pytest.approx(0.0, abs=10.0)


def test_a_goal_that_does_not_come_nearer_is_given_up_with_the_reason(talk):
    talk.body.stuck = True
    _, future = talk.act(talk.body.reach, talk.reach(0.4, 0.0))
    status, result = talk.result(future)
    talk.body.stuck = False
    assert status == GoalStatus.STATUS_ABORTED and result.reason == ReachGoal.Result.MISSED
    assert "missed by 0.40 m, came no nearer" in result.message and result.distance == pytest.approx(0.4, abs=0.05)
