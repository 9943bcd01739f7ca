"""What the simulated body publishes every tick, in preallocated messages.

The state always goes out. The other topics are for onlookers: a message that nobody reads would still wake threads that
the loop has to wait for, so they are left unsent. A recording is not touched by this: its recorder listens before the
first state is sent.
"""

from geometry_msgs.msg import TransformStamped
from kinesis_msgs.msg import BodyState as BodyStateMessage
from kinesis_msgs.msg import MuscleLayout
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState
from tf2_msgs.msg import TFMessage

from kinesis_control.body_state import BodyState
from kinesis_control.ros import qos
from kinesis_control.ros.convert import BASE, ODOM, BodyStateWriter, attach, layout_message, set_pose, set_time, set_twist
from kinesis_sim.world import World


class SimTopics:
    """Publishers of a world: the state of the loop, and the same in the terms of common tools.

    Attributes:
        state_publisher: of `body_state`.
    """

    def __init__(self, node: Node, world: World) -> None:
        self._world = world
        description = world.body.description
        self._state = BodyStateWriter(description)
        self.state_publisher = node.create_publisher(BodyStateMessage, "body_state", qos.LOOP)
        self._layout_publisher = node.create_publisher(MuscleLayout, "muscle_layout", qos.LATCHED)
        self._layout_publisher.publish(layout_message(description))
        self._clock, self._clock_publisher = Clock(), node.create_publisher(Clock, "/clock", qos.CLOCK)
        self._joints, self._joint_publisher = JointState(), node.create_publisher(JointState, "joint_states", qos.STANDARD)
        self._joints.name = list(world.body.all_joint_names)
        self._position = attach(self._joints, "position", len(self._joints.name))
        self._velocity = attach(self._joints, "velocity", len(self._joints.name))
        self._odom, self._odom_publisher = Odometry(child_frame_id=BASE), node.create_publisher(Odometry, "odom", qos.STANDARD)
        self._odom.header.frame_id = ODOM
        self._transform = TransformStamped(child_frame_id=BASE)
        self._transform.header.frame_id = ODOM
        self._tf, self._tf_publisher = TFMessage(transforms=[self._transform]), node.create_publisher(TFMessage, "/tf", qos.STANDARD)

    def publish_state(self, state: BodyState) -> None:
        """The state, alone and first: whoever answers it can begin while the rest is on its way."""
        self.state_publisher.publish(self._state.write(state))

    def repeat_state(self) -> None:
        """The last state once more, as it was."""
        self.state_publisher.publish(self._state.message)

    def publish_rest(self, state: BodyState) -> None:
        """Clock, joints, odometry and transform of the same instant, each only where somebody listens."""
        if self._clock_publisher.get_subscription_count():
            set_time(self._clock.clock, state.stamp_ns)
            self._clock_publisher.publish(self._clock)
        if self._joint_publisher.get_subscription_count():
            self._publish_joints(state)
        if self._odom_publisher.get_subscription_count():
            self._publish_odometry(state)
        if self._tf_publisher.get_subscription_count():
            self._publish_transform(state)

    def _publish_joints(self, state: BodyState) -> None:
        set_time(self._joints.header.stamp, state.stamp_ns)
        self._position[:] = self._world.joint_positions()
        self._velocity[:] = self._world.joint_velocities()
        self._joint_publisher.publish(self._joints)

    def _publish_odometry(self, state: BodyState) -> None:
        set_time(self._odom.header.stamp, state.stamp_ns)
        set_pose(self._odom.pose.pose, state.root_position, state.root_quaternion)
        set_twist(self._odom.twist.twist, state.root_linear_velocity, state.root_angular_velocity)
        self._odom_publisher.publish(self._odom)

    def _publish_transform(self, state: BodyState) -> None:
        set_time(self._transform.header.stamp, state.stamp_ns)
        p, q = self._transform.transform.translation, self._transform.transform.rotation
        p.x, p.y, p.z = state.root_position.tolist()
        q.w, q.x, q.y, q.z = state.root_quaternion.tolist()
        self._tf_publisher.publish(self._tf)
