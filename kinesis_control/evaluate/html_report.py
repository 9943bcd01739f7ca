"""One self-contained page: no file, font or script from anywhere else; light and dark; prints."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from kinesis_control.evaluate import html_parts as parts
from kinesis_control.evaluate import plots
from kinesis_control.evaluate.emg_recordings import EmgRecording
from kinesis_control.evaluate.figure import Figure
from kinesis_control.evaluate.html_style import STYLE
from kinesis_control.evaluate.plots_muscles import muscles, muscles_note
from kinesis_control.evaluate.plots_tasks import goal_distance, time_line
from kinesis_control.evaluate.report_conditions import Verdict
from kinesis_control.evaluate.report_evaluation import Evaluation, RecordingReport
from kinesis_control.evaluate.report_life import LifeReport

MOST_EPISODES_DRAWN = 8
"""Episodes with plots; the worst ones first. The tables hold all of them."""


def write_report(
    folder: Path, evaluation: Evaluation, *, verdicts: Sequence[Verdict] = (), against: Mapping[str, Figure] | None = None, against_name: str = "",
    emg: Sequence[EmgRecording] = (),
) -> Path:  # fmt: skip
    """Write `index.html` into a folder, which is made; returns its path.

    Args:
        evaluation: what is reported.
        verdicts: of conditions that were asked for.
        against: figures to compare with, and where they come from.
        emg: human recordings for the muscle plots.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "index.html"
    target.write_text(page(evaluation, verdicts, against, against_name, emg), encoding="utf-8")
    return target


def page(evaluation: Evaluation, verdicts: Sequence[Verdict], against: Mapping[str, Figure] | None, against_name: str, emg: Sequence[EmgRecording]) -> str:
    """The page as text."""
    body = [
        parts.header(evaluation),
        parts.verdict_list(verdicts),
        parts.problem_list(evaluation.recordings),
        parts.headline_cards(evaluation),
        parts.kind_table(evaluation),
        parts.group_tables(evaluation, against, against_name),
        parts.episode_table(evaluation),
        *(_episode(life, emg, opened=i == 0) for i, life in enumerate(_drawn(evaluation))),
        *(_recording(report) for report in evaluation.recordings),
    ]
    title = escape(evaluation.title)
    return f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">\
<title>{title} - Kinesis evaluation</title><style>{STYLE}</style></head>\n<body><main>{"".join(body)}</main></body></html>\n'


def _drawn(evaluation: Evaluation) -> list[LifeReport]:
    """Episodes to draw: those that fell, earliest first, then the shortest."""
    ordered = sorted(evaluation.lives, key=lambda life: (life.fallen_ns is None, life.duration_s if life.fallen_ns is None else life.fallen_ns - life.begin_ns))
    return ordered[:MOST_EPISODES_DRAWN]


def _episode(life: LifeReport, emg: Sequence[EmgRecording], *, opened: bool) -> str:
    fell = f", fell after {1e-9 * (life.fallen_ns - life.begin_ns):.2f} s" if life.fallen_ns is not None else ""
    summary = f"{escape(life.source)} <small>{life.duration_s:.2f} s, {life.ticks} ticks{fell}</small>"
    last = f"The last seconds before the {'fall' if life.fallen_ns is not None else 'end'}. Dashed: reference."
    drawn = [
        ("Path from above", plots.path_from_above(life), "Start: dot."),
        ("Speed", plots.speed(life), ""),
        ("Distance to the goal", goal_distance(life), "While it was pursued. Dashed: reached."),
        ("Key bodies against the clip", plots.body_error(life), "Dashed: the limit of success@0.5."),
        ("Key bodies", plots.key_bodies(life), last),
        ("Joints", plots.joints(life), last),
        ("Load of the feet", plots.contact(life), "Blue: load over body weight. Shaded: meant to be loaded."),
        ("Muscles over the gait cycle", muscles(life, emg), muscles_note(life, emg)),
        ("What happened", time_line(life), ""),
    ]
    figures = "".join(parts.plot(title, text, note) for title, text, note in drawn if text)
    return f'<details class="episode"{" open" if opened else ""}><summary>{summary}</summary><div class="plots">{figures}</div></details>'


def _recording(report: RecordingReport) -> str:
    drawn = ""
    if report.latency is not None and len(report.latency.time_s):
        misses = report.misses
        begin_ns = misses[0][0] if misses else 0
        text = plots.latency(report.latency, report.period_s, misses, begin_ns, report.path + report.namespace)
        drawn = parts.plot("Latency from state to command", text, "As the recorder saw both messages arrive.")
    name = escape(Path(report.path).name + (f" {report.namespace}" if report.namespace else ""))
    return f"<section><h2>Timing of {name}</h2>{parts.facts_line(report)}{drawn}{parts.figure_table(report.figures)}</section>"
