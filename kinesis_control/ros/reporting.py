"""What nodes say about themselves: `control_status` for programs, `/diagnostics` for people and tools."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from kinesis_msgs.msg import ControlStatus
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.subscription import Subscription
from rclpy.topic_endpoint_info import TopicEndpointInfo

from kinesis_control.latency import LatencySummary
from kinesis_control.ros import qos
from kinesis_control.ros.convert import set_time

Diagnosis = tuple[bytes, str, Mapping[str, str]]
"""Level, message, values."""

MATCHED = "matched "
"""Begins the key under which the number of partners of a topic is found."""

OK, WARN, ERROR, STALE = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR, DiagnosticStatus.STALE


def latency_values(summary: LatencySummary) -> dict[str, str]:
    """Key values of a latency summary, in microseconds."""
    return {f"latency_{name}_us": f"{1e6 * value:.1f}" for name, value in summary._asdict().items()}


def fault_values(faults: Mapping[str, int]) -> dict[str, str]:
    """Key values of fault counts."""
    return {f"fault {name}": str(count) for name, count in faults.items()}


def diagnostic(name: str, level: bytes, message: str, values: Mapping[str, str]) -> DiagnosticStatus:
    """One status entry."""
    pairs = [KeyValue(key=key, value=value) for key, value in values.items()]
    return DiagnosticStatus(level=level, name=name, message=message, hardware_id="", values=pairs)


def worst_first(entries: list[DiagnosticStatus]) -> list[DiagnosticStatus]:
    """Entries by falling level, then by name."""
    return sorted(entries, key=lambda entry: (-int.from_bytes(entry.level, "little"), entry.name))


def names_of(endpoints: Iterable[TopicEndpointInfo]) -> str:
    """Full names of the nodes that endpoints belong to; nodes of one name, which nothing else tells apart, are counted."""
    names = Counter(f"{e.node_namespace.rstrip('/')}/{e.node_name}" for e in endpoints)
    return ", ".join(name if count == 1 else f"{name} ({count} nodes of this name)" for name, count in sorted(names.items()))


class Reporter:
    """Publishes the status and the diagnostics of one node.

    Discovery tells each side of a topic apart, up to seconds from each other. So every node says, with its diagnostics, how
    many partners its own endpoints have; ten times a second until it is `settled`, then once.

    Attributes:
        status: message that the node fills in before `send_status`.
        status_publisher: of `control_status`.
        settled: the loop runs; set by the node.
    """

    def __init__(self, node: Node, diagnose: Callable[[], Diagnosis]) -> None:
        """`diagnose` is asked each time before diagnostics are sent."""
        self._node, self._diagnose = node, diagnose
        self._name = node.get_fully_qualified_name().lstrip("/")
        self.status_publisher = node.create_publisher(ControlStatus, "control_status", qos.STATUS)
        self._diagnostics = node.create_publisher(DiagnosticArray, "/diagnostics", qos.STATUS)
        self.status = ControlStatus(node=node.get_name())
        self.settled = False
        self._partners: dict[str, Callable[[], int]] = {}
        self._calls = 0
        self.watch(self.status_publisher)
        node.create_timer(0.1, self._on_timer, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def watch(self, endpoint: Publisher | Subscription) -> None:
        """Report how many partners an endpoint has, under the name of its topic."""
        if isinstance(endpoint, Publisher):
            count = endpoint.get_subscription_count
        else:  # before Jazzy a subscription does not know its partners; the graph's view comes near
            count = getattr(endpoint, "get_publisher_count", lambda: self._node.count_publishers(endpoint.topic_name))
        self._partners[MATCHED + endpoint.topic_name.rsplit("/", 1)[-1]] = count

    def forget(self, topic: str) -> None:
        """Report no more on the endpoint of a topic."""
        self._partners.pop(MATCHED + topic, None)

    def set_faults(self, faults: Mapping[str, int]) -> None:
        """Fault counts, worst first."""
        self.status.fault_names, self.status.fault_counts = list(faults), list(faults.values())

    def set_latency(self, summary: LatencySummary) -> None:
        """Wall-clock latency; not called in lock-step, so that reruns stay equal."""
        self.status.latency_p50, self.status.latency_p99, self.status.latency_max = summary

    def send_status(self, stamp_ns: int) -> None:
        """Publish the status."""
        set_time(self.status.header.stamp, stamp_ns)
        self.status_publisher.publish(self.status)

    def repeat_status(self) -> None:
        """Publish the last status once more, as it was."""
        self.status_publisher.publish(self.status)

    def send_diagnostics(self) -> None:
        """Publish one diagnostic entry, stamped by the node's clock."""
        level, message, values = self._diagnose()
        partners = {name: str(count()) for name, count in self._partners.items()}
        array = DiagnosticArray(status=[diagnostic(self._name, level, message, {**values, **partners})])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._diagnostics.publish(array)

    def _on_timer(self) -> None:
        self._calls += 1
        if not self.settled or self._calls % 10 == 0:
            self.send_diagnostics()
