"""The emulated android as a process: front end, safety board, test port and time in one loop."""

import os
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zlib import crc32

from kinesis_control.drivers.codecs.udp_bank import PORT
from kinesis_control.drivers.codecs.valve_bank import TICK_S
from kinesis_control.errors import ConfigurationError, UnknownNameError
from kinesis_sim.bodies import Body, load_body
from kinesis_sim.emulator.android import Android, AndroidConfig
from kinesis_sim.emulator.faults import FaultPort, LinkFaults
from kinesis_sim.emulator.front import Front
from kinesis_sim.emulator.kit import Kit, write_kit
from kinesis_sim.emulator.port import TestPort
from kinesis_sim.emulator.safety_board import SafetyBoard
from kinesis_sim.emulator.truth import TruthLog

BUSES = {"golem": "golem", "ethercat": "ethercat", "udp": "udp", "can": "can_fd"}
"""Name of a bus on the command line -> name of its driver."""
CLOCKS = ("wall", "lockstep")

_STEP_NS = 1_000_000
_TICK_NS = round(1e9 * TICK_S)
_MOST_BEHIND_NS = 50_000_000


@dataclass(frozen=True, kw_only=True)
class EmulatorSettings:
    """What is emulated, and where it can be reached.

    Attributes:
        robot: name. body: of the registry. bus: "golem", "ethercat", "udp" or "can". clock: "wall" or "lockstep".
        folder: for sockets, key and settings; made with mode 0700 when it is missing.
        address: entries of the driver's configuration that say where the android is; empty for what suits the bus.
        android: its settings.
        faults: whether there is a test port. truth: file for the ground truth, or None.
        cap: share of full pressure in the limits file that is written; mode: "excitation" or "pressure".
        loop: entries of the bus process's LoopConfig.
    """

    robot: str = "emulated"
    body: str = "legs80"
    bus: str = "udp"
    clock: str = "wall"
    folder: Path
    address: dict[str, Any]
    android: AndroidConfig
    faults: bool = False
    truth: Path | None = None
    cap: float = 0.3
    mode: str = "excitation"
    loop: dict[str, float]

    def __post_init__(self) -> None:
        if self.bus not in BUSES:
            raise UnknownNameError("bus", self.bus, BUSES)
        if self.clock not in CLOCKS:
            raise UnknownNameError("clock", self.clock, CLOCKS)
        if self.clock == "lockstep" and not self.faults:
            raise ConfigurationError("in lock-step the test port gives the time: it must be enabled")


