"""Pieces of the report page."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from kinesis_control.evaluate.direction import direction
from kinesis_control.evaluate.figure import Figure
from kinesis_control.evaluate.report_conditions import Verdict
from kinesis_control.evaluate.report_evaluation import Evaluation, Group, RecordingReport
from kinesis_control.evaluate.report_json import figure_of
from kinesis_control.evaluate.report_life import LifeReport

HEADLINES = (
    "suite.success", "imitation.success05", "imitation.success015", "imitation.frame_coverage", "imitation.mpjpe_root", "goals.reached", "goals.distance",
    "push.recovered", "velocity.mean_error", "movement.speed", "movement.distance", "energy.mechanical_cost_of_transport", "movement.foot_skate",
    "emg.plain.r", "timing.latency.p99", "timing.unanswered",
)  # fmt: skip
"""Figures that stand at the top where they have a value."""


_PER_MUSCLE = "muscle_timing.agreement."
_UNITS = {"rad/s^3": "rad/s\u00b3"}

_SPECIAL = {
    "goals.reached": "goals reached",
    "goals.distance": "distance to the goal",
    "velocity.mean_error": "velocity error",
    "push.recovered": "pushes recovered from",
    "suite.success": "successes",
    "energy.mechanical_cost_of_transport": "cost of transport",
    "emg.plain.r": "muscles against people, r",
    "timing.unanswered": "states without an answer",
    "timing.latency.p99": "latency, p99",
}


def number(value: float) -> str:
    """Three or four digits that count."""
    if value == 0.0:
        return "0"
    if abs(value) >= 1000.0:
        return f"{value:,.0f}".replace(",", "\u202f")
    return f"{value:.3g}" if abs(value) >= 1e-3 else f"{value:.2e}"


def shown(figure: Figure) -> tuple[str, str]:
    """Value and unit in the form that people read: shares as per cent, short times in milliseconds."""
    value = figure.value if figure.value is not None else float("nan")
    if figure.unit == "share":
        return number(100.0 * value), "%"
    if figure.unit == "s" and abs(value) < 0.1:
        return number(1e3 * value), "ms"
    return number(value), _UNITS.get(figure.unit, figure.unit)


def interval(figure: Figure) -> str:
    """The 95 % interval in the unit of `shown`."""
    if figure.interval is None:
        return ""
    factor = 100.0 if figure.unit == "share" else 1e3 if figure.unit == "s" and abs(figure.value or 0.0) < 0.1 else 1.0
    return " to ".join(number(factor * bound) for bound in figure.interval)


def header(evaluation: Evaluation) -> str:
    """Title, and which body and policy."""
    lines = "".join(
        f"<div>body <b>{escape(g.body)}</b>, policy <b>{escape(g.policy or 'unknown')}</b> <code>{escape(g.policy_sha256[:16])}</code>, "
        f"{_count(len(g.lives), 'episode')}, "
        f"{sum(life.duration_s for life in g.lives):.1f} s</div>"
        for g in evaluation.groups
    )
    return f"<h1>{escape(evaluation.title)}</h1><div class='dim'>{lines or 'no episode could be read'}</div>"


def verdict_list(verdicts: Sequence[Verdict]) -> str:
    """What came of the conditions."""
    if not verdicts:
        return ""
    good = all(v.failed is False for v in verdicts)
    lines = "".join(f"<li class='{'good' if v.failed is False else 'bad'}'>{escape(v.line())}</li>" for v in verdicts)
    return f"<div class='note{' ok' if good else ''}'><b>Conditions</b><ul>{lines}</ul></div>"


def problem_list(recordings: Sequence[RecordingReport]) -> str:
    """What is wrong with the recordings, and what cannot be said."""
    lines = [f"{Path(r.path).name}{r.namespace and ' ' + r.namespace}: {text}" for r in recordings for text in r.problems]
    lines += [f"{Path(r.path).name}: {topic} was not recorded, so nothing is said about: {lost}" for r in recordings for topic, lost in r.missing.items()]
    if not lines:
        return ""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<div class='note'><b>To know before reading the figures</b><ul>{items}</ul></div>"


def headline_cards(evaluation: Evaluation) -> str:
    """The figures that most readers come for."""
    cards = []
    lives = evaluation.lives
    if lives:
        fell = sum(life.fallen_ns is not None for life in lives)
        cards.append(f"<div class='card'><b class='{'bad' if fell else 'good'}'>{len(lives) - fell} <i>of {len(lives)}</i></b>without a fall</div>")
    for name in HEADLINES:
        figure = evaluation.figures.get(name)
        if figure is not None and figure.value is not None:
            value, unit = shown(figure)
            cards.append(f"<div class='card'><b>{value} <i>{escape(unit)}</i></b>{escape(label(name))}</div>")
    return f"<div class='cards'>{''.join(cards)}</div>"


def label(name: str) -> str:
    """A figure's name for people."""
    if name in _SPECIAL:
        return _SPECIAL[name]
    return name.partition(".")[2].replace(".", " ").replace("_", " ").replace("success05", "success@0.5").replace("success015", "success@0.15")


