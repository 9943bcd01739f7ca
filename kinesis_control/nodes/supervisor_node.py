"""Brings the graph up and watches it: policy through configure and activate, every endpoint matched, then arm.

Ends the process with a reason when the graph cannot be brought up, so that a launch ends with it.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from kinesis_msgs.msg import ControlStatus
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSCompatibility, qos_check_compatible
from rclpy.task import Future
from rclpy.topic_endpoint_info import TopicEndpointInfo
from std_srvs.srv import Trigger

from kinesis_control.ros import qos
from kinesis_control.ros.parameters import declare
from kinesis_control.ros.reporting import ERROR, MATCHED, STALE, diagnostic, worst_first
from kinesis_control.ros.running import Ending, run_node

POLL_S = 0.02
"""Time between two looks at the graph while it comes up [s, wall clock]."""

STALE_S = 3.0
"""A node that has said nothing on `/diagnostics` for so long is shown as stale [s, wall clock]."""

REASON_S = 10.0
"""How long the reason of a refusal is waited for [s, wall clock]."""

ANSWER_S = 12.0
"""How long an answer is waited for before the state of the graph is looked at anew [s, wall clock]: it may have got lost, because
the service learns of a client's two halves apart. Longer than an activation takes."""

HANDSHAKE_S = 0.4
"""From the match of a reader to the first message that it will surely get [s, wall clock]: a reliable reader of Fast DDS answers its
sender for the first time 70 ms after they matched, and what was sent before that to a volatile one is never sent again."""

_PUBLISHED = {
    "sim": ("body_state", "control_status"),
    "policy": ("muscle_command", "control_status"),
    "motion": ("reference", "text_reply", "control_status"),
}

START_FAILED = 7
"""Exit code of a graph that did not come up."""


