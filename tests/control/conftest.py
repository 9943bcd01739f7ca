"""A made-up body of three muscles, and ONNX files of a policy for it, sound or broken in one way."""

from dataclasses import replace

import numpy as np
import pytest

from kinesis_control.contract import ActionSpec, Contract, GoldenSample, ObservationTerm

OFFSETS = (0.1, 0.3)


@pytest.fixture
def body(tripod):
    return tripod


@pytest.fixture
def contract(body):
    return Contract.for_body(
        body,
        name="tripod-stand",
        control_rate_hz=40,
        physics_rate_hz=200,
        observation=(
            ObservationTerm(name="root_height", size=1, scale=0.1),
            ObservationTerm(name="joint_position", size=2),
            ObservationTerm(name="muscle_length", size=3, scale=1 / 3),
            ObservationTerm(name="previous_action", size=3),
            ObservationTerm(name="reference_joint_position", size=4),
        ),
        reference_offsets_s=OFFSETS,
        action=ActionSpec(slew_per_s=20.0),
        training={"data": "none", "seeds": [1, 2], "steps": 10},
        revision="abc",
        scores={"stand_60s": 0.1 + 0.2},
        golden=GoldenSample(observation=np.zeros(13), action=np.zeros(3)),
    )


@pytest.fixture
def weights():
    """Weight (13, 3) and bias (3,) of the one layer of the policy."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(13, 3)).astype(np.float32), rng.normal(size=3).astype(np.float32)


@pytest.fixture
def graph(weights):
    """Makes the ONNX model: one layer and a sigmoid; `output` and `inputs` rename and resize."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    def make(weight=weights[0], bias=weights[1], *, output="excitation", batch=1, kind=TensorProto.FLOAT):
        nodes = [helper.make_node("Gemm", ["observation", "w", "b"], ["y"]), helper.make_node("Sigmoid", ["y"], [output])]
        inputs = [helper.make_tensor_value_info("observation", kind, [batch, weight.shape[0]])]
        outputs = [helper.make_tensor_value_info(output, kind, [batch, weight.shape[1]])]
        stored = [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(bias, "b")]
        model = helper.make_model(helper.make_graph(nodes, "policy", inputs, outputs, stored), opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.checker.check_model(model)
        return model

    return make


@pytest.fixture
def write(tmp_path):
    """Writes a model, with a contract where one is given, and returns the path."""
    from onnx import helper

    def to_file(model, contract=None, metadata=None):
        helper.set_model_props(model, contract.to_metadata() if contract else metadata or {})
        path = tmp_path / "policy.onnx"
        path.write_bytes(model.SerializeToString())
        return path

    return to_file


@pytest.fixture
def answer(weights):
    """What the network answers to an observation, computed without ONNX."""

    def run(observation):
        return 1.0 / (1.0 + np.exp(-(np.asarray(observation, dtype=np.float32) @ weights[0] + weights[1])))

    return run


@pytest.fixture
def sound(contract, answer):
    """The contract with a golden sample that is true."""
    observation = np.linspace(-1.0, 1.0, 13, dtype=np.float32)
    return replace(contract, golden=GoldenSample(observation=observation, action=answer(observation)))
