"""One figure of an evaluation: a number with its unit, its interval and what it rests on, or the reason why there is none."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure of a report. It has either a finite value or a reason in `missing`, never both, never neither.

    Attributes:
        name: dotted lower-case path, for example "imitation.success05" or "emg.r.soleus"; stable, for `--fail-if`.
        value: the number; None when missing.
        unit: SI or as named: "m/s", "mm", "share", "r", "J/(kg m)", "%" of a gait cycle.
        interval: 95 % interval of the value, or None where there is none to give.
        n: how many samples (clips, people, cycles, ticks) the value rests on.
        missing: why there is no value; empty when there is one.
        note: what a reader must know to use the value, for example "over 10 people", "reference missing in 3 ticks".
    """

    name: str
    value: float | None = None
    unit: str = ""
    interval: tuple[float, float] | None = None
    n: int = 0
    missing: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if (self.value is None) != bool(self.missing):
            raise ValueError(f"figure '{self.name}' needs either a value or a reason why it is missing; got {self.value!r} and {self.missing!r}")
        numbers = [v for v in (self.value, *(self.interval or ())) if v is not None]
        if not all(math.isfinite(v) for v in numbers):
            raise ValueError(f"figure '{self.name}': got {numbers}, expected finite numbers")

    @classmethod
    def of(cls, name: str, value: float, unit: str, *, n: int, interval: tuple[float, float] | None = None, note: str = "", why: str = "") -> "Figure":
        """A figure from a number that may be NaN: then it is missing, for the reason `why`."""
        if not math.isfinite(value):
            return cls.absent(name, unit, why or "it cannot be computed from what was recorded", n=n)
        known = interval if interval is not None and all(math.isfinite(v) for v in interval) else None
        return cls(name=name, value=float(value), unit=unit, interval=known, n=n, note=note)

    @classmethod
    def absent(cls, name: str, unit: str, why: str, *, n: int = 0) -> "Figure":
        """A figure that cannot be given, and why."""
        return cls(name=name, unit=unit, missing=why, n=n)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `missing` and `note` only where they say something."""
        result: dict[str, Any] = {"name": self.name, "value": self.value, "unit": self.unit, "n": self.n}
        if self.interval is not None:
            result["interval_95"] = list(self.interval)
        if self.missing:
            result["missing"] = self.missing
        if self.note:
            result["note"] = self.note
        return result


def by_name(figures: Iterable[Figure]) -> dict[str, Figure]:
    """Figures by their names.

    Raises:
        ValueError: two figures of one name.
    """
    result: dict[str, Figure] = {}
    for figure in figures:
        if figure.name in result:
            raise ValueError(f"two figures are named '{figure.name}'")
        result[figure.name] = figure
    return result
