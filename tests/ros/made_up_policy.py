"""Small ONNX policies for a real body, with a true contract and golden sample: weak noise, or NaN below a height."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import InferenceSession

from kinesis_control.body_state import BodyDescription
from kinesis_control.contract import ActionSpec, Contract, GoldenSample, ObservationTerm

OFFSETS = (0.025, 0.2)


def write_policy(path: Path, body: BodyDescription, *, nan_below: float | None = None, **changes: object) -> Path:
    """Write a policy for `body`: a random layer that gives excitations near 0.05.

    Args:
        nan_below: root height below which every output is NaN [m].
        changes: fields of the contract that are to be wrong.
    """
    joints, muscles = len(body.joint_names), len(body.muscles)
    terms = (
        ObservationTerm(name="root_height", size=1),
        ObservationTerm(name="joint_position", size=joints),
        ObservationTerm(name="muscle_length", size=muscles),
        ObservationTerm(name="reference_joint_position", size=joints * len(OFFSETS)),
    )
    size = sum(t.size for t in terms)
    model = _model(size, muscles, nan_below)
    observation = np.linspace(0.0, 1.0, size, dtype=np.float32)
    observation[0] = body.standing_height
    session = InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    action = session.run(None, {"observation": observation[None]})[0][0]
    fields: dict[str, object] = {
        "name": "made-up",
        "control_rate_hz": 40.0,
        "physics_rate_hz": 200.0,
        "observation": terms,
        "reference_offsets_s": OFFSETS,
        "action": ActionSpec(slew_per_s=20.0),
        "golden": GoldenSample(observation=tuple(map(float, observation)), action=tuple(map(float, action))),
    }
    contract = Contract.for_body(body, **fields)
    metadata = contract.to_metadata()
    if changes:
        from dataclasses import replace

        metadata = replace(contract, **changes).to_metadata()
    helper.set_model_props(model, metadata)
    path.write_bytes(model.SerializeToString())
    return path


def _model(size: int, muscles: int, nan_below: float | None) -> onnx.ModelProto:
    rng = np.random.default_rng(0)
    stored = {
        "w": (0.05 * rng.normal(size=(size, muscles))).astype(np.float32),
        "b": np.full(muscles, -3.0, dtype=np.float32),
        "first": np.eye(size, 1, dtype=np.float32),
        "limit": np.array([0.0 if nan_below is None else nan_below], dtype=np.float32),
    }
    nodes = [
        helper.make_node("Gemm", ["observation", "w", "b"], ["y"]),
        helper.make_node("Sigmoid", ["y"], ["s"]),
        # The square root of a negative height above the limit is NaN; times zero it adds nothing but that.
        helper.make_node("MatMul", ["observation", "first"], ["height"]),
        helper.make_node("Sub", ["height", "limit"], ["above"]),
        helper.make_node("Sqrt", ["above"], ["root"]),
        helper.make_node("Sub", ["root", "root"], ["nothing"]),
        helper.make_node("Add", ["s", "nothing"], ["excitation"]),
    ]
    graph = helper.make_graph(
        nodes,
        "policy",
        [helper.make_tensor_value_info("observation", TensorProto.FLOAT, [1, size])],
        [helper.make_tensor_value_info("excitation", TensorProto.FLOAT, [1, muscles])],
        [numpy_helper.from_array(value, name) for name, value in stored.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
