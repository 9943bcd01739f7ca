"""A recording, read once from front to back, as chunks of episodes. Memory is bounded whatever the length of the bag.

A life of a body is one Episode (stream_lives.py). Its chunks carry its number, so that figures of one policy never hold
ticks of another.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from kinesis_control.body_state import BodyDescription
from kinesis_control.evaluate import stream_join as join
from kinesis_control.evaluate.bag import BagMessage
from kinesis_control.evaluate.cdr_columns import CdrColumns
from kinesis_control.evaluate.episode import Episode
from kinesis_control.evaluate.stream_asked import ActivityLog, Asked, Take, WishLog
from kinesis_control.evaluate.stream_ball import BallLog
from kinesis_control.evaluate.stream_events import EventLog
from kinesis_control.evaluate.stream_graph import BODY_STATE, COMMAND, REFERENCE, Graph
from kinesis_control.evaluate.stream_held import CHUNK_TICKS, HOLD_TICKS, Counts, Decoded, HeldMessages, stamp_at
from kinesis_control.evaluate.stream_lives import FindBody, LifeCutter, Stretch
from kinesis_control.evaluate.stream_open import Recording
from kinesis_control.evaluate.timing import TimingLog


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A chunk of an episode. Attributes: number of the episode in the recording, from 0; chunk."""

    number: int
    chunk: Episode


