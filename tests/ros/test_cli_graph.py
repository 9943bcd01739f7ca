"""The commands that talk to a graph, against a stand-in for one on real ROS 2."""

import itertools
import json
import threading
import time
from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("kinesis_msgs")

import rclpy
from geometry_msgs.msg import PoseStamped, TwistStamped
from kinesis_msgs.msg import ControlStatus
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from ros_domains import new_domain
from std_msgs.msg import String
from std_srvs.srv import Trigger

from kinesis_cli import drive
from kinesis_cli import graph as cli_graph
from kinesis_cli.main import main
from kinesis_control.motion.plan import MotionPlan
from kinesis_control.motion.words import parse
from kinesis_control.ros import qos

DOMAIN, EMPTY_DOMAIN = str(new_domain()), str(new_domain())


class StandIn:
    """What the commands need of a graph, and a note of all that came."""

    def __init__(self) -> None:
        self.context = rclpy.Context()
        rclpy.init(context=self.context, signal_handler_options=SignalHandlerOptions.NO)
        self.node = rclpy.create_node("sim_node", context=self.context)
        self.goals, self.twists, self.calls = [], [], []
        self.reply = self.node.create_publisher(String, "text_reply", qos.GOAL)
        plan = MotionPlan()
        self.node.create_subscription(String, "text_command", lambda m: self.reply.publish(String(data=plan.say(parse(m.data)))), qos.GOAL)
        self.node.create_subscription(PoseStamped, "goal_pose", self.on_goal, qos.GOAL)
        self.node.create_subscription(TwistStamped, "cmd_vel", self.twists.append, qos.GOAL)
        for name in ("estop", "reset_estop", "arm", "disarm"):
            self.node.create_service(Trigger, name, lambda request, response, name=name: self.on_call(name, response))
        status = self.node.create_publisher(ControlStatus, "control_status", qos.STATUS)
        message = ControlStatus(node="sim_node", body="legs80", state=ControlStatus.ESTOPPED, fault_names=["ESTOP"], fault_counts=[1])
        self.node.create_timer(0.1, lambda: status.publish(message))
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.thread = threading.Thread(target=self.executor.spin)
        self.thread.start()

    def on_goal(self, message):
        self.goals.append(message)
        far = abs(message.pose.position.x) > 100.0
        self.reply.publish(String(data="goal refused: too far" if far else "walking there"))

    def on_call(self, name, response):
        self.calls.append(name)
        response.success, response.message = name != "arm", f"{name} noted"
        return response

    def wait(self, condition):
        deadline = time.monotonic() + 60.0
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def close(self):
        self.executor.shutdown()
        rclpy.try_shutdown(context=self.context)
        self.thread.join()


@pytest.fixture(scope="module")
def environment():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROS_DOMAIN_ID", DOMAIN)
        patch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
        yield patch


@pytest.fixture(scope="module")
def stand_in(environment):
    stand_in = StandIn()
    yield stand_in
    stand_in.close()


@pytest.mark.parametrize("argv", [["say", "walk"], ["goto", "1", "0"], ["drive", "1"], ["status"], ["arm"]])
def test_no_graph_says_where_was_looked(environment, monkeypatch, capsys, argv):
    monkeypatch.setenv("ROS_DOMAIN_ID", EMPTY_DOMAIN)
    monkeypatch.setattr(cli_graph, "DISCOVERY_S", 0.3)
    monkeypatch.setattr(cli_graph.Graph.require, "__defaults__", (0.3,))
    assert main(argv) == 5
    error = capsys.readouterr().err
    assert f"domain {EMPTY_DOMAIN} " in error and "kinesis sim" in error and error.count("\n") == 1


def test_a_domain_that_cannot_be(environment, monkeypatch, capsys):
    monkeypatch.setenv("ROS_DOMAIN_ID", "233")
    assert main(["status"]) == 2
    assert "0 to 232" in capsys.readouterr().err


def test_a_machine_that_stood_still_costs_no_patience(environment, monkeypatch):
    looks, stops = itertools.count(), itertools.count(0.0, 5.0)  # five seconds are gone with each look at the clock
    with cli_graph.Graph("patient") as graph:
        monkeypatch.setattr(cli_graph, "time", SimpleNamespace(monotonic=lambda: next(stops)))
        assert graph.wait_until(lambda: next(looks) > 3, 1.0)
        assert not graph.wait_until(lambda: False, 1.0)


def test_say_prints_the_answer(stand_in, capsys):
    assert main(["say", "walk", "slowly"]) == 0
    assert "walking at 0.60 m/s" in capsys.readouterr().out


def test_what_is_not_understood_exits_6(stand_in, capsys):
    assert main(["say", "fly"]) == 6
    assert "fly" in capsys.readouterr().err


def test_goto(stand_in, capsys):
    assert main(["goto", "2", "-0.5", "--yaw", "1.5707963"]) == 0
    pose = stand_in.goals[-1]
    assert (pose.header.frame_id, pose.pose.position.x, pose.pose.position.y) == ("odom", 2.0, -0.5)
    assert pose.pose.orientation.z == pytest.approx(2**-0.5) == pose.pose.orientation.w
    assert main(["goto", "1", "1"]) == 0
    free = stand_in.goals[-1].pose.orientation
    assert (free.x, free.y, free.z, free.w) == (0.0, 0.0, 0.0, 0.0)  # any heading
    assert main(["goto", "1000", "0"]) == 6


def test_drive_repeats_itself_and_ends_with_zero(stand_in, capsys, monkeypatch):
    passed = itertools.count(0.0, 0.1)  # a tenth of a second with each look at the clock, however long it was
    monkeypatch.setattr(drive, "time", SimpleNamespace(monotonic=lambda: next(passed)))
    stand_in.twists.clear()
    assert main(["drive", "0.8", "0.2", "--side", "-0.1", "--for", "0.35"]) == 0
    stand_in.wait(lambda: len(stand_in.twists) == 4)
    speeds = [(m.twist.linear.x, m.twist.linear.y, m.twist.angular.z) for m in stand_in.twists]
    assert set(speeds[:-1]) == {(0.8, -0.1, 0.2)} and speeds[-1] == (0.0, 0.0, 0.0)


def test_services_and_their_refusals(stand_in, capsys):
    for word, service in (("estop", "estop"), ("reset", "reset_estop"), ("disarm", "disarm")):
        assert main([word]) == 0
        assert stand_in.calls[-1] == service
        assert capsys.readouterr().out == f"{service} noted\n"
    assert main(["arm"]) == 6
    assert "arm was refused: arm noted" in capsys.readouterr().err


def test_status_as_table_and_as_json(stand_in, capsys, monkeypatch):
    assert main(["status"]) == 0
    assert "estopped" in capsys.readouterr().out
    assert main(["status", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)["sim_node"]
    assert report["faults"] == {"ESTOP": 1} and report["body"] == "legs80"


def test_another_namespace_is_another_graph(stand_in, monkeypatch, capsys):
    monkeypatch.setattr(cli_graph.Graph.require, "__defaults__", (0.3,))
    assert main(["say", "walk", "--namespace", "other"]) == 5
    assert "namespace 'other'" in capsys.readouterr().err
