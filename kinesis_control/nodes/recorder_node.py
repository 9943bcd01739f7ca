"""Records topics of the graph into an MCAP bag, as raw bytes.

In real time a message is stamped with its arrival (with `use_sim_time`, with `/clock` when it is taken in). In lock-step nothing of the wall clock may
reach the bag: messages carry their own simulated stamps, are put into one order, and are written in canonical bytes, so
that two runs with one seed give the same file. Messages without a stamp of their own are left out there.
"""

import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from operator import itemgetter
from pathlib import Path
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.subscription import Subscription
from rclpy.topic_endpoint_info import TopicEndpointInfo
from rosbags.interfaces import Qos

from kinesis_control.errors import ConfigurationError, KinesisError, UnavailableError, UnknownNameError
from kinesis_control.evaluate.bag import BagWriter
from kinesis_control.evaluate.bag_types import stamp_of
from kinesis_control.evaluate.ordering import StampedMessage, StampOrder
from kinesis_control.evaluate.recording_summary import LossCounter, RecordingSummary
from kinesis_control.ros import qos
from kinesis_control.ros.parameters import declare, declare_choice, declare_strings
from kinesis_control.ros.recording import message_class, recorded_qos, subscription_qos
from kinesis_control.ros.reporting import MATCHED, OK, diagnostic

DEFAULT_TOPICS = (
    "muscle_layout",
    "reference",
    "muscle_command",
    "activity",
    "control_status",
    "joint_states",
    "odom",
    "/tf",
    "/clock",
    "applied_push",
    "cmd_vel",
    "goal_pose",
    "text_command",
    "text_reply",
    "body_state",
)
# Whoever waits for the recorder sees it listen to `body_state`: it does so last, when these are matched.
_BEFORE_STATE = DEFAULT_TOPICS[:9]
_STATE_WAITS_S = 5.0

# Written by the wall clock, so that no two lock-step runs would be alike.
_WALL_CLOCK_TOPICS = ("/rosout", "/parameter_events", "/diagnostics")
# Stamped by senders that may know nothing of simulated time; what the body makes of them is in `activity`.
_STAMPED_OUTSIDE = ("cmd_vel", "goal_pose")
_BODY_STATE = "kinesis_msgs/msg/BodyState"
_DISCOVERY_PERIOD_S = 0.1
# Simulated time that lock-step messages are held back after a short pass: what is still on its way then is milliseconds of
# wall time behind. During a long pass much may come in of topics that were emptied already.
_WINDOW_NS = 5_000_000_000
_SHORT_PASS = 500
# Between two passes: long enough for many messages, short against every queue.
_PAUSE_S = 0.02
# After the signal to end: in how many passes nothing may come, and how many passes to wait for that at most. Passes and not
# seconds: what came while a busy machine held this process up is still to be taken in.
_QUIET, _DRAIN = 15, 150


