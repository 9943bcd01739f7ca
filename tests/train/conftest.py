"""Training tests need the extra `train`; the clips that they need are made up."""

from collections.abc import Callable
from functools import partial

import mujoco
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra: train)")
pytest.importorskip("daqp", reason="daqp is not installed (extra: train)")
pytest.importorskip("onnx", reason="onnx is not installed (extra: train)")

from kinesis_control.body_state import BodyState  # noqa: E402
from kinesis_control.motion.clip import MotionClip  # noqa: E402
from kinesis_control.motion.command import MotionCommand  # noqa: E402
from kinesis_control.motion.frames import FIELDS  # noqa: E402
from kinesis_control.motion.generator import GaitGenerator  # noqa: E402
from kinesis_sim.bodies import Body, load_body  # noqa: E402
from kinesis_train.clip_check import clip_poses  # noqa: E402
from kinesis_train.env import EnvConfig, WalkEnv  # noqa: E402


@pytest.fixture(scope="session")
def legs() -> Body:
    return load_body("legs80")


@pytest.fixture
def env(legs: Body) -> WalkEnv:
    torch.set_num_threads(1)
    return WalkEnv(legs, EnvConfig(envs=4, threads=1), seed=3)


RATE_HZ = 80.0


def _walk(body: Body, name: str, speed: float = 0.9, yaw_rate: float = 0.0, seconds: float = 1.5, content: str = "walk") -> MotionClip:
    """A walk at a constant command, from the middle of it."""
    generator, state = GaitGenerator(body.description, np.array([0.0])), BodyState.zeros(body.description)
    generator.reset(state)
    command = MotionCommand(speed=np.array(speed), yaw_rate=np.array(yaw_rate))
    rows: dict[str, list[np.ndarray]] = {field: [] for field in FIELDS}
    for tick in range(round((2.5 + seconds) * RATE_HZ) + 1):
        window = generator.update(state, command, 1.0 / RATE_HZ if tick else 0.0)
        state.root_position[:], state.root_quaternion[:] = window.root_position[0], window.root_quaternion[0]
        if tick >= 2.5 * RATE_HZ:
            for field in FIELDS:
                rows[field].append(getattr(window, field)[0].copy())
    arrays = {field: np.array(values) for field, values in rows.items()}
    arrays["key_body_position"] = np.zeros((len(arrays["root_position"]), len(body.key_body_ids), 3))
    source = {"file": f"{name}.bvh", "dataset": "made up", "licence": "CC0", "credit": "the gait generator", "sha256": "0" * 64}
    clip = MotionClip(name=name, rate_hz=RATE_HZ, descriptors={"content": content}, source=source, **arrays)
    data = mujoco.MjData(body.model)
    for i, pose in enumerate(clip_poses(body, clip)):
        data.qpos[:] = pose
        mujoco.mj_kinematics(body.model, data)
        clip.key_body_position[i] = data.xpos[body.key_body_ids]
    return clip


@pytest.fixture(scope="session")
def walk(legs: Body) -> Callable[..., MotionClip]:
    """Makes clips that need no recording: walk(name, speed, yaw_rate, seconds, content), with key bodies where the kinematics put them."""
    return partial(_walk, legs)
