"""Messages of a golem robot server (Clone), both directions, written from interface facts alone.

A muscle pressure is a share of the muscle's calibrated range: 0 at `minimum` mbar, 1 at `maximum` mbar. Every reply may hold
fields that are not known here; they are skipped.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kinesis_control.protobuf import WireError, as_bytes, as_int, field_bytes, field_float, field_floats, field_varint, fields, floats

CONTROLLER = "/clone.controller.ControllerGRPC/"
STATE_STORE = "/clone.state_store.StateStoreReceiverGRPC/"
CONTROLLER_PORT, STATE_PORT = 4689, 4690

SET_PRESSURES, STREAM_PRESSURES = CONTROLLER + "SetPressures", CONTROLLER + "StreamSetPressures"
LOOSE, LOCK, PING = CONTROLLER + "LooseMuscles", CONTROLLER + "LockMuscles", CONTROLLER + "Ping"
START_PUMP, STOP_PUMP, PUMP_PRESSURE = CONTROLLER + "StartWaterPump", CONTROLLER + "StopWaterPump", CONTROLLER + "SetWaterPumpPressure"
PUMP_INFO, CONFIG, NODES, ERRORS = CONTROLLER + "GetWaterPumpInfo", CONTROLLER + "GetConfig", CONTROLLER + "GetNodes", CONTROLLER + "GetErrors"
SUBSCRIBE, TELEMETRY, SYSTEM_INFO = STATE_STORE + "SubscribeTelemetry", STATE_STORE + "GetTelemetry", STATE_STORE + "GetSystemInfo"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """Answer to a command. `error` is the server's number, 0 for none; `text` its words."""

    success: bool
    error: int = 0
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class ServerConfig:
    """What the server allows; a robot whose server allows missing nodes is not armed."""

    max_impulse_ms: int = 0
    use_pump: bool = False
    allow_missing_nodes: bool = False


@dataclass(frozen=True, kw_only=True)
class MuscleEntry:
    """Place of a muscle: index in every array, node on the robot's bus, channel of the node."""

    index: int
    node: int
    channel: int


@dataclass(frozen=True, kw_only=True)
class SystemInfo:
    """Muscles by name, and the calibrated range of each index; shape (n, 2) [mbar]."""

    muscles: dict[str, MuscleEntry]
    calibration_mbar: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class PumpInfo:
    """State of the pump; pressures in bar as the server gives them."""

    desired: float = 0.0
    pressure: float = 0.0
    running: bool = False
    active: bool = False
    temperature: float = 0.0


@dataclass(kw_only=True)
class Telemetry:
    """One sample. `pressures` shape (n,), slightly negative or NaN where a sensor is dead; `time` since start [s]."""

    pressures: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    imu_quaternion: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 4)))
    imu_valid: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))
    time: float = 0.0
    reply: Reply | None = None


IMU_GOOD = 1
"""Signal state of an inertial unit that can be believed."""


def encode_pressures(values: NDArray[np.floating]) -> bytes:
    """A request to set all muscles; finite values in 0..1, one a muscle, in the order of the server.

    Raises:
        ValueError: a value is not finite or out of range: how a server treats those is unknown.
    """
    if not (values.min() >= 0.0 and values.max() <= 1.0):  # false for NaN, too
        raise ValueError("pressures for a golem server must be finite and 0..1")
    return field_floats(1, values)


def decode_pressures(data: bytes) -> NDArray[np.float32]:
    """The values of a request; the server's side."""
    values = np.zeros(0, np.float32)
    for number, value in fields(data):
        if number == 1:
            values = floats(value)
    return values


def encode_reply(reply: Reply) -> bytes:
    """A reply; like every protobuf writer it leaves out what is zero."""
    error = (field_varint(1, reply.error) if reply.error else b"") + (field_bytes(2, reply.text.encode()) if reply.text else b"")
    return (field_varint(1, 1) if reply.success else b"") + (field_bytes(2, error) if error else b"")


def decode_reply(data: bytes) -> Reply:
    """A reply; an empty one says no success."""
    success, error, text = False, 0, ""
    for number, value in fields(data):
        if number == 1:
            success = bool(as_int(value))
        elif number == 2:
            for inner, item in fields(as_bytes(value)):
                if inner == 1:
                    error = as_int(item)
                elif inner == 2:
                    text = as_bytes(item).decode(errors="replace")
    return Reply(success=success, error=error, text=text)


def encode_pump_pressure(bar: float) -> bytes:
    """A request for a pump pressure [bar]."""
    return field_float(1, bar)


def encode_config(config: ServerConfig) -> bytes:
    """Answer to GetConfig."""
    return field_varint(1, config.max_impulse_ms) + field_varint(2, config.use_pump) + field_varint(3, config.allow_missing_nodes)


def decode_config(data: bytes) -> ServerConfig:
    """Answer to GetConfig; what is left out is 0 or false."""
    got = {number: as_int(value) for number, value in fields(data) if number in (1, 2, 3)}
    return ServerConfig(max_impulse_ms=got.get(1, 0), use_pump=bool(got.get(2, 0)), allow_missing_nodes=bool(got.get(3, 0)))


