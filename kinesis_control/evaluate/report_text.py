"""An evaluation in a few lines of text, for a terminal."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kinesis_control.evaluate.figure import Figure
from kinesis_control.evaluate.report_evaluation import Evaluation

_SHOWN = (
    "suite.", "imitation.success", "imitation.frame_coverage", "imitation.mpjpe", "movement.", "energy.mechanical", "gait.cycles", "gait.cycle_duration",
    "emg.plain.r", "emg.plain.ceiling", "falls.", "goals.", "velocity.", "texts.", "push.",
    "timing.latency", "timing.unanswered", "timing.reported", "timing.loss",
)  # fmt: skip
_PER_MUSCLE = 2  # dots in the name of a figure of a single electrode


def summary_lines(evaluation: Evaluation, against: Mapping[str, Figure] | None = None) -> list[str]:
    """Recordings and their problems, then the figures; everything is in the JSON file and the report."""
    lines = []
    for report in evaluation.recordings:
        lines.append(
            f"{Path(report.path).name}{report.namespace and ' ' + report.namespace}" + (f"  clock {', '.join(report.clocks)}" if report.clocks else "")
        )
        lines += [f"  problem: {text}" for text in report.problems]
        lines += [f"  not recorded: {topic} (nothing is said about: {lost})" for topic, lost in report.missing.items()]
    for kind, figures in evaluation.extra.get("kinds", {}).items():
        lines.append(f"  {kind:28} {_success(figures)}")
    for group in evaluation.groups:
        fell = sum(life.fallen_ns is not None for life in group.lives)
        seconds = sum(life.duration_s for life in group.lives)
        lines.append(
            f"{group.body}, {group.policy or 'policy unknown'} {group.policy_sha256[:8]}: {len(group.lives)} episodes, {seconds:.1f} s, {fell} with a fall"
        )
        own = {name: f for name, f in group.figures.items() if not name.startswith("timing.")}
        lines += _figure_lines(own, against if len(evaluation.groups) == 1 else None)
    lines += _figure_lines({name: f for name, f in evaluation.figures.items() if name.startswith("timing.")}, against)
    return lines


def _success(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """Share of successes of one kind of case."""
    entry = figures["suite.success"]
    if entry["value"] is None:
        return f"missing: {entry['missing']}"
    low, high = entry["interval_95"]
    return f"{round(entry['value'] * entry['n'])} of {entry['n']} (95 %: {low:.2f} to {high:.2f})"


def _figure_lines(figures: Mapping[str, Figure], against: Mapping[str, Figure] | None) -> list[str]:
    shown = [
        f
        for name, f in figures.items()
        if name.startswith(_SHOWN) and name.count(".") <= _PER_MUSCLE and not (name.startswith("emg.") and name.count(".") > _PER_MUSCLE)
    ]
    lines = [_line(f, against) for f in shown if f.value is not None]
    absent = [f for f in shown if f.value is None]
    reasons: dict[str, list[str]] = {}
    for figure in absent:
        reasons.setdefault(figure.missing, []).append(figure.name)
    return lines + [f"  missing: {', '.join(names)}: {why}" for why, names in reasons.items()]


def _line(figure: Figure, against: Mapping[str, Figure] | None) -> str:
    interval = f"  ({figure.interval[0]:.3g} to {figure.interval[1]:.3g})" if figure.interval else ""
    other = against.get(figure.name) if against else None
    compared = f"  against {other.value:.4g}" if other is not None and other.value is not None else ""
    return f"  {figure.name:38} {figure.value:>10.4g} {figure.unit}{interval}{compared}"
