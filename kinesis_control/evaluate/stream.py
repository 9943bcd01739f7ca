"""A recording, read once from front to back, as chunks of episodes. Memory is bounded whatever the length of the bag.

A life of a body is one Episode. A new one begins where the body is reset, where time goes back, and where the body or the
policy changes; its chunks carry its number, so that figures of one policy never hold ticks of another.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyDescription
from kinesis_control.errors import LayoutError
from kinesis_control.evaluate import stream_join as join
from kinesis_control.evaluate.bag import BagMessage
from kinesis_control.evaluate.cdr_columns import Batch, CdrColumns, Columns
from kinesis_control.evaluate.episode import Episode, Goal
from kinesis_control.evaluate.stream_events import EventLog, PolicyName
from kinesis_control.evaluate.stream_graph import BODY_STATE, COMMAND, REFERENCE, Graph
from kinesis_control.evaluate.stream_open import Recording
from kinesis_control.evaluate.timing import TimingLog
from kinesis_control.muscles import MuscleLayout

CHUNK_TICKS = 1024
_HOLD_TICKS = 40
"""States held back at a chunk's end: their answers may still be on the way in the file."""

VELOCITY_HOLD_NS = 500_000_000
"""A velocity command counts so long after it came [ns]; the motion node's own limit."""

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
        self._velocity: list[tuple[int, NDArray[np.float64]]] = []

    def __iter__(self) -> Iterator[Piece]:
        self._find_layouts()
        handlers: dict[str, Callable[[BagMessage], None]] = self._handlers()
        for read, message in enumerate(self._recording.messages(set(self.graph.all_topics))):
            if message.topic == self.graph.state and self._breaks(message):
                yield from self._flush(everything=True)
                self._life.key = () if self._jumped else self._life.key
            handlers.get(message.topic, self._other)(message)
            if len(self._held.states.data) >= CHUNK_TICKS + _HOLD_TICKS:
                yield from self._flush(everything=False)
            if self._tell and read % 1000 == 0:
                self._tell(read)
        yield from self._flush(everything=True)

    def _handlers(self) -> dict[str, Callable[[BagMessage], None]]:
        g = self.graph
        table = {
            g.state: self._on_state, g.command: self._on_command, g.reference: self._on_window, g.layout: self._on_layout,
            g.velocity: self._on_velocity, g.goal: self._on_goal, g.text: self._on_text, g.reply: self._on_reply, g.status: self._on_status,
        }  # fmt: skip
        return {topic: handler for topic, handler in table.items() if topic}

    def _find_layouts(self) -> None:
        """The first layout, wherever it stands: the states before it need it."""
        if self.graph.layout:
            for message in self._recording.messages({self.graph.layout}):
                self._on_layout(message)
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

    def _on_state(self, message: BagMessage) -> None:
        if len(message.data) < 12:
            self._count("states that are cut off")
            return
        self._now_ns = _stamp_at(message.data, 4)
        self._held.states.add(message.data, message.stamp_ns)

    def _on_command(self, message: BagMessage) -> None:
        self._held.commands.add(message.data, message.stamp_ns)

    def _on_window(self, message: BagMessage) -> None:
        self._held.windows.add(message.data, message.stamp_ns)

    def _on_layout(self, message: BagMessage) -> None:
        m = self._recording.decode(message)
        self.bodies[m.layout_hash] = BodyDescription(
            name=m.body, muscles=MuscleLayout(names=tuple(m.muscle_names)), joint_names=tuple(m.joint_names), contact_names=tuple(m.contact_names),
            key_body_names=tuple(m.key_bodies), model_hash=m.model_hash, mass=float(m.mass), standing_height=float(m.standing_height),
        )  # fmt: skip

    def _on_velocity(self, message: BagMessage) -> None:
        twist = self._recording.decode(message).twist
        self._velocity.append((message.stamp_ns, np.array([twist.linear.x, twist.linear.y, twist.angular.z])))
        self._other(message)

    def _on_goal(self, message: BagMessage) -> None:
        pose = self._recording.decode(message).pose
        w, x, y, z = (getattr(pose.orientation, a) for a in "wxyz")
        yaw = float(np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))) if abs(w * w + x * x + y * y + z * z - 1.0) < 1e-3 else None
        if self._now_ns is not None:
            self.log.goals.append(Goal(stamp_ns=self._now_ns, x=float(pose.position.x), y=float(pose.position.y), yaw=yaw))

    def _on_text(self, message: BagMessage) -> None:
        self.log.say(self._recording.decode(message).data, self._now_ns or 0)

    def _on_reply(self, message: BagMessage) -> None:
        self.log.reply(self._recording.decode(message).data, self._now_ns or 0)

    def _on_status(self, message: BagMessage) -> None:
        self.log.status(self._recording.decode(message))

    def _other(self, message: BagMessage) -> None:
        """Only its times are looked at."""
        offset = self.graph.stamp_offsets.get(message.topic)
        if offset is not None and len(message.data) >= offset + 8:
            self.timing.other(message.topic.removeprefix(self.graph.namespace), message.stamp_ns, _stamp_at(message.data, offset))

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
        for piece in pieces:
            up_to = None if everything and piece is pieces[-1] else int(piece.chunk.stamp_ns[-1])
            events: dict[str, Any] = self.log.take(up_to)
            yield replace(piece, chunk=replace(piece.chunk, **events))

    def _decode(self, type_name: str, messages: join.Messages) -> list[Batch]:
        if not messages.data or type_name not in self._columns:
            return []
        try:
            return self._columns[type_name].decode(messages.data)
        except LayoutError as error:
            self._count(f"unreadable messages ({error})")
            return []

    def _note_times(self, states: join.Messages, decoded: list[Batch], commands: list[Batch], windows: list[Batch], everything: bool) -> None:
        table = join.gather(decoded, ["seq"], len(states.data))
        self.timing.states(table["seq"], table["stamp_ns"], np.array(states.log_ns, dtype=np.int64))
        last = np.inf if everything else table["stamp_ns"].max(initial=0)
        for name, batches, raw in (("command", commands, self._held.commands), ("reference", windows, self._held.windows)):
            if not batches:
                continue
            answers = join.gather(batches, ["seq"], len(raw.data))
            new = (answers["stamp_ns"] <= last) & (answers["stamp_ns"] > self._noted_ns)
            self.timing.answers(name, answers["seq"][new], answers["stamp_ns"][new], np.array(raw.log_ns, dtype=np.int64)[new])
        self._noted_ns = -1 if everything else int(last)
        for batch in commands:
            self.log.commanders.update(np.unique(batch.columns["commander"]).tolist())

    def _lives(self, columns: Columns, log_ns: NDArray[np.int64], commands: list[Batch], windows: list[Batch]) -> Iterator[Piece]:
        """Cut the states where the body, the episode, the layout or the policy changes."""
        stamps = join.stamps(columns)
        fresh = np.concatenate(([True], (np.diff(columns["seq"].astype(np.int64)) != 0) | (np.diff(stamps) != 0)))
        policy = self.log.policy_at(stamps)
        changes = (columns["episode"], columns["layout_hash"], policy)
        cuts = np.flatnonzero(np.any([c[1:] != c[:-1] for c in changes], axis=0)) + 1
        for rows in np.split(np.arange(len(stamps)), cuts):
            rows = rows[fresh[rows]]
            if not len(rows):
                continue
            body = self._body_of(str(columns["layout_hash"][rows[0]]))
            if body is None:
                self._count(f"states of layout '{columns['layout_hash'][rows[0]]}', whose muscle_layout is not in the recording", len(rows))
                continue
            key = (int(columns["episode"][rows[0]]), body.muscles.hash, int(policy[rows[0]]))
            if key != self._life.key:
                self._life = _Life(number=self._life.number + 1, key=key, begin_ns=int(stamps[rows[0]]))
            part = {path: values[rows] for path, values in columns.items()}
            yield Piece(number=self._life.number, chunk=self._episode(body, part, log_ns[rows], commands, windows))

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
        self._fill_velocity(episode, log_ns)
        return episode

    def _seed_of_life(self) -> int | None:
        """The recorded seed is that of the start; what a reset was given is not in a recording."""
        return self.seed if self._life.number == 0 else None

    def _fill_velocity(self, episode: Episode, log_ns: NDArray[np.int64]) -> None:
        if not self._velocity:
            return
        came = np.array([ns for ns, _ in self._velocity])
        at = np.searchsorted(came, log_ns, side="right") - 1
        good = (at >= 0) & (log_ns - came[np.maximum(at, 0)] <= VELOCITY_HOLD_NS)
        episode.velocity_command[good] = np.array([v for _, v in self._velocity])[at[good]]
        self._velocity = self._velocity[max(int(at[-1]), 0) :]

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


def read_lives(stream: EpisodeStream) -> Iterator[tuple[int, Iterator[Episode]]]:
    """Episodes one after the other, each as an iterator over its chunks; the next one ends the iterator before."""
    for number, pieces in groupby(stream, key=lambda piece: piece.number):
        yield number, (piece.chunk for piece in pieces)


def missing_topics(graph: Graph) -> Mapping[str, str]:
    """Topics of the control loop that the recording lacks, and what cannot be said without them."""
    table = {
        "muscle_command": (graph.command, "excitations, effort, latency of commands"),
        "reference": (graph.reference, "imitation and errors against the reference"),
        "control_status": (graph.status, "policy, faults, stops, deadline misses"),
        "muscle_layout": (graph.layout, "names of muscles and joints, unless the body is known by its hash"),
    }
    return {name: lost for name, (topic, lost) in table.items() if not topic}


def _stamp_at(data: bytes, offset: int) -> int:
    """Stamp of a CDR message whose first field (or first at `offset`) is a time [ns]."""
    sec, nanosec = struct.unpack_from("<iI" if data[1] else ">iI", data, offset)
    return int(sec) * 1_000_000_000 + int(nanosec)
