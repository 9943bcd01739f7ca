"""What passes between the stack and a driver: a command and a state, allocated once, and the facts of a robot."""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from kinesis_control.drivers.codecs.valve_bank import Control
from kinesis_control.muscles import MuscleLayout

Array = NDArray[np.float64]

NO_BANK_STATE = 255
"""State word of a bank that was not heard of."""

NEVER_NS = -(1 << 62)
"""Time stamp of what has not happened yet."""

N_CONTACTS = 8
"""Contact forces of a state."""

__all__ = ["NEVER_NS", "NO_BANK_STATE", "BankIdentity", "Capabilities", "CommandFrame", "Control", "Identity", "LinkStatus", "Mode", "StateFrame"]


class Mode(IntEnum):
    """What the values of a command are; the numbers of MuscleCommand.msg. A value is never read in another mode than its own."""

    EXCITATION = 0
    """0..1."""
    PRESSURE = 1
    """[Pa]."""
    LENGTH = 2
    """[m]."""
    TENSION = 3
    """[N]."""


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a robot can do, as its configuration and its link say.

    Attributes:
        muscles: names in the order of every array.
        modes: modes of a command that the link takes.
        max_rate_hz: most commands a second that the link takes [Hz].
        max_pressure_pa: highest pressure that the link can express [Pa].
        n_banks: valve banks, each with its own freshness; 1 where the robot answers as one.
        bank_of_muscle: bank of each muscle; shape (n_muscles,).
        joint_names: joints in the order of the state's joint arrays.
        n_imus: inertial units beside the one at the root.
        has_hold, has_vent: whether the robot itself can close, or open, all valves.
        has_deadline: whether the robot stops by itself when commands stay away. Where not, only guardian and supply do.
        is_protected: whether records carry a keyed code.
        has_tension, has_length: whether the state has these readings.
    """

    muscles: MuscleLayout
    modes: tuple[Mode, ...] = (Mode.PRESSURE,)
    max_rate_hz: float
    max_pressure_pa: float
    n_banks: int
    bank_of_muscle: NDArray[np.intp]
    joint_names: tuple[str, ...] = ()
    n_imus: int = 0
    has_hold: bool = False
    has_vent: bool = False
    has_deadline: bool = False
    is_protected: bool = False
    has_tension: bool = False
    has_length: bool = False


@dataclass(frozen=True, kw_only=True)
class BankIdentity:
    """What one valve bank says of itself; numbers as in the identity page of docs/robot/wire.md."""

    position: int
    firmware: int
    limits_checksum: int
    calibration_checksum: int
    epoch: int = 0


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Which robot is at the other end.

    Attributes:
        serial: of the robot; 0 where the link cannot tell.
        model: maker's or own name of the kind of robot.
        layout_hash: of the muscle order that the robot has.
        banks: one entry a bank; empty where the link does not tell.
    """

    serial: int
    model: str
    layout_hash: str
    banks: tuple[BankIdentity, ...] = ()

    @property
    def epoch_floor(self) -> int:
        """Highest epoch that any bank has taken."""
        return max((bank.epoch for bank in self.banks), default=0)


@dataclass(slots=True, kw_only=True)
class CommandFrame:
    """One command to the robot, written in place each cycle.

    Attributes:
        control: what is asked of the banks; `values` count for FOLLOW only.
        mode: what the values are.
        values: shape (n_muscles,), finite, in the unit of the mode.
        epoch: of the lease; 0 without one.
        ttl_ms: for how long the values are good, 1 to 20 [ms].
        arm_count, arm_token: what the guardian gave; for ARM only.
    """

    values: Array
    control: Control = Control.VENT
    mode: Mode = Mode.PRESSURE
    epoch: int = 0
    ttl_ms: int = 20
    arm_count: int = 0
    arm_token: bytes = bytes(8)

    @classmethod
    def for_robot(cls, capabilities: Capabilities) -> "CommandFrame":
        """A frame that vents."""
        return cls(values=np.zeros(len(capabilities.muscles)))


