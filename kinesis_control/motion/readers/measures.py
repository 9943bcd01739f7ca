"""Units, up axis and sides of a recording, found from the size and posture of the person or taken as given."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import MotionFileError
from kinesis_control.motion.rotations import rotate

Array = NDArray[np.float64]
UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "inch": 0.0254, "ft": 0.3048}
# From a child of about five years to a very tall adult; the range spans less than any two units differ by, so one unit fits at most.
SHORTEST_LEG, LONGEST_LEG = 0.5, 1.2
CLEARLY_AHEAD = 0.05  # sum over both sides of what points forward, below which a frame says nothing about sides [m]
AXES = {"x": (0, 1.0), "y": (1, 1.0), "z": (2, 1.0), "-x": (0, -1.0), "-y": (1, -1.0), "-z": (2, -1.0)}
HALF = float(np.sqrt(0.5))
TO_Z_UP = {
    "x": (HALF, 0.0, -HALF, 0.0), "y": (HALF, HALF, 0.0, 0.0), "z": (1.0, 0.0, 0.0, 0.0),
    "-x": (HALF, 0.0, HALF, 0.0), "-y": (HALF, -HALF, 0.0, 0.0), "-z": (0.0, 1.0, 0.0, 0.0),
}  # fmt: skip
"""Rotation, wxyz, that turns this axis of the file into z."""


def leg_length(position: Array, at: Mapping[str, int]) -> float:
    """Median over frames and sides of thigh plus shank, in the unit of `position`, shape (F, J, 3)."""
    sums = [
        np.linalg.norm(position[:, at[f"hip_{s}"]] - position[:, at[f"knee_{s}"]], axis=1)
        + np.linalg.norm(position[:, at[f"knee_{s}"]] - position[:, at[f"ankle_{s}"]], axis=1)
        for s in "lr"
    ]
    return float(np.median(sums))


def metres_per_unit(file: str, leg: float, units: str | None, scale: float) -> tuple[float, str]:
    """Factor from the numbers of the file to metres, and the name of the unit.

    Args:
        file: name for messages.
        leg: length of a leg in the numbers of the file.
        units: a name of UNITS or metres per unit as a number, or None to find it.
        scale: factor that the file itself gives.

    Raises:
        MotionFileError: no unit gives a person's leg, or the given one does not.
    """
    length = leg * scale
    if units is None:
        fitting = [u for u, metres in UNITS.items() if SHORTEST_LEG <= length * metres <= LONGEST_LEG]
        if len(fitting) != 1:
            raise MotionFileError(
                f"{file}: the unit cannot be told: thigh and shank together measure {length:.4g}, which is a person's leg "
                f"({SHORTEST_LEG:g} to {LONGEST_LEG:g} m) in none of {', '.join(UNITS)}; give the units, or metres per unit as a number"
            )
        return UNITS[fitting[0]] * scale, fitting[0]
    metres = UNITS[units] * scale if units in UNITS else _as_number(file, units)
    if not 0.5 * SHORTEST_LEG <= leg * metres <= 1.5 * LONGEST_LEG:
        raise MotionFileError(
            f"{file}: with units '{units}' thigh and shank together are {leg * metres:.4g} m long; expected {SHORTEST_LEG:g} to {LONGEST_LEG:g} m"
        )
    return metres, units


def _as_number(file: str, units: str) -> float:
    try:
        metres = float(units)
    except ValueError:
        metres = 0.0
    if not (np.isfinite(metres) and metres > 0.0):
        raise MotionFileError(f"{file}: units: got '{units}', expected one of {', '.join(UNITS)} or metres per unit as a positive number")
    return metres


def up_axis(file: str, position: Array, at: Mapping[str, int], up: str | None) -> str:
    """The axis of the file that points up: as given, else the one along which the head is above the feet on average.

    Raises:
        MotionFileError: not a known axis, or the person lies or bends so that no axis stands out.
    """
    if up is not None:
        if up.lower() not in AXES:
            raise MotionFileError(f"{file}: up axis: got '{up}', expected one of {', '.join(AXES)}")
        return up.lower()
    feet = 0.5 * (position[:, at["ankle_l"]] + position[:, at["ankle_r"]])
    top = next((position[:, at[r]] for r in ("head", "neck", "chest", "spine") if r in at), position[:, at["pelvis"]])
    mean = (top - feet).mean(axis=0)
    share = mean / max(float(np.linalg.norm(top - feet, axis=1).mean()), 1e-12)
    axis = int(np.argmax(np.abs(share)))
    if abs(share[axis]) < 0.8:
        raise MotionFileError(
            f"{file}: the up axis cannot be told: from the feet to the head the mean direction is ({share[0]:.2f}, {share[1]:.2f}, {share[2]:.2f}); "
            "give the up axis: x, y or z"
        )
    return ("-" if share[axis] < 0.0 else "") + "xyz"[axis]


def check_sides(file: str, position: Array, at: Mapping[str, int], names: Sequence[str]) -> None:
    """The left hip must lie left of where toes (or, without toes, bent knees) point, seen along the person's own trunk.

    Args:
        file: name for messages.
        position: shape (F, J, 3) [m].
        at: role -> joint.
        names: of the joints.

    Raises:
        MotionFileError: it lies on the right: mirrored data, or sides changed in names or mapping.
    """
    left = position[:, at["hip_l"]] - position[:, at["hip_r"]]
    trunk = next((position[:, at[r]] for r in ("head", "neck", "chest", "spine") if r in at), None)
    feet = 0.5 * (position[:, at["ankle_l"]] + position[:, at["ankle_r"]])
    along = trunk - position[:, at["pelvis"]] if trunk is not None else position[:, at["pelvis"]] - feet
    ahead = np.zeros_like(left)
    for s in "lr":
        ankle, knee, hip = (position[:, at[f"{r}_{s}"]] for r in ("ankle", "knee", "hip"))
        ahead += position[:, at[f"toe_{s}"]] - ankle if f"toe_{s}" in at else knee - 0.5 * (hip + ankle)
    agreement = np.einsum("fi,fi->f", np.cross(left, along), ahead)
    clear = np.linalg.norm(ahead, axis=1) > CLEARLY_AHEAD
    wrong = float(np.mean(agreement[clear] < 0.0)) if clear.any() else 0.0
    if wrong > 0.7:
        raise MotionFileError(
            f"{file}: left and right are changed: in {100 * wrong:.0f} % of the frames '{names[at['hip_l']]}' lies on the right of where feet and knees "
            "point; the data is mirrored (left-handed axes), or the mapping has the sides the wrong way round"
        )


def to_z_up(up: str) -> Array:
    """Rotation, wxyz, that turns the file's up axis into z; shape (4,)."""
    return np.array(TO_Z_UP[up])


def turned(q: Array, vectors: Array) -> Array:
    """Vectors of shape (..., 3) turned by q."""
    return rotate(np.broadcast_to(q, (*vectors.shape[:-1], 4)), vectors)