def default_folder(robot: str) -> Path:
    """`$XDG_RUNTIME_DIR/kinesis/ROBOT`, or a folder of this user in the temporary folder."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return Path(runtime) / "kinesis" / robot if runtime else Path(tempfile.gettempdir()) / f"kinesis-{os.getuid()}" / robot


def default_address(bus: str, folder: Path, body: Body) -> dict[str, Any]:
    """Where an android is found unless something else was asked for."""
    if bus == "golem":
        return {"controller": f"unix:{folder / 'controller'}", "state_store": f"unix:{folder / 'state'}"}
    if bus == "udp":
        return {"host": "127.0.0.1", "port": PORT}
    if bus == "can":
        count, own = -(-len(body.description.muscles) // 250), crc32(str(folder).encode())  # two androids on one machine must not hear each other
        return {"interface": "udp_multicast", "channels": [f"ff15:7079:7468:6f6e:{own >> 16:x}:{own & 0xFFFF:x}:6d63:{6173 + i}" for i in range(count)]}
    return {"interface": "kinesis-robot"}


class Emulator:
    """One android with all that it can be reached through.

    Attributes:
        android, log, faults: its parts. kit: the files that were written.
        behind_s: time that was given up because the machine was too slow [s].
    """

    def __init__(self, settings: EmulatorSettings) -> None:
        self.settings = settings
        self.kit = Kit(folder=settings.folder)
        settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.body = load_body(settings.body)
        config = settings.android
        if settings.bus == "golem":  # such a server keeps the last pressures for ever
            config = replace(config, firmware=replace(config.firmware, enforces_deadline=False))
        self.android = Android(self.body, config, robot_key=self.kit.robot_key())
        if settings.clock == "lockstep":
            self.android.clock = self.android.own_ns
        self.log = TruthLog(self.android)
        self.faults = FaultPort(self.android)
        self.stopping = False
        self.behind_s = 0.0
        address = {**default_address(settings.bus, settings.folder, self.body), **settings.address}
        self._board: SafetyBoard | None = None
        self._port: TestPort | None = None
        self.front = make_front(settings.bus, self.android, self.faults.link, address)
        self._address = address

    def open(self) -> None:
        """Take sockets and interfaces, write the kit.

        Raises:
            UnavailableError: one of them cannot be used.
        """
        settings = self.settings
        self.front.open()
        address = dict(self._address)
        if settings.bus == "udp":
            address["port"] = int(self.front.address.rsplit(":", 1)[1])
        if settings.bus == "ethercat":
            address["interface"] = address.pop("peer", address["interface"])
        write_kit(
            self.kit, self.body, settings.android, robot=settings.robot, bus=BUSES[settings.bus], address=address, cap=settings.cap, mode=settings.mode,
            loop=settings.loop,
        )  # fmt: skip
        self._board = SafetyBoard(self.android, self.kit.board_socket)
        if settings.faults:
            self._port = TestPort(self.android, self.faults, self.log, self.kit.test_socket, lockstep=settings.clock == "lockstep")

    def run(self, duration_s: float | None = None) -> None:
        """Until `stopping`, or for a time of the android."""
        begun = time.monotonic_ns()
        due = begun + _STEP_NS
        while not self.stopping and (duration_s is None or self.android.time_s < duration_s):
            if self.settings.clock == "lockstep":
                due = self._lockstep_cycle()
                continue
            self._cycle(due)
            late = time.monotonic_ns() - due
            if late > _MOST_BEHIND_NS:  # time that is lost stays lost; the android is slow, not hasty
                self.behind_s += 1e-9 * late
                due += late
            due += _STEP_NS

    def _cycle(self, due_ns: int) -> None:
        self.front.poll(due_ns)
        self._poll()
        self._advance(_STEP_NS // _TICK_NS)

    def _lockstep_cycle(self) -> int:
        """One tick for each that was asked for; the front end is served before every tick."""
        now = time.monotonic_ns()
        owed = self._port.owed_ticks if self._port is not None else 0
        self.front.poll(now if owed else now + _STEP_NS)
        self._poll()
        if owed and self._port is not None:
            self._port.owed_ticks -= 1
            self._advance(1)
        return now

    def _poll(self) -> None:
        if self._board is not None:
            self._board.poll()
        if self._port is not None:
            self._port.poll()

    def _advance(self, ticks: int) -> None:
        for _ in range(ticks):
            self.android.tick()
            self.log.tick()

    def close(self) -> None:
        """Give everything back, and write the truth if it was asked for."""
        self.front.close()
        if self._board is not None:
            self._board.close()
        if self._port is not None:
            self._port.close()
        if self.settings.truth is not None:
            self.log.save(self.settings.truth)


def make_front(bus: str, android: Android, faults: LinkFaults, address: dict[str, Any]) -> Front:
    """The front end of a bus; what it needs is imported only now."""
    if bus == "golem":
        from kinesis_sim.emulator.front_golem import GolemFront

        return GolemFront(android, faults, controller=address["controller"], state_store=address["state_store"])
    if bus == "ethercat":
        from kinesis_sim.emulator.front_ethercat import EthercatFront

        return EthercatFront(android, faults, interface=address["interface"])
    if bus == "can":
        from kinesis_sim.emulator.front_can import CanFront

        return CanFront(android, faults, interface=address["interface"], channels=tuple(address["channels"]))
    from kinesis_sim.emulator.front_udp import UdpFront

    return UdpFront(android, faults, port=int(address["port"]), host=address["host"])
