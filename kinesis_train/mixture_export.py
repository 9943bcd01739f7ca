"""One ONNX graph of a mixture: the gate runs first, and nested If nodes evaluate the chosen expert and no other.

Gate and experts are traced one by one and put together here, because a trace of the whole would evaluate everything. Weights that several
of them share (a decoder that was never changed, say) are stored once.
"""

import hashlib
import io
from collections.abc import Sequence

import numpy as np
import onnx
import torch
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper
from torch import nn

from kinesis_train.mixture import ExpertMixture

OPSET = 17
INPUT, OUTPUT, LOGITS = "observation", "excitation", "gate_logits"


def trace(module: nn.Module, size: int, output: str) -> ModelProto:
    """Graph of one module for an observation of `size` numbers."""
    buffer = io.BytesIO()
    sample = torch.zeros(1, size)
    torch.onnx.export(module, (sample,), buffer, input_names=[INPUT], output_names=[output], opset_version=OPSET, dynamo=False)
    return onnx.load_from_string(buffer.getvalue())


class _Weights:
    """Initialisers of the outer graph, each content once; inner graphs see them by name."""

    def __init__(self) -> None:
        self.stored: dict[str, TensorProto] = {}

    def name_of(self, tensor: TensorProto) -> str:
        """Name under which the content of `tensor` is stored."""
        array = numpy_helper.to_array(tensor)
        key = hashlib.sha256(f"{array.dtype}{array.shape}".encode() + array.tobytes()).hexdigest()[:16]
        name = f"weight_{key}"
        if name not in self.stored:
            self.stored[name] = numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name)
        return name


def _nodes(graph: GraphProto, prefix: str, weights: _Weights, fixed: Sequence[str]) -> list[NodeProto]:
    """Nodes of a traced graph with names of their own; weights move out, and the names in `fixed` stay."""
    names = {t.name: weights.name_of(t) for t in graph.initializer} | {name: name for name in fixed} | {"": ""}
    nodes = []
    for node in graph.node:
        copy = NodeProto()
        copy.CopyFrom(node)
        copy.name = prefix + node.name
        for list_ in (copy.input, copy.output):
            list_[:] = [names.get(name, prefix + name) for name in list_]
        nodes.append(copy)
    return nodes


def _branch(nodes: Sequence[NodeProto], result: str, muscles: int, name: str) -> GraphProto:
    """Inner graph whose one output is `result`."""
    return helper.make_graph(nodes, name, [], [helper.make_tensor_value_info(result, TensorProto.FLOAT, [1, muscles])])


def _choose(low: int, branches: Sequence[GraphProto], muscles: int, weights: _Weights, result: str) -> list[NodeProto]:
    """Nodes that put the chosen one of `branches`, whose numbers begin at `low`, into `result`; by halves, so that many are not asked one by one."""
    half = len(branches) // 2
    first = low + half
    index = weights.name_of(numpy_helper.from_array(np.array(first, dtype=np.int64)))
    before = _half(low, branches[:half], muscles, weights)
    after = _half(first, branches[half:], muscles, weights)
    condition = f"before_{first}"
    return [
        helper.make_node("Less", ["choice", index], [condition], name=condition),
        helper.make_node("If", [condition], [result], name=f"choose_{first}", then_branch=before, else_branch=after),
    ]


def _half(low: int, branches: Sequence[GraphProto], muscles: int, weights: _Weights) -> GraphProto:
    """One inner graph that stands for all of `branches`."""
    if len(branches) == 1:
        return branches[0]
    name = f"from_{low}_to_{low + len(branches) - 1}"
    return _branch(_choose(low, branches, muscles, weights, name), name, muscles, name)


def mixture_graph(mixture: ExpertMixture, observation: int, muscles: int) -> ModelProto:
    """The whole mixture as one model, from an observation of so many numbers to excitations."""
    mixture = mixture.eval()
    weights = _Weights()
    experts = [trace(expert, observation, OUTPUT) for expert in mixture.experts]
    if len(experts) == 1:
        nodes = _nodes(experts[0].graph, "expert_0/", weights, (INPUT, OUTPUT))
    else:
        gate = trace(mixture.gate, observation, LOGITS)
        branches = []
        for i, expert in enumerate(experts):
            inner = _nodes(expert.graph, f"expert_{i}/", weights, (INPUT,))
            branches.append(_branch(inner, f"expert_{i}/{OUTPUT}", muscles, f"expert_{i}"))
        scalar = weights.name_of(numpy_helper.from_array(np.array([], dtype=np.int64)))
        nodes = [
            *_nodes(gate.graph, "gate/", weights, (INPUT, LOGITS)),
            helper.make_node("ArgMax", [LOGITS], ["choices"], name="argmax", axis=1, keepdims=0),
            helper.make_node("Reshape", ["choices", scalar], ["choice"], name="choice"),
            *_choose(0, branches, muscles, weights, OUTPUT),
        ]
    graph = helper.make_graph(
        nodes, "mixture",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [1, observation])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [1, muscles])],
        list(weights.stored.values()),
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=experts[0].ir_version)
