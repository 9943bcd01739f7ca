"""From a recorded motion to a clip of a body."""

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from kinesis_control.errors import MotionFileError
from kinesis_control.motion.clip import MotionClip
from kinesis_control.motion.clip_features import with_features
from kinesis_control.motion.resample import resample
from kinesis_control.motion.source_motion import SourceMotion
from kinesis_sim.bodies import Body
from kinesis_sim.retarget.calibration import Samples, SkeletonCalibration, combine, gather
from kinesis_sim.retarget.config import RetargetConfig
from kinesis_sim.retarget.geometry import BodyGeometry
from kinesis_sim.retarget.person import scale_person
from kinesis_sim.retarget.planting import plant
from kinesis_sim.retarget.quality import person_key_bodies, raised, report, trace
from kinesis_sim.retarget.reach import beyond_limits
from kinesis_sim.retarget.signals import cover, velocity
from kinesis_sim.retarget.solver import PoseSolver

Array = NDArray[np.float64]
RAISE_S = 0.06  # time over which the body is raised [s]
OFF_THE_FLOOR = 0.02  # a region that is higher is not loaded [m]
SHORTEST_FRAMES = 8  # fewer cannot be filtered or differentiated


@dataclass(frozen=True, kw_only=True)
class Retargeter:
    """Retargets clips onto one body; make one and use it for many.

    Attributes:
        body: whose clips are made.
        config: rates, thresholds and weights.
        geometry: lengths and soles of the body.
    """

    body: Body
    config: RetargetConfig
    geometry: BodyGeometry

    @classmethod
    def of(cls, body: Body, config: RetargetConfig | None = None) -> "Retargeter":
        """For a body with human legs. Raises LayoutError for another."""
        return cls(body=body, config=config or RetargetConfig(), geometry=BodyGeometry(body))

    def calibrate(self, samples: list[Samples]) -> SkeletonCalibration:
        """How the skeleton of some clips lies on this body; `samples` of one skeleton."""
        return combine(samples, self.geometry, self.config.leg_stretch)

    def retarget(self, motion: SourceMotion, calibration: SkeletonCalibration | None = None) -> MotionClip:
        """The motion on this body, with planted feet, figures of quality, gait events and descriptors.

        Args:
            motion: at any rate.
            calibration: of its skeleton; from this clip alone where None.

        Raises:
            LayoutError: lengths that no person has.
            MotionFileError: a motion too short to be followed.
        """
        shortest = SHORTEST_FRAMES / self.config.rate_hz
        if motion.duration_s < shortest:
            raise MotionFileError(f"'{motion.name}' lasts {motion.duration_s:.3f} s, expected at least {shortest:g} s")
        resampled = resample(motion, self.config.rate_hz)
        calibration = calibration or self.calibrate([gather(resampled)])
        person = scale_person(resampled, calibration, self.geometry, self.config)
        targets = plant(person, self.geometry, self.config)
        qpos = PoseSolver(self.geometry, self.config).solve(targets)
        motion_trace = trace(self.body, qpos, self.config.rate_hz)
        # Where the ankle cannot bend as far as the person's (deep in a run or a crouch) the foot is not flat and sinks in: the body
        # is raised until it stands on what is lowest, and the end that is off the floor then is not loaded.
        lift = cover(np.maximum(-motion_trace.gap.min(axis=1), 0.0), self.config.rate_hz, RAISE_S)
        qpos[:, 2] += lift
        motion_trace = raised(motion_trace, lift)
        contact = (targets.contact & (motion_trace.gap < OFF_THE_FLOOR)).astype(float)
        beyond = beyond_limits(person, self.geometry, self.config)
        figures = report(self.body, qpos, motion_trace, contact, person_key_bodies(person, self.geometry), beyond, self.config.rate_hz)
        figures |= {"scale": calibration.scale, **{f"person_{k}": v for k, v in calibration.person.items()}}
        clip = self._clip(motion, qpos, motion_trace.key_bodies, contact, figures)
        return with_features(clip, self.body.description.contact_names)

    def _clip(self, motion: SourceMotion, qpos: Array, key_bodies: Array, contact: Array, figures: dict[str, float]) -> MotionClip:
        rate = self.config.rate_hz
        base = np.array([base_quaternion(self.body, q) for q in qpos[:, 3:7]])
        base[1:] *= np.cumprod(np.where(np.sum(base[1:] * base[:-1], axis=1) < 0.0, -1.0, 1.0))[:, None]
        rotation = Rotation.from_quat(base[:, [1, 2, 3, 0]])
        joints = qpos[:, self.body.joint_qpos_adr]
        return MotionClip(
            name=motion.name,
            rate_hz=rate,
            root_position=qpos[:, :3].copy(),
            root_quaternion=base,
            root_linear_velocity=rotation.inv().apply(velocity(qpos[:, :3], rate)),
            root_angular_velocity=_angular_velocity(rotation, rate),
            joint_position=joints,
            joint_velocity=velocity(joints, rate),
            key_body_position=key_bodies,
            contact=contact,
            report=figures,
            source=dict(motion.source),
        )


def base_quaternion(body: Body, root: Array) -> Array:
    """Orientation of `base_link` from that of the model's root, both wxyz."""
    result = np.zeros(4)
    mujoco.mju_mulQuat(result, root, body.base_yaw_quaternion)
    return result


def clip_poses(body: Body, clip: MotionClip) -> Array:
    """Poses of the body in every frame of a clip, coupled joints filled in; shape (F, nq)."""
    qpos = np.tile(body.standing_qpos, (clip.frames, 1))
    qpos[:, :3] = clip.root_position
    qpos[:, 3:7] = [body.root_quaternion_from_base(q) for q in clip.root_quaternion]
    qpos[:, body.joint_qpos_adr] = clip.joint_position
    return body.coupling.fill(qpos)


def _angular_velocity(rotation: Rotation, rate_hz: float) -> Array:
    """In the moving frame, central differences, shape (F, 3) [rad/s]."""
    step = (rotation[:-1].inv() * rotation[1:]).as_rotvec() * rate_hz
    return np.concatenate([step[:1], 0.5 * (step[1:] + step[:-1]), step[-1:]])
