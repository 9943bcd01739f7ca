"""`muscle_markers`: the muscles as coloured lines and the foot forces as arrows, for RViz and Foxglove. Sent only to who listens."""

import time

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point
from rclpy.node import Node
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from kinesis_control.ros import qos
from kinesis_control.ros.convert import ODOM, set_time
from kinesis_sim.viewer.colours import activation_colours
from kinesis_sim.viewer.drawing import Drawn

PERIOD_S = 1.0 / 15.0
"""Wall time between two messages, at least [s]: thousands of points cost ROS 2 tools more than they cost a browser."""

LINE_M, FORCE_SCALE_M_PER_N = 0.008, 0.0005


class MuscleMarkers:
    """Publishes one MarkerArray for each frame that is drawn."""

    def __init__(self, node: Node) -> None:
        self._publisher = node.create_publisher(MarkerArray, "muscle_markers", qos.STATUS)
        self._next = 0.0

    @property
    def wanted(self) -> bool:
        """True when somebody listens."""
        return self._publisher.get_subscription_count() > 0

    def publish(self, drawn: Drawn) -> None:
        """Send a frame, if somebody listens and it is time."""
        now = time.monotonic()
        if now >= self._next and self.wanted:
            self._next = now + PERIOD_S
            self._publisher.publish(markers_of(drawn))


def markers_of(drawn: Drawn) -> MarkerArray:
    """Muscles as one list of line segments in odom, and one arrow for each contact region that carries load."""
    stamp = Time()
    set_time(stamp, drawn.state.stamp_ns)
    array = MarkerArray()
    array.markers.append(_muscles(drawn, stamp))
    for number, (point, force) in enumerate(zip(drawn.contact_points, drawn.state.contact_force, strict=True)):
        array.markers.append(_arrow(number, point.tolist(), float(force), stamp))
    return array


def _muscles(drawn: Drawn, stamp: Time) -> Marker:
    lines = _marker("muscles", 0, Marker.LINE_LIST, stamp)
    lines.scale.x = LINE_M
    points = [Point(x=x, y=y, z=z) for x, y, z in drawn.paths.points.tolist()]
    start = 0
    colours = activation_colours(drawn.state.muscle_activation).tolist()
    for count, (r, g, b) in zip(drawn.paths.counts.tolist(), colours, strict=True):
        colour = ColorRGBA(r=r, g=g, b=b, a=1.0)
        for i in range(start, start + count - 1):
            lines.points += (points[i], points[i + 1])
            lines.colors += (colour, colour)
        start += count
    return lines


def _arrow(number: int, point: list[float], force: float, stamp: Time) -> Marker:
    arrow = _marker("contact_forces", number, Marker.ARROW, stamp)
    if force <= 1.0:
        arrow.action = Marker.DELETE
        return arrow
    x, y, z = point
    arrow.points = [Point(x=x, y=y, z=z), Point(x=x, y=y, z=z + FORCE_SCALE_M_PER_N * force)]
    arrow.scale.x, arrow.scale.y = 0.015, 0.03
    arrow.color = ColorRGBA(r=0.30, g=0.76, b=0.69, a=1.0)
    return arrow


def _marker(space: str, number: int, kind: int, stamp: Time) -> Marker:
    marker = Marker(ns=space, id=number, type=kind, action=Marker.ADD)
    marker.header.frame_id, marker.header.stamp = ODOM, stamp
    marker.pose.orientation.w = 1.0
    return marker
