"""Counts of durations in bounded memory, for percentiles of a recording of any length."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Durations = NDArray[np.int64]

_EXACT_BITS = 15
"""Durations below 2^15 us are kept to 1 us, longer ones to 2^-15 of themselves: at most some 800,000 counts, usually a few thousand."""


@dataclass(kw_only=True)
class DurationHistogram:
    """Durations in steps of 1 us, or of 0.003 % where that is more, rounded down.

    Attributes:
        count: of all durations; negative ones are in it.
        negative: how many were below 0; they come first in the order, and have no value.
        largest_ns: the largest [ns].
    """

    count: int = 0
    negative: int = 0
    largest_ns: int = 0
    _counts: dict[int, int] = field(default_factory=dict)

    def add(self, durations_ns: Durations) -> None:
        """Take in durations, shape (n,) [ns]."""
        if not len(durations_ns):
            return
        self.count += len(durations_ns)
        known = durations_ns[durations_ns >= 0]
        self.negative += len(durations_ns) - len(known)
        if not len(known):
            return
        self.largest_ns = max(self.largest_ns, int(known.max()))
        micros = known // 1000
        shift = np.maximum(np.frexp(micros.astype(float))[1] - _EXACT_BITS, 0)
        keys, counts = np.unique(micros >> shift << shift, return_counts=True)
        for key, times in zip(keys.tolist(), counts.tolist(), strict=True):
            self._counts[key] = self._counts.get(key, 0) + times

    def nearest_rank_s(self, share: float) -> float:
        """The smallest value that at least `share` of the durations do not exceed [s]; NaN without any, -inf where that is a negative one."""
        if not self.count:
            return math.nan
        rank = max(math.ceil(share * self.count), 1)
        if rank == self.count:
            return 1e-9 * self.largest_ns if self.count > self.negative else -math.inf
        seen = self.negative
        if rank <= seen:
            return -math.inf
        for key in sorted(self._counts):
            seen += self._counts[key]
            if seen >= rank:
                return 1e-6 * key
        raise AssertionError("the counts do not add up")

    def longer_than(self, limit_s: float) -> int:
        """How many durations are longer, to the resolution of the counts."""
        return sum(times for key, times in self._counts.items() if 1e-6 * key > limit_s * (1.0 + 1e-12))

    @property
    def counts(self) -> Mapping[int, int]:
        """Duration rounded down [us] -> how many."""
        return self._counts


@dataclass(kw_only=True)
class Scatter:
    """Mean and standard deviation of values that come in pieces (Chan, Golub & LeVeque 1983)."""

    count: int = 0
    mean: float = 0.0
    _squares: float = 0.0

    def add(self, values: NDArray[np.float64]) -> None:
        """Take in values, shape (n,)."""
        n = len(values)
        if not n:
            return
        mean = float(values.mean())
        total, apart = self.count + n, mean - self.mean
        self._squares += float(np.square(values - mean).sum()) + apart * apart * self.count * n / total
        self.mean += apart * n / total
        self.count = total

    @property
    def deviation(self) -> float:
        """Standard deviation of all values; NaN without any."""
        return math.sqrt(self._squares / self.count) if self.count else math.nan