class EpisodeStream:
    """Reads one graph of a recording.

    Attributes:
        graph: the topics that belong together.
        timing: arrival times, complete after the last chunk.
        log: policies, clock, commanders and events met.
        seed: of the world, for the episodes; None where unknown.
    """

    def __init__(self, recording: Recording, graph: Graph, *, find_body: FindBody | None = None, on_message: Callable[[int], None] | None = None) -> None:
        """`on_message` is told the number of messages read so far, now and then."""
        self.graph, self._recording, self._tell = graph, recording, on_message
        self.timing, self.log, self._counts = TimingLog(), EventLog(), Counts()
        self.seed: int | None = None
        self._columns = {t: CdrColumns(recording.definitions, t) for t in (BODY_STATE, COMMAND, REFERENCE) if t in recording.definitions}
        self._held, self._cutter = HeldMessages(self._columns, self._counts), LifeCutter(self.log, self._counts, find_body)
        self._asked: Asked = ActivityLog(log=self.log) if graph.activity else WishLog(log=self.log)
        self._ball = BallLog(problems=self._counts.table)
        self._now_ns: int | None = None
        self._state_size, self._jumped = 0, False
        self._name = Path(recording.path).name + (f" {graph.namespace}" if graph.namespace else "")
        self._last: Piece | None = None

    @property
    def bodies(self) -> dict[str, BodyDescription]:
        """Bodies met, by layout hash."""
        return self._cutter.bodies

    @property
    def counts(self) -> dict[str, int]:
        """What could not be used, in words -> how often."""
        return self._counts.table

    @property
    def unreadable(self) -> dict[str, int]:
        """Why messages of the loop could not be read -> how many."""
        return {why: times for columns in self._columns.values() for why, times in columns.unreadable.items()}

    def __iter__(self) -> Iterator[Piece]:
        self._find_layouts()
        handlers = self._handlers()
        for read, message in enumerate(self._recording.messages(set(self.graph.all_topics))):
            if message.topic == self.graph.state and self._breaks(message):
                yield from self._flush(everything=True)
                if self._jumped:
                    self._cutter.end()
            self._hand(handlers.get(message.topic, self._other), message)
            if len(self._held) >= CHUNK_TICKS + HOLD_TICKS:
                yield from self._flush(everything=False)
            if self._tell and read % 1000 == 0:
                self._tell(read)
        yield from self._flush(everything=True)

    def _hand(self, handler: Callable[[BagMessage], None], message: BagMessage) -> None:
        try:
            handler(message)
        except Exception as error:  # a damaged message makes the decoder of rosbags raise whatever it meets
            self._counts.add(f"messages of {message.topic} that could not be read ({type(error).__name__})")

    def _handlers(self) -> dict[str, Callable[[BagMessage], None]]:
        g, held, ball, log = self.graph, self._held, self._ball, self.log
        wishes: dict[str, Take] = dict.fromkeys((g.goal, g.text, g.reply), lambda m, came_ns, now_ns: None)
        rare: dict[str, Take] = wishes | self._asked.takers(g) | {
            g.status: lambda m, came_ns, now_ns: log.status(m), g.push: lambda m, came_ns, now_ns: log.push(m),
            g.ball: lambda m, came_ns, now_ns: ball.ball(m), g.keeper: lambda m, came_ns, now_ns: ball.keeper(m),
            g.goal_frame: lambda m, came_ns, now_ns: ball.goal_frame(m),
        }  # fmt: skip
        table: dict[str, Callable[[BagMessage], None]] = {topic: self._decoded(take) for topic, take in rare.items()}
        table |= {
            g.state: self._on_state, g.layout: self._on_layout, g.command: lambda m: held.add_command(m.data, m.stamp_ns),
            g.reference: lambda m: held.add_window(m.data, m.stamp_ns),
        }  # fmt: skip
        return {topic: handler for topic, handler in table.items() if topic}

    def _decoded(self, take: Take) -> Callable[[BagMessage], None]:
        """Handler of what is not of the loop."""

        def handle(message: BagMessage) -> None:
            take(self._recording.decode(message), message.stamp_ns, self._now_ns)
            if message.topic in (self.graph.velocity, self.graph.ball):  # the others come when they come
                self._other(message)

        return handle

    def _find_layouts(self) -> None:
        """The first layout, wherever it stands: the states before it need it."""
        if self.graph.layout:
            for message in self._recording.messages({self.graph.layout}):
                self._hand(self._on_layout, message)
                if self.bodies:
                    break

    def _breaks(self, message: BagMessage) -> bool:
        """Time went back, or the size of the states changed: what was held is complete."""
        if len(message.data) < 12:
            return False
        stamp_ns = stamp_at(message.data, 4)
        back = self._jumped = self._now_ns is not None and stamp_ns < self._now_ns
        if back:
            self._counts.add("jumps back in time")
        other = self._state_size not in (0, len(message.data))
        self._state_size = len(message.data)
        return bool(len(self._held)) and (back or other)

    def _on_state(self, message: BagMessage) -> None:
        if len(message.data) < 12:
            self._counts.add("states that are cut off")
            return
        self._now_ns = stamp_at(message.data, 4)
        self._held.add_state(message.data, message.stamp_ns)

    def _on_layout(self, message: BagMessage) -> None:
        m = self._recording.decode(message)
        self.bodies[m.layout_hash] = join.described(m)

    def _other(self, message: BagMessage) -> None:
        """Only its times are looked at."""
        offset = self.graph.stamp_offsets.get(message.topic)
        if offset is not None and len(message.data) >= offset + 8:
            self.timing.other(message.topic.removeprefix(self.graph.namespace), stamp_at(message.data, offset))

    def _flush(self, *, everything: bool) -> Iterator[Piece]:
        ready = len(self._held) - (0 if everything else HOLD_TICKS)
        if ready <= 0:
            return
        decoded = self._held.decode(ready)
        self._held.note_times(decoded, self.timing, everything=everything)
        for batch in decoded.commands:
            self.log.commanders.update(np.unique(batch.columns["commander"]).tolist())
        log_ns = np.array(decoded.states.log_ns, dtype=np.int64)
        stretches = [s for batch in decoded.state_batches for s in self._cutter.cut(batch.columns, log_ns[batch.index])]
        pieces = [Piece(number=s.number, chunk=self._episode(s, decoded)) for s in stretches]
        self._held.drop(ready, everything=everything)
        for piece, following in zip_longest(pieces, pieces[1:]):
            yield from self._close(piece)
            up_to = None if everything and following is None else int(piece.chunk.stamp_ns[-1])
            ends = everything if following is None else following.number != piece.number
            events: dict[str, Any] = self.log.take(up_to, ends=ends)
            self._last = replace(piece, chunk=replace(piece.chunk, **events))
            yield self._last

    def _close(self, piece: Piece) -> Iterator[Piece]:
        """Texts that were under way when the episode before ended belong to that one: a chunk without ticks brings them."""
        last = self._last
        if last is not None and last.number != piece.number:
            texts = self.log.texts.take(int(last.chunk.stamp_ns[-1]), ends=True)
            if texts:
                yield replace(last, chunk=replace(last.chunk.slice(0, 0), texts=texts, goals=(), goal_ends=(), pushes=(), events=()))

    def _episode(self, stretch: Stretch, decoded: Decoded) -> Episode:
        policy = self.log.policy_number(stretch.policy)
        # The recorded seed is that of the start; what a reset was given is not in a recording.
        seed = self.seed if stretch.number == 0 else None
        source = f"{self._name}, episode {stretch.number}"
        episode = Episode.blank(stretch.body, len(stretch.log_ns), source=source, policy=policy.name, policy_sha256=policy.sha256, seed=seed)
        self._counts.add("states with values that are no state (NaN, infinite, no orientation)", join.fill_states(episode, stretch.columns))
        join.fill_commands(episode, decoded.commands)
        join.fill_reference(episode, join.windows_of(decoded.windows, stretch.body), stretch.begin_ns)
        self._asked.fill(episode, stretch.log_ns)
        return self._ball.fill(episode)


def read_lives(stream: EpisodeStream) -> Iterator[tuple[int, Iterator[Episode]]]:
    """Episodes one after the other, each as an iterator over its chunks; the next one ends the iterator before."""
    for number, pieces in groupby(stream, key=lambda piece: piece.number):
        yield number, (piece.chunk for piece in pieces)
