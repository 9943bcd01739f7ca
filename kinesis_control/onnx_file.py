"""Opening an ONNX file that nobody vouches for: its bytes, an inference session, and a look at every number stored in it.

The look needs no ONNX package, which a robot has no other use for. It walks the protobuf fields of onnx.proto3 that can
hold weights: initializers, sparse ones, constants and attributes, in the graph, its subgraphs and its local functions.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinesis_control.errors import ContractError, UnavailableError
from kinesis_control.protobuf import fields

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

# message -> field number -> message that the field holds (onnx.proto3)
_NESTED = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse tensor", 23: "sparse tensor"},
    "sparse tensor": {1: "tensor"},
}
_ATTRIBUTE_FLOATS = (2, 7)
_DATA_TYPE, _FLOAT_DATA, _INT32_DATA, _NAME, _RAW_DATA, _DOUBLE_DATA, _EXTERNAL_DATA, _DATA_LOCATION = 2, 4, 5, 8, 9, 10, 13, 14
_RAW_FORMAT = {1: "<f4", 10: "<f2", 11: "<f8"}
_WHOLE_NUMBER_TYPES = (2, 3, 4, 5, 6, 7, 8, 9, 12, 13)  # integers, strings, booleans


def read_bytes(path: Path) -> bytes:
    """Content of a policy file.

    Raises:
        UnavailableError: there is no such file, or it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnavailableError(f"cannot read policy file '{path}': {error.strerror or error}") from error


def open_session(content: bytes, path: Path) -> "InferenceSession":
    """One-threaded session on the CPU that never spins.

    Raises:
        ContractError: not an ONNX file, or one that ONNX Runtime cannot run.
    """
    import onnxruntime  # here, because contracts can be written and compared where no runtime is installed

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises a dozen types of its own, with no common base
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ContractError(f"'{path}' is not an ONNX file that can be run: {reason}") from error


def require_finite_weights(content: bytes) -> None:
    """Refuse a model that holds a NaN or an infinity, or that keeps weights where they cannot be looked at.

    Raises:
        ContractError: such a model, or one whose structure is damaged.
    """
    try:
        for kind, message in _messages("model", memoryview(content)):
            if kind == "tensor":
                _check_tensor(message)
            elif kind == "attribute":
                floats = b"".join(bytes(v) for number, v in fields(message) if number in _ATTRIBUTE_FLOATS and isinstance(v, memoryview))
                if not np.isfinite(np.frombuffer(floats, "<f4")).all():
                    raise ContractError("an attribute of the graph holds a NaN or an infinity")
    except (ValueError, IndexError) as error:
        raise ContractError(f"the structure of the ONNX file is damaged: {error}") from error


def _messages(kind: str, message: memoryview) -> Iterator[tuple[str, memoryview]]:
    """Every message that can hold weights, inside `message`, depth first."""
    yield kind, message
    nested = _NESTED.get(kind, {})
    for number, value in fields(message) if nested else ():
        if number in nested and isinstance(value, memoryview):
            yield from _messages(nested[number], value)


def _check_tensor(tensor: memoryview) -> None:
    data_type, name, parts = 0, "", []
    for number, value in fields(tensor):
        if number == _DATA_TYPE and isinstance(value, int):
            data_type = value
        elif number == _NAME and isinstance(value, memoryview):
            name = bytes(value).decode(errors="replace")
        elif number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value):
            raise ContractError("weights are kept in another file; export them into the ONNX file")
        elif number in (_FLOAT_DATA, _RAW_DATA, _DOUBLE_DATA, _INT32_DATA) and isinstance(value, memoryview):
            parts.append((number, value))
    if data_type in _WHOLE_NUMBER_TYPES:
        return
    if data_type not in _RAW_FORMAT or any(number == _INT32_DATA for number, _ in parts):
        raise ContractError(f"weight '{name}' is stored as ONNX type {data_type}; expected float32, float64 or raw float16")
    for number, value in parts:
        stored = {_FLOAT_DATA: "<f4", _DOUBLE_DATA: "<f8"}.get(number, _RAW_FORMAT[data_type])
        if not np.isfinite(np.frombuffer(value, stored)).all():
            raise ContractError(f"weight '{name}' holds a NaN or an infinity")
