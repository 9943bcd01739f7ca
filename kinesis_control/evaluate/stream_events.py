"""What happened beside the states: faults, changes of mode, texts, goals, and which policy was at work."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.evaluate.events import Goal, GoalEnd, Push, StatusEvent
from kinesis_control.evaluate.stream_texts import TextLog

_STATES = {0: "DISARMED", 1: "ARMED", 2: "ACTIVE", 3: "FADING", 4: "ESTOPPED", 5: "FAULT"}
"""ControlStatus.state by number."""

_STOPS = frozenset({"FADING", "ESTOPPED", "FAULT"})


@dataclass(frozen=True, kw_only=True)
class PolicyName:
    """A policy as the graph reported it. Attributes: name of the file, sha256; empty where unknown."""

    name: str = ""
    sha256: str = ""


@dataclass(kw_only=True)
class EventLog:
    """Takes in status messages and texts, and hands out events in order of time.

    Attributes:
        policies: those met, in order, with the stamp from which each is known to be at work [ns].
        commanders: names of the senders of commands.
        clocks: "lockstep" or "realtime", as the nodes reported.
        misses: deadline misses, the largest count of any node; None where no node of a real-time graph reported.
        miss_series: (stamp [ns], misses so far), whenever the count rose.
        goals, goal_ends, pushes, events: not handed out yet.
        texts: what came of text commands.
    """

    policies: list[tuple[int, PolicyName]] = field(default_factory=list)
    commanders: set[str] = field(default_factory=set)
    clocks: set[str] = field(default_factory=set)
    misses: int | None = None
    miss_series: list[tuple[int, int]] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    goal_ends: list[GoalEnd] = field(default_factory=list)
    pushes: list[Push] = field(default_factory=list)
    texts: TextLog = field(default_factory=TextLog)
    events: list[StatusEvent] = field(default_factory=list)
    _last: dict[str, tuple[str, str, dict[str, int]]] = field(default_factory=dict)

    def status(self, m: Any) -> None:
        """Take in one ControlStatus."""
        stamp_ns = _stamp(m)
        if m.clock:
            self.clocks.add(m.clock)
        if m.clock == "realtime":
            before, self.misses = self.misses, max(self.misses or 0, int(m.deadline_misses))
            if self.misses != before:
                self.miss_series.append((stamp_ns, self.misses))
        if m.policy_sha256:
            policy = PolicyName(name=m.policy, sha256=m.policy_sha256)
            if not self.policies or self.policies[-1][1] != policy:
                self.policies.append((stamp_ns, policy))
        self._changes(m, stamp_ns)

    def push(self, m: Any) -> None:
        """Take in one AppliedPush."""
        force = float(m.force.x), float(m.force.y), float(m.force.z)
        self.pushes.append(Push(stamp_ns=_stamp(m), duration_s=float(m.duration), force=force, part=m.body_part))

    def _changes(self, m: Any, stamp_ns: int) -> None:
        state, mode = _STATES.get(int(m.state), str(m.state)), str(m.mode)
        faults = dict(zip(m.fault_names, (int(c) for c in m.fault_counts), strict=False))
        before_state, before_mode, before_faults = self._last.get(m.node, ("", "", {}))
        self._last[m.node] = (state, mode, faults)
        if state != before_state:
            self.events.append(StatusEvent(stamp_ns=stamp_ns, kind="stop" if state in _STOPS else "state", name=state, node=m.node))
        if mode and mode != before_mode:
            self.events.append(StatusEvent(stamp_ns=stamp_ns, kind="mode", name=mode, node=m.node))
        new = [name for name, count in faults.items() if count > before_faults.get(name, 0)]
        self.events += [StatusEvent(stamp_ns=stamp_ns, kind="fault", name=name, node=m.node) for name in new]

    def policy_at(self, stamp_ns: NDArray[np.int64]) -> NDArray[np.intp]:
        """Number of the policy at work at each stamp; 0 where none was reported."""
        known_from = np.array([ns for ns, _ in self.policies], dtype=np.int64)
        return np.maximum(np.searchsorted(known_from, stamp_ns, side="right") - 1, 0)

    def policy_number(self, number: int) -> PolicyName:
        """The policy with this number."""
        return self.policies[number][1] if number < len(self.policies) else PolicyName()

    def take(self, up_to_ns: int | None, *, ends: bool) -> dict[str, tuple[Any, ...]]:
        """Hand out the events up to a stamp (None: all), as the fields of an Episode.

        A text is handed out when it is over, or when its episode `ends`: later than in the chunk of its stamp.
        """
        result: dict[str, tuple[Any, ...]] = {"texts": self.texts.take(up_to_ns, ends=ends)}
        for name in ("goals", "goal_ends", "pushes", "events"):
            waiting = sorted(getattr(self, name), key=lambda e: int(e.stamp_ns))
            due = [e for e in waiting if up_to_ns is None or e.stamp_ns <= up_to_ns]
            setattr(self, name, waiting[len(due) :])
            result[name] = tuple(due)
        return result


def _stamp(m: Any) -> int:
    return int(m.header.stamp.sec) * 1_000_000_000 + int(m.header.stamp.nanosec)
