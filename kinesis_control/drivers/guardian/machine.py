"""The decisions of the guardian: a state machine without sockets or clocks, stepped with what was seen.

    BOOT -> SELFTEST -> IDENT -> LEASE -> ESTOP_CHAIN -(ARM)-> SUPPLY_ON -> PRECHARGE -> ARMED <-> ACTIVE
      ^                                                            |           (any fault, stop or disarm)
      |                                                            v
      +------(RESET, or the end of a DISARM)------- FAULT <----- STOPPING

Nothing but ARM, asked for once and at ESTOP_CHAIN, leads to SUPPLY_ON. A reset leads to BOOT and to nothing else.
"""

import math
from dataclasses import dataclass

from kinesis_control.drivers.codecs.guardian import HEARTBEAT_TIMEOUT_S, BusFlag, GuardianState, Heartbeat, Permit, Refusal, Request, StopCategory
from kinesis_control.drivers.guardian.board import BoardInputs
from kinesis_control.drivers.guardian.settings import GuardianFault, GuardianSettings

NO_MUSCLE = 0xFFFF
DUMPED_PA = 50e3
"""Supply pressure that counts as none [Pa]."""
BOOT_S = 0.05
"""Shortest stay in BOOT, so that everyone hears of it [s]."""
CONTACTOR_S = 0.15
"""How long the contactor may take [s]."""
LONGEST_PRESS_S = 5.0
"""A reset button that is held longer is jammed or tied down [s]."""
SUPPLY_STEADY_S = 0.05

