"""The android on EtherCAT: one device a bank and the sensor hub, on a raw socket (docs/robot/wire.md, part 2)."""

import numpy as np

from kinesis_control.drivers.codecs.valve_bank import Control
from kinesis_sim.emulator.android import Android
from kinesis_sim.emulator.bank_records import BankRecords
from kinesis_sim.emulator.ethercat_slave import EthercatPort, Segment, bank_devices
from kinesis_sim.emulator.faults import LinkFaults
from kinesis_sim.emulator.front import Front, spoil

_FRAME_HEAD = 16


class EthercatFront(Front):
    """Process data of every device, refreshed after each frame that wrote outputs."""

    def __init__(self, android: Android, faults: LinkFaults, *, interface: str) -> None:
        self._android, self._faults, self._records = android, faults, BankRecords(android)
        self.address = interface
        self.segment = Segment(bank_devices(android.n_banks), self._take, on_watchdog=self._watchdog)
        self.segment.tamper = self._tamper
        self._port = EthercatPort(interface, self.segment, android.clock)
        self._rng = np.random.Generator(np.random.PCG64(android.config.seed + 7))
        self._written = False

    def open(self) -> None:
        """Take the interface."""
        self._port.open()
        self._publish()

    def poll(self, until_ns: int) -> None:
        self._port.poll(until_ns)
        if self._written:
            self._written = False
            self._publish()

    def _take(self, bank: int, record: memoryview) -> None:
        if not any(record):
            return  # outputs that the master has not filled in yet
        _, command = self._android.banks.take(bank, record)
        if command is not None and command.epoch == 0:
            self._records.ask_identity(bank)
        self._written = True

    def _watchdog(self, bank: int) -> None:
        """The last net: the process data stayed away for 100 ms."""
        banks = self._android.banks
        if banks.config.enforces_deadline and "deadline" not in banks.guards:
            banks.obey(bank, Control.VENT, np.zeros(10))

    def _publish(self) -> None:
        self._records.refresh()
        rows = spoil(self._android, self._faults, self._records.rows, self._rng)
        for bank, row in enumerate(rows):
            if row is not None:
                self.segment.slaves[bank].inputs[:] = row
        self.segment.slaves[self._android.n_banks].inputs[:] = self._records.hub

    def _tamper(self, frame: bytearray) -> bytearray | None:
        """A cable that loses frames, or flips bits behind their head; a cut one reaches nobody."""
        faults, rng = self._faults, self._rng
        if faults.off or (faults.loss and rng.random() < faults.loss):
            return None
        if faults.flips and rng.random() < faults.flips and len(frame) > _FRAME_HEAD + 10:
            frame[int(rng.integers(_FRAME_HEAD + 10, len(frame)))] ^= 1 << int(rng.integers(8))
        return frame

    def close(self) -> None:
        self._port.close()
