"""An EtherCAT segment of emulated devices on a raw socket: a stock master takes it to OPERATIONAL and exchanges process data.

    segment = Segment(bank_devices(29), on_outputs=firmware.command)
    with EthercatPort("veth1", segment) as port:
        while running:
            port.poll(until_ns)          # answers frames; calls on_outputs(position, record) for each record that was written
            firmware.tick(); segment.slaves[3].inputs[:] = state

Faults are put in through `Segment.alive` (devices that are still reached, from the front) and `Segment.tamper`.
"""

import socket
import struct
import time
from collections.abc import Callable, Sequence
from types import TracebackType

from kinesis_control.drivers.codecs.valve_bank import BANK_PRODUCT, COMMAND, HUB, HUB_PRODUCT, REVISION, STATE, VENDOR_ID
from kinesis_control.errors import UnavailableError
from kinesis_sim.emulator.esc import OP, SAFEOP, DeviceInfo, SlaveController

ETHERTYPE = 0x88A4
_ETHERNET, _ECAT_HEAD, _DATAGRAM = 14, 2, struct.Struct("<BBHHHH")
_LOGICAL_READ, _LOGICAL_WRITE, _LOGICAL_BOTH = 10, 11, 12
_AUTO_INCREMENT, _CONFIGURED, _BROADCAST = (1, 2, 3, 13), (4, 5, 6, 14), (7, 8, 9)
_READS, _WRITES = (1, 4, 7), (2, 5, 8)
_READ_WRITE, _READ_MULTIPLE_WRITE = (3, 6, 9), (13, 14)

OutputsHandler = Callable[[int, memoryview], None]


def bank_devices(banks: int, *, has_hub: bool = True) -> list[DeviceInfo]:
    """The devices of a robot: its valve banks in order, then the sensor hub."""
    bank = [
        DeviceInfo(vendor=VENDOR_ID, product=BANK_PRODUCT, revision=REVISION, serial=i, name="KinesisValveBank", outputs=COMMAND, inputs=STATE)
        for i in range(banks)
    ]
    hub = DeviceInfo(vendor=VENDOR_ID, product=HUB_PRODUCT, revision=REVISION, serial=0, name="KinesisSensorHub", outputs=None, inputs=HUB)
    return [*bank, hub] if has_hub else bank


class _Move:
    """One copy between a frame and the memory of a device, for one logical address range."""

    __slots__ = ("at", "end", "memory_at", "memory_end", "position", "slave", "whole", "writes")

    def __init__(self, slave: SlaveController, position: int, at: int, end: int, memory_at: int, *, writes: bool) -> None:
        self.slave, self.position, self.at, self.end, self.memory_at, self.writes = slave, position, at, end, memory_at, writes
        self.memory_end = memory_at + end - at
        self.whole = end - at == slave.info.output_bytes


