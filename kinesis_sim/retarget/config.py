"""What a retargeting can be told: rates, thresholds and weights, each with its unit and range."""

from dataclasses import dataclass

from kinesis_control.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class ContactThresholds:
    """When a part of the person's foot counts as loaded; it starts below the first value and ends above the second.

    Attributes:
        speed: of the heel or ball [m/s].
        height: of its sole above the floor [m].
        tilt: of the sole against the floor, that end up; beyond it only the other end is loaded [rad].
        shortest: shorter contacts are dropped and shorter gaps closed [s].
    """

    speed: tuple[float, float] = (0.30, 0.50)
    height: tuple[float, float] = (0.030, 0.042)
    tilt: tuple[float, float] = (0.05, 0.08)
    shortest: float = 0.06

    def __post_init__(self) -> None:
        for name in ("speed", "height", "tilt"):
            low, high = getattr(self, name)
            if not 0.0 < low <= high:
                raise ConfigurationError(f"contact {name}: got ({low}, {high}), expected two increasing numbers above 0")


@dataclass(frozen=True, kw_only=True)
class RetargetConfig:
    """How a recorded motion becomes a motion of a body.

    Attributes:
        rate_hz: frames per second of the result, 20..400. The default is twice the control rate of the shipped policies (40 Hz):
            a window of reference frames at the control rate then reads stored frames, and a running step still has 20 of them.
        cutoff_hz: zero-phase low-pass filter on the source, 2..20 [Hz].
        leg_stretch: hip-ankle distance of the scaled person with straight legs as a share of the body's; below 1, because straight
            knees sit on the joint limit, where no muscle can correct them in both directions.
        limit_margin: kept from every joint limit [rad].
        contact: when a foot is planted.
        swing_clearance: least height of a foot in the air above the floor [m].
        iterations: inverse-kinematics steps a frame, 1..20.
        pelvis_position, pelvis_rotation, foot_position, foot_rotation, planted, swing_rotation, ball, knee, trunk, arm: weights of the tasks, position in 1/m,
            rotation in 1/rad; `planted` multiplies the foot's weights while it is loaded, `swing_rotation` that of its rotation in the air,
            where the places of ankle, ball and knee count more.
        posture: pull of every joint to the standing pose, small [1/rad].
    """

    rate_hz: float = 80.0
    cutoff_hz: float = 8.0
    leg_stretch: float = 0.99
    limit_margin: float = 0.02
    contact: ContactThresholds = ContactThresholds()
    swing_clearance: float = 0.005
    iterations: int = 2
    pelvis_position: float = 5.0
    pelvis_rotation: float = 0.6
    foot_position: float = 8.0
    foot_rotation: float = 0.4
    planted: float = 4.0
    swing_rotation: float = 0.2
    ball: float = 3.0
    knee: float = 3.0
    trunk: float = 0.5
    arm: float = 2.0
    posture: float = 0.01

    def __post_init__(self) -> None:
        for name, low, high in (("rate_hz", 20.0, 400.0), ("cutoff_hz", 2.0, 20.0), ("leg_stretch", 0.9, 1.0), ("iterations", 1, 20)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigurationError(f"{name}: got {value}, expected {low:g} to {high:g}")
