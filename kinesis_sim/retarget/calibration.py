"""What a skeleton is like when it stands: lengths, and how its joint frames lie against those of a body that stands flat.

Joint frames of a file are arbitrary: with one naming the foot's frame lies along the foot, with another it is turned by 40 degrees.
So each is compared with the body's in moments whose meaning is known: the foot while the person stands flat on it, pelvis and
trunk while the person walks or stands upright. All clips of one skeleton are pooled.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d

from kinesis_control.errors import LayoutError
from kinesis_control.motion.source_motion import SourceMotion
from kinesis_sim.retarget.geometry import SIDES, BodyGeometry, leg_turn
from kinesis_sim.retarget.signals import about_z, low_pass, matrices, mean_rotation, velocity

Array = NDArray[np.float64]
FLAT_SPEED = 0.25  # a foot that is stood on flat moves less [m/s]; heel-off begins above it (own measurement)
CLEAR_BEND = 0.1  # squared sine of a knee angle from which the plane of a leg is clear
CERTAIN_TURN = 0.5  # sum of squared sines of the knee angle at which a foot's turn against its leg is half believed
LARGEST_TURN = 0.35  # of a foot against its leg that is taken for anatomy [rad]
ENOUGH = 5  # frames with a flat foot that are enough for its height
HEIGHT_NOISE = 0.01  # of a foot in flat stance from step to step [m]
FLAT_HEIGHT = 0.03  # and its toe joint is at most so much above the lowest it gets within STEP_S [m]
STANCE_SHARE = 0.2  # of the pace that a foot in the stance of a run has at most, as far as recordings of 30 frames/s resolve it
PACE_HZ = 1.0  # steps are smoothed out of the pace below it
STEP_S = 0.7  # time in which a walking foot is down at least once [s]
SLOPE = 0.01  # floors of recordings are seen to slope by so much
FLOOR_RANGE = 0.12  # by which floors of recordings are seen to rise and fall [m]
UPRIGHT_SPEED = 2.0  # above it people lean into the run [m/s]
PLAUSIBLE_LEG = (0.3, 1.4)  # hip to ankle [m]


@dataclass(frozen=True, kw_only=True)
class Samples:
    """What one clip tells of its skeleton; small, so that clips can be read in other processes.

    Attributes:
        skeleton: key of the skeleton.
        thigh, shank, foot, hip_width, trunk: lengths of the person [m]; foot is ankle to toe joint (0 without toes), trunk hips to neck.
        foot: transposed joint rotation times heading, in flat moments; a list for each side of shape (N, 3, 3).
        stood: places of the toe joints (without toes the ankles) in flat moments, right and left, shape (N, 3) [m].
        foot_turn: heading of each foot against the plane of its leg, left positive [rad], lean of that plane [rad], and their weight; shape (2, 3).
        pelvis, trunk_rotation: as `foot`, in upright moments, shape (N, 3, 3).
    """

    skeleton: str
    thigh: float
    shank: float
    foot_length: float
    hip_width: float
    trunk: float
    foot: tuple[Array, Array]
    stood: tuple[Array, Array]
    foot_turn: Array
    pelvis: Array
    trunk_rotation: Array


@dataclass(frozen=True, kw_only=True)
class SkeletonCalibration:
    """How a skeleton is laid onto a body.

    Attributes:
        scale: from the person's world to the body's.
        foot: neutral rotation of each foot: joint rotation @ foot = rotation from the body's flat foot; shape (2, 3, 3).
        pelvis, trunk: the same for pelvis and trunk against the upright body; shape (3, 3).
        floor: slopes along x and y of the recording's floor, then heights of the right and left toe joint (without toes ankle) of a
            flat foot where x = y = 0, shape (4,) [m]; NaN where nobody stood flat.
        flat_moments: number of frames behind `foot`; 0 means that the rest pose was taken as flat.
        person: lengths of the person in metres and the ratio to the body, for the report.
    """

    scale: float
    foot: Array
    pelvis: Array
    trunk: Array
    floor: Array
    flat_moments: int
    person: dict[str, float]


def skeleton_key(motion: SourceMotion) -> str:
    """The same for clips of the same joints and bone lengths (to the millimetre)."""
    bones = np.linalg.norm(motion.rest_position - motion.rest_position[np.maximum(motion.parents, 0)], axis=1)
    text = " ".join(f"{n}:{p}:{b:.3f}" for n, p, b in zip(motion.joint_names, motion.parents, bones, strict=True))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def trunk_role(motion: SourceMotion) -> str:
    """The highest joint of the trunk whose rotation is the chest's."""
    return next((r for r in ("chest", "spine", "pelvis") if r in motion.roles), "pelvis")


