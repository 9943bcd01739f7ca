"""The frames of a selection of clips in contiguous arrays, one row a control tick, so that a batch is read by index.

The rows are made by the code that plays a clip in the motion node (kinesis_control/motion/frames.py), at the very times that
it would ask for, and go on beyond the end of a clip as far as a window looks ahead.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import ConfigurationError, MotionFileError, UnknownNameError
from kinesis_control.motion.clip import MotionClip
from kinesis_control.motion.frames import FIELDS, Frames
from kinesis_control.motion.library import Library
from kinesis_control.reference import ReferenceWindow
from kinesis_sim.bodies import Body

Array = NDArray[np.float64]
Index = NDArray[np.intp]


def read_clips(paths: Sequence[Path], body: Body, pattern: str = "*") -> tuple[MotionClip, ...]:
    """Clips of libraries whose name matches a shell pattern, several of them separated by commas.

    Raises:
        MotionFileError: a library is damaged, of another body, or empty; two libraries hold clips of one name.
        UnknownNameError: no clip matches.
    """
    libraries = [Library.open(path, body.description) for path in paths]
    for library in libraries:
        if not len(library):
            raise MotionFileError(f"{library.path.name}: holds no clip; import motions into it with `kinesis motions import`")
    names = [name for library in libraries for name in library.names]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise MotionFileError(f"clips of the same name in several libraries: {', '.join(twice[:5])}; leave one of them out")
    chosen = {n for n in names if any(fnmatchcase(n, p.strip()) for p in pattern.split(","))}
    if not chosen:
        raise UnknownNameError("clip pattern", pattern, names)
    return tuple(library.clip(name) for library in libraries for name in library.names if name in chosen)


def ticks_of(clip: MotionClip, dt: float) -> int:
    """Whole control ticks from the first frame of a clip to its last."""
    return int(np.floor(clip.duration_s / dt + 1e-6))


@dataclass(frozen=True, kw_only=True)
class ClipBank:
    """C clips in R rows; row `first[c] + t` is clip c at tick t.

    Attributes:
        names: of the clips.
        content: what each clip shows: walk, run, turn, ...
        dt: control period [s].
        first: shape (C,), row of each clip's start.
        ticks: shape (C,), ticks from the start of each clip to its end.
        steps: shape (K,), ticks from the present to each frame of a window.
        frames: arrays of shape (R, ...), named as in ReferenceWindow.
        key_body_velocity: shape (R, B, 3) [m/s], differences over a tick, as they are measured of the body.
        activation: shape (R, n_muscles), feed-forward, 0..1.
    """

    names: tuple[str, ...]
    content: tuple[str, ...]
    dt: float
    first: Index
    ticks: Index
    steps: Index
    frames: dict[str, Array]
    key_body_velocity: Array
    activation: NDArray[np.float32]

    @classmethod
    def of(cls, body: Body, clips: Sequence[MotionClip], activations: Iterable[Array], *, dt: float, offsets: Sequence[float]) -> "ClipBank":
        """Lay clips out.

        Args:
            activations: of each clip, one row a tick from its start to its end; shape (ticks + 1, n_muscles).
            dt: control period [s].
            offsets: of the frames of a window [s]; whole multiples of dt.

        Raises:
            ConfigurationError: no clip, a clip shorter than the window, or offsets between ticks.
        """
        steps = np.round(np.asarray(offsets) / dt).astype(np.intp)
        if np.abs(steps * dt - offsets).max() > 1e-9:
            raise ConfigurationError(f"training on clips: got window offsets {tuple(offsets)} s, expected multiples of the control period of {dt:g} s")
        if not clips:
            raise ConfigurationError("training on clips: got no clip, expected at least one")
        rows = [_rows(body, clip, dt, int(steps[-1])) for clip in clips]
        sizes = np.array([len(r.root_position) for r in rows])
        filled = [_with_tail(a, size) for a, size in zip(activations, sizes, strict=True)]
        return cls(
            names=tuple(c.name for c in clips),
            content=tuple(str(c.descriptors.get("content", "other")) for c in clips),
            dt=dt,
            first=np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp),
            ticks=(sizes - 1 - steps[-1]).astype(np.intp),
            steps=steps,
            frames={name: np.concatenate([getattr(r, name) for r in rows]) for name in FIELDS},
            key_body_velocity=np.concatenate([_differences(r.key_body_position, dt) for r in rows]),
            activation=np.concatenate(filled).astype(np.float32),
        )

    def __len__(self) -> int:
        return len(self.names)

    def only(self, clips: Sequence[int]) -> "ClipBank":
        """The same frames, but no clip besides these."""
        pick = np.asarray(clips, dtype=np.intp)
        names, content = (tuple(values[i] for i in pick) for values in (self.names, self.content))
        return replace(self, names=names, content=content, first=self.first[pick], ticks=self.ticks[pick])

    def in_clips(self) -> Index:
        """Rows that lie within a clip, not in its run-out."""
        return np.concatenate([np.arange(f, f + t + 1) for f, t in zip(self.first, self.ticks, strict=True)])


def require_length(clip: MotionClip, dt: float, window_s: float) -> None:
    """Check that a clip is at least as long as the look-ahead of a window.

    Raises:
        ConfigurationError: it is not.
    """
    if clip.duration_s + 1e-9 < max(window_s, dt):
        raise ConfigurationError(f"clip '{clip.name}' lasts {clip.duration_s:.2f} s, expected at least the {window_s:g} s that a window looks ahead")


def _rows(body: Body, clip: MotionClip, dt: float, ahead: int) -> ReferenceWindow:
    require_length(clip, dt, ahead * dt)
    times = np.arange(ticks_of(clip, dt) + ahead + 1) * dt
    rows = ReferenceWindow.zeros(body.description, times, key_bodies=len(body.description.key_body_names))
    Frames(clip).fill(times, rows)
    return rows


def _differences(position: Array, dt: float) -> Array:
    change = np.diff(position, axis=0) / dt
    return np.concatenate([change[:1], change])


def _with_tail(activation: Array, size: int) -> Array:
    """Rows of the run-out keep the last activation."""
    return np.concatenate([activation, np.repeat(activation[-1:], size - len(activation), axis=0)])
