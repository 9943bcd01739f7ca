"""Messages <-> dataclasses. The one place where quaternions change between xyzw (messages) and wxyz (this stack).

Writers own one message each and fill it in place: an `array.array` under every float field, seen as a NumPy array.
Readers copy into a dataclass that the caller owns. Shapes are checked here; finite values are checked in the core.
"""

import math
from array import array
from typing import Any

import numpy as np
from builtin_interfaces.msg import Duration, Time
from geometry_msgs.msg import Pose, Twist
from kinesis_msgs.msg import Activity
from kinesis_msgs.msg import BodyState as BodyStateMessage
from kinesis_msgs.msg import MuscleCommand as MuscleCommandMessage
from kinesis_msgs.msg import MuscleLayout as MuscleLayoutMessage
from kinesis_msgs.msg import ReferenceWindow as ReferenceMessage
from numpy.typing import NDArray

from kinesis_control.body_state import BodyDescription, BodyState
from kinesis_control.errors import LayoutError
from kinesis_control.motion.plan import ActivityReport
from kinesis_control.muscles import MuscleLayout
from kinesis_control.reference import ReferenceWindow
from kinesis_control.safety.limits import Command

Array = NDArray[np.float64]
ODOM, BASE = "odom", "base_link"
XYZW_FROM_WXYZ = np.array([1, 2, 3, 0])
WXYZ_FROM_XYZW = np.array([3, 0, 1, 2])

STATE_FIELDS = {
    "joint_position": "joint_positions",
    "joint_velocity": "joint_velocities",
    "muscle_length": "muscle_lengths",
    "muscle_velocity": "muscle_velocities",
    "muscle_tension": "muscle_tensions",
    "muscle_activation": "muscle_activations",
    "contact_force": "contact_forces",
}
"""Array of BodyState -> field of the message."""

WINDOW_FIELDS = {
    "root_position": "root_positions",
    "root_linear_velocity": "root_linear_velocities",
    "root_angular_velocity": "root_angular_velocities",
    "joint_position": "joint_positions",
    "joint_velocity": "joint_velocities",
    "contact": "contacts",
    "key_body_position": "key_body_positions",
}
"""Array of ReferenceWindow -> field of the message; orientations and times apart."""


def set_time(time: Time, stamp_ns: int) -> None:
    """Write a stamp [ns] into a message field."""
    time.sec, time.nanosec = divmod(stamp_ns, 1_000_000_000)


def time_ns(time: Time | Duration) -> int:
    """A stamp or a duration in ns."""
    return int(time.sec) * 1_000_000_000 + int(time.nanosec)


def set_pose(pose: Pose, position: Array, quaternion: Array) -> None:
    """Write a position and a wxyz quaternion into a message field."""
    p, q = pose.position, pose.orientation
    p.x, p.y, p.z = position.tolist()
    q.w, q.x, q.y, q.z = quaternion.tolist()


def set_twist(twist: Twist, linear: Array, angular: Array) -> None:
    """Write velocities into a message field."""
    v, w = twist.linear, twist.angular
    v.x, v.y, v.z = linear.tolist()
    w.x, w.y, w.z = angular.tolist()


def attach(message: Any, field: str, size: int) -> Array:
    """Put a zeroed `array.array` under a float64 field and return the NumPy view of it; shape (size,)."""
    setattr(message, field, array("d", bytes(8 * size)))
    # The message may have taken a copy; what counts is the array that it will send.
    return np.frombuffer(getattr(message, field), dtype=np.float64)


def view(message: Any, field: str) -> Array:
    """NumPy view of a received float64 array field."""
    return np.frombuffer(getattr(message, field), dtype=np.float64)


def copy_in(message: Any, field: str, out: Array) -> None:
    """Copy a received array into `out`.

    Raises:
        LayoutError: it has another length.
    """
    values = view(message, field)
    if values.size != out.size:
        raise LayoutError(f"{type(message).__name__}.{field}: got {values.size} values, expected {out.size}")
    out.reshape(-1)[:] = values


