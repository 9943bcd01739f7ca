"""The two records between node and bus process; `shared.SharedBlock` carries them."""

import numpy as np

from kinesis_control.drivers.frames import Capabilities, StateFrame
from kinesis_control.safety.faults import Fault

FAULTS: tuple[Fault, ...] = tuple(Fault)
"""Order of the fault counts; a fault's number is its place in here plus 1."""

STATE_ARRAYS = (
    "pressure_pa", "length_m", "tension_n", "bank_stamp_ns", "bank_state", "bank_faults", "bank_fault_channel", "bank_lag", "bank_temperature_c",
    "bank_supply_pa", "joint_position", "joint_velocity", "root_position", "root_linear_velocity", "root_quaternion", "root_angular_velocity",
    "contact_force", "imu_quaternion",
)  # fmt: skip
"""Arrays of StateFrame that are in the state record under the same name."""


def command_record(n_muscles: int) -> np.dtype:
    """From the node.

    Fields: seq (grows by one a command), answers (seq of the state record it rests on), stamp_ns (CLOCK_MONOTONIC when that state
    was sampled), epoch (of that state), layout (hash as a number), mode, count (number of values), values; length and velocity
    of the musculotendons [m], [m/s], for the conversion of excitations, NaN where the robot's own length sensors are to be used.
    """
    array = (n_muscles,)
    return np.dtype(
        [
            ("seq", "<u8"), ("answers", "<u8"), ("stamp_ns", "<i8"), ("layout", "<u8"), ("epoch", "<u4"), ("mode", "<u4"), ("count", "<u4"), ("unused", "<u4"),
            ("values", "<f8", array), ("length", "<f8", array), ("velocity", "<f8", array),
        ]
    )  # fmt: skip


def state_record(robot: Capabilities) -> np.dtype:
    """From the bus process.

    Fields: seq (one a cycle), stamp_ns (newest sensor, CLOCK_MONOTONIC), cycle_ns (begin of the cycle), epoch, phase, guardian
    (its state), permit, control (what was sent), fault (number of the latched one, 0 none), fault_muscle (65535 none), link_fault;
    cycles, overruns, late, lost (cycles without any answer); fresh_banks; round_trip_ns; limit counts; counts of every fault;
    realtime (bits of realtime.RealTime); statement (what is not as it should be, in words); every array of StateFrame; sent_pa;
    shortfall (share of the peak force that is missing) and saturated, by muscle.
    """
    frame = StateFrame.for_robot(robot)
    n = len(robot.muscles)
    head = [
        ("seq", "<u8"), ("stamp_ns", "<i8"), ("cycle_ns", "<i8"), ("cycles", "<u8"), ("overruns", "<u8"), ("late", "<u8"), ("lost", "<u8"),
        ("round_trip_ns", "<i8"), ("epoch", "<u4"), ("fault", "<u4"), ("fault_muscle", "<u4"), ("phase", "<u4"), ("guardian", "<u4"), ("permit", "<u4"),
        ("control", "<u4"), ("link_fault", "<u4"), ("fresh_banks", "<u4"), ("realtime", "<u4"), ("answered", "<u8"),
        ("limited", "<u4", (8,)), ("fault_counts", "<u8", (len(FAULTS),)), ("statement", "S240"),
    ]  # fmt: skip
    arrays = [(name, getattr(frame, name).dtype.str, getattr(frame, name).shape) for name in STATE_ARRAYS]
    return np.dtype([*head, *arrays, ("sent_pa", "<f8", (n,)), ("shortfall", "<f8", (n,)), ("saturated", "?", (n,))])


assert StateFrame.__dataclass_fields__.keys() - set(STATE_ARRAYS) == {"stamp_ns"}, "a new array of StateFrame must be in the record"
