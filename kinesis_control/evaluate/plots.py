"""Plots of an episode as SVG text that takes the colours of the page it stands in.

matplotlib is imported here alone, and only when a report is drawn. Text and axes come out as `currentColor`, so that the
page decides between light and dark; the curves keep colours that can be told apart on both, and by colour-blind eyes
(Okabe & Ito 2008).
"""

import io
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.evaluate.latency_series import LatencySeries
from kinesis_control.evaluate.report_life import LifeReport

Array = NDArray[np.float64]

REACHED, MEANT, THIRD, ALARM, BAND = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7"
_INK = "#010203"  # stands for the colour of the page's text until the SVG is written
MOST_JOINTS = 16
PIXELS_AN_INCH = 142.0
"""Largest scale on a screen: the widest plots fill the page."""


def svg(draw: Callable[[Any], None], *, width: float, height: float, name: str) -> str:
    """Let `draw` fill a matplotlib figure of this size [inch]; returns an <svg> element.

    Args:
        name: makes the ids inside unique in a page.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure as Canvas

    style: Any = {
        "svg.fonttype": "none", "svg.hashsalt": name, "font.size": 9, "font.family": "sans-serif", "axes.spines.top": False, "axes.spines.right": False,
        "axes.grid": True, "grid.alpha": 0.18, "grid.color": _INK, "text.color": _INK, "axes.labelcolor": _INK, "axes.edgecolor": _INK,
        "xtick.color": _INK, "ytick.color": _INK, "axes.titlesize": 9, "axes.titlelocation": "left", "lines.linewidth": 1.2,
        "legend.frameon": False, "legend.fontsize": 8, "path.simplify_threshold": 0.4, "axes.linewidth": 0.7,
    }  # fmt: skip
    with mpl.rc_context(style):
        canvas = Canvas(figsize=(width, height), layout="constrained")
        canvas.patch.set_alpha(0.0)
        FigureCanvasSVG(canvas)
        draw(canvas)
        for axes in canvas.axes:
            axes.patch.set_alpha(0.0)
        text = io.StringIO()
        canvas.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return _for_page(text.getvalue(), width)


def _for_page(text: str, width: float) -> str:
    body = text[text.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'<svg ([^>]*?)width="[^"]*" height="[^"]*"', rf'<svg \1role="img" style="max-width:{PIXELS_AN_INCH * width:.0f}px"', body, count=1)
    body = re.sub(r"font: (\d+\.?\d*)px [^;\"]*", r"font: \1px system-ui, sans-serif", body)
    body = re.sub(r'\s*xmlns:(?:xlink|rdf|cc|dc)="[^"]*"', "", body).replace("xlink:href", "href")
    return body.replace(_INK, "currentColor").strip()


def path_from_above(life: LifeReport) -> str:
    """Where the body and its reference went, seen from above, with goals and the fall."""

    def draw(canvas: Any) -> None:
        axes = canvas.add_subplot()
        c = life.series.columns
        axes.plot(c["reference_position"][:, 0], c["reference_position"][:, 1], color=MEANT, dashes=(4, 2), label="reference")
        axes.plot(c["position"][:, 0], c["position"][:, 1], color=REACHED, label="reached")
        axes.plot(*c["position"][0, :2], "o", color=REACHED, markersize=5)
        for i, goal in enumerate(life.goals[:20]):
            axes.plot(goal.x, goal.y, "*", color=THIRD, markersize=11, label="goal" if i == 0 else None)
        fallen = np.flatnonzero(c["fallen"] > 0.0)
        if len(fallen):
            axes.plot(*c["position"][fallen[0], :2], "X", color=ALARM, markersize=9, label="fall")
        axes.set_aspect("equal", adjustable="datalim")
        axes.margins(0.15)
        axes.set(xlabel="x [m]", ylabel="y [m]")
        axes.legend(loc="best")

    return svg(draw, width=5.0, height=3.6, name=f"path {life.source}")


def speed(life: LifeReport) -> str:
    """Speed over time against what was asked for."""

    def draw(canvas: Any) -> None:
        axes = canvas.add_subplot()
        c = life.series.columns
        _line(axes, c["time_s"], c["reference_speed"], color=MEANT, label="reference", dashes=(4, 2))
        _line(axes, c["time_s"], np.hypot(c["command"][:, 0], c["command"][:, 1]), color=THIRD, label="commanded")
        axes.plot(c["time_s"], c["speed"], color=REACHED, label="reached", alpha=0.9)
        _mark_events(axes, life)
        axes.set(xlabel="time [s]", ylabel="speed [m/s]", ylim=(0.0, 1.2 * max(axes.get_ylim()[1], 0.1)))
        axes.legend(loc="upper left", ncols=4)

    return svg(draw, width=7.2, height=2.3, name=f"speed {life.source}")


def joints(life: LifeReport) -> str:
    """Joint angles and their reference, in the last seconds before the end or the fall."""
    c = life.series.close_up
    reach = np.nan_to_num(np.ptp(c["joints"], axis=0))
    chosen = np.sort(np.argsort(-reach, kind="stable")[:MOST_JOINTS])
    rows = -(-len(chosen) // 4)

    def draw(canvas: Any) -> None:
        grid = np.atleast_1d(canvas.subplots(rows, 4, sharex=True)).ravel()
        for axes, j in zip(grid, chosen, strict=False):
            _line(axes, c["time_s"], np.degrees(c["reference_joints"][:, j]), color=MEANT, dashes=(4, 2), linewidth=1.0)
            axes.plot(c["time_s"], np.degrees(c["joints"][:, j]), color=REACHED, linewidth=1.0)
            axes.set_title(life.body.joint_names[j].replace("_", " "))
        finish_grid(grid, len(chosen), 4)
        canvas.supxlabel("time [s]", fontsize=9)
        canvas.supylabel("angle [degree]", fontsize=9)

    return svg(draw, width=7.2, height=0.5 + 1.15 * rows, name=f"joints {life.source}")


def key_bodies(life: LifeReport) -> str:
    """Height of the key bodies and of their reference, in the last seconds before the end or the fall; empty where they are not known."""
    c = life.series.close_up
    names = life.body.key_body_names
    if not np.isfinite(c["key_height"]).any():
        return ""
    rows = -(-len(names) // 4)

    def draw(canvas: Any) -> None:
        grid = np.atleast_1d(canvas.subplots(rows, 4, sharex=True)).ravel()
        for axes, b in zip(grid, range(len(names)), strict=False):
            _line(axes, c["time_s"], 1e2 * c["reference_key_height"][:, b], color=MEANT, dashes=(4, 2), linewidth=1.0)
            axes.plot(c["time_s"], 1e2 * c["key_height"][:, b], color=REACHED, linewidth=1.0)
            axes.set_title(names[b].replace("_", " "))
        finish_grid(grid, len(names), 4)
        canvas.supxlabel("time [s]", fontsize=9)
        canvas.supylabel("height [cm]", fontsize=9)

    return svg(draw, width=7.2, height=0.5 + 1.15 * rows, name=f"key bodies {life.source}")


def finish_grid(grid: Any, used: int, columns: int) -> None:
    """Hide what is left over of a grid of small plots, and give every column its numbers below."""
    for axes in grid[used:]:
        axes.set_visible(False)
    for axes in grid[max(used - columns, 0) : used]:
        axes.tick_params(labelbottom=True)


def contact(life: LifeReport) -> str:
    """Load of every foot region in the last seconds, over body weight, and when it was meant to be loaded."""
    c = life.series.close_up
    weight = 9.81 * life.body.mass

    def draw(canvas: Any) -> None:
        axes = canvas.add_subplot()
        names = life.body.contact_names
        for i in range(len(names)):
            base = len(names) - 1 - i
            meant = np.nan_to_num(c["reference_contact"][:, i]) > 0.5
            axes.fill_between(c["time_s"], base, base + 0.9, where=meant, color=MEANT, alpha=0.25, linewidth=0)
            axes.fill_between(c["time_s"], base, base + 0.9 * np.clip(np.nan_to_num(c["load"][:, i]) / weight, 0.0, 1.0), color=REACHED, linewidth=0)
        axes.set_yticks([len(names) - 0.55 - i for i in range(len(names))], [name.replace("_", " ") for name in names])
        axes.tick_params(axis="y", length=0)
        axes.set(xlabel="time [s]", ylim=(-0.05, len(names)))
        axes.grid(visible=False, axis="y")

    return svg(draw, width=7.2, height=0.7 + 0.42 * len(life.body.contact_names), name=f"contact {life.source}")


def body_error(life: LifeReport) -> str:
    """Mean distance of the key bodies from their reference over time; empty without a clip."""
    c = life.series.columns
    if not life.clips or not np.isfinite(c["body_error"]).any():
        return ""

    def draw(canvas: Any) -> None:
        axes = canvas.add_subplot()
        axes.plot(c["time_s"], 1e3 * c["body_error"], color=REACHED)
        axes.axhline(500.0, color=ALARM, linewidth=0.8, dashes=(4, 2))
        axes.set(xlabel="time [s]", ylabel="mean key-body error [mm]", ylim=(0.0, None))

    return svg(draw, width=7.2, height=2.0, name=f"error {life.source}")


def latency(series: LatencySeries, period_s: float, misses: Sequence[tuple[int, int]], begin_ns: int, name: str) -> str:
    """Latency over time (mean and largest of each stretch of time), the control period, and deadline misses."""

    def draw(canvas: Any) -> None:
        upper, lower = canvas.subplots(2, 1, sharex=True, height_ratios=(3, 1)) if misses else (canvas.add_subplot(), None)
        upper.plot(series.time_s, 1e3 * series.largest_s, color=MEANT, linewidth=0.9, label="largest")
        upper.plot(series.time_s, 1e3 * series.mean_s, color=REACHED, label="mean")
        if np.isfinite(period_s):
            upper.axhline(1e3 * period_s, color=ALARM, linewidth=0.8, dashes=(4, 2), label="control period")
        upper.set(ylabel="latency [ms]", ylim=(0.0, None))
        upper.legend(loc="upper right", ncols=3)
        if lower is not None:
            lower.step([1e-9 * (ns - begin_ns) for ns, _ in misses], [n for _, n in misses], where="post", color=ALARM)
            lower.set(ylabel="misses")
        (upper if lower is None else lower).set(xlabel="time [s]")

    return svg(draw, width=7.2, height=3.1 if misses else 2.3, name=f"latency {name}")


def at(life: LifeReport, stamp_ns: int) -> float:
    """Time since the episode began [s]."""
    return 1e-9 * (stamp_ns - life.begin_ns)


def _line(axes: Any, x: Array, y: Array, **style: Any) -> None:
    if np.isfinite(y).any():
        axes.plot(x, y, **style)


def _mark_events(axes: Any, life: LifeReport) -> None:
    for i, push in enumerate(life.pushes):
        axes.axvline(at(life, push.stamp_ns), color=BAND, linewidth=0.9, label="push" if i == 0 else None)
    if life.fallen_ns is not None:
        axes.axvline(at(life, life.fallen_ns), color=ALARM, linewidth=1.0)
        axes.annotate("fall", (at(life, life.fallen_ns), 0.0), color=ALARM, textcoords="offset points", xytext=(3, 3), fontsize=8)
