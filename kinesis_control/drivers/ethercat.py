"""Valve banks over EtherCAT, with the SOEM master (extra `robot`: pysoem). The profile is docs/robot/wire.md, part 2."""

import time
from dataclasses import dataclass
from typing import Any

import pysoem

from kinesis_control.drivers.bank_driver import BankConfig, BankDriver
from kinesis_control.drivers.codecs.valve_bank import BANK_PRODUCT, COMMAND, HUB, HUB_PRODUCT, REVISION, STATE, VENDOR_ID
from kinesis_control.drivers.errors import LinkError, ProtocolError
from kinesis_control.drivers.frames import Identity, LinkFault
from kinesis_control.errors import ConfigurationError

_ANSWER_TIMEOUT_US = 20_000
_TO_OPERATIONAL_S = 5.0
_SCAN_TRIES, _SCAN_PAUSE_S = 5, 0.1
_SILENT_CYCLES = 10


@dataclass(frozen=True, kw_only=True)
class EthercatConfig(BankConfig):
    """Settings of the EtherCAT link.

    Attributes:
        interface: network interface that leads to the banks and to nothing else.
        watchdog_ms: silence after which a slave leaves OPERATIONAL by itself [ms], 20 to 1000.
        answer_timeout_us: longest wait for the frames of a cycle to come back [us], 100 to 20000.
        start_timeout_us: longest wait for each frame while devices are found and brought up [us], 500 to 100000; the master has
            one such time a process.
    """

    interface: str
    watchdog_ms: float = 100.0
    answer_timeout_us: int = 2000
    start_timeout_us: int = 2000

    def __post_init__(self) -> None:
        super().__post_init__()
        ranges = {"watchdog_ms": (20.0, 1000.0), "answer_timeout_us": (100, 20_000), "start_timeout_us": (500, 100_000)}
        for name, (low, high) in ranges.items():
            if not low <= getattr(self, name) <= high:
                raise ConfigurationError(f"{name}: got {getattr(self, name)!r}, expected {low:g} to {high:g}")


