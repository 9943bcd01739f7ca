"""Runs a policy: one muscle command in answer to each body state, once the reference for it is here as well.

configure: take the body from `muscle_layout`, load the policy, refuse it with every difference named, replay its golden
sample. activate: refuse where someone else commands the body already.
"""

import gc
import math
import sys
import time

import numpy as np
from kinesis_msgs.msg import BodyState as BodyStateMessage
from kinesis_msgs.msg import MuscleCommand, MuscleLayout
from kinesis_msgs.msg import ReferenceWindow as ReferenceMessage
from rclpy.clock import Clock, ClockType
from rclpy.publisher import Publisher
from rclpy.wait_for_message import wait_for_message

from kinesis_control.body_state import BodyDescription, BodyState
from kinesis_control.errors import LayoutError, UnavailableError
from kinesis_control.latency import LatencyWindow
from kinesis_control.policy import Policy, PolicyFaultError
from kinesis_control.reference import ReferenceWindow
from kinesis_control.ros import qos
from kinesis_control.ros.convert import CommandWriter, read_body_state, read_layout, read_reference
from kinesis_control.ros.lifecycle import LoopLifecycleNode
from kinesis_control.ros.parameters import declare, declare_choice
from kinesis_control.ros.reporting import ERROR, OK, WARN, Diagnosis, Reporter, fault_values, latency_values, names_of
from kinesis_control.ros.running import run_node
from kinesis_control.safety.arming import ControlState
from kinesis_control.safety.faults import Fault, FaultLog

STATUS_S = 0.5
"""Time on the clock of the states between two `control_status` [s]."""

VALID_S = 0.3
"""How long a command may be held [s]: the time for which a robot's valve banks hold before they vent, too."""

REFERENCE_PERIODS = 3
"""Real time: an older reference than so many control periods is not used."""

MATCH_S = 10.0
"""How long activate waits for the body to listen [s, wall clock]."""


