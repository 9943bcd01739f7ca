"""What nodes say about themselves: `control_status` for programs, `/diagnostics` for people and tools."""

from collections.abc import Mapping

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from kinesis_msgs.msg import ControlStatus
from rclpy.node import Node

from kinesis_control.latency import LatencySummary
from kinesis_control.ros import qos
from kinesis_control.ros.convert import set_time

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


class Reporter:
    """Publishes the status and the diagnostics of one node.

    Attributes:
        status: message that the node fills in before `send_status`.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._name = node.get_fully_qualified_name().lstrip("/")
        self._status = node.create_publisher(ControlStatus, "control_status", qos.STATUS)
        self._diagnostics = node.create_publisher(DiagnosticArray, "/diagnostics", qos.STATUS)
        self.status = ControlStatus(node=node.get_name())

    def set_faults(self, faults: Mapping[str, int]) -> None:
        """Fault counts, worst first."""
        self.status.fault_names, self.status.fault_counts = list(faults), list(faults.values())

    def set_latency(self, summary: LatencySummary) -> None:
        """Wall-clock latency; not called in lock-step, so that reruns stay equal."""
        self.status.latency_p50, self.status.latency_p99, self.status.latency_max = summary

    def send_status(self, stamp_ns: int) -> None:
        """Publish the status."""
        set_time(self.status.header.stamp, stamp_ns)
        self._status.publish(self.status)

    def send_diagnostics(self, level: bytes, message: str, values: Mapping[str, str]) -> None:
        """Publish one diagnostic entry, stamped by the node's clock."""
        array = DiagnosticArray(status=[diagnostic(self._name, level, message, values)])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._diagnostics.publish(array)
