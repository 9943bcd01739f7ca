"""One emulated EtherCAT slave controller: registers, device information, state machine, memory of the process data.

As much of a controller as a simple device without a mailbox needs: no distributed clocks, two sync managers, two FMMUs.
Register addresses and the layout of the device information (SII) are those of the EtherCAT slave controllers that are common.
"""

import struct
from dataclasses import dataclass

import numpy as np

INIT, PREOP, SAFEOP, OP = 1, 2, 4, 8
ERROR_BIT = 0x10
AL_INVALID_CHANGE, AL_UNKNOWN_STATE, AL_WATCHDOG = 0x0011, 0x0012, 0x001B

OUTPUTS_AT, INPUTS_AT = 0x1000, 0x1800
_MEMORY = 0x3000
_DL_STATUS, _AL_CONTROL, _AL_STATUS, _AL_CODE = 0x110, 0x120, 0x130, 0x134
_WATCHDOG_DIVIDER, _WATCHDOG_STEPS, _WATCHDOG_STATUS = 0x400, 0x420, 0x440
_SII_CONTROL, _SII_ADDRESS, _SII_DATA = 0x502, 0x504, 0x508
_FMMU, _FMMU_BYTES, _FMMUS = 0x600, 16, 8
_DIVIDER_NS = 40
_ALLOWED = {INIT: (INIT, PREOP), PREOP: (INIT, PREOP, SAFEOP), SAFEOP: (INIT, PREOP, SAFEOP, OP), OP: (INIT, PREOP, SAFEOP, OP)}
_CODES = {"u1": 0x05, "<u2": 0x06, "|u1": 0x05, "<u4": 0x07, "|i1": 0x02, "<i2": 0x03, "<i4": 0x04}
_BITS = {"|u1": 8, "|i1": 8, "<u2": 16, "<i2": 16, "<u4": 32, "<i4": 32}


@dataclass(frozen=True, kw_only=True)
class DeviceInfo:
    """What a device says of itself before it takes part.

    Attributes:
        vendor, product, revision, serial: identity in the SII.
        name: shown by masters.
        outputs, inputs: records of the process data; None for none.
    """

    vendor: int
    product: int
    revision: int
    serial: int
    name: str
    outputs: np.dtype | None
    inputs: np.dtype | None

    @property
    def output_bytes(self) -> int:
        """Size of the outputs."""
        return self.outputs.itemsize if self.outputs is not None else 0

    @property
    def input_bytes(self) -> int:
        """Size of the inputs."""
        return self.inputs.itemsize if self.inputs is not None else 0


def device_information(info: DeviceInfo) -> bytes:
    """The SII: identity, strings, general, FMMU and sync manager use, and the process data objects."""
    head = bytearray(0x80)
    struct.pack_into("<IIII", head, 0x10, info.vendor, info.product, info.revision, info.serial)
    struct.pack_into("<HH", head, 0x7C, 0x0F, 1)
    names = [info.name, "Command", "State"]
    strings = bytes([len(names)]) + b"".join(bytes([len(n)]) + n.encode() for n in names)
    general = bytearray(32)
    general[0], general[3] = 1, 1
    managers, use = b"", b""
    if info.outputs is not None:
        managers, use = struct.pack("<HHBBBB", OUTPUTS_AT, info.output_bytes, 0x64, 0, 1, 3), b"\x01"
    if info.inputs is not None:
        managers += struct.pack("<HHBBBB", INPUTS_AT, info.input_bytes, 0x20, 0, 1, 4)
        use += b"\x02"
    out = bytes(head) + _category(10, strings) + _category(30, bytes(general)) + _category(40, use) + _category(41, managers)
    if info.inputs is not None:
        out += _category(50, _process_data(0x1A00, 0x6000, 0 if info.outputs is None else 1, info.inputs, 3))
    if info.outputs is not None:
        out += _category(51, _process_data(0x1600, 0x7000, 0, info.outputs, 2))
    return out + b"\xff" * 64


