"""How each body is put together from myo-sim parts with MjSpec, and cleaned of decor."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import mujoco
import numpy as np

from kinesis_control.errors import UnavailableError
from kinesis_sim.fall import FallLimits
from kinesis_sim.mujoco_log import route_warnings
from kinesis_sim.sensors import FLOOR, add_sensors

FEET = (("right_heel", "calcn_r"), ("right_toes", "toes_r"), ("left_heel", "calcn_l"), ("left_toes", "toes_l"))
LEG_KEY_BODIES = ("pelvis", "tibia_r", "tibia_l", "talus_r", "talus_l", "toes_r", "toes_l")
# A slightly bent stance: straight knees sit on the joint limit, where no muscle can correct them in both directions.
# Hip - knee + ankle = 0 keeps soles flat under an upright trunk; the shank leans so that the centre of mass is 5 cm before the ankle.
LEG_STANDING_POSE = {
    "hip_flexion_r": 0.04, "hip_flexion_l": 0.04, "hip_adduction_r": -0.03, "hip_adduction_l": -0.03,
    "knee_angle_r": 0.18, "knee_angle_l": 0.18, "ankle_angle_r": 0.14, "ankle_angle_l": 0.14,
}  # fmt: skip
# Arms a little away from the trunk, where the upper arm does not cut into the chest, and elbows off their limit.
ARM_STANDING_POSE = {f"{joint}_{side}": angle for joint, angle in (("shoulder_elv", 0.12), ("elbow_flexion", 0.2)) for side in "rl"}


@dataclass(frozen=True, kw_only=True)
class BodyEntry:
    """One body of the registry.

    Attributes:
        name: registry name.
        build: makes the MjSpec.
        muscles: number of muscles, checked after compiling.
        forward_yaw: yaw of `base_link` (x forward) in the model's root frame [rad].
        key_bodies: tracked bodies, root segment first.
        contact_regions: pairs (region name, model body) in the order of the contact array.
        standing_pose: independent joint angles of the standing pose that are not zero [rad].
        physics_dt: default physics step [s].
        trunk: model body that a push hits unless another is named.
        fall_limits: when the body counts as fallen.
        licence_note: what a user should know beyond Apache-2.0; empty when nothing.
    """

    name: str
    build: Callable[[], mujoco.MjSpec]
    muscles: int
    forward_yaw: float = -np.pi / 2  # myo-sim bodies face -y
    key_bodies: tuple[str, ...] = LEG_KEY_BODIES
    contact_regions: tuple[tuple[str, str], ...] = FEET
    standing_pose: dict[str, float] = field(default_factory=lambda: dict(LEG_STANDING_POSE))
    physics_dt: float = 0.005
    trunk: str = "torso"
    fall_limits: FallLimits = field(default_factory=FallLimits)
    licence_note: str = ""


def _published(model: str) -> Callable[[], mujoco.MjSpec]:
    """Builder of a model that myo-sim publishes as a whole."""

    def build() -> mujoco.MjSpec:
        import myo_sim

        return myo_sim.load_spec(model)

    return build


def _legs_and_back() -> mujoco.MjSpec:
    """The full body without its arms: the muscled torso (210 muscles) with legs (80) attached at its root."""
    from myo_sim.build import compose as parts

    full = parts.MODEL_REGISTRY["myofullbody"]
    without_arms = {**full.build_kwargs, "include_arm_contacts": False, "include_left_arm_contacts": False, "include_fullbody_contacts": False}
    recipe = replace(full, build_kwargs=without_arms)
    spec = parts.build_torso_spec(recipe)
    spec.attach(parts.build_legs_spec(recipe), prefix="", suffix="", frame=spec.body("Full Body").add_frame(name="legs_attach"))
    return spec


BODIES: dict[str, BodyEntry] = {
    e.name: e
    for e in (
        BodyEntry(name="legs80", build=_published("myolegs"), muscles=80),
        BodyEntry(name="legs_abs86", build=_published("myolegs_abdomen"), muscles=86, key_bodies=(*LEG_KEY_BODIES, "head")),
        BodyEntry(name="legs_back290", build=_legs_and_back, muscles=290, key_bodies=(*LEG_KEY_BODIES, "head")),
        BodyEntry(
            name="fullbody416",
            build=_published("myofullbody"),
            muscles=416,
            key_bodies=(*LEG_KEY_BODIES, "head", "radius_r", "radius_l", "thirdmc_r", "thirdmc_l"),
            standing_pose={**LEG_STANDING_POSE, **ARM_STANDING_POSE},
            licence_note="the arms of fullbody416 derive from a model that carries a non-commercial note; everything else in it is Apache-2.0",
        ),
    )
}


def compose(entry: BodyEntry) -> mujoco.MjModel:
    """Compile the cleaned model of an entry: floor at z = 0, no decor, the sensors of the readout, Euler integration.

    Raises:
        UnavailableError: myo-sim is not installed, or another version of it gives another body.
    """
    route_warnings()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # myo-sim speaks of optional tools at import
        try:
            spec = entry.build()
        except ImportError as error:
            raise UnavailableError(f"body '{entry.name}' needs the package myo-sim: {error}") from error
        clean(spec)
        add_sensors(spec, contact_bodies=entry.contact_regions, key_bodies=entry.key_bodies)
        model = spec.compile()
    if model.nu != entry.muscles:
        raise UnavailableError(f"body '{entry.name}': expected {entry.muscles} muscles, the installed myo-sim gives {model.nu}")
    model.opt.timestep = entry.physics_dt
    model.opt.integrator = int(mujoco.mjtIntegrator.mjINT_EULER)
    return model


def clean(spec: mujoco.MjSpec) -> None:
    """Remove decor (a collidable pedestal among it) and sensors; put the floor at z = 0."""
    for geom in list(spec.worldbody.geoms):
        if geom.name == FLOOR:
            geom.pos = [0.0, 0.0, 0.0]
        else:
            spec.delete(geom)
    for sensor in list(spec.sensors):
        spec.delete(sensor)
