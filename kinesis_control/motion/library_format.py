"""How a motion library lies in its HDF5 file; shared by writing and reading.

attributes of the file    kinesis_library (schema), created_with, body, model_hash, layout_hash, joint_names,
                          contact_names, key_body_names, columns (name of each column of `frames`)
/clips/NAME/frames        float32, shape (F, columns), contiguous and not compressed, so that it can be memory-mapped
/clips/NAME/gait_events   float64, shape (E, 3): time [s], side (0 left, 1 right), kind (0 heel strike, 1 toe off)
after the HDF5 data       a seal: 12 letters and the CRC-32 of all before it, because the HDF5 library may crash on changed bytes
attributes of a clip      rate_hz, mirrored, file, dataset, licence, credit, sha256; descriptors and report as JSON;
                          complete, which is written last
"""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyDescription
from kinesis_control.errors import LayoutError, MotionFileError, UnavailableError
from kinesis_control.motion.clip import GaitEvent, MotionClip
from kinesis_control.motion.rotations import continuous

Array = NDArray[np.float64]
HdfFile = Any
"""h5py.File, which is imported only when it is needed."""
HdfGroup = Any
"""h5py.Group."""
SCHEMA = 1
SEAL = b"KINESISCRC32"
SOURCE_FIELDS = ("file", "dataset", "licence", "credit", "sha256")
SIDES, KINDS = ("l", "r"), ("heel_strike", "toe_off")
ROOT_BLOCKS = (("root_position", 3), ("root_quaternion", 4), ("root_linear_velocity", 3), ("root_angular_velocity", 3))


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a library says of the body that it was made for."""

    body: str
    model_hash: str
    layout_hash: str
    joint_names: tuple[str, ...]
    contact_names: tuple[str, ...]
    key_body_names: tuple[str, ...]

    @classmethod
    def of(cls, body: BodyDescription) -> "Header":
        """Facts of a body."""
        return cls(
            body=body.name, model_hash=body.model_hash, layout_hash=body.muscles.hash,
            joint_names=body.joint_names, contact_names=body.contact_names, key_body_names=body.key_body_names,
        )  # fmt: skip

    def difference(self, other: "Header") -> str:
        """How `other` differs, in one line; empty when both are the same."""
        parts = []
        for field, mine in vars(self).items():
            theirs = getattr(other, field)
            if isinstance(mine, str) and mine != theirs:
                parts.append(f"{field}: expected {mine}, got {theirs}")
            elif mine != theirs:
                missing, extra = [n for n in mine if n not in theirs], [n for n in theirs if n not in mine]
                parts.append(f"{field}: missing {missing}, unexpected {extra}" if missing or extra else f"{field}: in another order")
        return "; ".join(parts)

    def blocks(self) -> dict[str, slice]:
        """Columns of each array of a clip."""
        joints, bodies = len(self.joint_names), len(self.key_body_names)
        sizes = [*ROOT_BLOCKS, ("joint_position", joints), ("joint_velocity", joints), ("key_body_position", 3 * bodies)]
        sizes.append(("contact", len(self.contact_names)))
        blocks, start = {}, 0
        for name, size in sizes:
            blocks[name] = slice(start, start + size)
            start += size
        return blocks

    def columns(self) -> list[str]:
        """Name of each column of `frames`, with its unit."""
        xyz = [*"xyz"]
        return [
            *(f"root_position.{a} [m]" for a in xyz), *(f"root_quaternion.{a}" for a in "wxyz"),
            *(f"root_linear_velocity.{a} [m/s]" for a in xyz), *(f"root_angular_velocity.{a} [rad/s]" for a in xyz),
            *(f"joint_position.{n} [rad]" for n in self.joint_names), *(f"joint_velocity.{n} [rad/s]" for n in self.joint_names),
            *(f"key_body_position.{n}.{a} [m]" for n in self.key_body_names for a in xyz), *(f"contact.{n}" for n in self.contact_names),
        ]  # fmt: skip


def hdf5() -> Any:
    """The package h5py.

    Raises:
        UnavailableError: it is not installed.
    """
    try:
        return import_module("h5py")
    except ModuleNotFoundError as error:
        raise UnavailableError("motion libraries are HDF5 files and need the package h5py: .venv/bin/pip install h5py") from error


def crc_of(path: Path, size: int | None = None) -> int:
    """CRC-32 of the first `size` bytes of a file, or of all."""
    left, crc = path.stat().st_size if size is None else size, 0
    with path.open("rb") as file:
        while left > 0 and (block := file.read(min(left, 1 << 20))):
            crc = zlib.crc32(block, crc)
            left -= len(block)
    return crc


def seal(crc: int) -> bytes:
    """What stands after the HDF5 data; HDF5 does not look there, and drops it when another program changes the file."""
    return SEAL + crc.to_bytes(4, "little")


def check_seal(path: Path) -> None:
    """Compare a sealed file with its seal; one without is passed.

    Raises:
        MotionFileError: bytes were changed.
    """
    size = path.stat().st_size - len(SEAL) - 4
    if size <= 0:
        return
    with path.open("rb") as file:
        file.seek(size)
        end = file.read()
    if end.startswith(SEAL) and end != seal(crc_of(path, size)):
        raise MotionFileError("damaged: its bytes are not those that were written; import the motions again")


def write_header(file: HdfFile, header: Header, created_with: str) -> None:
    """Attributes of the file and an empty group of clips."""
    file.attrs["kinesis_library"] = SCHEMA
    file.attrs["created_with"] = created_with
    for field, value in vars(header).items():
        file.attrs[field] = value if isinstance(value, str) else list(value)
    # More columns than fit into an attribute are possible, so they are a data set.
    file.create_dataset("columns", data=header.columns())
    file.create_group("clips")


def read_header(file: HdfFile) -> Header:
    """The facts of the body.

    Raises:
        MotionFileError: not a motion library, or of a newer schema.
    """
    schema = file.attrs.get("kinesis_library")
    if schema is None:
        raise MotionFileError(f"not a motion library: an HDF5 file with the entries {sorted(file)[:8]}, without the attribute 'kinesis_library'")
    if int(schema) != SCHEMA:
        raise MotionFileError(f"a library of schema {schema}; this version reads schema {SCHEMA}: import the motions again")
    body, model_hash, layout_hash = (str(file.attrs[f]) for f in ("body", "model_hash", "layout_hash"))
    joints, contacts, bodies = (tuple(map(str, file.attrs[f])) for f in ("joint_names", "contact_names", "key_body_names"))
    return Header(
        body=body, model_hash=model_hash, layout_hash=layout_hash, joint_names=joints, contact_names=contacts, key_body_names=bodies
    )  # fmt: skip


def packed(clip: MotionClip, header: Header) -> NDArray[np.float32]:
    """Every array of a clip side by side; shape (F, columns). Quaternions get signs without flips, so that they can be interpolated.

    Raises:
        LayoutError: an array does not fit the body.
        MotionFileError: a value is not finite, or there are fewer than two frames.
    """
    parts = []
    for name, place in header.blocks().items():
        values = np.asarray(getattr(clip, name), dtype=float)
        shape, width = values.shape, place.stop - place.start
        values = values.reshape(len(values), -1) if values.size else np.zeros((clip.frames, 0))
        if values.shape != (clip.frames, width):
            raise LayoutError(f"clip '{clip.name}': {name} has shape {shape}, body '{header.body}' needs {clip.frames} frames of {width} values")
        finite = np.isfinite(values).all(axis=1)
        if not finite.all():
            raise MotionFileError(f"clip '{clip.name}': {name} holds a value that is not finite, first in frame {int(np.argmin(finite)) + 1}")
        parts.append(continuous(values) if name == "root_quaternion" else values)
    if clip.frames < 2 or not clip.rate_hz > 0.0:
        raise MotionFileError(f"clip '{clip.name}': got {clip.frames} frames at {clip.rate_hz} Hz, expected at least two and a positive rate")
    return np.concatenate(parts, axis=1).astype("<f4")


def write_clip(file: HdfFile, clip: MotionClip, header: Header) -> None:
    """One clip; errors as in `packed`."""
    frames = packed(clip, header)
    group = file["clips"].create_group(clip.name)
    group.create_dataset("frames", data=frames)
    events = [(e.time_s, SIDES.index(e.side), KINDS.index(e.kind)) for e in clip.gait_events]
    group.create_dataset("gait_events", data=np.array(events, dtype="<f8").reshape(-1, 3))
    group.attrs.update({f: str(clip.source.get(f, "unknown")) for f in SOURCE_FIELDS})
    group.attrs.update({"rate_hz": clip.rate_hz, "mirrored": clip.mirrored})
    group.attrs.update({f: json.dumps(dict(getattr(clip, f)), default=float) for f in ("descriptors", "report")})
    group.attrs["complete"] = True


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A clip as the index of a library knows it.

    Attributes:
        frames: number of frames.
        offset: of its frames in the file [bytes].
        rate_hz: frames per second.
        descriptors, report, source: as in MotionClip.
        gait_events: as in MotionClip.
    """

    frames: int
    offset: int
    rate_hz: float
    descriptors: Mapping[str, float | str]
    report: Mapping[str, float]
    source: Mapping[str, str]
    gait_events: tuple[GaitEvent, ...]


