"""What the edge of a body reports, as the page is told it; from a message of the graph or of a recording alike."""

import math
from typing import Any

from kinesis_sim.viewer.advice import explain

STATES = ("disarmed", "armed", "active", "fading", "e-stopped", "fault")
"""Names of ControlStatus.state by its number."""

OTHERS = ("policy_node", "motion_node")
"""Nodes that report a status and are not the edge of the body."""


def edge_status(message: Any) -> dict[str, Any]:
    """State, faults with their meaning, and timing [ms]; ready for JSON."""
    faults = zip(message.fault_names, message.fault_counts, strict=True)
    return {
        "state": STATES[message.state] if message.state < len(STATES) else "unknown",
        "clock": message.clock,
        "paused": message.mode == "paused",
        "ticks": int(message.ticks),
        "faults": [(name, int(count), *explain(name)) for name, count in faults],
        "refusal": message.last_rejection,
        "misses": int(message.deadline_misses),
        "hz": float(message.rate_hz),
        "latency": (1e3 * float(message.latency_p50), 1e3 * float(message.latency_p99)),
    }


def goal_of(activity: Any) -> tuple[float, float, float | None] | None:
    """Place and heading that the body goes to (x, y [m], yaw [rad] or None for any), from an Activity; None where it goes to none."""
    for pose in activity.goal:
        turn = pose.orientation
        heading = 2.0 * math.atan2(turn.z, turn.w) if turn.z or turn.w else None
        return float(pose.position.x), float(pose.position.y), heading
    return None
