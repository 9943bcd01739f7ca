"""A recording, read once from front to back, as chunks of episodes. Memory is bounded whatever the length of the bag.

A life of a body is one Episode. A new one begins where the body is reset, where time goes back, and where the body or the
policy changes; its chunks carry its number, so that figures of one policy never hold ticks of another.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyDescription
from kinesis_control.evaluate import stream_join as join
from kinesis_control.evaluate.bag import BagMessage
from kinesis_control.evaluate.cdr_columns import Batch, CdrColumns, Columns
from kinesis_control.evaluate.episode import Episode
from kinesis_control.evaluate.stream_asked import AskedLog
from kinesis_control.evaluate.stream_ball import BallLog
from kinesis_control.evaluate.stream_events import EventLog, PolicyName
from kinesis_control.evaluate.stream_graph import BODY_STATE, COMMAND, REFERENCE, Graph
from kinesis_control.evaluate.stream_open import Recording
from kinesis_control.evaluate.timing import Arrivals, TimingLog

CHUNK_TICKS = 1024
_MOST_HELD = 16 * CHUNK_TICKS
"""Answers that are kept while no state comes."""
_HOLD_TICKS = 40
"""States held back at a chunk's end: their answers may still be on the way in the file."""

LEAST_JUMP_NS = 1_000_000_000
"""A step of the stamps counts as a jump from here on, if three times as many states as were numbered would have had room in it [ns]."""

FindBody = Callable[[str], BodyDescription | None]
"""Body of a layout hash, for recordings without a `muscle_layout`."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A chunk of an episode. Attributes: number of the episode in the recording, from 0; chunk."""

    number: int
    chunk: Episode


@dataclass(kw_only=True)
class _Life:
    """The episode that is being read."""

    number: int = -1
    key: tuple[Any, ...] = ()
    begin_ns: int = 0


@dataclass(kw_only=True)
class _Held:
    """Messages that wait for their chunk."""

    states: join.Messages = field(default_factory=join.Messages.none)
    commands: join.Messages = field(default_factory=join.Messages.none)
    windows: join.Messages = field(default_factory=join.Messages.none)