def _category(kind: int, data: bytes) -> bytes:
    data += b"\0" * (len(data) % 2)
    return struct.pack("<HH", kind, len(data) // 2) + data


def _process_data(index: int, objects: int, manager: int, record: np.dtype, name: int) -> bytes:
    """One PDO with an entry for every field; an array is one object with an entry for every element."""
    entries = []
    assert record.names is not None
    for number, field in enumerate(record.names):
        base, shape = record[field].subdtype or (record[field], ())
        for sub in range(int(np.prod(shape, dtype=int))):
            entries.append(struct.pack("<HBBBBH", objects + number, sub + 1, name, _CODES[base.str], _BITS[base.str], 0))
    return struct.pack("<HBBBBH", index, len(entries), manager, 0, name, 0) + b"".join(entries)


class SlaveController:
    """Registers and memory of one device.

    Attributes:
        info: what it is.
        memory: registers and process data, by address.
        written_ns: when its outputs were last written [ns]; 0 before.
        changed: set whenever the mapping of the process data or the state may have changed; the segment clears it.
    """

    def __init__(self, info: DeviceInfo, *, is_last: bool) -> None:
        self.info = info
        self.memory = bytearray(_MEMORY)
        self._sii = device_information(info)
        self.written_ns = 0
        self.changed = True
        struct.pack_into("<BBHBBBB", self.memory, 0, 0x11, 0, 1, _FMMUS, 8, 8, 0x0F)
        self.set_link(is_last=is_last)
        struct.pack_into("<H", self.memory, _AL_STATUS, INIT)
        struct.pack_into("<H", self.memory, _WATCHDOG_DIVIDER, 2498)
        struct.pack_into("<H", self.memory, _WATCHDOG_STEPS, 1000)

    def set_link(self, *, is_last: bool) -> None:
        """Say whether a device follows at the second port."""
        port_1 = 0x0400 if is_last else 0x0820
        struct.pack_into("<H", self.memory, _DL_STATUS, 0x0001 | 0x0010 | 0x0200 | port_1)

    @property
    def state(self) -> int:
        """State of the application layer, without the error bit."""
        return self.memory[_AL_STATUS] & 0x0F

    @property
    def address(self) -> int:
        """Station address that the master gave."""
        return int.from_bytes(self.memory[0x10:0x12], "little")

    @property
    def outputs(self) -> memoryview:
        """What the master last wrote."""
        return memoryview(self.memory)[OUTPUTS_AT : OUTPUTS_AT + self.info.output_bytes]

    @property
    def inputs(self) -> memoryview:
        """What the master reads; the firmware writes it."""
        return memoryview(self.memory)[INPUTS_AT : INPUTS_AT + self.info.input_bytes]

    def read(self, address: int, size: int) -> bytes:
        """A register access; beyond the memory there are zeros."""
        return bytes(self.memory[address : address + size]).ljust(size, b"\0")

    def write(self, address: int, data: bytes, now_ns: int) -> None:
        """A register access, with what it sets off."""
        end = min(address + len(data), _MEMORY)
        if address >= end:
            return
        status = self.read(_AL_STATUS, 6)
        self.memory[address:end] = data[: end - address]
        self.memory[_AL_STATUS : _AL_STATUS + 6] = status  # read-only for a master
        if address <= _AL_CONTROL < end:
            self._request(self.memory[_AL_CONTROL], now_ns)
        if address <= _SII_CONTROL < end:
            self._read_sii()
        if address < _FMMU + _FMMU_BYTES * _FMMUS and end > _FMMU:
            self.changed = True

    def _request(self, control: int, now_ns: int) -> None:
        """A change of state, or its refusal."""
        wanted, error = control & 0x0F, self.memory[_AL_STATUS] & ERROR_BIT
        if error and not control & ERROR_BIT and wanted != INIT:
            return
        if wanted not in _ALLOWED:
            self._set_state(self.state | ERROR_BIT, AL_UNKNOWN_STATE)
        elif wanted not in _ALLOWED[self.state]:
            self._set_state(self.state | ERROR_BIT, AL_INVALID_CHANGE)
        else:
            if wanted == OP:
                self.written_ns = now_ns
            self._set_state(wanted, 0)

    def _set_state(self, status: int, code: int) -> None:
        struct.pack_into("<H", self.memory, _AL_STATUS, status)
        struct.pack_into("<H", self.memory, _AL_CODE, code)
        self.changed = True

    def _read_sii(self) -> None:
        if int.from_bytes(self.memory[_SII_CONTROL : _SII_CONTROL + 2], "little") & 0x0100:
            word = int.from_bytes(self.memory[_SII_ADDRESS : _SII_ADDRESS + 4], "little")
            self.memory[_SII_DATA : _SII_DATA + 8] = self._sii[2 * word : 2 * word + 8].ljust(8, b"\xff")
        struct.pack_into("<H", self.memory, _SII_CONTROL, 0x0040)  # idle, eight bytes a read

    def mappings(self) -> list[tuple[int, int, int, bool, bool]]:
        """Active FMMUs: logical start, length, memory address, whether they read, whether they write."""
        found = []
        for k in range(_FMMUS):
            start, length, _, _, physical, _, kind, active = struct.unpack_from("<IHBBHBBB", self.memory, _FMMU + _FMMU_BYTES * k)
            if active & 1 and length:
                found.append((start, length, physical, bool(kind & 1), bool(kind & 2)))
        return found

    def watch(self, now_ns: int) -> bool:
        """Leave OPERATIONAL when the outputs have stayed away for too long; True when that happened now."""
        if self.state != OP or not self.info.output_bytes:
            return False
        divider, steps = (int.from_bytes(self.memory[a : a + 2], "little") for a in (_WATCHDOG_DIVIDER, _WATCHDOG_STEPS))
        limit_ns = (divider + 2) * _DIVIDER_NS * steps
        if not limit_ns or now_ns - self.written_ns <= limit_ns:
            return False
        self.outputs[:] = bytes(self.info.output_bytes)
        self._set_state(SAFEOP | ERROR_BIT, AL_WATCHDOG)
        return True
