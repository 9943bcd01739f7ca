"""States, commands and reference windows of one body, as they were recorded -> arrays over its control ticks.

A command belongs to the state whose number it carries; a reference frame belongs to the tick it was meant for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyDescription
from kinesis_control.evaluate.cdr_columns import Batch, Columns
from kinesis_control.evaluate.episode import Episode
from kinesis_control.muscles import MuscleLayout

Array = NDArray[np.float64]

STATE_FIELDS = {
    "joint_position": "joint_positions", "joint_velocity": "joint_velocities", "muscle_length": "muscle_lengths",
    "muscle_velocity": "muscle_velocities", "muscle_tension": "muscle_tensions", "muscle_activation": "muscle_activations",
    "contact_force": "contact_forces",
}  # fmt: skip
"""Array of an episode -> field of BodyState."""

_EXCITATION = 0
_UNIT = 1e-3  # a recorded quaternion whose norm is further from 1 is no orientation
_EPSILON_NS = 1000


@dataclass(kw_only=True)
class Messages:
    """Raw messages of one topic with their recording times [ns]."""

    data: list[bytes]
    log_ns: list[int]

    @classmethod
    def none(cls) -> "Messages":
        """An empty list."""
        return cls(data=[], log_ns=[])

    def add(self, data: bytes, log_ns: int) -> None:
        """Append one."""
        self.data.append(data)
        self.log_ns.append(log_ns)

    def keep(self, first: int) -> "Messages":
        """Those from number `first` on."""
        return Messages(data=self.data[first:], log_ns=self.log_ns[first:])


def described(m: Any) -> BodyDescription:
    """A decoded MuscleLayout message as the description of its body."""
    return BodyDescription(
        name=m.body, muscles=MuscleLayout(names=tuple(m.muscle_names)), joint_names=tuple(m.joint_names), contact_names=tuple(m.contact_names),
        key_body_names=tuple(m.key_bodies), model_hash=m.model_hash, mass=float(m.mass), standing_height=float(m.standing_height),
    )  # fmt: skip


def stamps(columns: Columns) -> NDArray[np.int64]:
    """Stamp of the header [ns], shape (n,)."""
    return columns["header.stamp.sec"].astype(np.int64) * 1_000_000_000 + columns["header.stamp.nanosec"].astype(np.int64)


def gather(batches: Sequence[Batch], paths: Sequence[str], total: int) -> Columns:
    """Plain (one value a message) columns of several batches in the order of their messages, plus "stamp_ns", and "known":
    false for a message that could not be read."""
    result: Columns = {}
    for path in (*paths, "stamp_ns"):
        parts = [(b.index, stamps(b.columns) if path == "stamp_ns" else b.columns[path]) for b in batches]
        kind = np.result_type(*(v.dtype for _, v in parts)) if parts else np.dtype(np.int64)
        result[path] = np.zeros(total, dtype=kind)
        for index, values in parts:
            result[path][index] = values
    result["known"] = np.zeros(total, dtype=np.bool_)
    for batch in batches:
        result["known"][batch.index] = True
    return result


@dataclass(kw_only=True)
class Windows:
    """Reference windows in the order of their stamps.

    Attributes:
        stamp_ns: shape (M,), rising.
        offsets: shape (M, K) [s].
        columns: fields of ReferenceWindow, each (M, K * something); motion (M,).
    """

    stamp_ns: NDArray[np.int64]
    offsets: Array
    columns: Columns


def windows_of(batches: Sequence[Batch], body: BodyDescription) -> list[Windows]:
    """The windows that fit the body, one entry a number of frames."""
    result = []
    for batch in batches:
        columns = batch.columns
        offsets = columns["time_offsets"]
        frames = offsets.shape[1]
        if frames == 0 or columns["joint_positions"].shape[1] != frames * len(body.joint_names):
            continue
        kept = columns["layout_hash"] == body.muscles.hash
        order = np.argsort(stamps(columns)[kept], kind="stable")
        chosen = {path: values[kept][order] for path, values in columns.items()}
        if len(order):
            result.append(Windows(stamp_ns=stamps(chosen), offsets=chosen["time_offsets"], columns=chosen))
    return result


def fill_states(episode: Episode, columns: Columns) -> int:
    """Copy the state columns of every tick; returns how many ticks hold values that cannot be believed, which become NaN."""
    pose, twist = "root_pose.", "root_twist."
    episode.seq[:], episode.stamp_ns[:], episode.fallen[:] = columns["seq"], stamps(columns), columns["fallen"]
    episode.root_position[:] = _stack(columns, pose + "position.", "xyz")
    episode.root_quaternion[:] = _stack(columns, pose + "orientation.", "wxyz")
    episode.root_linear_velocity[:] = _stack(columns, twist + "linear.", "xyz")
    episode.root_angular_velocity[:] = _stack(columns, twist + "angular.", "xyz")
    for name, field in STATE_FIELDS.items():
        target = getattr(episode, name)
        if columns[field].shape[1] == target.shape[1]:  # a driver that does not know a quantity sends none
            target[:] = columns[field]
    return _strike_out(episode)


def _strike_out(episode: Episode) -> int:
    broken = ~(np.abs(np.linalg.norm(episode.root_quaternion, axis=1) - 1.0) < _UNIT)  # true for a NaN
    episode.root_quaternion[broken] = episode.root_position[broken] = np.nan
    for name in ("root_position", "root_linear_velocity", "root_angular_velocity", *STATE_FIELDS):
        values = getattr(episode, name)
        infinite = np.isinf(values)
        if infinite.any():
            values[infinite] = np.nan
            broken |= infinite.any(axis=1)
    return int(broken.sum())


def fill_commands(episode: Episode, batches: Sequence[Batch]) -> None:
    """Copy the first finite excitation that answers each tick."""
    n = episode.excitation.shape[1]
    for batch in batches:
        c = batch.columns
        if c["values"].shape[1] != n:
            continue
        fits = (c["mode"] == _EXCITATION) & (c["layout_hash"] == episode.body.muscles.hash) & np.isfinite(c["values"]).all(axis=1)
        tick, command = match(episode, c["seq"], stamps(c), fits)
        empty = np.isnan(episode.excitation[tick, 0])
        # Backwards, so that of several answers to one state the first is written last.
        for t, k in zip(tick[empty][::-1], command[empty][::-1], strict=True):
            episode.excitation[t] = c["values"][k]


def match(episode: Episode, seq: NDArray[Any], stamp_ns: NDArray[np.int64], mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs (tick, message) where a message carries the number and the stamp of a tick."""
    candidates = np.flatnonzero(mask)
    if not len(episode) or not len(candidates):
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    at = np.clip(np.searchsorted(episode.stamp_ns, stamp_ns[candidates]), 0, len(episode) - 1)
    same = (episode.stamp_ns[at] == stamp_ns[candidates]) & (episode.seq[at] == seq[candidates].astype(np.int64))
    return at[same], candidates[same]


