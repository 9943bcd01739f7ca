"""A body's edge that needs no physics: its next state is what the reference asked for. Served by a thread."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import rclpy
from geometry_msgs.msg import PoseStamped, TwistStamped
from kinesis_msgs.action import ReachGoal, TrackMotion
from kinesis_msgs.msg import BodyState as BodyStateMessage
from kinesis_msgs.msg import ControlStatus, MuscleLayout
from kinesis_msgs.msg import ReferenceWindow as ReferenceMessage
from rclpy.action import ActionClient
from rclpy.executors import SingleThreadedExecutor
from std_msgs.msg import String

from kinesis_control.body_state import BodyDescription, BodyState
from kinesis_control.ros import qos
from kinesis_control.ros.convert import BodyStateWriter, layout_message

PERIOD_NS = 25_000_000


class FollowingBody:
    """Publishes states in lock-step with a motion node.

    Attributes:
        state: the present one.
        replies: everything on `text_reply`.
        motions: every name of a motion in a reference.
        fall, stuck: set by the test; who is stuck stays where it is.
        still: set by the test; the present state is sent again and again, and simulated time stands still.
    """

    def __init__(self, domain: int, body: BodyDescription) -> None:
        self._context = rclpy.Context()
        rclpy.init(context=self._context, domain_id=domain)
        self.node = rclpy.create_node("body", context=self._context)
        self.state = BodyState.zeros(body)
        self.state.root_position[2] = body.standing_height
        self.replies: list[str] = []
        self.motions: set[str] = set()
        self.fall = self.stuck = self.still = False
        self._answered = True
        self._writer = BodyStateWriter(body)
        self._states = self.node.create_publisher(BodyStateMessage, "body_state", qos.LOOP)
        self._layout = self.node.create_publisher(MuscleLayout, "muscle_layout", qos.LATCHED)
        self._status = self.node.create_publisher(ControlStatus, "control_status", qos.STATUS)
        self.text = self.node.create_publisher(String, "text_command", qos.GOAL)
        self.goal = self.node.create_publisher(PoseStamped, "goal_pose", qos.GOAL)
        self.velocity = self.node.create_publisher(TwistStamped, "cmd_vel", qos.GOAL)
        self.node.create_subscription(String, "text_reply", lambda m: self.replies.append(m.data), qos.GOAL)
        self.reach = ActionClient(self.node, ReachGoal, "reach_goal")
        self.track = ActionClient(self.node, TrackMotion, "track_motion")
        # The last one: a node from which a reference comes has heard of everything made before.
        self.node.create_subscription(ReferenceMessage, "reference", self._on_reference, qos.LOOP)
        self._layout.publish(layout_message(body))
        self.node.create_timer(0.5, self._on_timer)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._executor.spin, daemon=True)
        self._thread.start()

    @property
    def ready(self) -> bool:
        """Every endpoint has found its partner."""
        topics = (self._states, self._layout, self._status, self.text, self.goal, self.velocity)
        replies = self.node.count_publishers("text_reply") and self.node.count_publishers("reference")
        return bool(replies) and all(p.get_subscription_count() > 0 for p in topics) and self.reach.server_is_ready() and self.track.server_is_ready()

    def start(self) -> None:
        """Send the first state."""
        self._answered = False
        self._send()

    def _send(self) -> None:
        self.state.fallen = self.fall
        self._states.publish(self._writer.write(self.state))

    def _on_timer(self) -> None:
        """The first states may have been sent to someone whom discovery had not matched on both sides yet."""
        if not self._answered:
            self._send()
        self._answered = False

    def _on_reference(self, message: ReferenceMessage) -> None:
        if message.seq != self.state.seq or self.still:
            return
        self._answered = True
        self.motions.add(message.motion)
        if not self.stuck:
            self.state.root_position[:] = message.root_positions[:3]
            x, y, z, w = message.root_orientations[:4]
            self.state.root_quaternion[:] = w, x, y, z
        self.state.joint_position[:] = message.joint_positions[: len(self.state.joint_position)]
        self.state.seq += 1
        self.state.stamp_ns += PERIOD_NS
        self._send()

    def say_state(self, state: int) -> None:
        """Publish a `control_status` of the edge."""
        self._status.publish(ControlStatus(node="body", state=state))

    def act(self, client: ActionClient, goal: Any, feedback: Callable[[Any], None] | None = None) -> Any:
        """Future of the goal handle."""
        return client.send_goal_async(goal, feedback_callback=feedback)

    def place(self) -> np.ndarray:
        return self.state.root_position[:2].copy()

    def close(self) -> None:
        self._executor.shutdown()
        self._thread.join(timeout=60.0)
        self.reach.destroy()
        self.track.destroy()
        self.node.destroy_node()
        rclpy.shutdown(context=self._context)
