"""A robot's body on the graph: the counterpart of the simulator's node, with the same topics and services.

    bus process ── state record ──► estimate ──► body_state ──► policy ──► muscle_command ──► gate ──► bus process
                                 guardian ◄── arm, disarm, estop, reset_estop ── graph

configure: find bus process and guardian, publish `muscle_layout`. activate: refuse where the robot does not measure what the
policy looks at; then publish `body_state` at the control rate and take commands. A fault of bus process, driver or guardian is
latched, deactivates this node and the nodes of `chain`; `reset_estop` activates them again, and nothing arms but `arm`.
"""

import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from kinesis_msgs.msg import MuscleCommand
from rclpy.clock import Clock, ClockType
from std_srvs.srv import Trigger

from kinesis_control.drivers.body_estimate import BodyEstimate
from kinesis_control.drivers.bus.client import BusClient
from kinesis_control.drivers.frames import Mode
from kinesis_control.drivers.robot_account import RobotRun
from kinesis_control.drivers.robot_control import RobotControl
from kinesis_control.errors import UnavailableError
from kinesis_control.nodes.robot_chain import Chain
from kinesis_control.nodes.robot_clock import RobotClock
from kinesis_control.nodes.robot_reports import RobotReports
from kinesis_control.nodes.robot_setup import attach, read_setup
from kinesis_control.nodes.robot_topics import RobotTopics
from kinesis_control.ros import qos
from kinesis_control.ros.convert import read_command
from kinesis_control.ros.lifecycle import LifecycleState, LoopLifecycleNode, TransitionCallbackReturn
from kinesis_control.ros.reporting import names_of
from kinesis_control.ros.running import run_node
from kinesis_control.safety.arming import Answer, ArmingConfig, ControlState
from kinesis_control.safety.faults import Fault
from kinesis_control.safety.gate import CommandGate

STATUS_S = 0.5
"""Time between two `control_status` when nothing happens [s]."""
FOUND_S = 2.0
"""How long activate waits for the sensors that the policy needs [s]."""
SILENT_S = 3.0
"""How much longer it waits for a bus process that says too little to judge by [s]."""
SETTLED = 10
"""State records after which everything that is measured has been seen: pages of a bank come in turns, and a velocity needs two lengths."""
LINGER_S = 0.5
READ_S = 3.0
"""How long the end waits until everybody has the account of the run [s, wall clock]; mostly that is so at once."""
DOWN_S = 5.0
"""How long the end waits for the robot to be vented [s]; guardian and banks do not wait for this node."""
FAULT_EXIT = 8
"""Exit code of a run with `duration` that did not arm, run and disarm without a fault."""
_KEPT = 4
"""States back to which a command may answer and still be handed on."""


