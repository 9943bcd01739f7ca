"""A policy with random weights and a true contract, of the network size of the shipped one, for any body and rate."""

from itertools import pairwise
from pathlib import Path

import numpy as np

from kinesis_control.body_state import BodyDescription
from kinesis_control.contract import ActionSpec, Contract, GoldenSample, ObservationTerm
from kinesis_control.errors import UnavailableError
from kinesis_control.observation import term_size

HIDDEN = (512, 256)
"""Units of the hidden layers where no shipped policy says otherwise."""

TERMS = (
    "root_height", "root_up", "root_linear_velocity", "root_angular_velocity", "joint_position", "joint_velocity",
    "muscle_length", "muscle_velocity", "muscle_activation", "contact_force", "previous_action",
    "reference_joint_error", "reference_root_position_error",
)  # fmt: skip
OFFSETS_S = (0.025, 0.1, 0.2, 0.4)


def hidden_sizes(path: Path, n_muscles: int) -> tuple[int, ...]:
    """Widths of all layers of a shipped policy but the last, in their order; a layer as wide as its muscles gets `n_muscles`."""
    graph = _onnx().load(str(path)).graph
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    own = graph.output[0].type.tensor_type.shape.dim[1].dim_value
    widths = []
    for node in graph.node:
        if node.op_type in ("Gemm", "MatMul") and node.input[1] in shapes:
            transposed = any(a.name == "transB" and a.i for a in node.attribute)
            widths.append(shapes[node.input[1]][0 if transposed else 1])
    return tuple(n_muscles if width == own else width for width in widths[:-1])


def write_policy(path: Path, body: BodyDescription, *, control_rate_hz: float, physics_rate_hz: float, like: Path | None = None, seed: int = 0) -> None:
    """Write an ONNX policy with random weights.

    Args:
        path: file to write.
        body: body it is made for.
        control_rate_hz, physics_rate_hz: rates of the contract [Hz].
        like: shipped policy whose network size and observation terms are taken, or None.
        seed: of the weights.

    Raises:
        UnavailableError: the package onnx is missing.
    """
    onnx = _onnx()
    names, offsets, hidden = TERMS, OFFSETS_S, HIDDEN
    if like is not None:
        from kinesis_control.contract import read_contract

        model = read_contract(like)
        names, offsets, hidden = tuple(t.name for t in model.observation), model.reference_offsets_s, hidden_sizes(like, len(body.muscles))
    terms = tuple(ObservationTerm(name=name, size=term_size(name, body, len(offsets))) for name in names)
    sizes = [sum(term.size for term in terms), *hidden, len(body.muscles)]
    rng = np.random.default_rng(seed)
    weights = [(rng.normal(0.0, a**-0.5, (a, b)).astype(np.float32), np.zeros(b, dtype=np.float32)) for a, b in pairwise(sizes)]
    observation = rng.normal(size=sizes[0]).astype(np.float32)
    contract = Contract.for_body(
        body,
        name=path.stem,
        control_rate_hz=control_rate_hz,
        physics_rate_hz=physics_rate_hz,
        observation=terms,
        reference_offsets_s=offsets,
        action=ActionSpec(slew_per_s=50.0),
        training={"data": "none: random weights", "seed": seed},
        golden=GoldenSample(observation=tuple(map(float, observation)), action=tuple(map(float, forward(weights, observation)))),
    )
    onnx.save(_graph(onnx, weights, contract), str(path))


def forward(weights: list[tuple[np.ndarray, np.ndarray]], observation: np.ndarray) -> np.ndarray:
    """What the graph computes: tanh layers, then a sigmoid; shape (n_muscles,)."""
    x = observation
    for matrix, bias in weights[:-1]:
        x = np.tanh(x @ matrix + bias)
    matrix, bias = weights[-1]
    return 1.0 / (1.0 + np.exp(-(x @ matrix + bias)))


def _graph(onnx, weights, contract):
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    nodes, tensors, x = [], [], "observation"
    for i, (matrix, bias) in enumerate(weights):
        last = i == len(weights) - 1
        tensors += [numpy_helper.from_array(matrix, f"w{i}"), numpy_helper.from_array(bias, f"b{i}")]
        nodes.append(helper.make_node("Gemm", [x, f"w{i}", f"b{i}"], [f"z{i}"]))
        x = "excitation" if last else f"h{i}"
        nodes.append(helper.make_node("Sigmoid" if last else "Tanh", [f"z{i}"], [x]))
    ends = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, size])
        for name, size in (("observation", weights[0][0].shape[0]), ("excitation", weights[-1][1].shape[0]))
    ]
    graph = helper.make_graph(nodes, "synthetic", ends[:1], ends[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, contract.to_metadata())
    return model


def _onnx():
    try:
        import onnx
        import onnx.helper
        import onnx.numpy_helper
    except ModuleNotFoundError as error:
        raise UnavailableError("this measurement builds a policy and needs the package onnx (extra 'train'): .venv/bin/pip install onnx") from error
    return onnx
