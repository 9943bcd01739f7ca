"""The scaled person: the recorded motion with the lengths of the body, on the body's floor. Errors are measured against it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from kinesis_control.motion.source_motion import SourceMotion
from kinesis_sim.retarget.calibration import SkeletonCalibration, fit_floor, flat_moments, run_moments, trunk_role
from kinesis_sim.retarget.config import RetargetConfig
from kinesis_sim.retarget.geometry import SIDES, BodyGeometry
from kinesis_sim.retarget.signals import about_z, low_pass, low_pass_rotations, matrices, velocity

Array = NDArray[np.float64]
RUN_SPEED = 2.0  # where walking ends [m/s]
IN_THE_AIR = (0.05, 0.15)  # height of the toe joint above that of standing, over which a foot is taken for one in the air [m]
TRUNK_SHARE = 0.5  # of the trunk's own lean that a body without a spine takes over into its pelvis


@dataclass(frozen=True, kw_only=True)
class ScaledPerson:
    """F frames; sides are ordered right, left; world axes with the floor at z = 0.

    Attributes:
        rate_hz: frames per second.
        hips: middle between the hips, shape (F, 3) [m].
        pelvis, trunk: rotation from the upright body facing +x, shape (F, 3, 3).
        knee, ankle: shape (F, 2, 3) [m].
        foot: rotation from the flat foot of the body facing +x, shape (F, 2, 3, 3).
        elbow, wrist: in world axes, from the shoulder and from the elbow; shape (F, 2, 3) [m]; None without arms.
    """

    rate_hz: float
    hips: Array
    pelvis: Array
    trunk: Array
    knee: Array
    ankle: Array
    foot: Array
    elbow: Array | None = None
    wrist: Array | None = None

    def __len__(self) -> int:
        return len(self.hips)

    def hip(self, geometry: BodyGeometry) -> Array:
        """Both hips, shape (F, 2, 3) [m]."""
        return hip_points(self.hips, self.pelvis, geometry)

    def root(self, geometry: BodyGeometry) -> Array:
        """Position of the body's root, shape (F, 3) [m]."""
        return self.hips + self.pelvis @ geometry.root_from_hips


def hip_points(hips: Array, pelvis: Array, geometry: BodyGeometry) -> Array:
    """Hips of the body around their middle, shape (F, 2, 3) [m]."""
    offset = np.array([[0.0, -geometry.hip_half_width, 0.0], [0.0, geometry.hip_half_width, 0.0]])
    return hips[:, None] + np.einsum("fij,sj->fsi", pelvis, offset)


def scale_person(motion: SourceMotion, calibration: SkeletonCalibration, geometry: BodyGeometry, config: RetargetConfig) -> ScaledPerson:
    """Lay a recorded motion onto the lengths of a body.

    The whole world is scaled by the ratio of leg lengths, so that a planted foot stays planted and a step stays a step;
    what is left of the proportions (thigh against shank, width of the hips, length of the foot) is taken from the body.
    """
    rate, cutoff = motion.rate_hz, _cutoff(motion, config)
    position = low_pass(motion.position, rate, cutoff) * calibration.scale
    place = {r: position[:, motion.joint(r)].copy() for r in motion.roles}
    with_toes = "toe_r" in place and "toe_l" in place
    anchor = geometry.ball if with_toes else np.zeros((2, 3))
    standing = geometry.ankle_height + anchor[:, 2]
    _level(place, _floor(place, rate, calibration), standing)
    hips = 0.5 * (place["hip_l"] + place["hip_r"])

    def turned(role: str, neutral: Array) -> Array:
        return low_pass_rotations(matrices(motion.rotation[:, motion.joint(role)]) @ neutral, rate, cutoff)

    pelvis = _with_hip_line(turned("pelvis", calibration.pelvis), place["hip_l"] - place["hip_r"])
    trunk = turned(trunk_role(motion), calibration.trunk)
    if not geometry.trunk_joints:
        pelvis = _between(pelvis, _with_hip_line(trunk, place["hip_l"] - place["hip_r"]), TRUNK_SHARE)
        trunk = pelvis
    foot = np.stack([turned(f"ankle_{s}", calibration.foot[i]) for i, s in enumerate(SIDES)], axis=1)
    person_ankle = np.stack([place[f"ankle_{s}"] for s in SIDES], axis=1)
    person_anchor = np.stack([_anchor(place, s) for s in SIDES], axis=1)
    high = _in_the_air(person_ankle, person_anchor[..., 2] - standing, foot, geometry)
    ankle = person_ankle + _to_body_foot(person_ankle, person_anchor, foot, anchor, high)
    hips += _with_the_ankles(ankle - person_ankle, foot, pelvis)
    hip = hip_points(hips, pelvis, geometry)
    ankle += high * _as_bent(hip, ankle, place, geometry)
    knee = _knees(hip, ankle, place, geometry)
    elbow, wrist = _arms(place, geometry) if geometry.has_arms else (None, None)
    return ScaledPerson(rate_hz=rate, hips=hips, pelvis=pelvis, trunk=trunk, knee=knee, ankle=ankle, foot=foot, elbow=elbow, wrist=wrist)