def read_entry(group: HdfGroup, columns: int, size: int) -> Entry:
    """Everything of a clip but its frames.

    Args:
        group: of the clip.
        columns: expected width of `frames`.
        size: of the file [bytes].

    Raises:
        MotionFileError: the frames are not stored as they must be, or lie outside of the file.
    """
    frames = group["frames"]
    offset = frames.id.get_offset()
    fits = frames.ndim == 2 and frames.shape[0] > 1 and frames.shape[1] == columns and frames.dtype == np.dtype("<f4")
    rate = float(group.attrs["rate_hz"])
    if not fits or offset is None or offset + frames.size * 4 > size or not (np.isfinite(rate) and rate > 0.0):
        got = f"frames of shape {frames.shape} and type {frames.dtype} at {rate:g} Hz"
        raise MotionFileError(f"clip '{group.name}': {got}, expected (F, {columns}) of float32, not compressed, inside the file")
    events = (GaitEvent(time_s=float(t), side=SIDES[int(s)], kind=KINDS[int(k)]) for t, s, k in group["gait_events"][:])
    return Entry(
        frames=int(frames.shape[0]),
        offset=int(offset),
        rate_hz=rate,
        descriptors=json.loads(group.attrs["descriptors"]),
        report=json.loads(group.attrs["report"]),
        source={f: str(group.attrs[f]) for f in SOURCE_FIELDS},
        gait_events=tuple(events),
    )
