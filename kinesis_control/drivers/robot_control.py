"""Gate and guardian of a robot as one: the requests of the graph go to both, and a stop of either one stops the other.

    request        gate                          guardian
    -------------  ----------------------------  ----------------------------------------------------
    arm            after the guardian is ARMED   ARM, first; its steps take seconds
    disarm         fades out, first              DISARM when nothing is applied any more
    estop          latches, fades                ESTOP at once, category 0 (vent, supply dumped)
    reset          leaves the latch              RESET, first; where it refuses, nothing is reset

    seen                                                what happens
    --------------------------------------------------  ---------------------------------------------
    guardian: stop button, or asked for                 gate: e-stop
    guardian: another fault; bus process: latched fault  gate: that fault; `error` says it in words
    bus process or guardian silent                      gate: DRIVER_ERROR or GUARDIAN_LOST; `error`
    gate: latched by itself (lost commander, ...)       guardian: DISARM

Time is handed in as in the gate. Never raises because of the guardian: one that cannot be reached is a fault.
"""

from pathlib import Path

import numpy as np

from kinesis_control.drivers.bus.records import FAULTS
from kinesis_control.drivers.codecs.guardian import NO_MUSCLE, GuardianState, Refusal, Request, Status, StopCategory
from kinesis_control.drivers.guardian.operator import Operator
from kinesis_control.drivers.guardian.settings import GuardianFault
from kinesis_control.errors import UnavailableError
from kinesis_control.safety.arming import Answer, ControlState
from kinesis_control.safety.faults import Fault
from kinesis_control.safety.gate import CommandGate

GUARDIAN_SILENT_S = 0.5
"""Silence of the guardian that the node calls a fault [s]; the bus process has stopped the robot after 50 ms."""
BUS_SILENT_S = 0.5
"""Time without a new state record that the node calls a fault [s]."""
_RETRY_S = 0.5

_ON = (GuardianState.ARMED, GuardianState.ACTIVE)
_COMING = (GuardianState.SUPPLY_ON, GuardianState.PRECHARGE)
_STOPPED = (GuardianState.STOPPING, GuardianState.FAULT)
SAFE = (GuardianState.BOOT, GuardianState.SELFTEST, GuardianState.IDENT, GuardianState.LEASE, GuardianState.ESTOP_CHAIN)
"""Nothing is energised, and nothing is latched."""
_BUTTON = (GuardianFault.ESTOP, GuardianFault.ESTOP_DISCREPANCY, GuardianFault.ESTOP_ASKED)
_LATCHED = (ControlState.ESTOPPED, ControlState.FAULT)


