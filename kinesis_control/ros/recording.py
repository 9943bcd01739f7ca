"""Between the graph and a bag: subscribing to whatever a publisher offers, and QoS in the form that bags keep."""

import importlib
from typing import Any

from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.topic_endpoint_info import TopicEndpointInfo
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime

from kinesis_control.errors import UnavailableError

DEPTH = 10_000
"""Messages that may wait for a recorder that is busy."""


def message_class(type_name: str) -> Any:
    """The Python class of a message type, for example "kinesis_msgs/msg/BodyState".

    Raises:
        UnavailableError: its package is not installed.
    """
    package, kind, name = type_name.split("/")
    try:
        return getattr(importlib.import_module(f"{package}.{kind}"), name)
    except (ImportError, AttributeError) as error:
        raise UnavailableError(f"message type {type_name} is not installed here") from error


def subscription_qos(publishers: list[TopicEndpointInfo]) -> QoSProfile:
    """The strongest QoS that every publisher of a topic offers."""
    offered = [p.qos_profile for p in publishers]
    reliable = all(q.reliability == ReliabilityPolicy.RELIABLE for q in offered)
    latched = all(q.durability == DurabilityPolicy.TRANSIENT_LOCAL for q in offered)
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=DEPTH,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


def recorded_qos(qos: QoSProfile) -> Qos:
    """An offered QoS in the form that bags keep."""
    return Qos(
        QosHistory(int(qos.history)),
        qos.depth,
        QosReliability(int(qos.reliability)),
        QosDurability(int(qos.durability)),
        _recorded_time(qos.deadline),
        _recorded_time(qos.lifespan),
        QosLiveliness(int(qos.liveliness)),
        _recorded_time(qos.liveliness_lease_duration),
        qos.avoid_ros_namespace_conventions,
    )


def _recorded_time(duration: Duration) -> QosTime:
    return QosTime(*divmod(duration.nanoseconds, 1_000_000_000))
