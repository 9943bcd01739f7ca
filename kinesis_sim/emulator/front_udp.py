"""The android on UDP (docs/robot/wire.md, part 4). It answers the address that its last authentic commands came from."""

import contextlib
import select
import socket
import time

import numpy as np

from kinesis_control.drivers.codecs import udp_bank
from kinesis_control.drivers.codecs.protection import Verdict
from kinesis_control.drivers.codecs.udp_bank import ITEM_BYTES, Kind
from kinesis_control.errors import UnavailableError
from kinesis_sim.emulator.android import Android
from kinesis_sim.emulator.bank_records import BankRecords
from kinesis_sim.emulator.faults import LinkFaults
from kinesis_sim.emulator.front import Channel, Front, spoil


class UdpFront(Front):
    """Datagrams of records on the loopback interface, or on the one of `host`."""

    def __init__(self, android: Android, faults: LinkFaults, *, port: int, host: str = "127.0.0.1") -> None:
        """Port 0 takes a free one; `port` says which after `open`."""
        self._android, self._faults, self._records = android, faults, BankRecords(android)
        self._host, self.port = host, port
        self.address = f"{host}:{port}"
        self._socket: socket.socket | None = None
        self._rng = np.random.Generator(np.random.PCG64(android.config.seed + 7))
        self._in, self._out = (Channel(faults, self._rng, android.clock) for _ in range(2))
        self._sequence = 0

    def open(self) -> None:
        """Bind."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind((self._host, self.port))
        except OSError as error:
            raise UnavailableError(f"UDP port {self._host}:{self.port} cannot be used: {error}") from error
        self._socket.setblocking(False)
        self.port = self._socket.getsockname()[1]
        self.address = f"{self._host}:{self.port}"

    def poll(self, until_ns: int) -> None:
        link = self._socket
        assert link is not None
        while True:
            left = self._in.left_s(self._out.left_s(1e-9 * (until_ns - time.monotonic_ns())))
            if left > 0.0:
                select.select([link], [], [], left)
            self._receive(link)
            for sender, data in self._in.get():
                self._take(data, sender)
            for receiver, data in self._out.get():
                with contextlib.suppress(BlockingIOError, ConnectionRefusedError):  # nobody listens, or not fast enough: it is lost
                    link.sendto(data, receiver)
            if time.monotonic_ns() >= until_ns:
                return

    def _receive(self, link: socket.socket) -> None:
        while True:
            try:
                data, sender = link.recvfrom(65536)
            except (BlockingIOError, ConnectionRefusedError):
                return
            self._in.put(data, sender)

    def _take(self, data: bytes, sender: object) -> None:
        found = udp_bank.unpack(data)
        if found is None or found[0] is not Kind.COMMANDS:
            return
        _, first, self._sequence, records = found
        size, banks, known = ITEM_BYTES[Kind.COMMANDS], self._android.banks, False
        for k in range(len(records) // size):
            bank = first + k
            if bank < banks.n_banks:
                verdict, command = banks.take(bank, records[k * size : (k + 1) * size])
                if command is not None and command.epoch == 0:
                    self._records.ask_identity(bank)
                # Records that are authentic and come too late are still from the one who may hear the states.
                known = known or verdict in (Verdict.OK, Verdict.AGE, Verdict.COUNTER)
        if first == 0 and known:
            self._answer(sender)

    def _answer(self, receiver: object) -> None:
        self._records.refresh()
        rows = spoil(self._android, self._faults, self._records.rows, self._rng)
        step, begin = udp_bank.per_datagram(Kind.STATES), 0
        while begin < len(rows):
            end = begin
            while end < len(rows) and end - begin < step and rows[end] is not None:
                end += 1
            if end > begin:
                part = b"".join(row for row in rows[begin:end] if row is not None)
                self._out.put(udp_bank.pack(Kind.STATES, begin, self._sequence, memoryview(part)), receiver)
            begin = max(end, begin + 1)
        self._out.put(udp_bank.pack(Kind.HUBS, 0, self._sequence, self._records.hub), receiver)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
