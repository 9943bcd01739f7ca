"""What came of text commands, from texts and answers alone (`activity`, or `text_command` and `text_reply`).

The motion node answers a text at once: "refused: ...", or what it will do, the things to do joined by "; then ". When one of them
is over by itself it says so in a report that begins with one of `REPORTS`. A text is done with the report on the last of its things,
if none of them went wrong; a report that says what is next does not end the others.
It is replaced by the next text (unless that is put behind it: "after that: ..."), goal, clip or velocity; then, and where the
recording ends first, nobody can say whether it would have been done.
"""

from collections import deque
from dataclasses import dataclass, field, replace

from kinesis_control.evaluate.events import REPLACED, Text
from kinesis_control.motion.instruction import Queueing, Skill, Understanding
from kinesis_control.motion.words import parse

DONE = "done: "
FAILED = ("gave up after ", "ended: ", "goal missed ", "no velocity command ")
REPORTS = (DONE, "goal reached ", *FAILED)
REFUSALS = ("refused", "not understood")
APPENDED, BETWEEN, NEXT = "after that: ", "; then ", "; next: "

REPLY_WITHIN_NS = 1_000_000_000
"""An answer belongs to the last text without one, if that is no older than this."""


@dataclass(kw_only=True)
class _Open:
    """A text that is not over. Attributes: text; left, how many of its things are still to be done; failed, report on one that went wrong."""

    text: Text
    left: int = 0
    failed: str = ""


@dataclass(kw_only=True)
class TextLog:
    """Takes in texts and answers in the order in which they were recorded.

    Attributes:
        over: texts of which nothing more will be heard, not handed out yet.
    """

    over: list[Text] = field(default_factory=list)
    _waiting: _Open | None = None
    _queue: deque[_Open] = field(default_factory=deque)

    def say(self, text: str, now_ns: int) -> None:
        """A text command came."""
        self._give_up_waiting()
        self._waiting = _Open(text=Text(stamp_ns=now_ns, text=text))

    def reply(self, line: str, now_ns: int) -> None:
        """A line of the motion node came."""
        if line.startswith(REPORTS):
            self._report(line, now_ns)
        elif self._waiting is not None and now_ns - self._waiting.text.stamp_ns <= REPLY_WITHIN_NS:
            self._answer(self._waiting, line)
        elif "refused" not in line.partition(":")[0]:
            self.replaced()

    def replaced(self, before_ns: int | None = None) -> None:
        """Something else was asked for: what was under way is called off; with `before_ns` what was asked for before [ns]."""
        for entry in list(self._queue):
            if before_ns is None or entry.text.stamp_ns < before_ns:
                self._queue.remove(entry)
                self._end(entry, REPLACED)

    def take(self, up_to_ns: int | None, *, ends: bool) -> tuple[Text, ...]:
        """Hand out texts: those that are over, up to a stamp (None: all); with `ends` those under way, too."""
        if ends:
            self._give_up_waiting(up_to_ns)
            still = [e for e in self._queue if up_to_ns is not None and e.text.stamp_ns > up_to_ns]
            self.over += [e.text for e in self._queue if e not in still]
            self._queue = deque(still)
        ready = sorted((t for t in self.over if up_to_ns is None or t.stamp_ns <= up_to_ns), key=lambda t: t.stamp_ns)
        self.over = [t for t in self.over if t not in ready]
        return tuple(ready)

    def _answer(self, entry: _Open, line: str) -> None:
        self._waiting = None
        if line.lower().startswith(REFUSALS):
            self.over.append(replace(entry.text, reply=line, understood=False))
            return
        asked = parse(entry.text.text)
        entry.text = replace(entry.text, reply=line, understood=True, endless=_endless(asked))
        how = line.rpartition(" -> ")[2]
        if asked.queueing is Queueing.CHANGE:
            self.over.append(entry.text)  # what is under way goes on at another speed
            return
        if not how.startswith(APPENDED):
            self.replaced()
        entry.left = how.removeprefix(APPENDED).count(BETWEEN) + 1
        self._queue.append(entry)

    def _report(self, line: str, now_ns: int) -> None:
        if not self._queue:
            return
        failed = line.startswith(FAILED)
        if failed and NEXT not in line:
            for entry in self._queue:
                self._end(entry, line)
            self._queue.clear()
            return
        entry = self._queue[0]
        entry.left -= 1
        entry.failed = entry.failed or (line if failed else "")
        if entry.left <= 0:
            self._queue.popleft()
            self.over.append(replace(entry.text, ended=entry.failed) if entry.failed else replace(entry.text, done_ns=now_ns))

    def _end(self, entry: _Open, why: str) -> None:
        self.over.append(replace(entry.text, ended=why))

    def _give_up_waiting(self, up_to_ns: int | None = None) -> None:
        if self._waiting is not None and (up_to_ns is None or self._waiting.text.stamp_ns <= up_to_ns):
            self.over.append(self._waiting.text)
            self._waiting = None


def _endless(asked: Understanding) -> bool:
    """Whether a text has no end of its own, as "walk" and "faster" have none."""
    if not asked.instructions:
        return asked.queueing is Queueing.CHANGE
    last = asked.instructions[-1]
    return last.amount is None and last.skill is not Skill.TURN and not last.returning
