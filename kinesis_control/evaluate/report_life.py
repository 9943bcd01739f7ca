"""One episode, chunk by chunk, into everything that is said of it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from kinesis_control.body_state import BodyDescription
from kinesis_control.evaluate.emg_timing import timing_figures
from kinesis_control.evaluate.episode import EVENTS, Episode, Kinematics, runs
from kinesis_control.evaluate.events import Goal, GoalEnd, Push, StatusEvent, Text
from kinesis_control.evaluate.figure import Figure, by_name
from kinesis_control.evaluate.gait_cycles import GaitCycles, LegGait, gait_figures
from kinesis_control.evaluate.goal_reaching import GoalConfig
from kinesis_control.evaluate.imitation import ClipScore, ImitationScore, clip_figures, imitation_figures
from kinesis_control.evaluate.movement import MovementScore
from kinesis_control.evaluate.report_series import PlotSeries
from kinesis_control.evaluate.tasks import TaskScore

GENERATED = ("", "stand", "walk")
"""Names that a reference has which no clip gave."""

NO_CLIP = "no clip was played: the reference came from the gait generator, which follows the body"

MOST_EVENTS = 1000
"""Events kept for the time line of one episode; all of them are counted."""

ClipLength = Callable[[str], float | None]
"""Duration of a clip by its name [s]; None where that is not known."""


@dataclass(frozen=True, kw_only=True)
class LifeReport:
    """What came of one episode.

    Attributes:
        source: recording and episode, or case of a benchmark.
        body, policy, policy_sha256, seed: as in Episode.
        ticks: how many states.
        begin_ns, end_ns: first and last stamp [ns].
        fallen_ns: stamp of the first fallen tick, or None.
        figures: by name.
        clips: one entry a clip that was played.
        legs: gait cycles, right and left.
        series: for plots.
        events, goals, goal_ends, texts, pushes: at most MOST_EVENTS of each.
        event_counts: "kind name" -> how often.
    """

    source: str
    body: BodyDescription
    policy: str
    policy_sha256: str
    seed: int | None
    ticks: int
    begin_ns: int
    end_ns: int
    fallen_ns: int | None
    figures: Mapping[str, Figure]
    clips: tuple[ClipScore, ...]
    legs: tuple[LegGait, LegGait]
    series: PlotSeries
    events: tuple[StatusEvent, ...] = ()
    goals: tuple[Goal, ...] = ()
    goal_ends: tuple[GoalEnd, ...] = ()
    texts: tuple[Text, ...] = ()
    pushes: tuple[Push, ...] = ()
    event_counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def duration_s(self) -> float:
        """From the first stamp to the last [s]."""
        return 1e-9 * (self.end_ns - self.begin_ns)

    def with_figures(self, more: Iterable[Figure]) -> "LifeReport":
        """With further figures."""
        return replace(self, figures={**self.figures, **by_name(more)})


class LifeScore:
    """Takes in an episode chunk by chunk."""

    def __init__(self, first: Episode, *, kinematics: Kinematics | None = None, clip_length: ClipLength | None = None, goals: GoalConfig | None = None) -> None:
        """`first`: any chunk of the episode, for its facts; it is not taken in."""
        self._facts, self._kinematics, self._length = first, kinematics, clip_length
        self._movement, self._cycles, self._tasks = MovementScore(first.body), GaitCycles(first.body), TaskScore(goals)
        self._series = PlotSeries()
        self._clips: list[ImitationScore] = []
        self._clip = ""
        self._ticks, self._begin_ns, self._end_ns = 0, 0, 0
        self._fallen_ns: int | None = None
        self._kept: dict[str, list[Any]] = {name: [] for name in EVENTS}
        self._counts: dict[str, int] = {}

    def update(self, chunk: Episode) -> None:
        """Take in the next ticks; a chunk without ticks may bring texts that ended late."""
        if not len(chunk):
            self._tasks.update(chunk)
            self._keep(chunk)
            return
        if self._kinematics is not None:
            chunk = chunk.with_kinematics(self._kinematics)
        for part in (self._movement, self._cycles, self._tasks, self._series):
            part.update(chunk)
        # The gait generator's reference is anchored to the body: to be near it proves nothing.
        self._imitate(chunk, np.where(np.isin(chunk.motion, GENERATED), "", chunk.motion))
        self._note(chunk)

    def _imitate(self, chunk: Episode, clips: Any) -> None:
        for name, start, stop in runs(clips):
            if name and name != self._clip:
                self._clips.append(ImitationScore(name, planned_ticks=self._planned_ticks(name, chunk), seed=chunk.seed))
            self._clip = name
            if name:
                self._clips[-1].update(chunk.slice(start, stop))

    def _planned_ticks(self, clip: str, chunk: Episode) -> int | None:
        duration_s = self._length(clip) if self._length else None
        if duration_s is None or len(chunk) < 2:
            return None
        # Of the first frame nobody can say when it was meant, before the clip began; the last one may be the next motion's first.
        return round(duration_s / (1e-9 * float(np.median(np.diff(chunk.stamp_ns))))) - 1

    def _note(self, chunk: Episode) -> None:
        if not self._ticks:
            self._begin_ns = int(chunk.stamp_ns[0])
        self._ticks += len(chunk)
        self._end_ns = int(chunk.stamp_ns[-1])
        falls = np.flatnonzero(chunk.fallen)
        if falls.size and self._fallen_ns is None:
            self._fallen_ns = int(chunk.stamp_ns[falls[0]])
        for event in chunk.events:
            key = f"{event.kind} {event.name}"
            self._counts[key] = self._counts.get(key, 0) + 1
        self._keep(chunk)

    def _keep(self, chunk: Episode) -> None:
        for name, kept in self._kept.items():
            kept += getattr(chunk, name)[: MOST_EVENTS - len(kept)]

    def result(self) -> LifeReport:
        """The report on everything taken in."""
        legs, clips = self._cycles.result(), tuple(clip.result() for clip in self._clips)
        imitation = clip_figures(clips[0]) if len(clips) == 1 else imitation_figures(clips)
        if not clips:
            imitation = [Figure.absent(f.name, f.unit, NO_CLIP) for f in imitation]
        figures = [*imitation, *self._movement.result(), *gait_figures(legs), *timing_figures(legs), *self._tasks.result()]
        facts = self._facts
        return LifeReport(
            source=facts.source, body=facts.body, policy=facts.policy, policy_sha256=facts.policy_sha256, seed=facts.seed, ticks=self._ticks,
            begin_ns=self._begin_ns, end_ns=self._end_ns, fallen_ns=self._fallen_ns, figures=by_name(figures), clips=clips, legs=legs,
            series=self._series, event_counts=self._counts, **{name: tuple(kept) for name, kept in self._kept.items()},
        )  # fmt: skip


def score_life(
    chunks: Iterable[Episode], *, kinematics: Kinematics | None = None, clip_length: ClipLength | None = None, goals: GoalConfig | None = None
) -> LifeReport | None:
    """Report on an episode given as its chunks; None without any."""
    score: LifeScore | None = None
    for chunk in chunks:
        score = score or LifeScore(chunk, kinematics=kinematics, clip_length=clip_length, goals=goals)
        score.update(chunk)
    return score.result() if score else None
