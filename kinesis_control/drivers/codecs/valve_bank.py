"""The valve-bank profile: records that a bank of ten channels and a sensor hub exchange with the driver (docs/robot/wire.md).

The same records travel over EtherCAT (one process image a slave), CAN-FD and UDP. All numbers are little-endian.

    pressure   20 Pa a count; in a state shifted by +500 counts, so that a sensor may read down to -0.1 bar; 0xFFFF = no reading
    length     20 um a count;  tension  0.2 N a count;  0xFFFF = no reading
    tick       time of the bank since its boot, 0.5 ms a count
"""

from enum import IntEnum, IntFlag
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

CHANNELS = 10
VERSION = 1
PRESSURE_PA = 20.0
PRESSURE_SHIFT = 500
LENGTH_M = 20e-6
TENSION_N = 0.2
TICK_S = 0.5e-3
NO_READING = 0xFFFF
MAX_COUNT = 0xFFFE

COMMAND_ID, STATE_ID, HUB_ID = 0xC100, 0xA100, 0xA200
"""Data id of a record: one of these plus the position of the bank or hub, 0..255."""

VENDOR_ID = 0x00000ABC
"""Not a registered vendor of the EtherCAT Technology Group: the profile is for test devices."""
BANK_PRODUCT, HUB_PRODUCT, REVISION = 0x00290010, 0x00290020, 0x00010001


class Control(IntEnum):
    """What a command asks of a bank."""

    VENT = 0
    """All outlets open."""
    HOLD = 1
    """All valves closed. At most for `vent_after_ms`; then the bank ramps down by itself."""
    FOLLOW = 2
    """Track the pressures."""
    ARM = 3
    """Take an arm token; the pressures' place holds arm_count (u32), token (8 bytes) and zeros."""
    RESET = 4
    """Forget latched faults; answered by DISARMED, never by ARMED."""
    IDENT = 5
    """Answer with the identity page; of epoch 0, which has no other control."""
    RAMP = 6
    """Lower all pressures within `ramp_ms`, then vent."""


class BankState(IntEnum):
    """State word of a bank."""

    BOOT = 0
    DISARMED = 1
    """Vented; takes no pressures."""
    ARMED = 2
    """Valves closed, waiting for the first FOLLOW."""
    ACTIVE = 3
    HOLD = 4
    """Valves closed because the deadline of the last command has passed, or because HOLD was asked for."""
    RAMP = 5
    FAULT = 6
    """Vented, latched; only RESET leaves it, and it leads to DISARMED."""


class BankFault(IntFlag):
    """Latched faults of a bank."""

    NONE = 0
    COMMAND_LOST = 1 << 0
    END_TO_END = 1 << 1
    """Three unusable records in a row."""
    OVER_PRESSURE = 1 << 2
    OVER_TEMPERATURE = 1 << 3
    SENSOR = 1 << 4
    SUPPLY = 1 << 5
    BROWN_OUT = 1 << 6
    CONFIGURATION = 1 << 7
    VALVE = 1 << 8
    """A pressure does not follow its command: stuck, blocked or burst."""
    INTERNAL = 1 << 9


COMMAND = np.dtype(
    [
        ("data_id", "<u2"), ("version", "u1"), ("control", "u1"), ("counter", "<u4"), ("epoch", "<u4"), ("echo", "<u4"),
        ("ttl_ms", "u1"), ("channels", "u1"), ("layout", "<u2"), ("pressure", "<u2", (CHANNELS,)), ("crc", "<u4"), ("mac", "u1", (8,)),
    ]
)  # fmt: skip
"""52 bytes. `echo` is the tick of the last state seen of this bank; `layout` the first 16 bits of the layout hash."""

STATE = np.dtype(
    [
        ("data_id", "<u2"), ("version", "u1"), ("state", "u1"), ("tick", "<u4"), ("epoch", "<u4"), ("echo", "<u4"),
        ("faults", "<u2"), ("fault_channel", "u1"), ("temperature", "i1"), ("supply", "<u2"), ("layout", "<u2"),
        ("pressure", "<u2", (CHANNELS,)), ("page", "<u2", (CHANNELS,)), ("crc", "<u4"), ("mac", "u1", (8,)),
    ]
)  # fmt: skip
"""76 bytes. `state` holds the state word in its low four bits and says what `page` is in the two above; `echo` is the counter of
the last command that was taken; `fault_channel` 255 when it concerns the whole bank."""

STATE_MASK, PAGE_SHIFT = 0x0F, 4


class Page(IntEnum):
    """What the last ten values of a state are; a bank sends length and tension in turns."""

    LENGTH = 0
    TENSION = 1
    IDENT = 2
    """Pressure and page together are an identity page."""


