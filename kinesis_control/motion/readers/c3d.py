"""C3D files, through the package ezc3d: marker paths become joint centres where the markers allow it.

Understood are joint centres that a model has put into the file (LHJC, LKJC, LAJC, ... or the LFEP, LFEO, LTIO, ... of
Plug-in Gait), and else the markers of Plug-in Gait: hip centres by the regression of Harrington et al. (2007), knee and
ankle centres half-way to the medial marker, or half a usual joint width inwards where there is none. Segment axes follow
from the joint centres, with the leg's sideways direction from the knee or the pelvis; arms and head turn with the trunk.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import MotionFileError, UnavailableError
from kinesis_control.motion.readers import measures
from kinesis_control.motion.readers.raw import Given, RawMotion, checked_rate, shown
from kinesis_control.motion.rotations import IDENTITY, from_axes, multiply, to_local

Array = NDArray[np.float64]
Points = Mapping[str, Array]

CENTRES = {"hip": ("HJC", "FEP"), "knee": ("KJC", "FEO"), "ankle": ("AJC", "TIO")}
LATERAL = {"knee": ("KNE",), "ankle": ("ANK",)}
MEDIAL = {"knee": ("KNM", "MKNE", "KNEM", "MEK", "KNI"), "ankle": ("MED", "ANM", "MANK", "ANKM", "MMA", "ANI")}
WIDTH_MM = {"knee": 100.0, "ankle": 70.0}  # of an adult's joint
MARKER_RADIUS_MM = 7.0
LONGEST_FILL_S = 0.1
# Name of the joint, what it hangs on (the first that is there), markers whose mean it is.
UPPER = (
    ("chest", ("pelvis",), ("C7", "CLAV")),
    ("neck", ("chest", "pelvis"), ("C7",)),
    ("head", ("neck", "chest", "pelvis"), ("LFHD", "RFHD", "LBHD", "RBHD")),
    *((f"shoulder_{s}", ("chest", "pelvis"), (f"{s.upper()}SHO",)) for s in "lr"),
    *((f"elbow_{s}", (f"shoulder_{s}",), (f"{s.upper()}ELB",)) for s in "lr"),
    *((f"wrist_{s}", (f"elbow_{s}",), (f"{s.upper()}WRA", f"{s.upper()}WRB")) for s in "lr"),
)


@dataclass(frozen=True, kw_only=True)
class _Segment:
    """A joint with its position (F, 3), the world axes of its segment (F, 4), and the joint that it hangs on."""

    position: Array
    axes: Array
    parent: str


def read_c3d(path: Path, given: Given) -> RawMotion:
    """Read a file.

    Raises:
        UnavailableError: the package ezc3d is not installed.
        MotionFileError: the file is damaged, or lacks markers that the legs need.
    """
    points, rate, units = _points(path, given)
    notes: list[str] = []
    points = {name: _filled(values, rate) for name, values in points.items()}
    mm = measures.UNITS["mm"] / measures.UNITS[units]
    joints = _legs(path.name, points, mm, notes)
    _trunk_and_arms(points, joints)
    names = tuple(joints)
    position, axes = (np.stack([getattr(j, f) for j in joints.values()], axis=1) for f in ("position", "axes"))
    parents = np.array([names.index(j.parent) if j.parent else -1 for j in joints.values()], dtype=np.int64)
    whole = np.isfinite(position).all(axis=(1, 2))
    if not whole.any():
        raise MotionFileError(f"{path.name}: in no frame are all the markers of {', '.join(names)} seen")
    at = {name: i for i, name in enumerate(names)}
    to_up = measures.to_z_up(measures.up_axis(path.name, position[whole], at, given.up))
    position, axes = measures.turned(to_up, position), multiply(np.broadcast_to(to_up, axes.shape), axes)
    local_position, local_rotation = to_local(parents, position, axes)
    return RawMotion(
        names=names,
        parents=parents,
        rest_offset=np.asarray(np.median(local_position[whole], axis=0)),
        rest_rotation=np.broadcast_to(IDENTITY, (len(names), 4)).copy(),
        local_position=local_position,
        local_rotation=local_rotation,
        rate_hz=rate,
        units=units,
        up="z",
        notes=notes,
    )


def _points(path: Path, given: Given) -> tuple[dict[str, Array], float, str]:
    """Path of every marker by its upper-case label without a subject's name, shape (F, 3); frame rate; unit."""
    try:
        ezc3d: Any = import_module("ezc3d")
    except ModuleNotFoundError as error:
        raise UnavailableError("C3D files need the package ezc3d: .venv/bin/pip install ezc3d") from error
    with path.open("rb") as file:
        start = file.read(512)
    if len(start) < 512 or start[1] != 0x50:
        raise MotionFileError(f"{path.name}: not a C3D file, or truncated: its header is missing")
    try:
        content = ezc3d.c3d(str(path))
        point = content["parameters"]["POINT"]
        data = np.asarray(content["data"]["points"], dtype=float)[:3]
        labels = [label for key in ("LABELS", "LABELS2", "LABELS3") for label in point.get(key, {"value": []})["value"]]
        rate, units = float(point["RATE"]["value"][0]), str((point.get("UNITS", {}).get("value") or ["mm"])[0]).strip().lower()
    except (OSError, RuntimeError, ValueError, IndexError, KeyError, TypeError, MemoryError) as error:
        raise MotionFileError(f"{path.name}: not a whole C3D file: {shown(str(error), 120)}") from error
    rate = checked_rate(path.name, given.rate_hz or rate, "the frame rate given" if given.rate_hz else "POINT:RATE")
    data = np.where((data == 0.0).all(axis=0), np.nan, data)  # unseen markers are stored as zeros by some programs
    points = {label.split(":")[-1].strip().upper(): data[:, i].T for i, label in reversed(list(enumerate(labels[: data.shape[1]])))}
    return points, rate, units if units in measures.UNITS else "mm"


