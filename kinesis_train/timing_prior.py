"""When muscles are usually on in walking, as a prior of the muscle program.

A program that only minimises effort switches every muscle on as late and as shortly as mechanics allow: no hamstrings and
no quadriceps before the foot comes down, no co-contraction. People prepare. The prior pulls each activation towards a small
value while published tables (kinesis_control/evaluate/emg_timing.py) say that the muscle is on. Recordings of muscles take no
part in it, so that a comparison with recordings stays a test; the agreement with those tables no longer is one.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kinesis_control.evaluate.emg_timing import TIMINGS

Array = NDArray[np.float64]
FULL_SPEED = 1.2
"""Walking speed from which the prior is at its full level [m/s]; below, it grows with the speed."""
RISE = 0.1
"""A muscle comes on and goes off within this share of a cycle."""


def usual_activity(phase: Array) -> dict[str, Array]:
    """Of every muscle of the tables, by name without side: 0 (off) to 1 (on) at phases of its own leg, 0 at heel strike."""
    activity: dict[str, Array] = {}
    for timing in TIMINGS:
        value = np.zeros_like(phase)
        for begin, end in timing.on:
            width = 0.01 * ((end - begin) % 100.0)
            off_middle = np.abs((phase - 0.01 * begin - 0.5 * width + 0.5) % 1.0 - 0.5)
            value = np.maximum(value, np.clip((0.5 * (width + RISE) - off_middle) / RISE, 0.0, 1.0))
        activity |= dict.fromkeys(timing.muscles, value)
    return activity


def timing_prior(muscles: Sequence[str], right_phase: Array, left_phase: Array, speed: Array, level: float) -> Array:
    """Prior activations.

    Args:
        muscles: names of the body's muscles, which end in "_r" or "_l" where they belong to a leg.
        right_phase, left_phase: 0..1 since the last heel strike of that foot, shape (F,); NaN where the body does not walk.
        speed: forward speed, shape (F,) [m/s].
        level: activation that is pulled to at full walking speed, 0..1.

    Returns:
        Shape (F, n_muscles), 0..level.
    """
    height = level * np.clip(speed / FULL_SPEED, 0.0, 1.0)
    prior = np.zeros((len(height), len(muscles)))
    for side, phase in (("_r", right_phase), ("_l", left_phase)):
        walks = np.isfinite(phase)
        activity = usual_activity(np.where(walks, phase, 0.0))
        for i, name in enumerate(muscles):
            if name.endswith(side) and name[:-2] in activity:
                prior[:, i] = np.where(walks, height * activity[name[:-2]], 0.0)
    return prior


def stride_phase(times: Array, strikes: Sequence[float], longest: float = 1.7) -> Array:
    """Phase 0..1 between two heel strikes of one foot, NaN outside strides; shape of `times`, which are in seconds.

    Args:
        strikes: times of the heel strikes, ascending [s].
        longest: two strikes further apart are no stride [s].
    """
    phase = np.full(np.shape(times), np.nan)
    for begin, end in pairwise(strikes):
        inside = (times >= begin) & (times < end)
        if end - begin <= longest:
            phase[inside] = (times[inside] - begin) / (end - begin)
    return phase
