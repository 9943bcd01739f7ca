"""Reading a motion library: clips by name, and windows of future frames straight from the memory-mapped file."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyDescription
from kinesis_control.errors import LayoutError, MotionFileError, UnknownNameError
from kinesis_control.motion.clip import MotionClip
from kinesis_control.motion.library_format import Entry, Header, check_seal, hdf5, read_entry, read_header
from kinesis_control.reference import ReferenceWindow

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class _Stored:
    """A clip in the file: its index entry, its frames (F, columns), and the times of right heel strikes."""

    entry: Entry
    frames: NDArray[np.float32]
    strikes: list[float]


class Library:
    """Clips for one body.

    Attributes:
        path: the file.
        header: facts of the body it was made for.
    """

    def __init__(self, path: Path, header: Header, clips: dict[str, _Stored]) -> None:
        self.path, self.header = path, header
        self._clips = clips
        self._blocks = header.blocks()
        self._velocities = slice(self._blocks["root_linear_velocity"].start, self._blocks["root_angular_velocity"].stop)
        self._key_shape = (len(header.key_body_names), 3)

    @classmethod
    def open(cls, path: Path, body: BodyDescription | None = None) -> "Library":
        """Read the index of a library and map its frames.

        Args:
            path: file made by `LibraryWriter`.
            body: the body that is to move, or None to read without one.

        Raises:
            MotionFileError: missing, damaged, no motion library, or made for another body.
            UnavailableError: the package h5py is missing.
        """
        header, entries = read_index(path)
        difference = Header.of(body).difference(header) if body is not None else ""
        if difference:
            raise MotionFileError(f"{path.name}: made for another body than '{body.name if body else ''}': {difference}; import the motions for this one")
        return cls(path, header, _mapped(path, header, entries))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the clips, sorted."""
        return tuple(self._clips)

    def __len__(self) -> int:
        return len(self._clips)

    def __contains__(self, name: object) -> bool:
        return name in self._clips

    def __iter__(self) -> Iterator[MotionClip]:
        return (self.clip(name) for name in self._clips)

    def entry(self, name: str) -> Entry:
        """Figures of a clip without its frames.

        Raises:
            UnknownNameError: no such clip.
        """
        return self._stored(name).entry

    def clip(self, name: str) -> MotionClip:
        """A whole clip, copied into memory.

        Raises:
            UnknownNameError: no such clip.
            MotionFileError: its frames hold values that are not finite.
        """
        stored = self._stored(name)
        values = stored.frames.astype(float)
        if not np.isfinite(values).all():
            raise MotionFileError(f"{self.path.name}: clip '{name}' is damaged: values that are not finite")
        entry, part = stored.entry, {block: values[:, place] for block, place in self._blocks.items()}
        return MotionClip(
            name=name,
            rate_hz=entry.rate_hz,
            root_position=part["root_position"],
            root_quaternion=part["root_quaternion"],
            root_linear_velocity=part["root_linear_velocity"],
            root_angular_velocity=part["root_angular_velocity"],
            joint_position=part["joint_position"],
            joint_velocity=part["joint_velocity"],
            key_body_position=part["key_body_position"].reshape(-1, *self._key_shape),
            contact=part["contact"],
            descriptors=entry.descriptors,
            report=entry.report,
            source=entry.source,
            gait_events=entry.gait_events,
        )

    def window(self, name: str, time_s: float, out: ReferenceWindow) -> None:
        """Fill `out` with the frames of a clip at `time_s` plus each of its time offsets, in the clip's own world.

        Between frames, values run straight and quaternions are normalised: at the rates of a library this is slerp to within
        1e-4 rad. Before the start and after the end the first or last frame stands still. `seq` and `stamp_ns` are left alone.

        Args:
            name: of the clip.
            time_s: time in the clip, of offset 0 [s].
            out: window without batch axes, for this body; key bodies are left out where it has none.

        Raises:
            UnknownNameError: no such clip.
            LayoutError: the window is for another body.
        """
        stored, blocks = self._stored(name), self._blocks
        last = stored.entry.frames - 1
        asked = (time_s + out.time_offsets) * stored.entry.rate_hz
        frame = np.minimum(np.maximum(asked, 0.0), last)
        low = np.minimum(frame.astype(np.intp), last - 1)
        share = (frame - low)[:, None]
        values = stored.frames[low] * (1.0 - share) + stored.frames[low + 1] * share
        outside = asked != frame
        if outside.any():
            values[outside, self._velocities] = 0.0
            values[outside, blocks["joint_velocity"]] = 0.0
        try:
            out.root_position[:] = values[:, blocks["root_position"]]
            quaternion = values[:, blocks["root_quaternion"]]
            out.root_quaternion[:] = quaternion / np.sqrt(np.einsum("ki,ki->k", quaternion, quaternion))[:, None]
            out.root_linear_velocity[:] = values[:, blocks["root_linear_velocity"]]
            out.root_angular_velocity[:] = values[:, blocks["root_angular_velocity"]]
            out.joint_position[:] = values[:, blocks["joint_position"]]
            out.joint_velocity[:] = values[:, blocks["joint_velocity"]]
            out.contact[:] = values[:, blocks["contact"]]
            if out.key_body_position.shape[-2]:
                out.key_body_position[:] = values[:, blocks["key_body_position"]].reshape(-1, *self._key_shape)
        except ValueError as error:
            raise LayoutError(f"window does not fit body '{self.header.body}' of {self.path.name}: {error}") from error
        out.motion = name
        out.phase[...] = _phase(stored.strikes, time_s)

    def _stored(self, name: str) -> _Stored:
        try:
            return self._clips[name]
        except KeyError:
            raise UnknownNameError("clip", name, self._clips) from None


