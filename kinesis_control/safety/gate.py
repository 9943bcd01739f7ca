"""The last gate before the muscles: limits, arming and fault log of one body, for the simulator and for drivers alike.

The owner of the body, in every control period:

    gate.sensors(state, now_s)        # before the state is sent: sequence, stamp, fallen, finite
    gate.submit(command, now_s)       # for every command that arrives, whoever sent it
    excitation = gate.output(now_s)   # once, at the end of the period; always finite, in range, within the slew limit

A refused command changes nothing: the last good one is held as long as it is valid. In lock-step a refused command may be
all that comes for a state, so whoever waits for the answer must not wait for a better one.
"""

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyState
from kinesis_control.safety.arming import Answer, Arming, ArmingConfig, ControlState
from kinesis_control.safety.faults import UNUSABLE, Fault, FaultLog
from kinesis_control.safety.limits import Command, Expected, LimitResult, Limits, Workspace, check_and_limit

Array = NDArray[np.float64]


# Refusals that tell of an unusable commander. The others come from timing (which ends in LOST_COMMANDER if it lasts) or
# from someone else, and nobody else may stop the one who holds the body.
class CommandGate:
    """Decides in each period what a body gets.

    Attributes:
        limits: what the body takes.
        faults: every fault seen.
        accepted, rejected: commands so far.
        last_rejection: name and detail of the last refused command; empty before the first.
    """

    def __init__(self, limits: Limits, arming: ArmingConfig | None = None, *, max_refusals: int = 5) -> None:
        """`max_refusals`: unusable commands in a row after which the body stops."""
        self.limits = limits
        self.faults = FaultLog()
        self.accepted = 0
        self.rejected = 0
        self.last_rejection = ""
        self._arming = Arming(arming or ArmingConfig())
        self._max_refusals = max_refusals
        self._refusals_in_a_row = 0
        self._expected = Expected()
        self._work = Workspace(limits.n_muscles)
        self._command = np.zeros(limits.n_muscles)
        self._applied = np.zeros(limits.n_muscles)
        self._applied_view = self._applied.view()
        self._applied_view.flags.writeable = False

    @property
    def state(self) -> ControlState:
        """State of the arming machine."""
        return self._arming.state

    @property
    def cause(self) -> Fault | None:
        """What ended the last motion or latched the state."""
        return self._arming.cause

    @property
    def commander(self) -> str:
        """Who holds the body; empty when nobody does."""
        return self._expected.commander

    def sensors(self, state: BodyState, now_s: float) -> None:
        """Hand in each new state: it is the one that commands have to answer."""
        self._advance(now_s)
        self._expected.seq, self._expected.stamp_ns = state.seq, state.stamp_ns
        broken = state.first_non_finite()
        if broken is not None:
            self.body_fault(Fault.NON_FINITE_STATE, now_s)
        self._note(self._arming.set_fallen(state.fallen, now_s), now_s)

    def submit(self, command: Command, now_s: float) -> LimitResult:
        """Judge a command; an accepted one is applied from the next `output` on."""
        self._advance(now_s)
        if not self._arming.takes_commands:
            result = LimitResult(False, Fault.NOT_ARMED, f"got a command while {self.state.name}")
        else:
            result = check_and_limit(command, self.limits, self._expected, self._applied, now_s, self._work)
        if result.accepted:
            self._accept(command, result, now_s)
        else:
            self._refuse(command, result, now_s)
        return result

    def output(self, now_s: float) -> Array:
        """What the body gets now: the command, what a fade leaves of it, or zeros.

        Returns:
            Read-only view of one buffer, shape (n_muscles,); the next call overwrites it.
        """
        self._advance(now_s)
        np.multiply(self._command, self._arming.gain, out=self._applied)
        return self._applied_view

    def arm(self, now_s: float) -> Answer:
        """Take commands from now on; the first sender of an acceptable one holds the body until it is disarmed."""
        self._advance(now_s)
        was_armed = self._arming.takes_commands
        answer = self._arming.arm(now_s)
        if answer.success and not was_armed:
            self._expected.commander = ""
            self._refusals_in_a_row = 0
        return answer

    def disarm(self, now_s: float) -> Answer:
        """Fade out and take no more commands."""
        self._advance(now_s)
        return self._arming.disarm(now_s)

    def estop(self, now_s: float) -> Answer:
        """Fade out and latch."""
        self._advance(now_s)
        self.faults.record(Fault.ESTOP, now_s)
        return self._arming.estop(now_s)

    def reset(self, now_s: float) -> Answer:
        """Leave a latched state; never arms."""
        self._advance(now_s)
        return self._arming.reset(now_s)

    def body_fault(self, fault: Fault, now_s: float) -> None:
        """Count a fault that the owner of the body has found, and do what its severity asks for."""
        self._advance(now_s)
        self.faults.record(fault, now_s)
        self._arming.fault(fault, now_s)

    def _accept(self, command: Command, result: LimitResult, now_s: float) -> None:
        self.accepted += 1
        self._refusals_in_a_row = 0
        self._expected.answered_seq = command.seq
        self._expected.commander = command.commander
        if result.slowed:
            self.faults.record(Fault.SLEW_LIMITED, now_s)
        np.copyto(self._command, self._work.values)
        self._arming.command_accepted(now_s, min(command.valid_for_s, self.limits.max_valid_for_s))

    def _refuse(self, command: Command, result: LimitResult, now_s: float) -> None:
        assert result.fault is not None
        self.rejected += 1
        self.last_rejection = f"{result.fault.name}: {result.detail}"
        self.faults.record(result.fault, now_s)
        holder = self._expected.commander
        if not self._arming.takes_commands or (holder and command.commander != holder):
            return
        if result.fault in UNUSABLE:
            self._refusals_in_a_row += 1
            if self._refusals_in_a_row >= self._max_refusals:
                self.body_fault(Fault.REPEATED_REFUSAL, now_s)

    def _advance(self, now_s: float) -> None:
        self._note(self._arming.advance(now_s), now_s)

    def _note(self, fault: Fault | None, now_s: float) -> None:
        if fault is not None:
            self.faults.record(fault, now_s)
