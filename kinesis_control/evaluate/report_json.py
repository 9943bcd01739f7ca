"""The JSON form of an evaluation, and reading it back to compare with.

Schema 1. Names of figures, units and keys are stable; new ones may be added.

    {"schema": "kinesis.evaluation", "schema_version": 1, "title": ..., "figures": {NAME: FIGURE}, "groups": [...],
     "recordings": [...], "episodes": [...], ...}
    FIGURE  {"value": number or null, "unit": ..., "n": ..., "interval_95": [low, high], "missing": why, "note": ...}
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kinesis_control.errors import UnavailableError
from kinesis_control.evaluate.figure import Figure
from kinesis_control.evaluate.imitation import ClipScore
from kinesis_control.evaluate.report_evaluation import SCHEMA, SCHEMA_VERSION, Evaluation, Group, RecordingReport
from kinesis_control.evaluate.report_life import LifeReport


def as_dict(evaluation: Evaluation) -> dict[str, Any]:
    """Plain values, no NaN."""
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "title": evaluation.title,
        **evaluation.extra,
        "figures": _figures(evaluation.figures),
        "groups": [_group(group) for group in evaluation.groups],
        "recordings": [_recording(report) for report in evaluation.recordings],
        "episodes": [_life(life) for life in evaluation.lives],
    }


def to_json(evaluation: Evaluation, more: Mapping[str, Any] | None = None) -> str:
    """JSON text, the same for the same evaluation."""
    return json.dumps({**as_dict(evaluation), **(more or {})}, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def read_figures(path: Path) -> dict[str, Figure]:
    """The overall figures of a JSON file that an evaluation or a benchmark wrote.

    Raises:
        UnavailableError: not such a file, or of another schema version.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnavailableError(f"'{path}' is not a JSON file: {error}") from error
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise UnavailableError(f'\'{path}\' is no evaluation: expected "schema": "{SCHEMA}"')
    if data.get("schema_version") != SCHEMA_VERSION:
        raise UnavailableError(f"'{path}' has schema version {data.get('schema_version')}, known: {SCHEMA_VERSION}")
    return {name: figure_of(name, entry) for name, entry in data["figures"].items()}


def figure_of(name: str, entry: Mapping[str, Any]) -> Figure:
    """A figure from its JSON form."""
    interval = entry.get("interval_95")
    return Figure(
        name=name, value=entry["value"], unit=entry.get("unit", ""), interval=tuple(interval) if interval else None, n=int(entry.get("n", 0)),
        missing=entry.get("missing", ""), note=entry.get("note", ""),
    )  # fmt: skip


def _figures(figures: Mapping[str, Figure]) -> dict[str, Any]:
    return {name: {k: v for k, v in figure.as_dict().items() if k != "name"} for name, figure in figures.items()}


def _group(group: Group) -> dict[str, Any]:
    return {
        "body": group.body, "policy": group.policy, "policy_sha256": group.policy_sha256, "episodes": len(group.lives),
        "figures": _figures(group.figures), "worst": {name: {"value": value, "where": where} for name, (value, where) in group.worst.items()},
    }  # fmt: skip


def _recording(report: RecordingReport) -> dict[str, Any]:
    return {
        "path": report.path, "namespace": report.namespace, "facts": dict(report.facts), "clocks": list(report.clocks), "problems": list(report.problems),
        "missing_topics": dict(report.missing), "policies": [{"from_ns": ns, "policy": name, "sha256": sha} for ns, name, sha in report.policies],
        "figures": _figures(report.figures),
    }  # fmt: skip


def _life(life: LifeReport) -> dict[str, Any]:
    return {
        "source": life.source, "body": life.body.name, "model_hash": life.body.model_hash, "policy": life.policy, "policy_sha256": life.policy_sha256,
        "seed": life.seed, "ticks": life.ticks, "duration_s": round(life.duration_s, 9),
        "fallen_s": None if life.fallen_ns is None else round(1e-9 * (life.fallen_ns - life.begin_ns), 9),
        "figures": _figures(life.figures), "clips": [_clip(clip) for clip in life.clips], "events": dict(life.event_counts),
    }  # fmt: skip


def _clip(clip: ClipScore) -> dict[str, Any]:
    return {key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in asdict(clip).items()}
