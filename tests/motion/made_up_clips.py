"""Clips cut from the generator: walks at constant commands, with feet that swing as the gait phase says."""

import numpy as np

from kinesis_control.body_state import BodyDescription, BodyState
from kinesis_control.motion.clip import MotionClip
from kinesis_control.motion.command import MotionCommand
from kinesis_control.motion.frames import FIELDS
from kinesis_control.motion.generator import GaitGenerator, heading

RATE_HZ = 40.0


def follow(state: BodyState, window) -> None:
    """Put a body exactly where row 0 of a window is."""
    for name in ("root_position", "root_quaternion", "root_linear_velocity", "root_angular_velocity", "joint_position", "joint_velocity"):
        getattr(state, name)[:] = getattr(window, name)[0]


def made_up_clip(body: BodyDescription, name: str, speed: float, yaw_rate: float = 0.0, seconds: float = 4.0) -> MotionClip:
    """A steady walk."""
    generator = GaitGenerator(body, np.array([0.0]))
    state = BodyState.zeros(body)
    generator.reset(state)
    command = MotionCommand(speed=np.array(speed), yaw_rate=np.array(yaw_rate))
    rows: dict[str, list[np.ndarray]] = {field: [] for field in FIELDS}
    for tick in range(round((2.5 + seconds) * RATE_HZ)):  # the start is left out
        window = generator.update(state, command, 1.0 / RATE_HZ if tick else 0.0)
        follow(state, window)
        if tick >= 2.5 * RATE_HZ:
            for field in FIELDS:
                rows[field].append(getattr(window, field)[0].copy())
            rows["key_body_position"][-1] = _key_bodies(body, window, float(generator.phase))
    return MotionClip(name=name, rate_hz=RATE_HZ, **{field: np.array(values) for field, values in rows.items()})


def _key_bodies(body: BodyDescription, window, phase: float) -> np.ndarray:
    root, yaw = window.root_position[0], float(heading(window.root_quaternion[0]))
    points = np.tile(root, (len(body.key_body_names), 1))
    for i, name in enumerate(body.key_body_names):
        side = -1.0 if name.endswith("_r") else 1.0 if name.endswith("_l") else 0.0
        swing = 0.25 * np.cos(2.0 * np.pi * (phase + (0.5 if side > 0.0 else 0.0))) * abs(side)
        points[i, 0] += np.cos(yaw) * swing - np.sin(yaw) * 0.1 * side
        points[i, 1] += np.sin(yaw) * swing + np.cos(yaw) * 0.1 * side
        points[i, 2] -= 0.8 * abs(side)
    return points
