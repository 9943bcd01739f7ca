"""Messages between the guardian and those who talk to it over its local socket (docs/robot/wire.md, part 6).

A Unix socket of type SOCK_SEQPACKET: one packet is one message. A packet is a kind byte and the fixed layout of that kind.
Who connects says HELLO first; the guardian checks the peer's user id with SO_PEERCRED before it reads anything.
"""

import struct
from dataclasses import astuple, dataclass
from enum import IntEnum, IntFlag
from typing import ClassVar, TypeVar

VERSION = 1
NO_KEY = bytes(32)
NO_TOKEN = bytes(8)
STATUS_PERIOD_S = 0.01
"""The guardian sends STATUS that often to everyone, and at once when something changes."""
NO_MUSCLE = 0xFFFF
"""Muscle of a fault that concerns none in particular."""
HEARTBEAT_TIMEOUT_S = 0.05
"""Silence of the bus process, or of the guardian, after which the other side stops the robot (category 1)."""


class Role(IntEnum):
    """Who is at the other end."""

    BUS = 1
    """Asks for the lease and sends heartbeats; one at a time holds the lease."""
    OPERATOR = 2
    """Arms, disarms, stops and resets."""
    MONITOR = 3
    """Only listens."""


class GuardianState(IntEnum):
    """Where the arming sequence is; each step needs the one before."""

    BOOT = 0
    SELFTEST = 1
    IDENT = 2
    LEASE = 3
    ESTOP_CHAIN = 4
    SUPPLY_ON = 5
    PRECHARGE = 6
    ARMED = 7
    ACTIVE = 8
    STOPPING = 9
    FAULT = 10
    """Latched; an explicit reset leads to BOOT, and a fresh ARM is needed after it."""


class Permit(IntEnum):
    """The most that the bus process may ask of the banks."""

    VENT = 0
    RAMP = 1
    HOLD = 2
    ARM = 3
    """Hand `arm_count` and `arm_token` to the banks."""
    FOLLOW = 4


class StopCategory(IntEnum):
    """How the robot stops."""

    VENT = 0
    """All outlets open, supply off and dumped."""
    RAMP = 1
    """Ramp down, then vent; supply off and dumped."""
    HOLD = 2
    """Valves closed; for at most 300 ms, then RAMP."""


class Request(IntEnum):
    """What an operator asks for."""

    ARM = 1
    DISARM = 2
    ESTOP = 3
    RESET = 4


class BusFlag(IntFlag):
    """What the bus process says of itself in each heartbeat."""

    SELFTEST_OK = 1
    IDENTIFIED = 2
    """Serial, layout, limits and calibration of every bank are those of the configuration."""
    LINK_OK = 4
    """Every bank answered in time within the last 20 ms."""
    BANKS_ARMED = 8
    PRECHARGED = 16
    COMMANDS_FRESH = 32
    FOLLOWING = 64
    FAULT = 128
    """`fault` and `muscle` say which."""
    VENTED = 256
    """Every known pressure is below 0.5 bar."""


class Refusal(IntEnum):
    """Why something was not granted."""

    NONE = 0
    PEER = 1
    VERSION = 2
    ROLE = 3
    LEASE_HELD = 4
    WRONG_ROBOT = 5
    WRONG_STATE = 6
    ESTOP_OPEN = 7
    RESET_HELD = 8
    STALE_EPOCH = 9


M = TypeVar("M", bound="Message")


@dataclass(frozen=True, kw_only=True)
class Message:
    """Base: `KIND` is the first byte, `FORMAT` the layout of the fields in their order."""

    KIND: ClassVar[int]
    FORMAT: ClassVar[struct.Struct]

    def pack(self) -> bytes:
        """The packet."""
        return bytes((self.KIND,)) + self.FORMAT.pack(*(_text(v) if isinstance(v, str) else v for v in astuple(self)))


@dataclass(frozen=True, kw_only=True)
class Hello(Message):
    """First message of everyone. `name` up to 32 bytes, for logs."""

    KIND: ClassVar[int] = 1
    FORMAT: ClassVar[struct.Struct] = struct.Struct("<BB32s")
    version: int = VERSION
    role: int = Role.MONITOR
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class LeaseRequest(Message):
    """From the bus process; answered by Lease or Refused.

    Attributes:
        serial: the robot it found, 0 before it looked.
        layout_hash: 16 hexadecimal digits.
        epoch_floor: highest epoch that any bank has taken; the granted one is above it.
    """

    KIND: ClassVar[int] = 2
    FORMAT: ClassVar[struct.Struct] = struct.Struct("<Q16sI")
    serial: int
    layout_hash: str
    epoch_floor: int