class Segment:
    """Devices in their order on the wire.

    Attributes:
        slaves: the devices.
        alive: how many of them, from the front, still see frames: a cable break sets it lower.
        tamper: changes a frame before it goes back, or gives None to lose it; None for no fault.
        on_outputs: called with position and record whenever a device in OPERATIONAL had its outputs written.
        on_watchdog: called with the position of a device whose process data watchdog ran out.
    """

    def __init__(self, devices: Sequence[DeviceInfo], on_outputs: OutputsHandler, on_watchdog: Callable[[int], None] | None = None) -> None:
        self.slaves = [SlaveController(info, is_last=i == len(devices) - 1) for i, info in enumerate(devices)]
        self.alive = len(self.slaves)
        self.tamper: Callable[[bytearray], bytearray | None] | None = None
        self.on_outputs, self.on_watchdog = on_outputs, on_watchdog
        self._plans: dict[tuple[int, int, int], tuple[list[_Move], int]] = {}
        self._plans_alive = self.alive
        self._written: list[tuple[int, memoryview]] = []

    def process(self, frame: bytearray, now_ns: int) -> bytearray | None:
        """Let a frame pass through all devices, in place; None when it is lost. `deliver` hands on what it wrote."""
        at = _ETHERNET + _ECAT_HEAD
        while at + _DATAGRAM.size + 2 <= len(frame):
            command, index, position, offset, length, interrupt = _DATAGRAM.unpack_from(frame, at)
            begin = at + _DATAGRAM.size
            end = begin + (length & 0x7FF)
            if end + 2 > len(frame):
                break
            counter = int.from_bytes(frame[end : end + 2], "little")
            if command in (_LOGICAL_READ, _LOGICAL_WRITE, _LOGICAL_BOTH):
                counter += self._logical(frame, begin, end, command, position | offset << 16, now_ns)
            elif command:
                added, position = self._registers(frame, begin, end, command, position, offset, now_ns)
                counter += added
                _DATAGRAM.pack_into(frame, at, command, index, position, offset, length, interrupt)
            frame[end : end + 2] = (counter & 0xFFFF).to_bytes(2, "little")
            at = end + 2
            if not length & 0x8000:
                break
        frame[6] |= 2  # a controller marks the source address of what it has processed
        return self.tamper(frame) if self.tamper is not None else frame

    def deliver(self) -> None:
        """Hand the outputs that were written to `on_outputs`; after the frame is on its way, as firmware reads them."""
        written, self._written = self._written, []
        for position, record in written:
            self.on_outputs(position, record)

    def watch(self, now_ns: int) -> None:
        """Let the watchdogs of the process data run."""
        for position, slave in enumerate(self.slaves):
            if slave.watch(now_ns) and self.on_watchdog is not None:
                self.on_watchdog(position)

    def _registers(self, frame: bytearray, begin: int, end: int, command: int, position: int, offset: int, now_ns: int) -> tuple[int, int]:
        """An access to registers by place, by address or by all; the working counter's growth and the new address field."""
        counter = 0
        for slave in self.slaves[: self.alive]:
            if command in _CONFIGURED:
                hit = slave.address == position
            else:
                hit = command in _BROADCAST or position == 0
                position = (position + 1) & 0xFFFF
            counter += _access(slave, frame, begin, end, command, offset, hit, now_ns)
        return counter, position

    def _logical(self, frame: bytearray, begin: int, end: int, command: int, address: int, now_ns: int) -> int:
        """Process data: copies that were worked out once for each range, until a mapping or a state changes."""
        if self._plans_alive != self.alive or any(slave.changed for slave in self.slaves):
            self._plans.clear()
            self._plans_alive = self.alive
            for slave in self.slaves:
                slave.changed = False
        key = (command, address, end - begin)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = self._plan(command, address, end - begin)
        moves, counter = plan
        for move in moves:
            if move.writes:
                if move.slave.state == OP:
                    move.slave.memory[move.memory_at : move.memory_end] = frame[begin + move.at : begin + move.end]
                move.slave.written_ns = now_ns
            else:
                frame[begin + move.at : begin + move.end] = move.slave.memory[move.memory_at : move.memory_end]
        for move in moves:
            if move.writes and move.whole and move.slave.state == OP:
                self._written.append((move.position, move.slave.outputs))
        return counter

    def _plan(self, command: int, address: int, length: int) -> tuple[list[_Move], int]:
        moves: list[_Move] = []
        counter = 0
        for position, slave in enumerate(self.slaves[: self.alive]):
            if slave.state not in (SAFEOP, OP):
                continue
            did_read = did_write = False
            for start, size, physical, reads, writes in sorted(slave.mappings(), key=lambda m: m[3]):  # outputs are taken before inputs are put in
                low, high = max(start, address), min(start + size, address + length)
                wanted = (reads and command != _LOGICAL_WRITE) or (writes and command != _LOGICAL_READ)
                if low >= high or not wanted:
                    continue
                moves.append(_Move(slave, position, low - address, high - address, physical + low - start, writes=writes))
                did_read, did_write = did_read or reads, did_write or writes
            counter += int(did_read) + (2 if command == _LOGICAL_BOTH else 1) * int(did_write)
        return moves, counter


def _access(slave: SlaveController, frame: bytearray, begin: int, end: int, command: int, offset: int, hit: bool, now_ns: int) -> int:
    """One device's part in a register access; returns what it adds to the working counter."""
    size, data = end - begin, bytes(frame[begin:end])
    if command in _READ_MULTIPLE_WRITE:
        if hit:
            frame[begin:end] = slave.read(offset, size)
        else:
            slave.write(offset, data, now_ns)
        return 1
    if not hit:
        return 0
    if command in _READS:
        found = slave.read(offset, size)
        frame[begin:end] = found if command != _BROADCAST[0] else bytes(a | b for a, b in zip(data, found, strict=True))
        return 1
    if command in _WRITES:
        slave.write(offset, data, now_ns)
        return 1
    if command in _READ_WRITE:
        frame[begin:end] = slave.read(offset, size)
        slave.write(offset, data, now_ns)
        return 3
    return 0


class EthercatPort:
    """The segment's socket on a network interface; needs CAP_NET_RAW."""

    def __init__(self, interface: str, segment: Segment, clock: Callable[[], int] = time.monotonic_ns) -> None:
        """`clock`: by which the watchdogs of the devices go [ns]."""
        self.interface, self.segment, self._clock = interface, segment, clock
        self.frames = 0
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Take the interface.

        Raises:
            UnavailableError: no such interface, or no permission for raw sockets.
        """
        link = None
        try:
            link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE))
            link.bind((self.interface, 0))
        except OSError as error:
            if link is not None:
                link.close()
            raise UnavailableError(f"interface '{self.interface}' cannot be used: {error}; it must exist, and raw sockets need CAP_NET_RAW") from error
        self._socket = link

    def poll(self, until_ns: int) -> None:
        """Answer frames until `until_ns` (CLOCK_MONOTONIC) [ns]; what waits already is answered even when that has passed."""
        link, segment = self._socket, self.segment
        assert link is not None
        waiting = False
        while True:
            left = 1e-9 * (until_ns - time.monotonic_ns())
            link.settimeout(0.0 if waiting else max(left, 0.0))
            try:
                frame = link.recv(2048)
            except (BlockingIOError, TimeoutError):
                if not waiting:
                    break
                # A cycle's frames come in a row: all are answered before the firmware looks at what they brought.
                waiting = False
                segment.deliver()
                continue
            answer = segment.process(bytearray(frame), self._clock())
            self.frames += 1
            waiting = True
            if answer is not None:
                link.send(answer)
        segment.watch(self._clock())

    def close(self) -> None:
        """Give the interface back."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def __enter__(self) -> "EthercatPort":
        self.open()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