def _filled(values: Array, rate: float) -> Array:
    """Gaps of up to 0.1 s in one marker's path filled by straight lines; shape (F, 3)."""
    seen = np.flatnonzero(np.isfinite(values).all(axis=1))
    if len(seen) < 2:
        return values
    frames = np.arange(len(values))
    straight = np.stack([np.interp(frames, seen, values[seen, i]) for i in range(3)], axis=1)
    after = np.minimum(np.searchsorted(seen, frames), len(seen) - 1)
    gap = seen[after] - seen[np.maximum(after - 1, 0)] - 1
    inside = (frames > seen[0]) & (frames < seen[-1]) & (gap <= LONGEST_FILL_S * rate)
    inside[seen] = True
    return np.where(inside[:, None], straight, np.nan)


def _one(points: Points, side: str, names: tuple[str, ...]) -> Array | None:
    return next((points[side + n] for n in names if side + n in points), None)


def _legs(file: str, points: Points, mm: float, notes: list[str]) -> dict[str, _Segment]:
    centres = {f"{role}_{s}": _one(points, s.upper(), CENTRES[role]) for role in CENTRES for s in "lr"}
    pelvis = _pelvis(points)
    if pelvis is None and (centres["hip_l"] is None or centres["hip_r"] is None):
        raise MotionFileError(_lacking(file, "the pelvis", "LASI, RASI and LPSI, RPSI or SACR, or hip centres LHJC, RHJC", points))
    for s in "lr":
        if centres[f"hip_{s}"] is None and pelvis is not None:
            centres[f"hip_{s}"] = _hip_centre(pelvis, s, mm)
    hips = [_present(centres[f"hip_{s}"]) for s in "lr"]
    sideways = _unit(hips[0] - hips[1])
    for role in ("knee", "ankle"):
        for s in "lr":
            if centres[f"{role}_{s}"] is None:
                centres[f"{role}_{s}"] = _from_markers(file, role, s, points, sideways, mm, notes)
    middle = 0.5 * (hips[0] + hips[1])
    ahead = pelvis[1] if pelvis is not None else np.cross(sideways, middle - 0.5 * (_present(centres["ankle_l"]) + _present(centres["ankle_r"])))
    joints = {"pelvis": _Segment(position=middle, axes=_axes(np.cross(ahead, sideways), sideways), parent="")}
    for s in "lr":
        hip, knee, ankle = (_present(centres[f"{role}_{s}"]) for role in CENTRES)
        toe = points.get(f"{s.upper()}TOE")
        joints[f"hip_{s}"] = _Segment(position=hip, axes=_axes(hip - knee, sideways), parent="pelvis")
        joints[f"knee_{s}"] = _Segment(position=knee, axes=_axes(knee - ankle, sideways), parent=f"hip_{s}")
        foot = joints[f"knee_{s}"].axes if toe is None else _axes(np.cross(toe - ankle, sideways), sideways)
        joints[f"ankle_{s}"] = _Segment(position=ankle, axes=foot, parent=f"knee_{s}")
        if toe is not None:
            joints[f"toe_{s}"] = _Segment(position=toe, axes=foot, parent=f"ankle_{s}")
    return joints


