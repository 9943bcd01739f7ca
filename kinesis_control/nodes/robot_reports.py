"""What the driver node says: `control_status`, `/diagnostics` of itself, of every bank and of every muscle, and the account of a run."""

import json
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.duration import Duration
from rclpy.node import Node
from std_msgs.msg import String

from kinesis_control.body_state import BodyDescription
from kinesis_control.drivers.bus.records import FAULTS
from kinesis_control.drivers.codecs.valve_bank import BankFault, BankState
from kinesis_control.drivers.frames import NO_BANK_STATE, Capabilities
from kinesis_control.drivers.robot_account import RunAccount
from kinesis_control.drivers.robot_control import RobotControl
from kinesis_control.ros import qos
from kinesis_control.ros.reporting import ERROR, OK, WARN, Diagnosis, Reporter, diagnostic, fault_values, names_of, worst_first
from kinesis_control.safety.arming import ControlState
from kinesis_control.safety.faults import Severity

STALE_BANK_NS = 100_000_000
"""Age at which a bank's state counts as old [ns]."""
_SATURATED_WARN = 0.05
"""Missing force, as a share of the peak force, at which a muscle is warned about."""


class RobotReports:
    """Reads control, record and account, and publishes; changes nothing in them.

    Attributes:
        reporter: of the status and the node's own diagnostics.
        record: newest state record of the bus process; of no fields before the first.
        missing: fields of a body state that this robot does not measure. note: why a transition was refused; empty when none was.
        reported: what the last `control_status` said: state of the gate and of the guardian.
    """

    def __init__(self, node: Node, body: BodyDescription, robot: Capabilities, control: RobotControl, account: RunAccount, link: str) -> None:
        """`link`: name of the driver."""
        self._node, self._body, self._robot, self._control, self._account, self._link = node, body, robot, control, account, link
        self.record: Any = np.zeros(())
        self.missing: tuple[str, ...] = ()
        self.note = ""
        self._summary = node.create_publisher(String, "run_summary", qos.LATCHED)
        self._parts = node.create_publisher(DiagnosticArray, "/diagnostics", qos.STATUS)
        self._name = node.get_fully_qualified_name().lstrip("/")
        self.reporter = Reporter(node, self._diagnose)
        self.reporter.watch(self._summary)
        self.reporter.status.body, self.reporter.status.clock = body.name, "realtime"
        self.reported: tuple[object, ...] = ()

    def situation(self) -> tuple[object, ...]:
        """What a new status is sent at once for."""
        return (self._control.gate.state, self._control.guardian_state, self._control.error)

    def send(self, stamp_ns: int) -> None:
        """`control_status` of this moment."""
        gate, status = self._control.gate, self.reporter.status
        guardian = self._control.guardian_state
        status.state = int(gate.state)
        status.mode = self._control.error or (f"guardian {guardian.name}" if guardian is not None else "guardian silent")
        status.ticks, status.accepted, status.rejected = self._account.states, gate.accepted, gate.rejected
        status.last_rejection, status.deadline_misses = gate.last_rejection, self._account.misses
        self.reporter.set_faults(self.faults())
        self.reporter.send_status(stamp_ns)
        self.reported = self.situation()

    def faults(self) -> dict[str, int]:
        """Counts of gate and bus process, the larger one where both have seen it; worst first."""
        counts = dict(self._control.gate.faults.counts())
        if self.record.dtype.names:
            for fault, count in zip(FAULTS, self.record["fault_counts"].tolist(), strict=True):
                if count:
                    counts[fault.name] = max(int(count), counts.get(fault.name, 0))
        order = {fault.name: fault.severity for fault in FAULTS}
        return dict(sorted(counts.items(), key=lambda entry: -order[entry[0]]))

    def stopping_faults(self) -> dict[str, int]:
        """Those that stop a robot."""
        severe = {fault.name for fault in FAULTS if fault.severity >= Severity.STOP}
        return {name: count for name, count in self.faults().items() if name in severe}

    def summarise(self) -> None:
        """The account of the run so far, on `run_summary`, in JSON."""
        account, control, record = self._account, self._control, self.record
        loop = {name: int(record[name]) for name in ("cycles", "overruns", "late", "lost")} if record.dtype.names else {}
        summary = {
            "body": self._body.name, "driver": self._link, "armed": account.armed, "active": account.active, "disarmed": account.disarmed,
            "active_seconds": round(account.active_s, 3), "states": account.states, "misses": account.misses, "bus": loop,
            "faults": self.faults(), "stopped_by": self.stopping_faults(), "guardian_fault": control.guardian_fault, "error": control.error,
            "accepted": control.gate.accepted, "rejected": control.gate.rejected, "not_measured": list(self.missing), "state": control.gate.state.name.lower(),
        }  # fmt: skip
        self._summary.publish(String(data=json.dumps(summary)))

    def wait_until_read(self, timeout_s: float) -> None:
        """Give the readers of the summary time to have it [s, wall clock]."""
        self._summary.wait_for_all_acked(Duration(seconds=timeout_s))

    def send_parts(self, now_ns: int) -> None:
        """One entry for every bank and every muscle, worst first."""
        if not self.record.dtype.names:
            return
        entries = [self._bank(bank, now_ns) for bank in range(self._robot.n_banks)]
        entries += [self._muscle(place, name) for place, name in enumerate(self._robot.muscles.names)]
        array = DiagnosticArray(status=worst_first(entries))
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._parts.publish(array)

    def _bank(self, bank: int, now_ns: int) -> DiagnosticStatus:
        record = self.record
        state, faults = int(record["bank_state"][bank]), int(record["bank_faults"][bank])
        age_ns = now_ns - int(record["bank_stamp_ns"][bank])
        heard = state != NO_BANK_STATE
        word = BankState(state).name.lower() if heard and state in tuple(BankState) else "not heard" if not heard else f"state {state}"
        bad = not heard or age_ns > STALE_BANK_NS or bool(faults) or state == BankState.FAULT
        values = {
            "age_ms": f"{1e-6 * age_ns:.1f}" if heard else "never", "faults": str(BankFault(faults)) if faults else "none",
            "fault_channel": str(int(record["bank_fault_channel"][bank])), "lag": str(int(record["bank_lag"][bank])),
            "temperature_c": f"{record['bank_temperature_c'][bank]:.1f}", "supply_bar": f"{1e-5 * record['bank_supply_pa'][bank]:.2f}",
        }  # fmt: skip
        return diagnostic(f"{self._name}/bank {bank}", ERROR if bad else OK, word, values)

    def _muscle(self, place: int, name: str) -> DiagnosticStatus:
        record = self.record
        pressure, shortfall = float(record["pressure_pa"][place]), float(record["shortfall"][place])
        faulty = self._control.bus_fault is not None and int(record["fault_muscle"]) == place
        if faulty or not np.isfinite(pressure):
            level, word = ERROR, self._control.bus_fault.meaning if faulty and self._control.bus_fault else "its pressure sensor gives no reading"
        elif self._control.gate.state is ControlState.ACTIVE and shortfall > _SATURATED_WARN:
            level, word = WARN, "cannot give the force that is asked for"
        else:
            level, word = OK, "good"
        values = {
            "pressure_bar": f"{1e-5 * pressure:.2f}", "sent_bar": f"{1e-5 * record['sent_pa'][place]:.2f}", "shortfall": f"{shortfall:.3f}",
            "tension_n": f"{record['tension_n'][place]:.1f}", "length_m": f"{record['length_m'][place]:.4f}",
        }  # fmt: skip
        return diagnostic(f"{self._name}/muscle {name}", level, word, values)

    def _diagnose(self) -> Diagnosis:
        control, gate = self._control, self._control.gate
        senders = self._node.get_publishers_info_by_topic(self._node.resolve_topic_name("muscle_command"))
        faults = self.faults()
        stopped = bool(control.error) or gate.state in (ControlState.FAULT, ControlState.ESTOPPED) or bool(self.note)
        level = ERROR if stopped else WARN if self.stopping_faults() or len(senders) > 1 or self._statement() else OK
        guardian = control.status
        message = self.note or control.error or gate.state.name.lower() + (f": {gate.cause.meaning}" if gate.cause else "")
        values = {
            "driver": self._link, "guardian": control.guardian_state.name if control.guardian_state is not None else "silent",
            "guardian_text": guardian.text if guardian is not None else "", "not_measured": ", ".join(self.missing) or "nothing",
            "real_time": self._statement() or "granted", "commander": gate.commander, "senders": names_of(senders), "last_rejection": gate.last_rejection,
        }  # fmt: skip
        if self.record.dtype.names:
            values |= {name: str(int(self.record[name])) for name in ("cycles", "overruns", "late", "lost")}
        return level, message, values | fault_values(faults)

    def _statement(self) -> str:
        """What the bus process could not get of the system, in words."""
        return bytes(self.record["statement"]).rstrip(b"\0").decode(errors="replace") if self.record.dtype.names else ""
