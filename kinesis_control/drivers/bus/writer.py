"""What the bus process says each cycle: the state record for the node, the heartbeat for the guardian."""

from typing import TYPE_CHECKING

import numpy as np

from kinesis_control.drivers.bus.records import STATE_ARRAYS
from kinesis_control.drivers.bus.shared import SharedBlock
from kinesis_control.drivers.codecs.guardian import BusFlag, Heartbeat, Permit
from kinesis_control.drivers.codecs.valve_bank import BankState
from kinesis_control.drivers.frames import LinkFault, LinkStatus
from kinesis_control.safety.faults import Fault, number_of

if TYPE_CHECKING:
    from kinesis_control.drivers.bus.loop import BusLoop

_VENTED_PA = 50e3
_FOLLOWING, _STOPPED = 4, 5


class StateWriter:
    """Fills the state record.

    Attributes:
        cycles, overruns, late, lost: cycles begun; periods skipped because one took too long; exchanges that ended after their
            deadline or with a bank missing; exchanges without any answer.
        realtime, statement: what `realtime.become_real_time` said.
    """

    def __init__(self, block: SharedBlock, counts: dict[Fault, int]) -> None:
        self._block, self._counts = block, counts
        self.cycles = self.overruns = self.late = self.lost = 0
        self.realtime, self.statement = 0, ""

    def write(self, loop: "BusLoop", status: LinkStatus, now_ns: int) -> None:
        """One record, published."""
        record, state = self._block.record, loop.state
        self.cycles += 1
        self.lost += status.fault is not LinkFault.NONE and status.fresh_banks == 0
        self.late += status.fault is LinkFault.LATE and status.fresh_banks > 0
        record["seq"], record["cycle_ns"], record["stamp_ns"] = self._block.number + 1, now_ns, state.stamp_ns
        record["cycles"], record["overruns"], record["late"], record["lost"] = self.cycles, self.overruns, self.late, self.lost
        record["round_trip_ns"], record["epoch"], record["phase"] = status.round_trip_ns, loop.epoch, loop.phase
        record["fault"], record["fault_muscle"], record["link_fault"] = number_of(loop.fault), loop.fault_muscle, status.fault
        record["permit"], record["control"], record["fresh_banks"], record["answered"] = loop.permit, loop.control, status.fresh_banks, loop.intake.answered
        record["guardian"] = loop.guardian_state
        record["limited"] = loop.shaper.limited
        record["realtime"], record["statement"] = self.realtime, self.statement.encode()[:240]
        for k, count in enumerate(self._counts.values()):
            record["fault_counts"][k] = count
        for name in STATE_ARRAYS:
            record[name][...] = getattr(state, name)
        record["sent_pa"][...] = loop.shaper.sent_pa
        converter = loop.shaper.converter
        if converter is not None:
            record["shortfall"][...], record["saturated"][...] = converter.shortfall, converter.saturated
        self._block.publish()

    def heartbeat(self, loop: "BusLoop", sequence: int, now_ns: int) -> Heartbeat:
        """The flags of this cycle."""
        state = loop.state
        flags = BusFlag.SELFTEST_OK | BusFlag.IDENTIFIED  # without both there is no loop
        fresh = now_ns - int(state.bank_stamp_ns.min()) <= 1e9 * loop.config.bank_timeout_s
        armed = fresh and bool(((state.bank_state >= BankState.ARMED) & (state.bank_state <= BankState.HOLD)).all())
        known = np.isfinite(state.pressure_pa)
        highest = float(state.pressure_pa[known].max()) if known.any() else float("nan")
        flags |= BusFlag.LINK_OK if fresh else BusFlag(0)
        flags |= (BusFlag.BANKS_ARMED | (BusFlag.PRECHARGED if known.all() else BusFlag(0))) if armed else BusFlag(0)
        flags |= (BusFlag.FOLLOWING | BusFlag.COMMANDS_FRESH) if loop.phase == _FOLLOWING else BusFlag(0)
        flags |= BusFlag.FAULT if loop.phase == _STOPPED else BusFlag(0)
        flags |= BusFlag.VENTED if highest <= _VENTED_PA else BusFlag(0)
        supply = state.bank_supply_pa
        muscle = loop.fault_muscle
        if loop.permit is Permit.ARM and loop.fault is None and not armed:
            muscle = loop.muscle_of(first_unarmed(state.bank_state))
        return Heartbeat(
            epoch=loop.epoch, sequence=sequence, stamp_ns=now_ns, flags=flags, fault=number_of(loop.fault), muscle=muscle,
            supply_pa=float(supply.min()) if np.isfinite(supply).all() else float("nan"), highest_pa=highest,
        )  # fmt: skip


def first_unarmed(bank_state: np.ndarray) -> int:
    """The first bank that is not armed; bank 0 when all are, and were only not heard in time."""
    return int(np.argmin((bank_state >= BankState.ARMED) & (bank_state <= BankState.HOLD)))
