"""`activity` and `applied_push` on a real graph: who comes late hears them, and a recording of them is scored whoever asked."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("kinesis_msgs.action")
pytest.importorskip("onnx")

from action_msgs.msg import GoalStatus
from following_body import FollowingBody
from geometry_msgs.msg import Vector3
from kinesis_msgs.msg import Activity, AppliedPush
from kinesis_msgs.srv import Push
from made_up_policy import write_policy
from ros_domains import new_domain
from ros_graph import PATIENCE_S, ROOT, Probe, Processes
from talking import Talk, wait

from kinesis_control.evaluate.report_evaluation import evaluate_recordings
from kinesis_control.ros import qos

COMMANDS = {"min_speed": -0.5, "max_speed": 1.4, "max_lateral": 0.3, "max_yaw_rate": 0.6, "max_turn_in_place": 0.8, "creep": [0.4, 0.2, 0.5]}


@pytest.fixture
def talk(legs80, tmp_path):
    """Helpers of a test, on a graph of its own with a body that goes where the reference says."""
    policy, domain = write_policy(tmp_path / "creeping.onnx", legs80, training={"commands": COMMANDS}), new_domain()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
        processes = Processes(domain, tmp_path)
        processes.start("motion", f"policy:='{policy}'")
        body = FollowingBody(domain, legs80)
        talk = Talk(body, processes)
        talk.domain = domain
        try:
            wait(processes, lambda: body.ready, "every endpoint")
            yield talk
        finally:
            codes = processes.end()
            body.close()
    assert codes == {"motion": 0}


@contextmanager
def recording(talk: Talk, path: Path) -> Iterator[None]:
    """A recorder in the domain of a test, from when it listens until it has written everything."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ROS_DOMAIN_ID": str(talk.domain), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
    command = [sys.executable, "-m", "kinesis_control.nodes.recorder_node", "--ros-args", "-p", f"output:='{path}'", "-p", "clock:=lockstep"]
    recorder = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def listens(topic: str) -> bool:
        assert recorder.poll() is None, recorder.communicate()[0]
        return any(info.node_name == "recorder_node" for info in talk.body.node.get_subscriptions_info_by_topic(topic))

    try:
        for topic in ("body_state", "activity", "reference"):
            talk.wait(lambda topic=topic: listens(topic), f"the recorder to listen to {topic}")
        yield
        recorder.send_signal(signal.SIGINT)
        output, _ = recorder.communicate(timeout=PATIENCE_S)
        assert recorder.returncode == 0 and "/activity" in output, output
    finally:
        recorder.kill()
        recorder.communicate()


def test_goals_by_action_are_in_the_recording_and_scored(talk, tmp_path):
    body = talk.body
    with recording(talk, tmp_path / "bag"):
        body.start()
        wait(talk._processes, lambda: body.motions, "the first reference")
        _, future = talk.act(body.reach, talk.reach(1.0, 0.0))
        assert talk.result(future)[0] == GoalStatus.STATUS_SUCCEEDED
        handle, future = talk.act(body.reach, talk.reach(9.0, 0.0))
        seq = body.state.seq
        talk.wait(lambda: body.state.seq > seq + 40, "a second on the way")
        handle.cancel_goal_async()
        assert talk.result(future)[0] == GoalStatus.STATUS_CANCELED
        talk.say("turn left 90 degrees", "done: ")
        seq = body.state.seq
        talk.wait(lambda: body.state.seq > seq + 40, "states after the last word")
    (life,) = evaluate_recordings([tmp_path / "bag"]).lives
    reached = life.figures["goals.reached"]
    assert (reached.value, reached.n, reached.note) == (1.0, 1, "1 called off before the end")
    assert 0.5 < life.figures["goals.time"].value < 30.0 and life.figures["goals.distance"].value <= 0.1
    assert [e.ending for e in life.goal_ends] == ["succeeded", "canceled"]
    assert (life.figures["texts.understood"].value, life.figures["texts.done"].value) == (1.0, 1.0)  # although it is a lock-step recording


def test_who_comes_late_hears_what_is_under_way(talk):
    body = talk.body
    body.start()
    wait(talk._processes, lambda: body.motions, "the first reference")
    talk.say("walk", "walk")
    heard = []
    body.node.create_subscription(Activity, "activity", heard.append, qos.ACTIVITY)
    talk.wait(lambda: any(m.asked == "walk" and m.mode == "walk" and m.velocity for m in list(heard)), "the walk that is under way")
    assert heard[0].mode == "stand" and heard[0].ticket == 0


def test_pushes_are_told_as_they_act(tmp_path):
    processes = Processes(new_domain(), tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
        processes.start("sim")
        probe = Probe(processes)
        try:
            client = probe.client(Push, "push")
            assert not probe.ask(client, Push.Request(force=Vector3(x=1.0), duration=-1.0)).success
            assert probe.ask(client, Push.Request(force=Vector3(x=30.0, y=-10.0), duration=0.2)).success
            heard = []
            probe.node.create_subscription(AppliedPush, "applied_push", heard.append, qos.ACTIVITY)
            push = probe.wait(lambda: list(heard), "the push that was taken on")[0]
            assert (push.force.x, push.force.y, push.duration, push.header.frame_id) == (pytest.approx(30.0), pytest.approx(-10.0), 0.2, "odom")
            assert push.body_part and len(heard) == 1
        finally:
            codes = processes.end()
            probe.close()
    assert codes == {"sim": 0}