def group_tables(evaluation: Evaluation, against: Mapping[str, Figure] | None, against_name: str) -> str:
    """All figures, by body and policy."""
    many = len(evaluation.groups) > 1
    return "".join(
        f"<section><h2>Figures{f': {escape(g.body)}, {escape(g.policy)}' if many else ''}</h2>"
        f"{_group_table(g, None if many else against, against_name)}</section>"
        for g in evaluation.groups
    )


def _group_table(group: Group, against: Mapping[str, Figure] | None, against_name: str) -> str:
    single = {name: f for name, f in group.figures.items() if not _of_electrode(name) and not name.startswith(_PER_MUSCLE)}
    known = {name: f for name, f in single.items() if f.value is not None}
    absent = {name: f for name, f in single.items() if f.value is None}
    table = figure_table(known, worst=group.worst, against=against, against_name=against_name)
    table += electrode_table(group.figures) + muscle_table(group.figures)
    if not absent:
        return table
    return f"{table}<details class='figures'><summary>{_count(len(absent), 'figure')} missing <small>and why</small></summary>{figure_table(absent)}</details>"


def _of_electrode(name: str) -> bool:
    """Whether a figure is of one electrode: "emg.BASE.WHAT.ELECTRODE"."""
    return name.startswith("emg.") and name.count(".") == 3


def electrode_table(figures: Mapping[str, Figure]) -> str:
    """Comparison with people, one row an electrode, both time bases side by side; empty without recordings of people."""
    named = {name: f for name, f in figures.items() if _of_electrode(name)}
    if not named:
        return ""
    columns = list(dict.fromkeys(name.rsplit(".", 1)[0] for name in named))
    electrodes = list(dict.fromkeys(name.rsplit(".", 1)[1] for name in named))
    head = "".join(f"<th class=n>{escape(label(c).replace('plain', '').replace('piecewise', ''))}</th>" for c in columns)
    bases = [c.split(".")[1] for c in columns]
    over = "".join(f"<th colspan='{bases.count(b)}'>{escape(b)} time base</th>" for b in dict.fromkeys(bases))
    rows = "".join(f"<tr><td>{escape(e.replace('_', ' '))}</td>{''.join(_electrode_cell(named.get(f'{c}.{e}')) for c in columns)}</tr>" for e in electrodes)
    table = f"<table><thead><tr><th></th>{over}</tr><tr><th>electrode</th>{head}</tr></thead><tbody>{rows}</tbody></table>"
    note = "r, ceiling: correlation; rmse: of the range; lag: % of the cycle; shift p: share of shifts that fit as well"
    return f"<details class='figures'><summary>Muscles against people <small>{note}</small></summary><div class='wide'>{table}</div></details>"


def muscle_table(figures: Mapping[str, Figure]) -> str:
    """When each muscle is on and off against the table of people; empty without a gait cycle."""
    known = {name: f for name, f in figures.items() if name.startswith(_PER_MUSCLE) and f.value is not None}
    if not known:
        return ""
    note = "share of the cycle at which body and table say the same"
    return f"<details class='figures'><summary>Muscles on and off <small>{note}</small></summary>{figure_table(known)}</details>"


def _electrode_cell(figure: Figure | None) -> str:
    if figure is None or figure.value is None:
        return f"<td class='n dim' title='{escape(figure.missing if figure else '', quote=True)}'>-</td>"
    return f"<td class=n>{figure.value:.2f}</td>"


def figure_table(
    figures: Mapping[str, Figure], *, worst: Mapping[str, tuple[float, str]] | None = None, against: Mapping[str, Figure] | None = None, against_name: str = ""
) -> str:
    """A table of figures under headings by their first word."""
    columns = ["figure", "value", "unit", "95 % interval", "n"]
    columns += [f"in {against_name}"] if against is not None else []
    columns += ["worst"] if worst else []
    head = "".join(f"<th{' class=n' if c in ('value', '95 % interval', 'n') else ''}>{escape(c)}</th>" for c in [*columns, "remark"])
    rows, section = [], ""
    for name, figure in figures.items():
        if name.partition(".")[0] != section:
            section = name.partition(".")[0]
            rows.append(f"<tr class='head'><td colspan='{len(columns) + 1}'>{escape(section.replace('_', ' '))}</td></tr>")
        rows.append(_row(name, figure, worst, against))
    return f"<div class='wide'><table class='figures'><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"


