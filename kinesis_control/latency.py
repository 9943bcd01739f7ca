"""Percentiles of the last durations, kept without allocating."""

from typing import NamedTuple

import numpy as np

from kinesis_control.errors import ConfigurationError


class LatencySummary(NamedTuple):
    """Median, 99th percentile and maximum [s]; zeros before the first duration."""

    p50: float = 0.0
    p99: float = 0.0
    max: float = 0.0


class LatencyWindow:
    """A ring of durations.

    Attributes:
        count: durations added since the start.
        total: their sum [s].
    """

    def __init__(self, size: int = 4096) -> None:
        """Make an empty ring.

        Raises:
            ConfigurationError: `size` is below 1.
        """
        if size < 1:
            raise ConfigurationError(f"size of a latency window: got {size}, expected at least 1")
        self._ring = np.zeros(size)
        self._size = size
        self.count = 0
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Add one duration [s]; the oldest one leaves a full ring."""
        self._ring[self.count % self._size] = seconds
        self.count += 1
        self.total += seconds

    def summary(self) -> LatencySummary:
        """Percentiles over the durations in the ring, by the nearest rank."""
        n = min(self.count, self._size)
        if n == 0:
            return LatencySummary()
        ordered = np.sort(self._ring[:n])
        rank = [max(int(np.ceil(q * n)) - 1, 0) for q in (0.5, 0.99)]
        return LatencySummary(p50=float(ordered[rank[0]]), p99=float(ordered[rank[1]]), max=float(ordered[-1]))