class DriverNode(LoopLifecycleNode):
    """Estimate, gate, guardian and bus process wired together; the decisions are in `RobotControl` and `CommandGate`."""

    def __init__(self) -> None:
        super().__init__("driver_node")
        setup = self._setup = read_setup(self)
        self._estimate = BodyEstimate(setup.body, setup.robot, setup.table, full_pressure_pa=setup.full_pressure_pa)
        self._checked, _ = self._estimate.known_view()
        self._clock_of_stamps = RobotClock()
        gate = CommandGate(setup.limits, ArmingConfig(fade_s=setup.fade_s))
        self.control = RobotControl(gate, Path(setup.settings.guardian), muscles=setup.body.muscles.names)
        self._run = RobotRun(self.control, setup.duration_s)
        self.account = self._run.account
        self._reports = RobotReports(self, setup.body, setup.robot, self.control, self.account, setup.settings.driver)
        self._topics = RobotTopics(self, setup.body)
        self._reports.reporter.watch(self._topics.state_publisher)
        self._reports.reporter.watch(self.create_subscription(MuscleCommand, "muscle_command", self._on_command, qos.LOOP))
        self._chain = Chain(self, setup.chain)
        self._client: BusClient | None = None
        self._seq = self._last_ns = 0
        self._samples: deque[tuple[int, int, int, int]] = deque(maxlen=_KEPT)  # seq, and of the record: seq, stamp_ns, epoch
        self._status_at = 0.0
        self._resume = False  # deactivated by an error, to be activated again after a reset
        self._end_at: float | None = None
        for name, request in (("estop", self.control.estop), ("reset_estop", self._reset), ("arm", self._arm), ("disarm", self.control.disarm)):
            self.create_service(Trigger, name, self._trigger(name, request))
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._period = setup.limits.control_dt_s
        self.create_timer(self._period, self._on_tick, clock=steady)
        self.create_timer(1.0, self._on_second, clock=steady)
        if setup.autostart:
            self._starter = self.create_timer(0.01, self._on_start, clock=steady)

    # -- lifecycle ------------------------------------------------------------------------------------------------------

    def configure(self) -> None:
        """Find bus process and guardian.

        Raises:
            UnavailableError: one of them is not there in time.
            LayoutError: the bus process runs another robot.
        """
        setup = self._setup
        until = time.monotonic() + setup.start_s
        self._client = attach(setup, until)
        self._reports.record = self._client.state
        self.control.begin(self._now_s())
        while self.control.status is None:
            self.control.begin(self._now_s())
            self.control.poll(self._client.state, fresh=self._client.fetch(), now_s=self._now_s())
            if time.monotonic() > until:
                raise UnavailableError(f"the guardian at '{setup.settings.guardian}' says nothing ({setup.start_s:g} s)")
            time.sleep(0.01)
        self._topics.publish_layout()
        self._reports.note = ""
        self.get_logger().info(f"robot '{setup.settings.robot}', {len(setup.body.muscles)} muscles over '{setup.settings.driver}', {1.0 / self._period:g} Hz")

    def activate(self) -> None:
        """Begin to publish states and to take commands.

        Raises:
            UnavailableError: the robot does not measure what the policy looks at, or is in error.
        """
        if self.control.error:
            raise UnavailableError(f"{self.control.error}; reset it first")
        assert self._client is not None
        until, records = time.monotonic() + FOUND_S, 0
        while True:
            if self._client.fetch():
                self._estimate.update(self._client.state)
                records += 1
            lacking = self._estimate.unknown(self._setup.needs)
            if not lacking and records >= SETTLED:
                break
            if time.monotonic() > until and records >= SETTLED:
                raise UnavailableError(
                    f"driver '{self._setup.settings.driver}' does not measure {', '.join(lacking)}, which the policy looks at; "
                    "nothing is put in its place: use a link whose hub carries it (docs/robot/robot.md)"
                )
            if time.monotonic() > until + SILENT_S:
                raise UnavailableError(f"the bus process is silent: {records} state records in {FOUND_S + SILENT_S:g} s")
            time.sleep(0.005)
        self._checked, self._reports.missing = self._estimate.known_view()
        self.control.begin(self._now_s())
        self._reports.note = ""

    def deactivate(self) -> None:
        """Publish no more states; the robot fades out and is brought down."""
        if self.control.gate.state in (ControlState.ARMED, ControlState.ACTIVE) or self.control.arming:
            self.control.disarm(self._now_s())

    def release(self) -> None:
        """Leave the bus process."""
        self._reports.record = np.zeros(())
        if self._client is not None:
            self._client.close()
            self._client = None

    def refused(self, reason: str) -> None:
        """Put the reason where people find it."""
        self._reports.note = reason

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """A transition has failed: back to unconfigured, with the robot vented."""
        self.control.estop(self._now_s())
        self.release()
        return TransitionCallbackReturn.SUCCESS

    def _on_start(self) -> None:
        """Once: configure and activate."""
        self._starter.cancel()
        for transition in (self.trigger_configure, self.trigger_activate):
            if transition() is not TransitionCallbackReturn.SUCCESS:
                self._reports.reporter.send_diagnostics()
                self.end(UnavailableError.exit_code)
                return

    # -- the loop -------------------------------------------------------------------------------------------------------

    def _now_s(self) -> float:
        return self._clock_of_stamps.now_s()

    def _on_tick(self) -> None:
        client, now = self._client, self._now_s()
        if self._end_at is not None and time.monotonic() > self._end_at:
            self.end(0 if self.account.disarmed and self.account.active and not self._reports.stopping_faults() else FAULT_EXIT)
        if client is None:
            return
        fresh = client.fetch()
        self.control.poll(client.state, fresh=fresh, now_s=now)
        gate = self.control.gate
        if self.active and fresh:
            self._publish(client.state, now)
        elif self.active:
            self.account.misses += 1
        if gate.state is ControlState.FADING:
            self._send(gate.output(now), self._samples[-1] if self._samples else None)
        else:
            gate.output(now)
        if self.control.error and self.active and gate.state is not ControlState.FADING:
            self._deactivate_chain()
        if self._end_at is None and self._run.follow(now):
            self._finish()
        if self._reports.situation() != self._reports.reported or now - self._status_at > STATUS_S:
            self._status_at = now
            self._reports.send(self._clock_of_stamps.stamp_ns(time.monotonic_ns()))

    def _publish(self, record: np.ndarray, now_s: float) -> None:
        state = self._estimate.update(record)
        stamp_ns = int(record["stamp_ns"])
        self._seq += 1
        state.seq, state.stamp_ns = self._seq, self._clock_of_stamps.stamp_ns(stamp_ns)
        self._checked.seq, self._checked.stamp_ns = state.seq, state.stamp_ns
        self._samples.append((self._seq, int(record["seq"]), stamp_ns, int(record["epoch"])))
        self.control.gate.sensors(self._checked, now_s)
        self._topics.publish_state(state)
        self.account.states += 1

    def _on_command(self, message: MuscleCommand) -> None:
        gate, now = self.control.gate, self._now_s()
        command = read_command(message)
        result = gate.submit(command, now)
        if result.accepted:
            self._reports.reporter.settled = True
            self._send(gate.output(now), next((sample for sample in self._samples if sample[0] == command.seq), None))
        elif result.fault is not Fault.NOT_ARMED and result.fault is not None and gate.faults.count(result.fault) == 1:
            self.get_logger().warning(f"command refused: {gate.last_rejection} (said once; counted in control_status)")

    def _send(self, excitation: np.ndarray, sample: tuple[int, int, int, int] | None) -> None:
        """Hand excitations to the bus process, which makes pressures of them."""
        if self._client is not None and sample is not None:
            _, answers, stamp_ns, epoch = sample
            self._client.send(excitation, Mode.EXCITATION, answers=answers, stamp_ns=stamp_ns, epoch=epoch)

    def _deactivate_chain(self) -> None:
        """The error path: nobody commands a robot that is in error."""
        self.get_logger().error(f"{self.control.error}; deactivating the chain")
        self._resume = True
        self._chain.deactivate()
        self.trigger_deactivate()

    # -- requests -------------------------------------------------------------------------------------------------------

    def _trigger(self, name: str, ask: Callable[[float], Answer]) -> Callable[[Any, Any], Any]:
        def serve(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            answer = ask(self._now_s())
            response.success, response.message = answer
            self.get_logger().info(f"{name}: {answer.message}")
            self._reports.send(self._clock_of_stamps.stamp_ns(time.monotonic_ns()))
            return response

        return serve

    def _arm(self, now_s: float) -> Answer:
        """Arm, unless the node is not active, or it is open whose commands would come first."""
        if not self.active:
            return Answer(False, self.control.error or "the driver node is not active")
        senders = self.get_publishers_info_by_topic(self.resolve_topic_name("muscle_command"))
        if len(senders) > 1:
            return Answer(False, f"'muscle_command' has {len(senders)} senders: {names_of(senders)}; a body takes one at a time")
        return self.control.arm(now_s)

    def _reset(self, now_s: float) -> Answer:
        answer = self.control.reset(now_s)
        if answer.success and self._resume and self.control.gate.state is ControlState.DISARMED:
            self._resume = False
            if self.trigger_activate() is not TransitionCallbackReturn.SUCCESS:
                self._resume = True
                return Answer(False, f"reset, but the node cannot be activated: {self._reports.note}")
            self._chain.activate()
        return answer

    def _finish(self) -> None:
        self._run.close()
        self._reports.summarise()
        self._reports.wait_until_read(READ_S)
        self._end_at = time.monotonic() + LINGER_S

    def _on_second(self) -> None:
        self._reports.send_parts(time.monotonic_ns())

    def close(self) -> None:
        """Bring the robot down in order, and give the last word."""
        if self._end_at is not None or self._client is None:
            return
        self.control.disarm(self._now_s())
        until = time.monotonic() + DOWN_S
        while time.monotonic() < until:
            self._on_tick()
            if self.control.down and self.control.gate.state is not ControlState.FADING:
                break
            time.sleep(0.5 * self._period)
        if self._end_at is None:
            self._finish()
        self.control.close()
        self.release()


def main() -> None:
    """Run the node."""
    sys.exit(run_node(DriverNode, "driver_node"))


if __name__ == "__main__":
    main()
