"""How far the trainings in a folder are: progress, time left and curves, from the files they write. Needs no torch."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kinesis_control.errors import UnavailableError
from kinesis_train.journal import LOG_FILE, RUN_FILE, read_rows

BARS = "▁▂▃▄▅▆▇█"
NO_CURVE = ("steps", "seconds", "steps_per_s", "rate", "std", "kl")
QUIET_S = 180.0  # a training that has written nothing for so long has stopped


@dataclass(frozen=True, kw_only=True)
class Progress:
    """One training.

    Attributes:
        folder: it writes to.
        about: kind, steps to take, body, seed; empty where the run did not note them.
        rows: its figures, oldest first.
        age_s: since the last one was written [s].
    """

    folder: Path
    about: dict[str, Any]
    rows: list[dict[str, float]]
    age_s: float

    @property
    def total(self) -> int | None:
        """Steps to take; None where that is not known."""
        return int(self.about["steps"]) if "steps" in self.about else None

    @property
    def state(self) -> str:
        """finished, running, stopped, or beginning."""
        if not self.rows:
            return "beginning"
        if self.total is not None and self.rows[-1]["steps"] >= self.total:
            return "finished"
        return "running" if self.age_s < QUIET_S else "stopped"

    @property
    def left_s(self) -> float | None:
        """Time to the end at the present pace [s]; None where the pace or the end is not known."""
        last = self.rows[-1] if self.rows else {}
        if self.total is None or last.get("steps_per_s", 0.0) <= 0.0:
            return None
        return max(self.total - last["steps"], 0.0) / last["steps_per_s"]


def look(folder: Path) -> list[Progress]:
    """The trainings in a folder and one level below it, oldest first.

    Raises:
        UnavailableError: there is none.
    """
    places = [folder, *sorted(p for p in folder.glob("*") if p.is_dir())] if folder.is_dir() else []
    found = [_read(place) for place in places if (place / LOG_FILE).exists()]
    if not found:
        raise UnavailableError(f"'{folder}' holds no training; it would hold a {LOG_FILE}")
    return sorted(found, key=lambda p: -p.age_s)


def _read(folder: Path) -> Progress:
    path = folder / LOG_FILE
    return Progress(folder=folder, about=_about(folder), rows=read_rows(path), age_s=time.time() - path.stat().st_mtime)


def _about(folder: Path) -> dict[str, Any]:
    try:
        stored = json.loads((folder / RUN_FILE).read_text())
    except (OSError, ValueError):
        return {}
    return stored if isinstance(stored, dict) else {}


def curve(values: Sequence[float], width: int = 48) -> str:
    """A line of bars for a row of figures, lowest to highest; each bar is the mean of its share of them."""
    known = np.array([v for v in values if np.isfinite(v)])
    if not len(known):
        return ""
    means = np.array([part.mean() for part in np.array_split(known, min(width, len(known)))])
    low, high = means.min(), means.max()
    level = np.zeros(len(means)) if high <= low else (means - low) / (high - low)
    return "".join(BARS[round(x * (len(BARS) - 1))] for x in level)


def describe(progress: Progress, names: Sequence[str] = ()) -> str:
    """Lines for people: progress, time left, and a curve for each figure (or for those named)."""
    about, rows = progress.about, progress.rows
    title = " ".join(str(about[k]) for k in ("kind", "body") if k in about) + (f", seed {about['seed']}" if "seed" in about else "")
    lines = [f"{progress.folder}: {title + ', ' if title else ''}{progress.state}"]
    if rows:
        lines.append("  " + _pace(progress))
    figures = names or [k for k in dict.fromkeys(k for row in rows for k in row) if k not in NO_CURVE]
    for name in figures:
        values = [row[name] for row in rows if name in row]
        if values:
            lines.append(f"  {name:<14}{values[0]:>9.3g} {curve(values)} {values[-1]:.3g}")
    return "\n".join(lines)


def _pace(progress: Progress) -> str:
    last, total, left = progress.rows[-1], progress.total, progress.left_s
    steps = f"{last['steps'] / 1e6:.2f} M" + (f" of {total / 1e6:.2f} M steps ({100.0 * last['steps'] / total:.0f} %)" if total else " steps")
    pace = f", {last['steps_per_s']:.0f} steps/s" if "steps_per_s" in last else ""
    rest = f", {_time(left)} left" if left is not None and progress.state == "running" else ""
    return f"{steps}{pace}, {_time(last.get('seconds', 0.0))} so far{rest}; last written {_time(progress.age_s)} ago"


def _time(seconds: float) -> str:
    """A duration as people say it."""
    if seconds < 90.0:
        return f"{seconds:.0f} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 5400.0 else f"{seconds / 3600.0:.1f} h"
