"""Commands of a fast loop for a link that takes fewer: never more often than allowed, each value read off between two cycles."""

import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import ConfigurationError

Array = NDArray[np.float64]


class Decimator:
    """Lets commands through at a rate of at most `rate_hz`.

    The value that is sent is the one that a straight line between the last two cycles has at the instant at which sending
    became allowed: a command of the loop between two sent ones is not simply dropped.

    Attributes:
        out: shape (n,), what to send when `push` returned True.
        period_ns: shortest time between two sent commands [ns].
    """

    def __init__(self, n: int, rate_hz: float) -> None:
        if not 0.0 < rate_hz < float("inf"):
            raise ConfigurationError(f"got a rate of {rate_hz!r} Hz, expected a finite one above 0")
        self.period_ns = int(np.ceil(1e9 / rate_hz))
        self.out = np.zeros(n)
        self._before = np.zeros(n)
        self._before_ns = self._sent_ns = -(1 << 62)

    def push(self, values: Array, now_ns: int) -> bool:
        """Take the command of this cycle; True when `out` is to be sent now."""
        due_ns = self._sent_ns + self.period_ns
        send = now_ns >= due_ns
        if send:
            # Allowed since due_ns, which lies between the cycle before and this one unless the loop was late.
            span = now_ns - self._before_ns
            share = (due_ns - self._before_ns) / span if 0 < span < self.period_ns and due_ns > self._before_ns else 1.0
            np.subtract(values, self._before, out=self.out)
            self.out *= share
            self.out += self._before
            self._sent_ns = now_ns
        self._before[:] = values
        self._before_ns = now_ns
        return send

    def reset(self) -> None:
        """Forget the cycle before; the rate stays guarded."""
        self._before_ns = -(1 << 62)
