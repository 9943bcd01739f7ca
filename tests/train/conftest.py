"""Training tests need the extra `train`."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra: train)")
pytest.importorskip("daqp", reason="daqp is not installed (extra: train)")
pytest.importorskip("onnx", reason="onnx is not installed (extra: train)")

from kinesis_sim.bodies import Body, load_body  # noqa: E402
from kinesis_train.env import EnvConfig, WalkEnv  # noqa: E402


@pytest.fixture(scope="session")
def legs() -> Body:
    return load_body("legs80")


@pytest.fixture
def env(legs: Body) -> WalkEnv:
    torch.set_num_threads(1)
    return WalkEnv(legs, EnvConfig(envs=4, threads=1), seed=3)
