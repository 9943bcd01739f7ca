"""Latency over time for a plot, in bounded memory."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MOST_BINS = 800


@dataclass(kw_only=True)
class LatencySeries:
    """Mean and largest latency of equal stretches of time; their width doubles whenever there are more than MOST_BINS.

    Attributes: width_s, of a stretch [s].
    """

    width_s: float = 0.25

    def __post_init__(self) -> None:
        self._count, self._sum, self._largest = np.zeros(MOST_BINS, dtype=np.int64), np.zeros(MOST_BINS), np.zeros(MOST_BINS)

    def add(self, time_s: Array, latency_s: Array) -> None:
        """Take in latencies at times since the beginning, shape (n,) each [s]; times before it are left out."""
        good = time_s >= 0.0
        time_s, latency_s = time_s[good], latency_s[good]
        if not len(time_s):
            return
        while time_s.max() >= self.width_s * MOST_BINS:
            self._halve()
        at = (time_s / self.width_s).astype(int)
        np.add.at(self._count, at, 1)
        np.add.at(self._sum, at, latency_s)
        np.maximum.at(self._largest, at, latency_s)

    def _halve(self) -> None:
        half, rest = MOST_BINS // 2, MOST_BINS - MOST_BINS // 2
        for name, join in (("_count", np.add), ("_sum", np.add), ("_largest", np.maximum)):
            values = getattr(self, name)
            setattr(self, name, np.concatenate([join(values[::2], values[1::2]), np.zeros(rest, values.dtype)])[: half + rest])
        self.width_s *= 2.0

    @property
    def time_s(self) -> Array:
        """Middle of every stretch that has a latency [s]."""
        result: Array = (np.flatnonzero(self._count).astype(np.float64) + 0.5) * self.width_s
        return result

    @property
    def mean_s(self) -> Array:
        """Mean latency of these stretches [s]."""
        used = self._count > 0
        return self._sum[used] / self._count[used]

    @property
    def largest_s(self) -> Array:
        """Largest latency of these stretches [s]."""
        return self._largest[self._count > 0]
