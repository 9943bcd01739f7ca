"""The android on CAN-FD through python-can (docs/robot/wire.md, part 3)."""

import contextlib
import time
from typing import Any

import numpy as np

from kinesis_control.drivers.codecs.can_fd import BANKS_PER_BUS, COMMAND_FRAME, hub_frames, place, state_frames
from kinesis_control.drivers.codecs.valve_bank import COMMAND
from kinesis_control.errors import ConfigurationError, UnavailableError
from kinesis_sim.emulator.android import Android
from kinesis_sim.emulator.bank_records import BankRecords
from kinesis_sim.emulator.faults import LinkFaults
from kinesis_sim.emulator.front import Channel, Front, spoil

_UNASKED_NS = 10_000_000


class CanFront(Front):
    """Banks spread evenly over the channels in order; the hub is on the first."""

    def __init__(self, android: Android, faults: LinkFaults, *, interface: str, channels: tuple[str, ...]) -> None:
        if len(channels) * BANKS_PER_BUS < android.n_banks:
            raise ConfigurationError(f"got {len(channels)} CAN channels for {android.n_banks} banks, expected at most {BANKS_PER_BUS} banks a channel")
        self._android, self._faults, self._records = android, faults, BankRecords(android)
        self._interface, self._channels = interface, channels
        self.address = f"{interface} {', '.join(channels)}"
        self._per_bus = -(-android.n_banks // len(channels))
        self._buses: list[Any] = []
        rng = np.random.Generator(np.random.PCG64(android.config.seed + 7))
        self._rng, self._in, self._out = rng, Channel(faults, rng, android.clock), Channel(faults, rng, android.clock)
        self._said_ns = 0

    def open(self) -> None:
        """Take the buses."""
        try:
            import can
        except ModuleNotFoundError as error:
            raise UnavailableError("CAN needs the package python-can; install it with: pip install 'kinesis-ros[can]'") from error
        try:
            self._buses = [can.Bus(interface=self._interface, channel=channel, fd=True) for channel in self._channels]
        except (can.CanError, OSError, ValueError) as error:
            raise UnavailableError(f"CAN channels {', '.join(self._channels)} of '{self._interface}' cannot be used: {error}") from error

    def poll(self, until_ns: int) -> None:
        while True:
            left = 1e-9 * (until_ns - time.monotonic_ns())
            for number, bus in enumerate(self._buses):
                wait = max(left, 0.0) / len(self._buses)
                while (frame := bus.recv(timeout=wait)) is not None:
                    wait = 0.0
                    if not frame.is_extended_id:
                        self._in.put(bytes(frame.data), (number, frame.arbitration_id))
            commanded = self._take_all()
            now = self._android.clock()
            if commanded or now - self._said_ns > _UNASKED_NS:
                self._said_ns = now
                self._say(commanded or set(range(self._android.n_banks)))
            self._send()
            if time.monotonic_ns() >= until_ns:
                return

    def _take_all(self) -> set[int]:
        """Banks that were commanded."""
        heard = set()
        for tag, data in self._in.get():
            number, identifier = tag  # type: ignore[misc]
            found = place(identifier)
            bank = number * self._per_bus + found.unit if found is not None and found.kind == COMMAND_FRAME and found.unit < self._per_bus else -1
            if 0 <= bank < self._android.n_banks:
                _, command = self._android.banks.take(bank, memoryview(data)[: COMMAND.itemsize])
                if command is not None and command.epoch == 0:
                    self._records.ask_identity(bank)
                heard.add(bank)
        return heard

    def _say(self, banks: set[int]) -> None:
        self._records.refresh()
        rows = spoil(self._android, self._faults, self._records.rows, self._rng)
        for bank in sorted(banks):
            row = rows[bank]
            if row is not None:
                number, unit = divmod(bank, self._per_bus)
                for identifier, payload in state_frames(unit, memoryview(row)):
                    self._out.put(payload, (number, identifier))
        if 0 in banks:
            for identifier, payload in hub_frames(0, self._records.hub):
                self._out.put(payload, (0, identifier))

    def _send(self) -> None:
        import can

        for tag, payload in self._out.get():
            number, identifier = tag  # type: ignore[misc]
            frame = can.Message(arbitration_id=identifier, data=payload, is_extended_id=False, is_fd=True, bitrate_switch=True)
            with contextlib.suppress(can.CanError):  # a full bus loses frames
                self._buses[number].send(frame, timeout=0)

    def close(self) -> None:
        for bus in self._buses:
            bus.shutdown()
        self._buses = []
