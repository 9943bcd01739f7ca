"""Names of everything that can go wrong at the edge of a body, and the log that counts it."""

from dataclasses import dataclass
from enum import Enum, IntEnum


class Severity(IntEnum):
    """What a fault does to a body that is moving; kinesis_control/safety/arming.py holds the table."""

    NOTICE = 0
    """Counted, nothing else."""
    REFUSAL = 1
    """One command is refused; the last good one is held while it is valid."""
    STOP = 2
    """Excitation fades to zero; latched."""
    CUT = 3
    """Excitation is zero at once, because the body is no longer known; latched."""


class Fault(Enum):
    """A fault: severity and one line of meaning. The member name is what `control_status` and `/diagnostics` show."""

    SLEW_LIMITED = (Severity.NOTICE, "a command asked for a faster change than allowed and was slowed down")
    NOT_ARMED = (Severity.NOTICE, "a command came while the body takes none")
    WRONG_LENGTH = (Severity.REFUSAL, "a command has not one value per muscle")
    WRONG_LAYOUT = (Severity.REFUSAL, "a command is ordered for another muscle layout")
    WRONG_MODE = (Severity.REFUSAL, "a command is of another mode or unit than the body takes")
    UNNAMED_COMMANDER = (Severity.REFUSAL, "a command does not say who sent it")
    SECOND_COMMANDER = (Severity.REFUSAL, "a second sender commands a body that already has a commander")
    NON_FINITE_COMMAND = (Severity.REFUSAL, "a command holds a NaN or an infinity")
    OUT_OF_RANGE = (Severity.REFUSAL, "a command value is outside the range of its mode")
    INVALID_VALIDITY = (Severity.REFUSAL, "a command does not say for how long it is valid")
    FUTURE_COMMAND = (Severity.REFUSAL, "a command answers a state that was not sent yet")
    REPLAYED_COMMAND = (Severity.REFUSAL, "a command answers a state that was answered already")
    STALE_COMMAND = (Severity.REFUSAL, "a command answers a state that is no longer the current one")
    WRONG_STAMP = (Severity.REFUSAL, "a command carries another stamp than the state it claims to answer")
    COMMAND_TOO_OLD = (Severity.REFUSAL, "a command answers a state that lies too far back in time")
    STALE_EPOCH = (Severity.REFUSAL, "a command rests on a state of a lease that has ended")
    NON_FINITE_REFERENCE = (Severity.REFUSAL, "the reference gives an observation with a NaN or an infinity")
    NON_FINITE_POLICY = (Severity.REFUSAL, "the policy gave a NaN or an infinity")
    LOST_COMMANDER = (Severity.STOP, "no acceptable command came before the last one ran out")
    REPEATED_REFUSAL = (Severity.STOP, "the commander sent several unusable commands in a row")
    FALLEN = (Severity.STOP, "the fall detector has latched")
    GUARDIAN_LOST = (Severity.STOP, "the guardian is silent or has ended the lease")
    GUARDIAN_STOP = (Severity.STOP, "the guardian has stopped the robot; its status says why")
    BANK_SILENT = (Severity.STOP, "a valve bank gives no fresh answer, or takes no commands")
    BANK_FAULT = (Severity.STOP, "a valve bank has latched a fault")
    SENSOR_LOST = (Severity.STOP, "the pressure sensor of a muscle gives no reading")
    DRIVER_ERROR = (Severity.STOP, "the driver failed in the loop")
    ESTOP = (Severity.STOP, "the emergency stop was asked for")
    NON_FINITE_STATE = (Severity.CUT, "the sensors gave a NaN or an infinity")
    INTERNAL_ERROR = (Severity.CUT, "the program at the edge of the body failed")

    def __init__(self, severity: Severity, meaning: str) -> None:
        self.severity = severity
        self.meaning = meaning


UNUSABLE = frozenset({Fault.WRONG_LENGTH, Fault.WRONG_LAYOUT, Fault.WRONG_MODE, Fault.NON_FINITE_COMMAND, Fault.OUT_OF_RANGE, Fault.INVALID_VALIDITY})
"""Refusals that no delay and no lost message explains: whoever sends several in a row is broken, and REPEATED_REFUSAL stops the body."""

_NUMBERED = tuple(Fault)


def number_of(fault: Fault | None) -> int:
    """Number of a fault in records and heartbeats; 0 for none."""
    return 0 if fault is None else _NUMBERED.index(fault) + 1


def fault_numbered(number: int) -> Fault | None:
    """The other way round; None for 0, and for a number that this version does not know."""
    return _NUMBERED[number - 1] if 1 <= number <= len(_NUMBERED) else None


@dataclass(slots=True, kw_only=True)
class FaultRecord:
    """How often a fault was seen.

    Attributes:
        count: times seen, at least 1.
        first_s, last_s: clock readings of the first and the last time [s].
    """

    count: int
    first_s: float
    last_s: float


class FaultLog:
    """Counts of every fault seen since the start; nothing but the end of the program clears it."""

    def __init__(self) -> None:
        self._records: dict[Fault, FaultRecord] = {}

    def record(self, fault: Fault, now_s: float) -> None:
        """Count `fault` once."""
        known = self._records.get(fault)
        if known is None:
            self._records[fault] = FaultRecord(count=1, first_s=now_s, last_s=now_s)
        else:
            known.count += 1
            known.last_s = now_s

    def count(self, fault: Fault) -> int:
        """Times that `fault` was seen."""
        known = self._records.get(fault)
        return 0 if known is None else known.count

    def worst_first(self) -> list[tuple[Fault, FaultRecord]]:
        """Every fault seen, by falling severity, and in order of first appearance within one."""
        return sorted(self._records.items(), key=lambda entry: -entry[0].severity)

    def counts(self) -> dict[str, int]:
        """Fault name -> count, worst first: `fault_names` and `fault_counts` of ControlStatus."""
        return {fault.name: record.count for fault, record in self.worst_first()}
