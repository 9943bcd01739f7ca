"""Bank records over CAN-FD (docs/robot/wire.md, part 3): 11-bit identifiers, 1 Mbit/s and 5 Mbit/s, up to 25 banks a bus.

A command is one frame. A state is two: head and first values, then the rest; the trailer covers both. The bank's position on
the bus is in the identifier, its position in the robot in the data id of the record.
"""

from typing import NamedTuple

from kinesis_control.drivers.codecs.valve_bank import COMMAND, HUB, STATE

COMMAND_FRAME, STATE_FRAME, HUB_FRAME = 0x100, 0x200, 0x400
"""First identifier of each kind: command + bank; state + 2 * bank + part; hub + 8 * hub + part."""
BANKS_PER_BUS, HUBS_PER_BUS, PAYLOAD = 25, 4, 64
_LENGTHS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64)


class Part(NamedTuple):
    """Where a frame belongs: kind is the identifier's base, `unit` the bank or hub on this bus, `part` the piece."""

    kind: int
    unit: int
    part: int


def padded(data: bytes) -> bytes:
    """`data` with zeros up to the next length that CAN-FD has."""
    return data.ljust(next(n for n in _LENGTHS if n >= len(data)), b"\0")


def command_frame(bank: int, record: memoryview) -> tuple[int, bytes]:
    """Identifier and payload of a command."""
    return COMMAND_FRAME + bank, padded(bytes(record))


def state_frames(bank: int, record: memoryview) -> list[tuple[int, bytes]]:
    """Identifiers and payloads of a state."""
    return [(STATE_FRAME + 2 * bank + part, padded(bytes(record[part * PAYLOAD : (part + 1) * PAYLOAD]))) for part in range(2)]


def hub_frames(hub: int, record: memoryview) -> list[tuple[int, bytes]]:
    """Identifiers and payloads of a hub record."""
    parts = -(-HUB.itemsize // PAYLOAD)
    return [(HUB_FRAME + 8 * hub + part, padded(bytes(record[part * PAYLOAD : (part + 1) * PAYLOAD]))) for part in range(parts)]


def place(identifier: int) -> Part | None:
    """What a frame is; None when it is none of ours."""
    if COMMAND_FRAME <= identifier < COMMAND_FRAME + BANKS_PER_BUS:
        return Part(COMMAND_FRAME, identifier - COMMAND_FRAME, 0)
    if STATE_FRAME <= identifier < STATE_FRAME + 2 * BANKS_PER_BUS:
        return Part(STATE_FRAME, *divmod(identifier - STATE_FRAME, 2))
    if HUB_FRAME <= identifier < HUB_FRAME + 8 * HUBS_PER_BUS:
        index, part = divmod(identifier - HUB_FRAME, 8)
        return Part(HUB_FRAME, index, part) if part * PAYLOAD < HUB.itemsize else None
    return None


class Assembler:
    """Puts the frames of one bank or hub together; a piece that does not follow its predecessor starts anew."""

    def __init__(self, size: int) -> None:
        self.record = bytearray(size)
        self._next = 0

    def add(self, part: int, payload: bytes) -> bool:
        """Take a piece; True when the record is whole."""
        begin, end = part * PAYLOAD, min((part + 1) * PAYLOAD, len(self.record))
        if part != self._next or len(payload) < end - begin:
            self._next = 0
            if part != 0 or len(payload) < end - begin:
                return False
        self.record[begin:end] = payload[: end - begin]
        self._next = part + 1 if end < len(self.record) else 0
        return self._next == 0


SIZES = {COMMAND_FRAME: COMMAND.itemsize, STATE_FRAME: STATE.itemsize, HUB_FRAME: HUB.itemsize}
