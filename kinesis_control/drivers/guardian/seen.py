"""What the guardian sees at one moment, and how long something has lasted."""

import math
from dataclasses import dataclass

from kinesis_control.drivers.codecs.guardian import HEARTBEAT_TIMEOUT_S, BusFlag, Heartbeat
from kinesis_control.drivers.guardian.board import BoardInputs


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One moment.

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

    def after(self, start_ns: int, seconds: float) -> bool:
        """Whether more than `seconds` have passed since `start_ns`."""
        return self.now_ns - start_ns > math.floor(1e9 * seconds)

    @property
    def flags(self) -> BusFlag:
        """Of a heartbeat that is fresh; none otherwise."""
        if self.heartbeat is None or self.after(self.heartbeat_ns, HEARTBEAT_TIMEOUT_S):
            return BusFlag(0)
        return BusFlag(self.heartbeat.flags)
