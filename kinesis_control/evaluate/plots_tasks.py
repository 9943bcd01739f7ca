"""Plots of what a body was asked to do and what happened to it."""

from typing import Any

import numpy as np

from kinesis_control.evaluate.goal_reaching import GoalConfig
from kinesis_control.evaluate.plots import ALARM, REACHED, THIRD, at, svg
from kinesis_control.evaluate.report_life import LifeReport

MOST_GOALS = 50
"""Goals whose distance is drawn."""

WIDTH, LABELS_BEGIN = 7.2, 1.5
LETTER = 0.062
"""Width of the time line, of what its labels take of it, and of a letter [inch]."""


def goal_distance(life: LifeReport) -> str:
    """Distance to each goal while it was pursued; empty without goals."""
    if not life.goals:
        return ""
    c, radius = life.series.columns, GoalConfig().radius
    ends = {end.ticket: at(life, end.stamp_ns) for end in life.goal_ends}
    begins = [at(life, goal.stamp_ns) for goal in life.goals]
    last = life.duration_s if life.fallen_ns is None else at(life, life.fallen_ns)

    def draw(canvas: Any) -> None:
        axes = canvas.add_subplot()
        for goal, begin, following in zip(life.goals[:MOST_GOALS], begins, [*begins[1:], last], strict=False):
            end = min(ends.get(goal.ticket, following), following, last)
            inside = (c["time_s"] >= begin) & (c["time_s"] <= end)
            axes.plot(c["time_s"][inside], np.hypot(c["position"][inside, 0] - goal.x, c["position"][inside, 1] - goal.y), color=REACHED)
        axes.axhline(radius, color=THIRD, linewidth=0.8, dashes=(4, 2))
        axes.set(xlabel="time [s]", ylabel="distance [m]", xlim=(0.0, max(life.duration_s, 1e-3)), ylim=(0.0, None))

    return svg(draw, width=WIDTH, height=2.0, name=f"goals {life.source}")


def time_line(life: LifeReport) -> str:
    """Faults, stops, modes, texts, goals and pushes on a time line."""
    rows = _rows(life)
    if not rows:
        return ""
    alarms = {e.name for e in life.events if e.kind in ("fault", "stop")} | {"fall"}
    span = max(life.duration_s, 1.0)
    letter_s = LETTER * 1.06 * span / (WIDTH - LABELS_BEGIN)

    def draw(canvas: Any) -> None:
        axes = canvas.add_subplot()
        for y, (label, marks) in enumerate(reversed(rows.items())):
            axes.plot([t for t, _ in marks], [y] * len(marks), "|" if len(marks) > 30 else "o", color=ALARM if label in alarms else REACHED, markersize=6)
            for t, text, below in _readable(marks, letter_s):
                axes.annotate(text, (t, y), textcoords="offset points", xytext=(5, -9 if below else 3), fontsize=7)
        axes.set_yticks(range(len(rows)), list(reversed(rows)))
        axes.set(xlabel="time [s]", xlim=(-0.02 * span, 1.04 * span), ylim=(-0.7, len(rows) - 0.3))

    return svg(draw, width=WIDTH, height=0.8 + 0.3 * len(rows), name=f"time line {life.source}")


def _rows(life: LifeReport) -> dict[str, list[tuple[float, str]]]:
    """Row of the time line -> (time [s], text) of its marks."""
    rows: dict[str, list[tuple[float, str]]] = {}
    for event in life.events:
        if event.kind != "state":
            label = f"mode ({event.node})" if event.kind == "mode" else event.name
            rows.setdefault(label, []).append((at(life, event.stamp_ns), event.name if event.kind == "mode" else ""))
    marks = {
        "goal": [(at(life, g.stamp_ns), f"({g.x:.1f}, {g.y:.1f})") for g in life.goals],
        "goal ended": [(at(life, e.stamp_ns), e.ending.replace("_", " ")) for e in life.goal_ends],
        "text": [(at(life, t.stamp_ns), t.text[:24]) for t in life.texts],
        "push": [(at(life, p.stamp_ns), f"{np.linalg.norm(p.force):.0f} N") for p in life.pushes],
        "fall": [(at(life, life.fallen_ns), "")] if life.fallen_ns is not None else [],
    }
    return rows | {name: found for name, found in marks.items() if found}


def _readable(marks: list[tuple[float, str]], letter_s: float) -> list[tuple[float, str, bool]]:
    """Marks whose text has room, above the row or else below it: (time, text, below)."""
    free, chosen = [-np.inf, -np.inf], []
    for t, text in marks:
        lane = next((i for i in (0, 1) if t >= free[i]), None)
        if text and lane is not None:
            free[lane] = t + letter_s * (len(text) + 2)
            chosen.append((t, text, lane == 1))
    return chosen
