"""Recorded states and references, given to a policy again: its commands must come out as they were recorded.

Matching is by number: a command answers the state whose number it carries, and was made from the reference of that number.
In real time a policy may have answered with the reference before, when the right one was late; where only that gives the
recorded command, it is counted and not held against the policy.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyDescription, BodyState
from kinesis_control.errors import UnavailableError
from kinesis_control.evaluate import stream_join as join
from kinesis_control.evaluate.events import Push
from kinesis_control.evaluate.stream_events import EventLog
from kinesis_control.evaluate.stream_graph import Graph
from kinesis_control.evaluate.stream_join import STATE_FIELDS
from kinesis_control.evaluate.stream_open import Recording
from kinesis_control.policy import Policy, PolicyFaultError
from kinesis_control.reference import ReferenceWindow

Array = NDArray[np.float64]

CLOSE = 1e-6
_HOLD = 40
_WINDOW_FIELDS = {
    "root_position": "root_positions", "root_linear_velocity": "root_linear_velocities", "root_angular_velocity": "root_angular_velocities",
    "joint_position": "joint_positions", "joint_velocity": "joint_velocities", "contact": "contacts", "key_body_position": "key_body_positions",
}  # fmt: skip


@dataclass(kw_only=True)
class ReplayResult:
    """What came of a replay.

    Attributes:
        policy: name of the policy that was asked.
        compared: commands that were compared.
        largest: largest difference of a value; where: largest_seq, largest_muscle.
        left_out: reason -> how many commands.
    """

    policy: str = ""
    compared: int = 0
    largest: float = 0.0
    largest_seq: int = -1
    largest_muscle: str = ""
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def why_nothing(self) -> str:
        """Why nothing was compared."""
        return "; ".join(f"{reason} ({count})" for reason, count in self.left_out.items()) or "no command answers a recorded state"

    def skip(self, reason: str) -> None:
        """Count a command that cannot be compared."""
        self.left_out[reason] = self.left_out.get(reason, 0) + 1


@dataclass(kw_only=True)
class Tick:
    """A recorded state with what carries its number; None where that was not recorded."""

    state: Any
    command: Any = None
    window: Any = None


def body_of(recording: Recording, graph: Graph) -> BodyDescription:
    """The first body that the recording describes.

    Raises:
        UnavailableError: it describes none.
    """
    for message in recording.messages({graph.layout} if graph.layout else set()):
        return join.described(recording.decode(message))
    raise UnavailableError(f"{recording.path} has no muscle_layout: which body it is of is not known")


def policies_of(recording: Recording, graph: Graph) -> EventLog:
    """Policies and clocks as the nodes reported them."""
    log = EventLog()
    for message in recording.messages({graph.status} if graph.status else set()):
        log.status(recording.decode(message))
    return log


def pushes_of(recording: Recording, graph: Graph) -> list[Push]:
    """Pushes that the simulator took on."""
    log = EventLog()
    for message in recording.messages({graph.push} if graph.push else set()):
        log.push(recording.decode(message))
    return log.pushes


def ticks_of(recording: Recording, graph: Graph) -> Iterator[Tick]:
    """States in their order, each with the command and the window of its number; memory is bounded."""
    states: list[Any] = []
    commands: dict[tuple[int, int], Any] = {}
    windows: dict[tuple[int, int], Any] = {}
    for message in recording.messages({t for t in (graph.state, graph.command, graph.reference) if t}):
        m = recording.decode(message)
        if message.topic == graph.state:
            if not states or _key(states[-1]) != _key(m):
                states.append(m)
        else:
            # Of several answers the first counts, as it does at the edge of a body.
            (commands if message.topic == graph.command else windows).setdefault(_key(m), m)
        if len(states) > _HOLD:
            yield _tick(states.pop(0), commands, windows)
    for state in states:
        yield _tick(state, commands, windows)


def replay_policy(recording: Recording, graph: Graph, find_policy: Callable[[str], Path]) -> ReplayResult:
    """Ask a policy again for every recorded command.

    Args:
        find_policy: file for a recorded hash ("" where none was recorded).

    Raises:
        UnavailableError: no muscle_layout, or no policy.
        ContractError: the policy is not for this body.
    """
    body, log = body_of(recording, graph), policies_of(recording, graph)
    path = find_policy(log.policies[0][1].sha256 if log.policies else "")
    policy = Policy.load(path, body)
    result = ReplayResult(policy=path.name)
    asker = _Asker(policy, body, several={p.sha256 for _, p in log.policies} if len({p for _, p in log.policies}) > 1 else set(), log=log)
    for tick in ticks_of(recording, graph):
        if tick.command is not None:
            asker.compare(tick, result)
        asker.before = tick.window if tick.window is not None else asker.before
    return result


class _Asker:
    """A policy and the buffers it is asked with."""

    def __init__(self, policy: Policy, body: BodyDescription, several: set[str], log: EventLog) -> None:
        self._policy, self._body, self._several, self._log = policy, body, several, log
        self._state = BodyState.zeros(body)
        self.before: Any = None

    def compare(self, tick: Tick, result: ReplayResult) -> None:
        """Ask for one command and note the difference."""
        c = tick.command
        if c.layout_hash != self._body.muscles.hash or len(c.values) != len(self._body.muscles):
            result.skip("another muscle layout")
        elif self._several and self._policy_of(tick.state) != self._policy.sha256:
            result.skip("made by another policy")
        elif tick.window is None:
            result.skip("its reference was not recorded")
        elif not self._fits(tick.window):
            result.skip("its reference has other frames than the policy reads")
        elif any(len(getattr(tick.state, field)) != getattr(self._state, name).size for name, field in STATE_FIELDS.items()):
            result.skip("its state lacks a quantity that the body has")
        else:
            self._note(tick, result)

    def _fits(self, window: Any) -> bool:
        """As the policy node demands it."""
        offsets = np.array(self._policy.contract.reference_offsets_s)
        return len(window.time_offsets) == len(offsets) and bool(np.abs(window.time_offsets - offsets).max(initial=0.0) <= 1e-9)

    def _policy_of(self, state: Any) -> str:
        return self._log.policy_number(int(self._log.policy_at(np.array([_stamp(state)]))[0])).sha256

    def _note(self, tick: Tick, result: ReplayResult) -> None:
        try:
            difference = self._difference(tick, tick.window)
            if difference.max() > CLOSE and "realtime" in self._log.clocks and self.before is not None:
                late = self._difference(tick, self.before) if self._fits(self.before) else difference
                if late.max() <= CLOSE:
                    result.skip("answered with the reference of the state before")
                    return
        except PolicyFaultError as error:
            result.skip(f"the policy gives none: {error.fault.name}")
            return
        result.compared += 1
        worst = int(difference.argmax())
        if result.compared == 1 or difference[worst] > result.largest:
            result.largest, result.largest_seq = float(difference[worst]), int(tick.state.seq)
            result.largest_muscle = self._body.muscles.names[worst]

    def _difference(self, tick: Tick, window: Any) -> Array:
        action = self._policy.act(read_state(tick.state, self._state), read_window(window, self._body))
        result: Array = np.abs(action - tick.command.values)
        return result


def read_state(message: Any, out: BodyState) -> BodyState:
    """A decoded BodyState message as the dataclass."""
    p, q = message.root_pose.position, message.root_pose.orientation
    v, w = message.root_twist.linear, message.root_twist.angular
    out.seq, out.stamp_ns, out.episode, out.fallen = int(message.seq), _stamp(message), int(message.episode), bool(message.fallen)
    out.root_position[:], out.root_quaternion[:] = (p.x, p.y, p.z), (q.w, q.x, q.y, q.z)
    out.root_linear_velocity[:], out.root_angular_velocity[:] = (v.x, v.y, v.z), (w.x, w.y, w.z)
    for name, source in STATE_FIELDS.items():
        getattr(out, name)[:] = getattr(message, source)
    return out


def read_window(message: Any, body: BodyDescription) -> ReferenceWindow:
    """A decoded ReferenceWindow message as the dataclass."""
    keys = len(message.key_body_positions) // (3 * max(len(message.time_offsets), 1))
    window = ReferenceWindow.zeros(body, np.array(message.time_offsets), key_bodies=keys)
    window.seq, window.stamp_ns, window.motion = int(message.seq), _stamp(message), message.motion
    window.phase[...] = message.phase
    window.root_quaternion[:] = message.root_orientations.reshape(-1, 4)[:, [3, 0, 1, 2]]
    for name, source in _WINDOW_FIELDS.items():
        values = getattr(window, name)
        values[...] = getattr(message, source).reshape(values.shape)
    return window


def _stamp(message: Any) -> int:
    return int(message.header.stamp.sec) * 1_000_000_000 + int(message.header.stamp.nanosec)


def _key(message: Any) -> tuple[int, int]:
    return int(message.seq), _stamp(message)


def _tick(state: Any, commands: dict[tuple[int, int], Any], windows: dict[tuple[int, int], Any]) -> Tick:
    """Take out what belongs to a state, and forget what is older."""
    key = _key(state)
    tick = Tick(state=state, command=commands.pop(key, None), window=windows.pop(key, None))
    for waiting in (commands, windows):
        for old in [k for k in waiting if k[1] < key[1] - 2_000_000_000]:
            del waiting[old]
    return tick