class RecorderNode(Node):
    """Subscribes to what is wanted as it appears, and writes it."""

    def __init__(self) -> None:
        """Declare the parameters and create the bag.

        Raises:
            ConfigurationError: no output directory.
            UnknownNameError: an unknown clock.
            UnavailableError: the directory exists or cannot be written.
        """
        super().__init__("recorder_node")
        output = declare(self, "output", "", "New directory of the bag.")
        self._wanted = declare_strings(self, "topics", "Topics to record; none: those of the control loop.")
        self._wants_all = declare(self, "all", False, "Record every topic.")
        clock = declare_choice(self, "clock", "realtime", "What messages are stamped with.", ("realtime", "lockstep"))
        compress = declare(self, "compress", False, "Compress with zstd.")
        facts = declare_strings(self, "facts", "Facts of the run for the metadata of the bag, each 'NAME=VALUE'.")
        if not output:
            raise ConfigurationError("parameter 'output' is empty; it must name a new directory")
        self._order = StampOrder(_WINDOW_NS) if clock == "lockstep" else None
        self._bag = BagWriter(Path(output).expanduser(), compress=compress)
        self._bag.describe(dict(fact.partition("=")[::2] for fact in facts if fact))
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", qos.STATUS)
        self._seen: dict[str, tuple[str, tuple[Qos, ...]]] = {}
        self._refused: set[str] = set()
        self._subscriptions_by_topic: dict[str, Subscription] = {}
        self._state_seen_at: float | None = None
        self._unstamped: dict[str, None] = {}
        self._outside = {self.resolve_topic_name(name) for name in _STAMPED_OUTSIDE}
        self._losses = LossCounter()
        self._stamps_arrival = not self.get_parameter("use_sim_time").value
        self._last_state_ns: int | None = None
        self._arrived: list[tuple[int, str, bytes, int]] = []  # stamp [ns], topic, bytes, number

    @property
    def wanted_topics(self) -> list[str]:
        """Full names of the topics to record; they need not exist yet."""
        if self._wants_all:
            return [name for name, _ in self.get_topic_names_and_types() if "/_" not in name]
        return [self.resolve_topic_name(name) for name in self._wanted or DEFAULT_TOPICS]

    def discover(self) -> None:
        """Subscribe to every wanted topic that has a publisher by now."""
        for topic in self.wanted_topics:
            if topic in self._seen or topic in self._refused or (self._order and topic in _WALL_CLOCK_TOPICS):
                continue
            publishers = self.get_publishers_info_by_topic(topic)
            if publishers and (publishers[0].topic_type != _BODY_STATE or self._state_may_follow()):
                self._subscribe(topic, publishers)
        self._say_what_is_heard()

    def _say_what_is_heard(self) -> None:
        """How many partners each subscription has: a reader alone knows from when on it misses nothing, and whoever starts a run waits for that."""
        partners = {MATCHED + topic.rsplit("/", 1)[-1]: str(s.get_publisher_count()) for topic, s in self._subscriptions_by_topic.items()}
        array = DiagnosticArray(status=[diagnostic(self.get_fully_qualified_name().lstrip("/"), OK, "recording", partners)])
        array.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(array)

    def _state_may_follow(self) -> bool:
        """True when the other topics of the loop are matched, or will hardly come any more."""
        now = time.monotonic()
        self._state_seen_at = self._state_seen_at or now
        if now - self._state_seen_at > _STATE_WAITS_S:
            return True
        wanted = set(self.wanted_topics) - self._refused
        others = [t for t in map(self.resolve_topic_name, _BEFORE_STATE) if t in wanted]
        matched = {t: s.get_publisher_count() for t, s in self._subscriptions_by_topic.items()}
        return all(matched.get(t, 0) >= max(self.count_publishers(t), 1) for t in others)

    def write_due(self) -> None:
        """Write the lock-step messages that nothing can precede any more; to be called after a short pass."""
        if self._order is not None:
            for message in self._order.due():
                self._write_ordered(message)

    def finish(self) -> RecordingSummary:
        """Write what is left and end the bag.

        Raises:
            UnavailableError: the end could not be written.
        """
        if self._order is not None:
            # Who answers the last state, and whether that still arrives, depends on who is stopped first: leave it out.
            for message in self._order.rest(self._last_state_ns):
                self._write_ordered(message)
        self._bag.close()
        seen = {*self._seen, *(_WALL_CLOCK_TOPICS if self._order else ())}
        return RecordingSummary(
            path=self._bag.path,
            counts=dict(self._bag.counts),
            lost=dict(self._losses.lost),
            late=self._order.late if self._order else 0,
            unstamped=tuple(self._unstamped),
            missing=tuple(t for t in self.wanted_topics if t not in seen),
        )

    def _subscribe(self, topic: str, publishers: list[TopicEndpointInfo]) -> None:
        type_name = publishers[0].topic_type
        profiles = tuple(sorted({recorded_qos(p.qos_profile) for p in publishers}, key=repr))
        try:
            kind = message_class(type_name)
            self._bag.types.require(type_name)
        except (UnknownNameError, UnavailableError) as error:
            self._refused.add(topic)
            self.get_logger().error(f"cannot record {topic}: {error}")
            return
        self._seen[topic] = (type_name, profiles)
        if self._order is None:
            self._bag.add_topic(topic, type_name, profiles)
        self._subscriptions_by_topic[topic] = self.create_subscription(
            kind, topic, lambda data, info: self._receive(topic, data, info), subscription_qos(publishers), raw=True
        )
        if len(publishers) == 1:
            self._losses.watch(topic)

    def _receive(self, topic: str, data: bytes, info: Mapping[str, Any]) -> None:
        """Keep a message for the end of the pass: nothing is decoded or written while others wait."""
        arrived_ns = int(info["received_timestamp"]) if self._stamps_arrival else 0
        self._arrived.append((arrived_ns or self.get_clock().now().nanoseconds, topic, data, int(info.get("publication_sequence_number") or 0)))

    def drain(self) -> int:
        """One pass over all topics: take in every message that is here; how many there were.

        An executor that is woken for each message, and looks through everything it serves each time, costs several times
        as much, and would take it from the loop that is recorded.
        """
        for topic, subscription in tuple(self._subscriptions_by_topic.items()):
            with subscription.handle:
                while (taken := subscription.handle.take_message(subscription.msg_type, True)) is not None:
                    self._receive(topic, *taken)
        arrived, self._arrived = self._arrived, []
        # Each topic was emptied in turn; in a real-time bag the messages stand as they came.
        for stamp_ns, topic, data, number in sorted(arrived, key=itemgetter(0)):
            self._losses.see(topic, number)
            if self._order is None:
                self._bag.write(topic, stamp_ns, data)
            else:
                self._take_in(self._order, topic, self._seen[topic][0], data, number)
        return len(arrived)

    def _take_in(self, order: StampOrder, topic: str, type_name: str, data: bytes, number: int) -> None:
        message = self._bag.types.decode(type_name, data)
        stamp_ns = None if topic in self._outside else stamp_of(message)
        if stamp_ns is None:
            self._unstamped[topic] = None
            return
        if type_name == _BODY_STATE:
            self._last_state_ns = max(stamp_ns, self._last_state_ns or 0)
        canonical = self._bag.types.canonical(type_name, message)
        source = str(getattr(message, "node", "") or getattr(message, "commander", ""))
        if not source and not self._losses.comparable(topic):
            number = 0  # several nameless publishers: their numbers do not compare
        order.add(StampedMessage(stamp_ns=stamp_ns, topic=topic, source=source, number=number, data=canonical))

    def _write_ordered(self, message: StampedMessage) -> None:
        # Announced with its first message, so that the order in which topics were discovered leaves no trace.
        self._bag.add_topic(message.topic, *self._seen[message.topic])
        self._bag.write(message.topic, message.stamp_ns, message.data)


