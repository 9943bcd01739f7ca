"""Steering of a clip: a small turn rate on top of it, about the foot the body stands on, and a little more or less speed."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinesis_control.motion.clip_path import ClipPath
from kinesis_control.motion.command import STILL
from kinesis_control.motion.rotations import conjugate, multiply, rotate
from kinesis_control.reference import ReferenceWindow

Array = NDArray[np.float64]
STEERED = 0.4
"""Speed from which a walk can be steered as any other: who stands and is turned slides on both feet [m/s]."""

STEPS = 12
"""Steps of the integration over the window."""


@dataclass(kw_only=True)
class Steering:
    """What is done to a clip.

    Turned about the stance foot, the clip's feet do not slide; about the hips they would, by the turn rate times their distance.

    Attributes:
        warp: largest share by which the clip is played faster or slower.
        most: largest turn rate on top of the clip, at STEERED or faster; below it less in proportion, and none on the spot [rad/s].
        settle: time constant with which both go over into what is wanted [s].
        rate: time in the clip per time.
        turn: on top of the clip, left positive [rad/s].
    """

    warp: float
    most: float
    settle: float
    rate: float = 1.0
    turn: float = 0.0

    def aim(self, wanted: Array, own: Array, dt: float) -> None:
        """Draw rate and turn to where a clip with the velocity `own` moves as `wanted`, both shape (3,)."""
        square = float(own[0] ** 2 + own[1] ** 2)
        still = square < STILL**2
        rate = 1.0 if still else float(wanted[0] * own[0] + wanted[1] * own[1]) / square
        rate = min(max(rate, 1.0 - self.warp), 1.0 + self.warp)
        most = self.most * min(math.sqrt(square) / STEERED, 1.0)
        turn = min(max(float(wanted[2]) - rate * float(own[2]), -most), most)
        share = 1.0 - math.exp(-dt / self.settle)
        self.rate += share * (rate - self.rate)
        self.turn += share * (turn - self.turn)

    def moved(self, pivot: Array, dt: float) -> tuple[float, Array]:
        """Turn [rad] and shift, shape (2,), of the clip's world by a turn about `pivot` over dt."""
        angle = self.turn * dt
        c, s = math.cos(angle), math.sin(angle)
        return angle, np.array([pivot[0] - c * pivot[0] + s * pivot[1], pivot[1] - s * pivot[0] - c * pivot[1]])

    def bend(self, window: ReferenceWindow, path: ClipPath, time: float) -> None:
        """Bend the window of a clip at `time` as it will come when the steering goes on as now."""
        if self.turn == 0.0:
            return
        offsets = window.time_offsets
        angle, shift = self.turn * offsets, self._shifts(path, time, offsets)
        pivot = path.at(path.pivot, time + self.rate * offsets)
        place = window.root_position[:, :2]
        back = conjugate(window.root_quaternion)
        push = np.zeros((len(offsets), 3))
        push[:, 0], push[:, 1] = self.turn * (pivot[:, 1] - place[:, 1]), self.turn * (place[:, 0] - pivot[:, 0])
        window.root_linear_velocity += rotate(back, push)
        window.root_angular_velocity += rotate(back, np.broadcast_to([0.0, 0.0, self.turn], push.shape))
        _move(window.root_position, angle, shift)
        if window.key_body_position.size:
            _move(window.key_body_position, angle[:, None], shift[:, None])
        half = np.zeros((len(offsets), 4))
        half[:, 0], half[:, 3] = np.cos(0.5 * angle), np.sin(0.5 * angle)
        window.root_quaternion[:] = multiply(half, window.root_quaternion)

    def _shifts(self, path: ClipPath, time: float, offsets: Array) -> Array:
        """Shift of the clip's world at each offset, shape (K, 2): with x -> R(a) x + T, turned about p, dT/dt = -da/dt R(a) J p."""
        grid = np.linspace(0.0, max(float(offsets[-1]), 1e-6), STEPS + 1)
        pivot = path.at(path.pivot, time + self.rate * grid)
        c, s = np.cos(self.turn * grid), np.sin(self.turn * grid)
        slope = self.turn * np.stack([c * pivot[:, 1] + s * pivot[:, 0], s * pivot[:, 1] - c * pivot[:, 0]], axis=1)
        total = np.zeros((STEPS + 1, 2))
        total[1:] = np.cumsum(0.5 * (slope[1:] + slope[:-1]), axis=0) * (grid[1] - grid[0])
        return np.stack([np.interp(offsets, grid, total[:, k]) for k in range(2)], axis=1)


def _move(points: Array, angle: Array, shift: Array) -> None:
    c, s = np.cos(angle), np.sin(angle)
    x, y = points[..., 0].copy(), points[..., 1].copy()
    points[..., 0], points[..., 1] = c * x - s * y + shift[..., 0], s * x + c * y + shift[..., 1]
