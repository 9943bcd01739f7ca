"""The viewer's ends in the graph: it reads what comes all the time best effort, and acts only through what everybody may use."""

from collections.abc import Callable
from typing import Any

from geometry_msgs.msg import PoseStamped, TwistStamped
from kinesis_msgs.action import TrackMotion
from kinesis_msgs.msg import Activity, BodyState, ControlStatus, MuscleLayout, ReferenceWindow
from kinesis_msgs.srv import Push, ResetWorld, SetPause, StepSimulation
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.task import Future
from std_msgs.msg import String
from std_srvs.srv import Trigger

from kinesis_control.ros import qos
from kinesis_control.ros.convert import ODOM
from kinesis_sim.viewer.orders import TRIGGERS
from kinesis_sim.viewer.status import OTHERS, goal_of

NEWEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
"""Only the newest message is wanted, and nobody waits until it has arrived."""

NEWS = QoSProfile(depth=50, reliability=ReliabilityPolicy.BEST_EFFORT)

PACE = "real_time_factor"
"""Parameter of the simulator (kinesis_sim/nodes/sim_pace.py)."""

SERVICES = {"set_pause": SetPause, "step_simulation": StepSimulation, "reset_world": ResetWorld, "push": Push}

Tell = Callable[[str, bool], None]
"""Takes the answer to an order in words, and whether it went well."""


class ViewerGraph:
    """Subscriptions, publishers and clients of the viewer.

    Attributes:
        state, reference: newest messages as serialized bytes, or None; decoded only where a frame is drawn.
        layout: message of the body, or None.
        statuses: last status of each node by its name.
        goal: place and heading (or None) that the body goes to, whoever sent it there (x, y [m], yaw [rad]); None where it goes to none.
    """

    def __init__(self, node: Node, on_reply: Callable[[str], None]) -> None:
        """`on_reply` is told what the body's side answers in words."""
        self._node = node
        self.state: bytes | None = None
        self.reference: bytes | None = None
        self.layout: MuscleLayout | None = None
        self.statuses: dict[str, ControlStatus] = {}
        self.goal: tuple[float, float, float | None] | None = None
        node.create_subscription(BodyState, "body_state", self._on_state, NEWEST, raw=True)
        node.create_subscription(ReferenceWindow, "reference", self._on_reference, NEWEST, raw=True)
        node.create_subscription(MuscleLayout, "muscle_layout", self._on_layout, qos.LATCHED)
        node.create_subscription(ControlStatus, "control_status", self._on_status, NEWS)
        node.create_subscription(Activity, "activity", self._on_activity, qos.ACTIVITY)
        # Rare, and said only once: a reply that is lost on a busy machine would leave its asker waiting.
        node.create_subscription(String, "text_reply", lambda message: on_reply(message.data), qos.GOAL)
        self._velocity = node.create_publisher(TwistStamped, "cmd_vel", qos.GOAL)
        self._goal = node.create_publisher(PoseStamped, "goal_pose", qos.GOAL)
        self._text = node.create_publisher(String, "text_command", qos.GOAL)
        self._clients: dict[str, Any] = {name: node.create_client(Trigger, name) for name in TRIGGERS}
        self._clients |= {name: node.create_client(kind, name) for name, kind in SERVICES.items()}
        self._parameters: dict[str, Any] = {}  # of the body's edge, by its name
        self._track = ActionClient(node, TrackMotion, "track_motion")

    @property
    def simulated(self) -> bool:
        """True when the body is one that can be pushed and put back on its feet."""
        return bool(self._clients["reset_world"].service_is_ready())

    @property
    def edge(self) -> ControlStatus | None:
        """Status of the body's edge, the simulator or the driver."""
        return next((status for name, status in sorted(self.statuses.items()) if name not in OTHERS), None)

    def _on_state(self, data: bytes) -> None:
        self.state = data

    def _on_reference(self, data: bytes) -> None:
        self.reference = data

    def _on_layout(self, message: MuscleLayout) -> None:
        self.layout = message

    def _on_activity(self, message: Activity) -> None:
        self.goal = goal_of(message)

    def _on_status(self, message: ControlStatus) -> None:
        self.statuses[message.node] = message
        if message.node not in OTHERS and message.node not in self._parameters:  # made early: a button must not wait for discovery
            self._parameters[message.node] = self._node.create_client(SetParameters, f"{message.node}/set_parameters")

    def say(self, text: str) -> bool:
        """Ask in words; False when nobody listens."""
        self._text.publish(String(data=text))
        return self._text.get_subscription_count() > 0

    def drive(self, x: float, y: float, yaw: float) -> None:
        """Ask for a velocity in the heading frame [m/s, rad/s]."""
        message = TwistStamped()
        message.header.frame_id = "base_link"
        message.header.stamp = self._node.get_clock().now().to_msg()
        message.twist.linear.x, message.twist.linear.y, message.twist.angular.z = x, y, yaw
        self._velocity.publish(message)

    def go(self, x: float, y: float, quaternion_zw: tuple[float, float]) -> bool:
        """Ask to walk to a place; z and w of the heading's quaternion, both 0 for any heading."""
        message = PoseStamped()
        message.header.frame_id = ODOM
        message.header.stamp = self._node.get_clock().now().to_msg()
        message.pose.position.x, message.pose.position.y = x, y
        message.pose.orientation.z, message.pose.orientation.w = quaternion_zw
        self._goal.publish(message)
        return self._goal.get_subscription_count() > 0

    def call(self, name: str, request: Any, tell: Tell) -> None:
        """Call a service; the answer is told when it is here."""
        client = self._clients[name]
        if not client.service_is_ready():
            tell(f"{name}: nobody offers this now; is the body's node running?", False)
            return
        client.call_async(request).add_done_callback(lambda future: _tell_answer(name, future, tell))

    def trigger(self, name: str, tell: Tell) -> None:
        """Call one of TRIGGERS."""
        self.call(name, Trigger.Request(), tell)

    def set_pace(self, factor: float, tell: Tell) -> None:
        """Let simulated time pass so many times as fast as real time."""
        edge = self.edge
        client = self._parameters.get(edge.node) if edge is not None else None
        if client is None or not client.service_is_ready():
            tell("time: no simulator answers now", False)
            return
        value = Parameter(name=PACE, value=ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=factor))
        client.call_async(SetParameters.Request(parameters=[value])).add_done_callback(lambda future: _tell_result(future, tell))

    def play(self, clip: str, tell: Tell) -> None:
        """Play a clip of the library once; the motion node itself tells how it goes, on `text_reply`."""
        if not self._track.server_is_ready():
            tell("play: no motion node offers it now", False)
            return
        self._track.send_goal_async(TrackMotion.Goal(motion=clip, repetitions=1, speed=1.0))


def _tell_answer(name: str, future: Future, tell: Tell) -> None:
    if future.exception() is not None:
        tell(f"{name}: {future.exception()}", False)
        return
    answer = future.result()
    tell(f"{name}: {answer.message}", bool(answer.success))


def _tell_result(future: Future, tell: Tell) -> None:
    if future.exception() is not None:
        tell(f"time: {future.exception()}", False)
        return
    result = future.result().results[0]
    tell(f"time: {result.reason}", bool(result.successful))