class PolicyNode(LoopLifecycleNode):
    """Body states and references in, muscle commands out."""

    def __init__(self) -> None:
        super().__init__("policy_node")
        self._path = declare(self, "policy", "", "Policy file (ONNX with its contract inside).")
        self._clock_mode = declare_choice(self, "clock", "lockstep", "What sets the pace.", ("lockstep", "realtime"))
        self._layout_timeout = declare(self, "layout_timeout_s", 10.0, "How long configure waits for muscle_layout [s].", low=0.1, high=60.0)
        self._reporter = Reporter(self, self._diagnose)
        self._reporter.status.clock = self._clock_mode
        self._faults = FaultLog()
        self._latency = LatencyWindow()
        self._refusal = ""
        self._publisher: Publisher | None = None
        self._layout: MuscleLayout | None = None
        self._body: BodyDescription | None = None
        # Made here and not in configure: discovery takes its time, and has it while the policy is loaded.
        for kind, topic, serve in ((BodyStateMessage, "body_state", self._on_state), (ReferenceMessage, "reference", self._on_reference)):
            self._reporter.watch(self.create_subscription(kind, topic, serve, qos.LOOP))
        self.create_subscription(MuscleLayout, "muscle_layout", self._on_layout, qos.LATCHED)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._late_timer = self.create_timer(1.0, self._on_late, clock=steady)
        self._late_timer.cancel()

    def configure(self) -> None:
        """Load the policy for the body that is there.

        Raises:
            UnavailableError: no body, or no such file.
            ContractError: the policy does not fit.
        """
        if not self._path:
            raise UnavailableError("parameter 'policy' is empty, expected the path of an ONNX file")
        body = self._find_body()
        self._policy = Policy.load(self._path, body)
        contract = self._policy.contract
        self._body, self._period = body, contract.control_dt_s
        self._status_ticks = max(round(STATUS_S / self._period), 1)
        self._state = BodyState.zeros(body)
        self._reference = ReferenceWindow.zeros(body, np.array(contract.reference_offsets_s))
        self._command = CommandWriter(body, self.get_fully_qualified_name(), VALID_S)
        self._nothing = np.full(len(body.muscles), math.nan)
        status = self._reporter.status
        status.body, status.policy, status.policy_sha256 = body.name, self._policy.path.name, self._policy.sha256
        self._refusal = ""
        self.get_logger().info(f"policy '{contract.name}' for body '{body.name}' at {contract.control_rate_hz:g} Hz is ready")

    def _find_body(self) -> BodyDescription:
        if self._layout is None:
            # A wait set of its own: this runs inside a callback, where the executor takes nothing in.
            _, self._layout = wait_for_message(MuscleLayout, self, "muscle_layout", qos_profile=qos.LATCHED, time_to_wait=self._layout_timeout)
        if self._layout is None:
            raise UnavailableError(f"no body: nothing came on '{self.resolve_topic_name('muscle_layout')}' for {self._layout_timeout:g} s")
        return read_layout(self._layout)

    def _on_layout(self, message: MuscleLayout) -> None:
        self._layout = message

    def activate(self) -> None:
        """Take hold of the body.

        Raises:
            UnavailableError: another node commands it, or nobody listens to commands.
        """
        topic = self.resolve_topic_name("muscle_command")
        if others := self._other_commanders():
            raise UnavailableError(f"'{topic}' has a commander already: {others}; deactivate it first")
        self._publisher = self.create_publisher(MuscleCommand, "muscle_command", qos.LOOP)
        deadline = time.monotonic() + MATCH_S
        while self._publisher.get_subscription_count() == 0:
            if time.monotonic() > deadline:
                self.deactivate()
                raise UnavailableError(f"nobody listens to '{topic}' ({MATCH_S:g} s)")
            time.sleep(0.005)
        self._reporter.watch(self._publisher)
        self._policy.reset()
        self._state.seq = self._reference.seq = self._answered = -1
        self._refusal = ""
        gc.collect()
        gc.freeze()

    def _other_commanders(self) -> str:
        """Names of other nodes that send commands, as far as discovery knows; the body refuses a second one in any case."""
        others = self.get_publishers_info_by_topic(self.resolve_topic_name("muscle_command"))
        mine = [e for e in others if (e.node_namespace, e.node_name) == (self.get_namespace(), self.get_name())]
        if self._publisher is not None and mine:
            others.remove(mine[0])  # which of several of this name does not matter: they are counted
        return names_of(others)

    def deactivate(self) -> None:
        """Let go of the body."""
        self._late_timer.cancel()
        if self._publisher is not None:
            self._reporter.forget("muscle_command")
            self.destroy_publisher(self._publisher)
            self._publisher = None

    def release(self) -> None:
        """Forget body and policy."""
        self.deactivate()
        self._body = None

    def refused(self, reason: str) -> None:
        """Put the reason where the supervisor and people find it."""
        self._refusal = reason
        self._report()
        self._reporter.send_diagnostics()

    def _on_state(self, message: BodyStateMessage) -> None:
        if not self.active or self._body is None:
            return
        try:
            read_body_state(message, self._body.muscles.hash, self._state)
        except LayoutError as error:
            self._note(Fault.WRONG_LAYOUT, str(error))
            return
        if self._reference.seq == self._state.seq:
            self._answer()
        elif self._clock_mode == "realtime":
            self._late_timer.timer_period_ns = round(0.5e9 * self._period)
            self._late_timer.reset()

    def _on_reference(self, message: ReferenceMessage) -> None:
        if not self.active or self._body is None:
            return
        try:
            read_reference(message, self._body.muscles.hash, self._reference)
        except LayoutError as error:
            self._reference.seq = -1
            self._note(Fault.WRONG_LAYOUT, str(error))
            return
        if self._reference.seq == self._state.seq:
            self._answer()

    def _on_late(self) -> None:
        """Real time: the reference for this state did not come in half a period; the last one will do, if it is young."""
        self._late_timer.cancel()
        age_s = 1e-9 * (self._state.stamp_ns - self._reference.stamp_ns)
        if self.active and self._answered != self._state.seq and self._reference.seq >= 0 and age_s <= REFERENCE_PERIODS * self._period:
            self._answer()

    def _answer(self) -> None:
        """State and reference are in hand: send the command for this state, once."""
        state, publisher = self._state, self._publisher
        if self._answered == state.seq or publisher is None:
            return
        self._late_timer.cancel()
        began = time.perf_counter()
        try:
            values = self._policy.act(state, self._reference)
        except PolicyFaultError as error:
            # The body is told that there is no answer: its gate refuses this, counts it, and the clock goes on.
            values = self._nothing
            self._note(error.fault, str(error))
        message = self._command.write(values, state)
        self._latency.add(time.perf_counter() - began)
        publisher.publish(message)
        self._answered = state.seq
        self._reporter.settled = True
        if state.seq % self._status_ticks == 0:
            self._report()

    def _note(self, fault: Fault, detail: str) -> None:
        self._faults.record(fault, 1e-9 * self._state.stamp_ns)
        self._reporter.status.last_rejection = f"{fault.name}: {detail}"
        self._reporter.status.rejected += 1
        # Not throttled by the logger: it looks through the call stack each time, which costs as much as an answer.
        if self._faults.count(fault) == 1:
            self.get_logger().error(f"{fault.name}: {detail} (said once; counted in control_status)")
            self._report()

    def _report(self) -> None:
        status = self._reporter.status
        status.state = int(ControlState.ACTIVE if self.active else ControlState.DISARMED)
        status.accepted = self._latency.count
        if self._body is not None:
            status.mode, status.ticks = self._reference.motion, max(self._answered, 0)
        if self._refusal:
            status.last_rejection = self._refusal
        self._reporter.set_faults(self._faults.counts())
        if self._clock_mode == "realtime":
            self._reporter.set_latency(self._latency.summary())
        self._reporter.send_status(self._state.stamp_ns if self._body is not None else 0)

    def _diagnose(self) -> Diagnosis:
        faults = self._faults.counts()
        others = self._other_commanders()
        level = ERROR if self._refusal else WARN if faults or (others and self.active) else OK
        message = self._refusal or ("active" if self.active else "inactive")
        values = {"other_commanders": others, "policy": self._path, "policy_sha256": self._reporter.status.policy_sha256, "answers": str(self._latency.count)}
        return level, message, values | latency_values(self._latency.summary()) | fault_values(faults)


def main() -> None:
    """Run the node."""
    sys.exit(run_node(PolicyNode, "policy_node"))


if __name__ == "__main__":
    main()
