"""Muscle order is data: an ordered list of names and its hash travel with every body, policy and driver."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import LayoutError


@dataclass(frozen=True, kw_only=True)
class MuscleLayout:
    """Ordered muscle names.

    Attributes:
        names: muscle names, unique, in the order of every array of the body. Length n_muscles.
    """

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        duplicates = sorted({n for n in self.names if self.names.count(n) > 1})
        if not self.names or duplicates:
            raise LayoutError(f"a muscle layout needs unique names; got {len(self.names)} names, duplicates: {duplicates}")

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def hash(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of the names joined by newlines."""
        return hashlib.sha256("\n".join(self.names).encode()).hexdigest()[:16]

    def indices_of(self, names: tuple[str, ...]) -> NDArray[np.intp]:
        """Index of each name in this layout; shape (len(names),).

        Raises:
            LayoutError: a name is not in this layout.
        """
        position = {name: i for i, name in enumerate(self.names)}
        missing = [n for n in names if n not in position]
        if missing:
            raise LayoutError(f"muscles {missing} are not in the layout; it has: {', '.join(self.names)}")
        return np.array([position[n] for n in names], dtype=np.intp)

    def difference(self, other: "MuscleLayout") -> str:
        """One readable line on how `other` differs; empty when both are the same."""
        if self.names == other.names:
            return ""
        missing = [n for n in self.names if n not in other.names]
        extra = [n for n in other.names if n not in self.names]
        if missing or extra:
            return f"expected {len(self)} muscles, got {len(other)}; missing: {missing}; unexpected: {extra}"
        first = next(i for i, (a, b) in enumerate(zip(self.names, other.names, strict=True)) if a != b)
        return f"same {len(self)} muscles in another order; first at index {first}: expected '{self.names[first]}', got '{other.names[first]}'"
