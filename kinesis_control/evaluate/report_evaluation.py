"""Many episodes of many recordings as one evaluation: figures over all of them, worst cases by name, one JSON form.

Figures are never averaged over different bodies or policies: where there are several, each has its own group, and the overall figures are missing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kinesis_control.evaluate.direction import direction
from kinesis_control.evaluate.episode import Kinematics
from kinesis_control.evaluate.figure import Figure, by_name
from kinesis_control.evaluate.imitation import imitation_figures
from kinesis_control.evaluate.latency_series import LatencySeries
from kinesis_control.evaluate.report_life import ClipLength, LifeReport, score_life
from kinesis_control.evaluate.statistics import mean_figure, share_figure
from kinesis_control.evaluate.stream import EpisodeStream, read_lives
from kinesis_control.evaluate.stream_graph import Graph, graphs_of, missing_topics
from kinesis_control.evaluate.stream_lives import FindBody
from kinesis_control.evaluate.stream_open import Recording

SCHEMA, SCHEMA_VERSION = "kinesis.evaluation", 1

NOT_TOLD = "what was asked for is told in the topic activity, which was not recorded"

POOLED = ("goals.reached", "texts.understood", "texts.done", "push.recovered", "kicks.goals")
"""Shares of single outcomes: over episodes every outcome counts the same, whatever episode it is of."""

MOST_REASONS = 2
"""Reasons for missing values that are named; the others are counted."""

COUNTED = ("cycles", "messages", "ticks", "pauses", "falls", "kicks")
"""Units of figures that add up over episodes; the others are averaged."""


@dataclass(frozen=True, kw_only=True)
class RecordingReport:
    """What is said of one graph of one recording.

    Attributes:
        path: of the recording.
        namespace: of the graph.
        facts: what the recorder wrote about the run.
        clocks: "lockstep", "realtime".
        problems: what is wrong with the recording.
        missing: topics that it lacks -> what cannot be said without them.
        figures: timing, by name.
        latency: over time; None where wall-clock time is not in the recording.
        period_s: control period [s]; NaN where unknown.
        misses: deadline misses over time: (stamp [ns], count so far).
        policies: every policy met, as (stamp [ns], name, sha256).
    """

    path: str
    namespace: str
    facts: Mapping[str, str] = field(default_factory=dict)
    clocks: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    latency: LatencySeries | None = None
    period_s: float = float("nan")
    misses: tuple[tuple[int, int], ...] = ()
    policies: tuple[tuple[int, str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Group:
    """Episodes of one body under one policy.

    Attributes:
        body, policy, policy_sha256: as in Episode.
        lives: episodes.
        figures: over all of them, by name.
        worst: figure -> (value, source of the worst episode), where there are several.
    """

    body: str
    policy: str
    policy_sha256: str
    lives: tuple[LifeReport, ...]
    figures: Mapping[str, Figure]
    worst: Mapping[str, tuple[float, str]]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Everything that was evaluated together.

    Attributes:
        title: for people.
        recordings: one entry a graph of a recording; empty for a benchmark.
        groups: episodes by body and policy.
        figures: over everything, by name; missing where several bodies or policies are mixed.
        extra: further facts for the JSON file, for example the suite of a benchmark.
    """

    title: str
    recordings: tuple[RecordingReport, ...]
    groups: tuple[Group, ...]
    figures: Mapping[str, Figure]
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def lives(self) -> tuple[LifeReport, ...]:
        """Every episode."""
        return tuple(life for group in self.groups for life in group.lives)


@dataclass(frozen=True, kw_only=True)
class Knowledge:
    """What the caller knows beyond the recording; every part may be missing.

    Attributes:
        find_body: body of a layout hash.
        kinematics: of a body, by (name, model hash).
        clip_length: number of ticks of a clip, by name.
        emg: further figures of an episode, from its gait cycles.
    """

    find_body: FindBody | None = None
    kinematics: Callable[[str, str], Kinematics | None] | None = None
    clip_length: ClipLength | None = None
    emg: Callable[[LifeReport], Iterable[Figure]] | None = None


