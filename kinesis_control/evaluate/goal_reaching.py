"""Goals: which of them a body reached, how long that took, and how far off it stayed.

A goal is in force from its stamp until it ends as the motion side says, the next goal, the end of its time
(`GoalConfig.deadline_s`), a fall, or the end of the episode.
    reached         at some tick in force the root is within `radius` of it, horizontally, and, where it has a heading,
                    within `heading_limit` of that; what the motion side says of it does not count
    time            from the stamp to the first such tick
    distance        at the end of its time in force
    heading error   at the end of its time in force, of goals with a heading that were reached
A goal that was called off (replaced, cancelled) or is still under way at the end, or whose time the recording does not
hold to the end, is not known, unless it was reached. A recording without ends of goals cannot tell whether one was
called off: there, each has had all the time until the next one or the end.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import ConfigurationError
from kinesis_control.evaluate.episode import Episode
from kinesis_control.evaluate.events import Goal, GoalEnd
from kinesis_control.evaluate.figure import Figure
from kinesis_control.evaluate.statistics import mean_figure, share_figure
from kinesis_control.evaluate.velocity_following import heading_velocity
from kinesis_control.motion.generator import wrap

Array = NDArray[np.float64]

CALLED_OFF = ("canceled", "preempted")
"""Endings that say nothing of the body."""


@dataclass(frozen=True, kw_only=True)
class GoalConfig:
    """When a goal counts as reached.

    Attributes:
        radius: horizontal distance of the root [m]; above 0.
        heading_limit: for goals with a heading [rad]; above 0.
        deadline_s: a goal's time [s], above 0; None for no limit.
    """

    radius: float = 0.1
    heading_limit: float = 0.26
    deadline_s: float | None = None

    def __post_init__(self) -> None:
        if not (self.radius > 0.0 and self.heading_limit > 0.0 and (self.deadline_s is None or self.deadline_s > 0.0)):
            raise ConfigurationError(f"goals need a radius, a heading limit and a deadline above 0; got {self}")


@dataclass(kw_only=True)
class GoalOutcome:
    """What came of a goal.

    Attributes:
        goal: which.
        distance: at the last tick in force [m]; NaN before any.
        heading_error: likewise, for a goal with a heading [rad]; NaN without one.
        reached_s: time until it was reached [s]; None while it was not.
        over: its time has ended.
        called_off: before its time.
    """

    goal: Goal
    distance: float = math.nan
    heading_error: float = math.nan
    reached_s: float | None = None
    over: bool = False
    called_off: bool = False

    def end(self, ending: GoalEnd | None) -> None:
        """Its time is over, if it was not before; `ending`: as the motion side reported it, if it did."""
        if not self.over:
            self.over, self.called_off = True, ending is not None and ending.ending in CALLED_OFF

    def reached(self, *, all_the_time: bool) -> bool | None:
        """True, False, or None where that is not known; `all_the_time`: at the end of an episode a goal has had its time."""
        if self.reached_s is not None:
            return True
        if self.called_off or not math.isfinite(self.distance):
            return None
        return False if self.over or (all_the_time and not self.goal.ticket) else None


class GoalScore:
    """Takes in an episode chunk by chunk, up to a fall."""

    def __init__(self, config: GoalConfig | None = None) -> None:
        self._config = config or GoalConfig()
        self._outcomes: list[GoalOutcome] = []
        self._pending: list[Goal] = []
        self._ends: dict[int, GoalEnd] = {}

    def note(self, chunk: Episode) -> None:
        """Take in goals and their ends."""
        self._pending += chunk.goals
        self._ends |= {end.ticket: end for end in chunk.goal_ends}

    def fall(self) -> None:
        """The body has fallen: no goal is pursued any more."""
        for outcome in self._outcomes:
            outcome.end(None)

    def update(self, chunk: Episode) -> None:
        """Take in ticks."""
        heading = heading_velocity(chunk)[1]
        begin = 0
        while begin < len(chunk):
            # Up to the tick at which the next goal takes over.
            end = int(np.searchsorted(chunk.stamp_ns, self._pending[0].stamp_ns)) if self._pending else len(chunk)
            if self._outcomes and end > begin:
                self._follow(self._outcomes[-1], chunk.stamp_ns[begin:end], chunk.root_position[begin:end, :2], heading[begin:end])
            if end == len(chunk):
                return
            if self._outcomes:
                self._outcomes[-1].end(self._ends.pop(self._outcomes[-1].goal.ticket, None))
            self._outcomes.append(GoalOutcome(goal=self._pending.pop(0)))
            begin = max(end, begin)

    def _follow(self, outcome: GoalOutcome, stamps: NDArray[np.int64], position: Array, heading: Array) -> None:
        if outcome.over:
            return
        goal, config = outcome.goal, self._config
        ending = self._ends.get(goal.ticket)
        limits = [goal.stamp_ns + round(1e9 * config.deadline_s)] if config.deadline_s is not None else []
        limits += [ending.stamp_ns] if ending is not None else []
        if limits and int(stamps[-1]) >= min(limits):
            outcome.end(ending if ending is not None and ending.stamp_ns == min(limits) else None)
            count = int(np.searchsorted(stamps, min(limits), side="right"))
            stamps, position, heading = stamps[:count], position[:count], heading[:count]
        known = np.isfinite(position).all(axis=1)
        if not known.any():
            return
        distance = np.hypot(position[known, 0] - goal.x, position[known, 1] - goal.y)
        turned = np.abs(wrap(heading[known] - goal.yaw)) if goal.yaw is not None else np.zeros(len(distance))
        there = np.flatnonzero((distance <= config.radius) & (turned <= config.heading_limit))
        if there.size and outcome.reached_s is None:
            outcome.reached_s = 1e-9 * (int(stamps[known][there[0]]) - goal.stamp_ns)
        outcome.distance = float(distance[-1])
        outcome.heading_error = float(turned[-1]) if goal.yaw is not None else math.nan

    def result(self) -> list[Figure]:
        """Figures of everything taken in so far."""
        outcomes = [(o, o.reached(all_the_time=self._config.deadline_s is None)) for o in self._outcomes]
        known = [(o, r) for o, r in outcomes if r is not None]
        called_off = sum(o.called_off for o, r in outcomes if r is None)
        unknown = len(outcomes) - len(known) - called_off + len(self._pending)
        parts = [f"{called_off} called off before the end"] * bool(called_off) + [f"not known for {unknown} goal(s)"] * bool(unknown)
        note = ", ".join(parts)
        why = note or "no goal was given"
        reached = [o for o, r in known if r]
        return [
            share_figure("goals.reached", len(reached), len(known), note=note, why=why),
            mean_figure("goals.distance", np.array([o.distance for o, _ in known]), "m", note=note, why=why),
            mean_figure("goals.time", np.array([o.reached_s for o in reached], dtype=float), "s", why="no goal was reached" if known else why),
            mean_figure("goals.heading_error", np.array([o.heading_error for o in reached]), "rad", why="no goal with a heading was reached" if known else why),
        ]
