"""What the guardian of one robot is told, and the faults that it knows."""

import math
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from kinesis_control.drivers.codecs.guardian import StopCategory
from kinesis_control.drivers.codecs.protection import KEY_BYTES
from kinesis_control.drivers.service import SettingsFile, require_robot_name
from kinesis_control.errors import ConfigurationError, UnknownNameError

POSTURES = ("gantry", "feet")


class GuardianFault(IntEnum):
    """Latched faults of the guardian; the number is in `Status.fault`."""

    NONE = 0
    ESTOP = 1
    """The stop button, or its wire: a channel is open."""
    ESTOP_DISCREPANCY = 2
    """The two channels disagreed for too long: one of them is defective. Both must be seen open, then closed, before a reset."""
    ESTOP_ASKED = 3
    """An operator asked for the stop over the socket."""
    LEASE_LOST = 4
    """The bus process ended its connection or gave the lease back while the robot was energised."""
    HEARTBEAT_LOST = 5
    BUS_FAULT = 6
    """The bus process named a fault; `Status.muscle` says of which muscle."""
    LINK_LOST = 7
    """The bus process no longer hears the banks."""
    SUPPLY_LOW = 8
    SUPPLY_HIGH = 9
    ARMING_TIMEOUT = 10
    IO_LOST = 11
    """The board with the stop button, pump and dump valve is silent."""
    NOT_VENTED = 12
    """A muscle still has pressure after a stop."""
    DUMP_FAILED = 13
    """The supply still has pressure although the dump valve is open."""
    PUMP_FEEDBACK = 14
    """The pump's contactor does not do what it is told."""


@dataclass(frozen=True, kw_only=True)
class GuardianSettings(SettingsFile):
    """Settings of the guardian of one robot.

    Attributes:
        robot: name for sockets and files; letters, digits, '-' and '_'.
        socket: path of the socket it listens at; the folder is made with mode 0700 when it is missing.
        io: path of the socket of the safety board (emulated, or the daemon of a real one).
        key_file: 32 bytes, the robot key; readable for its owner only.
        state_folder: where the last epoch is kept.
        serial: of the robot; 0 accepts any, for a first look.
        layout_hash: of the muscle order; empty accepts any.
        posture: "gantry" or "feet"; selects the stop category.
        estop_category, fault_category: stop category (0, 1 or 2) for each posture, as a mapping.
        supply_low_pa, supply_high_pa: range of a good supply [Pa].
        supply_timeout_s, arming_timeout_s: longest time for the supply to rise, and for each later step of arming, 0.1 to 60 [s].
        supply_grace_s: how long the supply may be below its range, 0 to 2 [s].
        discrepancy_s: how long the two stop channels may disagree, 0.005 to 1 [s].
        link_grace_s: how long the bus process may say that banks are not heard, 0 to 0.5 [s].
        hold_s, ramp_s, vent_s: HOLD and RAMP of a stop, then the longest time to be vented, above 0 to 10 [s].
        extra_uids: user ids besides its own that may connect.
        golem: address of a golem controller ("unix:PATH" or "host:port") whose pump and LooseMuscles are used too; empty for none.
        priority: of SCHED_FIFO, 0 to 99; 0 asks for none.
    """

    robot: str
    socket: str
    io: str
    key_file: str
    state_folder: str
    serial: int = 0
    layout_hash: str = ""
    posture: str = "gantry"
    estop_category: tuple[int, int] = (0, 1)
    fault_category: tuple[int, int] = (1, 1)
    supply_low_pa: float = 400e3
    supply_high_pa: float = 1000e3
    supply_timeout_s: float = 10.0
    arming_timeout_s: float = 3.0
    supply_grace_s: float = 0.1
    discrepancy_s: float = 0.05
    link_grace_s: float = 0.03
    hold_s: float = 0.3
    ramp_s: float = 0.5
    vent_s: float = 2.0
    extra_uids: tuple[int, ...] = ()
    golem: str = ""
    priority: int = 70

    def __post_init__(self) -> None:
        require_robot_name(self.robot)
        if self.posture not in POSTURES:
            raise UnknownNameError("posture", self.posture, POSTURES)
        ranges = {
            "supply_timeout_s": (0.1, 60.0), "arming_timeout_s": (0.1, 60.0), "supply_grace_s": (0.0, 2.0), "discrepancy_s": (0.005, 1.0),
            "link_grace_s": (0.0, 0.5), "hold_s": (0.01, 0.3), "ramp_s": (0.05, 10.0), "vent_s": (0.1, 10.0), "priority": (0, 99),
        }  # fmt: skip
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise ConfigurationError(f"{name}: got {value!r}, expected {low:g} to {high:g}")
        if not 0.0 < self.supply_low_pa < self.supply_high_pa:
            raise ConfigurationError(f"got supply_low_pa {self.supply_low_pa} and supply_high_pa {self.supply_high_pa}, expected 0 < low < high")
        for name in ("estop_category", "fault_category"):
            value = getattr(self, name)
            if len(value) != len(POSTURES) or any(category not in tuple(StopCategory) for category in value):
                raise ConfigurationError(f"{name}: got {value}, expected a stop category (0, 1 or 2) for each of {', '.join(POSTURES)}")

    @property
    def on_estop(self) -> StopCategory:
        """Category of the stop button in the configured posture."""
        return StopCategory(self.estop_category[POSTURES.index(self.posture)])

    @property
    def on_fault(self) -> StopCategory:
        """Category of every other fault in the configured posture."""
        return StopCategory(self.fault_category[POSTURES.index(self.posture)])

    def robot_key(self) -> bytes:
        """The robot key.

        Raises:
            ConfigurationError: unreadable, of a wrong length, or readable for others.
        """
        path = Path(self.key_file)
        try:
            key, mode = path.read_bytes(), path.stat().st_mode
        except OSError as error:
            raise ConfigurationError(f"robot key '{path}' cannot be read: {error}") from error
        if len(key) != KEY_BYTES or mode & 0o077:
            raise ConfigurationError(f"robot key '{path}': got {len(key)} bytes and mode {mode & 0o777:03o}, expected {KEY_BYTES} bytes and mode 600")
        return key
