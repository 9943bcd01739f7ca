"""Saying, going and acting through a running motion node, with a body that goes where the reference says."""

import math
import time

from geometry_msgs.msg import PoseStamped
from kinesis_msgs.action import ReachGoal
from std_msgs.msg import String

from kinesis_control.motion.generator import heading

PATIENCE_S = 120.0


def wait(processes, condition, what):
    deadline = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        processes.require_alive()
        assert time.monotonic() < deadline, f"waited too long for {what}:\n{processes.log('motion')[-2000:]}"
        time.sleep(0.005)
    return value


class Talk:
    def __init__(self, body, processes):
        self.body, self._processes = body, processes

    def wait(self, condition, what):
        return wait(self._processes, condition, what)

    def reply(self, since: int, part: str) -> str:
        return self.wait(lambda: next((r for r in self.body.replies[since:] if part in r), ""), f"'{part}' in {self.body.replies[since:]}")

    def say(self, text: str, part: str) -> str:
        since = len(self.body.replies)
        self.body.text.publish(String(data=text))
        return self.reply(since, part)

    def goal(self, x: float, y: float, part: str, frame: str = "odom", w: float = 0.0) -> str:
        since = len(self.body.replies)
        message = PoseStamped()
        message.header.frame_id = frame
        message.pose.position.x, message.pose.position.y, message.pose.orientation.w = x, y, w
        self.body.goal.publish(message)
        return self.reply(since, part)

    def act(self, client, goal, feedback=None):
        """An accepted goal handle and the future of its result."""
        sent = self.body.act(client, goal, feedback)
        self.wait(sent.done, "an answer of the action")
        assert sent.result().accepted
        return sent.result(), sent.result().get_result_async()

    def result(self, future):
        self.wait(future.done, "a result")
        return future.result().status, future.result().result

    def reach(self, x: float, y: float, **more) -> ReachGoal.Goal:
        place = self.body.place()
        goal = ReachGoal.Goal(**more)
        goal.goal.header.frame_id = "odom"
        goal.goal.pose.position.x, goal.goal.pose.position.y = float(place[0]) + x, float(place[1]) + y
        return goal


def ahead(talk, metres: float) -> tuple[float, float]:
    """Offset of a place straight ahead of the body."""
    yaw = float(heading(talk.body.state.root_quaternion))
    return metres * math.cos(yaw), metres * math.sin(yaw)
