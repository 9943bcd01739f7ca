"""The loop that every training runs: rounds, a log, evaluations now and then, checkpoints, and an end that settles."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kinesis_train.checkpoint import save_checkpoint
from kinesis_train.journal import Journal, write_run
from kinesis_train.on_policy import OnPolicy

Report = Callable[[dict[str, float]], None]
SETTLE_SHARE = 0.15  # last part of a run, over which the steps of the policy become smaller
CHECKPOINT = "checkpoint.pt"
ROUND_COLUMNS = ("steps", "seconds", "steps_per_s", "reward", "episode_s", "kl", "rate", "std", "explained")


@dataclass(frozen=True, kw_only=True)
class Course:
    """What one run is to do.

    Attributes:
        kind: of training; what `train resume` goes by.
        folder: of the run.
        steps: of the learner at the end.
        run: configuration, kept in the checkpoint.
        judge: figures of the policy as it is; runs in process 0 alone.
        judge_every: steps between evaluations.
        judged: names of the figures that `judge` gives.
        before: called before each round, for a curriculum.
        save_every: rounds between checkpoints.
    """

    kind: str
    folder: Path
    steps: int
    run: dict[str, Any]
    judge: Callable[[], dict[str, float]]
    judge_every: int
    judged: tuple[str, ...]
    before: Callable[[], None] = field(default=lambda: None)
    save_every: int = 25


def follow(course: Course, learner: OnPolicy, facts: dict[str, Any], report: Report) -> Path:
    """Learn to the end of the course; returns the checkpoint.

    Args:
        facts: kept in the checkpoint; "seconds" [s] is counted on, and the last evaluation is added.

    Raises:
        UnavailableError: the last checkpoint cannot be written. Until then a full disk only costs newer ones.
    """
    started, before, first = time.monotonic(), float(facts.setdefault("seconds", 0.0)), learner.steps
    path, journal = course.folder / CHECKPOINT, _open(course, learner)
    judged_at, figures = learner.steps, {"steps_per_s": 0.0, "reward": 0.0, "episode_s": 0.0}
    while learner.steps < course.steps:
        judged = learner.steps >= judged_at
        row = _judge(course, learner) if judged else {}
        judged_at = learner.steps + course.judge_every if judged else judged_at
        course.before()
        learner.caution = caution(learner.steps, course.steps)
        figures = learner.round()
        elapsed = time.monotonic() - started
        facts["seconds"] = before + elapsed
        pace = {"steps": learner.steps, "seconds": facts["seconds"], "steps_per_s": (learner.steps - first) / max(elapsed, 1e-9)}
        figures = {**pace, **figures, **row, "broken": learner.env.physics_failures, "poisoned": learner.poisoned}
        if journal is not None:
            report(figures)
            journal.write(figures)
        if judged or learner.rounds % course.save_every == 0:
            _save(course, path, learner, facts)
    row = _judge(course, learner)
    _save(course, path, learner, facts | row, required=True)
    if journal is not None:
        last = {"steps": learner.steps, "seconds": facts["seconds"], **row}
        journal.write(last)
        journal.close()
        report({**figures, **last})
    return path


def _open(course: Course, learner: OnPolicy) -> Journal | None:
    """What process 0 writes; None in the others."""
    if not learner.team.leads:
        return None
    write_run(course.folder, kind=course.kind, steps=course.steps, body=course.run["body"], seed=course.run["seed"])
    return Journal(course.folder, (*ROUND_COLUMNS, *course.judged, "broken", "poisoned"), steps=learner.steps)


def _judge(course: Course, learner: OnPolicy) -> dict[str, float]:
    return course.judge() if learner.team.leads else {}


def caution(steps: int, of: int) -> float:
    """Share of the target divergence that is aimed at after so many steps of a run: less and less in its last part."""
    return float(np.clip((of - steps) / (SETTLE_SHARE * of), 0.1, 1.0))


def _save(course: Course, path: Path, learner: OnPolicy, facts: dict[str, Any], *, required: bool = False) -> None:
    """One checkpoint of the whole team, written by process 0."""
    state = learner.state()
    if learner.team.leads:
        save_checkpoint(path, {"kind": course.kind, "learner": state, "facts": facts, "run": course.run}, required=required)
