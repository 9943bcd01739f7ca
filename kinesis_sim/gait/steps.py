"""Where a foot is over a gait cycle, seen from the pelvis."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinesis_sim.gait.leg import LegGeometry
from kinesis_sim.gait.shape import Pattern

Array = NDArray[np.float64]
EPS = 1e-4  # of the phase, for one-sided derivatives


def smooth_step(t: Array | float) -> Array | float:
    """0..1 with zero slope at both ends."""
    t = np.clip(t, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def travel(pattern: Pattern, seconds: float) -> tuple[Array, float]:
    """Displacement (x, y) [m] and turn [rad] of the pelvis, in the frame it starts from, after a time that may be negative."""
    angle = pattern.turn * seconds
    # sin(a)/a and (1 - cos(a))/a, finite at a = 0.
    along = np.sinc(angle / np.pi) * seconds
    across = 0.5 * angle * np.sinc(0.5 * angle / np.pi) ** 2 * seconds
    v, u = pattern.speed, pattern.lateral
    return np.array([v * along - u * across, v * across + u * along]), angle


@dataclass(frozen=True, kw_only=True)
class FootPath:
    """Path of one foot; phase 0 is this foot's strike, and the pelvis passes over the foot at phase `middle`.

    Attributes:
        side: +1 left, -1 right.
    """

    leg: LegGeometry
    pattern: Pattern
    side: float
    middle: float

    def pitch(self, phase: float) -> float:
        """Foot pitch, toes up positive [rad]."""
        g = self.pattern
        strike, push = g.strike_pitch, g.push_pitch
        if phase < 0.12:
            return strike * (1.0 - float(smooth_step(phase / 0.12)))
        if phase < g.heel_off:
            return 0.0
        if phase < g.share:
            t = (phase - g.heel_off) / (g.share - g.heel_off)
            return float(push * t**1.6)
        t = (phase - g.share) / (1.0 - g.share)
        # The push-off rotation runs on for a moment, then the foot is lifted level and the heel made ready.
        rate = 1.6 * push / (g.share - g.heel_off) * (1.0 - g.share)
        level = push + rate * t * np.exp(-30.0 * t)
        return float(level * (1.0 - smooth_step((t - 0.05) / 0.7)) + strike * smooth_step((t - 0.5) / 0.45))

    def toe_extension(self, phase: float) -> float:
        """Angle of the toes against the foot that keeps them flat in push-off [rad]."""
        g = self.pattern
        if phase < g.heel_off:
            return 0.0
        if phase < g.share:
            return min(0.45, -self.pitch(phase))
        return min(0.45, -self.pitch(g.share - 1e-9)) * (1.0 - float(smooth_step((phase - g.share) / 0.12)))

    def _planted(self, phase: float) -> Array:
        """x, y, z of the ankle and yaw of the foot in stance, seen from the pelvis; the foot rolls over heel or ball."""
        p = self.pitch(phase)
        pivot = self.leg.heel if phase < self.pattern.heel_off else self.leg.ball
        c, s = np.cos(p), np.sin(p)
        rocked = pivot - np.array([c * pivot[0] - s * pivot[1], s * pivot[0] + c * pivot[1]])
        point = np.array([self.leg.hip_offset[0] + rocked[0], self.side * self.pattern.half_width])
        moved, turned = travel(self.pattern, (phase - self.middle) * self.pattern.cycle_s)
        c, s = np.cos(turned), np.sin(turned)
        x, y = point - moved
        return np.array([c * x + s * y, c * y - s * x, self.leg.ankle_height + rocked[1], self.side * self.pattern.shape.toe_out - turned])

    def ankle(self, phase: float) -> Array:
        """x, y, z of the ankle [m] and yaw of the foot [rad] in the frame of the pelvis on the floor; shape (4,)."""
        share = self.pattern.share
        if phase < share:
            return self._planted(phase)
        span = 1.0 - share
        start, end = self._planted(share - EPS), self._planted(0.0)
        v0 = (start - self._planted(share - 2 * EPS)) / EPS * span
        v1 = (self._planted(EPS) - self._planted(0.0)) / EPS * span
        t = (phase - share) / span
        h = np.array([2 * t**3 - 3 * t**2 + 1, t**3 - 2 * t**2 + t, -2 * t**3 + 3 * t**2, t**3 - t**2])
        place = h[0] * start + h[1] * v0 + h[2] * end + h[3] * v1
        place[2] += self.pattern.clearance * np.sin(np.pi * t) ** 2
        return place
