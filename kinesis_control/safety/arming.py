"""The arming state machine: whether a body takes commands, and how much of them reaches it.

    event                 DISARMED   ARMED        ACTIVE        FADING           ESTOPPED   FAULT
    --------------------  ---------  -----------  ------------  ---------------  ---------  ---------
    arm                   ARMED (1)  -            -             refused          refused    refused
    command accepted      refused    ACTIVE       -             refused          refused    refused
    disarm                -          DISARMED     FADING -> D   -                -          -
    e-stop                ESTOPPED   ESTOPPED     FADING -> E   FADING -> E      -          ESTOPPED
    fall (2)              -          FAULT        FADING -> F   FADING -> F (3)  -          -
    no command in time    -          FAULT (4)    FADING -> F   -                -          -
    refusals in a row     -          FAULT        FADING -> F   -                -          -
    sensors not finite    FAULT      FAULT        FAULT         FAULT (3)        -          -
    reset                 -          -            -             refused          DISARMED   DISARMED

"-" changes nothing. (1) refused while the body lies fallen. (2) a fall while nothing is applied does not latch, but it
keeps the body from being armed. (3) ESTOPPED where an e-stop came before. (4) after `arm_timeout_s`.

FADING takes the excitation from what is applied to zero over `fade_s`, in a straight line, and then enters the state after
the arrow; a second event on the way changes where it ends, never how long it takes. ACTIVE hands on all of the command,
every other state none of it. ESTOPPED and FAULT are latched: only a reset leaves them, a reset never arms, and no event
but `arm` does.

Time is handed in, in seconds, on the clock of the stamps. A clock that is set back stops the countdowns for one call and
never starts one again.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from kinesis_control.errors import ConfigurationError
from kinesis_control.safety.faults import Fault, Severity

_EPSILON_S = 1e-9  # sums of periods miss a whole number of them by less than this


class ControlState(IntEnum):
    """States, with the numbers of ControlStatus.msg."""

    DISARMED = 0
    ARMED = 1
    ACTIVE = 2
    FADING = 3
    ESTOPPED = 4
    FAULT = 5


_LATCHED = (ControlState.ESTOPPED, ControlState.FAULT)


class Answer(NamedTuple):
    """Reply to a request: std_srvs/Trigger's `success` and `message`."""

    success: bool
    message: str


@dataclass(frozen=True, kw_only=True)
class ArmingConfig:
    """Times of the state machine.

    Attributes:
        fade_s: time from all of the excitation to none [s], above 0.
        arm_timeout_s: how long an armed body waits for its first command [s], above 0.

    Raises:
        ConfigurationError: a time is not above 0.
    """

    fade_s: float = 0.2
    arm_timeout_s: float = 5.0

    def __post_init__(self) -> None:
        if not (0.0 < self.fade_s < float("inf") and self.arm_timeout_s > 0.0):
            raise ConfigurationError(f"got fade_s {self.fade_s!r} and arm_timeout_s {self.arm_timeout_s!r}, expected times above 0")