@dataclass(frozen=True, kw_only=True)
class Heartbeat(Message):
    """From the holder of the lease, each bus cycle or each 5 ms, whichever is longer.

    Attributes:
        epoch: of the lease.
        sequence: grows by one.
        stamp_ns: CLOCK_MONOTONIC when the cycle began [ns].
        flags: BusFlag.
        fault: number of the worst fault, 0 for none; `muscle` its muscle, 65535 for none.
        supply_pa: supply pressure as the banks read it [Pa]; NaN when unknown.
        highest_pa: highest muscle pressure [Pa]; NaN when unknown.
    """

    KIND: ClassVar[int] = 3
    FORMAT: ClassVar[struct.Struct] = struct.Struct("<IIqIHHff")
    epoch: int
    sequence: int
    stamp_ns: int
    flags: int
    fault: int = 0
    muscle: int = NO_MUSCLE
    supply_pa: float = float("nan")
    highest_pa: float = float("nan")


@dataclass(frozen=True, kw_only=True)
class Ask(Message):
    """From an operator; answered by Done or Refused. `category` is of meaning for DISARM and ESTOP."""

    KIND: ClassVar[int] = 4
    FORMAT: ClassVar[struct.Struct] = struct.Struct("<BB")
    request: int
    category: int = StopCategory.RAMP


@dataclass(frozen=True, kw_only=True)
class Release(Message):
    """From the bus process: gives the lease back after an orderly end."""

    KIND: ClassVar[int] = 5
    FORMAT: ClassVar[struct.Struct] = struct.Struct("<I")
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Lease(Message):
    """To the bus process: the epoch and the key to speak in its name."""

    KIND: ClassVar[int] = 64
    FORMAT: ClassVar[struct.Struct] = struct.Struct("<I32s")
    epoch: int
    key: bytes = NO_KEY


@dataclass(frozen=True, kw_only=True)
class Status(Message):
    """To everyone.

    Attributes:
        state: GuardianState; `permit`: Permit; `category`: StopCategory while STOPPING or in FAULT.
        epoch: of the lease in force, 0 for none.
        sequence: grows by one.
        stamp_ns: CLOCK_MONOTONIC when it was sent [ns].
        estop: bit 0 channel A closed, bit 1 channel B closed, bit 2 latched, bit 3 reset button pressed.
        supply: bit 0 pump on, bit 1 dump valve open.
        fault: latched fault of the guardian's own list, 0 for none; `muscle` of the heartbeat that named it.
        arm_count, arm_token: for the banks, while `permit` is ARM; zeros to everyone but the holder of the lease.
        text: cause or next step in words, up to 80 bytes.
    """

    KIND: ClassVar[int] = 65
    FORMAT: ClassVar[struct.Struct] = struct.Struct("<BBBIIqBBHHI8s80s")
    state: int
    permit: int = Permit.VENT
    category: int = StopCategory.VENT
    epoch: int = 0
    sequence: int = 0
    stamp_ns: int = 0
    estop: int = 0
    supply: int = 0
    fault: int = 0
    muscle: int = NO_MUSCLE
    arm_count: int = 0
    arm_token: bytes = NO_TOKEN
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Done(Message):
    """To an operator: what he asked for has begun."""

    KIND: ClassVar[int] = 66
    FORMAT: ClassVar[struct.Struct] = struct.Struct("<B80s")
    request: int
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Refused(Message):
    """To whoever asked: why not."""

    KIND: ClassVar[int] = 67
    FORMAT: ClassVar[struct.Struct] = struct.Struct("<B80s")
    reason: int
    text: str = ""


MESSAGES: dict[int, type[Message]] = {m.KIND: m for m in (Hello, LeaseRequest, Heartbeat, Ask, Release, Lease, Status, Done, Refused)}
MAX_PACKET = 1 + max(m.FORMAT.size for m in MESSAGES.values())
_TEXT_FIELDS = {m.KIND: tuple(f.type in (str, "str") for f in m.__dataclass_fields__.values() if f.name not in ("KIND", "FORMAT")) for m in MESSAGES.values()}


def unpack(packet: bytes) -> Message | None:
    """The message in a packet; None when it is not one, whatever was sent."""
    message = MESSAGES.get(packet[0]) if packet else None
    if message is None or len(packet) != 1 + message.FORMAT.size:
        return None
    values = message.FORMAT.unpack_from(packet, 1)
    names = [name for name in message.__dataclass_fields__ if name not in ("KIND", "FORMAT")]
    text = _TEXT_FIELDS[message.KIND]
    return message(**{n: v.rstrip(b"\0").decode(errors="replace") if t else v for n, v, t in zip(names, values, text, strict=True)})


def _text(value: str) -> bytes:
    """Bytes of a text field; struct cuts or fills them, and a cut character at the end is replaced when read."""
    return value.encode()
