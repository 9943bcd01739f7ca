"""Valve banks over CAN-FD with python-can (extra `robot`); the protocol is docs/robot/wire.md, part 3."""

import time
from dataclasses import dataclass, field
from typing import Any

import can

from kinesis_control.drivers.bank_driver import BankConfig, BankDriver
from kinesis_control.drivers.codecs.can_fd import BANKS_PER_BUS, HUB_FRAME, STATE_FRAME, Assembler, command_frame, place
from kinesis_control.drivers.codecs.valve_bank import HUB, STATE, banks_of
from kinesis_control.drivers.errors import LinkError
from kinesis_control.drivers.frames import LinkFault
from kinesis_control.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class CanFdConfig(BankConfig):
    """Settings of the CAN-FD link.

    Attributes:
        interface: back-end of python-can, for example "socketcan", "udp_multicast" or "virtual".
        channels: one channel a bus; the banks are spread evenly over them in order, 25 a bus at most.
        options: further arguments of `can.Bus`, for example bit timing.
        answer_timeout_s: longest wait for the answers of a cycle [s], above 0 to 0.1.
    """

    interface: str
    channels: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)
    answer_timeout_s: float = 0.008

    def __post_init__(self) -> None:
        super().__post_init__()
        wanted = -(-banks_of(len(self.muscles)) // BANKS_PER_BUS)
        if len(self.channels) < wanted or not 0.0 < self.answer_timeout_s <= 0.1:
            raise ConfigurationError(
                f"got {len(self.channels)} channels and answer_timeout_s {self.answer_timeout_s}, expected at least {wanted} and above 0 to 0.1"
            )


class CanFdDriver(BankDriver):
    """One frame a bank to it, two back; a bus takes up to 25 banks, but at 5 Mbit/s five of them fill it at 500 Hz."""

    config_type = CanFdConfig
    max_rate_hz = 500.0

    def __init__(self, config: CanFdConfig) -> None:
        super().__init__(config)
        self._config = config
        self._buses: list[Any] = []
        banks = self._facts.n_banks
        per_bus = -(-banks // len(config.channels))
        self._place = [divmod(bank, per_bus) for bank in range(banks)]
        self._per_bus = per_bus
        self._states = [Assembler(STATE.itemsize) for _ in range(banks)]
        self._hub = Assembler(HUB.itemsize)

    def _open(self) -> None:
        for channel in self._config.channels:
            try:
                self._buses.append(can.Bus(interface=self._config.interface, channel=channel, fd=True, **self._config.options))
            except (can.CanError, OSError, ValueError) as error:
                raise LinkError(f"CAN channel '{channel}' of '{self._config.interface}' cannot be opened: {error}") from error

    def _transfer(self, deadline_ns: int) -> None:
        for number in range(len(self._buses)):  # what came too late for its cycle
            self._receive(number, 0)
        self.status.fresh_banks = self._heard = 0
        begin = time.monotonic_ns()
        try:
            for (number, unit), row in zip(self._place, self.image.command_rows, strict=True):
                identifier, payload = command_frame(unit, row)
                frame = can.Message(arbitration_id=identifier, data=payload, is_extended_id=False, is_fd=True, bitrate_switch=True)
                self._buses[number].send(frame, timeout=0)
        except can.CanError as error:
            self.last_error = str(error)
            self.status.note(LinkFault.DOWN)
            return
        self.status.sent = True
        until = min(deadline_ns, begin + int(1e9 * self._config.answer_timeout_s))
        for number in range(len(self._buses)):
            self._receive(number, until)
        self.status.round_trip_ns = time.monotonic_ns() - begin

    def _receive(self, number: int, until_ns: int) -> None:
        """Until every bank of this bus has answered or time is up."""
        wanted = sum(bus <= number for bus, _ in self._place)
        while True:
            left = 1e-9 * (until_ns - time.monotonic_ns())
            done = self._heard >= wanted
            frame = self._buses[number].recv(timeout=0 if done or left <= 0.0 else left)
            if frame is None:
                return
            self._frame(number, frame)

    def _frame(self, number: int, frame: Any) -> None:
        found = None if frame.is_extended_id or frame.is_error_frame or not frame.is_rx else place(frame.arbitration_id)
        if found is None or found.kind not in (STATE_FRAME, HUB_FRAME):
            return
        now = time.monotonic_ns()
        if found.kind == HUB_FRAME:
            if self._config.has_hub and found.unit == 0 and self._hub.add(found.part, frame.data):
                self._take_hub(memoryview(self._hub.record), now)
            return
        bank = number * self._per_bus + found.unit
        if found.unit < self._per_bus and bank < self._facts.n_banks and self._states[bank].add(found.part, frame.data):
            self._take(bank, memoryview(self._states[bank].record), now)

    def _close(self) -> None:
        for bus in self._buses:
            bus.shutdown()
        self._buses = []