class RobotControl:
    """Follows gate, guardian and bus process.

    Attributes:
        gate: the shared last gate.
        status: the guardian's newest, or None while it was not heard.
        error: why the chain is to be deactivated, in words; empty while all is well; `reset` clears it.
        arming: an arm was asked for and the guardian is on its way.
        guardian_fault: words of the last fault that the guardian has told; kept for the account of a run.
        bus_fault: what the bus process has latched, or None.
    """

    def __init__(self, gate: CommandGate, guardian: Path, *, muscles: tuple[str, ...]) -> None:
        """`guardian`: its socket; it need not be there yet."""
        self.gate = gate
        self.status: Status | None = None
        self.error = self.guardian_fault = ""
        self.arming = False
        self.bus_fault: Fault | None = None
        self._path, self._muscles = guardian, muscles
        self._operator: Operator | None = None
        self._tried_s = -np.inf
        self._heard_s = self._bus_s = 0.0
        self._told_down = False  # the guardian was asked to bring the robot down since it was last armed
        self._coming = False  # since ARM, the guardian was seen on its way

    @property
    def guardian_state(self) -> GuardianState | None:
        """Where the arming sequence is; None while the guardian is not heard."""
        return None if self.status is None else GuardianState(self.status.state)

    @property
    def safe(self) -> bool:
        """Whether the guardian says that nothing is energised and nothing latched."""
        return self.status is not None and self.guardian_state in SAFE

    @property
    def down(self) -> bool:
        """Whether nothing is energised, latched or not."""
        return self.status is not None and self.guardian_state in (*SAFE, GuardianState.FAULT)

    def begin(self, now_s: float) -> None:
        """Count silence from now on: guardian and bus process have just been found."""
        self._heard_s = self._bus_s = now_s

    # -- each tick ------------------------------------------------------------------------------------------------------

    def poll(self, record: np.ndarray, *, fresh: bool, now_s: float) -> None:
        """Take in what guardian and bus process say; `record` is the newest state record, `fresh` whether it is a new one."""
        self._hear(now_s)
        if fresh:
            self._bus_s = now_s
        elif now_s - self._bus_s > BUS_SILENT_S:
            self._fail(Fault.DRIVER_ERROR, "the bus process is silent", now_s)
        number = int(record["fault"]) if record.shape == () and record.dtype.names else 0
        fault = FAULTS[number - 1] if 0 < number <= len(FAULTS) else None
        if fault is not None and fault is not self.bus_fault:
            muscle = int(record["fault_muscle"])
            where = f", at muscle '{self._muscles[muscle]}'" if muscle != NO_MUSCLE and muscle < len(self._muscles) else ""
            self._fail(fault, f"{fault.meaning}{where}", now_s)
        self.bus_fault = fault
        self._follow_guardian(now_s)
        self._follow_gate(now_s)

    def _hear(self, now_s: float) -> None:
        if self._operator is None and now_s - self._tried_s >= _RETRY_S:
            self._tried_s = now_s
            try:
                self._operator = Operator(self._path, name="driver node")
            except UnavailableError:
                self._operator = None
        if self._operator is not None:
            try:
                before = self._operator.heard_ns
                self.status = self._operator.poll()
                if self._operator.heard_ns != before:
                    self._heard_s = now_s
            except UnavailableError:
                self._lose()
        if now_s - self._heard_s > GUARDIAN_SILENT_S:
            self.status = None
            self._fail(Fault.GUARDIAN_LOST, "the guardian is silent", now_s)

    def _lose(self) -> None:
        if self._operator is not None:
            self._operator.close()
        self._operator, self.status = None, None

    def _follow_guardian(self, now_s: float) -> None:
        status, state, gate = self.status, self.guardian_state, self.gate
        if status is None:
            return
        if status.fault:
            self.guardian_fault = f"{GuardianFault(status.fault).name}: {status.text}"
        if state in _STOPPED and status.fault:
            self.arming = False
            if status.fault in _BUTTON:
                if gate.state not in (*_LATCHED, ControlState.FADING):
                    gate.estop(now_s)
            elif status.fault != GuardianFault.BUS_FAULT or not self.error:
                self._fail(Fault.GUARDIAN_STOP, f"the guardian: {status.text}", now_s)
        elif self.arming and state in _ON:
            self.arming = self._told_down = False
            if not gate.arm(now_s).success:
                self._bring_down()
        elif self.arming:
            self._coming = self._coming or state in _COMING
            self.arming = not (self._coming and state in SAFE)  # somebody else has disarmed the robot on its way
        elif gate.state in (ControlState.ARMED, ControlState.ACTIVE) and state not in _ON:
            gate.disarm(now_s)  # somebody else has disarmed the robot

    def _follow_gate(self, now_s: float) -> None:
        """Bring the robot down when the gate has ended by itself, and nothing is applied any more."""
        state = self.guardian_state
        if state in _ON and not self.arming and self.gate.state in (*_LATCHED, ControlState.DISARMED) and not self._told_down:
            self._bring_down()

    def _bring_down(self) -> None:
        self._told_down = True
        self._ask(Request.DISARM)

    def _fail(self, fault: Fault, text: str, now_s: float) -> None:
        """Once for each trouble: it is latched in `error` until a reset."""
        self.arming = False
        if not self.error:
            self.error = f"{fault.name}: {text}"
            self.gate.body_fault(fault, now_s)

    def _ask(self, request: Request, category: StopCategory = StopCategory.RAMP) -> Answer:
        if self._operator is None:
            return Answer(False, f"no guardian at '{self._path}'")
        try:
            refusal, text = self._operator.ask(request, category)
        except UnavailableError as error:
            self._lose()
            return Answer(False, str(error))
        return Answer(refusal is Refusal.NONE, f"guardian: {text}")

    # -- requests -------------------------------------------------------------------------------------------------------

    def arm(self, now_s: float) -> Answer:
        """Begin the guardian's sequence; the gate is armed at its end."""
        gate, state = self.gate, self.guardian_state
        if gate.state in (ControlState.ARMED, ControlState.ACTIVE):
            return Answer(True, "already armed")
        if self.arming:
            return Answer(True, f"arming: the guardian is at {state.name if state is not None else 'start'}")
        if self.error:
            return Answer(False, f"{self.error}; reset it first")
        if gate.state in _LATCHED:
            return Answer(False, f"{gate.state.name.lower()}; reset it first")
        if gate.state is ControlState.FADING:
            return Answer(False, "still fading out; try again when it has ended")
        if state in _ON:
            return Answer(False, "the guardian has not brought the robot down yet; try again")
        answer = self._ask(Request.ARM)
        if answer.success:
            self.arming, self._told_down, self._coming = True, False, False
        return answer

    def disarm(self, now_s: float) -> Answer:
        """Fade out, then bring the robot down."""
        was_arming, self.arming = self.arming, False
        answer = self.gate.disarm(now_s)
        if was_arming or self.guardian_state in _COMING:
            self._bring_down()
        return answer

    def estop(self, now_s: float) -> Answer:
        """Vent at once: the guardian first, because it needs nobody else for it."""
        self.arming = False
        asked = self._ask(Request.ESTOP, StopCategory.VENT)
        answer = self.gate.estop(now_s)
        return answer if asked.success else Answer(True, f"{answer.message}; but {asked.message}: the bus process stops without it")

    def reset(self, now_s: float) -> Answer:
        """Leave latched states of both; arms nothing."""
        if self.guardian_state is GuardianState.STOPPING:
            return Answer(False, "the guardian is still bringing the robot down; try again")
        if self.guardian_state is GuardianState.FAULT:
            answer = self._ask(Request.RESET)
            if not answer.success:
                return answer
            self.status, self._heard_s = None, now_s  # what it said before the reset is no longer so
            if self._operator is not None:
                self._operator.status = None
        elif self.status is None:
            return Answer(False, f"no guardian at '{self._path}'")
        self.error = ""
        return self.gate.reset(now_s)

    def close(self) -> None:
        """Leave the guardian; what is armed stays as it is, so disarm before."""
        self._lose()
