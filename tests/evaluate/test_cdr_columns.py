"""Columns of many messages are what one message after the other gives."""

from typing import Any

import numpy as np
import pytest

from kinesis_control.evaluate.bag_types import MessageTypes
from kinesis_control.evaluate.cdr_columns import CdrColumns

KIND = "sensor_msgs/msg/JointState"


def joint_state(types: MessageTypes, i: int, names: list[str], frame: str) -> Any:
    t = types.store.types
    header = t["std_msgs/msg/Header"](stamp=t["builtin_interfaces/msg/Time"](sec=i, nanosec=i + 1), frame_id=frame)
    values = np.arange(len(names), dtype=float) + i
    return t[KIND](header=header, name=names, position=values, velocity=-values, effort=np.zeros(0))


def plain(message: Any, path: str) -> Any:
    for part in path.split("."):
        message = message[int(part)] if part.isdigit() else getattr(message, part)
    return message


def test_messages_of_several_shapes_are_read_as_one_by_one() -> None:
    types = MessageTypes()
    shapes = [(["a", "bcd"], "odom"), (["a", "bcd"], "map"), ([], ""), (["xy", "bc"], "odom")]
    messages = [joint_state(types, i, *shapes[i % 4]) for i in range(23)]
    data = [types.canonical(KIND, m) for m in messages]
    batches = CdrColumns(types.store.fielddefs, KIND).decode(data)
    assert sorted(i for b in batches for i in b.index.tolist()) == list(range(23))
    assert len(batches) == 4  # equal sizes of unequal inner lengths are told apart
    for batch in batches:
        for row, i in enumerate(batch.index):
            one = types.decode(KIND, data[i])
            for path, values in batch.columns.items():
                assert np.array_equal(values[row], plain(one, path)), path


def test_big_endian_messages_are_read() -> None:
    types = MessageTypes()
    data = bytes([0, 0, 0, 0]) + (7).to_bytes(4, "big") + (9).to_bytes(4, "big")
    (batch,) = CdrColumns(types.store.fielddefs, "builtin_interfaces/msg/Time").decode([data])
    assert batch.columns["sec"].tolist() == [7] and batch.columns["nanosec"].tolist() == [9]


@pytest.mark.parametrize("broken", [b"", b"\x00\x01", b"\x01\x07\x00\x00" + bytes(40)])
def test_what_is_no_message_is_counted_and_costs_no_other(broken: bytes) -> None:
    types = MessageTypes()
    good = [types.canonical(KIND, joint_state(types, i, ["a"], "odom")) for i in range(3)]
    columns = CdrColumns(types.store.fielddefs, KIND)
    (batch,) = columns.decode([good[0], broken, good[1], good[2]])
    assert batch.index.tolist() == [0, 2, 3]
    assert list(columns.unreadable.values()) == [1]


def test_messages_that_are_cut_off_are_counted() -> None:
    types = MessageTypes()
    data = types.canonical(KIND, joint_state(types, 1, ["a"], "odom"))
    columns = CdrColumns(types.store.fielddefs, KIND)
    assert columns.decode([data[:-12], data[:-12]]) == []
    ((why, times),) = columns.unreadable.items()
    assert "ends inside" in why and times == 2
