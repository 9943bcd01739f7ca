"""Puts recorded messages into an order that does not depend on when they happened to arrive."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, order=True)
class StampedMessage:
    """A message and what its place in the recording follows from; the fields are compared in this order.

    Attributes:
        stamp_ns: simulated time [ns].
        topic: topic name.
        source: which of several publishers of the topic sent it, where the message says so.
        number: its number among the messages of its publisher.
        data: canonical bytes; they decide where nothing else does.
    """

    stamp_ns: int
    topic: str
    source: str
    number: int
    data: bytes


class StampOrder:
    """Holds messages back until everything older has surely arrived, then releases them sorted.

    A byte-identical repetition of a message (same topic, same stamp) is dropped: how often a waiting node repeats itself
    depends on the wall clock.

    Attributes:
        window_ns: how far behind the newest stamp a message may arrive [ns].
        late: messages that arrived later than that; they are released out of order.
    """

    def __init__(self, window_ns: int) -> None:
        self.window_ns = window_ns
        self.late = 0
        self._heap: list[StampedMessage] = []
        self._newest: int | None = None
        self._released_up_to: int | None = None
        self._latest: tuple[int, dict[tuple[str, bytes], None]] = (0, {})

    @property
    def held(self) -> int:
        """Number of messages held back."""
        return len(self._heap)

    def add(self, message: StampedMessage) -> None:
        """Take a message in."""
        if self._released_up_to is not None and message.stamp_ns <= self._released_up_to:
            self.late += 1
        if self._newest is None or message.stamp_ns > self._newest:
            self._newest = message.stamp_ns
        heapq.heappush(self._heap, message)

    def due(self) -> Iterator[StampedMessage]:
        """Messages that nothing can precede any more."""
        if self._newest is not None:
            yield from self._release(self._newest - self.window_ns)

    def rest(self, before_ns: int | None = None) -> Iterator[StampedMessage]:
        """Everything that is left; with `before_ns`, only what is older, and the remainder is dropped."""
        if self._newest is not None:
            yield from self._release(self._newest if before_ns is None else before_ns - 1)
        self._heap.clear()

    def _release(self, up_to_ns: int) -> Iterator[StampedMessage]:
        while self._heap and self._heap[0].stamp_ns <= up_to_ns:
            message = heapq.heappop(self._heap)
            self._released_up_to = max(message.stamp_ns, self._released_up_to or message.stamp_ns)
            if self._is_new(message):
                yield message

    def _is_new(self, message: StampedMessage) -> bool:
        stamp_ns, seen = self._latest
        if stamp_ns != message.stamp_ns:
            seen = {}
            self._latest = (message.stamp_ns, seen)
        key = (message.topic, message.data)
        if key in seen:
            return False
        seen[key] = None
        return True
