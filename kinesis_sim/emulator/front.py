"""What a front end of the emulator is, and what spoils records on their way."""

import heapq
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from itertools import cycle

import numpy as np

from kinesis_sim.emulator.android import Android
from kinesis_sim.emulator.faults import LinkFaults

_DISORDER_S = 0.004
_KEPT = 4000
"""Messages that are kept to be sent again."""


class Front(ABC):
    """One link between the android and its driver."""

    address: str
    """Where a driver finds it, in words."""

    @abstractmethod
    def open(self) -> None:
        """Be there. Raises UnavailableError."""

    @abstractmethod
    def poll(self, until_ns: int) -> None:
        """Answer what comes until `until_ns` (CLOCK_MONOTONIC) [ns]; what waits already is answered even when that has passed."""

    @abstractmethod
    def close(self) -> None:
        """Leave."""


class Channel:
    """One direction of a link: takes messages, gives back those that arrive now, as its faults have left them."""

    def __init__(self, faults: LinkFaults, rng: np.random.Generator, clock: Callable[[], int]) -> None:
        self._faults, self._rng, self._clock = faults, rng, clock
        self._late: list[tuple[int, int, object, bytes]] = []
        self._count = 0
        self._before: deque[tuple[object, bytes]] = deque(maxlen=_KEPT)
        self._again: Iterator[tuple[object, bytes]] = iter(())
        self._replaying = False

    def put(self, data: bytes, tag: object = None) -> None:
        """A message enters; `tag` comes out with it."""
        faults, rng = self._faults, self._rng
        if faults.off or (faults.loss and rng.random() < faults.loss):
            return
        self._replay(data, tag)
        if faults.flips and rng.random() < faults.flips:
            spoiled = bytearray(data)
            spoiled[int(rng.integers(len(spoiled)))] ^= 1 << int(rng.integers(8))
            data = bytes(spoiled)
        delay = faults.delay_s
        if faults.disorder and rng.random() < faults.disorder:
            delay += _DISORDER_S
        for _ in range(2 if faults.twice and rng.random() < faults.twice else 1):
            self._count += 1
            heapq.heappush(self._late, (self._clock() + int(1e9 * delay), self._count, tag, data))

    def _replay(self, data: bytes, tag: object) -> None:
        """Keep the message, or send one that was kept before the fault was put in, in their order and then from the begin."""
        faults = self._faults
        if not faults.replay:
            self._before.append((tag, data))
            self._replaying = False
            return
        if not self._replaying:
            self._replaying, self._again = True, cycle(self._before)
        if self._before and self._rng.random() < faults.replay:
            old_tag, old = next(self._again)
            self._count += 1
            heapq.heappush(self._late, (self._clock(), self._count, old_tag, old))

    def get(self) -> Iterator[tuple[object, bytes]]:
        """What arrives now, in its order."""
        now = self._clock()
        while self._late and self._late[0][0] <= now:
            _, _, tag, data = heapq.heappop(self._late)
            yield tag, data

    def left_s(self, otherwise_s: float) -> float:
        """Time until the next message arrives, if that is less than `otherwise_s` [s]."""
        return min(1e-9 * (self._late[0][0] - self._clock()), otherwise_s) if self._late else otherwise_s


def spoil(android: Android, faults: LinkFaults, rows: list[memoryview], rng: np.random.Generator) -> list[bytes | None]:
    """The states as they leave the banks: None for a silent one, noise for a noisy one."""
    out: list[bytes | None] = [bytes(row) for row in rows]
    for bank in faults.noisy_banks:
        out[bank] = rng.bytes(len(rows[bank]))
    for bank in faults.silent_banks:
        out[bank] = None
    return out[: android.n_banks]
