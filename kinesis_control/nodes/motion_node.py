"""Turns words, goals and velocity commands into a reference window in answer to each body state."""

import math
import sys
import time

import numpy as np
from geometry_msgs.msg import PoseStamped, TwistStamped
from kinesis_msgs.msg import BodyState as BodyStateMessage
from kinesis_msgs.msg import MuscleLayout
from kinesis_msgs.msg import ReferenceWindow as ReferenceMessage
from rclpy.node import Node
from std_msgs.msg import String

from kinesis_control.body_state import BodyDescription, BodyState
from kinesis_control.contract import Contract, read_contract
from kinesis_control.errors import ConfigurationError, KinesisError, UnavailableError
from kinesis_control.motion.generator import GaitGenerator
from kinesis_control.motion.plan import MotionPlan, PlanLimits
from kinesis_control.motion.words import parse
from kinesis_control.reference import ReferenceWindow
from kinesis_control.ros import qos
from kinesis_control.ros.convert import ReferenceWriter, read_body_state, read_layout, time_ns
from kinesis_control.ros.parameters import declare, declare_strings
from kinesis_control.ros.reporting import OK, Diagnosis, Reporter
from kinesis_control.ros.running import Ending, run_node
from kinesis_control.safety.arming import ControlState

GOAL_FRAMES = ("odom", "map", "world", "")
"""Frames in which a goal is taken; with nothing to localise by, they are one."""

STATUS_S = 0.5
"""Time on the clock of the states between two `control_status` [s]."""


def read_script(lines: list[str]) -> list[tuple[int, str]]:
    """Commands at simulated times, from texts "TIME text"; returns (time [ns], text) by rising time.

    Raises:
        ConfigurationError: a line does not begin with a time, or says nothing.
    """
    script = []
    for line in lines:
        head, _, text = line.strip().partition(" ")
        try:
            at = float(head)
        except ValueError:
            at = math.nan
        if not (0.0 <= at < math.inf and text.strip()):
            raise ConfigurationError(f"script: got '{line}', expected 'TIME text' with a time in seconds, for example '1.0 walk'")
        script.append((round(at * 1e9), text.strip()))
    return sorted(script, key=lambda entry: entry[0])


