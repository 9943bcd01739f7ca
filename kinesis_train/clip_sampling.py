"""Adaptive sampling: episodes begin more often where they failed lately, and everywhere sometimes.

Clips are cut into segments of about a second. Each keeps a failure rate, a running mean over the episodes that came through
it: 1 where one failed, 0 where it went on. A start within a segment is likeliest where about half fails of it or of the next
one, and less likely where nearly all does, so that what cannot be followed does not take the practice from what can.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.intp]
SEGMENT_S = 1.0
UNTRIED = 0.5  # failure rate of what was not tried yet
HOPE = 1.2  # the rate that would be too hopeless to be practised; 1 still is, a little


class SegmentSampler:
    """Where in which clip to begin.

    Attributes:
        clip, low, high: of each segment, the clip and its ticks from `low` up to `high`, without it; shape (S,).
        rate: recent failure rate of each segment; shape (S,).
        forget: share of a rate that one more pass replaces.
    """

    def __init__(self, ticks: Index, dt: float, *, forget: float) -> None:
        """`ticks`: length of each clip."""
        counts = np.maximum(np.round(ticks * dt / SEGMENT_S).astype(np.intp), 1)
        edges = [np.round(np.linspace(0, t, c + 1)).astype(np.intp) for t, c in zip(ticks, counts, strict=True)]
        self.clip = np.repeat(np.arange(len(ticks)), counts)
        self.low = np.concatenate([e[:-1] for e in edges])
        self.high = np.concatenate([e[1:] for e in edges])
        self._first, self._count = np.concatenate([[0], np.cumsum(counts)[:-1]]), counts
        self._ticks = ticks
        self.rate = np.full(len(self.clip), UNTRIED)
        self.forget = forget
        self._length = (self.high - self.low).astype(float)

    def allow(self, clips: Sequence[int]) -> None:
        """Begin in no other clips than these."""
        self._length = np.where(np.isin(self.clip, clips), self.high - self.low, 0.0)

    def weights(self, floor: float) -> Array:
        """Share of the starts that each segment gets, sum 1; `floor` of them are spread evenly over time."""
        # What fails soon after a start in the segment before is practised from there too.
        following = np.where(np.r_[self.clip[1:] == self.clip[:-1], False], np.r_[self.rate[1:], 0.0], 0.0)
        rate = np.maximum(self.rate, following)
        hard, even = self._length * rate * (HOPE - rate), self._length / self._length.sum()
        total = hard.sum()
        return even if total < 1e-9 else floor * even + (1.0 - floor) * hard / total

    def draw(self, k: int, rng: np.random.Generator, *, from_start: float, floor: float) -> tuple[Index, Index]:
        """Clips and ticks of k starts; `from_start` of them go back to the start of their clip."""
        segment = np.searchsorted(np.cumsum(self.weights(floor)), rng.random(k) * (1.0 - 1e-12))
        segment = np.minimum(segment, len(self.clip) - 1)
        tick = (self.low[segment] + rng.random(k) * (self.high - self.low)[segment]).astype(np.intp)
        return self.clip[segment], np.where(rng.random(k) < from_start, 0, tick)

    def segment_of(self, clip: Index, tick: Index) -> Index:
        """The segment that a tick of a clip lies in; the last one of the clip for its end."""
        share = tick / np.maximum(self._ticks[clip], 1)
        inside = np.clip((share * self._count[clip]).astype(np.intp), 0, self._count[clip] - 1)
        return np.asarray(self._first[clip] + inside, dtype=np.intp)

    def note(self, clip: Index, began: Index, ended: Index, failed: NDArray[np.bool_]) -> None:
        """Take in k episodes that played `clip` from tick `began` to `ended`."""
        first, last = self.segment_of(clip, began), self.segment_of(clip, ended)
        passes, fails = np.zeros(len(self.rate) + 1), np.zeros(len(self.rate))
        np.add.at(passes, first, 1.0)
        np.add.at(passes, last + 1, -1.0)
        np.add.at(fails, last[failed], 1.0)
        count = np.cumsum(passes)[:-1]
        seen = count > 0.5
        keep = (1.0 - self.forget) ** count[seen]
        self.rate[seen] = keep * self.rate[seen] + (1.0 - keep) * fails[seen] / count[seen]

    def mean_rate(self) -> float:
        """Mean failure rate of a segment over what may be begun in now, weighted by time."""
        return float((self._length * self.rate).sum() / self._length.sum())

    def clip_rates(self) -> Array:
        """Highest failure rate among the segments of each clip; shape (C,)."""
        return np.maximum.reduceat(self.rate, self._first)
