"""Where one life of a body ends and the next begins: at a reset, where time jumps, and where the body or the policy changes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyDescription
from kinesis_control.evaluate import stream_join as join
from kinesis_control.evaluate.cdr_columns import Columns
from kinesis_control.evaluate.stream_events import EventLog
from kinesis_control.evaluate.stream_held import Counts

LEAST_JUMP_NS = 1_000_000_000
"""A step of the stamps counts as a jump from here on, if three times as many states as were numbered would have had room in it [ns]."""

FindBody = Callable[[str], BodyDescription | None]
"""Body of a layout hash, for recordings without a `muscle_layout`."""


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Consecutive states of one life.

    Attributes:
        number: of the life in the recording, from 0; begin_ns: stamp of its first state.
        body: whose it is; policy: number of the policy in the event log.
        columns: fields of its states; log_ns: when they were recorded, shape (T,) [ns].
    """

    number: int
    begin_ns: int
    body: BodyDescription
    policy: int
    columns: Columns
    log_ns: NDArray[np.int64]


class LifeCutter:
    """Cuts decoded states.

    Attributes:
        bodies: bodies met, by layout hash.
    """

    def __init__(self, log: EventLog, counts: Counts, find: FindBody | None) -> None:
        self.bodies: dict[str, BodyDescription] = {}
        self._log, self._counts, self._find = log, counts, find
        self._number, self._begin_ns = -1, 0
        self._key: tuple[Any, ...] = ()
        self._before: tuple[int, int] | None = None  # number and stamp of the last state
        self._jumped_ahead = 0

    def end(self) -> None:
        """What comes next is another life."""
        self._key = ()

    def cut(self, columns: Columns, log_ns: NDArray[np.int64]) -> Iterator[Stretch]:
        """Cut the states where the body, the episode, the layout or the policy changes; repeated states are left out."""
        stamps, seq = join.stamps(columns), columns["seq"].astype(np.int64)
        fresh = np.concatenate(([True], (np.diff(seq) != 0) | (np.diff(stamps) != 0)))
        policy, jump = self._log.policy_at(stamps), self._jumps(seq, stamps)
        changes = (columns["episode"], columns["layout_hash"], policy, jump)
        cuts = np.flatnonzero(np.any([c[1:] != c[:-1] for c in changes], axis=0)) + 1
        for rows in np.split(np.arange(len(stamps)), cuts):
            rows = rows[fresh[rows]]
            if not len(rows):
                continue
            layout_hash = str(columns["layout_hash"][rows[0]])
            body = self._body_of(layout_hash)
            if body is None:
                self._counts.add(f"states of layout '{layout_hash}', whose muscle_layout is not in the recording", len(rows))
                continue
            key = (int(columns["episode"][rows[0]]), body.muscles.hash, int(policy[rows[0]]), int(jump[rows[0]]))
            if key != self._key:
                self._number, self._key, self._begin_ns = self._number + 1, key, int(stamps[rows[0]])
            part = {path: values[rows] for path, values in columns.items()}
            yield Stretch(number=self._number, begin_ns=self._begin_ns, body=body, policy=key[2], columns=part, log_ns=log_ns[rows])

    def _jumps(self, seq: NDArray[np.int64], stamps: NDArray[np.int64]) -> NDArray[np.intp]:
        """How often time had jumped ahead up to each state: the stamps leave more room than the numbers account for."""
        before = self._before or (int(seq[0]), int(stamps[0]))
        steps, numbers = np.diff(stamps, prepend=before[1]), np.diff(seq, prepend=before[0])
        usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else np.inf
        jumped = steps > np.maximum(LEAST_JUMP_NS, 3.0 * usual * np.maximum(numbers, 1))
        self._counts.add("jumps ahead in time", int(jumped.sum()))
        total: NDArray[np.intp] = self._jumped_ahead + np.cumsum(jumped)
        self._before, self._jumped_ahead = (int(seq[-1]), int(stamps[-1])), int(total[-1])
        return total

    def _body_of(self, layout_hash: str) -> BodyDescription | None:
        if layout_hash not in self.bodies and self._find is not None:
            body = self._find(layout_hash)
            if body is not None:
                self.bodies[layout_hash] = body
                self._counts.add(f"muscle_layout is missing; body '{body.name}' was found by its layout hash")
        return self.bodies.get(layout_hash)