def _phase(strikes: list[float], time_s: float) -> float:
    """Share of the gait cycle since the last right heel strike; the first and last cycle are continued, 0 where there is none."""
    if len(strikes) < 2:
        return 0.0
    k = min(max(bisect_right(strikes, time_s) - 1, 0), len(strikes) - 2)
    return (time_s - strikes[k]) / (strikes[k + 1] - strikes[k]) % 1.0


def read_index(path: Path) -> tuple[Header, dict[str, Entry]]:
    """Header and entries of every complete clip, by name.

    Raises:
        MotionFileError: missing, truncated, damaged, or not a motion library.
    """
    h5py = hdf5()
    if not path.is_file():
        raise MotionFileError(f"{path.name}: no such file")
    if not h5py.is_hdf5(path):
        raise MotionFileError(f"{path.name}: not an HDF5 file, or its start is damaged")
    try:
        check_seal(path)
        with h5py.File(path, "r") as file:
            header = read_header(file)
            columns, size = len(header.columns()), path.stat().st_size
            clips = sorted(file["clips"].items())
            return header, {name: read_entry(group, columns, size) for name, group in clips if group.attrs.get("complete", False)}
    except MotionFileError as error:
        raise MotionFileError(f"{path.name}: {error}") from error
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError, MemoryError) as error:
        raise MotionFileError(f"{path.name}: truncated or damaged: {str(error).splitlines()[0] if str(error) else type(error).__name__}") from error


def _mapped(path: Path, header: Header, entries: dict[str, Entry]) -> dict[str, _Stored]:
    if not entries:
        return {}
    columns = len(header.columns())
    memory = np.memmap(path, dtype=np.uint8, mode="r")
    clips = {}
    for name, entry in entries.items():
        # A plain array over the map: slices of np.memmap itself cost several microseconds each.
        frames: NDArray[np.float32] = np.ndarray((entry.frames, columns), dtype="<f4", buffer=memory, offset=entry.offset)
        strikes = [e.time_s for e in entry.gait_events if e.side == "r" and e.kind == "heel_strike"]
        clips[name] = _Stored(entry=entry, frames=frames, strikes=strikes)
    return clips
