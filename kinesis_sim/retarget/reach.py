"""What the body's joints leave of a person's legs: knees that are neither stretched nor bent to their limit, ankles within theirs.

A leg that cannot follow gives way where it costs least: over a loaded foot the pelvis goes up or down, or the heel leaves the
floor; in the air the shank bends less.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from kinesis_sim.retarget.config import RetargetConfig
from kinesis_sim.retarget.geometry import BodyGeometry
from kinesis_sim.retarget.person import ScaledPerson, hip_points
from kinesis_sim.retarget.signals import cover

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
LONGEST_LEG = 0.9955  # share of thigh and shank to which a leg is stretched: a knee of 8 degrees, off its limit
NEAR_BLEND = 0.006  # room in which the shortening of a leg comes to an end [m]
ANKLE_ROOM = 0.02  # left to the ankle beyond the margin of every joint, for what the subtalar joint takes of it [rad]
HEEL_UP = 0.04  # by which an ankle at its limit takes a heel off the floor that is then not loaded [rad]


def too_far(hips: Array, person: ScaledPerson, ankle: Array, geometry: BodyGeometry) -> Array:
    """How much the pelvis must come down so that both legs reach their feet; smooth, shape (F,) [m]."""
    span = hip_points(hips, person.pelvis, geometry) - ankle
    across = np.linalg.norm(span[..., :2], axis=-1)
    reach = LONGEST_LEG * (geometry.thigh + geometry.shank)
    highest = np.sqrt(np.maximum(reach**2 - across**2, 0.0))
    return cover(np.clip(span[..., 2] - highest, 0.0, 0.15).max(axis=1), person.rate_hz, 0.1)


def too_low(hips: Array, person: ScaledPerson, ankle: Array, contact: Mask, geometry: BodyGeometry) -> Array:
    """How much the pelvis must go up so that no knee over a loaded foot bends beyond its limit; smooth, shape (F,) [m]."""
    span = hip_points(hips, person.pelvis, geometry) - ankle
    across = np.linalg.norm(span[..., :2], axis=-1)
    lowest = np.sqrt(np.maximum((geometry.shortest_leg + NEAR_BLEND) ** 2 - across**2, 0.0))
    loaded = contact.reshape(len(contact), 2, 2).any(axis=2)
    return cover(np.where(loaded, np.maximum(lowest - span[..., 2], 0.0), 0.0).max(axis=1), person.rate_hz, 0.1)


def highest_pitch(shank: Array, foot: Array, geometry: BodyGeometry, config: RetargetConfig) -> Array:
    """Toes up, as far as the ankle allows under a shank, shape (F, 2) [rad]; negative where the heel must leave the floor.

    `shank` points from ankle to knee, shape (F, 2, 3); `foot` gives the heading, shape (F, 2, 3, 3).
    """
    heading = np.arctan2(foot[..., 1, 0], foot[..., 0, 0])
    ahead = shank[..., 0] * np.cos(heading) + shank[..., 1] * np.sin(heading)
    lean = np.arcsin(np.clip(ahead / np.linalg.norm(shank, axis=-1), -1.0, 1.0))
    return geometry.largest_lean - config.limit_margin - ANKLE_ROOM - lean


def beyond_limits(person: ScaledPerson, geometry: BodyGeometry, config: RetargetConfig) -> Mask:
    """Frames in which the person bends a knee, or an ankle over a foot that is not toes down, further than the body can; shape (F,)."""
    knee = np.linalg.norm(person.hip(geometry) - person.ankle, axis=-1) < geometry.shortest_leg
    pitch = np.arcsin(np.clip(person.foot[..., 2, 0], -1.0, 1.0))
    ankle = (pitch > highest_pitch(person.knee - person.ankle, person.foot, geometry, config)) & (pitch > -HEEL_UP)
    return np.asarray((knee | ankle).any(axis=1))


def not_too_near(hip: Array, knee: Array, ankle: Array, geometry: BodyGeometry) -> Array:
    """Ankles no nearer to their hips than the knees bend, shape (F, 2, 3) [m]: in a run people's heels come closer.

    Otherwise inverse kinematics would lift the pelvis off the leg that stands. The thigh stays as it is, the shank bends less: that
    leaves hip and knee where the person's are. The way from one course to the other is a hyperbola.
    """
    thigh, leg = knee - hip, ankle - hip
    span = np.linalg.norm(leg, axis=-1, keepdims=True)
    nearest = geometry.shortest_leg[None, :, None] + NEAR_BLEND
    wanted = 0.5 * (span + nearest + np.hypot(span - nearest, NEAR_BLEND))
    along = thigh / np.linalg.norm(thigh, axis=-1, keepdims=True)
    across = leg - along * np.sum(leg * along, axis=-1, keepdims=True)
    across /= np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1e-9)
    a, b = geometry.thigh, geometry.shank
    cosine = np.clip((a**2 + wanted**2 - b**2) / (2.0 * a * wanted), -1.0, 1.0)
    return np.asarray(hip + wanted * (cosine * along + np.sqrt(1.0 - cosine**2) * across))


def turned_along(before: Array, after: Array) -> Array:
    """The smallest rotations that take directions into others, shape (..., 3, 3)."""
    axis = np.cross(before, after)
    sine, cosine = np.linalg.norm(axis, axis=-1, keepdims=True), np.sum(before * after, axis=-1, keepdims=True)
    turn = axis * (np.arctan2(sine, cosine) / np.maximum(sine, 1e-12))
    return Rotation.from_rotvec(turn.reshape(-1, 3)).as_matrix().reshape(*before.shape, 3)