def _cutoff(motion: SourceMotion, config: RetargetConfig) -> float:
    """A run needs more than a walk: the feet come down for 0.1 to 0.2 s only [Hz]."""
    hips = motion.position[:, motion.joint("pelvis"), :2]
    speed = np.percentile(np.linalg.norm(velocity(low_pass(hips, motion.rate_hz, 2.0), motion.rate_hz), axis=1), 75)
    return config.cutoff_hz * float(np.clip(speed / RUN_SPEED, 1.0, 1.75))


def _anchor(place: dict[str, Array], side: str) -> Array:
    """The point by which a foot is laid onto the body's: the toe joint, on which it pushes off; without toes the ankle."""
    return place.get(f"toe_{side}", place[f"ankle_{side}"])


def _floor(place: dict[str, Array], rate_hz: float, calibration: SkeletonCalibration) -> Array:
    """The floor under this clip, as `SkeletonCalibration.floor` but scaled: that of the skeleton's other clips, corrected by its own steps."""
    hips = 0.5 * (place["hip_l"] + place["hip_r"])
    stood = []
    for side in SIDES:
        anchor = _anchor(place, side)
        flat = flat_moments(place[f"ankle_{side}"], place.get(f"toe_{side}"), rate_hz)
        stood.append(anchor[flat | run_moments(anchor, hips, rate_hz)])
    scaled = calibration.floor * [1.0, 1.0, calibration.scale, calibration.scale]
    floor = fit_floor(stood, scaled, slope_expected=0.01)
    if np.isfinite(floor).all():
        return floor
    return np.array([0.0, 0.0, *(np.percentile(_anchor(place, s)[:, 2], 2) for s in SIDES)])


def _level(place: dict[str, Array], floor: Array, standing: Array) -> None:
    """Put the person onto a level floor, in place: each leg's foot by its own height, everything else by the mean.

    `standing` is the height of the anchors of a flat foot of the body, shape (2,) [m].
    """
    lift = standing - floor[2:]
    for role, point in place.items():
        side = {"_r": 0, "_l": 1}.get(role[-2:])
        own = lift[side] if role.startswith(("ankle", "toe")) and side is not None else lift.mean()
        point[:, 2] += own - point[:, :2] @ floor[:2]


def _with_hip_line(rotation: Array, left: Array) -> Array:
    """The rotation with its heading replaced by that of the line between the hips, which joint frames may miss by some degrees."""
    heading = np.arctan2(-left[:, 0], left[:, 1])
    own = np.arctan2(-rotation[:, 0, 1], rotation[:, 1, 1])
    return about_z(heading - own) @ rotation


def _in_the_air(ankle: Array, rise: Array, foot: Array, geometry: BodyGeometry) -> Array:
    """0 near the floor, 1 for a foot that swings high, shape (F, 2, 1); `rise` is that of the toe joints above standing, shape (F, 2) [m]."""
    heel = ankle[..., 2] + np.einsum("fsj,sj->fs", foot[..., 2, :], geometry.heel)
    lowest = np.minimum(rise, heel)
    share = np.clip((lowest - IN_THE_AIR[0]) / (IN_THE_AIR[1] - IN_THE_AIR[0]), 0.0, 1.0)
    return np.asarray(share * share * (3.0 - 2.0 * share))[..., None]


def _to_body_foot(ankle: Array, anchor: Array, foot: Array, flat: Array, high: Array) -> Array:
    """Shift of the ankles for the length and height of the body's foot, shape (F, 2, 3) [m].

    With the toes down, as in push-off, the toe joint stays where the person's is, and the ankle turns about it; with the heel
    down, as at heel strike, the heel does: there, and high in the air, the shift is that of a flat foot.

    Args:
        ankle, anchor: the person's ankles and toe joints, shape (F, 2, 3) [m].
        foot: their rotations, shape (F, 2, 3, 3).
        flat: from ankle to toe joint on the body's flat foot, shape (2, 3) [m].
        high: as `_in_the_air`.
    """
    own = np.median(np.einsum("fsji,fsj->fsi", foot, anchor - ankle), axis=0)
    shift = own - flat
    heel_down = np.einsum("fsij,sj->fsi", about_z(_heading(foot)), shift)
    toes_down = np.einsum("fsij,sj->fsi", foot, shift)
    return np.where(foot[..., 2, :1] < 0.0, toes_down + high * (heel_down - toes_down), heel_down)


