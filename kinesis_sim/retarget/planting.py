"""Plants the feet: while a part of a foot is loaded it neither slides nor sinks nor floats, and the rest of the motion follows smoothly.

A loaded foot rolls over heel, sole and ball without slipping. Its path in stance follows from its orientation alone: the point of
the sole that touches the floor has no velocity (da = -dR p, with p the touching point from the ankle), and the lowest point of the
sole is at height 0. Where along the floor it stands is the mean of where the person's foot was. What this changes is carried over
into the swing as the smoothest correction that joins both stances.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from kinesis_sim.retarget.config import RetargetConfig
from kinesis_sim.retarget.contacts import contact_labels, run_slack
from kinesis_sim.retarget.geometry import BodyGeometry
from kinesis_sim.retarget.person import ScaledPerson, hip_points, knee_points
from kinesis_sim.retarget.reach import HEEL_UP, highest_pitch, not_too_near, too_far, too_low, turned_along
from kinesis_sim.retarget.signals import about_z, cover, fill, runs

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
FIRM = 1000.0  # weight of what is known in stance
TOE_LIMIT = 0.49  # extension of the toes, of the 0.52 rad that the joint allows [rad]
OBLIQUE = 0.2  # the foot rises over an axis between the lateral one (0) and that of the toe joint (1), which lies obliquely
TOE_LENGTH, TOE_RADIUS = 0.075, 0.0175  # from the toe joint to the middle of the tip, and its thickness above the floor [m]
SETTLE_S = 0.03  # time over which pitch and roll of the foot go over from the person's to flat [s]
TAUT_S = 0.06  # time over which a correction bends from stance into the swing [s]
RELIEF_SHARE, RELIEF_LEVER, RELIEF_RAMP = 0.9, 0.06, 8.0  # part of a lift that pitch makes, least lever [m], per swing
FORGET_S = 0.025  # time over which the foot in the air goes back to the person's path [s]
TURN_BACK_S = 0.07  # time over which the foot in the air turns back to the person's orientation [s]
RELEASE_S = 0.06  # time over which inverse kinematics lets go of a foot [s]
PELVIS_S = 0.25  # time over which the pelvis follows corrections of the feet [s]


@dataclass(frozen=True, kw_only=True)
class PlantedFoot:
    """One foot, F frames: ankle (F, 3) [m], rotation from the flat foot (F, 3, 3), toe extension (F,) [rad]."""

    ankle: Array
    rotation: Array
    toes: Array


@dataclass(frozen=True, kw_only=True)
class Targets:
    """What inverse kinematics is to reach; sides right, left.

    Attributes:
        hips: middle between the hips, shape (F, 3) [m].
        pelvis, trunk: as in ScaledPerson.
        knee, ankle: shape (F, 2, 3) [m].
        foot: shape (F, 2, 3, 3).
        toes: extension, shape (F, 2) [rad].
        contact: right heel, right toes, left heel, left toes; shape (F, 4).
        firmness: 1 for a foot that is planted, more in a run, 0 in the swing, smooth between; shape (F, 2).
        elbow, wrist: as in ScaledPerson.
    """

    hips: Array
    pelvis: Array
    trunk: Array
    knee: Array
    ankle: Array
    foot: Array
    toes: Array
    contact: Mask
    firmness: Array
    elbow: Array | None
    wrist: Array | None


def plant(person: ScaledPerson, geometry: BodyGeometry, config: RetargetConfig) -> Targets:
    """Targets with planted feet."""
    contact = contact_labels(person, geometry, config.contact)
    highest = highest_pitch(person.knee - person.ankle, person.foot, geometry, config)
    contact[:, ::2] &= highest > -HEEL_UP
    # A heel that goes up bends the knee, and the shank then leans further: the second time that is known.
    targets = _targets(person, contact, highest, geometry, config)
    highest = np.minimum(highest, highest_pitch(targets.knee - targets.ankle, targets.foot, geometry, config))
    return _targets(person, contact, highest, geometry, config)


def _targets(person: ScaledPerson, contact: Mask, highest: Array, geometry: BodyGeometry, config: RetargetConfig) -> Targets:
    """Feet planted, then the pelvis over them, then the knees between; `highest` is the pitch that the ankles allow, shape (F, 2) [rad]."""
    sides = [(side, contact[:, 2 * side : 2 * side + 2], highest[:, side]) for side in range(2)]
    feet = [_FootPlanter(person, geometry, config, *of_side).planted() for of_side in sides]
    ankle = np.stack([f.ankle for f in feet], axis=1)
    hips = person.hips + _pelvis_shift(ankle - person.ankle, contact, person.rate_hz)
    hips[:, 2] -= too_far(hips, person, ankle, geometry)
    hips[:, 2] += too_low(hips, person, ankle, contact, geometry)
    hip = hip_points(hips, person.pelvis, geometry)
    knee = knee_points(hip, ankle, person.knee - 0.5 * (person.hip(geometry) + person.ankle), geometry)
    within = not_too_near(hip, knee, ankle, geometry)
    return Targets(
        hips=hips,
        pelvis=person.pelvis,
        trunk=person.trunk,
        knee=knee,
        ankle=within,
        foot=turned_along(ankle - knee, within - knee) @ np.stack([f.rotation for f in feet], axis=1),
        toes=np.stack([f.toes for f in feet], axis=1),
        contact=contact,
        firmness=np.stack([_firmness(c.any(axis=1), person.rate_hz) for _, c, _ in sides], axis=1) * run_slack(person)[:, None],
        elbow=person.elbow,
        wrist=person.wrist,
    )


def _pelvis_shift(correction: Array, contact: Mask, rate_hz: float) -> Array:
    """The pelvis follows what planting did to the loaded feet, slowly; shape (F, 3) [m]."""
    loaded = contact.reshape(len(contact), 2, 2).any(axis=2).astype(float)
    weight = loaded.sum(axis=1)
    known = (correction * loaded[..., None]).sum(axis=1) / np.maximum(weight, 1.0)[:, None]
    return fill(known, weight, (PELVIS_S * rate_hz) ** 4, tension=(PELVIS_S * rate_hz) ** 2)


def _firmness(loaded: Mask, rate_hz: float) -> Array:
    """1 while loaded, falling smoothly to 0 within RELEASE_S; shape (F,)."""
    return np.maximum(cover(loaded.astype(float), rate_hz, RELEASE_S), loaded)


class _FootPlanter:
    """One foot of one clip."""

    def __init__(self, person: ScaledPerson, geometry: BodyGeometry, config: RetargetConfig, side: int, contact: Mask, highest: Array) -> None:
        self.highest = highest
        self.rate, self.config = person.rate_hz, config
        self.raw_ankle, self.raw = person.ankle[:, side], person.foot[:, side]
        self.heel, self.ball = contact[:, 0], contact[:, 1]
        self.loaded = self.heel | self.ball
        self.sole, self.ball_point = geometry.soles[side], geometry.ball[side]
        self.toe_axis = geometry.toe_axis[side]
        rise = OBLIQUE * self.toe_axis + (1.0 - OBLIQUE) * np.array([0.0, -1.0, 0.0])
        self.rise_axis = rise / np.linalg.norm(rise)

    def planted(self) -> PlantedFoot:
        rotation, toes = self._orientation()
        rotation = self._relieved(rotation, toes)
        toe_rotation = rotation @ Rotation.from_rotvec(toes[:, None] * self.toe_axis).as_matrix()
        known = self._stance_path(rotation, toe_rotation) - self.raw_ankle
        ankle = self.raw_ankle + fill(known, self._weight(), 1.0, tension=self._taut(TAUT_S), pull=self._soft(FORGET_S))
        for _ in range(3):
            height = self.sole.lowest(rotation, toe_rotation, self.ball_point)[0].min(axis=1) + ankle[:, 2]
            missing = np.maximum(self._clearance() - height, 0.0)
            ankle[:, 2] += np.where(self.loaded, -height, cover(missing, self.rate, 0.04))
        return PlantedFoot(ankle=ankle, rotation=rotation, toes=toes)

    def _relieved(self, rotation: Array, toes: Array) -> Array:
        """The foot in the air, its toes turned up where they would drag; shape (F, 3, 3).

        People's toes bend further in push-off than the body's. Lifting the whole leg over them would move ankle and knee as well,
        so a part of the way is made by the foot's pitch.
        """
        toe_rotation = rotation @ Rotation.from_rotvec(toes[:, None] * self.toe_axis).as_matrix()
        height, point, _ = self.sole.lowest(rotation, toe_rotation, self.ball_point)
        lowest = point[np.arange(len(point)), height.argmin(axis=1)]
        yaw = np.arctan2(rotation[:, 1, 0], rotation[:, 0, 0])
        ahead = np.maximum(lowest[:, 0] * np.cos(yaw) + lowest[:, 1] * np.sin(yaw), 0.0)
        missing = np.where(self.loaded, 0.0, np.maximum(self._clearance() - height.min(axis=1) - self.raw_ankle[:, 2], 0.0))
        ramp = self._swing_ramp(RELIEF_RAMP)
        angle = ramp * cover(RELIEF_SHARE * missing * ahead / (ahead**2 + RELIEF_LEVER**2), self.rate, 0.04)
        turned = Rotation.from_euler("y", -angle[:, None]).as_matrix()
        return np.asarray(about_z(yaw) @ turned @ about_z(-yaw) @ rotation)

    def _swing_ramp(self, steepness: float) -> Array:
        """0 in stance, up to 1 in the swing and down again, `steepness` per swing; shape (F,)."""
        result = np.zeros(len(self.loaded))
        for start, stop in runs(~self.loaded):
            t = (np.arange(start, stop) - start + 1) / (stop - start + 1)
            result[start:stop] = np.minimum(1.0, steepness * np.minimum(t, 1.0 - t))
        return result

    def _soft(self, time_s: float) -> float:
        """Weight at which a curve of stiffness 1 gives way over `time_s`."""
        return float((time_s * self.rate) ** -4)

    def _taut(self, time_s: float) -> float:
        """Tension at which a curve of stiffness 1 turns into a straight line within `time_s`."""
        return float((time_s * self.rate) ** -2)

    def _weight(self) -> Array:
        return np.where(self.loaded, FIRM, 0.0)

    def _clearance(self) -> Array:
        """Least height in the swing; 0 at its ends, where the foot leaves and meets the floor; shape (F,) [m]."""
        return self.config.swing_clearance * self._swing_ramp(4.0)

    def _orientation(self) -> tuple[Array, Array]:
        """Rotation of the foot, shape (F, 3, 3), and toe extension, shape (F,) [rad]."""
        yaw = np.unwrap(np.arctan2(self.raw[:, 1, 0], self.raw[:, 0, 0]))
        pitch = np.arcsin(np.clip(self.raw[:, 2, 0], -1.0, 1.0))
        # Where the ankle does not bend as far as the person's, the heel goes up over the ball that stays.
        pitch += cover(self.loaded.astype(float), self.rate, SETTLE_S) * np.minimum(self.highest - pitch, 0.0)
        roll = np.arctan2(self.raw[:, 2, 1], self.raw[:, 2, 2])
        flat = self.heel & self.ball
        fixed = yaw.copy()
        for start, stop in runs(flat):
            fixed[start:stop] = yaw[start:stop].mean()
        firm, partly = np.where(flat, FIRM, 0.0), self.loaded & ~flat
        pitch = pitch + fill(-pitch, firm, 1.0, pull=self._soft(SETTLE_S))
        roll = roll + fill(-roll, firm + partly * self._soft(SETTLE_S), 1.0, pull=self._soft(0.5))
        yaw = yaw + fill(fixed - yaw, firm, 1.0, pull=self._soft(0.5))
        rise = np.where(self.ball & ~self.heel, np.clip(-pitch, 0.0, TOE_LIMIT), 0.0)
        standing = self._stand(yaw, pitch, roll, rise)
        change = Rotation.from_matrix(standing @ self.raw.transpose(0, 2, 1)).as_rotvec()
        turn = fill(change, self._weight(), 1.0, tension=self._taut(TAUT_S), pull=self._soft(TURN_BACK_S))
        swinging = Rotation.from_rotvec(turn).as_matrix() @ self.raw
        bend = np.clip(rise * float(self.rise_axis @ self.toe_axis), 0.0, TOE_LIMIT)
        toes = fill(bend, self._weight(), 1.0, pull=self._soft(0.06))
        toes = np.clip(np.maximum(toes, cover(self._toes_in_the_way(pitch), self.rate, 0.03)), 0.0, TOE_LIMIT)
        return np.where(self.loaded[:, None, None], standing, swinging), toes

    def _toes_in_the_way(self, pitch: Array) -> Array:
        """Extension that keeps the toes of a foot in the air off the floor as long as its ball is low; shape (F,) [rad]."""
        ball = self.raw_ankle[:, 2] + self.raw[:, 2] @ self.ball_point
        free = np.arcsin(np.clip((ball - TOE_RADIUS) / TOE_LENGTH, 0.0, 1.0))
        return np.where(self.loaded, 0.0, np.clip(-pitch - free, 0.0, TOE_LIMIT))

    def _stand(self, yaw: Array, pitch: Array, roll: Array, rise: Array) -> Array:
        """Foot from heading, pitch (toes up) and roll; what `rise` takes of the pitch is turned over the oblique axis."""
        rest = Rotation.from_euler("yx", np.stack([-(pitch + rise), roll], axis=1)).as_matrix()
        return about_z(yaw) @ Rotation.from_rotvec(-rise[:, None] * self.rise_axis).as_matrix() @ rest

    def _stance_path(self, rotation: Array, toe_rotation: Array) -> Array:
        """Ankle in stance, shape (F, 3) [m]; elsewhere the person's."""
        path = self.raw_ankle.copy()
        step = self._rolling(rotation, toe_rotation)
        for start, stop in runs(self.loaded):
            rolled = np.concatenate([np.zeros((1, 2)), np.cumsum(step[start : stop - 1], axis=0)])
            path[start:stop, :2] = rolled + (self.raw_ankle[start:stop, :2] - rolled).mean(axis=0)
        path[:, 2] = -self.sole.lowest(rotation, toe_rotation, self.ball_point)[0].min(axis=1)
        return path

    def _rolling(self, foot: Array, toes: Array) -> Array:
        """Horizontal step of the ankle between frames with the touching point at rest, shape (F - 1, 2) [m]."""
        middle, toe_middle = 0.5 * (foot[1:] + foot[:-1]), 0.5 * (toes[1:] + toes[:-1])
        height, point, _ = self.sole.lowest(middle, toe_middle, self.ball_point)
        lowest = height.argmin(axis=1)
        touching = point[np.arange(len(lowest)), lowest]
        on_toes = self.sole.on_toes[lowest][:, None]
        joint = middle @ self.ball_point
        moved = np.where(on_toes, self._material(toes, toe_middle, touching - joint), self._material(foot, middle, touching))
        moved += np.where(on_toes, (foot[1:] - foot[:-1]) @ self.ball_point, 0.0)
        return -moved[:, :2]

    @staticmethod
    def _material(rotation: Array, middle: Array, point: Array) -> Array:
        """Displacement of the material that is at `point` in the middle of each interval, shape (F - 1, 3)."""
        local = np.einsum("fji,fj->fi", middle, point)
        return np.einsum("fij,fj->fi", rotation[1:] - rotation[:-1], local)
