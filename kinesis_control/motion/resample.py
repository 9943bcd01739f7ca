"""Another frame rate for the same motion: no change of speed, no aliasing.

Where the rate goes down, what the new rate cannot hold is first filtered out, forwards and backwards alike, so that
nothing is delayed. Between frames, positions and rotations follow a cubic through the neighbours: their velocities are
continuous, which those of a straight line or of slerp are not.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import ConfigurationError
from kinesis_control.motion.rotations import continuous, forward_kinematics, normalised, to_local
from kinesis_control.motion.source_motion import SourceMotion

Array = NDArray[np.float64]
PASSED = 0.4  # of the new rate: what lies below passes the filter; half of the rate is the limit


def resample(motion: SourceMotion, rate_hz: float) -> SourceMotion:
    """The motion at another rate, from its first frame to within one new frame of its last; bones keep their lengths.

    Args:
        motion: what to resample.
        rate_hz: new frames per second.

    Raises:
        ConfigurationError: the rate is not positive, or leaves fewer than two frames.
    """
    if not (np.isfinite(rate_hz) and rate_hz > 0.0 and motion.duration_s * rate_hz >= 1.0 - 1e-9):
        raise ConfigurationError(f"'{motion.name}' lasts {motion.duration_s:.3f} s: got a rate of {rate_hz:g} Hz, expected one that leaves two frames")
    if abs(rate_hz - motion.rate_hz) < 1e-9 * rate_hz:
        return motion
    position, rotation = to_local(motion.parents, motion.position, motion.rotation)
    rotation = continuous(rotation)
    if rate_hz < motion.rate_hz:
        position, rotation = (low_pass(values, PASSED * rate_hz, motion.rate_hz) for values in (position, rotation))
    times = np.arange(int(np.floor(motion.duration_s * rate_hz + 1e-6)) + 1) / rate_hz
    frame = np.minimum(times * motion.rate_hz, motion.frames - 1)
    place, turn = forward_kinematics(motion.parents, cubic(position, frame), normalised(cubic(rotation, frame)))
    return replace(motion, rate_hz=rate_hz, position=place, rotation=continuous(turn))


def low_pass(values: Array, cutoff_hz: float, rate_hz: float) -> Array:
    """Windowed-sinc filter without delay along axis 0; the ends are continued point-symmetrically, so that they stay where they are.

    Args:
        values: shape (F, ...).
        cutoff_hz: half of the amplitude passes here.
        rate_hz: frames per second of `values`.
    """
    half = int(np.ceil(2.0 * rate_hz / cutoff_hz))
    k = np.arange(-half, half + 1)
    kernel = np.sinc(2.0 * cutoff_hz / rate_hz * k) * np.hanning(len(k) + 2)[1:-1]
    kernel /= kernel.sum()
    flat = values.reshape(len(values), -1)
    reach = min(half, len(flat) - 1)
    before, after = 2.0 * flat[0] - flat[reach:0:-1], 2.0 * flat[-1] - flat[-2 : -reach - 2 : -1]
    padded = np.concatenate([np.repeat(before[:1], half - reach, axis=0), before, flat, after, np.repeat(after[-1:], half - reach, axis=0)])
    # One shifted sum per tap is faster than one convolution per column: there are hundreds of columns and few taps.
    result = np.zeros_like(flat)
    for i, weight in enumerate(kernel):
        result += weight * padded[i : i + len(flat)]
    return result.reshape(values.shape)


def cubic(values: Array, frame: Array) -> Array:
    """Catmull-Rom interpolation along axis 0 at fractional frames, shape (N,); exact for motions of constant acceleration."""
    last = len(values) - 1
    low = np.clip(np.floor(frame).astype(np.intp), 0, last - 1)
    s = (frame - low).reshape(-1, *(1,) * (values.ndim - 1))
    slope = np.gradient(values, axis=0, edge_order=2) if last > 1 else np.repeat(np.diff(values, axis=0), 2, axis=0)
    a, b, da, db = values[low], values[low + 1], slope[low], slope[low + 1]
    return (2 * s**3 - 3 * s**2 + 1) * a + (s**3 - 2 * s**2 + s) * da + (3 * s**2 - 2 * s**3) * b + (s**3 - s**2) * db