def encode_system_info(info: SystemInfo) -> bytes:
    """Answer to GetSystemInfo: map of muscles in field 2, calibration in field 4."""
    body = b""
    for name, entry in info.muscles.items():
        place = field_varint(1, entry.index) + field_varint(2, entry.node) + field_varint(3, entry.channel)
        body += field_bytes(2, field_bytes(1, name.encode()) + field_bytes(2, place))
    rows = b"".join(field_bytes(1, field_float(1, float(low)) + field_float(2, float(high))) for low, high in info.calibration_mbar)
    return field_bytes(1, body + field_bytes(4, rows))


def decode_system_info(data: bytes) -> SystemInfo:
    """Answer to GetSystemInfo.

    Raises:
        WireError: the muscles' indices are not 0..n-1, or the calibration has not one row a muscle.
    """
    muscles: dict[str, MuscleEntry] = {}
    rows: list[tuple[float, float]] = []
    for number, value in fields(data):
        if number != 1:
            continue
        for inner, item in fields(as_bytes(value)):
            if inner == 2:
                name, entry = _map_entry(as_bytes(item))
                muscles[name] = entry
            elif inner == 4:
                rows = [_range(as_bytes(row)) for n, row in fields(as_bytes(item)) if n == 1]
    if sorted(m.index for m in muscles.values()) != list(range(len(muscles))) or len(rows) != len(muscles):
        raise WireError(f"got {len(muscles)} muscles with indices that are not 0 to n-1, or {len(rows)} calibration rows")
    return SystemInfo(muscles=muscles, calibration_mbar=np.array(rows, dtype=float).reshape(-1, 2))


def _map_entry(data: bytes) -> tuple[str, MuscleEntry]:
    name, place = "", {1: 0, 2: 0, 3: 0}
    for number, value in fields(data):
        if number == 1:
            name = as_bytes(value).decode(errors="replace")
        elif number == 2:
            place.update({n: as_int(v) for n, v in fields(as_bytes(value)) if n in place})
    return name, MuscleEntry(index=place[1], node=place[2], channel=place[3])


def _range(data: bytes) -> tuple[float, float]:
    """Minimum and maximum; whole numbers or floats, whichever the server writes."""
    got = {1: 0.0, 2: 0.0}
    for number, value in fields(data):
        if number in got:
            got[number] = float(value) if isinstance(value, int) else float(floats(value)[0])
    return got[1], got[2]


def encode_telemetry(sample: Telemetry) -> bytes:
    """A sample, as SubscribeTelemetry and GetTelemetry send it."""
    sensors = field_floats(1, sample.pressures)
    for quaternion, good in zip(sample.imu_quaternion, sample.imu_valid, strict=True):
        parts = b"".join(field_float(k + 1, float(q)) for k, q in enumerate(quaternion))
        sensors += field_bytes(2, field_bytes(1, parts) + field_varint(2, IMU_GOOD if good else 0))
    seconds = int(sample.time)
    stamp = field_varint(1, seconds) + field_varint(2, round((sample.time - seconds) * 1e9))
    return field_bytes(1, field_bytes(1, sensors) + field_bytes(3, stamp)) + field_bytes(2, encode_reply(sample.reply or Reply(success=True)))


def decode_telemetry(data: bytes) -> Telemetry:
    """A sample; inertial units without a good signal are marked, not left out."""
    sample = Telemetry()
    for number, value in fields(data):
        if number == 1:
            for inner, item in fields(as_bytes(value)):
                if inner == 1:
                    _sensors(as_bytes(item), sample)
                elif inner == 3:
                    stamp = {n: as_int(v) for n, v in fields(as_bytes(item)) if n in (1, 2)}
                    sample.time = stamp.get(1, 0) + 1e-9 * stamp.get(2, 0)
        elif number == 2:
            sample.reply = decode_reply(as_bytes(value))
    return sample


def _sensors(data: bytes, sample: Telemetry) -> None:
    units: list[tuple[list[float], bool]] = []
    for number, value in fields(data):
        if number == 1:
            sample.pressures = floats(value)
        elif number == 2:
            quaternion, good = [0.0, 0.0, 0.0, 0.0], False
            for inner, item in fields(as_bytes(value)):
                if inner == 1:
                    for k, part in fields(as_bytes(item)):
                        if 1 <= k <= 4:
                            quaternion[k - 1] = float(floats(part)[0])
                elif inner == 2:
                    good = as_int(item) == IMU_GOOD
            units.append((quaternion, good))
    if units:
        sample.imu_quaternion = np.array([q for q, _ in units])
        sample.imu_valid = np.array([good for _, good in units])


def encode_pump_info(info: PumpInfo) -> bytes:
    """Answer to GetWaterPumpInfo."""
    body = field_float(1, info.desired) + field_float(2, info.pressure) + field_varint(3, info.running) + field_varint(4, info.active)
    return field_bytes(1, body + field_float(5, info.temperature)) + field_bytes(2, encode_reply(Reply(success=True)))


def decode_pump_info(data: bytes) -> PumpInfo:
    """Answer to GetWaterPumpInfo."""
    got: dict[int, float] = {}
    for number, value in fields(data):
        if number == 1:
            got = {n: float(v) if isinstance(v, int) else float(floats(v)[0]) for n, v in fields(as_bytes(value))}
    return PumpInfo(desired=got.get(1, 0.0), pressure=got.get(2, 0.0), running=bool(got.get(3, 0)), active=bool(got.get(4, 0)), temperature=got.get(5, 0.0))