def evaluate_recordings(paths: Sequence[Path], knowledge: Knowledge | None = None, on_progress: Callable[[str, int, int], None] | None = None) -> Evaluation:
    """Evaluate recordings together.

    Args:
        paths: of the bags.
        knowledge: what helps.
        on_progress: told (path, messages read, messages in all).

    Raises:
        UnavailableError: a path that cannot be read as a bag at all.
    """
    knowledge = knowledge or Knowledge()
    reports: list[RecordingReport] = []
    lives: list[LifeReport] = []
    for path in paths:
        with Recording(path) as recording:
            graphs = graphs_of(recording.topics)
            if not graphs:
                reports.append(_without_states(recording))
            for graph in graphs:
                report, found = _evaluate_graph(recording, graph, knowledge, on_progress)
                reports.append(report)
                lives += found
    title = Path(paths[0]).name if len(paths) == 1 else f"{len(paths)} recordings"
    return combine(title, lives, reports)


def _without_states(recording: Recording) -> RecordingReport:
    held = ", ".join(f"{name} ({info.type_name})" for name, info in sorted(recording.topics.items())) or "nothing"
    why = "no topic of type kinesis_msgs/msg/BodyState" if recording.count else "the recording is empty"
    problems = (*recording.problems, f"{why}; it holds {held}")
    return RecordingReport(
        path=str(recording.path), namespace="", facts=recording.custom, problems=problems, missing={"body_state": "everything about the body"}
    )


def _evaluate_graph(
    recording: Recording, graph: Graph, knowledge: Knowledge, on_progress: Callable[[str, int, int], None] | None
) -> tuple[RecordingReport, list[LifeReport]]:
    total, name = sum(recording.topics[t].count for t in graph.all_topics), recording.path.name
    stream = EpisodeStream(
        recording, graph, find_body=knowledge.find_body, on_message=None if on_progress is None else lambda read: on_progress(name, read, total)
    )
    seed = recording.custom.get("seed", "")
    kinematics: dict[str, Kinematics | None] = {}

    def of(body_name: str, model_hash: str) -> Kinematics | None:
        if body_name not in kinematics:
            kinematics[body_name] = knowledge.kinematics(body_name, model_hash) if knowledge.kinematics else None
        return kinematics[body_name]

    stream.seed = int(seed) if seed.isdigit() else None
    lives = []
    for _, chunks in read_lives(stream):
        first = next(chunks)
        life = score_life(_chain(first, chunks), kinematics=of(first.body.name, first.body.model_hash), clip_length=knowledge.clip_length)
        if life is not None:
            lives.append(life.with_figures(knowledge.emg(life)) if knowledge.emg else life)
    lives = [life.with_figures(_not_told(life, graph)) for life in lives]
    return _recording_report(recording, graph, stream), lives


def _not_told(life: LifeReport, graph: Graph) -> list[Figure]:
    """What nobody can say without `activity`: that nothing was asked for."""
    wishes = {"goals.": graph.goal, "velocity.": graph.velocity, "texts.": graph.text}
    unknown = tuple(prefix for prefix, topic in wishes.items() if not (topic or graph.activity))
    return [Figure.absent(f.name, f.unit, NOT_TOLD) for f in life.figures.values() if f.name.startswith(unknown)]


def _chain(first: Any, rest: Iterable[Any]) -> Iterable[Any]:
    yield first
    yield from rest


def _recording_report(recording: Recording, graph: Graph, stream: EpisodeStream) -> RecordingReport:
    log, timing = stream.log, stream.timing
    wall = not timing.wall_clock_missing(log.clocks)
    unreadable = {f"unreadable messages ({why})": times for why, times in stream.unreadable.items()}
    counted = [f"{what}: {times}" if times > 1 else what for what, times in {**stream.counts, **unreadable}.items()]
    several = [f"{len(log.policies)} policies were at work, one after the other"] if len({p for _, p in log.policies}) > 1 else []
    if len(log.commanders) > 1:
        several.append(f"commands of {len(log.commanders)} senders: {', '.join(sorted(log.commanders))}")
    if len(stream.bodies) > 1:
        several.append(f"{len(stream.bodies)} bodies: {', '.join(sorted(b.name for b in stream.bodies.values()))}")
    return RecordingReport(
        path=str(recording.path), namespace=graph.namespace, facts=recording.custom, clocks=tuple(sorted(log.clocks)),
        problems=(*recording.problems, *several, *counted), missing=dict(missing_topics(graph)),
        figures=by_name(timing.figures(log.clocks, log.misses)), latency=timing.latencies() if wall else None, period_s=timing.period_s(),
        misses=tuple(log.miss_series),
        policies=tuple((ns, p.name, p.sha256) for ns, p in log.policies),
    )  # fmt: skip