@dataclass(slots=True, kw_only=True)
class StateFrame:
    """The newest that is known of a robot, written in place. NaN stands for what was not measured.

    Attributes:
        stamp_ns: CLOCK_MONOTONIC when the newest part arrived [ns].
        pressure_pa, length_m, tension_n: shape (n_muscles,).
        bank_stamp_ns: arrival of the newest authentic state of each bank; shape (n_banks,) [ns].
        bank_state, bank_faults, bank_fault_channel: as the bank says them; shape (n_banks,). State 255 before the first answer.
        bank_lag: commands that were sent since the last one that the bank says it took; shape (n_banks,).
        bank_temperature_c, bank_supply_pa: shape (n_banks,).
        joint_position, joint_velocity: shape (n_joints,), [rad] and [rad/s].
        root_position, root_linear_velocity: shape (3,), odom [m] and base_link [m/s].
        root_quaternion, root_angular_velocity: shape (4,) wxyz and (3,), base_link [rad/s].
        contact_force: shape (8,) [N].
        imu_quaternion: shape (n_imus, 4), wxyz.
    """

    stamp_ns: int = NEVER_NS
    pressure_pa: Array
    length_m: Array
    tension_n: Array
    bank_stamp_ns: NDArray[np.int64]
    bank_state: NDArray[np.uint8]
    bank_faults: NDArray[np.uint16]
    bank_fault_channel: NDArray[np.uint8]
    bank_lag: NDArray[np.int64]
    bank_temperature_c: Array
    bank_supply_pa: Array
    joint_position: Array
    joint_velocity: Array
    root_position: Array
    root_linear_velocity: Array
    root_quaternion: Array
    root_angular_velocity: Array
    contact_force: Array
    imu_quaternion: Array

    @classmethod
    def for_robot(cls, capabilities: Capabilities) -> "StateFrame":
        """A frame in which nothing is known."""

        def unknown(*shape: int) -> Array:
            return np.full(shape, np.nan)

        n, banks, joints = len(capabilities.muscles), capabilities.n_banks, len(capabilities.joint_names)
        return cls(
            pressure_pa=unknown(n), length_m=unknown(n), tension_n=unknown(n),
            bank_stamp_ns=np.full(banks, NEVER_NS, dtype=np.int64),
            bank_state=np.full(banks, NO_BANK_STATE, dtype=np.uint8),
            bank_faults=np.zeros(banks, dtype=np.uint16),
            bank_fault_channel=np.full(banks, 255, dtype=np.uint8),
            bank_lag=np.zeros(banks, dtype=np.int64),
            bank_temperature_c=unknown(banks), bank_supply_pa=unknown(banks),
            joint_position=unknown(joints), joint_velocity=unknown(joints),
            root_position=unknown(3), root_linear_velocity=unknown(3), root_quaternion=unknown(4), root_angular_velocity=unknown(3),
            contact_force=unknown(N_CONTACTS), imu_quaternion=unknown(capabilities.n_imus, 4),
        )  # fmt: skip


class LinkFault(IntEnum):
    """What was wrong with an exchange; the highest counts."""

    NONE = 0
    LATE = 1
    """Part of the robot did not answer before the deadline."""
    WIRE = 2
    """Bytes that are no record, or a record that fails its check."""
    REFUSED = 3
    """The robot answered that it does not do it."""
    TOPOLOGY = 4
    """Fewer devices than configured (EtherCAT working counter)."""
    DOWN = 5
    """No link."""
    INTERNAL = 6
    """The driver failed; `MuscleDriver.last_error` says how."""


@dataclass(slots=True, kw_only=True)
class LinkStatus:
    """How the last exchange went. The driver owns it and writes it in place.

    Attributes:
        sent: whether a command left this machine.
        fresh_banks: banks that answered in this exchange.
        refused_records: records of this exchange that failed their check.
        fault: worst that happened.
        round_trip_ns: from the call to the last answer [ns]; 0 where the link does not pair them.
    """

    sent: bool = False
    fresh_banks: int = 0
    refused_records: int = 0
    fault: LinkFault = LinkFault.NONE
    round_trip_ns: int = 0
    totals: dict[LinkFault, int] = field(default_factory=lambda: dict.fromkeys(LinkFault, 0))

    def clear(self) -> None:
        """Before an exchange."""
        self.sent, self.fresh_banks, self.refused_records, self.fault, self.round_trip_ns = False, 0, 0, LinkFault.NONE, 0

    def note(self, fault: LinkFault) -> None:
        """Count a fault and keep the worst."""
        self.totals[fault] += 1
        self.fault = max(self.fault, fault)