def gather(motion: SourceMotion) -> Samples:
    """Flat and upright moments of a clip.

    Raises:
        LayoutError: legs shorter or longer than any person's, which means wrong units or a wrong mapping of joints.
    """
    place = {r: motion.position[:, motion.joint(r)] for r in motion.roles}
    thigh, shank = (_length(place, a, b) for a, b in (("hip", "knee"), ("knee", "ankle")))
    if not PLAUSIBLE_LEG[0] <= thigh + shank <= PLAUSIBLE_LEG[1]:
        raise LayoutError(
            f"'{motion.name}': thigh and shank measure {thigh:.3f} and {shank:.3f} m, expected {PLAUSIBLE_LEG[0]} to {PLAUSIBLE_LEG[1]} m together; "
            "give the file's units (--units) or a mapping of its joints (--mapping)"
        )
    hips = 0.5 * (place["hip_l"] + place["hip_r"])
    left = place["hip_l"] - place["hip_r"]
    heading = np.arctan2(-left[:, 0], left[:, 1])
    upright = _upright(hips, motion.rate_hz)
    foot, stood = zip(*(_flat_foot(motion, place, side, heading) for side in SIDES), strict=True)
    top = place.get("neck", place.get("chest", place["pelvis"]))
    facing = about_z(heading[upright])
    return Samples(
        skeleton=skeleton_key(motion),
        thigh=thigh,
        shank=shank,
        foot_length=_length(place, "ankle", "toe") if "toe_r" in place and "toe_l" in place else 0.0,
        hip_width=float(np.linalg.norm(left, axis=1).mean()),
        trunk=float(np.linalg.norm(top - hips, axis=1).mean()),
        foot=(foot[0], foot[1]),
        stood=(stood[0], stood[1]),
        foot_turn=np.array([_foot_turn(motion, place, side) for side in SIDES]),
        pelvis=_against(motion, "pelvis", upright, facing),
        trunk_rotation=_against(motion, trunk_role(motion), upright, facing),
    )


def combine(samples: Sequence[Samples], geometry: BodyGeometry, leg_stretch: float) -> SkeletonCalibration:
    """One calibration out of all clips of a skeleton.

    A foot without a flat moment takes the mirror image of nothing: it takes the mean over the frames that were nearest to flat,
    which `gather` has put in their place.
    """
    thigh, shank = (float(np.mean([getattr(s, n) for s in samples])) for n in ("thigh", "shank"))
    scale = leg_stretch * (geometry.thigh + geometry.shank) / (thigh + shank)
    # The person's foot is turned so that it points out of its leg's plane by as much as the body's does under legs that lean as much.
    toe_yaw = np.arctan2(geometry.ball[:, 1], geometry.ball[:, 0])
    turn = toe_yaw + _turn_beyond_the_body(samples, geometry, scale)
    feet = [np.concatenate([s.foot[i] for s in samples]) for i in range(2)]
    foot = np.array([mean_rotation(f) @ about_z(-np.array(turn[i])) for i, f in enumerate(feet)])
    stood = [np.concatenate([s.stood[i] for s in samples]) for i in range(2)]
    body = {"thigh": geometry.thigh, "shank": geometry.shank, "hip_width": 2.0 * geometry.hip_half_width}
    person = {"thigh_m": thigh, "shank_m": shank, "hip_width_m": float(np.mean([s.hip_width for s in samples]))}
    person |= {"foot_m": float(np.mean([s.foot_length for s in samples])), "trunk_m": float(np.mean([s.trunk for s in samples]))}
    person |= {f"{k}_ratio": body[k] / person[f"{k}_m"] for k in body}
    person |= {f"foot_turn_{side}_deg": float(np.degrees(turn[i] - toe_yaw[i])) for i, side in enumerate(SIDES)}
    return SkeletonCalibration(
        scale=scale,
        foot=foot,
        pelvis=mean_rotation(np.concatenate([s.pelvis for s in samples])),
        trunk=mean_rotation(np.concatenate([s.trunk_rotation for s in samples])),
        floor=fit_floor(stood, np.full(4, np.nan), slope_expected=SLOPE),
        flat_moments=sum(map(len, stood)),
        person=person,
    )


