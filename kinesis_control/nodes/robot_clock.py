"""The clock of the stamps on a robot: wall-clock time of the start, carried on by the monotonic clock.

Setting the wall clock while a robot moves then makes no command old and none new.
"""

import time


class RobotClock:
    """CLOCK_MONOTONIC with a fixed offset, chosen once."""

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.monotonic_ns()

    def stamp_ns(self, monotonic_ns: int) -> int:
        """Stamp of a moment of CLOCK_MONOTONIC [ns]."""
        return monotonic_ns + self._offset_ns

    def now_s(self) -> float:
        """This moment, on the clock of the stamps [s]."""
        return 1e-9 * (time.monotonic_ns() + self._offset_ns)
