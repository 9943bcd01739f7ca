"""The policy with random weights is a policy: everything about it is checked as for any other."""

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from benchmarks.synthetic import hidden_sizes, write_policy
from benchmarks.tick import made_up_state, tick_times_ms
from kinesis_control.body_state import BodyDescription
from kinesis_control.muscles import MuscleLayout
from kinesis_control.policy import Policy


@pytest.fixture
def body():
    return BodyDescription(
        name="made_up",
        muscles=MuscleLayout(names=tuple(f"m{i}" for i in range(7))),
        joint_names=("hip", "knee"),
        contact_names=("heel",),
        key_body_names=("root",),
        model_hash="0" * 16,
        mass=1.0,
        standing_height=1.0,
    )


def test_it_loads_for_its_body_and_passes_the_limits(tmp_path, body):
    path = tmp_path / "made_up-synthetic.onnx"
    write_policy(path, body, control_rate_hz=100.0, physics_rate_hz=200.0)
    policy = Policy.load(path, body)
    assert policy.contract.control_rate_hz == 100.0
    assert np.isfinite(made_up_state(body).muscle_length).all()
    times = tick_times_ms(policy, body)
    assert min(times) > 0.0


def test_another_one_takes_over_its_layers(tmp_path, body):
    first, second = tmp_path / "a.onnx", tmp_path / "b.onnx"
    write_policy(first, body, control_rate_hz=40.0, physics_rate_hz=200.0)
    assert hidden_sizes(first, 7) == (512, 256)
    write_policy(second, body, control_rate_hz=40.0, physics_rate_hz=200.0, like=first)
    assert hidden_sizes(second, 7) == (512, 256)
