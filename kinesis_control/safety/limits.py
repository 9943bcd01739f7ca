"""The limit function: what a command must be before any part of it may reach a body.

It is pure: everything it looks at is an argument, and all it changes are the arrays of the workspace it is given. It runs
last, at the edge of the body, in the simulator and in drivers alike; whoever sends commands is not trusted. Values are
refused or slowed down, never repaired: a NaN is not clipped into a number, and a value out of range is not clipped into it.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import ConfigurationError
from kinesis_control.safety.faults import Fault

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a body takes.

    Attributes:
        n_muscles: values in a command.
        layout_hash: `MuscleLayout.hash` of the body.
        mode: number of the mode in MuscleCommand.msg; 0 is excitation.
        low, high: range of a value, in the unit of the mode; holds 0, which is what a stopped body gets.
        slew_per_s: largest change of a value per second, in the unit of the mode.
        control_dt_s: control period [s]; one command changes a value by `slew_per_s * control_dt_s` at most.
        range_tolerance: how far beyond the range a value may lie by rounding, in the unit of the mode; it is then
            set to the bound.
        max_age_s: largest time from the stamp of the answered state to the arrival of the command [s].
        max_valid_for_s: cap on the time for which a command is held [s].
        max_seq_lag: how many states back a command may answer; 0 in lock-step, 1 is usual in real time.

    Raises:
        ConfigurationError: a value is out of its range.
    """

    n_muscles: int
    layout_hash: str
    mode: int = 0
    low: float = 0.0
    high: float = 1.0
    slew_per_s: float
    control_dt_s: float
    range_tolerance: float = 1e-6
    max_age_s: float = 0.1
    max_valid_for_s: float = 0.5
    max_seq_lag: int = 0

    def __post_init__(self) -> None:
        for name in ("slew_per_s", "control_dt_s", "max_age_s", "max_valid_for_s"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0.0):
                raise ConfigurationError(f"{name}: got {value!r}, expected a finite number above 0")
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low <= 0.0 <= self.high and self.low < self.high):
            raise ConfigurationError(f"range: got {self.low!r} to {self.high!r}, expected a finite range that holds 0")
        if not 0.0 <= self.range_tolerance <= 1e-3 * (self.high - self.low):
            raise ConfigurationError(f"range_tolerance: got {self.range_tolerance!r}, expected 0 to a thousandth of the range")
        if self.n_muscles < 1 or self.max_seq_lag < 0:
            raise ConfigurationError(f"got n_muscles {self.n_muscles} and max_seq_lag {self.max_seq_lag}, expected at least 1 and 0")

    @cached_property
    def max_step(self) -> float:
        """Largest change of a value from one control period to the next, in the unit of the mode."""
        return self.slew_per_s * self.control_dt_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One MuscleCommand, as it came.

    Attributes:
        seq: number of the state that is answered.
        stamp_ns: stamp of that state [ns].
        layout_hash: muscle order of the values.
        commander: unique name of the sender.
        mode: number of the mode in MuscleCommand.msg.
        values: shape (n_muscles,), in the unit of the mode.
        valid_for_s: how long the command may be held [s].
    """

    seq: int
    stamp_ns: int
    layout_hash: str
    commander: str
    mode: int = 0
    values: Array
    valid_for_s: float


@dataclass(slots=True, kw_only=True)
class Expected:
    """What the body waits for.

    Attributes:
        seq: number of the last state that was sent; -1 before the first.
        stamp_ns: its stamp [ns].
        answered_seq: number of the last state that was answered by an accepted command; -1 before the first.
        commander: who holds the body; empty when nobody does yet.
    """

    seq: int = -1
    stamp_ns: int = 0
    answered_seq: int = -1
    commander: str = ""


class LimitResult(NamedTuple):
    """Verdict on one command.

    Attributes:
        accepted: whether the workspace holds values to be applied.
        fault: why not, or None.
        detail: what was got and what was expected; empty when accepted.
        slowed: how many values were held back by the slew limit.
    """

    accepted: bool
    fault: Fault | None = None
    detail: str = ""
    slowed: int = 0


@dataclass(slots=True)
class Workspace:
    """Arrays that the limit function writes, all of shape (n_muscles,).

    Attributes:
        values: the limited command; only of meaning after an accepted one.
    """

    n_muscles: int
    values: Array = field(init=False)
    bound: Array = field(init=False)
    beyond: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        self.values, self.bound = np.zeros(self.n_muscles), np.zeros(self.n_muscles)
        self.beyond = np.zeros(self.n_muscles, dtype=bool)


def check_and_limit(command: Command, limits: Limits, expected: Expected, previous: Array, now_s: float, work: Workspace) -> LimitResult:
    """Check `command` and write what may be applied into `work.values`.

    Order: length, layout hash, mode, commander, finite, range, validity, sequence, stamp, age; slew last.

    Args:
        previous: values applied now, inside the range; shape (n_muscles,).
        now_s: reading of the clock of the stamps [s].
    """
    return (
        _check_address(command, limits, expected)
        or _check_values(command, limits)
        or _check_time(command, limits, expected, now_s)
        or LimitResult(True, slowed=_limit(command.values, limits, previous, work))
    )


def _check_address(command: Command, limits: Limits, expected: Expected) -> LimitResult | None:
    """Is it meant for this body, and is the sender the one who holds it?"""
    if command.values.shape != (limits.n_muscles,):
        return _refused(Fault.WRONG_LENGTH, f"got shape {command.values.shape}, expected ({limits.n_muscles},)")
    if command.layout_hash != limits.layout_hash:
        return _refused(Fault.WRONG_LAYOUT, f"got layout '{command.layout_hash}', expected '{limits.layout_hash}'")
    if command.mode != limits.mode:
        return _refused(Fault.WRONG_MODE, f"got mode {command.mode}, expected {limits.mode}")
    if not command.commander:
        return _refused(Fault.UNNAMED_COMMANDER, "got an empty name of the commander")
    if expected.commander and command.commander != expected.commander:
        return _refused(Fault.SECOND_COMMANDER, f"got a command of '{command.commander}', the body is held by '{expected.commander}'")
    return None


def _check_values(command: Command, limits: Limits) -> LimitResult | None:
    """Is every value finite and inside the range?"""
    values, slack = command.values, limits.range_tolerance
    # Minimum and maximum are NaN when any value is, and every comparison with NaN is false.
    if values.min() >= limits.low - slack and values.max() <= limits.high + slack:
        return None
    finite = np.isfinite(values)
    if not finite.all():
        worst = int(np.argmin(finite))
        return _refused(Fault.NON_FINITE_COMMAND, f"got {values[worst]} for muscle {worst}")
    worst = int(np.argmax(np.maximum(limits.low - values, values - limits.high)))
    return _refused(Fault.OUT_OF_RANGE, f"got {values[worst]} for muscle {worst}, expected {limits.low} to {limits.high}")


def _check_time(command: Command, limits: Limits, expected: Expected, now_s: float) -> LimitResult | None:
    """Does it answer the state that is to be answered, in time?"""
    if not 0.0 < command.valid_for_s < np.inf:
        return _refused(Fault.INVALID_VALIDITY, f"got valid_for {command.valid_for_s} s, expected a time above 0")
    seq, current = command.seq, expected.seq
    if seq > current:
        return _refused(Fault.FUTURE_COMMAND, f"got an answer to state {seq}, the last one sent is {current}")
    if seq <= expected.answered_seq:
        return _refused(Fault.REPLAYED_COMMAND, f"got an answer to state {seq}, {expected.answered_seq} is answered already")
    if seq < current - limits.max_seq_lag:
        return _refused(Fault.STALE_COMMAND, f"got an answer to state {seq}, expected {current}")
    if command.stamp_ns > expected.stamp_ns or (seq == current and command.stamp_ns != expected.stamp_ns):
        return _refused(Fault.WRONG_STAMP, f"got stamp {command.stamp_ns} ns, state {current} carries {expected.stamp_ns} ns")
    age_s = now_s - 1e-9 * command.stamp_ns
    if age_s > limits.max_age_s:
        return _refused(Fault.COMMAND_TOO_OLD, f"got a command of age {age_s:.4f} s, expected at most {limits.max_age_s} s")
    return None


def _limit(values: Array, limits: Limits, previous: Array, work: Workspace) -> int:
    """Write the values, held inside `previous` +- max_step; returns how many were held back."""
    out, bound, step = work.values, work.bound, limits.max_step
    np.minimum(values, limits.high, out=out)
    np.maximum(out, limits.low, out=out)
    np.add(previous, step, out=bound)
    slowed = np.count_nonzero(np.greater(out, bound, out=work.beyond))
    np.minimum(out, bound, out=out)
    np.subtract(previous, step, out=bound)
    slowed += np.count_nonzero(np.less(out, bound, out=work.beyond))
    np.maximum(out, bound, out=out)
    return int(slowed)


def _refused(fault: Fault, detail: str) -> LimitResult:
    return LimitResult(False, fault, detail)
