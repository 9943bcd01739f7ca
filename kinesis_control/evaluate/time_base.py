"""The two time bases of a gait cycle, and resampling onto them.

Both have 200 points, none of which is the end of the cycle (the end is the next cycle's start), so that a cycle can be
shifted around.
    plain       point i lies at i/200 of the cycle
    piecewise   the first 100 points spread over stance (heel strike to toe off), the other 100 over swing, whatever
                share of the cycle stance takes
"""

from enum import Enum

import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import ConfigurationError

Array = NDArray[np.float64]

POINTS = 200
STANCE_POINTS = 100
HUMAN_STANCE_SHARE = 0.62
"""Share of the cycle that the foot is on the ground in human walking at a free speed (Perry & Burnfield 2010), for
recordings that do not say theirs.
"""


class TimeBase(str, Enum):
    """How the points of an envelope lie in the cycle."""

    PLAIN = "plain"
    PIECEWISE = "piecewise"


def sample_times(base: TimeBase, stance_share: float, points: int = POINTS) -> Array:
    """Where the points of a base lie, as shares of the cycle; shape (points,), from 0, below 1.

    Raises:
        ConfigurationError: the stance share is not between 0 and 1.
    """
    if not 0.0 < stance_share < 1.0:
        raise ConfigurationError(f"got a stance share of {stance_share}, expected it between 0 and 1")
    if base is TimeBase.PLAIN:
        return np.arange(points) / points
    half = np.arange(points // 2) / (points // 2)
    return np.concatenate([stance_share * half, stance_share + (1.0 - stance_share) * half])


def resample(times: Array, values: Array, at: Array) -> Array:
    """Linear interpolation of every column.

    Args:
        times: shape (T,), rising, T at least 2.
        values: shape (T, n).
        at: shape (m,), within the times; beyond them the nearest two points are continued.

    Returns:
        Shape (m, n).
    """
    right = np.clip(np.searchsorted(times, at, side="right"), 1, len(times) - 1)
    share = ((at - times[right - 1]) / (times[right] - times[right - 1]))[:, None]
    return (1.0 - share) * values[right - 1] + share * values[right]


def rebase(envelope: Array, present: TimeBase, wanted: TimeBase, stance_share: float) -> Array:
    """An envelope, shape (..., points), moved from one base to the other; shape (..., POINTS). The cycle closes on itself."""
    points = envelope.shape[-1]
    if present is wanted and points == POINTS:
        return envelope
    times = np.append(sample_times(present, stance_share, points), 1.0)
    closed = np.concatenate([envelope, envelope[..., :1]], axis=-1).reshape(-1, points + 1)
    moved = resample(times, closed.T, sample_times(wanted, stance_share)).T
    return moved.reshape(*envelope.shape[:-1], POINTS)