class SupervisorNode(Ending, Node):
    """A sequence of steps, each polled until it is done; then a watch."""

    def __init__(self) -> None:
        super().__init__("supervisor_node")
        self._auto_arm = declare(self, "auto_arm", False, "Arm as soon as every endpoint is matched. For simulations.")
        self._expect_recorder = declare(self, "expect_recorder", False, "Wait for the recorder too.")
        self._expect_observer = declare(self, "expect_observer", False, "Wait for someone who reads run_summary too: a short run is over before it is found.")
        self._timeout = declare(self, "startup_timeout_s", 60.0, "Time for the whole start [s, wall clock].", low=1.0, high=600.0)
        self._names = {role: declare(self, f"{role}_name", f"{role}_node", f"Name of the {role} node.") for role in ("sim", "policy", "motion", "recorder")}
        space = self._space = self.get_namespace().rstrip("/")
        self._change = self.create_client(ChangeState, f"{space}/{self._names['policy']}/change_state")
        self._get = self.create_client(GetState, f"{space}/{self._names['policy']}/get_state")
        self._arm = self.create_client(Trigger, "arm")
        self._status: dict[str, ControlStatus] = {}
        self._diagnostics: dict[str, tuple[float, DiagnosticStatus]] = {}
        self._missing: set[str] = set()
        self.create_subscription(ControlStatus, "control_status", self._on_status, qos.STATUS)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, qos.STATUS)
        self._aggregate = self.create_publisher(DiagnosticArray, "diagnostics_agg", qos.STATUS)
        self._began = time.monotonic()
        self._future: Future | None = None
        self._asked_at = 0.0
        self._refused_at: float | None = None
        self._matched_at: float | None = None
        self._step: Callable[[], str] = self._await_body
        self._waiting = ""
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._poll = self.create_timer(POLL_S, self._on_poll, clock=steady)
        self.create_timer(1.0, self._on_second, clock=steady)

    def _on_poll(self) -> None:
        """Try the present step; it answers with what it waits for, or with nothing when the next one may begin."""
        self._waiting = self._step() or self._waiting
        if self.exit_code is None and self._step != self._done and time.monotonic() - self._began > self._timeout:
            self._fail(f"the graph did not come up in {self._timeout:g} s: waiting for {self._waiting}")

    def _fail(self, reason: str) -> None:
        self.get_logger().fatal(reason)
        self.end(START_FAILED)

    def _await_body(self) -> str:
        if not self.count_publishers("muscle_layout"):
            return "a body on 'muscle_layout'"
        if not (self._change.service_is_ready() and self._get.service_is_ready()):
            return f"the policy node '{self._names['policy']}'"
        self._step = self._look
        return ""

    def _look(self) -> str:
        """In which state is the policy node already?"""
        answer = self._ask(self._get, GetState.Request())
        if answer is None:
            return "the state of the policy node"
        here = answer.current_state.id
        if here == State.PRIMARY_STATE_ACTIVE:
            self._step = self._match
        elif here == State.PRIMARY_STATE_INACTIVE:
            self._step = self._activate
        elif here == State.PRIMARY_STATE_UNCONFIGURED:
            self._step = self._configure
        return f"the policy node to leave '{answer.current_state.label}'"

    def _configure(self) -> str:
        return self._transition(Transition.TRANSITION_CONFIGURE, "configure", self._activate)

    def _activate(self) -> str:
        return self._transition(Transition.TRANSITION_ACTIVATE, "activate", self._match)

    def _transition(self, number: int, name: str, following: Callable[[], str]) -> str:
        waiting = f"the policy node to {name}"
        if self._refused_at is None:
            answer = self._ask(self._change, ChangeState.Request(transition=Transition(id=number)))
            if answer is not None and answer.success:
                self._step = following
            elif answer is not None:
                self._refused_at = time.monotonic()
            return waiting
        # The reason comes on another topic than the refusal, again and again: wait for it, but not for ever.
        told = self._told("policy")
        if told is not None and told.level == ERROR:
            self._fail(told.message)
        elif time.monotonic() - self._refused_at > REASON_S:
            self._fail(f"the policy node refused to {name} and gave no reason")
        return waiting

    def _match(self) -> str:
        """Wait until every node says that its own endpoints have their partners: discovery tells each side apart."""
        if self._expect_recorder and self._names["recorder"] not in {info.node_name for info in self._reader_infos("body_state")}:
            return f"{self._names['recorder']} to listen to 'body_state'"  # it does so last of all
        wanted = {
            # policy and motion listen to the body; motion and this node to every status
            "sim": {"body_state": 2, "muscle_command": 1, "control_status": 2},
            "policy": {"body_state": 1, "reference": 1, "muscle_command": 1, "control_status": 2},
            "motion": {"body_state": 1, "reference": 1, "control_status": 2, "text_reply": 0},
        }
        if self._expect_recorder:
            wanted["recorder"] = {"body_state": 1}  # what is sent before the reader has found the sender is lost to it
        if self._expect_observer:
            wanted["sim"]["run_summary"] = 1
        for role, topics in wanted.items():
            told = self._told(role)
            values = {pair.key: pair.value for pair in told.values} if told is not None else {}
            for topic, count in topics.items():
                count = max(count, self._recorded_by(role, topic))
                if int(values.get(MATCHED + topic, 0)) < count:
                    return f"'{topic}' of {self._names[role]} to have {count} partner(s), it has {values.get(MATCHED + topic, 'said nothing')}"
        self._matched_at = self._matched_at or time.monotonic()
        if self._expect_recorder and time.monotonic() - self._matched_at < HANDSHAKE_S:
            return "the recorder's readers to have answered their senders"
        self._step = self._call_arm if self._auto_arm else self._done
        return "the body to be armed"

    def _recorded_by(self, role: str, topic: str) -> int:
        """How many read what a node publishes, when the recorder is one of them: all of them, for partners have no names."""
        if not self._expect_recorder or topic not in _PUBLISHED.get(role, ()):
            return 0
        readers = [info for info in self._reader_infos(topic) if qos_check_compatible(qos.LOOP, info.qos_profile)[0] != QoSCompatibility.ERROR]
        return len(readers) if self._names["recorder"] in {info.node_name for info in readers} else 0

    def _told(self, role: str) -> DiagnosticStatus | None:
        """Last diagnostics of a node."""
        known = self._diagnostics.get(f"{self._space}/{self._names[role]}".lstrip("/"))
        return None if known is None else known[1]

    def _reader_infos(self, topic: str) -> list[TopicEndpointInfo]:
        return list(self.get_subscriptions_info_by_topic(self.resolve_topic_name(topic)))

    def _call_arm(self) -> str:
        answer = self._ask(self._arm, Trigger.Request())
        if answer is not None and answer.success:
            self.get_logger().info(f"{answer.message}; up in {time.monotonic() - self._began:.2f} s")
            self._step = self._done
        return "the body to be armed" + (f": {answer.message}" if answer is not None else "")

    def _done(self) -> str:
        self._poll.cancel()
        return ""

    def _ask(self, client: Any, request: Any) -> Any:
        """The answer to a request, sent at the first call; None until it is here. One that stays away leads back to `_look`."""
        if self._future is None:
            if client.service_is_ready():
                self._future, self._asked_at = client.call_async(request), time.monotonic()
            return None
        if not self._future.done():
            if time.monotonic() - self._asked_at > ANSWER_S:
                client.remove_pending_request(self._future)
                self._future, self._step = None, self._look
            return None
        answer, self._future = self._future.result(), None
        return answer

    def _on_status(self, message: ControlStatus) -> None:
        before = self._status.get(message.node)
        self._status[message.node] = message
        if message.node == self._names["sim"] and message.state >= ControlStatus.FADING and (before is None or before.state != message.state):
            words = {ControlStatus.FADING: "fading out", ControlStatus.ESTOPPED: "stopped", ControlStatus.FAULT: "in fault"}
            faults = ", ".join(message.fault_names)
            self.get_logger().warning(f"the body is {words.get(message.state, message.state)}; faults so far, worst first: {faults or 'none'}")

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        now = time.monotonic()
        for entry in message.status:
            self._diagnostics[entry.name] = (now, entry)

    def _on_second(self) -> None:
        """Put the diagnostics of all nodes together, worst first, and name the nodes that are gone."""
        now = time.monotonic()
        entries = []
        for name, (came, entry) in self._diagnostics.items():
            silent = now - came
            entries.append(diagnostic(name, STALE, f"silent for {silent:.0f} s", {}) if silent > STALE_S else entry)
        entries += [diagnostic(name, ERROR, "the node has left the graph", {}) for name in sorted(self._look_for_missing())]
        array = DiagnosticArray(status=worst_first(entries))
        array.header.stamp = self.get_clock().now().to_msg()
        self._aggregate.publish(array)

    def _look_for_missing(self) -> set[str]:
        if self._step != self._done:
            return set()
        roles = ["sim", "policy", "motion"] + (["recorder"] if self._expect_recorder else [])
        present = set(self.get_node_names())
        missing = {self._names[role] for role in roles} - present
        sim = self._status.get(self._names["sim"])
        if sim is None or sim.mode != "finished":
            for name in sorted(missing - self._missing):
                self.get_logger().error(f"'{name}' has left the graph; a body without commands fades out by itself")
        self._missing = missing
        return missing


def main() -> None:
    """Run the node."""
    sys.exit(run_node(SupervisorNode, "supervisor_node"))


if __name__ == "__main__":
    main()
