"""How people use their muscles in walking, as the page shows it beside those of the body.

Two sources: recordings that the user has (docs/emg.md), as a band of mean and one standard deviation; and the published
times of kinesis_control/evaluate/emg_timing.py, which come with Kinesis, as a bar of when a muscle is on.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.evaluate.electrodes import ELECTRODES
from kinesis_control.evaluate.emg import scaled
from kinesis_control.evaluate.emg_recordings import EmgRecording, people_of
from kinesis_control.evaluate.emg_timing import TIMINGS
from kinesis_control.evaluate.gait_cycles import sides_of
from kinesis_control.evaluate.time_base import POINTS, TimeBase

BAND_POINTS = 50
"""Points of a band over the cycle; a page is not wide enough for more."""


def human_facts(muscles: tuple[str, ...], recordings: Sequence[EmgRecording] = ()) -> dict[str, Any]:
    """Human bands and times for the muscles of a body, ready for JSON.

    Args:
        muscles: names in layout order.
        recordings: of people; none gives times alone.

    Returns:
        `sides`: "right", "left" or "" for each muscle. `bands`: name, people, and middle and spread, shape
        (BAND_POINTS,), scaled to 0..1 over the plain cycle from heel strike. `timings`: name and bursts on, in % of the
        cycle. `band_of`, `timing_of`: for each muscle the index into these, or -1.
    """
    bands = _bands(recordings)
    places = {electrode: index for index, (electrode, _) in enumerate(bands)}
    sides, band_of, timing_of = [""] * len(muscles), [-1] * len(muscles), [-1] * len(muscles)
    for side, columns in sides_of(muscles).items():
        for name, index in columns.items():
            sides[index] = side
            band_of[index] = next((places[e] for e in _electrodes_over(name) if e in places), -1)
            timing_of[index] = next((i for i, timing in enumerate(TIMINGS) if name in timing.muscles), -1)
    return {
        "sides": sides,
        "bands": [band for _, band in bands],
        "band_of": band_of,
        "timings": [{"name": timing.name, "on": timing.on} for timing in TIMINGS],
        "timing_of": timing_of,
    }


def _electrodes_over(muscle: str) -> list[str]:
    """Electrodes that see a muscle, named without its side; those that see it alone come first."""
    over = [(min(len(choice) for choice in e.muscles if muscle in choice), e.name) for e in ELECTRODES if any(muscle in choice for choice in e.muscles)]
    return [name for _, name in sorted(over, key=lambda entry: entry[0])]


def _bands(recordings: Sequence[EmgRecording]) -> list[tuple[str, dict[str, Any]]]:
    result = []
    for name in dict.fromkeys(e for recording in recordings for e in recording.electrodes):
        human = scaled(people_of(recordings, name, TimeBase.PLAIN)[1])
        human = human[np.isfinite(human).all(axis=-1)]
        if len(human):
            band = {"name": name, "people": len(human), "middle": _coarse(human.mean(axis=0)), "spread": _coarse(human.std(axis=0))}
            result.append((name, band))
    return result


def _coarse(values: NDArray[np.float64]) -> list[float]:
    """Every so many points of an envelope, shape (POINTS,)."""
    means: list[float] = values[:: POINTS // BAND_POINTS].round(3).tolist()
    return means
