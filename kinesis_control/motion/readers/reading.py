"""From a file to a SourceMotion: parse, find the roles, units and axes, mend bad frames."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import MotionFileError
from kinesis_control.motion.readers import cleaning, measures
from kinesis_control.motion.readers.asf_amc import read_asf_amc, skeleton_of
from kinesis_control.motion.readers.bvh import read_bvh
from kinesis_control.motion.readers.c3d import read_c3d
from kinesis_control.motion.readers.raw import Given, RawMotion, checked_rate
from kinesis_control.motion.readers.sidecar import source_of
from kinesis_control.motion.readers.skeletons import find_roles
from kinesis_control.motion.readers.smpl import holds_poses, read_smpl
from kinesis_control.motion.rotations import IDENTITY, conjugate, forward_kinematics, multiply
from kinesis_control.motion.source_motion import SourceMotion

Array = NDArray[np.float64]
PARSERS: dict[str, Callable[[Path, Given], RawMotion]] = {
    ".bvh": lambda path, given: read_bvh(path, given.rate_hz),
    ".amc": lambda path, given: read_asf_amc(path, given.rate_hz),
    ".c3d": read_c3d,
    ".npz": read_smpl,
}
SUFFIXES = tuple(PARSERS)
"""Suffixes of the files that hold a motion; an ASF file holds only the skeleton of AMC files."""


def find_motions(folder: Path) -> list[Path]:
    """Every motion file below a folder, sorted; hidden files and folders, and NPZ files without poses, are passed over.

    Raises:
        MotionFileError: no such folder.
    """
    if not folder.is_dir():
        raise MotionFileError(f"'{folder}' is not a folder")
    found = (p for p in folder.rglob("*") if p.suffix.lower() in PARSERS and p.is_file() and (p.suffix.lower() != ".npz" or holds_poses(p)))
    return sorted(p for p in found if not any(part.startswith(".") for part in p.relative_to(folder).parts))


def read_motion(
    path: Path,
    *,
    mapping: Path | None = None,
    units: str | None = None,
    up: str | None = None,
    rate_hz: float | None = None,
    body_model: Path | None = None,
) -> SourceMotion:
    """Read one recording.

    Args:
        path: file with one of SUFFIXES; the ASF file of an AMC file is found beside it.
        mapping: JSON or YAML file of role: joint lines, for a skeleton whose names are not known.
        units: "m", "cm", "mm", "inch", "ft" or metres per unit as a number; found from the length of the legs where None.
        up: "x", "y", "z", or with "-" in front; found from where the head is where None.
        rate_hz: frames per second of the file, before what it says itself.
        body_model: NPZ file of an SMPL-like body, which AMASS/SMPL motions need for the lengths of the bones.

    Raises:
        UnavailableError: the format needs a package that is not installed.
        MotionFileError: the file is damaged, its skeleton unknown, its units or axes cannot be told, or its frames cannot be
            mended; the message says what was found and what to give.
    """
    parser = PARSERS.get(path.suffix.lower())
    if parser is None:
        hint = ": it holds only the skeleton; give the .amc file" if path.suffix.lower() == ".asf" else ""
        raise MotionFileError(f"{path.name}: got a '{path.suffix}' file{hint}; motions are read from {', '.join(SUFFIXES)}")
    if not path.is_file():
        raise MotionFileError(f"{path.name}: no such file")
    if rate_hz is not None:
        checked_rate(path.name, rate_hz, "the frame rate given")
    with np.errstate(invalid="ignore", over="ignore"):  # values that are no numbers are looked for, and mended, below
        raw = parser(path, Given(rate_hz=rate_hz, up=up, body_model=body_model))
    roles = find_roles(path.name, raw.names, raw.parents, mapping)
    motion = _assemble(path.name, raw, {role: raw.names.index(joint) for role, joint in roles.items()}, units, raw.up or up)
    parts = [path, skeleton_of(path)] if path.suffix.lower() == ".amc" else [path]
    return replace(motion, name=path.stem, roles=roles, source=source_of(path, parts))


def _assemble(file: str, raw: RawMotion, at: Mapping[str, int], units: str | None, up: str | None) -> SourceMotion:
    """A SourceMotion without name, roles and source."""
    time = cleaning.Timeline(file=file, rate_hz=raw.rate_hz)
    _require_length(time, len(raw.local_position))
    bad = cleaning.non_finite(raw.local_position, raw.local_rotation)
    _, place, turn, notes = cleaning.mend(time, bad, raw.local_position, raw.local_rotation, "values that are no numbers")
    position, rotation = forward_kinematics(raw.parents, place, turn)
    metres, unit = measures.metres_per_unit(file, measures.leg_length(position, at), units or raw.units, raw.scale)
    axis = measures.up_axis(file, position, at, up)
    to_up = measures.to_z_up(axis)
    if cleaning.starts_with_calibration(measures.turned(to_up, position) * metres, turn, at, raw.rate_hz):
        notes.append("the first frame is a calibration pose: dropped")
        place, turn, position, rotation = place[1:], turn[1:], position[1:], rotation[1:]
    bad = cleaning.jumping(time, position * metres, rotation, at)
    if bad.any():
        _, place, turn, more = cleaning.mend(time, bad, place, turn, "joints that jump")
        position, rotation = forward_kinematics(raw.parents, place, turn)
        notes += more
    _require_length(time, len(position))
    position = measures.turned(to_up, position) * metres
    measures.check_sides(file, position, at, raw.names)
    return SourceMotion(
        name=file,
        rate_hz=raw.rate_hz,
        joint_names=raw.names,
        parents=raw.parents,
        position=position,
        rotation=cleaning.clean_rotations(_in_z_up(to_up, rotation, raw.rest_rotation)),
        rest_position=measures.turned(to_up, _rest(raw)) * metres,
        roles={},
        problems=(*raw.notes, *notes),
        units=unit,
        up=axis,
    )


def _require_length(time: cleaning.Timeline, frames: int) -> None:
    if frames < 3 or (frames - 1) / time.rate_hz < cleaning.SHORTEST_CLIP_S - 1e-6:
        raise MotionFileError(f"{time.file}: holds {frames} usable frames at {time.rate_hz:g} Hz; a motion needs at least {cleaning.SHORTEST_CLIP_S:g} s")


def _in_z_up(to_up: Array, turned: Array, rest: Array) -> Array:
    """World rotations: the turn away from rest with its axis in the new world, times the joint's axes at rest."""
    q = np.broadcast_to(to_up, turned.shape)
    away = multiply(multiply(q, turned), conjugate(q))
    own_axes = np.abs(rest[:, 0]) < 1.0 - 1e-12
    if not own_axes.any():  # a BVH joint at rest has the axes of the world
        return away
    return multiply(away, multiply(q, np.broadcast_to(rest, turned.shape)))


def _rest(raw: RawMotion) -> Array:
    """Joint positions of the skeleton at rest; shape (J, 3), file units."""
    still = np.broadcast_to(IDENTITY, (1, len(raw.names), 4))
    position, _ = forward_kinematics(raw.parents, raw.rest_offset[None], still)
    return np.asarray(position[0] - raw.rest_offset[0])
