"""What a simulated run came to: gathered from the graph's own messages, written as one JSON file."""

import json
import math
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinesis_cli.status import as_dict
from kinesis_control.errors import UnavailableError
from kinesis_control.safety.faults import Fault

if TYPE_CHECKING:
    from kinesis_msgs.msg import ControlStatus
    from nav_msgs.msg import Odometry

STRIDE_S = 1.0
"""Distance is the length of the path through positions this far apart in time [s]: a stride's sway does not count as way."""

LATENCIES = ("p50", "p99", "max")

ACCOUNT = (
    "seconds_simulated", "wall_seconds", "real_time_factor", "fell", "fall_time", "distance_m", "mean_speed", "ticks",
    "deadline_misses", "latency_us",
)  # fmt: skip
"""Keys of the summary that the simulator itself states best."""


@dataclass(kw_only=True)
class RunSummary:
    """Running account of one run.

    Attributes:
        body: registry name.
        seed: of the simulator.
        policy_sha256: hash of the policy file.
        start_s, now_s: simulated time of the first and the latest odometry [s].
        wall_start_s, wall_now_s: monotonic wall time at which they came [s].
        position: latest root position in odom [m].
        speed: latest horizontal speed of the root [m/s].
        distance_m: way so far [m].
        reports: latest status by node name, as `status.as_dict` gives it.
        final: the simulator's own account, once it has given it.
        fall_time: simulated time of the first fall [s], or None.
    """

    body: str
    seed: int
    policy_sha256: str
    start_s: float | None = None
    now_s: float = 0.0
    wall_start_s: float = 0.0
    wall_now_s: float = 0.0
    position: tuple[float, float, float] = (0.0, 0.0, 0.0)
    speed: float = 0.0
    distance_m: float = 0.0
    reports: dict[str, dict[str, Any]] = field(default_factory=dict)
    final: dict[str, Any] = field(default_factory=dict)
    fall_time: float | None = None
    _mark: tuple[float, float, float] | None = None  # time [s] and horizontal position of the last sample of the way

    def on_odom(self, message: "Odometry", wall_s: float) -> None:
        """Take in one odometry message that came at `wall_s` (monotonic) [s]."""
        stamp, point, twist = message.header.stamp, message.pose.pose.position, message.twist.twist.linear
        self.now_s, self.wall_now_s = stamp.sec + 1e-9 * stamp.nanosec, wall_s
        self.position = (point.x, point.y, point.z)
        self.speed = math.hypot(twist.x, twist.y)
        if self.start_s is None:
            self.start_s, self.wall_start_s = self.now_s, wall_s
        if self._mark is None or self.now_s < self._mark[0]:
            self._mark = (self.now_s, point.x, point.y)
        elif self.now_s - self._mark[0] >= STRIDE_S:
            self.distance_m += self._since_mark()
            self._mark = (self.now_s, point.x, point.y)

    def on_status(self, message: "ControlStatus") -> None:
        """Take in one status message of any node."""
        report = as_dict(message)
        self.reports[report["node"]] = report
        if self.fall_time is None and Fault.FALLEN.name in report["faults"]:
            stamp = message.header.stamp
            self.fall_time = stamp.sec + 1e-9 * stamp.nanosec

    def on_final(self, text: str) -> None:
        """Take in the simulator's own account, JSON on `run_summary`: it is exact, where this one only watched."""
        self.final = json.loads(text)

    @property
    def edge(self) -> dict[str, Any]:
        """Latest report of the body's edge, or an empty one."""
        return self.reports.get("sim_node", {})

    @property
    def mode(self) -> str:
        """What is being done, in a word: the simulator's "paused" or "finished", else what the motion side says."""
        told = (self.reports.get(node, {}).get("mode", "") for node in ("sim_node", "motion_node", "policy_node"))
        return next((mode for mode in told if mode), "-")

    @property
    def seconds(self) -> float:
        """Simulated time of the run so far [s]."""
        return 0.0 if self.start_s is None else self.now_s - self.start_s

    @property
    def wall_seconds(self) -> float:
        """Wall time from the first to the latest odometry [s]: starting up does not count."""
        return self.wall_now_s - self.wall_start_s

    @property
    def real_time_factor(self) -> float:
        """Simulated seconds a wall second; 0 before anything moved."""
        return self.seconds / self.wall_seconds if self.wall_seconds > 0.0 else 0.0

    def faults(self) -> dict[str, int]:
        """Every fault of every node; the same fault seen by two nodes is stated with its larger count."""
        merged: dict[str, int] = dict(self.final.get("faults", {}))
        for report in self.reports.values():
            for name, count in report["faults"].items():
                merged[name] = max(count, merged.get(name, 0))
        return merged

    def as_dict(self) -> dict[str, Any]:
        """The JSON object of `--json`: lengths in metres, times in seconds, latencies in microseconds."""
        account = self._watched() | {key: self.final[key] for key in ACCOUNT if key in self.final}
        return {
            **account,
            "faults": self.faults(),
            "policy_sha256": self.policy_sha256,
            "body": self.body,
            "seed": self.seed,
        }

    def _watched(self) -> dict[str, Any]:
        """The account as seen from outside: all there is when the simulator ended without a last word."""
        way = self.distance_m + self._since_mark()
        return {
            "seconds_simulated": round(self.seconds, 6),
            "wall_seconds": round(self.wall_seconds, 3),
            "real_time_factor": round(self.real_time_factor, 3),
            "fell": self.fall_time is not None,
            "fall_time": self.fall_time,
            "distance_m": round(way, 4),
            "mean_speed": round(way / self.seconds, 4) if self.seconds > 0.0 else 0.0,
            "ticks": self.edge.get("ticks", 0),
            "deadline_misses": self.edge.get("deadline_misses", 0),
            "latency_us": self.edge.get("latency_us", dict.fromkeys(LATENCIES, 0.0)),
        }

    def _since_mark(self) -> float:
        return 0.0 if self._mark is None else math.hypot(self.position[0] - self._mark[1], self.position[1] - self._mark[2])


def require_writable(path: Path) -> None:
    """Make sure, before a run begins, that its result can be written.

    Raises:
        UnavailableError: the folder is missing or read-only, or the path is a folder.
    """
    if path.is_dir():
        raise UnavailableError(f"cannot write '{path}': it is a folder, expected a file name")
    if not path.parent.is_dir():
        raise UnavailableError(f"cannot write '{path}': the folder '{path.parent}' does not exist")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise UnavailableError(f"cannot write '{path}': {error.strerror} in '{path.parent}'") from error


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write the file whole or not at all: to a temporary name beside it, then renamed.

    Raises:
        UnavailableError: the disk is full or the folder has become unwritable; an older file is left as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UnavailableError(f"could not write '{path}': {error.strerror}") from error
