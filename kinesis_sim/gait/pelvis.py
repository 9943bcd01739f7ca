"""How the pelvis moves over a gait cycle: sway to the side and height."""

import numpy as np
from numpy.typing import NDArray

from kinesis_sim.gait.leg import LegGeometry
from kinesis_sim.gait.shape import Pattern
from kinesis_sim.gait.steps import FootPath

Array = NDArray[np.float64]
GRAVITY = 9.81


def sway(pattern: Pattern, phase: Array) -> Array:
    """Offset of the pelvis from its even path, left positive, shape (P,) [m].

    Walking: a linear inverted pendulum (Kajita et al. 2001) that changes feet every half cycle, each foot moving back under the
    pelvis by the sideways speed. Running: a small wave towards the loaded foot.
    """
    if pattern.running:
        return -0.25 * pattern.half_width * np.cos(2.0 * np.pi * (phase - 0.5 * pattern.share))
    omega, half = np.sqrt(GRAVITY / 0.9), 0.25 * pattern.cycle_s
    change = 0.5 * (pattern.share - 0.5)  # weight passes over in the middle of double support
    drift = pattern.lateral
    c, s = np.cosh(omega * half), np.sinh(omega * half)
    # y = foot(t) + a cosh + b sinh for right (a, b) and left (d, e): equal places and speeds at both changes of feet.
    jump = 2.0 * pattern.half_width + 2.0 * half * drift
    back = -2.0 * pattern.half_width + 2.0 * half * drift
    system = np.array([[c, s, -c, s], [s, c, s, -c], [-c, s, c, s], [s, -c, s, c]])
    a, b, d, e = np.linalg.solve(system, np.array([jump, 0.0, back, 0.0]))
    t = ((phase - change) % 1.0) * pattern.cycle_s
    right = t < 2.0 * half
    local = np.where(right, t, t - 2.0 * half) - half
    foot = np.where(right, -pattern.half_width, pattern.half_width) - drift * local
    wave = np.where(right, a, d) * np.cosh(omega * local) + np.where(right, b, e) * np.sinh(omega * local)
    return foot + wave


def height(leg: LegGeometry, pattern: Pattern, feet: tuple[FootPath, FootPath], phase: Array) -> Array:
    """Root height: highest in mid-stance when walking, lowest when running, as high as the straightest leg allows; (P,) [m]."""
    shape = pattern.shape
    reach = leg.longest_leg((shape.run_knee if pattern.running else shape.straightest_knee) + shape.lateral_knee * abs(pattern.lateral))
    wave = bounce(pattern, phase) if pattern.running else _rise(pattern, reach, feet[0].middle, phase)
    highest = np.inf
    for foot, shift in zip(feet, (0.0, 0.5), strict=True):
        for k, p in enumerate(phase):
            x, y, z, _ = foot.ankle((p - shift) % 1.0)
            ahead = x - leg.hip_offset[0]
            # Only what the steps add to the usual width of the stance makes the leg longer.
            aside = max(foot.side * y - shape.half_width, 0.0)
            highest = min(highest, z + np.sqrt(max(reach**2 - ahead**2 - aside**2, 1e-6)) - wave[k])
    return highest - leg.hip_offset[2] + wave


def _rise(pattern: Pattern, reach: float, middle: float, phase: Array) -> Array:
    step = 0.5 * pattern.speed * pattern.cycle_s
    amplitude = 0.25 * (reach - np.sqrt(reach**2 - (0.5 * step) ** 2))
    return amplitude * np.cos(4.0 * np.pi * (phase - middle))


def bounce(pattern: Pattern, phase: Array) -> Array:
    """Height in running about its mean: free fall in flight, a half sine of ground force in stance; shape (P,) [m]."""
    n, share = 512, pattern.share
    p = np.arange(n) / n
    local = np.minimum((p - 0.5 * share) % 0.5, (0.5 * share - p) % 0.5)  # distance from the middle of the nearest stance
    force = np.where(local < 0.5 * share, 0.25 * np.pi / share * np.cos(np.pi * local / share), 0.0)
    spectrum = np.fft.rfft(GRAVITY * (force / force.mean() - 1.0))
    omega = 2.0 * np.pi * np.arange(len(spectrum)) / pattern.cycle_s
    omega[0] = 1.0
    spectrum[0] = 0.0
    return np.interp(phase, p, np.fft.irfft(-spectrum / omega**2, n), period=1.0)
