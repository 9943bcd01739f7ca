"""Bank records over UDP (docs/robot/wire.md, part 4): a 12-byte head, then records of one kind, one a bank or hub."""

import struct
from enum import IntEnum

from kinesis_control.drivers.codecs.valve_bank import COMMAND, HUB, STATE

MAGIC = b"KNB1"
PORT = 4710
MAX_PAYLOAD = 1400
"""Of a datagram; no fragmentation on an Ethernet of 1500 bytes."""
_HEAD = struct.Struct("<4sBBHI")


class Kind(IntEnum):
    """What a datagram holds."""

    COMMANDS = 1
    STATES = 2
    HUBS = 3


ITEM_BYTES = {Kind.COMMANDS: COMMAND.itemsize, Kind.STATES: STATE.itemsize, Kind.HUBS: HUB.itemsize}


def per_datagram(kind: Kind) -> int:
    """Records that fit into one datagram."""
    return (MAX_PAYLOAD - _HEAD.size) // ITEM_BYTES[kind]


def pack(kind: Kind, first: int, sequence: int, records: memoryview) -> bytes:
    """A datagram with the records of the banks `first`, `first` + 1, ..."""
    return b"".join((_HEAD.pack(MAGIC, kind, first, len(records) // ITEM_BYTES[kind], sequence & 0xFFFFFFFF), records))


def datagrams(kind: Kind, sequence: int, records: memoryview) -> list[bytes]:
    """All records of a cycle, split so that each datagram fits."""
    step = per_datagram(kind)
    size = ITEM_BYTES[kind]
    count = len(records) // size
    return [pack(kind, i, sequence, records[i * size : min(i + step, count) * size]) for i in range(0, count, step)]


def unpack(datagram: bytes | memoryview) -> tuple[Kind, int, int, memoryview] | None:
    """Kind, position of the first bank, sequence and records of a datagram; None when it is not one of ours."""
    if len(datagram) < _HEAD.size:
        return None
    magic, kind, first, count, sequence = _HEAD.unpack_from(datagram)
    if magic != MAGIC or kind not in ITEM_BYTES or len(datagram) != _HEAD.size + count * ITEM_BYTES[Kind(kind)]:
        return None
    return Kind(kind), first, sequence, memoryview(datagram)[_HEAD.size :]
