"""What the simulated body says about itself: `control_status`, `/diagnostics`, and the summary of a run."""

import json
import time

from rclpy.node import Node
from rclpy.publisher import Publisher
from std_msgs.msg import String

from kinesis_control.ros import qos
from kinesis_control.ros.reporting import ERROR, OK, WARN, Diagnosis, Reporter, fault_values, latency_values, names_of
from kinesis_control.safety.arming import ControlState
from kinesis_sim.session import Session

RATE_S = 1.0
"""Wall time over which the rate is measured, at least [s]."""


class SimReports:
    """Reads a session and publishes; changes nothing in it.

    Attributes:
        reporter: of the status and the diagnostics.
        reported_state: state of the gate in the last `control_status`.
        said_at: wall time of the last `control_status` [s].
    """

    def __init__(self, node: Node, session: Session, clock_mode: str, policy: str) -> None:
        """`policy`: name of the file that the rates were taken from, or ""."""
        self._node, self._session, self._clock_mode, self._policy = node, session, clock_mode, policy
        self._summary = node.create_publisher(String, "run_summary", qos.LATCHED)
        self.reporter = Reporter(node, self._diagnose)
        self.reporter.watch(self._summary)
        self.reporter.status.body = session.world.body.description.name
        self.reporter.status.clock = clock_mode
        self.reported_state, self.said_at = session.gate.state, time.monotonic()
        self.start_rate(self.said_at)

    def start_rate(self, now: float) -> None:
        """Measure the rate from `now` on [s, wall clock]."""
        self._rate_mark = (now, self._session.world.tick)

    def measure_rate(self, now: float) -> None:
        """Real time: take the rate since the last measurement over, if that is long enough ago."""
        since, tick = self._rate_mark
        if not self._session.config.lockstep and now - since > RATE_S:
            self.reporter.status.rate_hz = (self._session.world.tick - tick) / (now - since)
            self.start_rate(now)

    def send(self) -> None:
        """`control_status` of this moment; no wall-clock time in it in lock-step."""
        session, status, gate = self._session, self.reporter.status, self._session.gate
        status.state, status.mode = int(gate.state), self._mode()
        status.ticks, status.accepted, status.rejected = session.world.tick, gate.accepted, gate.rejected
        status.last_rejection = gate.last_rejection
        self.reporter.set_faults(gate.faults.counts())
        if not session.config.lockstep:
            status.deadline_misses = session.statistics.misses
            self.reporter.set_latency(session.statistics.latency.summary())
        self.reporter.send_status(session.state.stamp_ns)
        self.reported_state, self.said_at = gate.state, time.monotonic()

    def repeat(self) -> None:
        """A sign of life. In lock-step the last status as it was: how long a run waits for an answer leaves no trace in it."""
        if self._session.config.lockstep and self._session.started:
            self.reporter.repeat_status()
            self.said_at = time.monotonic()
        else:
            self.send()

    @property
    def publishers(self) -> tuple[Publisher, ...]:
        """Of what is sent last in a run."""
        return self.reporter.status_publisher, self._summary

    def summarise(self) -> None:
        """The account of the run so far, on `run_summary`."""
        session, gate = self._session, self._session.gate
        summary = session.statistics.as_dict() | {
            "finished": session.finished,
            "broken": session.broken,
            "faults": gate.faults.counts(),
            "accepted": gate.accepted,
            "rejected": gate.rejected,
            "last_rejection": gate.last_rejection,
            "state": gate.state.name.lower(),
            "body": self.reporter.status.body,
            "seed": session.config.seed,
            "clock": self._clock_mode,
            "policy": self._policy,
        }
        self._summary.publish(String(data=json.dumps(summary)))

    def _mode(self) -> str:
        session = self._session
        if session.broken:
            return "broken"
        return "finished" if session.finished else "paused" if session.paused else ""

    def _diagnose(self) -> Diagnosis:
        """Wall-clock account."""
        gate, statistics = self._session.gate, self._session.statistics
        senders = self._node.get_publishers_info_by_topic(self._node.resolve_topic_name("muscle_command"))
        stopped = gate.state in (ControlState.FAULT, ControlState.ESTOPPED)
        level = ERROR if stopped else WARN if gate.faults.counts() or len(senders) > 1 else OK
        cause = f": {gate.cause.meaning}" if gate.cause else ""
        cause += f"; {len(senders)} senders of commands" if len(senders) > 1 else ""
        values = {"real_time_factor": f"{statistics.real_time_factor:.3f}", "ticks": str(self._session.world.tick), "commander": gate.commander}
        values["senders"] = names_of(senders)
        values |= {"accepted": str(gate.accepted), "rejected": str(gate.rejected), "last_rejection": gate.last_rejection}
        values |= latency_values(statistics.latency.summary()) | fault_values(gate.faults.counts())
        return level, gate.state.name.lower() + cause, values