def _turn_beyond_the_body(samples: Sequence[Samples], geometry: BodyGeometry, scale: float) -> Array:
    """By how much the person's feet point further to the left than the body's would under the same legs, shape (2,) [rad]."""
    angle, lean, weight = np.array([s.foot_turn for s in samples]).transpose(2, 0, 1)
    wider = geometry.hip_half_width - 0.5 * scale * float(np.mean([s.hip_width for s in samples]))
    lean = lean + wider / (geometry.thigh + geometry.shank) * np.array([1.0, -1.0])  # on wider hips legs come down more obliquely
    own = geometry.neutral_turn + geometry.turn_per_lean * lean
    total = np.sum(weight * np.exp(1j * (angle - own)), axis=0) + CERTAIN_TURN
    return np.clip(np.angle(total), -LARGEST_TURN, LARGEST_TURN)


def fit_floor(stood: Sequence[Array], prior: Array, *, slope_expected: float) -> Array:
    """Parallel planes through where the feet stood, as `SkeletonCalibration.floor`.

    Floors of recordings are not quite level: the height is seen to change by centimetres over a few metres.

    Args:
        stood: places of right and left foot in flat moments, shape (N, 3) each [m].
        prior: a floor to start from; NaN where nothing is known.
        slope_expected: how far slopes are plausibly off the prior's; holds them back where all steps are on one spot.
    """
    known = np.isfinite(prior).all()
    start = prior if known else np.zeros(4)
    enough = [len(points) >= ENOUGH for points in stood]
    if not any(enough):
        return prior
    rest = [points[:, 2] - points[:, :2] @ start[:2] for points in stood]
    height = np.array([np.median(r) if e else np.nan for r, e in zip(rest, enough, strict=True)])
    difference = start[3] - start[2] if known else 0.0
    height = np.where(np.isfinite(height), height, height[::-1] + difference * np.array([-1.0, 1.0]))
    middle = np.concatenate(list(stood))[:, :2].mean(axis=0)
    offset = np.concatenate([points[:, :2] - middle for points in stood])
    error = np.concatenate([r - h for r, h in zip(rest, height, strict=True)])
    # A stance gives many frames but one height: some 15 frames count as one measurement.
    held = 15.0 * (HEIGHT_NOISE / slope_expected) ** 2
    slope = np.linalg.solve(offset.T @ offset + held * np.eye(2), offset.T @ error)
    return np.array([*(start[:2] + slope), *(height - middle @ slope)])


def flat_moments(ankle: Array, toe: Array | None, rate_hz: float) -> NDArray[np.bool_]:
    """Frames in which a foot is stood on flat: it rests, and low; shape (F,)."""
    points = [ankle] if toe is None else [ankle, toe]
    slow = np.all([np.linalg.norm(velocity(p, rate_hz), axis=1) < FLAT_SPEED for p in points], axis=0)
    height = points[-1][:, 2]
    # Low against the steps around it: the floor of a recording may slope.
    nearby = minimum_filter1d(height, 2 * round(STEP_S * rate_hz) + 1, mode="nearest")
    return np.asarray(slow & (height < nearby + FLAT_HEIGHT) & (height < np.percentile(height, 2) + FLOOR_RANGE))


