"""What ends a robot that is energised: each condition, with the time for which it is borne."""

from kinesis_control.drivers.codecs.guardian import HEARTBEAT_TIMEOUT_S, NO_MUSCLE, BusFlag, Heartbeat
from kinesis_control.drivers.guardian.seen import Seen
from kinesis_control.drivers.guardian.settings import GuardianFault, GuardianSettings
from kinesis_control.safety.faults import fault_numbered

CONTACTOR_S = 0.15
"""How long the contactor may take [s]."""

Found = tuple[GuardianFault, str]


class TroubleWatch:
    """Looks at bus process, supply and board while something is energised."""

    def __init__(self, settings: GuardianSettings) -> None:
        self._settings = settings
        self._low_ns: int | None = None
        self._deaf_ns: int | None = None

    def restart(self) -> None:
        """At the begin of a state: nothing has lasted yet."""
        self._low_ns = self._deaf_ns = None

    def look(self, seen: Seen, *, since_ns: int, supply_rises: bool) -> Found | None:
        """The first thing that is wrong, or None.

        Args:
            since_ns: when the present state of the guardian began [ns].
            supply_rises: the supply is still on its way up.
        """
        if seen.board is None:
            return GuardianFault.IO_LOST, "the safety board is silent"
        return self._bus(seen) or self._supply(seen, since_ns=since_ns, rises=supply_rises)

    def _bus(self, seen: Seen) -> Found | None:
        beat = seen.heartbeat
        if seen.epoch == 0 or beat is None:
            return GuardianFault.LEASE_LOST, "the bus process has left"
        if seen.after(seen.heartbeat_ns, HEARTBEAT_TIMEOUT_S):
            return GuardianFault.HEARTBEAT_LOST, "the bus process is silent"
        if beat.flags & BusFlag.FAULT:
            return GuardianFault.BUS_FAULT, bus_fault_text(beat)
        self._deaf_ns = None if beat.flags & BusFlag.LINK_OK else self._deaf_ns or seen.now_ns
        if self._deaf_ns is not None and seen.after(self._deaf_ns, self._settings.link_grace_s):
            return GuardianFault.LINK_LOST, "the bus process does not hear every bank"
        return None

    def _supply(self, seen: Seen, *, since_ns: int, rises: bool) -> Found | None:
        settings, board = self._settings, seen.board
        assert board is not None
        if board.supply_pa > settings.supply_high_pa:
            return GuardianFault.SUPPLY_HIGH, f"supply at {board.supply_pa / 1e5:.2f} bar, at most {settings.supply_high_pa / 1e5:.2f} is allowed"
        if not rises:
            low = not board.supply_pa >= settings.supply_low_pa  # true for NaN, too
            self._low_ns = (self._low_ns or seen.now_ns) if low else None
            if self._low_ns is not None and seen.after(self._low_ns, settings.supply_grace_s):
                return GuardianFault.SUPPLY_LOW, f"supply at {board.supply_pa / 1e5:.2f} bar, at least {settings.supply_low_pa / 1e5:.2f} is needed"
        if seen.after(since_ns, CONTACTOR_S) and not (board.contactor and not board.dump_open):
            return GuardianFault.PUMP_FEEDBACK, "pump contactor or dump valve do not do what they are told"
        return None


def bus_fault_text(beat: Heartbeat) -> str:
    """Cause and muscle of what the bus process has latched; muscles are counted from 0, in the order of the layout."""
    fault = fault_numbered(beat.fault)
    name = f"fault {beat.fault}" if fault is None else f"{fault.name}, {fault.meaning}"
    return f"the bus process: {name}" + ("" if beat.muscle == NO_MUSCLE else f" (muscle {beat.muscle})")