ENERGISED = (GuardianState.SUPPLY_ON, GuardianState.PRECHARGE, GuardianState.ARMED, GuardianState.ACTIVE)
_IDLE = (GuardianState.SELFTEST, GuardianState.IDENT, GuardianState.LEASE, GuardianState.ESTOP_CHAIN)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the guardian sees at one moment.

    Attributes:
        now_ns: CLOCK_MONOTONIC [ns].
        board: newest sample of the safety board while it is heard, else None.
        epoch: of the lease in force; 0 for none.
        heartbeat, heartbeat_ns: newest one of the bus process, and when it came; None before the first.
    """

    now_ns: int
    board: BoardInputs | None
    epoch: int
    heartbeat: Heartbeat | None
    heartbeat_ns: int


class Machine:
    """State of the arming sequence.

    Attributes:
        state, permit, category, fault, muscle, text: as in `Status`.
        pump_on, dump_open: the outputs.
        estop_latched: whether the stop button is latched.
        arm_count: number of the arm token of this epoch's last arming.
    """

    def __init__(self, settings: GuardianSettings) -> None:
        self._settings = settings
        self.state, self.permit, self.category = GuardianState.BOOT, Permit.VENT, StopCategory.VENT
        self.fault, self.muscle, self.text = GuardianFault.NONE, NO_MUSCLE, "starting"
        self.pump_on, self.dump_open, self.estop_latched = False, True, False
        self.arm_count = 0
        self._since_ns: int | None = None
        self._epoch = 0
        self._differ_ns: int | None = None
        self._needs_both_open = False
        self._pressed_ns: int | None = None
        self._release_seen = False
        self._held_ns: int | None = None
        self._low_ns: int | None = None
        self._deaf_ns: int | None = None
        self._steady_ns: int | None = None
        self._disarming = False
        self._out_ns = 0

    # -- from outside ---------------------------------------------------------------------------------------------------

    def ask(self, request: Request, category: StopCategory, seen: Seen) -> tuple[Refusal, str]:
        """What an operator asks for; NONE when it has begun."""
        if request is Request.ESTOP:
            self._stop(GuardianFault.ESTOP_ASKED, category, seen, "the emergency stop was asked for")
            return Refusal.NONE, "stopping"
        if request is Request.DISARM:
            if self.state in ENERGISED:
                self._disarming = True
                self._begin_stopping(category, seen, "disarming")
            return Refusal.NONE, "vented when BOOT is reached" if self.state is GuardianState.STOPPING else "nothing was armed"
        if request is Request.RESET:
            return self._reset(seen)
        if self.state is not GuardianState.ESTOP_CHAIN:
            return Refusal.WRONG_STATE, f"arming begins at ESTOP_CHAIN, the guardian is at {self.state.name}: {self.text}"
        if not self._chain_good(seen.board):
            return self._chain_refusal(seen.board)
        self.arm_count += 1
        self.pump_on, self.dump_open = True, False
        self._enter(GuardianState.SUPPLY_ON, seen, "supply rises")
        return Refusal.NONE, "arming"

    def _reset(self, seen: Seen) -> tuple[Refusal, str]:
        if self.state is not GuardianState.FAULT:
            return Refusal.WRONG_STATE, f"nothing is latched; the guardian is at {self.state.name}"
        if not self._chain_good(seen.board, latched_matters=False):
            return self._chain_refusal(seen.board)
        self.estop_latched, self.fault, self.muscle, self._disarming = False, GuardianFault.NONE, NO_MUSCLE, False
        self._enter(GuardianState.BOOT, seen, "reset; nothing is armed by it")
        return Refusal.NONE, "reset; arm when ESTOP_CHAIN is reached"

    def _chain_refusal(self, board: BoardInputs | None) -> tuple[Refusal, str]:
        if board is not None and board.reset_pressed:
            return Refusal.RESET_HELD, "the reset button is held down; let go of it first"
        if self._needs_both_open:
            return Refusal.ESTOP_OPEN, "the stop channels disagreed: press the stop button fully, then release it, or repair it"
        return Refusal.ESTOP_OPEN, "the stop chain is open: release the stop button" if board is not None else "the safety board is silent"

    def _chain_good(self, board: BoardInputs | None, *, latched_matters: bool = True) -> bool:
        closed = board is not None and board.channel_a and board.channel_b and not board.reset_pressed
        return closed and not self._needs_both_open and not (latched_matters and self.estop_latched)

    # -- each cycle -----------------------------------------------------------------------------------------------------

    def step(self, seen: Seen) -> None:
        """Go on with what is seen; sets state, permit and outputs."""
        if self._since_ns is None:
            self._since_ns = seen.now_ns
        if seen.epoch != self._epoch:
            self._epoch, self.arm_count = seen.epoch, 0
        self._watch_chain(seen)
        if self.state in ENERGISED:
            self._watch_energised(seen)
        if self.state in _IDLE and seen.board is None:
            self._enter(GuardianState.BOOT, seen, "the safety board is silent")
        if self.state in _IDLE[1:] and self._flags(seen) & BusFlag.FAULT:
            self._stop(GuardianFault.BUS_FAULT, StopCategory.VENT, seen, "the bus process has latched a fault")
        handler = {
            GuardianState.BOOT: self._boot, GuardianState.SELFTEST: self._selftest, GuardianState.IDENT: self._ident, GuardianState.LEASE: self._lease,
            GuardianState.ESTOP_CHAIN: self._chain, GuardianState.SUPPLY_ON: self._supply_on, GuardianState.PRECHARGE: self._precharge,
            GuardianState.ARMED: self._armed, GuardianState.ACTIVE: self._armed, GuardianState.STOPPING: self._stopping,
        }.get(self.state)  # fmt: skip
        if handler is not None:
            handler(seen)

    def _watch_chain(self, seen: Seen) -> None:
        """Stop channels and reset button, in every state."""
        board = seen.board
        if board is None:
            self._pressed_ns = None
            return
        if not (board.channel_a or board.channel_b):
            self._needs_both_open = False
        self._differ_ns = None if board.channel_a == board.channel_b else self._differ_ns or seen.now_ns
        if not (board.channel_a and board.channel_b) and not self.estop_latched:
            self.estop_latched = True
            self._stop(GuardianFault.ESTOP, self._settings.on_estop, seen, "the stop button was pressed, or its wire is open")
        if self._differ_ns is not None and self._after(self._differ_ns, self._settings.discrepancy_s, seen) and not self._needs_both_open:
            self._needs_both_open, self.fault = True, GuardianFault.ESTOP_DISCREPANCY
            self.text = "the two stop channels disagree: one is defective"
        if board.reset_pressed:
            if self._release_seen and self._pressed_ns is None:
                self._pressed_ns = seen.now_ns
            return
        if self._pressed_ns is not None and not self._after(self._pressed_ns, LONGEST_PRESS_S, seen):
            self._reset(seen)  # acts when the button is let go, never while it is held
        self._pressed_ns, self._release_seen = None, True

    def _watch_energised(self, seen: Seen) -> None:
        found = self._trouble(seen)
        if found is not None:
            fault, text = found
            if fault is GuardianFault.BUS_FAULT and seen.heartbeat is not None:
                self.muscle = seen.heartbeat.muscle
            category = StopCategory.VENT if fault is GuardianFault.SUPPLY_HIGH else self._settings.on_fault
            self._stop(fault, category, seen, text)

    def _trouble(self, seen: Seen) -> tuple[GuardianFault, str] | None:
        settings, board, beat = self._settings, seen.board, seen.heartbeat
        if board is None:
            return GuardianFault.IO_LOST, "the safety board is silent"
        if seen.epoch == 0 or beat is None:
            return GuardianFault.LEASE_LOST, "the bus process has left"
        if self._after(seen.heartbeat_ns, HEARTBEAT_TIMEOUT_S, seen):
            return GuardianFault.HEARTBEAT_LOST, "the bus process is silent"
        if beat.flags & BusFlag.FAULT:
            return GuardianFault.BUS_FAULT, f"the bus process has latched its fault {beat.fault}"
        self._deaf_ns = None if beat.flags & BusFlag.LINK_OK else self._deaf_ns or seen.now_ns
        if self._deaf_ns is not None and self._after(self._deaf_ns, settings.link_grace_s, seen):
            return GuardianFault.LINK_LOST, "the bus process does not hear every bank"
        if board.supply_pa > settings.supply_high_pa:
            return GuardianFault.SUPPLY_HIGH, f"supply at {board.supply_pa / 1e5:.2f} bar, at most {settings.supply_high_pa / 1e5:.2f} is allowed"
        if self.state is not GuardianState.SUPPLY_ON:
            low = not board.supply_pa >= settings.supply_low_pa  # true for NaN, too
            self._low_ns = (self._low_ns or seen.now_ns) if low else None
            if self._low_ns is not None and self._after(self._low_ns, settings.supply_grace_s, seen):
                return GuardianFault.SUPPLY_LOW, f"supply at {board.supply_pa / 1e5:.2f} bar, at least {settings.supply_low_pa / 1e5:.2f} is needed"
        if self._in_state(CONTACTOR_S, seen) and not (board.contactor and not board.dump_open):
            return GuardianFault.PUMP_FEEDBACK, "pump contactor or dump valve do not do what they are told"
        return None

    # -- on the way to ARMED --------------------------------------------------------------------------------------------

    def _boot(self, seen: Seen) -> None:
        if seen.board is not None and self._in_state(BOOT_S, seen):
            self._enter(GuardianState.SELFTEST, seen, "waiting for the supply to be empty and for the bus process")

    def _selftest(self, seen: Seen) -> None:
        assert seen.board is not None
        supply = seen.board.supply_pa
        if not supply <= DUMPED_PA:
            if self._in_state(self._settings.vent_s + self._settings.ramp_s, seen):
                self._stop(GuardianFault.DUMP_FAILED, StopCategory.VENT, seen, f"supply at {supply / 1e5:.2f} bar with the dump valve open")
            return
        if self._flags(seen) & (BusFlag.SELFTEST_OK | BusFlag.FAULT) == BusFlag.SELFTEST_OK:
            self._enter(GuardianState.IDENT, seen, "waiting for every bank to say who it is")

    def _ident(self, seen: Seen) -> None:
        if self._fell_back(seen, BusFlag.SELFTEST_OK):
            return
        if self._flags(seen) & BusFlag.IDENTIFIED:
            self._enter(GuardianState.LEASE, seen, "waiting for the lease, and for every bank to be heard and vented")

    def _lease(self, seen: Seen) -> None:
        if self._fell_back(seen, BusFlag.SELFTEST_OK | BusFlag.IDENTIFIED):
            return
        wanted = BusFlag.LINK_OK | BusFlag.VENTED
        if seen.epoch and self._flags(seen) & wanted == wanted:
            self._enter(GuardianState.ESTOP_CHAIN, seen, "waiting for a closed stop chain")

    def _chain(self, seen: Seen) -> None:
        if seen.epoch == 0 or self._fell_back(seen, BusFlag.SELFTEST_OK | BusFlag.IDENTIFIED):
            self._enter(GuardianState.SELFTEST, seen, "the bus process has left")
            return
        if not self._flags(seen) & BusFlag.LINK_OK:
            self._enter(GuardianState.LEASE, seen, "waiting for every bank to be heard")
            return
        self.text = "ready to be armed" if self._chain_good(seen.board) else self._chain_refusal(seen.board)[1]

    def _supply_on(self, seen: Seen) -> None:
        assert seen.board is not None
        good = self._settings.supply_low_pa <= seen.board.supply_pa <= self._settings.supply_high_pa
        self._steady_ns = (self._steady_ns or seen.now_ns) if good else None
        if self._steady_ns is not None and self._after(self._steady_ns, SUPPLY_STEADY_S, seen):
            self.permit = Permit.ARM
            self._enter(GuardianState.PRECHARGE, seen, "arming the banks")
        elif self._in_state(self._settings.supply_timeout_s, seen):
            self._stop(GuardianFault.SUPPLY_LOW, self._settings.on_fault, seen, f"the supply reached {seen.board.supply_pa / 1e5:.2f} bar only")

    def _precharge(self, seen: Seen) -> None:
        flags = self._flags(seen)
        if self.permit is Permit.ARM and flags & BusFlag.BANKS_ARMED:
            self.permit, self.text = Permit.HOLD, "the banks are armed"
        elif self.permit is Permit.HOLD and flags & BusFlag.PRECHARGED:
            self.permit = Permit.FOLLOW
            self._enter(GuardianState.ARMED, seen, "armed; waiting for commands")
        elif self._in_state(self._settings.arming_timeout_s, seen):
            what = "be armed" if self.permit is Permit.ARM else "report their pressures"
            self._stop(GuardianFault.ARMING_TIMEOUT, self._settings.on_fault, seen, f"the banks did not {what} in time")

    def _armed(self, seen: Seen) -> None:
        following = bool(self._flags(seen) & BusFlag.FOLLOWING)
        if following and self.state is GuardianState.ARMED:
            self._enter(GuardianState.ACTIVE, seen, "following commands")
        elif not following and self.state is GuardianState.ACTIVE:
            self._enter(GuardianState.ARMED, seen, "armed; waiting for commands")

    # -- stopping -------------------------------------------------------------------------------------------------------

    def _stop(self, fault: GuardianFault, category: StopCategory, seen: Seen, text: str) -> None:
        """Latch a fault and bring the robot down; the first fault keeps its name, the hardest category wins."""
        if self.fault is GuardianFault.NONE:
            self.fault = fault
        self._disarming = False
        if self.state in ENERGISED:
            self._begin_stopping(category, seen, text)
        elif self.state is GuardianState.STOPPING:
            if category < self.category:
                self._begin_stopping(category, seen, text)
        elif self.state is not GuardianState.FAULT:
            self.category = StopCategory.VENT
            self._off()
            self._enter(GuardianState.FAULT, seen, text)

    def _begin_stopping(self, category: StopCategory, seen: Seen, text: str) -> None:
        self.category, self._out_ns = category, seen.now_ns
        self._enter(GuardianState.STOPPING, seen, text)
        self._stopping(seen)

    def _stopping(self, seen: Seen) -> None:
        """HOLD, then RAMP, then VENT, from wherever the category begins."""
        settings = self._settings
        if self.category is StopCategory.HOLD and not self._after(self._out_ns, settings.hold_s, seen):
            self.permit = Permit.HOLD
            return
        if self.category is StopCategory.HOLD:
            self.category, self._out_ns = StopCategory.RAMP, seen.now_ns
        self.pump_on, self.dump_open = False, True
        if self.category is StopCategory.RAMP and not self._after(self._out_ns, settings.ramp_s, seen):
            self.permit = Permit.RAMP
            return
        ramp_s = settings.ramp_s if self.category is StopCategory.RAMP else 0.0
        self._off()
        vented = bool(self._flags(seen) & BusFlag.VENTED)
        if vented and seen.board is not None and seen.board.supply_pa <= DUMPED_PA:
            self._end_stopping(seen)
        elif self._after(self._out_ns, ramp_s + settings.vent_s, seen):
            if self.fault is GuardianFault.NONE or self._disarming:
                self.fault = GuardianFault.DUMP_FAILED if vented else GuardianFault.NOT_VENTED
                self.text = "the supply still has pressure" if vented else "a muscle still has pressure, or nobody can tell"
                self._disarming = False
            self._end_stopping(seen)

    def _end_stopping(self, seen: Seen) -> None:
        if self._disarming and self.fault is GuardianFault.NONE:
            self._disarming = False
            self._enter(GuardianState.BOOT, seen, "disarmed")
        else:
            self._enter(GuardianState.FAULT, seen, self.text)

    def _off(self) -> None:
        self.permit, self.pump_on, self.dump_open = Permit.VENT, False, True

    # -- small things ---------------------------------------------------------------------------------------------------

    def _enter(self, state: GuardianState, seen: Seen, text: str) -> None:
        self.state, self.text, self._since_ns = state, text, seen.now_ns
        self._low_ns = self._deaf_ns = self._steady_ns = None
        if state not in ENERGISED and state is not GuardianState.STOPPING:
            self._off()

    def _fell_back(self, seen: Seen, flags: BusFlag) -> bool:
        if self._flags(seen) & flags == flags:
            return False
        self._enter(GuardianState.SELFTEST, seen, "the bus process has left, or is not ready any more")
        return True

    def _flags(self, seen: Seen) -> BusFlag:
        """Of a heartbeat that is fresh; none otherwise."""
        fresh = seen.heartbeat is not None and not self._after(seen.heartbeat_ns, HEARTBEAT_TIMEOUT_S, seen)
        return BusFlag(seen.heartbeat.flags) if fresh and seen.heartbeat is not None else BusFlag(0)

    def _in_state(self, seconds: float, seen: Seen) -> bool:
        return self._since_ns is not None and self._after(self._since_ns, seconds, seen)

    @staticmethod
    def _after(start_ns: int, seconds: float, seen: Seen) -> bool:
        return seen.now_ns - start_ns > math.floor(1e9 * seconds)
