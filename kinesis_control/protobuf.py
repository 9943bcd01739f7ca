"""The little of the protobuf wire format that a robot server and a look into policy files need: varints, fixed, length-delimited fields."""

import struct
from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_MAX_VARINT_BYTES = 10

B = TypeVar("B", bytes, memoryview)


class WireError(ValueError):
    """Bytes that are not a protobuf message: cut off, or of a wire type that does not exist."""


def varint(value: int) -> bytes:
    """A non-negative integer, seven bits a byte, lowest first."""
    if value < 0:
        raise ValueError(f"got {value}, expected a non-negative integer")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field_varint(number: int, value: int) -> bytes:
    """An integer, boolean or enumeration field."""
    return varint(number << 3 | VARINT) + varint(value)


def field_bytes(number: int, value: bytes) -> bytes:
    """A string, message or packed field."""
    return varint(number << 3 | BYTES) + varint(len(value)) + value


def field_float(number: int, value: float) -> bytes:
    """A 32-bit float field."""
    return varint(number << 3 | FIXED32) + struct.pack("<f", value)


def field_floats(number: int, values: NDArray[np.floating]) -> bytes:
    """A packed field of 32-bit floats."""
    return field_bytes(number, np.asarray(values, "<f4").tobytes())


def read_varint(data: bytes | memoryview, at: int) -> tuple[int, int]:
    """Value and the index behind it.

    Raises:
        WireError: it does not end.
    """
    value = 0
    for i in range(_MAX_VARINT_BYTES):
        if at + i >= len(data):
            break
        byte = data[at + i]
        value |= (byte & 0x7F) << 7 * i
        if byte < 0x80:
            return value, at + i + 1
    raise WireError(f"an integer at byte {at} does not end")


def fields(data: B) -> Iterator[tuple[int, int | B]]:
    """Number and value of every field, in order: int for varints, a part of `data` for everything else.

    Raises:
        WireError: `data` is cut off or is not protobuf.
    """
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, at = read_varint(data, at)
            yield number, value
            continue
        if wire == BYTES:
            size, at = read_varint(data, at)
        elif wire in (FIXED32, FIXED64):
            size = 4 if wire == FIXED32 else 8
        else:
            raise WireError(f"field {number} has wire type {wire}, which is not used any more")
        if number == 0 or at + size > len(data):
            raise WireError(f"field {number} of {size} bytes at byte {at} does not fit into {len(data)} bytes")
        yield number, data[at : at + size]
        at += size


def floats(value: int | bytes) -> NDArray[np.float32]:
    """Values of a packed field of floats, or of one float that was not packed."""
    if isinstance(value, int) or len(value) % 4:
        raise WireError("got a field that does not hold 32-bit floats")
    return np.frombuffer(value, "<f4")


def as_bytes(value: int | bytes) -> bytes:
    """A value that must be length-delimited or fixed."""
    if isinstance(value, int):
        raise WireError(f"got the integer {value}, expected bytes")
    return value


def as_int(value: int | bytes) -> int:
    """A value that must be a varint."""
    if not isinstance(value, int):
        raise WireError(f"got {len(value)} bytes, expected an integer")
    return value
