"""What a file format is parsed into: a skeleton over time in the file's own units and axes."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import MotionFileError

Array = NDArray[np.float64]
SLOWEST_HZ, FASTEST_HZ = 5.0, 2000.0


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the user says of a file, before what it says itself.

    Attributes:
        rate_hz: frames per second, or None.
        up: the axis that points up, or None.
        body_model: file with the body that SMPL poses are made for, or None.
    """

    rate_hz: float | None = None
    up: str | None = None
    body_model: Path | None = None


@dataclass(kw_only=True)
class RawMotion:
    """F frames of J joints; parents stand before their children.

    Attributes:
        names: of the joints, unique; shape J.
        parents: index of the parent, -1 at the root; shape (J,).
        rest_offset: each joint in its parent's frame at rest, shape (J, 3), file units.
        rest_rotation: axes of each joint's frame at rest, in file axes, shape (J, 4), wxyz.
        local_position: in the parent's frame, shape (F, J, 3), file units.
        local_rotation: turn away from rest, in the parent's frame, shape (F, J, 4), wxyz.
        rate_hz: frames per second.
        scale: numbers of the file times this are in one of the known units (ASF files store a factor).
        units, up: where the format says them: name of the unit, axis as "z"; else None.
        notes: remarks for the user.
    """

    names: tuple[str, ...]
    parents: NDArray[np.int64]
    rest_offset: Array
    rest_rotation: Array
    local_position: Array
    local_rotation: Array
    rate_hz: float
    scale: float = 1.0
    units: str | None = None
    up: str | None = None
    notes: list[str] = field(default_factory=list)


def read_text(path: Path) -> str:
    """Text of a file in UTF-8 (with or without a mark) or, failing that, Latin-1, with line ends as they are.

    Raises:
        MotionFileError: the file is empty, or cannot be opened.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MotionFileError(f"{path.name}: cannot be read: {error.strerror}") from error
    if not data.strip():
        raise MotionFileError(f"{path.name}: the file is empty")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def numbers(file: str, words: list[str], what: str) -> Array:
    """Words as numbers; shape (len(words),). "nan" and "inf" are let through: bad frames are handled where frames are known.

    Raises:
        MotionFileError: a word is not a number.
    """
    try:
        return np.array(words, dtype=float)
    except ValueError:
        wrong = next(w for w in words if not _is_number(w))
        comma = "; decimals must be written with a point, not a comma" if "," in wrong else ""
        raise MotionFileError(f"{file}: {what}: got '{shown(wrong)}', expected a number{comma}") from None


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def shown(text: str, limit: int = 40) -> str:
    """A piece of a file as an error message may show it: printable and short."""
    clean = "".join(c if c.isprintable() else "?" for c in text[:limit])
    return clean + ("..." if len(text) > limit else "")


def checked_rate(file: str, rate_hz: float, how: str) -> float:
    """A frame rate, snapped to the usual one that was meant (0.0333333 s is 30 Hz, 0.0083333 s is 120 Hz).

    Raises:
        MotionFileError: outside 5 to 2000 Hz.
    """
    if not SLOWEST_HZ <= rate_hz <= FASTEST_HZ:
        raise MotionFileError(f"{file}: {how} means {rate_hz:.6g} frames per second; expected {SLOWEST_HZ:g} to {FASTEST_HZ:g}; give the true rate")
    usual = [float(round(rate_hz)), *(n / 1.001 for n in (24.0, 30.0, 60.0, 120.0))]
    nearest = min(usual, key=lambda r: abs(r - rate_hz))
    return nearest if abs(nearest - rate_hz) < 2e-3 * rate_hz else rate_hz
