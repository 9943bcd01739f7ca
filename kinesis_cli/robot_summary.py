"""What a run of a robot looks like while it goes on and what it came to."""

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kinesis_cli.status import as_dict
from kinesis_control.drivers.codecs.guardian import GuardianState, Status
from kinesis_control.drivers.guardian.settings import GuardianFault
from kinesis_control.safety.faults import Fault, Severity

if TYPE_CHECKING:
    from kinesis_msgs.msg import ControlStatus

_STEPS = {
    GuardianState.BOOT: "vented", GuardianState.SELFTEST: "self-test", GuardianState.IDENT: "who is there", GuardianState.LEASE: "lease",
    GuardianState.ESTOP_CHAIN: "stop chain", GuardianState.SUPPLY_ON: "supply on", GuardianState.PRECHARGE: "pre-charge", GuardianState.ARMED: "armed",
    GuardianState.ACTIVE: "active", GuardianState.STOPPING: "stopping", GuardianState.FAULT: "FAULT",
}  # fmt: skip


@dataclass(kw_only=True)
class RobotSummary:
    """Gathers what guardian and nodes say.

    Attributes:
        steps: names of the guardian's states in the order in which they were first entered or entered again.
        reports: latest status by node name. final: the driver node's own account, once it has given it.
        active_s: time in ACTIVE so far, by the clock of the one who watches [s].
    """

    body: str
    driver: str
    policy_sha256: str
    steps: list[str] = field(default_factory=list)
    reports: dict[str, dict[str, Any]] = field(default_factory=dict)
    final: dict[str, Any] = field(default_factory=dict)
    active_s: float = 0.0
    guardian_fault: str = ""
    _watched_s: float | None = None

    def on_guardian(self, status: Status) -> str:
        """Take in a status; a line for a person when it is a new step, else "". ARMED and ACTIVE in turns are told once an arming."""
        name = GuardianState(status.state).name
        if status.fault:
            self.guardian_fault = f"{GuardianFault(status.fault).name}: {status.text}"
        if self.steps and self.steps[-1] == name:
            return ""
        since = len(self.steps) - self.steps[::-1].index("SUPPLY_ON") if "SUPPLY_ON" in self.steps else 0
        again = name in ("ARMED", "ACTIVE") and name in self.steps[since:]
        self.steps.append(name)
        return "" if again else f"  {_STEPS[GuardianState(status.state)]:<13} {status.text}"

    def on_status(self, message: "ControlStatus") -> None:
        """Take in one status message of any node."""
        report = as_dict(message)
        self.reports[report["node"]] = report

    def on_final(self, text: str) -> None:
        """Take in the driver node's account, JSON on `run_summary`."""
        self.final = json.loads(text)

    def watch(self, now_s: float) -> None:
        """Count the time in ACTIVE; `now_s` is monotonic [s]."""
        if self.edge.get("state") == "active":
            self.active_s += now_s - self._watched_s if self._watched_s is not None else 0.0
            self._watched_s = now_s
        else:
            self._watched_s = None

    @property
    def edge(self) -> dict[str, Any]:
        """Latest report of the driver node, or an empty one."""
        return self.reports.get("driver_node", {})

    @property
    def good(self) -> bool:
        """Whether the robot was armed, ran, and was disarmed without a fault; only the driver node's own account counts."""
        final = self.final
        return bool(final.get("active") and final.get("disarmed") and not final["stopped_by"] and not final["guardian_fault"])

    def line(self) -> str:
        """The run in one line."""
        edge = self.edge
        if not edge:
            return "starting: waiting for the driver node"
        motion = self.reports.get("motion_node", {}).get("mode", "-")
        known = {fault.name: fault.severity for fault in Fault}
        told = {name: count for name, count in edge["faults"].items() if known.get(name) is not Severity.NOTICE}
        faults = ", ".join(f"{name} x{count}" for name, count in told.items()) or "none"
        said = f"{edge['state']:<8} {self.active_s:6.1f} s in motion  {motion:<6} {edge['mode']}"
        return f"{said}  states {edge['ticks']}  commands {edge['accepted']}  faults: {faults}"

    def closing(self) -> str:
        """Last lines of a run."""
        final = self.final
        if not final:
            return "the driver node gave no account of the run"
        words = [f"{final['active_seconds']:.1f} s in motion, {final['states']} states, {final['accepted']} commands"]
        words.append("armed" if final["armed"] else "never armed")
        words.append("disarmed, vented" if final["disarmed"] else "not disarmed in order")
        if final["stopped_by"]:
            words.append("stopped by " + ", ".join(final["stopped_by"]))
        words += [text for text in (final["error"], f"guardian {final['guardian_fault']}" if final["guardian_fault"] else "") if text]
        if final["not_measured"]:
            words.append("not measured by this link: " + ", ".join(final["not_measured"]))
        return "; ".join(words)

    def as_dict(self) -> dict[str, Any]:
        """The JSON object of `--json`."""
        return {"good": self.good, "steps": self.steps, "policy_sha256": self.policy_sha256, "body": self.body, "driver": self.driver, **self.final}