class EthercatDriver(BankDriver):
    """One segment: the banks in their order, then the hub."""

    config_type = EthercatConfig

    def __init__(self, config: EthercatConfig) -> None:
        super().__init__(config)
        self._config = config
        self._master: Any = None
        self._slaves: list[Any] = []
        self._expected_wkc = 0
        self.working_counter_faults = self._silent = 0

    def _open(self) -> None:
        pysoem.settings.timeouts.ret = self._config.start_timeout_us
        self._master = pysoem.Master()
        try:
            self._master.open(self._config.interface)
        except ConnectionError as error:
            raise LinkError(f"interface '{self._config.interface}' cannot be opened: {error}; it must exist, and raw sockets need CAP_NET_RAW") from error
        for left in reversed(range(_SCAN_TRIES)):
            try:
                self._scan()
                break
            except (ProtocolError, LinkError):  # a device that is too slow to be read looks like another one, or like none: look again
                if not left:
                    raise
                time.sleep(_SCAN_PAUSE_S)
        self._to_operational()

    def _scan(self) -> None:
        """Find the devices and map their process data."""
        found = max(self._master.config_init(), 0)
        self._slaves = list(self._master.slaves)
        self._check_slaves(found)
        for place, slave in enumerate(self._slaves[: self._facts.n_banks]):
            self._set_watchdog(place, slave)
        self._master.config_map()
        self._check_sizes()

    def _identify(self) -> Identity:
        """Slaves that fell back when the frames stayed away are brought up again first; their banks are vented by then."""
        self._master.read_state()
        if any(slave.state != pysoem.OP_STATE for slave in self._slaves):
            self._to_operational()
        return super()._identify()

    def _set_watchdog(self, place: int, slave: Any) -> None:
        for _ in range(_SCAN_TRIES):
            try:
                slave.set_watchdog("processdata", self._config.watchdog_ms)
            except pysoem.WkcError:
                continue
            return
        raise ProtocolError(f"device {place} does not take the time of its watchdog")

    def _check_slaves(self, found: int) -> None:
        banks = self._facts.n_banks
        wanted = [BANK_PRODUCT] * banks + ([HUB_PRODUCT] if self._config.has_hub else [])
        if found != len(wanted):
            raise LinkError(f"interface '{self._config.interface}': got {found} EtherCAT devices, expected {len(wanted)} ({banks} valve banks and the hub)")
        for place, (slave, product) in enumerate(zip(self._slaves, wanted, strict=True)):
            if (slave.man, slave.id, slave.rev) != (VENDOR_ID, product, REVISION):
                raise ProtocolError(
                    f"device {place} is '{slave.name}' ({slave.man:#x}, {slave.id:#x}, {slave.rev:#x}), expected ({VENDOR_ID:#x}, {product:#x}, {REVISION:#x})"
                )

    def _check_sizes(self) -> None:
        banks = self._facts.n_banks
        for place, slave in enumerate(self._slaves):
            got = (len(slave.output), len(slave.input))
            wanted = (COMMAND.itemsize, STATE.itemsize) if place < banks else (0, HUB.itemsize)
            if got != wanted:
                raise ProtocolError(f"device {place}: got {got[0]} bytes of outputs and {got[1]} of inputs, expected {wanted[0]} and {wanted[1]}")

    def _to_operational(self) -> None:
        """Each device one step at a time, process data all the while: the watchdog of one that is there already runs."""
        until = time.monotonic() + _TO_OPERATIONAL_S
        self._expected_wkc = self._master.expected_wkc
        while not self._step_up():
            if time.monotonic() > until:
                raise ProtocolError(f"devices do not reach OPERATIONAL: {self._states()}")

    def _step_up(self) -> bool:
        """One cycle, and one step for each device that is not OPERATIONAL; True when all are."""
        master = self._master
        master.send_processdata()
        master.receive_processdata(_ANSWER_TIMEOUT_US)
        master.read_state()
        waiting = [slave for slave in self._slaves if slave.state != pysoem.OP_STATE]
        for slave in waiting:
            error, state = slave.state & pysoem.STATE_ERROR, slave.state & ~pysoem.STATE_ERROR
            slave.state = state | pysoem.STATE_ACK if error else pysoem.OP_STATE if state == pysoem.SAFEOP_STATE else pysoem.SAFEOP_STATE
            slave.write_state()
        return not waiting

    def _states(self) -> str:
        self._master.read_state()
        return ", ".join(f"{i}: {s.state:#x} ({pysoem.al_status_code_to_string(s.al_status)})" for i, s in enumerate(self._slaves))

    def _transfer(self, deadline_ns: int) -> None:
        for slave, row in zip(self._slaves, self.image.command_rows, strict=False):
            slave.output = bytes(row)
        begin = time.monotonic_ns()
        self._master.send_processdata()
        self.status.sent = True
        left_us = (deadline_ns - begin) // 1000
        counter = self._master.receive_processdata(int(min(max(left_us, 50), self._config.answer_timeout_us)))
        if counter != self._expected_wkc:
            # With a working counter that is short, nobody knows which inputs are of this cycle; the ticks in them say.
            self.working_counter_faults += 1
            self.status.note(LinkFault.LATE if counter < 0 else LinkFault.TOPOLOGY)
            if counter < 0:
                return
        self._take_all(begin)
        # Devices whose watchdog has run out still count, but their banks say nothing new.
        self._silent = 0 if self.status.fresh_banks else self._silent + 1
        if self._silent >= _SILENT_CYCLES and self._may_recover:
            self._step_up()

    def _take_all(self, begin: int) -> None:
        """Every input of this cycle."""
        banks = self._facts.n_banks
        now = time.monotonic_ns()
        self.status.round_trip_ns = now - begin
        for bank in range(banks):
            self._take(bank, memoryview(self._slaves[bank].input), now)
        if self._config.has_hub:
            self._take_hub(memoryview(self._slaves[banks].input), now)

    def _close(self) -> None:
        if self._master is not None:
            if self._slaves:
                self._master.state = pysoem.INIT_STATE
                self._master.write_state()
            self._master.close()
        self._master, self._slaves = None, []
