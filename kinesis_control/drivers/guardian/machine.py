"""The decisions of the guardian: a state machine without sockets or clocks, stepped with what was seen.

    BOOT -> SELFTEST -> IDENT -> LEASE -> ESTOP_CHAIN -(ARM)-> SUPPLY_ON -> PRECHARGE -> ARMED <-> ACTIVE
      ^                                                            |           (any fault, stop or disarm)
      |                                                            v
      +------(RESET, or the end of a DISARM)------- FAULT <----- STOPPING

Nothing but ARM, asked for once and at ESTOP_CHAIN, leads to SUPPLY_ON. A reset leads to BOOT and to nothing else.
"""

from kinesis_control.drivers.codecs.guardian import BusFlag, GuardianState, Permit, Refusal, Request, StopCategory
from kinesis_control.drivers.guardian.chain import ChainNews, StopChain
from kinesis_control.drivers.guardian.seen import Seen
from kinesis_control.drivers.guardian.settings import GuardianFault, GuardianSettings
from kinesis_control.drivers.guardian.trouble import TroubleWatch

NO_MUSCLE = 0xFFFF
DUMPED_PA = 50e3
"""Supply pressure that counts as none [Pa]."""
BOOT_S = 0.05
"""Shortest stay in BOOT, so that everyone hears of it [s]."""
SUPPLY_STEADY_S = 0.05
ARM_AGAIN_S = 0.1
"""How long the banks may take for an arm token until they are handed a fresh one [s]. A token that came late, was lost, or found
a bank that could not take it is worth nothing any more; every token works once."""

ENERGISED = (GuardianState.SUPPLY_ON, GuardianState.PRECHARGE, GuardianState.ARMED, GuardianState.ACTIVE)
_IDLE = (GuardianState.SELFTEST, GuardianState.IDENT, GuardianState.LEASE, GuardianState.ESTOP_CHAIN)


