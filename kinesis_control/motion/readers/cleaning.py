"""Bad frames: values that are no numbers, spikes, teleports, flipped joints, a calibration pose in front.

Short gaps are filled by interpolation between their good neighbours, bad frames at the ends are dropped, and each of
these leaves a note. What is too long to be filled, and a jump that stays, is an error: it would become a false motion.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import MotionFileError
from kinesis_control.motion.rotations import angle_between, continuous, normalised, slerp

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

LONGEST_REPAIR_S = 0.1
SHORTEST_CLIP_S = 0.2
FASTEST = 25.0  # of any joint; the foot of a football kick passes 20 m/s [m/s]
HARDEST = 800.0  # acceleration of any joint that a one-frame spike has to exceed [m/s^2]
TURN_LIMITS = (np.radians(4000.0), np.radians(40.0), np.radians(110.0))  # of legs and trunk: [rad/s], then bounds a frame [rad]
STEADY_ROLES = ("pelvis", "spine", "chest", "hip_l", "knee_l", "ankle_l", "hip_r", "knee_r", "ankle_r")


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """What messages need: file name and frames per second."""

    file: str
    rate_hz: float

    def at(self, frame: int) -> str:
        """A frame as a person counts it."""
        return f"frame {frame + 1} ({frame / self.rate_hz:.2f} s)"

    @property
    def repairable(self) -> int:
        """Longest gap that is filled, in frames."""
        return max(1, int(LONGEST_REPAIR_S * self.rate_hz + 1e-6))


def non_finite(position: Array, rotation: Array) -> Mask:
    """Frames that hold a value which is no number, or one too large to be any; shape (F,)."""
    with np.errstate(invalid="ignore"):
        bad = ~(np.abs(position) < 1e9).all(axis=(1, 2)) | ~np.isfinite(rotation).all(axis=(1, 2))
    return np.asarray(bad, dtype=bool)


def mend(time: Timeline, bad: Mask, position: Array, rotation: Array, what: str) -> tuple[slice, Array, Array, list[str]]:
    """Fill bad frames and cut off those at the ends.

    Args:
        time: for messages.
        bad: shape (F,).
        position, rotation: each joint in its parent's frame, shapes (F, J, 3) and (F, J, 4).
        what: what was wrong, for the notes.

    Returns:
        the frames kept, their positions and rotations, notes.

    Raises:
        MotionFileError: more than half of the frames are bad, or a gap is too long.
    """
    if not bad.any():
        return slice(0, len(bad)), position, rotation, []
    good = np.flatnonzero(~bad)
    if 2 * len(good) < len(bad):
        raise MotionFileError(f"{time.file}: {what} in {int(bad.sum())} of {len(bad)} frames, first in {time.at(int(np.argmax(bad)))}")
    notes = []
    for first, after in pairwise(map(int, good)):
        gap = after - first - 1
        if gap > time.repairable:
            raise MotionFileError(f"{time.file}: {what} in {gap} frames from {time.at(first + 1)} on; at most {time.repairable} can be filled")
        if gap:
            share = np.arange(1, gap + 1)[:, None] / (gap + 1)
            position[first + 1 : after] = position[first] + share[..., None] * (position[after] - position[first])
            rotation[first + 1 : after] = slerp(rotation[first][None], rotation[after][None], share)
            notes.append(f"{what} in {time.at(first + 1)}{f' and {gap - 1} more' if gap > 1 else ''}: filled")
    keep = slice(int(good[0]), int(good[-1]) + 1)
    dropped = len(bad) - (keep.stop - keep.start)
    if dropped:
        notes.append(f"{what} at the ends: {dropped} frames dropped")
    return keep, position[keep], rotation[keep], notes


def jumping(time: Timeline, position: Array, rotation: Array, at: Mapping[str, int]) -> Mask:
    """Frames that lie apart from those before and after; shape (F,).

    Args:
        time: for messages.
        position, rotation: in the world, shapes (F, J, 3) [m] and (F, J, 4).
        at: role -> joint.

    Raises:
        MotionFileError: a jump that stays.
    """
    places = position[:, sorted(set(at.values()))]
    bad = _spikes(places, time.rate_hz)
    edges = np.flatnonzero(_jumps(time, places, rotation[:, [at[r] for r in STEADY_ROLES if r in at]]))
    if len(edges) == 0:
        return bad
    starts, ends = [0, *(edges + 1)], [*(edges + 1), len(position)]
    pieces = [(int(a), int(b)) for a, b in zip(starts, ends, strict=True)]
    whole = [p for p in pieces if p[1] - p[0] > time.repairable]
    if not whole:
        raise MotionFileError(f"{time.file}: joints jump in {len(edges)} of {len(position)} frames: no stretch of the recording is usable")
    for (_, end), (start, _) in pairwise(whole):
        gap = start - end
        step = float(np.linalg.norm(places[start] - places[end - 1], axis=-1).max())
        if gap == 0 or step * time.rate_hz > FASTEST * (gap + 1):
            raise MotionFileError(f"{time.file}: the recording jumps by {step:.2f} m at {time.at(end)} and stays there: cut it in two")
        bad[end:start] = True
    bad[: whole[0][0]] = True
    bad[whole[-1][1] :] = True
    return bad


def _spikes(places: Array, rate_hz: float) -> Mask:
    """Single frames far from the middle of their neighbours, while the neighbours are close to each other."""
    bad = np.zeros(len(places), dtype=bool)
    if len(places) > 2:
        away = np.linalg.norm(places[1:-1] - 0.5 * (places[2:] + places[:-2]), axis=-1)
        across = np.linalg.norm(places[2:] - places[:-2], axis=-1)
        limit = 0.02 + 0.5 * HARDEST / rate_hz**2
        bad[1:-1] = ((away > limit) & (across < away)).any(axis=-1)
    return bad


def _jumps(time: Timeline, places: Array, steady: Array) -> Mask:
    """Steps between frames that no person makes; shape (F - 1,)."""
    speed = np.linalg.norm(np.diff(places, axis=0), axis=-1).max(axis=-1) * time.rate_hz
    turn = angle_between(steady[:-1], steady[1:]).max(axis=-1)
    per_second, least, most = TURN_LIMITS
    return np.asarray((speed > FASTEST) | (turn > np.clip(per_second / time.rate_hz, least, most)), dtype=bool)


def starts_with_calibration(places: Array, local_rotation: Array, at: Mapping[str, int], rate_hz: float) -> bool:
    """Whether the first frame is a pose put in front of the motion: arms spread or every joint at rest, and then a jump.

    Args:
        places: world positions, z up, shape (F, J, 3) [m].
        local_rotation: shape (F, J, 4).
        at: role -> joint.
        rate_hz: frames per second.
    """
    few = max(3, round(0.25 * rate_hz))
    if len(places) < few + 2:
        return False
    roles = sorted(set(at.values()))
    steps = np.linalg.norm(np.diff(places[: few + 1, roles], axis=0), axis=-1).max(axis=-1)
    if steps[0] < max(0.2, 4.0 * float(np.median(steps[1:]))):
        return False
    at_rest = bool((np.abs(local_rotation[0, :, 0]) > 1.0 - 1e-6).all())
    return at_rest or _arms_spread(places[0], at)


def _arms_spread(places: Array, at: Mapping[str, int]) -> bool:
    if not {"wrist_l", "wrist_r", "shoulder_l", "shoulder_r"} <= set(at):
        return False
    arms = np.array([places[at[f"wrist_{s}"]] - places[at[f"shoulder_{s}"]] for s in "lr"])
    arms = arms / np.maximum(np.linalg.norm(arms, axis=1, keepdims=True), 1e-9)
    return bool((np.abs(arms[:, 2]) < 0.45).all() and float(arms[0] @ arms[1]) < -0.8)


def clean_rotations(rotation: Array) -> Array:
    """Unit quaternions whose signs do not flip between frames; shape (F, J, 4)."""
    return continuous(normalised(rotation))
