"""Messages of the loop that wait for their chunk, and the counts of those that could not be used."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from kinesis_control.evaluate import stream_join as join
from kinesis_control.evaluate.cdr_columns import Batch, CdrColumns
from kinesis_control.evaluate.stream_graph import BODY_STATE, COMMAND, REFERENCE
from kinesis_control.evaluate.timing import Arrivals, TimingLog

CHUNK_TICKS = 1024
_MOST_HELD = 16 * CHUNK_TICKS
"""Answers that are kept while no state comes."""
HOLD_TICKS = 40
"""States held back at a chunk's end: their answers may still be on the way in the file."""

_WINDOWS_STAY_NS = 2_000_000_000
"""The last windows are still needed for the ticks that follow [ns]."""


@dataclass
class Counts:
    """What could not be used, in words -> how often."""

    table: dict[str, int] = field(default_factory=dict)

    def add(self, what: str, times: int = 1) -> None:
        """Count."""
        if times:
            self.table[what] = self.table.get(what, 0) + times


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """What a chunk is made of. Attributes: states, the raw ones; state_batches, and the answers to them, decoded."""

    states: join.Messages
    state_batches: list[Batch]
    commands: list[Batch]
    windows: list[Batch]


class HeldMessages:
    """States, commands and reference windows in the order of the file."""

    def __init__(self, columns: Mapping[str, CdrColumns], counts: Counts) -> None:
        """`columns`: decoders by message type."""
        self._columns, self._counts = columns, counts
        self._states, self._commands, self._windows = join.Messages.none(), join.Messages.none(), join.Messages.none()
        self._noted_ns = -1

    def __len__(self) -> int:
        """States held."""
        return len(self._states.data)

    def add_state(self, data: bytes, log_ns: int) -> None:
        """Append a state."""
        self._states.add(data, log_ns)

    def add_command(self, data: bytes, log_ns: int) -> None:
        """Append a command."""
        self._hold(self._commands, data, log_ns, "commands")

    def add_window(self, data: bytes, log_ns: int) -> None:
        """Append a reference window."""
        self._hold(self._windows, data, log_ns, "reference windows")

    def _hold(self, held: join.Messages, data: bytes, log_ns: int, what: str) -> None:
        if len(data) < 12:
            self._counts.add(f"{what} that are cut off")
            return
        held.add(data, log_ns)
        if len(held.data) > _MOST_HELD:
            half = len(held.data) // 2
            held.data, held.log_ns = held.data[half:], held.log_ns[half:]
            self._counts.add(f"{what} without a state", half)

    def decode(self, ready: int) -> Decoded:
        """The first `ready` states, and every answer that is here."""
        states = join.Messages(data=self._states.data[:ready], log_ns=self._states.log_ns[:ready])
        return Decoded(
            states=states,
            commands=self._decode(COMMAND, self._commands),
            windows=self._decode(REFERENCE, self._windows),
            state_batches=self._decode(BODY_STATE, states),
        )

    def _decode(self, type_name: str, messages: join.Messages) -> list[Batch]:
        if not messages.data or type_name not in self._columns:
            return []
        return self._columns[type_name].decode(messages.data)

    def note_times(self, decoded: Decoded, timing: TimingLog, *, everything: bool) -> None:
        """Hand the times of a chunk to the log, each message once."""
        known = arrivals(decoded.state_batches, decoded.states)
        last = np.inf if everything else known.stamp_ns.max(initial=0)
        table = {}
        for name, batches, raw in (("command", decoded.commands, self._commands), ("reference", decoded.windows, self._windows)):
            answers = arrivals(batches, raw)
            new = (answers.stamp_ns <= last) & (answers.stamp_ns > self._noted_ns)
            table[name] = Arrivals(seq=answers.seq[new], stamp_ns=answers.stamp_ns[new], log_ns=answers.log_ns[new])
        timing.update(known, table)
        self._noted_ns = -1 if everything else int(last)

    def drop(self, ready: int, *, everything: bool) -> None:
        """Forget what is done."""
        if everything:
            self._states, self._commands, self._windows = join.Messages.none(), join.Messages.none(), join.Messages.none()
            return
        begin_ns = stamp_at(self._states.data[ready], 4)
        self._states = self._states.keep(ready)
        self._commands = self._commands.keep(_first_since(self._commands, begin_ns))
        self._windows = self._windows.keep(_first_since(self._windows, begin_ns - _WINDOWS_STAY_NS))


def _first_since(messages: join.Messages, since_ns: int) -> int:
    return next((i for i, data in enumerate(messages.data) if stamp_at(data, 4) >= since_ns), len(messages.data))


def arrivals(batches: list[Batch], messages: join.Messages) -> Arrivals:
    """Numbers and times of the messages that could be read."""
    table = join.gather(batches, ["seq"], len(messages.data))
    known = table["known"]
    log_ns = np.array(messages.log_ns, dtype=np.int64)
    return Arrivals(seq=table["seq"][known].astype(np.int64), stamp_ns=table["stamp_ns"][known], log_ns=log_ns[known])


def stamp_at(data: bytes, offset: int) -> int:
    """Stamp of a CDR message whose first field (or first at `offset`) is a time [ns]."""
    sec, nanosec = struct.unpack_from("<iI" if data[1] else ">iI", data, offset)
    return int(sec) * 1_000_000_000 + int(nanosec)
