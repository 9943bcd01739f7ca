"""Whether a command from the node may be used: shape, layout, mode, epoch, sequence, age, finite, range. Allocates no arrays."""

from dataclasses import dataclass

import numpy as np

from kinesis_control.drivers.frames import Mode
from kinesis_control.errors import ConfigurationError
from kinesis_control.safety.faults import Fault

RANGE_TOLERANCE = 1e-6
"""Rounding that is forgiven beyond a range, as a share of it."""


@dataclass(frozen=True, kw_only=True)
class CommandRules:
    """What a command must be.

    Attributes:
        n_muscles: values of a command.
        layout: layout hash as a number.
        mode: the one mode that is taken; everything else is refused, never re-read.
        high: largest value in that mode; the smallest is 0.
        max_age_ns: largest time since the sampling of the state that is answered [ns].
        max_ahead_ns: how far a stamp may lie in the future, for clocks that are read in turns [ns].
    """

    n_muscles: int
    layout: int
    mode: Mode
    high: float
    max_age_ns: int = 100_000_000
    max_ahead_ns: int = 1_000_000

    def __post_init__(self) -> None:
        if self.mode not in (Mode.EXCITATION, Mode.PRESSURE) or not (self.high > 0.0 and self.max_age_ns > 0):
            raise ConfigurationError(f"got {self.mode!r}, high {self.high}, max_age_ns {self.max_age_ns}; expected EXCITATION or PRESSURE, and above 0")


def check(record: np.ndarray, rules: CommandRules, *, epoch: int, last_seq: int, last_answered: int, state_seq: int, now_ns: int) -> Fault | None:
    """Why a command record is refused, or None.

    Args:
        record: as `records.command_record` says; shape ().
        epoch: of the lease in force.
        last_seq, last_answered: of the last command that was taken.
        state_seq: of the last state that was published.
        now_ns: CLOCK_MONOTONIC [ns].
    """
    if record["count"] != rules.n_muscles:
        return Fault.WRONG_LENGTH
    if record["layout"] != rules.layout:
        return Fault.WRONG_LAYOUT
    if record["mode"] != rules.mode:
        return Fault.WRONG_MODE
    values = record["values"]
    low, high = values.min(), values.max()  # NaN when any value is
    if not (np.isfinite(low) and np.isfinite(high)):
        return Fault.NON_FINITE_COMMAND
    slack = RANGE_TOLERANCE * rules.high
    if low < -slack or high > rules.high + slack:
        return Fault.OUT_OF_RANGE
    if record["epoch"] != epoch:
        return Fault.STALE_EPOCH
    if record["answers"] > state_seq:
        return Fault.FUTURE_COMMAND
    if record["seq"] <= last_seq or record["answers"] < last_answered:
        return Fault.REPLAYED_COMMAND
    age_ns = now_ns - int(record["stamp_ns"])
    if age_ns < -rules.max_ahead_ns:
        return Fault.WRONG_STAMP
    return Fault.COMMAND_TOO_OLD if age_ns > rules.max_age_ns else None
