"""What the driver node publishes of the body; topics for onlookers only where somebody listens."""

from kinesis_msgs.msg import BodyState as BodyStateMessage
from kinesis_msgs.msg import MuscleLayout
from nav_msgs.msg import Odometry
from rclpy.node import Node
from sensor_msgs.msg import JointState

from kinesis_control.body_state import BodyDescription, BodyState
from kinesis_control.ros import qos
from kinesis_control.ros.convert import BASE, ODOM, BodyStateWriter, attach, layout_message, set_pose, set_time, set_twist


class RobotTopics:
    """Publishers of a robot's body; NaN stands for what is not measured.

    Attributes:
        state_publisher: of `body_state`.
    """

    def __init__(self, node: Node, body: BodyDescription) -> None:
        self._body = body
        self._state = BodyStateWriter(body)
        self.state_publisher = node.create_publisher(BodyStateMessage, "body_state", qos.LOOP)
        self._layout_publisher = node.create_publisher(MuscleLayout, "muscle_layout", qos.LATCHED)
        self._joints, self._joint_publisher = JointState(name=list(body.joint_names)), node.create_publisher(JointState, "joint_states", qos.STANDARD)
        self._position = attach(self._joints, "position", len(body.joint_names))
        self._velocity = attach(self._joints, "velocity", len(body.joint_names))
        self._odom, self._odom_publisher = Odometry(child_frame_id=BASE), node.create_publisher(Odometry, "odom", qos.STANDARD)
        self._odom.header.frame_id = ODOM

    def publish_layout(self) -> None:
        """The constant facts; kept for whoever comes later."""
        self._layout_publisher.publish(layout_message(self._body))

    def publish_state(self, state: BodyState) -> None:
        """The state first, then the same in the terms of common tools."""
        self.state_publisher.publish(self._state.write(state))
        if self._joint_publisher.get_subscription_count():
            set_time(self._joints.header.stamp, state.stamp_ns)
            self._position[:], self._velocity[:] = state.joint_position, state.joint_velocity
            self._joint_publisher.publish(self._joints)
        if self._odom_publisher.get_subscription_count():
            set_time(self._odom.header.stamp, state.stamp_ns)
            set_pose(self._odom.pose.pose, state.root_position, state.root_quaternion)
            set_twist(self._odom.twist.twist, state.root_linear_velocity, state.root_angular_velocity)
            self._odom_publisher.publish(self._odom)
