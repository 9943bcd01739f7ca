"""`kinesis status`: what every node of the graph is doing."""

import argparse
import json
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kinesis_cli.options import add_namespace
from kinesis_control.safety.arming import ControlState

if TYPE_CHECKING:
    from kinesis_msgs.msg import ControlStatus

KNOWN_STATES = frozenset(int(state) for state in ControlState)

GATHER_S = 1.2
"""How long status messages are gathered once the first has come [s]; every node sends at least one a second."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `status`."""
    parser = subparsers.add_parser("status", help="what every node is doing", description="What every node of the running graph is doing.")
    parser.add_argument("--watch", action="store_true", help="again every second, until Ctrl-C")
    parser.add_argument("--json", action="store_true", help="one JSON object a report, for programs")
    add_namespace(parser)


def run(args: argparse.Namespace) -> int:
    """Listen to `control_status` and print a table.

    Raises:
        UnavailableError: no node of a graph sends its status.
    """
    from kinesis_msgs.msg import ControlStatus

    from kinesis_cli.graph import WATCH, Graph

    reports: dict[str, dict[str, Any]] = {}

    def keep(message: ControlStatus) -> None:
        reports[message.node] = {**as_dict(message), "received": time.monotonic()}

    with Graph("status", args.namespace) as graph:
        graph.node.create_subscription(ControlStatus, "control_status", keep, WATCH)
        graph.require(lambda: bool(reports), "no node sends 'control_status'")
        graph.spin(GATHER_S)
        _show(reports, args.json)
        while args.watch:
            graph.spin(1.0)
            _show(reports, args.json)
    return 0


def as_dict(message: "ControlStatus") -> dict[str, Any]:
    """The fields that a person or a program reads, with plain types; times in microseconds."""
    return {
        "node": message.node,
        "state": ControlState(message.state).name.lower() if message.state in KNOWN_STATES else f"unknown ({message.state})",
        "mode": message.mode,
        "body": message.body,
        "policy": message.policy,
        "policy_sha256": message.policy_sha256,
        "clock": message.clock,
        "ticks": int(message.ticks),
        "accepted": int(message.accepted),
        "rejected": int(message.rejected),
        "last_rejection": message.last_rejection,
        "faults": {name: int(count) for name, count in zip(message.fault_names, message.fault_counts, strict=False)},
        "deadline_misses": int(message.deadline_misses),
        "rate_hz": float(message.rate_hz),
        "latency_us": {key: 1e6 * float(getattr(message, f"latency_{key}")) for key in ("p50", "p99", "max")},
    }


def table(reports: Mapping[str, Mapping[str, Any]], now: float) -> str:
    """The reports as lines of text; `now` is on the clock of their `received` [s]."""
    rows = [f"{'node':<18}{'state':<10}{'mode':<8}{'clock':<10}{'ticks':>9}{'misses':>8}{'rate Hz':>9}{'p99 us':>8}  rejected, faults"]
    for name in sorted(reports):
        report = reports[name]
        faults = ", ".join(f"{fault} x{count}" for fault, count in report["faults"].items()) or "no fault"
        silent = now - report["received"]
        rows.append(
            f"{name:<18}{report['state']:<10}{report['mode'] or '-':<8}{report['clock']:<10}{report['ticks']:>9}{report['deadline_misses']:>8}"
            f"{report['rate_hz']:>9.1f}{report['latency_us']['p99']:>8.0f}  {report['rejected']}, {faults}"
            + (f"  (silent for {silent:.0f} s)" if silent > 3.0 else "")
        )
        if report["last_rejection"]:
            rows.append(f"{'':<18}last rejection: {report['last_rejection']}")
    bodies = sorted({report["body"] for report in reports.values() if report["body"]})
    policies = sorted({f"{report['policy']} ({report['policy_sha256'][:12]})" for report in reports.values() if report["policy"]})
    return "\n".join([f"body: {', '.join(bodies) or '-'}   policy: {', '.join(policies) or '-'}", *rows])


def _show(reports: dict[str, dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print(json.dumps({name: {k: v for k, v in report.items() if k != "received"} for name, report in reports.items()}), flush=True)
        return
    if sys.stdout.isatty():
        print()
    print(table(reports, time.monotonic()), flush=True)