def _as_bent(hip: Array, ankle: Array, place: dict[str, Array], geometry: BodyGeometry) -> Array:
    """Shift of the ankles along the legs that bends the body's knees as the person's, shape (F, 2, 3) [m].

    Other hips and feet bend them otherwise: in the swing of a run by up to ten degrees more, beyond what the body's knees allow.
    """
    person_hip, person_knee, person_ankle = (np.stack([place[f"{j}_{s}"] for s in SIDES], axis=1) for j in ("hip", "knee", "ankle"))
    thigh, shank = person_knee - person_hip, person_ankle - person_knee
    cosine = np.sum(thigh * shank, axis=-1) / (np.linalg.norm(thigh, axis=-1) * np.linalg.norm(shank, axis=-1))
    a, b = geometry.thigh, geometry.shank
    leg = ankle - hip
    span = np.linalg.norm(leg, axis=-1, keepdims=True)
    return leg * (np.sqrt(np.maximum(a**2 + b**2 + 2.0 * a * b * cosine, 0.0))[..., None] / span - 1.0)


def _with_the_ankles(moved: Array, foot: Array, pelvis: Array) -> Array:
    """Shift of the hips, shape (F, 3) [m]: by as much up and ahead as the body's ankles lie against the person's on a flat foot.

    `moved` is by how much each ankle moved, shape (F, 2, 3). Otherwise legs would be too short for a body with low ankles.
    """
    flat = (np.abs(foot[..., 2, 0]) < 0.1)[..., None]
    local = np.einsum("fsji,fsj->fsi", about_z(_heading(foot)), moved)
    mean = (local * flat).sum(axis=(0, 1)) / max(float(flat.sum()), 1.0)
    return about_z(_heading(pelvis)) @ np.array([mean[0], 0.0, mean[2]])


def _heading(rotation: Array) -> Array:
    """Direction of the x axis about the vertical, shape (...) [rad]."""
    return np.arctan2(rotation[..., 1, 0], rotation[..., 0, 0])


def _between(first: Array, second: Array, share: float) -> Array:
    """Rotations on the way from the first to the second, shape (F, 3, 3)."""
    step = Rotation.from_matrix(first.transpose(0, 2, 1) @ second).as_rotvec()
    return first @ Rotation.from_rotvec(share * step).as_matrix()


def _knees(hip: Array, ankle: Array, place: dict[str, Array], geometry: BodyGeometry) -> Array:
    """Knees of the body's lengths in the plane of the person's leg, shape (F, 2, 3) [m]."""
    person_hip, person_knee, person_ankle = (np.stack([place[f"{j}_{s}"] for s in SIDES], axis=1) for j in ("hip", "knee", "ankle"))
    along = person_ankle - person_hip
    bend = person_knee - person_hip
    bend -= along * (np.sum(bend * along, axis=-1) / np.sum(along * along, axis=-1))[..., None]
    # A straight leg has no plane of its own: there the knee points ahead, as the toes do.
    left = (place["hip_l"] - place["hip_r"])[:, None]
    ahead = np.cross(left / np.linalg.norm(left, axis=-1, keepdims=True), -along / np.linalg.norm(along, axis=-1, keepdims=True))
    return knee_points(hip, ankle, bend + 0.01 * ahead, geometry)


def knee_points(hip: Array, ankle: Array, bend: Array, geometry: BodyGeometry) -> Array:
    """Where two circles, of the thigh about the hip and of the shank about the ankle, meet on the side of `bend`; shapes (F, 2, 3)."""
    axis = ankle - hip
    span = np.linalg.norm(axis, axis=-1, keepdims=True)
    axis = axis / span
    a, b = geometry.thigh, geometry.shank
    reach = np.clip(span, abs(a - b) + 1e-3, a + b - 1e-6)
    along = (reach**2 + a**2 - b**2) / (2.0 * reach)
    height = np.sqrt(np.maximum(a**2 - along**2, 0.0))
    bend = bend - axis * np.sum(bend * axis, axis=-1, keepdims=True)
    bend = bend / np.maximum(np.linalg.norm(bend, axis=-1, keepdims=True), 1e-9)
    return np.asarray(hip + axis * along + bend * height)


def _arms(place: dict[str, Array], geometry: BodyGeometry) -> tuple[Array | None, Array | None]:
    """Upper arm and forearm of the body's lengths along the person's, shape (F, 2, 3) each; None where the skeleton has no arms."""
    if not all(f"{r}_{s}" in place for r in ("shoulder", "elbow", "wrist") for s in SIDES):
        return None, None
    result = []
    for start, end, first, last in (("shoulder", "elbow", "humerus", "radius"), ("elbow", "wrist", "radius", "lunate")):
        line = np.stack([place[f"{end}_{s}"] - place[f"{start}_{s}"] for s in SIDES], axis=1)
        length = np.linalg.norm(geometry.place(f"{last}_r") - geometry.place(f"{first}_r"))
        result.append(line / np.linalg.norm(line, axis=-1, keepdims=True) * length)
    return result[0], result[1]
