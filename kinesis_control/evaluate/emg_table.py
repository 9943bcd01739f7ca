"""Every single comparison of a body with people, for the JSON file: electrode by electrode, side by side, person by person."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.evaluate.emg import MuscleMatch, compare
from kinesis_control.evaluate.emg_recordings import EmgRecording
from kinesis_control.evaluate.report_life import LifeReport
from kinesis_control.evaluate.time_base import TimeBase

DIGITS = 6


def emg_table(lives: Iterable[LifeReport], people: Sequence[EmgRecording]) -> list[dict[str, Any]]:
    """One entry an episode, time base, electrode and side; values in the order of `people`, null where there is none."""
    if not people:
        return []
    return [
        {"episode": life.source, "base": base.value, **_entry(match)}
        for life in lives
        for base in TimeBase
        for match in compare(life.legs, people, base).matches
    ]


def _entry(match: MuscleMatch) -> dict[str, Any]:
    facts: dict[str, Any] = {"electrode": match.electrode, "side": match.side}
    if match.missing:
        return {**facts, "missing": match.missing}
    return {**facts, "people": list(match.people), "r": _plain(match.r), "rmse": _plain(match.rmse), "lag": _plain(match.lag)}


def _plain(values: NDArray[np.float64]) -> list[float | None]:
    return [round(v, DIGITS) if math.isfinite(v) else None for v in values.tolist()]
