"""The path of a clip without the sway of its steps: where it goes, which way it faces, how fast, and what it stands on."""

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyDescription
from kinesis_control.errors import ConfigurationError
from kinesis_control.motion.clip import MotionClip
from kinesis_control.motion.generator import heading

Array = NDArray[np.float64]

SMOOTHING_S, STANCE_S = 0.3, 0.04
"""Widths (standard deviation) of the smoothing of place and heading, and of contacts [s]: the pelvis sways and turns with every
stride, of which under a third is left at a usual cadence, and nearly nothing of what comes with every step."""


class ClipPath:
    """Smoothed figures of a clip, in its own world, one a frame.

    Attributes:
        heading: shape (F,) [rad], without jumps.
        velocity: forward, sideways [m/s] in the frame of `heading`, turn [rad/s]; shape (F, 3).
        pivot: the point on the floor that the body stands on, between the loaded feet; shape (F, 2) [m].
    """

    def __init__(self, clip: MotionClip, body: BodyDescription) -> None:
        rate = clip.rate_hz
        self._rate, self._last = rate, clip.frames - 1
        self.heading = smooth(np.unwrap(heading(clip.root_quaternion)), SMOOTHING_S * rate)
        moved = np.gradient(smooth(clip.root_position[:, :2], SMOOTHING_S * rate), axis=0) * rate
        turn = np.gradient(self.heading) * rate
        self.velocity = np.concatenate([turn_by(-self.heading, moved), turn[:, None]], axis=1)
        self.pivot = _pivot(clip, body)

    def at(self, values: Array, time: Array | float) -> Array:
        """One of the attributes at times of the clip, shape (...) [s]; beyond its ends, as there."""
        place = np.minimum(np.maximum(np.asarray(time) * self._rate, 0.0), self._last)
        low = np.minimum(place.astype(np.intp), max(self._last - 1, 0))
        share = (place - low).reshape((*np.shape(time), *[1] * (values.ndim - 1)))
        return np.asarray(values[low] * (1.0 - share) + values[np.minimum(low + 1, self._last)] * share)


def turn_by(angle: Array | float, vectors: Array) -> Array:
    """Vectors of shape (..., 2 or 3) turned about the vertical by angles of shape (...)."""
    c, s = np.cos(angle), np.sin(angle)
    x, y = vectors[..., 0], vectors[..., 1]
    return np.concatenate([np.stack([c * x - s * y, s * x + c * y], axis=-1), vectors[..., 2:]], axis=-1)


def smooth(values: Array, width: float) -> Array:
    """Gaussian of a standard deviation of `width` frames along axis 0; the ends are continued point-symmetrically."""
    reach = min(int(3.0 * width), len(values) - 1)
    if reach < 1:
        return values
    rows = values.reshape(len(values), -1)
    padded = np.concatenate([2.0 * rows[0] - rows[reach:0:-1], rows, 2.0 * rows[-1] - rows[-2 : -reach - 2 : -1]])
    kernel = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / width))
    kernel /= kernel.sum()
    return np.stack([np.convolve(column, kernel, mode="valid") for column in padded.T], axis=1).reshape(values.shape)


def foot_bodies(body: BodyDescription) -> dict[str, int]:
    """Places of "talus_r", "talus_l", and of "toes_r", "toes_l" where there are any, among the key bodies.

    Raises:
        ConfigurationError: the body tells no tali.
    """
    known = {name: i for i, name in enumerate(body.key_body_names)}
    if not {"talus_r", "talus_l"} <= known.keys():
        raise ConfigurationError(
            f"motion matching: body '{body.name}' has the key bodies {', '.join(body.key_body_names)}; expected talus_r and talus_l among them"
        )
    return {name: i for name, i in known.items() if name.startswith(("talus_", "toes_"))}


def _pivot(clip: MotionClip, body: BodyDescription) -> Array:
    """Mean of the loaded points of the feet: the talus over the heel, the toes; shape (F, 2). In flight, between the two stances."""
    feet = foot_bodies(body)
    points, loads = [], []
    for i, name in enumerate(body.contact_names):
        side = "r" if name.startswith("right") else "l"
        own = feet.get(f"toes_{side}", feet[f"talus_{side}"]) if name.endswith("toes") else feet[f"talus_{side}"]
        points.append(clip.key_body_position[:, own, :2])
        loads.append(clip.contact[:, i])
    weight = smooth(np.stack(loads, axis=1), STANCE_S * clip.rate_hz)
    total = weight.sum(axis=1)
    sure = np.flatnonzero(total > 0.05)
    if not len(sure):
        return clip.root_position[:, :2].copy()
    mean = np.einsum("fc,fcx->fx", weight[sure], np.stack(points, axis=1)[sure]) / total[sure, None]
    frames = np.arange(clip.frames)
    return np.stack([np.interp(frames, sure, mean[:, k]) for k in range(2)], axis=1)
