"""What a recording came to: its counts, and what is missing in it."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(kw_only=True)
class RecordingSummary:
    """What a recording came to.

    Attributes:
        path: directory of the bag.
        counts: messages by topic.
        lost: messages missing between others of their publisher, by topic.
        late: lock-step messages that came too late to be put into order.
        unstamped: topics left out in lock-step because their messages carry no time.
        missing: wanted topics that never appeared.
    """

    path: Path
    counts: dict[str, int]
    lost: dict[str, int] = field(default_factory=dict)
    late: int = 0
    unstamped: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """The summary as text, the total first."""
        lines = [f"recorded {sum(self.counts.values())} messages in {self.path}"]
        lines += [f"  {topic}: {count}" for topic, count in sorted(self.counts.items())]
        lines += [f"  LOST on {topic}: {count}" for topic, count in sorted(self.lost.items())]
        if self.late:
            lines.append(f"  {self.late} messages came too late to be put into order; this bag may differ from a rerun")
        if self.unstamped:
            lines.append(f"  left out, no simulated time in the messages: {', '.join(self.unstamped)}")
        if self.missing:
            lines.append(f"  never appeared: {', '.join(self.missing)}")
        return lines


class LossCounter:
    """Counts gaps in the numbers that a publisher gives its messages; they can be told only while a topic has one publisher.

    Attributes:
        lost: missing messages by topic; topics without any are left out.
    """

    def __init__(self) -> None:
        self.lost: dict[str, int] = {}
        self._last: dict[str, int] = {}

    def watch(self, topic: str) -> None:
        """Count on this topic: it has one publisher now."""
        self._last[topic] = -1

    def comparable(self, topic: str) -> bool:
        """Whether the numbers of a topic are those of one publisher."""
        return topic in self._last

    def see(self, topic: str, number: int) -> None:
        """Take in the number of the next message of a topic; 0 where the middleware gives none."""
        last = self._last.get(topic)
        if last is None:
            return
        if 0 <= number <= last:
            # A second publisher counts from one again: what looked like gaps was its numbers between the other's.
            del self._last[topic]
            self.lost.pop(topic, None)
            return
        if last >= 0 and number > last + 1:
            self.lost[topic] = self.lost.get(topic, 0) + number - last - 1
        self._last[topic] = number