def fill_reference(episode: Episode, windows: Sequence[Windows], begin_ns: int) -> None:
    """For each tick the frame that was meant for it, from the latest window that holds one.

    Args:
        begin_ns: windows older than this belong to a life before [ns].
    """
    for w in windows:
        first = np.round(1e9 * w.offsets[:, 0]).astype(np.int64)
        meant_from = w.stamp_ns + first  # rises with the stamps, because the offsets of a source do not change
        at = np.searchsorted(meant_from, episode.stamp_ns + _EPSILON_NS, side="right") - 1
        tau: Array = 1e-9 * (episode.stamp_ns - w.stamp_ns[np.maximum(at, 0)]).astype(float)
        offsets = w.offsets[np.maximum(at, 0)]
        good = (at >= 0) & (w.stamp_ns[np.maximum(at, 0)] >= begin_ns) & (tau <= offsets[:, -1] + 1e-6)
        tick, chosen = np.flatnonzero(good), at[good]
        if len(tick):
            _write_reference(episode, w, tick, chosen, _weights(offsets[good], tau[good]))


def _weights(offsets: Array, tau: Array) -> tuple[NDArray[np.intp], NDArray[np.intp], Array]:
    """Frames before and after `tau` and the share of the later one; shapes (n,)."""
    frames = offsets.shape[1]
    later = np.clip((offsets < tau[:, None] - 1e-6).sum(axis=1), 0, frames - 1)
    earlier = np.maximum(later - 1, 0)
    rows = np.arange(len(tau))
    width = offsets[rows, later] - offsets[rows, earlier]
    share = np.where(width > 0.0, (tau - offsets[rows, earlier]) / np.where(width > 0.0, width, 1.0), 1.0)
    return earlier, later, np.clip(share, 0.0, 1.0)


def _write_reference(
    episode: Episode, w: Windows, tick: NDArray[np.intp], row: NDArray[np.intp], weights: tuple[NDArray[np.intp], NDArray[np.intp], Array]
) -> None:
    frames = w.offsets.shape[1]
    earlier, later, share = weights

    def at(field: str, width: int) -> Array:
        values = w.columns[field]
        if values.shape[1] != frames * width:
            return np.full((len(tick), width), np.nan)
        table = values.reshape(len(values), frames, width)
        a, b = table[row, earlier], table[row, later]
        return np.where(share[:, None] >= 1.0, b, a + share[:, None] * (b - a))

    joints, contacts, keys = len(episode.body.joint_names), len(episode.body.contact_names), len(episode.body.key_body_names)
    episode.reference_root_position[tick] = at("root_positions", 3)
    episode.reference_root_linear_velocity[tick] = at("root_linear_velocities", 3)
    episode.reference_joint_position[tick] = at("joint_positions", joints)
    episode.reference_joint_velocity[tick] = at("joint_velocities", joints)
    episode.reference_contact[tick] = at("contacts", contacts)
    episode.reference_key_body_position[tick] = at("key_body_positions", 3 * keys).reshape(-1, keys, 3)
    episode.motion[tick] = w.columns["motion"][row]
    table = w.columns["root_orientations"].reshape(-1, frames, 4)
    a, b = table[row, earlier], table[row, later]
    b = np.where((a * b).sum(axis=1, keepdims=True) < 0.0, -b, b)
    mixed = a + share[:, None] * (b - a)
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
    episode.reference_root_quaternion[tick] = mixed[:, [3, 0, 1, 2]]  # xyzw in messages


def _stack(columns: Columns, prefix: str, axes: str) -> Array:
    return np.stack([columns[prefix + a] for a in axes], axis=1)