def _row(name: str, figure: Figure, worst: Mapping[str, tuple[float, str]] | None, against: Mapping[str, Figure] | None) -> str:
    value, unit = shown(figure) if figure.value is not None else ("-", figure.unit)
    cells = [
        f"<td class='name'>{escape(label(name))}</td><td class='n value'>{value}</td><td class='unit'>{escape(unit)}</td>"
        f"<td class='n within'>{interval(figure)}</td><td class='n count'>{figure.n or ''}</td>"
    ]
    if against is not None:
        cells.append(f"<td class='n other'>{_compared(figure, against.get(name))}</td>")
    if worst:
        known = worst.get(name)
        text = f"{_with_unit(Figure(name=name, value=known[0], unit=figure.unit))} in {escape(known[1])}" if known else ""
        cells.append(f"<td class='worst'>{text}</td>")
    remark = escape(figure.missing or figure.note)
    return f"<tr{'' if figure.value is not None else ' class=none'}>{''.join(cells)}<td class='dim remark'>{remark}</td></tr>"


def _with_unit(figure: Figure) -> str:
    value, unit = shown(figure)
    return escape(f"{value} {unit}".strip())


def _compared(figure: Figure, other: Figure | None) -> str:
    if other is None or other.value is None or figure.value is None:
        return "-"
    sign = direction(figure.name) * (figure.value - other.value)
    kind = "good" if sign > 0 else "bad" if sign < 0 else "dim"
    return f"<span class='{kind}'>{_with_unit(other)}</span>"


def kind_table(evaluation: Evaluation) -> str:
    """One row a kind of case of a benchmark; empty for recordings."""
    kinds: Mapping[str, Mapping[str, Mapping[str, Any]]] = evaluation.extra.get("kinds", {})
    names = [n for n in HEADLINES if any(n in figures and figures[n]["value"] is not None for figures in kinds.values())]
    if not kinds or not names:
        return ""
    head = "<th>kind</th><th class=n>n</th>" + "".join(f"<th class=n>{escape(label(n))}</th>" for n in names)
    rows = "".join(f"<tr><td>{escape(kind.replace('_', ' '))}</td>{_kind_cells(figures, names)}</tr>" for kind, figures in kinds.items())
    asks = escape(f"{evaluation.extra.get('asks', '')}. Success: {evaluation.extra.get('success', '')}.")
    return f"<h2>By kind</h2><p class='dim'>{asks}</p><div class='wide'><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"


def _kind_cells(figures: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> str:
    cells = [f"<td class=n>{max((int(f['n']) for n, f in figures.items() if n == 'suite.success'), default='')}</td>"]
    for name in names:
        entry = figures.get(name)
        if entry is None or entry["value"] is None:
            cells.append("<td class='n dim'>-</td>")
            continue
        figure = figure_of(name, entry)
        value, unit = shown(figure)
        between = f" <small>({interval(figure)})</small>" if figure.interval else ""
        cells.append(f"<td class=n>{value} <small>{escape(unit)}</small>{between}</td>")
    return "".join(cells)


def episode_table(evaluation: Evaluation) -> str:
    """One row an episode."""
    if len(evaluation.lives) < 2:
        return "<h2>Episode</h2>" if evaluation.lives else ""
    names = [n for n in HEADLINES if not n.startswith("timing.") and any(_has(life, n) for life in evaluation.lives)]
    head = "<th>episode</th><th class=n>seconds</th><th class=n>fell at</th>" + "".join(f"<th class=n>{escape(label(n))}</th>" for n in names)
    rows = "".join(f"<tr>{_life_cells(life)}{''.join(_cell(life, n) for n in names)}</tr>" for life in evaluation.lives)
    return f"<h2>Episodes</h2><div class='wide'><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"


def _life_cells(life: LifeReport) -> str:
    fell = "" if life.fallen_ns is None else f"{1e-9 * (life.fallen_ns - life.begin_ns):.2f} s"
    return f"<td>{escape(life.source)}</td><td class=n>{life.duration_s:.2f}</td><td class='n bad'>{fell}</td>"


def _has(life: LifeReport, name: str) -> bool:
    return name in life.figures and life.figures[name].value is not None


def _cell(life: LifeReport, name: str) -> str:
    if not _has(life, name):
        return "<td class='n dim'>-</td>"
    value, unit = shown(life.figures[name])
    return f"<td class=n>{value} <small>{escape(unit)}</small></td>"


def facts_line(report: RecordingReport) -> str:
    """Clock, facts and policies of a recording."""
    facts: Iterable[str] = (f"{escape(k)} {escape(v)}" for k, v in report.facts.items() if v and k != "clock")
    policies = (f"from {1e-9 * ns:.2f} s {escape(name)} <code>{escape(sha[:16])}</code>" for ns, name, sha in report.policies)
    return f"<div class='dim'>{', '.join((*(f'clock {escape(c)}' for c in report.clocks), *facts))}</div><div class='dim'>{'; '.join(policies)}</div>"


def plot(title: str, text: str, note: str) -> str:
    """A plot with its caption."""
    return f"<figure><figcaption>{escape(title)} <small>{escape(note)}</small></figcaption>{text}</figure>"


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
