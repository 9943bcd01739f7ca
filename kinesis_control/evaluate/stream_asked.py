"""What was asked of the body: velocities, goals and texts."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.evaluate.episode import Episode, Goal
from kinesis_control.evaluate.stream_events import EventLog

VELOCITY_HOLD_NS = 500_000_000
"""A velocity command counts so long after it came [ns]; the motion node's own limit."""


@dataclass(kw_only=True)
class AskedLog:
    """Takes in decoded messages; `now_ns` is the stamp of the last state before them, None before the first.

    Attributes: log, to which goals and texts go.
    """

    log: EventLog
    _velocities: list[tuple[int, NDArray[np.float64]]] = field(default_factory=list)

    def velocity(self, message: Any, came_ns: int) -> None:
        """A geometry_msgs/TwistStamped, recorded at `came_ns`."""
        twist = message.twist
        self._velocities.append((came_ns, np.array([twist.linear.x, twist.linear.y, twist.angular.z])))
        self.log.texts.replaced()

    def goal(self, message: Any, now_ns: int | None) -> None:
        """A geometry_msgs/PoseStamped; a quaternion that is none stands for any heading."""
        pose = message.pose
        w, x, y, z = (getattr(pose.orientation, a) for a in "wxyz")
        yaw = float(np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))) if abs(w * w + x * x + y * y + z * z - 1.0) < 1e-3 else None
        if now_ns is not None:
            self.log.goals.append(Goal(stamp_ns=now_ns, x=float(pose.position.x), y=float(pose.position.y), yaw=yaw))

    def text(self, message: Any, now_ns: int | None) -> None:
        """A std_msgs/String with a text command."""
        self.log.texts.say(message.data, now_ns or 0)

    def reply(self, message: Any, now_ns: int | None) -> None:
        """A std_msgs/String with a line of the motion node."""
        self.log.texts.reply(message.data, now_ns or 0)

    def fill(self, episode: Episode, log_ns: NDArray[np.int64]) -> None:
        """Write the velocity in force at each tick, recorded at `log_ns`, shape (T,) [ns]; forget what no later tick needs."""
        if not self._velocities:
            return
        came = np.array([ns for ns, _ in self._velocities])
        at = np.searchsorted(came, log_ns, side="right") - 1
        good = (at >= 0) & (log_ns - came[np.maximum(at, 0)] <= VELOCITY_HOLD_NS)
        episode.velocity_command[good] = np.array([v for _, v in self._velocities])[at[good]]
        self._velocities = self._velocities[max(int(at[-1]), 0) :]
