"""Real-time priority and locked memory, as far as this process may; what is missing is said, not hidden."""

import ctypes
import gc
import os
from enum import IntFlag

_MCL_CURRENT, _MCL_FUTURE = 1, 2


class RealTime(IntFlag):
    """What was granted."""

    NONE = 0
    FIFO = 1
    """SCHED_FIFO at the priority that was asked for."""
    LOCKED = 2
    """Memory is locked: no page fault in the loop."""
    PINNED = 4
    """The process has its own core, as asked."""


def become_real_time(*, priority: int, core: int | None) -> tuple[RealTime, str]:
    """Ask for all of it.

    Args:
        priority: of SCHED_FIFO, 1 to 99; 0 asks for none.
        core: number of the processor to run on; None leaves the choice to the system.

    Returns:
        what was granted, and what was not in words; the words are empty when everything was.
    """
    gc.collect()
    gc.freeze()
    gc.disable()  # the loop makes no cycles; a collection would cost milliseconds
    got, missing = RealTime.NONE, []
    if priority:
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
            got |= RealTime.FIFO
        except (OSError, AttributeError) as error:
            missing.append(f"no real-time priority ({error}): wake-ups may be up to 20 ms late; allow it with 'rtprio 80' in limits.conf or CAP_SYS_NICE")
    error_number = _lock_memory()
    if error_number:
        missing.append(f"memory is not locked ({os.strerror(error_number)}): a page fault may cost milliseconds; allow it with 'memlock unlimited'")
    else:
        got |= RealTime.LOCKED
    if core is not None:
        try:
            os.sched_setaffinity(0, {core})
            got |= RealTime.PINNED
        except (OSError, AttributeError) as error:
            missing.append(f"not pinned to core {core} ({error})")
    return got, "; ".join(missing)


def _lock_memory() -> int:
    """0, or the error number."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        return ctypes.get_errno() if libc.mlockall(_MCL_CURRENT | _MCL_FUTURE) else 0
    except (OSError, AttributeError):
        return 38  # ENOSYS: no such call on this system
