"""Valve banks over UDP; the protocol is docs/robot/wire.md, part 4. Needs nothing but the standard library."""

import socket
import time
from dataclasses import dataclass

from kinesis_control.drivers.bank_driver import BankConfig, BankDriver
from kinesis_control.drivers.codecs import udp_bank
from kinesis_control.drivers.codecs.udp_bank import ITEM_BYTES, PORT, Kind
from kinesis_control.drivers.codecs.valve_bank import COMMAND
from kinesis_control.drivers.errors import LinkError
from kinesis_control.drivers.frames import LinkFault
from kinesis_control.errors import ConfigurationError

_BUFFER = 65536


@dataclass(frozen=True, kw_only=True)
class UdpBankConfig(BankConfig):
    """Settings of the UDP link.

    Attributes:
        host, port: where the robot is.
        answer_timeout_s: longest wait for the answers of a cycle [s], above 0 to 0.1.
    """

    host: str = "127.0.0.1"
    port: int = PORT
    answer_timeout_s: float = 0.002

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (0 < self.port < 65536 and 0.0 < self.answer_timeout_s <= 0.1):
            raise ConfigurationError(f"got port {self.port} and answer_timeout_s {self.answer_timeout_s}, expected 1 to 65535 and above 0 to 0.1")


class UdpBankDriver(BankDriver):
    """Datagrams of many records; the socket is connected, so that only the robot's address is heard."""

    config_type = UdpBankConfig

    def __init__(self, config: UdpBankConfig) -> None:
        super().__init__(config)
        self._config = config
        self._socket: socket.socket | None = None
        self._buffer = bytearray(_BUFFER)
        size = len(self.image.command_rows) * COMMAND.itemsize
        step = udp_bank.per_datagram(Kind.COMMANDS)
        self._cuts = [(first, first * COMMAND.itemsize, min((first + step) * COMMAND.itemsize, size)) for first in range(0, self._facts.n_banks, step)]

    def _open(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.connect((self._config.host, self._config.port))
        except OSError as error:
            raise LinkError(f"no way to {self._config.host}:{self._config.port}: {error}") from error

    def _transfer(self, deadline_ns: int) -> None:
        link = self._socket
        assert link is not None
        try:
            self._receive(link, 0)  # what came too late for its cycle
            self.status.fresh_banks = self._heard = 0
            sent_ns = time.monotonic_ns()
            for first, begin, end in self._cuts:
                link.send(udp_bank.pack(Kind.COMMANDS, first, self.image.counter, self.image.bytes_out[begin:end]))
            self.status.sent = True
            self._receive(link, min(deadline_ns, sent_ns + int(1e9 * self._config.answer_timeout_s)))
            self.status.round_trip_ns = time.monotonic_ns() - sent_ns
        except ConnectionRefusedError:
            self.status.note(LinkFault.DOWN)

    def _receive(self, link: socket.socket, until_ns: int) -> None:
        """Until every bank has answered or time is up; what waits already is always read, so that the newest counts."""
        while True:
            left = 1e-9 * (until_ns - time.monotonic_ns())
            done = self._heard >= self._facts.n_banks
            link.settimeout(0.0 if done or left <= 0.0 else left)
            try:
                size = link.recv_into(self._buffer)
            except (BlockingIOError, TimeoutError):
                return
            self._datagram(memoryview(self._buffer)[:size])

    def _datagram(self, data: memoryview) -> None:
        found = udp_bank.unpack(data)
        if found is None or found[0] is Kind.COMMANDS:
            self.status.note(LinkFault.WIRE)
            return
        kind, first, _, records = found
        now, size = time.monotonic_ns(), ITEM_BYTES[kind]
        for k in range(len(records) // size):
            record = records[k * size : (k + 1) * size]
            if kind is Kind.HUBS:
                self._take_hub(record, now)
            elif first + k < self._facts.n_banks:
                self._take(first + k, record, now)

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
