"""What speaks against going on: silent banks, banks with a fault, dead sensors."""

from typing import Protocol

import numpy as np

from kinesis_control.drivers.codecs.valve_bank import CHANNELS, BankState
from kinesis_control.drivers.frames import Capabilities, StateFrame
from kinesis_control.safety.faults import Fault


class Times(Protocol):
    """What is needed of the loop's configuration."""

    @property
    def bank_timeout_s(self) -> float: ...
    @property
    def rate_hz(self) -> float: ...


def watch(state: StateFrame, robot: Capabilities, times: Times, now_ns: int, *, armed: bool) -> tuple[Fault, int] | None:
    """The worst thing, with the first muscle that it concerns; None when nothing is wrong.

    Args:
        armed: whether the banks should be armed by now; before, a bank may still have a fault latched.
    """
    oldest = int(np.argmin(state.bank_stamp_ns))
    behind = int(np.argmax(state.bank_lag))
    if now_ns - int(state.bank_stamp_ns[oldest]) > 1e9 * times.bank_timeout_s:
        return Fault.BANK_SILENT, first_muscle(robot, oldest)
    if not armed:
        return None
    if int(state.bank_lag[behind]) > max(3.0, times.bank_timeout_s * times.rate_hz):
        return Fault.BANK_SILENT, first_muscle(robot, behind)
    worst = int(np.argmax(state.bank_faults))
    if state.bank_faults[worst]:
        return Fault.BANK_FAULT, first_muscle(robot, worst, int(state.bank_fault_channel[worst]))
    tripped = int(np.argmax(state.bank_state == BankState.FAULT))
    if state.bank_state[tripped] == BankState.FAULT:
        return Fault.BANK_FAULT, first_muscle(robot, tripped, int(state.bank_fault_channel[tripped]))
    if not np.isfinite(state.pressure_pa.sum()):
        return Fault.SENSOR_LOST, int(np.argmin(np.isfinite(state.pressure_pa)))
    return None


def first_muscle(robot: Capabilities, bank: int, channel: int = 255) -> int:
    """First muscle of a bank, or the one at `channel`."""
    first = int(np.argmax(robot.bank_of_muscle == bank))
    return min(first + channel, len(robot.muscles) - 1) if channel < CHANNELS else first
