"""Small signal tools: rotations as matrices, zero-phase filters, runs of frames, and filling what is known only here and there."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, sosfiltfilt
from scipy.spatial.transform import Rotation

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


def matrices(quaternion: Array) -> Array:
    """Rotation matrices, shape (..., 3, 3), of quaternions wxyz, shape (..., 4)."""
    flat = quaternion.reshape(-1, 4)[:, [1, 2, 3, 0]]
    return Rotation.from_quat(flat).as_matrix().reshape(*quaternion.shape[:-1], 3, 3)


def quaternions(matrix: Array) -> Array:
    """Quaternions wxyz, shape (F, 4), of rotation matrices, shape (F, 3, 3), without sign flips along F."""
    q = Rotation.from_matrix(matrix).as_quat()[:, [3, 0, 1, 2]]
    flips = np.cumprod(np.where(np.sum(q[1:] * q[:-1], axis=1) < 0.0, -1.0, 1.0))
    q[1:] *= flips[:, None]
    return q if q[0, 0] >= 0.0 else -q


def about_z(angle: Array) -> Array:
    """Rotations about the vertical, shape (..., 3, 3)."""
    c, s = np.cos(angle), np.sin(angle)
    result = np.zeros((*np.shape(angle), 3, 3))
    result[..., 0, 0] = result[..., 1, 1] = c
    result[..., 1, 0], result[..., 0, 1] = s, -s
    result[..., 2, 2] = 1.0
    return result


def mean_rotation(matrix: Array) -> Array:
    """The rotation nearest to the mean of several, shape (3, 3) (Moakher 2002: orthogonal part of the arithmetic mean)."""
    u, _, v = np.linalg.svd(matrix.reshape(-1, 3, 3).mean(axis=0))
    return u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ v))]) @ v


def low_pass(values: Array, rate_hz: float, cutoff_hz: float) -> Array:
    """Butterworth filter of 4th order, run forwards and backwards along axis 0, so that nothing is delayed."""
    if len(values) < 4 or cutoff_hz >= 0.45 * rate_hz:
        return values
    sections = butter(2, cutoff_hz, fs=rate_hz, output="sos")
    return sosfiltfilt(sections, values, axis=0, padtype="odd", padlen=min(len(values) - 1, int(rate_hz / cutoff_hz * 3)))


def low_pass_rotations(matrix: Array, rate_hz: float, cutoff_hz: float) -> Array:
    """`low_pass` on the elements of rotation matrices, shape (F, ..., 3, 3), made orthogonal again."""
    filtered = low_pass(matrix.reshape(len(matrix), -1), rate_hz, cutoff_hz).reshape(matrix.shape)
    return Rotation.from_matrix(filtered.reshape(-1, 3, 3)).as_matrix().reshape(matrix.shape)


def velocity(values: Array, rate_hz: float) -> Array:
    """Central differences along axis 0; zero for a single frame."""
    return np.gradient(values, 1.0 / rate_hz, axis=0) if len(values) > 1 else np.zeros_like(values)


def runs(mask: Mask) -> list[tuple[int, int]]:
    """First and past-the-last frame of every run of True."""
    edges = np.flatnonzero(np.diff(np.r_[0, mask.astype(np.int8), 0]))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def hysteresis(value: Array, low: float, high: float) -> Mask:
    """True from where `value` falls below `low` until it rises above `high`; shape (F,)."""
    below, within = value < low, value < high
    result = np.zeros(len(value), dtype=bool)
    for start, stop in runs(within):
        if below[start:stop].any():
            first = start + int(np.argmax(below[start:stop]))
            result[first:stop] = True
    return result


def tidy(mask: Mask, shortest: int) -> Mask:
    """Close gaps, then drop runs, that are shorter than `shortest` frames; runs and gaps at the ends of the clip stay."""
    result = mask.copy()
    for value in (False, True):
        for start, stop in runs(result == value):
            if stop - start < shortest and start > 0 and stop < len(result):
                result[start:stop] = not value
    return result


def fill(known: Array, weight: Array, stiffness: float, *, tension: float = 0.0, pull: float = 1e-9) -> Array:
    """The smoothest curve through what is known.

    It minimises sum_t w_t (x_t - known_t)^2 + pull x_t^2 + tension (first difference)^2 + stiffness (second difference)^2.

    Args:
        known: shape (F,) or (F, C); where the weight is 0 its value does not matter.
        weight: how firmly each frame is known, shape (F,).
        stiffness: grows with the fourth power of the time over which the curve may bend [frames^4].
        tension: draws the curve straight where nothing is known, so that it does not swing out [frames^2].
        pull: towards zero.
    """
    n = len(known)
    column = weight.reshape(-1, *[1] * (known.ndim - 1))
    if n < 4:
        return known * column / (column + pull)
    banded = np.zeros((3, n))
    banded[2] = weight + pull + tension * np.r_[1.0, np.full(n - 2, 2.0), 1.0]
    banded[2] += stiffness * np.r_[1.0, 5.0, np.full(n - 4, 6.0), 5.0, 1.0]
    banded[1, 1:] = -tension - stiffness * np.r_[2.0, np.full(n - 3, 4.0), 2.0]
    banded[0, 2:] = stiffness
    return solveh_banded(banded, known * column)


def cover(needed: Array, rate_hz: float, width_s: float) -> Array:
    """A smooth curve nowhere below `needed`, shape (F,): the largest value nearby, blurred."""
    reach = max(1, round(width_s * rate_hz))
    padded = np.pad(needed, reach, mode="edge")
    widest = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(axis=1)
    return np.maximum(gaussian_filter1d(widest, reach / 3.0, mode="nearest"), 0.0)
