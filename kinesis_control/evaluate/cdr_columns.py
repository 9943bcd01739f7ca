"""Many serialized messages of one type -> one array per field, in a few NumPy operations.

Messages of one body differ in their numbers, not in their lengths: every field stands at the same offset in each of them.
The offsets are found once, from the first message; each further message is only checked for having the same lengths at
the same places. A message that has not (another body, another frame name) makes a layout of its own, so what comes out
is always what a message-by-message reader gives.

Encoding: XCDR version 1, as every ROS 2 middleware sends it (OMG DDSI-RTPS 2.5, section 10): four bytes of
encapsulation, then fields aligned to their size, counted from the end of the encapsulation.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import LayoutError

Columns = dict[str, NDArray[Any]]

_HEAD = 4
_BASE, _NAME, _ARRAY, _SEQUENCE = 1, 2, 3, 4  # rosbags.interfaces.Nodetype
_DTYPES = {
    "bool": "?", "byte": "u1", "char": "u1", "octet": "u1", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4",
    "uint32": "u4", "int64": "i8", "uint64": "u8", "float32": "f4", "float64": "f8",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Messages that have one layout.

    Attributes:
        index: which of the messages that were given, in their order; shape (n,).
        columns: field path ("header.stamp.sec", "joint_positions") -> values; shape (n,) for a number or a text,
            (n, length) for an array of numbers. Elements of arrays of messages have their number in the path.
    """

    index: NDArray[np.intp]
    columns: Columns


@dataclass(kw_only=True)
class _Layout:
    """Where everything stands in messages of one length and one set of inner lengths.

    Attributes:
        guards: offsets of four-byte lengths that make the layout what it is.
        places: field path -> (offset, dtype, count); count -1 is a plain number.
    """

    size: int
    guards: list[int] = field(default_factory=list)
    places: dict[str, tuple[int, str, int]] = field(default_factory=dict)


class CdrColumns:
    """Decodes batches of messages of one type.

    Attributes:
        type_name: of the messages.
        unreadable: why messages could not be read -> how many so far.
    """

    def __init__(self, definitions: Any, type_name: str) -> None:
        """`definitions`: field definitions by type, as a rosbags type store keeps them (`store.fielddefs`)."""
        self._definitions = definitions
        self.type_name = type_name
        self.unreadable: dict[str, int] = {}

    def decode(self, messages: Sequence[bytes]) -> list[Batch]:
        """Columns of the messages, one batch for each layout found, in the order of their first messages.

        A message that ends before its fields do, or is not encoded as ROS 2 encodes messages, is in no batch: it is counted in `unreadable`.
        """
        by_size: dict[int, list[int]] = {}
        for i, data in enumerate(messages):
            by_size.setdefault(len(data), []).append(i)
        batches = [batch for size, indices in by_size.items() for batch in self._decode_equal(messages, size, np.array(indices, dtype=np.intp))]
        return sorted(batches, key=lambda batch: int(batch.index[0]))

    def _decode_equal(self, messages: Sequence[bytes], size: int, index: NDArray[np.intp]) -> list[Batch]:
        table = np.frombuffer(b"".join(messages[i] for i in index), dtype=np.uint8).reshape(len(index), size)
        batches = []
        while len(index):
            try:
                layout = self._layout_of(messages[index[0]])
            except LayoutError as error:
                self.unreadable[str(error)] = self.unreadable.get(str(error), 0) + 1
                index, table = index[1:], table[1:]
                continue
            same = np.ones(len(index), dtype=bool)
            for at in (0, *layout.guards):
                same &= (table[:, at : at + 4] == table[0, at : at + 4]).all(axis=1)
            rows = table if same.all() else table[same]
            batches.append(Batch(index=index[same], columns={path: _column(rows, *place) for path, place in layout.places.items()}))
            index, table = index[~same], table[~same]
        return batches

    def _layout_of(self, data: bytes) -> _Layout:
        if len(data) < _HEAD or data[0] != 0 or data[1] not in (0, 1):
            raise LayoutError(f"a {self.type_name} of {len(data)} bytes begins with {data[:_HEAD].hex()}, expected 00000000 or 00010000 (CDR)")
        layout = _Layout(size=len(data))
        walker = _Walker(data, layout, "<" if data[1] else ">")
        try:
            self._walk(walker, "", self.type_name)
        except IndexError as error:
            raise LayoutError(f"a {self.type_name} of {len(data)} bytes ends inside its fields") from error
        return layout

    def _walk(self, walker: "_Walker", prefix: str, type_name: str) -> None:
        for name, description in self._definitions[type_name][1]:
            self._walk_field(walker, f"{prefix}{name}", description)

    def _walk_field(self, walker: "_Walker", path: str, description: Any) -> None:
        kind, content = int(description[0]), description[1]
        if kind == _BASE:
            walker.base(path, content[0])
        elif kind == _NAME:
            self._walk(walker, f"{path}.", content)
        else:
            element, bound = content
            count = bound if kind == _ARRAY else walker.length()
            if int(element[0]) == _BASE and element[1][0] in _DTYPES:
                walker.numbers(path, element[1][0], count)
                return
            for i in range(count):
                self._walk_field(walker, f"{path}.{i}", element)


class _Walker:
    """Goes through one message and notes where its fields stand."""

    def __init__(self, data: bytes, layout: _Layout, order: str) -> None:
        self._data, self._layout, self._order, self._at = data, layout, order, _HEAD

    def base(self, path: str, kind: str) -> None:
        """A number or a text."""
        if kind in _DTYPES:
            self.numbers(path, kind, -1)
            return
        if kind != "string":
            raise LayoutError(f"field '{path}' is a {kind}, which is not read")
        count = self.length()
        self._layout.places[path] = (self._take(count), f"S{max(count - 1, 1)}", -1 if count > 1 else 0)

    def numbers(self, path: str, kind: str, count: int) -> None:
        """`count` numbers, or a single one for -1."""
        dtype = np.dtype(_DTYPES[kind]).newbyteorder("<" if self._order == "<" else ">")
        if count:
            self._align(dtype.itemsize)
        self._layout.places[path] = (self._take(dtype.itemsize * abs(count)), dtype.str, count)

    def length(self) -> int:
        """A length that shapes what follows."""
        self._align(4)
        at = self._take(4)
        self._layout.guards.append(at)
        return int.from_bytes(self._data[at : at + 4], "little" if self._order == "<" else "big")

    def _align(self, size: int) -> None:
        self._at += -(self._at - _HEAD) % size

    def _take(self, size: int) -> int:
        at = self._at
        if at + size > len(self._data):
            raise IndexError(at)
        self._at += size
        return at


def _column(rows: NDArray[np.uint8], offset: int, dtype: str, count: int) -> NDArray[Any]:
    """Values of one field over all rows."""
    kind = np.dtype(dtype)
    if count == 0:
        return np.zeros(len(rows), dtype="U1") if kind.kind == "S" else np.zeros((len(rows), 0), dtype=kind)
    raw = np.ascontiguousarray(rows[:, offset : offset + kind.itemsize * abs(count)]).view(kind)
    values = raw[:, 0] if count < 0 else raw
    if kind.kind == "S":
        return np.char.decode(values, "utf-8", "replace")
    return values.astype(kind.newbyteorder("="), copy=False)