IDENT = np.dtype(
    [
        ("serial", "<u8"), ("nonce", "u1", (8,)), ("layout", "u1", (8,)), ("limits", "<u4"), ("calibration", "<u4"), ("epoch", "<u4"),
        ("firmware", "<u2"), ("position", "u1"), ("channels", "u1"),
    ]
)  # fmt: skip
"""40 bytes, in the place of pressure and page. `serial` is the robot's, `nonce` that of this boot, `epoch` the highest one the
bank has taken; `limits` and `calibration` are checksums."""

IDENT_AT = 24
"""Where an identity page begins in a state."""


def limits_checksum(*, max_pressure_pa: float, slew_pa_s: float, trip_pa: float, hold_after_ms: int, vent_after_ms: int, ramp_ms: int) -> int:
    """Checksum of the limits that a bank enforces: CRC-32 over six u16 (counts, counts per ms, counts, ms, ms, ms)."""
    counts = (round(max_pressure_pa / PRESSURE_PA), round(slew_pa_s / PRESSURE_PA / 1000.0), round(trip_pa / PRESSURE_PA))
    return crc32(b"".join(v.to_bytes(2, "little") for v in (*counts, hold_after_ms, vent_after_ms, ramp_ms)))


HUB_JOINTS, HUB_CONTACTS = 32, 8
HUB = np.dtype(
    [
        ("data_id", "<u2"), ("version", "u1"), ("state", "u1"), ("tick", "<u4"), ("epoch", "<u4"), ("joints", "u1"), ("contacts", "u1"),
        ("valid", "<u2"), ("joint_position", "<i2", (HUB_JOINTS,)), ("joint_velocity", "<i2", (HUB_JOINTS,)),
        ("root_position", "<i4", (3,)), ("root_velocity", "<i2", (3,)), ("root_quaternion", "<i2", (4,)), ("root_rate", "<i2", (3,)),
        ("contact_force", "<u2", (HUB_CONTACTS,)), ("crc", "<u4"), ("mac", "u1", (8,)),
    ]
)  # fmt: skip
"""204 bytes, from the sensor hub: joint encoders, inertial unit at the root, gantry encoder, foot forces. Scales below."""

JOINT_RAD, JOINT_RAD_S = 1e-4, 2e-3
ROOT_M, ROOT_M_S, ROOT_QUATERNION, ROOT_RAD_S, CONTACT_N = 1e-4, 1e-3, 1.0 / 32767.0, 1e-3, 0.2
NO_JOINT = -32768
"""A joint without a reading."""


class HubValid(IntFlag):
    """Which parts of a hub record are measured."""

    JOINTS = 1
    ROOT_POSE = 2
    """Gantry encoder: position and linear velocity."""
    ROOT_INERTIAL = 4
    CONTACTS = 8


def banks_of(n_muscles: int) -> int:
    """Banks that `n_muscles` need; the last may be partly empty, its spare channels stay at 0."""
    return -(-n_muscles // CHANNELS)


def layout_word(layout_hash: str) -> int:
    """The 16 bits of a layout hash that every record carries."""
    return int(layout_hash[:4], 16)


def to_counts(pressure_pa: NDArray[np.float64]) -> NDArray[np.uint16]:
    """Commanded pressures in counts; finite input, clipped to what the wire holds."""
    return np.clip(np.rint(pressure_pa / PRESSURE_PA), 0, MAX_COUNT).astype(np.uint16)


def state_counts(pressure_pa: NDArray[np.float64]) -> NDArray[np.uint16]:
    """Measured pressures in counts; NaN becomes NO_READING."""
    counts = np.clip(np.rint(np.nan_to_num(pressure_pa) / PRESSURE_PA) + PRESSURE_SHIFT, 0, MAX_COUNT)
    return np.where(np.isfinite(pressure_pa), counts, NO_READING).astype(np.uint16)


def scaled_counts(values: NDArray[np.float64], unit: float) -> NDArray[np.uint16]:
    """Lengths or tensions in counts of `unit`; NaN becomes NO_READING."""
    counts = np.clip(np.rint(np.nan_to_num(values) / unit), 0, MAX_COUNT)
    return np.where(np.isfinite(values), counts, NO_READING).astype(np.uint16)


def image(dtype: np.dtype, n: int) -> tuple[bytearray, np.ndarray, list[memoryview]]:
    """A buffer of `n` records: its bytes, the records as a structured array over them, and one view of bytes a record."""
    raw = bytearray(dtype.itemsize * n)
    view = memoryview(raw)
    return raw, np.frombuffer(raw, dtype), [view[i * dtype.itemsize : (i + 1) * dtype.itemsize] for i in range(n)]