class BodyStateWriter:
    """Fills one BodyState message from states of one body.

    Attributes:
        message: filled in place by `write`.
    """

    def __init__(self, body: BodyDescription) -> None:
        self.message = BodyStateMessage()
        self.message.header.frame_id = ODOM
        self.message.layout_hash = body.muscles.hash
        shapes = BodyState.zeros(body)
        self._views = [(name, attach(self.message, field, getattr(shapes, name).size)) for name, field in STATE_FIELDS.items()]

    def write(self, state: BodyState) -> BodyStateMessage:
        """Fill and return the message."""
        m = self.message
        set_time(m.header.stamp, state.stamp_ns)
        m.seq, m.episode, m.fallen = state.seq, state.episode, state.fallen
        set_pose(m.root_pose, state.root_position, state.root_quaternion)
        set_twist(m.root_twist, state.root_linear_velocity, state.root_angular_velocity)
        for name, out in self._views:
            out[:] = getattr(state, name)
        return m


def read_body_state(message: BodyStateMessage, layout_hash: str, out: BodyState) -> BodyState:
    """Copy a message into `out` and return it.

    Raises:
        LayoutError: it belongs to another muscle layout, or an array has another length; `out` may be half-written then.
    """
    if message.layout_hash != layout_hash:
        raise LayoutError(f"state of layout '{message.layout_hash}', expected '{layout_hash}'")
    out.seq, out.stamp_ns = int(message.seq), time_ns(message.header.stamp)
    out.episode, out.fallen = int(message.episode), bool(message.fallen)
    p, q = message.root_pose.position, message.root_pose.orientation
    v, w = message.root_twist.linear, message.root_twist.angular
    out.root_position[:] = p.x, p.y, p.z
    out.root_quaternion[:] = q.w, q.x, q.y, q.z
    out.root_linear_velocity[:] = v.x, v.y, v.z
    out.root_angular_velocity[:] = w.x, w.y, w.z
    for name, field in STATE_FIELDS.items():
        copy_in(message, field, getattr(out, name))
    return out


class ReferenceWriter:
    """Fills one ReferenceWindow message.

    Attributes:
        message: filled in place by `write`.
    """

    def __init__(self, body: BodyDescription, window: ReferenceWindow) -> None:
        """`window` gives the shapes: every window written later has the same."""
        self.message = ReferenceMessage()
        self.message.header.frame_id = ODOM
        self.message.layout_hash = body.muscles.hash
        attach(self.message, "time_offsets", len(window.time_offsets))[:] = window.time_offsets
        self._orientation = attach(self.message, "root_orientations", window.root_quaternion.size).reshape(-1, 4)
        self._views = [(name, attach(self.message, field, getattr(window, name).size)) for name, field in WINDOW_FIELDS.items()]

    def write(self, window: ReferenceWindow) -> ReferenceMessage:
        """Fill and return the message."""
        m = self.message
        set_time(m.header.stamp, window.stamp_ns)
        m.seq, m.motion, m.phase = window.seq, window.motion, float(window.phase)
        self._orientation[:] = window.root_quaternion[:, XYZW_FROM_WXYZ]
        for name, out in self._views:
            out[:] = getattr(window, name).reshape(-1)
        return m


def read_reference(message: ReferenceMessage, layout_hash: str, out: ReferenceWindow) -> ReferenceWindow:
    """Copy a message into `out` and return it.

    Raises:
        LayoutError: another muscle layout, another number of frames, or other frame times; `out` may be half-written then.
    """
    if message.layout_hash != layout_hash:
        raise LayoutError(f"reference for layout '{message.layout_hash}', expected '{layout_hash}'")
    offsets = view(message, "time_offsets")
    if offsets.shape != out.time_offsets.shape or np.abs(offsets - out.time_offsets).max(initial=0.0) > 1e-9:
        raise LayoutError(f"reference frames at {offsets.tolist()} s, expected {out.time_offsets.tolist()} s")
    out.seq, out.stamp_ns = int(message.seq), time_ns(message.header.stamp)
    out.motion = message.motion
    out.phase[...] = message.phase
    orientations = view(message, "root_orientations")
    if orientations.size != out.root_quaternion.size:
        raise LayoutError(f"ReferenceWindow.root_orientations: got {orientations.size} values, expected {out.root_quaternion.size}")
    out.root_quaternion[:] = orientations.reshape(-1, 4)[:, WXYZ_FROM_XYZW]
    for name, field in WINDOW_FIELDS.items():
        if name != "key_body_position":
            copy_in(message, field, getattr(out, name))
    keys = view(message, "key_body_positions").reshape(len(offsets), -1, 3)
    if keys.shape != out.key_body_position.shape:
        out.key_body_position = np.zeros(keys.shape)
    out.key_body_position[:] = keys
    return out