class Arming:
    """The state machine of one body.

    Attributes:
        state: where it is.
        cause: what ended the last motion or latched the state; None after an orderly disarm or a reset.
    """

    def __init__(self, config: ArmingConfig) -> None:
        self.state = ControlState.DISARMED
        self.cause: Fault | None = None
        self._config = config
        self._fallen = False
        self._target = ControlState.DISARMED  # where a fade ends
        self._remaining_s = 0.0  # until the fade, the wait for a first command or the last command runs out
        self._now_s = -float("inf")

    @property
    def takes_commands(self) -> bool:
        """Whether an acceptable command would be applied."""
        return self.state in (ControlState.ARMED, ControlState.ACTIVE)

    @property
    def gain(self) -> float:
        """Share of the last command that reaches the body, 0..1."""
        if self.state is ControlState.ACTIVE:
            return 1.0
        return self._remaining_s / self._config.fade_s if self.state is ControlState.FADING else 0.0

    def arm(self, now_s: float) -> Answer:
        """Take commands from now on, if nothing speaks against it."""
        self.advance(now_s)
        if self.takes_commands:
            return Answer(True, "already armed")
        if self.state is ControlState.FADING:
            return Answer(False, "still fading out; try again when it has ended")
        if self.state in _LATCHED:
            return Answer(False, f"{self._because()}; reset it first")
        if self._fallen:
            return Answer(False, "the body lies fallen; put it upright first")
        self.state, self.cause, self._remaining_s = ControlState.ARMED, None, self._config.arm_timeout_s
        return Answer(True, "armed, waiting for the first command")

    def disarm(self, now_s: float) -> Answer:
        """Stop in an orderly way; a latched state stays latched."""
        self.advance(now_s)
        if self.takes_commands:
            self._stop(ControlState.DISARMED, None)
        return Answer(True, "fading out" if self.state is ControlState.FADING else self._because())

    def estop(self, now_s: float) -> Answer:
        """Stop from any state, latched."""
        self.advance(now_s)
        self._stop(ControlState.ESTOPPED, Fault.ESTOP)
        return Answer(True, "emergency stop is latched")

    def reset(self, now_s: float) -> Answer:
        """Leave a latched state for DISARMED; never arms."""
        self.advance(now_s)
        if self.state is ControlState.FADING:
            return Answer(False, "still fading out; try again when it has ended")
        if self.state not in _LATCHED:
            return Answer(True, "nothing is latched")
        self.state, self.cause = ControlState.DISARMED, None
        return Answer(True, "reset; the body is disarmed, arm it to go on")

    def command_accepted(self, now_s: float, valid_for_s: float) -> None:
        """A command was accepted at `now_s` and may be held for `valid_for_s`. Only of effect while commands are taken."""
        self.advance(now_s)
        if self.takes_commands:
            self.state, self._remaining_s = ControlState.ACTIVE, valid_for_s

    def set_fallen(self, fallen: bool, now_s: float) -> Fault | None:
        """Hand in the fall detector's latch, each tick; returns the fault that this raised."""
        self.advance(now_s)
        self._fallen = fallen
        return self.fault(Fault.FALLEN, now_s) if fallen else None

    def fault(self, fault: Fault, now_s: float) -> Fault | None:
        """Something is wrong with the body or its commander; returns `fault` if it changed anything."""
        self.advance(now_s)
        before = (self.state, self._target)
        if fault.severity is Severity.CUT and self.state not in _LATCHED:
            stopped = self.state is ControlState.FADING and self._target is ControlState.ESTOPPED
            self.state, self.cause = (ControlState.ESTOPPED if stopped else ControlState.FAULT), fault
        elif fault.severity is Severity.STOP and (self.takes_commands or self.state is ControlState.FADING):
            self._stop(ControlState.FAULT, fault)
        return fault if (self.state, self._target) != before else None

    def advance(self, now_s: float) -> Fault | None:
        """Let time pass up to `now_s`; returns LOST_COMMANDER when a command, or the wait for the first, ran out."""
        elapsed, self._now_s = now_s - self._now_s, now_s
        if elapsed <= 0.0 or self.state is ControlState.DISARMED or self.state in _LATCHED:
            return None
        self._remaining_s -= elapsed
        if self._remaining_s > _EPSILON_S:
            return None
        if self.state is ControlState.FADING:
            self.state = self._target
            return None
        self._stop(ControlState.FAULT, Fault.LOST_COMMANDER)
        return Fault.LOST_COMMANDER

    def _stop(self, target: ControlState, cause: Fault | None) -> None:
        """Head for `target`: through a fade where something is applied, at once where nothing is."""
        if self.state is ControlState.FADING:
            # What was asked for first names the cause; only an e-stop overrides where a fault or a disarm was heading.
            if self._target in (target, ControlState.ESTOPPED):
                return
        elif self.state is ControlState.ACTIVE:
            self.state, self._remaining_s = ControlState.FADING, self._config.fade_s
        else:
            self.state = target
        self._target, self.cause = target, cause

    def _because(self) -> str:
        """The state in words, with what latched it."""
        return self.state.name.lower() + (f" because {self.cause.meaning}" if self.cause else "")