def run_recorder(args: list[str] | None = None) -> RecordingSummary:
    """Record until SIGINT or SIGTERM.

    Args:
        args: ROS arguments; None takes those of the process.

    Raises:
        ConfigurationError: a parameter that cannot be used.
        UnavailableError: the bag cannot be written; what was recorded before stays readable.
    """
    stop: list[int] = []
    previous = {n: signal.signal(n, lambda number, _: stop.append(number)) for n in (signal.SIGINT, signal.SIGTERM)}
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = RecorderNode()
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        with suppress(ExternalShutdownException):
            _record_until(stop, node, executor)
        return node.finish()
    finally:
        rclpy.try_shutdown()
        for number, handler in previous.items():
            signal.signal(number, handler)


def main() -> int:
    """Entry point of the executable; the exit code."""
    try:
        summary = run_recorder()
    except KinesisError as error:
        rclpy.logging.get_logger("recorder_node").fatal(str(error))
        return error.exit_code
    for line in summary.lines():
        rclpy.logging.get_logger("recorder_node").info(line)
    return 0


def _record_until(stop: list[int], node: RecorderNode, executor: SingleThreadedExecutor) -> None:
    """Take in what comes until a signal has come and no message is on its way any more."""
    next_discovery, quiet, passes = 0.0, 0, 0
    while True:
        now = time.monotonic()
        if stop:
            if quiet >= _QUIET or passes >= _DRAIN:
                return
            passes += 1
        elif now >= next_discovery:
            node.discover()
            next_discovery = now + _DISCOVERY_PERIOD_S
        executor.spin_once(timeout_sec=0.0)  # parameters, `/clock`
        received = node.drain()
        quiet = quiet + 1 if stop and not received else 0
        if received < _SHORT_PASS:
            node.write_due()
            time.sleep(_PAUSE_S)


if __name__ == "__main__":
    sys.exit(main())
