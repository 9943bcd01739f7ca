"""What was asked of the body: velocities, goals and texts.

The motion node says on `activity` what it pursues, whoever asked for it, on the clock of the states. Recordings without
that topic hold the wishes alone: what became of them is not known, nor who asked by an action.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kinesis_control.evaluate.episode import Episode
from kinesis_control.evaluate.events import Goal, GoalEnd
from kinesis_control.evaluate.stream_events import EventLog
from kinesis_control.evaluate.stream_graph import Graph
from kinesis_control.motion.plan import ActivityReport, Ending

VELOCITY_HOLD_NS = 500_000_000
"""A velocity command counts so long after it came [ns]; the motion node's own limit."""

Take = Callable[[Any, int, int | None], None]
"""Takes a decoded message, when it was recorded, and the stamp of the last state before it, None before the first [ns]."""


class Asked(Protocol):
    """Takes in messages and fills episodes."""

    def takers(self, graph: Graph) -> dict[str, Take]:
        """What takes in which topic."""

    def fill(self, episode: Episode, log_ns: NDArray[np.int64]) -> None:
        """Write the velocity in force at each tick, recorded at `log_ns`, shape (T,) [ns]; forget what no later tick needs."""


@dataclass(kw_only=True)
class ActivityLog:
    """What the motion side pursues. Attributes: log, to which goals, their ends and texts go."""

    log: EventLog
    _waiting: list[ActivityReport] = field(default_factory=list)
    _stamps: list[int] = field(default_factory=list)
    _velocities: list[NDArray[np.float64]] = field(default_factory=list)
    _ticket: int = 0
    _goals: set[int] = field(default_factory=set)  # tickets of goals under way

    def takers(self, graph: Graph) -> dict[str, Take]:
        """The one topic."""
        return {graph.activity: lambda m, came_ns, now_ns: self.take(read_activity(m))}

    def take(self, report: ActivityReport) -> None:
        """Take in a report; it is looked at with the next ticks."""
        self._waiting.append(report)

    def fill(self, episode: Episode, log_ns: NDArray[np.int64]) -> None:
        """Write the velocity in force at each tick, and put the rest into the log."""
        waiting, self._waiting = self._waiting, []
        if not self._stamps:
            # Before the recording began nothing matters but what was under way then.
            begun = [r for r in waiting if r.stamp_ns >= episode.stamp_ns[0]]
            before = [r for r in waiting if r.stamp_ns < episode.stamp_ns[0]][-1:]
            waiting = [_under_way(r) for r in before] + begun
        for report in waiting:
            self._note(report)
        at = np.searchsorted(self._stamps, episode.stamp_ns, side="right") - 1
        known = at >= 0
        if known.any():
            episode.velocity_command[known] = np.array(self._velocities)[at[known]]
            self._stamps, self._velocities = self._stamps[at[-1] :], self._velocities[at[-1] :]

    def _note(self, report: ActivityReport) -> None:
        log, stamp_ns = self.log, report.stamp_ns
        if self._stamps and stamp_ns < self._stamps[-1]:
            self._stamps, self._velocities = [], []  # time went back
        self._stamps.append(stamp_ns)
        self._velocities.append(np.full(3, np.nan) if report.velocity is None else np.array(report.velocity))
        if report.ended in self._goals:
            self._goals.remove(report.ended)
            log.goal_ends.append(GoalEnd(stamp_ns=stamp_ns, ticket=report.ended, ending=report.ending.name.lower()))
        if report.ended and report.ending is Ending.PREEMPTED:
            log.texts.replaced(before_ns=stamp_ns)
        if report.goal is not None and report.ticket != self._ticket:
            x, y, yaw = report.goal
            log.goals.append(Goal(stamp_ns=stamp_ns, x=x, y=y, yaw=yaw, ticket=report.ticket))
            self._goals.add(report.ticket)
        self._ticket = report.ticket
        if report.asked:
            log.texts.say(report.asked, stamp_ns)
        if report.text:
            log.texts.reply(report.text, stamp_ns)


def _under_way(report: ActivityReport) -> ActivityReport:
    return ActivityReport(stamp_ns=report.stamp_ns, ticket=report.ticket, mode=report.mode, goal=report.goal, velocity=report.velocity)


def read_activity(m: Any) -> ActivityReport:
    """A decoded Activity message."""
    goal = [(float(p.position.x), float(p.position.y), _yaw(p.orientation)) for p in m.goal]
    velocity = [(float(t.linear.x), float(t.linear.y), float(t.angular.z)) for t in m.velocity]
    return ActivityReport(
        stamp_ns=int(m.header.stamp.sec) * 1_000_000_000 + int(m.header.stamp.nanosec), ticket=int(m.ticket), mode=m.mode,
        goal=goal[0] if goal else None, velocity=velocity[0] if velocity else None, asked=m.asked, text=m.text,
        ended=int(m.ended), ending=Ending(int(m.ending)),
    )  # fmt: skip


def _yaw(q: Any) -> float | None:
    """Heading [rad]; a quaternion that is none stands for any."""
    w, x, y, z = (getattr(q, axis) for axis in "wxyz")
    return float(np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))) if abs(w * w + x * x + y * y + z * z - 1.0) < 1e-3 else None


@dataclass(kw_only=True)
class WishLog:
    """Wishes as they were sent, of recordings without `activity`. Attributes: log, to which goals and texts go."""

    log: EventLog
    _velocities: list[tuple[int, NDArray[np.float64]]] = field(default_factory=list)

    def takers(self, graph: Graph) -> dict[str, Take]:
        """Velocities, goals, texts and the answers to them."""
        texts = self.log.texts
        return {
            graph.velocity: self._velocity,
            graph.goal: self._goal,
            graph.text: lambda m, came_ns, now_ns: texts.say(m.data, now_ns or 0),
            graph.reply: lambda m, came_ns, now_ns: texts.reply(m.data, now_ns or 0),
        }

    def _velocity(self, message: Any, came_ns: int, now_ns: int | None) -> None:
        twist = message.twist
        self._velocities.append((came_ns, np.array([twist.linear.x, twist.linear.y, twist.angular.z])))
        self.log.texts.replaced()

    def _goal(self, message: Any, came_ns: int, now_ns: int | None) -> None:
        pose = message.pose
        if now_ns is not None:
            self.log.goals.append(Goal(stamp_ns=now_ns, x=float(pose.position.x), y=float(pose.position.y), yaw=_yaw(pose.orientation)))

    def fill(self, episode: Episode, log_ns: NDArray[np.int64]) -> None:
        """Write the velocity in force at each tick."""
        if not self._velocities:
            return
        came = np.array([ns for ns, _ in self._velocities])
        at = np.searchsorted(came, log_ns, side="right") - 1
        good = (at >= 0) & (log_ns - came[np.maximum(at, 0)] <= VELOCITY_HOLD_NS)
        episode.velocity_command[good] = np.array([v for _, v in self._velocities])[at[good]]
        self._velocities = self._velocities[max(int(at[-1]), 0) :]