class CommandWriter:
    """Fills one MuscleCommand message.

    Attributes:
        message: filled in place by `write`.
    """

    def __init__(self, body: BodyDescription, commander: str, valid_for_s: float) -> None:
        self.message = MuscleCommandMessage()
        self.message.layout_hash = body.muscles.hash
        self.message.commander = commander
        self.message.mode = MuscleCommandMessage.EXCITATION
        set_time(self.message.valid_for, round(valid_for_s * 1e9))
        self._values = attach(self.message, "values", len(body.muscles))

    def write(self, values: Array, answered: BodyState) -> MuscleCommandMessage:
        """Fill and return the message: stamp and number are those of the state that is answered."""
        set_time(self.message.header.stamp, answered.stamp_ns)
        self.message.seq = answered.seq
        self._values[:] = values
        return self.message


def read_command(message: MuscleCommandMessage) -> Command:
    """A command as it came, for the gate to judge; `values` are a view of the message."""
    return Command(
        seq=message.seq,
        stamp_ns=time_ns(message.header.stamp),
        layout_hash=message.layout_hash,
        commander=message.commander,
        mode=message.mode,
        values=view(message, "values"),
        valid_for_s=1e-9 * time_ns(message.valid_for),
    )


def layout_message(body: BodyDescription) -> MuscleLayoutMessage:
    """The constant facts of a body as a message."""
    return MuscleLayoutMessage(
        body=body.name,
        layout_hash=body.muscles.hash,
        model_hash=body.model_hash,
        muscle_names=list(body.muscles.names),
        joint_names=list(body.joint_names),
        contact_names=list(body.contact_names),
        key_bodies=list(body.key_body_names),
        mass=body.mass,
        standing_height=body.standing_height,
    )


def read_layout(message: MuscleLayoutMessage) -> BodyDescription:
    """The facts of a body from a message.

    Raises:
        LayoutError: names are missing or doubled, or the hash is not that of the names.
    """
    body = BodyDescription(
        name=message.body,
        muscles=MuscleLayout(names=tuple(message.muscle_names)),
        joint_names=tuple(message.joint_names),
        contact_names=tuple(message.contact_names),
        key_body_names=tuple(message.key_bodies),
        model_hash=message.model_hash,
        mass=float(message.mass),
        standing_height=float(message.standing_height),
    )
    if body.muscles.hash != message.layout_hash:
        raise LayoutError(f"muscle_layout of '{message.body}': got hash '{message.layout_hash}', its names give '{body.muscles.hash}'")
    return body


def activity_message(report: ActivityReport) -> Activity:
    """What is done and said as a message."""
    m = Activity(ticket=report.ticket, mode=report.mode, asked=report.asked, text=report.text, ended=report.ended, ending=int(report.ending))
    set_time(m.header.stamp, report.stamp_ns)
    m.header.frame_id = ODOM
    if report.goal is not None:
        x, y, yaw = report.goal
        quaternion = np.zeros(4) if yaw is None else np.array([math.cos(0.5 * yaw), 0.0, 0.0, math.sin(0.5 * yaw)])
        m.goal = [Pose()]
        set_pose(m.goal[0], np.array([x, y, 0.0]), quaternion)
    if report.velocity is not None:
        forward, left, turn = report.velocity
        m.velocity = [Twist()]
        set_twist(m.velocity[0], np.array([forward, left, 0.0]), np.array([0.0, 0.0, turn]))
    return m