class MotionNode(Ending, Node):
    """What was asked for last, as a reference."""

    def __init__(self) -> None:
        super().__init__("motion_node")
        path = declare(self, "policy", "", "Policy file whose contract gives rate and reference times.")
        script = declare_strings(self, "script", "Commands at simulated times, each 'TIME text'.")
        self._velocity_timeout = declare(self, "cmd_vel_timeout_s", 0.5, "A velocity is followed so long after it came [s, wall clock].", low=0.05, high=10.0)
        if not path:
            raise UnavailableError("parameter 'policy' is empty, expected the path of an ONNX file")
        self._contract: Contract = read_contract(path)
        self._script = read_script(script)
        self._period = self._contract.control_dt_s
        self._status_ticks = max(round(STATUS_S / self._period), 1)
        # Simulated time may run much faster than the sender's: while a velocity is young on the wall clock, each state renews it.
        self._plan = MotionPlan(PlanLimits(velocity_timeout=2.0 * self._period))
        self._velocity = (0.0, 0.0)
        self._velocity_came = -math.inf
        self._generator: GaitGenerator | None = None
        self._publisher = self.create_publisher(ReferenceMessage, "reference", qos.LOOP)
        self._replies = self.create_publisher(String, "text_reply", qos.GOAL)
        self._reporter = Reporter(self, self._diagnose)
        self._reporter.watch(self._publisher)
        self._subscribe()

    def _subscribe(self) -> None:
        self.create_subscription(MuscleLayout, "muscle_layout", self._on_layout, qos.LATCHED)
        self._reporter.watch(self.create_subscription(BodyStateMessage, "body_state", self._on_state, qos.LOOP))
        self.create_subscription(TwistStamped, "cmd_vel", self._on_velocity, qos.GOAL)
        self.create_subscription(PoseStamped, "goal_pose", self._on_goal, qos.GOAL)
        self.create_subscription(String, "text_command", lambda message: self._say(message.data), qos.GOAL)

    def _on_layout(self, message: MuscleLayout) -> None:
        try:
            self._prepare(read_layout(message))
        except KinesisError as error:
            self.get_logger().fatal(str(error))
            self.end(error.exit_code)

    def _prepare(self, body: BodyDescription) -> None:
        self._layout_hash = body.muscles.hash
        self._state = BodyState.zeros(body)
        self._generator = GaitGenerator(body, np.array(self._contract.reference_offsets_s))
        self._writer = ReferenceWriter(body, self._generator.window)
        self._episode, self._stamp_ns = -1, 0
        self._reporter.status.body = body.name
        self.get_logger().info(f"gait of body '{body.name}' is ready")

    def _on_state(self, message: BodyStateMessage) -> None:
        generator = self._generator
        if generator is None:
            return
        try:
            state = read_body_state(message, self._layout_hash, self._state)
        except KinesisError as error:
            self.get_logger().error(str(error), once=True)
            return
        window = self._next_window(generator, state)
        self._publisher.publish(self._writer.write(window))
        self._reporter.settled = True
        if state.seq % self._status_ticks == 0:
            self._report()

    def _next_window(self, generator: GaitGenerator, state: BodyState) -> ReferenceWindow:
        if state.first_non_finite() is not None:
            # Nothing can be planned from it and nothing of it may stay: the last window is sent once more.
            generator.window.seq, generator.window.stamp_ns = state.seq, state.stamp_ns
            return generator.window
        now_s = 1e-9 * state.stamp_ns
        if state.episode != self._episode:
            if self._episode >= 0:
                self._plan.stop()
            generator.reset(state)
            self._episode, self._stamp_ns = state.episode, state.stamp_ns
        self._take_orders(state, now_s)
        self._reply(self._plan.update(state, now_s))
        dt = 1e-9 * (state.stamp_ns - self._stamp_ns)
        self._stamp_ns = state.stamp_ns
        return generator.update(state, self._plan.command, dt)

    def _take_orders(self, state: BodyState, now_s: float) -> None:
        """What is due: lines of the script, and a velocity that is still young."""
        while self._script and self._script[0][0] <= state.stamp_ns:
            self._say(self._script.pop(0)[1])
        if self._plan.mode == "velocity" and time.monotonic() - self._velocity_came < self._velocity_timeout:
            self._plan.velocity(*self._velocity, now_s)

    def _say(self, text: str) -> None:
        reply = self._plan.say(text)
        self._reply(reply if parse(text).understood else f"refused: {reply}")

    def _on_velocity(self, message: TwistStamped) -> None:
        stamp_ns = time_ns(message.header.stamp)
        now_ns = self._state.stamp_ns if self._generator else 0
        if 0 < stamp_ns < now_ns - round(1e9 * self._velocity_timeout):
            self._reply(f"velocity refused: it is {1e-9 * (now_ns - stamp_ns):.1f} s old, expected at most {self._velocity_timeout:g} s")
            return
        velocity = (message.twist.linear.x, message.twist.angular.z)
        remark = self._plan.velocity(*velocity, 1e-9 * now_ns)
        self._velocity_came = time.monotonic()
        if velocity != self._velocity or "refused" in remark:
            self._reply(remark)
        self._velocity = velocity

    def _on_goal(self, message: PoseStamped) -> None:
        if self._generator is None or self._episode < 0:
            self._reply("goal refused: there is no body state yet")
        elif message.header.frame_id.lstrip("/") not in GOAL_FRAMES:
            self._reply(f"goal refused: got frame '{message.header.frame_id}', expected one of {', '.join(GOAL_FRAMES[:-1])}")
        else:
            self._reply(self._plan.goal(message.pose.position.x, message.pose.position.y, self._state))

    def _reply(self, text: str) -> None:
        if text:
            self._replies.publish(String(data=text))
            self.get_logger().info(text)

    def _report(self) -> None:
        status = self._reporter.status
        status.state, status.mode, status.ticks = int(ControlState.ACTIVE), self._plan.mode, self._state.seq
        self._reporter.send_status(self._state.stamp_ns)

    def _diagnose(self) -> Diagnosis:
        text = "waiting for a body" if self._generator is None else self._plan.mode
        values = {"speed": f"{float(self._plan.command.speed):.2f}", "yaw_rate": f"{float(self._plan.command.yaw_rate):.2f}"}
        return OK, text, values


def main() -> None:
    """Run the node."""
    sys.exit(run_node(MotionNode, "motion_node"))


if __name__ == "__main__":
    main()