class EpisodeStream:
    """Reads one graph of a recording.

    Attributes:
        graph: the topics that belong together.
        timing: arrival times, complete after the last chunk.
        bodies: bodies met, by layout hash.
        log: policies, clock, commanders and events met.
        counts: what could not be used, in words -> how often.
        seed: of the world, for the episodes; None where unknown.
    """

    def __init__(self, recording: Recording, graph: Graph, *, find_body: FindBody | None = None, on_message: Callable[[int], None] | None = None) -> None:
        """`on_message` is told the number of messages read so far, now and then."""
        self.graph, self._recording, self._find, self._tell = graph, recording, find_body, on_message
        self.timing = TimingLog()
        self.bodies: dict[str, BodyDescription] = {}
        self.log = EventLog()
        self.counts: dict[str, int] = {}
        self.seed: int | None = None
        self._columns = {t: CdrColumns(recording.definitions, t) for t in (BODY_STATE, COMMAND, REFERENCE) if t in recording.definitions}
        self._held, self._life = _Held(), _Life()
        self._now_ns: int | None = None
        self._state_size, self._noted_ns, self._jumped = 0, -1, False
        self._name = Path(recording.path).name + (f" {graph.namespace}" if graph.namespace else "")
        self._asked = AskedLog(log=self.log)
        self._last: Piece | None = None
        self._before: tuple[int, int] | None = None  # number and stamp of the last state
        self._jumped_ahead = 0
        self._ball = BallLog(problems=self.counts)

    def __iter__(self) -> Iterator[Piece]:
        self._find_layouts()
        handlers: dict[str, Callable[[BagMessage], None]] = self._handlers()
        for read, message in enumerate(self._recording.messages(set(self.graph.all_topics))):
            if message.topic == self.graph.state and self._breaks(message):
                yield from self._flush(everything=True)
                self._life.key = () if self._jumped else self._life.key
            self._hand(handlers.get(message.topic, self._other), message)
            if len(self._held.states.data) >= CHUNK_TICKS + _HOLD_TICKS:
                yield from self._flush(everything=False)
            if self._tell and read % 1000 == 0:
                self._tell(read)
        yield from self._flush(everything=True)

    def _hand(self, handler: Callable[[BagMessage], None], message: BagMessage) -> None:
        try:
            handler(message)
        except Exception as error:  # a damaged message makes the decoder of rosbags raise whatever it meets
            self._count(f"messages of {message.topic} that could not be read ({type(error).__name__})")

    def _handlers(self) -> dict[str, Callable[[BagMessage], None]]:
        g = self.graph
        asked, ball = self._asked, self._ball
        table = {
            g.state: self._on_state, g.command: self._on_command, g.reference: self._on_window, g.layout: self._on_layout, g.status: self._on_status,
            g.velocity: self._decoded(lambda m, ns: asked.velocity(m, ns)), g.goal: self._decoded(lambda m, _: asked.goal(m, self._now_ns)),
            g.text: self._decoded(lambda m, _: asked.text(m, self._now_ns)), g.reply: self._decoded(lambda m, _: asked.reply(m, self._now_ns)),
            g.ball: self._decoded(lambda m, _: ball.ball(m)), g.keeper: self._decoded(lambda m, _: ball.keeper(m)),
            g.goal_frame: self._decoded(lambda m, _: ball.goal_frame(m)),
        }  # fmt: skip
        return {topic: handler for topic, handler in table.items() if topic}

    def _decoded(self, take: Callable[[Any, int], None]) -> Callable[[BagMessage], None]:
        """Handler of what is not of the loop: `take` gets the decoded message and its recording time [ns]."""

        def handle(message: BagMessage) -> None:
            take(self._recording.decode(message), message.stamp_ns)
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
        stamp_ns = _stamp_at(message.data, 4)
        back = self._jumped = self._now_ns is not None and stamp_ns < self._now_ns
        if back:
            self._count("jumps back in time")
        other = self._state_size not in (0, len(message.data))
        self._state_size = len(message.data)
        return bool(self._held.states.data) and (back or other)

    @property
    def unreadable(self) -> dict[str, int]:
        """Why messages of the loop could not be read -> how many."""
        return {why: times for columns in self._columns.values() for why, times in columns.unreadable.items()}

    def _on_state(self, message: BagMessage) -> None:
        if len(message.data) < 12:
            self._count("states that are cut off")
            return
        self._now_ns = _stamp_at(message.data, 4)
        self._held.states.add(message.data, message.stamp_ns)

    def _on_command(self, message: BagMessage) -> None:
        self._hold(self._held.commands, message, "commands")

    def _on_window(self, message: BagMessage) -> None:
        self._hold(self._held.windows, message, "reference windows")

    def _hold(self, held: join.Messages, message: BagMessage, what: str) -> None:
        if len(message.data) < 12:
            self._count(f"{what} that are cut off")
            return
        held.add(message.data, message.stamp_ns)
        if len(held.data) > _MOST_HELD:
            half = len(held.data) // 2
            held.data, held.log_ns = held.data[half:], held.log_ns[half:]
            self._count(f"{what} without a state", half)

    def _on_layout(self, message: BagMessage) -> None:
        m = self._recording.decode(message)
        self.bodies[m.layout_hash] = join.described(m)

    def _on_status(self, message: BagMessage) -> None:
        self.log.status(self._recording.decode(message))

    def _other(self, message: BagMessage) -> None:
        """Only its times are looked at."""
        offset = self.graph.stamp_offsets.get(message.topic)
        if offset is not None and len(message.data) >= offset + 8:
            self.timing.other(message.topic.removeprefix(self.graph.namespace), _stamp_at(message.data, offset))

    def _count(self, what: str, times: int = 1) -> None:
        if times:
            self.counts[what] = self.counts.get(what, 0) + times

    def _flush(self, *, everything: bool) -> Iterator[Piece]:
        held = self._held
        ready = len(held.states.data) - (0 if everything else _HOLD_TICKS)
        if ready <= 0:
            return
        states = join.Messages(data=held.states.data[:ready], log_ns=held.states.log_ns[:ready])
        commands = self._decode(COMMAND, held.commands)
        windows = self._decode(REFERENCE, held.windows)
        decoded = self._decode(BODY_STATE, states)
        self._note_times(states, decoded, commands, windows, everything)
        log_ns = np.array(states.log_ns, dtype=np.int64)
        pieces = [p for batch in decoded for p in self._lives(batch.columns, log_ns[batch.index], commands, windows)]
        self._drop(ready, everything)
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
                yield replace(last, chunk=replace(last.chunk.slice(0, 0), texts=texts, goals=(), pushes=(), events=()))

    def _decode(self, type_name: str, messages: join.Messages) -> list[Batch]:
        if not messages.data or type_name not in self._columns:
            return []
        return self._columns[type_name].decode(messages.data)

    def _note_times(self, states: join.Messages, decoded: list[Batch], commands: list[Batch], windows: list[Batch], everything: bool) -> None:
        known = arrivals(decoded, states)
        last = np.inf if everything else known.stamp_ns.max(initial=0)
        table = {}
        for name, batches, raw in (("command", commands, self._held.commands), ("reference", windows, self._held.windows)):
            answers = arrivals(batches, raw)
            new = (answers.stamp_ns <= last) & (answers.stamp_ns > self._noted_ns)
            table[name] = Arrivals(seq=answers.seq[new], stamp_ns=answers.stamp_ns[new], log_ns=answers.log_ns[new])
        self.timing.update(known, table)
        self._noted_ns = -1 if everything else int(last)
        for batch in commands:
            self.log.commanders.update(np.unique(batch.columns["commander"]).tolist())

    def _lives(self, columns: Columns, log_ns: NDArray[np.int64], commands: list[Batch], windows: list[Batch]) -> Iterator[Piece]:
        """Cut the states where the body, the episode, the layout or the policy changes."""
        stamps = join.stamps(columns)
        fresh = np.concatenate(([True], (np.diff(columns["seq"].astype(np.int64)) != 0) | (np.diff(stamps) != 0)))
        policy = self.log.policy_at(stamps)
        jump = self._jumps(columns["seq"].astype(np.int64), stamps)
        changes = (columns["episode"], columns["layout_hash"], policy, jump)
        cuts = np.flatnonzero(np.any([c[1:] != c[:-1] for c in changes], axis=0)) + 1
        for rows in np.split(np.arange(len(stamps)), cuts):
            rows = rows[fresh[rows]]
            if not len(rows):
                continue
            body = self._body_of(str(columns["layout_hash"][rows[0]]))
            if body is None:
                self._count(f"states of layout '{columns['layout_hash'][rows[0]]}', whose muscle_layout is not in the recording", len(rows))
                continue
            key = (int(columns["episode"][rows[0]]), body.muscles.hash, int(policy[rows[0]]), int(jump[rows[0]]))
            if key != self._life.key:
                self._life = _Life(number=self._life.number + 1, key=key, begin_ns=int(stamps[rows[0]]))
            part = {path: values[rows] for path, values in columns.items()}
            yield Piece(number=self._life.number, chunk=self._episode(body, part, log_ns[rows], commands, windows))

    def _jumps(self, seq: NDArray[np.int64], stamps: NDArray[np.int64]) -> NDArray[np.intp]:
        """How often time had jumped ahead up to each state: the stamps leave more room than the numbers account for."""
        before = self._before or (int(seq[0]), int(stamps[0]))
        steps, numbers = np.diff(stamps, prepend=before[1]), np.diff(seq, prepend=before[0])
        usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else np.inf
        jumped = steps > np.maximum(LEAST_JUMP_NS, 3.0 * usual * np.maximum(numbers, 1))
        self._count("jumps ahead in time", int(jumped.sum()))
        total: NDArray[np.intp] = self._jumped_ahead + np.cumsum(jumped)
        self._before, self._jumped_ahead = (int(seq[-1]), int(stamps[-1])), int(total[-1])
        return total

    def _body_of(self, layout_hash: str) -> BodyDescription | None:
        if layout_hash not in self.bodies and self._find is not None:
            body = self._find(layout_hash)
            if body is not None:
                self.bodies[layout_hash] = body
                self._count(f"muscle_layout is missing; body '{body.name}' was found by its layout hash")
        return self.bodies.get(layout_hash)

    def _episode(self, body: BodyDescription, columns: Columns, log_ns: NDArray[np.int64], commands: list[Batch], windows: list[Batch]) -> Episode:
        policy: PolicyName = self.log.policy_number(self._life.key[2])
        source = f"{self._name}, episode {self._life.number}"
        episode = Episode.blank(body, len(log_ns), source=source, policy=policy.name, policy_sha256=policy.sha256, seed=self._seed_of_life())
        self._count("states with values that are no state (NaN, infinite, no orientation)", join.fill_states(episode, columns))
        join.fill_commands(episode, commands)
        join.fill_reference(episode, join.windows_of(windows, body), self._life.begin_ns)
        self._asked.fill(episode, log_ns)
        return self._ball.fill(episode)

    def _seed_of_life(self) -> int | None:
        """The recorded seed is that of the start; what a reset was given is not in a recording."""
        return self.seed if self._life.number == 0 else None

    def _drop(self, ready: int, everything: bool) -> None:
        """Forget what is done; the last windows are still needed for the ticks that follow."""
        held = self._held
        if everything:
            self._held = _Held()
            return
        begin_ns = _stamp_at(held.states.data[ready], 4)
        held.states = held.states.keep(ready)
        for name, kept in (("commands", begin_ns), ("windows", begin_ns - 2_000_000_000)):
            messages: join.Messages = getattr(held, name)
            first = next((i for i, data in enumerate(messages.data) if _stamp_at(data, 4) >= kept), len(messages.data))
            setattr(held, name, messages.keep(first))


def arrivals(batches: list[Batch], messages: join.Messages) -> Arrivals:
    """Numbers and times of the messages that could be read."""
    table = join.gather(batches, ["seq"], len(messages.data))
    known = table["known"]
    log_ns = np.array(messages.log_ns, dtype=np.int64)
    return Arrivals(seq=table["seq"][known].astype(np.int64), stamp_ns=table["stamp_ns"][known], log_ns=log_ns[known])


def read_lives(stream: EpisodeStream) -> Iterator[tuple[int, Iterator[Episode]]]:
    """Episodes one after the other, each as an iterator over its chunks; the next one ends the iterator before."""
    for number, pieces in groupby(stream, key=lambda piece: piece.number):
        yield number, (piece.chunk for piece in pieces)


def _stamp_at(data: bytes, offset: int) -> int:
    """Stamp of a CDR message whose first field (or first at `offset`) is a time [ns]."""
    sec, nanosec = struct.unpack_from("<iI" if data[1] else ">iI", data, offset)
    return int(sec) * 1_000_000_000 + int(nanosec)
