"""What a body was asked to do and what came of it: goals, velocities, texts, pushes, kicks, and whether it fell.

Goals: a goal is in force from its stamp until the next goal, the end of its time (`GoalConfig.deadline_s`) or the end
of the episode.
    reached         at some tick in force the root is within `radius` of it, horizontally, and, where it has a heading,
                    within `heading_limit` of that
    time            from the stamp to the first such tick
    distance        at the end of its time in force
    heading error   at the end of its time in force, of goals with a heading that were reached
A goal whose time the recording does not hold to the end is not known, unless it was reached.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyDescription
from kinesis_control.errors import ConfigurationError
from kinesis_control.evaluate.episode import REPLACED, Episode, Goal, Text
from kinesis_control.evaluate.figure import Figure
from kinesis_control.evaluate.kicks import KickScore
from kinesis_control.evaluate.push_recovery import PushScore
from kinesis_control.evaluate.statistics import mean_figure, share_figure
from kinesis_control.evaluate.velocity_following import VelocityScore, heading_velocity
from kinesis_control.motion.generator import wrap

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class GoalConfig:
    """When a goal counts as reached.

    Attributes:
        radius: horizontal distance of the root [m]; above 0.
        heading_limit: for goals with a heading [rad]; above 0.
        deadline_s: a goal's time [s], above 0; None for no limit: it is in force until the next goal or the end.
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
        over: its time has ended: by its deadline, the next goal or a fall.
        best: smallest distance so far [m].
    """

    goal: Goal
    distance: float = math.nan
    heading_error: float = math.nan
    reached_s: float | None = None
    over: bool = False
    best: float = math.inf

    @property
    def reached(self) -> bool | None:
        """True, False, or None where the recording ended first or positions are not known."""
        return True if self.reached_s is not None else False if self.over and math.isfinite(self.distance) else None


class TaskScore:
    """Takes in an episode chunk by chunk."""

    def __init__(self, body: BodyDescription, config: GoalConfig | None = None) -> None:
        self._body, self._config = body, config or GoalConfig()
        self.goals: list[GoalOutcome] = []
        self._pending: list[Goal] = []
        self._texts: list[Text] = []
        self._velocity, self._pushes, self._kicks = VelocityScore(), PushScore(), KickScore()
        self._first_ns: int | None = None
        self._last_ns = 0
        self._fell_ns: int | None = None

    def update(self, chunk: Episode) -> None:
        """Take in the next ticks and events."""
        self._texts += chunk.texts
        self._pending += chunk.goals
        if not len(chunk):
            return
        if self._first_ns is None:
            self._first_ns = int(chunk.stamp_ns[0])
        self._last_ns = int(chunk.stamp_ns[-1])
        self._kicks.update(chunk)
        falls = np.flatnonzero(chunk.fallen)
        if self._fell_ns is None:
            # A push ends with the tick of the fall, everything else before it.
            self._pushes.update(chunk.slice(0, int(falls[0]) + 1) if falls.size else chunk)
            upright = chunk.slice(0, int(falls[0])) if falls.size else chunk
            self._velocity.update(upright)
            self._follow_goals(upright)
            if falls.size:
                self._fell_ns = int(chunk.stamp_ns[falls[0]])
                for outcome in self.goals:
                    outcome.over = True

    def result(self) -> list[Figure]:
        """Figures of everything taken in so far."""
        asked = [*self._goal_figures(), *self._velocity.result(), *_text_figures(self._texts)]
        return [*self._fall_figures(), *asked, *self._pushes.result(), *self._kicks.result()]

    def _follow_goals(self, chunk: Episode) -> None:
        heading = heading_velocity(chunk)[1]
        begin = 0
        while begin < len(chunk):
            # Up to the tick at which the next goal takes over.
            end = int(np.searchsorted(chunk.stamp_ns, self._pending[0].stamp_ns)) if self._pending else len(chunk)
            if self.goals and end > begin:
                self._follow(self.goals[-1], chunk.stamp_ns[begin:end], chunk.root_position[begin:end, :2], heading[begin:end])
            if end == len(chunk):
                return
            if self.goals:
                self.goals[-1].over = True
            self.goals.append(GoalOutcome(goal=self._pending.pop(0)))
            begin = max(end, begin)

    def _follow(self, outcome: GoalOutcome, stamps: NDArray[np.int64], position: Array, heading: Array) -> None:
        goal, config = outcome.goal, self._config
        if outcome.over:
            return
        end_ns = None if config.deadline_s is None else goal.stamp_ns + round(1e9 * config.deadline_s)
        if end_ns is not None and int(stamps[-1]) >= end_ns:
            outcome.over = True
            count = int(np.searchsorted(stamps, end_ns, side="right"))
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
        outcome.best = min(outcome.best, float(distance.min()))

    def _goal_figures(self) -> list[Figure]:
        # Without a deadline, a goal that is still in force at the end has had all the time there was.
        outcomes = [(g, g.reached if self._config.deadline_s is not None or not math.isfinite(g.distance) else g.reached_s is not None) for g in self.goals]
        known = [(g, r) for g, r in outcomes if r is not None]
        unknown = len(outcomes) - len(known) + len(self._pending)
        note = f"not known for {unknown} goal(s)" if unknown else ""
        why = note or "no goal was given"
        reached = [g for g, r in known if r]
        return [
            share_figure("goals.reached", len(reached), len(known), note=note, why=why),
            mean_figure("goals.distance", np.array([g.distance for g, _ in known]), "m", note=note, why=why),
            mean_figure("goals.time", np.array([g.reached_s for g in reached], dtype=float), "s", why="no goal was reached" if known else why),
            mean_figure("goals.heading_error", np.array([g.heading_error for g in reached]), "rad", why="no goal with a heading was reached" if known else why),
        ]

    def _fall_figures(self) -> list[Figure]:
        if self._first_ns is None:
            return [Figure.absent("falls.fell", "share", "the recording has no tick"), Figure.absent("falls.upright_time", "s", "the recording has no tick")]
        end, fell = self._fell_ns if self._fell_ns is not None else self._last_ns, self._fell_ns is not None
        note = "until the fall" if fell else "until the end, without a fall"
        return [
            share_figure("falls.fell", int(fell), 1),
            Figure(name="falls.upright_time", value=1e-9 * (end - self._first_ns), unit="s", n=1, note=note),
        ]


def _text_figures(texts: list[Text]) -> list[Figure]:
    why = "no text command was given" if not texts else "no answer to a text command was recorded"
    answered = [t for t in texts if t.understood is not None]
    obeyed = [t for t in answered if t.understood]
    bounded = [t for t in obeyed if not t.endless]
    done = [t for t in bounded if t.done_ns is not None]
    failed = [t for t in bounded if t.ended not in ("", REPLACED)]
    replaced = sum(t.ended == REPLACED for t in bounded)
    cut = len(bounded) - len(done) - len(failed) - replaced
    parts = [f"{replaced} replaced before their end"] * bool(replaced) + [f"{cut} without a report of their end"] * bool(cut)
    why_done = why if not answered else "no text command was understood" if not obeyed else "no text command has an end of its own" if not bounded else ""
    why_done = why_done or f"no text command came to its end: {', '.join(parts)}"
    unanswered = f"{len(texts) - len(answered)} without an answer" if len(texts) > len(answered) else ""
    times = np.array([1e-9 * (t.done_ns - t.stamp_ns) for t in done if t.done_ns is not None])
    return [
        share_figure("texts.understood", len(obeyed), len(answered), note=unanswered, why=why),
        share_figure("texts.done", len(done), len(done) + len(failed), note=", ".join(parts), why=why_done),
        mean_figure("texts.time", times, "s", why="no text command was done" if failed else why_done),
    ]