class Machine:
    """State of the arming sequence.

    Attributes:
        state, permit, category, fault, muscle, text: as in `Status`.
        pump_on, dump_open: the outputs.
        chain: stop button and reset button.
        arm_count: number of the last arm token of this epoch; each arming has one or more.
    """

    def __init__(self, settings: GuardianSettings) -> None:
        self._settings = settings
        self.state, self.permit, self.category = GuardianState.BOOT, Permit.VENT, StopCategory.VENT
        self.fault, self.muscle, self.text = GuardianFault.NONE, NO_MUSCLE, "starting"
        self.pump_on, self.dump_open = False, True
        self.chain = StopChain(settings.discrepancy_s)
        self.arm_count = 0
        self._since_ns: int | None = None
        self._epoch = 0
        self._trouble = TroubleWatch(settings)
        self._steady_ns: int | None = None
        self._token_ns = self._tokens = 0
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
        if not self.chain.good(seen.board):
            return self.chain.refusal(seen.board)
        self.pump_on, self.dump_open = True, False
        self._enter(GuardianState.SUPPLY_ON, seen, "supply rises")
        return Refusal.NONE, "arming"

    def _reset(self, seen: Seen) -> tuple[Refusal, str]:
        if self.state is not GuardianState.FAULT:
            return Refusal.WRONG_STATE, f"nothing is latched; the guardian is at {self.state.name}"
        if not self.chain.good(seen.board, latched_matters=False):
            return self.chain.refusal(seen.board)
        self.chain.latched, self.fault, self.muscle, self._disarming = False, GuardianFault.NONE, NO_MUSCLE, False
        self._enter(GuardianState.BOOT, seen, "reset; nothing is armed by it")
        return Refusal.NONE, "reset; arm when ESTOP_CHAIN is reached"

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
        if self.state in _IDLE[1:] and seen.flags & BusFlag.FAULT:
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
        news = self.chain.watch(seen)
        if news & ChainNews.OPENED:
            self._stop(GuardianFault.ESTOP, self._settings.on_estop, seen, "the stop button was pressed, or its wire is open")
        if news & ChainNews.DIFFERS:
            self.fault, self.text = GuardianFault.ESTOP_DISCREPANCY, "the two stop channels disagree: one is defective"
        if news & ChainNews.RESET:
            self._reset(seen)

    def _watch_energised(self, seen: Seen) -> None:
        found = self._trouble.look(seen, since_ns=self._since_ns or 0, supply_rises=self.state is GuardianState.SUPPLY_ON)
        if found is not None:
            fault, text = found
            if fault is GuardianFault.BUS_FAULT and seen.heartbeat is not None:
                self.muscle = seen.heartbeat.muscle
            category = StopCategory.VENT if fault is GuardianFault.SUPPLY_HIGH else self._settings.on_fault
            self._stop(fault, category, seen, text)

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
        if seen.flags & (BusFlag.SELFTEST_OK | BusFlag.FAULT) == BusFlag.SELFTEST_OK:
            self._enter(GuardianState.IDENT, seen, "waiting for every bank to say who it is")

    def _ident(self, seen: Seen) -> None:
        if self._fell_back(seen, BusFlag.SELFTEST_OK):
            return
        if seen.flags & BusFlag.IDENTIFIED:
            self._enter(GuardianState.LEASE, seen, "waiting for the lease, and for every bank to be heard and vented")

    def _lease(self, seen: Seen) -> None:
        if self._fell_back(seen, BusFlag.SELFTEST_OK | BusFlag.IDENTIFIED):
            return
        wanted = BusFlag.LINK_OK | BusFlag.VENTED
        if seen.epoch and seen.flags & wanted == wanted:
            self._enter(GuardianState.ESTOP_CHAIN, seen, "waiting for a closed stop chain")

    def _chain(self, seen: Seen) -> None:
        if seen.epoch == 0 or self._fell_back(seen, BusFlag.SELFTEST_OK | BusFlag.IDENTIFIED):
            self._enter(GuardianState.SELFTEST, seen, "the bus process has left")
            return
        if not seen.flags & BusFlag.LINK_OK:
            self._enter(GuardianState.LEASE, seen, "waiting for every bank to be heard")
            return
        self.text = "ready to be armed" if self.chain.good(seen.board) else self.chain.refusal(seen.board)[1]

    def _supply_on(self, seen: Seen) -> None:
        assert seen.board is not None
        good = self._settings.supply_low_pa <= seen.board.supply_pa <= self._settings.supply_high_pa
        self._steady_ns = (self._steady_ns or seen.now_ns) if good else None
        if self._steady_ns is not None and seen.after(self._steady_ns, SUPPLY_STEADY_S):
            self._tokens = 0
            self._enter(GuardianState.PRECHARGE, seen, "arming the banks")
            self._hand_out(seen)
        elif self._in_state(self._settings.supply_timeout_s, seen):
            self._stop(GuardianFault.SUPPLY_LOW, self._settings.on_fault, seen, f"the supply reached {seen.board.supply_pa / 1e5:.2f} bar only")

    def _precharge(self, seen: Seen) -> None:
        """ARM until every bank says that it is armed, with a fresh token as often as it takes; then HOLD until all pressures are known."""
        flags = seen.flags
        if self._in_state(self._settings.arming_timeout_s, seen):
            self._arming_timeout(seen)
        elif not flags & BusFlag.BANKS_ARMED:
            if self.permit is not Permit.ARM or seen.after(self._token_ns, ARM_AGAIN_S):
                self._hand_out(seen)
        elif self.permit is Permit.ARM:
            self.permit, self.text = Permit.HOLD, "the banks are armed"
        elif flags & BusFlag.PRECHARGED:
            self.permit = Permit.FOLLOW
            self._enter(GuardianState.ARMED, seen, "armed; waiting for commands")

    def _hand_out(self, seen: Seen) -> None:
        """A fresh arm token; banks that are armed already are not disturbed by it."""
        self.arm_count, self._tokens, self._token_ns, self.permit = self.arm_count + 1, self._tokens + 1, seen.now_ns, Permit.ARM

    def _arming_timeout(self, seen: Seen) -> None:
        """Say which step was not reached; while banks are to be armed, the heartbeat names a muscle of one that is not."""
        seconds = self._settings.arming_timeout_s
        text = f"no pressure of some muscle within {seconds:g} s"
        if self.permit is Permit.ARM:
            muscle = seen.heartbeat.muscle if seen.heartbeat is not None else NO_MUSCLE
            self.muscle = muscle
            where = "a bank is" if muscle == NO_MUSCLE else f"the bank of muscle {muscle} is"
            text = f"{where} not armed after {seconds:g} s and {self._tokens} arm tokens"
        self._stop(GuardianFault.ARMING_TIMEOUT, self._settings.on_fault, seen, text)

    def _armed(self, seen: Seen) -> None:
        following = bool(seen.flags & BusFlag.FOLLOWING)
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
        if self.category is StopCategory.HOLD and not seen.after(self._out_ns, settings.hold_s):
            self.permit = Permit.HOLD
            return
        if self.category is StopCategory.HOLD:
            self.category, self._out_ns = StopCategory.RAMP, seen.now_ns
        self.pump_on, self.dump_open = False, True
        if self.category is StopCategory.RAMP and not seen.after(self._out_ns, settings.ramp_s):
            self.permit = Permit.RAMP
            return
        ramp_s = settings.ramp_s if self.category is StopCategory.RAMP else 0.0
        self._off()
        vented = bool(seen.flags & BusFlag.VENTED)
        if vented and seen.board is not None and seen.board.supply_pa <= DUMPED_PA:
            self._end_stopping(seen)
        elif seen.after(self._out_ns, ramp_s + settings.vent_s):
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
        self._steady_ns = None
        self._trouble.restart()
        if state not in ENERGISED and state is not GuardianState.STOPPING:
            self._off()

    def _fell_back(self, seen: Seen, flags: BusFlag) -> bool:
        if seen.flags & flags == flags:
            return False
        self._enter(GuardianState.SELFTEST, seen, "the bus process has left, or is not ready any more")
        return True

    def _in_state(self, seconds: float, seen: Seen) -> bool:
        return self._since_ns is not None and seen.after(self._since_ns, seconds)
