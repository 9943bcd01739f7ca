"""How well a body follows a clip: success, frame coverage and MPJPE, each clip on its own, no running means.

Let e[t, b] be the distance between key body b and its reference at tick t [m], and m[t] its mean over the B key bodies.
    success@0.5     m[t] <= 0.5 at every tick of the clip
    success@0.15    e[t, b] <= 0.15 for every key body at every tick of the clip
    failure         the first tick with m[t] > 0.5; "up to failure" leaves this tick out
    coverage        ticks before the failure / ticks of the clip
    MPJPE, world    mean of e over all key bodies and the ticks up to the failure [mm]
    MPJPE, root     the same with the root's position taken off body and reference alike; the root itself (the first key
                    body, error 0) is counted, as is usual: without it the figure is B/(B-1) times as large
    MPJPE of a clip that failed at once is missing: it has no tick to average over. Read MPJPE with the coverage beside
        it.

A recording that ends before the clip does (fall, reset, stop) has failed there. Ticks whose bodies or reference are
unknown are left out and counted; where they make a hole of more than `MAX_HOLE_S`, a success cannot be claimed and is
missing. A failure that was seen stays a failure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinesis_control.evaluate.episode import Episode
from kinesis_control.evaluate.figure import Figure
from kinesis_control.evaluate.statistics import mean_figure, share_figure

Array = NDArray[np.float64]

MEAN_LIMIT_M = 0.5
ANY_LIMIT_M = 0.15
MAX_HOLE_S = 0.1
"""A failure of 0.15 m builds up in more than this at walking speed."""


@dataclass(frozen=True, kw_only=True)
class ClipScore:
    """What came of one clip.

    Attributes:
        clip: its name.
        seed: of the run, None where unknown.
        success05, success015: None where it cannot be told; `missing` says why.
        ticks: of the clip.
        ticks_before_failure: all of them without a failure.
        coverage: share of the clip's ticks before the failure; NaN where it cannot be told.
        mpjpe_world_mm, mpjpe_root_mm: up to the failure; NaN where there is no tick to average over.
        mpjpe_ticks: ticks that the two rest on.
        unknown_ticks: left out because body or reference was not known.
        worst_m: largest e[t, b] up to and with the failure [m]; NaN without any known tick.
        worst_body: the key body with that error.
        missing: why something is missing; empty when nothing is.
    """

    clip: str
    seed: int | None
    success05: bool | None
    success015: bool | None
    ticks: int
    ticks_before_failure: int
    coverage: float
    mpjpe_world_mm: float
    mpjpe_root_mm: float
    mpjpe_ticks: int
    unknown_ticks: int
    worst_m: float
    worst_body: str
    missing: str


class ImitationScore:
    """Scores one clip, chunk by chunk."""

    def __init__(self, clip: str, *, planned_ticks: int | None = None, seed: int | None = None) -> None:
        """Begin.

        Args:
            clip: name of the clip.
            planned_ticks: how many ticks the clip has; None: as many as are recorded.
            seed: of the run.
        """
        self.clip, self.seed, self._planned = clip, seed, planned_ticks
        self._ticks = self._known = self._unknown = self._averaged = self._bodies = 0
        self._failed_at: int | None = None
        self._any_exceeded = False
        self._world = self._root = 0.0
        self._worst, self._worst_body = float("nan"), ""
        self._anchor_ns: int | None = None  # last tick that was known, or the first of all
        self._last_ns = 0
        self._longest_hole_ns = 0

    def update(self, chunk: Episode) -> None:
        """Take in the next ticks of the clip."""
        begun, self._ticks = self._ticks, self._ticks + len(chunk)
        if self._failed_at is not None or not len(chunk):
            return  # what comes after the failure says nothing about the clip any more
        world, relative = key_body_errors(chunk)
        self._bodies = world.shape[1]
        known: NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(world), axis=1) & np.bool_(self._bodies > 0)
        failed = np.flatnonzero(known)[world[known].mean(axis=1) > MEAN_LIMIT_M] if known.any() else np.zeros(0, dtype=np.intp)
        before = int(failed[0]) if failed.size else len(chunk)
        if failed.size:
            self._failed_at = begun + before
        seen = slice(0, before + 1)
        self._note_holes(chunk.stamp_ns[seen], known[seen])
        self._note_worst(world[seen][known[seen]], chunk.body.key_body_names)
        self._known += int(known[seen].sum())
        self._unknown += int((~known[seen]).sum())
        averaged = known[:before]
        self._world += float(world[:before][averaged].sum())
        self._root += float(relative[:before][averaged].sum())
        self._averaged += int(averaged.sum())

    def result(self) -> ClipScore:
        """The score of everything taken in so far."""
        ticks = max(self._ticks, self._planned or 0)
        nothing, blind = self._known == 0, self._blind
        ended = self._ticks if self._failed_at is None else self._failed_at
        failed = self._failed_at is not None or ended < ticks
        count = self._averaged * self._bodies
        return ClipScore(
            clip=self.clip, seed=self.seed, ticks=ticks, ticks_before_failure=ended, unknown_ticks=self._unknown,
            success05=_outcome(failed, unknown=nothing, blind=blind),
            success015=_outcome(failed or self._any_exceeded, unknown=nothing, blind=blind),
            coverage=float("nan") if nothing or blind else ended / ticks,
            mpjpe_world_mm=1e3 * self._world / count if count else float("nan"),
            mpjpe_root_mm=1e3 * self._root / count if count else float("nan"),
            mpjpe_ticks=self._averaged, worst_m=self._worst, worst_body=self._worst_body,
            missing=self._why(nothing=nothing, blind=blind),
        )  # fmt: skip

    @property
    def _blind(self) -> bool:
        """Whether a failure could hide in what is not known."""
        open_hole = 0 if self._failed_at is not None or self._anchor_ns is None else self._last_ns - self._anchor_ns
        return max(self._longest_hole_ns, open_hole) > MAX_HOLE_S * 1e9

    def _why(self, *, nothing: bool, blind: bool) -> str:
        if self._ticks == 0:
            return "the clip has no tick"
        if nothing:
            return "positions of the key bodies or of their reference are not known at any tick"
        if blind:
            return f"positions of the key bodies or of their reference are not known for more than {MAX_HOLE_S} s on end"
        return "" if self._averaged else "the clip failed at its first tick"

    def _note_holes(self, stamps: NDArray[np.int64], known: NDArray[np.bool_]) -> None:
        """Follow the time between known ticks, over lost ticks too."""
        anchor = int(stamps[0]) if self._anchor_ns is None else self._anchor_ns
        marks = np.concatenate([np.array([anchor], dtype=np.int64), stamps[known]])
        self._longest_hole_ns = max(self._longest_hole_ns, int(np.diff(marks).max(initial=0)))
        self._anchor_ns, self._last_ns = int(marks[-1]), int(stamps[-1])

    def _note_worst(self, error: Array, names: Sequence[str]) -> None:
        if not error.size:
            return
        self._any_exceeded |= bool(error.max() > ANY_LIMIT_M)
        if not float(error.max()) <= self._worst:  # true for the first, when the worst is NaN
            self._worst = float(error.max())
            self._worst_body = names[int(error.max(axis=0).argmax())]


def _outcome(failed: bool, *, unknown: bool, blind: bool) -> bool | None:
    """True, False, or None where it cannot be told."""
    return None if unknown else False if failed else None if blind else True


def key_body_errors(chunk: Episode) -> tuple[Array, Array]:
    """Distances between key bodies and their reference, in the world and relative to the root; each of shape (T, B)
    [m], NaN where unknown.
    """
    body, reference = chunk.key_body_position, chunk.reference_key_body_position
    world = np.linalg.norm(body - reference, axis=-1)
    relative = np.linalg.norm((body - body[:, :1]) - (reference - reference[:, :1]), axis=-1)
    return world, relative


def imitation_figures(clips: Sequence[ClipScore]) -> list[Figure]:
    """Figures over clips: every clip counts the same, whatever its length.

    A clip whose success is not known is left out of the share and named in the note, never counted as either.
    """
    why = next((c.missing for c in clips if c.missing), "no clip was recorded")
    figures = [
        _share("imitation.success05", [c.success05 for c in clips], clips, why),
        _share("imitation.success015", [c.success015 for c in clips], clips, why),
    ]
    coverage = np.array([c.coverage for c in clips])
    covered = f"frame coverage {100 * float(np.nanmean(coverage)):.1f} %" if np.isfinite(coverage).any() else "frame coverage not known"
    return [
        *figures,
        mean_figure("imitation.frame_coverage", coverage, "share", note=_left_out(clips), why=why),
        mean_figure("imitation.mpjpe_world", np.array([c.mpjpe_world_mm for c in clips]), "mm", note=covered, why=why),
        mean_figure("imitation.mpjpe_root", np.array([c.mpjpe_root_mm for c in clips]), "mm", note=covered, why=why),
    ]


def clip_figures(clip: ClipScore) -> list[Figure]:
    """Figures of one clip."""

    def figure(name: str, value: float | bool | None, unit: str, n: int) -> Figure:
        number = float("nan") if value is None else float(value)
        return Figure.of(f"imitation.{name}", number, unit, n=n, why=clip.missing or "it cannot be told")

    return [
        figure("success05", clip.success05, "share", 1),
        figure("success015", clip.success015, "share", 1),
        figure("frame_coverage", clip.coverage, "share", clip.ticks),
        figure("mpjpe_world", clip.mpjpe_world_mm, "mm", clip.mpjpe_ticks),
        figure("mpjpe_root", clip.mpjpe_root_mm, "mm", clip.mpjpe_ticks),
    ]


def _share(name: str, outcomes: Sequence[bool | None], clips: Sequence[ClipScore], why: str) -> Figure:
    known = [o for o in outcomes if o is not None]
    return share_figure(name, sum(known), len(known), note=_left_out(clips), why=why)


def _left_out(clips: Sequence[ClipScore]) -> str:
    names = [c.clip for c in clips if c.success05 is None or c.success015 is None]
    return f"not known for: {', '.join(names)}" if names else ""