def _present(values: Array | None) -> Array:
    assert values is not None  # filled or refused before
    return values


def _pelvis(points: Points) -> tuple[Array, ...] | None:
    """Middle of the front markers, forward, left and up axes, width and depth; None without the markers."""
    back = [points[n] for n in ("LPSI", "RPSI") if n in points] or [points[n] for n in ("SACR",) if n in points]
    if "LASI" not in points or "RASI" not in points or not back:
        return None
    front, width = 0.5 * (points["LASI"] + points["RASI"]), points["LASI"] - points["RASI"]
    depth = front - np.mean(back, axis=0)
    left = _unit(width)
    forward = _unit(depth - left * np.einsum("fi,fi->f", depth, left)[:, None])
    return front, forward, left, np.cross(forward, left), np.linalg.norm(width, axis=1), np.linalg.norm(depth, axis=1)


def _hip_centre(pelvis: tuple[Array, ...], side: str, mm: float) -> Array:
    """Regression of Harrington et al., J. Biomech. 40 (2007), from pelvic width and depth [mm]."""
    front, forward, left, up, width, depth = pelvis
    ahead = -0.24 * depth - 9.9 * mm
    above = -0.30 * width - 10.9 * mm
    aside = (0.33 * width + 7.3 * mm) * (1.0 if side == "l" else -1.0)
    return np.asarray(front + ahead[:, None] * forward + above[:, None] * up + aside[:, None] * left)


def _from_markers(file: str, role: str, side: str, points: Points, sideways: Array, mm: float, notes: list[str]) -> Array:
    outer, inner = _one(points, side.upper(), LATERAL[role]), _one(points, side.upper(), MEDIAL[role])
    if outer is None:
        marker, centre = side.upper() + LATERAL[role][0], side.upper() + CENTRES[role][0]
        raise MotionFileError(_lacking(file, f"the {role}", f"{marker}, or the joint centre {centre}", points))
    if inner is not None:
        return np.asarray(0.5 * (outer + inner))
    notes.append(f"no marker on the inside of {role}_{side}: its width taken as {WIDTH_MM[role]:g} mm")
    inwards = sideways * (-1.0 if side == "l" else 1.0)
    return np.asarray(outer + inwards * (0.5 * WIDTH_MM[role] + MARKER_RADIUS_MM) * mm)


def _lacking(file: str, what: str, needed: str, points: Points) -> str:
    return f"{file}: {what} cannot be placed: it needs the markers {needed}; the file has: {shown(', '.join(points) or 'none', 300)}"


def _trunk_and_arms(points: Points, joints: dict[str, _Segment]) -> None:
    trunk = joints["pelvis"].axes
    for name, parents, markers in UPPER:
        seen = [points[m] for m in markers if m in points]
        parent = next((p for p in parents if p in joints), None)
        if len(seen) != len(markers) or parent is None:
            continue
        position = np.asarray(np.mean(seen, axis=0))
        if name == "chest" and {"LSHO", "RSHO"} <= set(points):
            trunk = _axes(position - joints["pelvis"].position, points["LSHO"] - points["RSHO"])
        joints[name] = _Segment(position=position, axes=trunk, parent=parent)


def _unit(v: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(v / np.linalg.norm(v, axis=-1, keepdims=True))


def _axes(up: Array, left: Array) -> Array:
    """Rotation whose z axis is `up` and whose y axis is as near to `left` as it can be; shape (F, 4)."""
    z = _unit(up)
    x = _unit(np.cross(left, z))
    return from_axes(x, np.cross(z, x), z)