def combine(title: str, lives: Sequence[LifeReport], recordings: Sequence[RecordingReport] = (), extra: Mapping[str, Any] | None = None) -> Evaluation:
    """Episodes and recordings as one evaluation."""
    keys = list(dict.fromkeys((life.body.name, life.body.model_hash, life.policy, life.policy_sha256) for life in lives))
    groups = tuple(_group([life for life in lives if (life.body.name, life.body.model_hash, life.policy, life.policy_sha256) == key]) for key in keys)
    timing = _overall([report.figures for report in recordings])
    if len(groups) == 1:
        body: Mapping[str, Figure] = groups[0].figures
    else:
        what = ", ".join(f"{g.body} with {g.policy or 'an unknown policy'} {g.policy_sha256[:8]}".strip() for g in groups)
        why = f"{len(groups)} bodies or policies are mixed ({what}); see the figures of each" if groups else "no episode could be read"
        body = {f.name: Figure.absent(f.name, f.unit, why) for g in groups for f in g.figures.values()}
    return Evaluation(title=title, recordings=tuple(recordings), groups=groups, figures={**body, **timing}, extra=extra or {})


def _group(lives: Sequence[LifeReport]) -> Group:
    first = lives[0]
    figures = dict(_overall([life.figures for life in lives]))
    if len(lives) > 1:
        clips = [clip for life in lives for clip in life.clips]
        if clips:
            figures |= by_name(imitation_figures(clips))
    return Group(
        body=first.body.name, policy=first.policy, policy_sha256=first.policy_sha256, lives=tuple(lives), figures=figures,
        worst=_worst(lives) if len(lives) > 1 else {},
    )  # fmt: skip


def _overall(many: Sequence[Mapping[str, Figure]]) -> dict[str, Figure]:
    """One figure for each name: the only one there is, or the mean over those that have a value."""
    if len(many) == 1:
        return dict(many[0])
    names = dict.fromkeys(name for figures in many for name in figures)
    return {name: _mean_of([figures[name] for figures in many if name in figures], len(many)) for name in names}


def _mean_of(figures: Sequence[Figure], total: int) -> Figure:
    first = figures[0]
    known = [f for f in figures if f.value is not None]
    why = _reasons([f.missing for f in figures if f.missing]) or "it was not recorded"
    note = f"missing in {total - len(known)} of {total}: {why}" if known and len(known) < total else ""
    values = np.array([f.value for f in known], dtype=float)
    if known and first.unit in COUNTED:
        return Figure(name=first.name, value=float(values.sum()), unit=first.unit, n=sum(f.n for f in known), note=", ".join(filter(None, ["in all", note])))
    if ".ceiling" in first.name and known:
        return known[0]  # a fact about people, the same in every episode
    if first.unit == "share" and len(known) and all(f.n == 1 for f in known) and np.isin(values, (0.0, 1.0)).all():
        return share_figure(first.name, int(values.sum()), len(values), note=note)
    if first.name.startswith(POOLED) and known:
        counts = [round(v * f.n) for v, f in zip(values.tolist(), known, strict=True)]
        return share_figure(first.name, sum(counts), sum(f.n for f in known), note=note)
    return mean_figure(first.name, values, first.unit, note=note, why=f"in none of {total}: {why}")


def _reasons(reasons: Sequence[str]) -> str:
    """The commonest reasons, at most two of them."""
    counts = Counter(reasons).most_common()
    more = len(counts) - MOST_REASONS
    rest = f"; and {more} other reasons" if more > 1 else "; and another reason" if more == 1 else ""
    return "; ".join(reason for reason, _ in counts[:MOST_REASONS]) + rest


def _worst(lives: Sequence[LifeReport]) -> dict[str, tuple[float, str]]:
    result = {}
    for name in dict.fromkeys(name for life in lives for name in life.figures):
        sign = direction(name)
        values = [(v, life.source) for life in lives if name in life.figures and (v := life.figures[name].value) is not None]
        if sign and values:
            result[name] = min(values, key=lambda pair, sign=sign: sign * pair[0])  # type: ignore[misc]
    return result
