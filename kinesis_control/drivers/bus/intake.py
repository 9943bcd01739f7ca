"""Commands from the node: the newest one that is right is taken, a wrong one is counted, and a commander that sends nothing else is stopped."""

import numpy as np

from kinesis_control.drivers.bus.check import CommandRules, check
from kinesis_control.drivers.bus.shared import SharedBlock
from kinesis_control.drivers.codecs.guardian import NO_MUSCLE
from kinesis_control.safety.faults import UNUSABLE, Fault

MOST_UNUSABLE = 3
"""Unusable commands in a row that are borne: at 40 Hz a broken commander is stopped within 75 ms."""


class CommandIntake:
    """What the node has sent, and how much of it may be used.

    Attributes:
        record: the command that was looked at last.
        answered: state that the last good command answered.
        broken: that the commander sent too many unusable commands in a row; until `forgive`.
        muscle: first muscle of the last command whose value was unusable; NO_MUSCLE when it was not a value.
    """

    def __init__(self, block: SharedBlock, rules: CommandRules, counts: dict[Fault, int]) -> None:
        """`counts`: how often each fault was seen, written here."""
        self._block, self._rules, self._counts = block, rules, counts
        self.record: np.ndarray = block.record
        self.answered = self._last_seq = self._unusable = 0
        self.muscle = NO_MUSCLE

    @property
    def broken(self) -> bool:
        return self._unusable >= MOST_UNUSABLE

    def forgive(self) -> None:
        """Begin to count anew."""
        self._unusable = 0

    def take(self, *, epoch: int, state_seq: int, armed: bool, now_ns: int) -> bool:
        """Whether there is a new command, and it is right; a refused one changes nothing but the counts.

        Args:
            epoch: of the lease in force. state_seq: of the last state that was published. now_ns: CLOCK_MONOTONIC [ns].
            armed: whether commands are followed now.
        """
        if not self._block.fetch():
            return False
        record = self.record = self._block.record
        fault = check(record, self._rules, epoch=epoch, last_seq=self._last_seq, last_answered=self.answered, state_seq=state_seq, now_ns=now_ns)
        if fault in UNUSABLE and armed:
            self._unusable += 1
            self.muscle = unusable_muscle(record["values"], self._rules.high) if fault in (Fault.NON_FINITE_COMMAND, Fault.OUT_OF_RANGE) else NO_MUSCLE
        elif fault is None and not armed:
            fault = Fault.NOT_ARMED
        if fault is not None:
            self._counts[fault] += 1
            return False
        self._last_seq, self.answered, self._unusable = int(record["seq"]), int(record["answers"]), 0
        return True


def unusable_muscle(values: np.ndarray, high: float) -> int:
    """First muscle whose value is not finite, or the one that is furthest outside of 0 to `high`."""
    wrong = ~np.isfinite(values)
    return int(np.argmax(wrong if wrong.any() else np.abs(values - 0.5 * high)))