def run_moments(anchor: Array, hips: Array, rate_hz: float) -> NDArray[np.bool_]:
    """Frames of a run in which a foot is stood on, mostly on its ball, where it never comes to rest flat; shape (F,)."""
    pace = np.linalg.norm(velocity(low_pass(hips, rate_hz, PACE_HZ), rate_hz)[:, :2], axis=1)
    slow = np.linalg.norm(velocity(anchor, rate_hz), axis=1) < STANCE_SHARE * pace
    nearby = minimum_filter1d(anchor[:, 2], 2 * round(STEP_S * rate_hz) + 1, mode="nearest")
    return np.asarray((pace > UPRIGHT_SPEED) & slow & (anchor[:, 2] < nearby + FLAT_HEIGHT))


def _length(place: dict[str, Array], start: str, end: str) -> float:
    spans = [np.linalg.norm(place[f"{end}_{s}"] - place[f"{start}_{s}"], axis=1) for s in SIDES]
    return float(np.median(np.concatenate(spans)))


def _upright(hips: Array, rate_hz: float) -> NDArray[np.bool_]:
    """Frames with the hips high that are not fast; the best half where there are none such."""
    high = hips[:, 2] > 0.95 * np.percentile(hips[:, 2], 95)
    slow = np.linalg.norm(velocity(hips, rate_hz)[:, :2], axis=1) < UPRIGHT_SPEED
    return np.asarray(high & slow) if (high & slow).sum() >= 3 else high


def _flat_foot(motion: SourceMotion, place: dict[str, Array], side: str, heading: Array) -> tuple[Array, Array]:
    """Transposed ankle rotations times the foot's heading, and where it stood, in flat moments of one foot."""
    ankle, toe = place[f"ankle_{side}"], place.get(f"toe_{side}")
    flat = flat_moments(ankle, toe, motion.rate_hz)
    if toe is not None:
        heading = np.arctan2(toe[:, 1] - ankle[:, 1], toe[:, 0] - ankle[:, 0])
    stood = (ankle if toe is None else toe)[flat]
    if not flat.any():  # a run on the toes: the moments nearest to flat must do for the rotation
        lowest = ankle if toe is None else toe
        flat = lowest[:, 2] <= np.percentile(lowest[:, 2], 10)
    return _against(motion, f"ankle_{side}", flat, about_z(heading[flat])), stood


def _foot_turn(motion: SourceMotion, place: dict[str, Array], side: str) -> tuple[float, float, float]:
    """Angle from the leg's plane to the foot's direction about the vertical in flat moments, the plane's lean, and how certain they are.

    People's feet point 5 to 20 degrees out of the plane in which their knee bends, and markers add to that; the body's do not.
    The plane is the more certain the more the knee is bent: frames count with the squared sine of the knee angle, which is
    also what a wrong angle would cost in knee position. Without toes the angle is not known.
    """
    if f"toe_{side}" not in place:
        return 0.0, 0.0, 0.0
    hip, knee, ankle, toe = (place[f"{r}_{side}"] for r in ("hip", "knee", "ankle", "toe"))
    flat = flat_moments(ankle, toe, motion.rate_hz)
    thigh, shank = (knee - hip)[flat], (ankle - knee)[flat]
    bend = np.sum(np.cross(thigh, shank) ** 2, axis=1) / (np.sum(thigh * thigh, axis=1) * np.sum(shank * shank, axis=1))
    turn, lean = leg_turn(thigh, shank, (toe - ankle)[flat])
    weight = np.minimum(bend, CLEAR_BEND)  # a crouch would outweigh all walking
    total = np.sum(weight * np.exp(1j * turn))
    mean_lean = np.sum(weight * lean) / max(float(weight.sum()), 1e-9)
    return float(np.angle(total)), float(mean_lean), float(np.abs(total))


def _against(motion: SourceMotion, role: str, frames: NDArray[np.bool_], facing: Array) -> Array:
    rotation = matrices(motion.rotation[frames, motion.joint(role)])
    return rotation.transpose(0, 2, 1) @ facing
