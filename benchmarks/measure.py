"""What every measurement shares: a result, its spread, and one core to run on."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Result:
    """One measured quantity over several repeats within one run.

    Attributes:
        name: what was measured.
        unit: of every value.
        target: the stated aim, in words, or "".
        values: one value a repeat.
    """

    name: str
    unit: str
    target: str
    values: tuple[float, ...]

    def as_dict(self) -> dict[str, Any]:
        """With minimum, median and maximum, for JSON."""
        return {**asdict(self), "min": min(self.values), "median": median(self.values), "max": max(self.values)}

    def row(self) -> str:
        """One line of the printed table."""
        low, mid, high = min(self.values), median(self.values), max(self.values)
        return f"{self.name:<50}{mid:>10.4g}  ({low:.4g} to {high:.4g}) {self.unit:<4} {self.target}"


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0..1) of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@contextmanager
def one_core() -> Iterator[None]:
    """Keeps this process on one core, where the system can do that, and gives the others back at the end."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
