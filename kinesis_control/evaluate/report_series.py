"""What plots need of an episode of any length: every n-th tick of a few columns, never more than a few thousand points."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kinesis_control.evaluate.episode import Episode
from kinesis_control.evaluate.imitation import key_body_errors

Array = NDArray[np.float64]

MOST_POINTS = 3000

CLOSE_UP_TICKS = 320
"""Ticks kept at full rate, the last ones before the end or the fall: 8 s at 40 Hz."""


@dataclass(kw_only=True)
class PlotSeries:
    """Thinned columns over time; grows with `update`, halves its density when it is full.

    Attributes:
        every: one of so many ticks is kept.
        columns: "time_s" (n,), "position" and "reference_position" (n, 3), "speed" and "reference_speed" (n,), "command" (n, 3),
            "joints" and "reference_joints" (n, n_joints), "load" and "reference_contact" (n, n_contacts), "body_error" (n,), "effort" (n,), "fallen" (n,),
            "key_height" and "reference_key_height" (n, n_key_bodies).
        close_up: the same columns, at full rate, of the last ticks before the end or the first fall.
    """

    every: int = 1
    columns: dict[str, Array] = field(default_factory=dict)
    close_up: dict[str, Array] = field(default_factory=dict)
    _seen: int = 0
    _begin_ns: int | None = None

    def update(self, chunk: Episode) -> None:
        """Take in the next ticks."""
        if self._begin_ns is None and len(chunk):
            self._begin_ns = int(chunk.stamp_ns[0])
        self._look_closely(chunk)
        first = -self._seen % self.every
        self._seen += len(chunk)
        thin = chunk.slice(first, len(chunk)).downsample(self.every)
        if not len(thin):
            return
        self.columns = _joined(self.columns, _columns(thin, self._begin_ns or 0))
        while len(self.columns["time_s"]) > MOST_POINTS:
            self.every *= 2
            self.columns = {name: values[::2] for name, values in self.columns.items()}

    def _look_closely(self, chunk: Episode) -> None:
        if self.close_up and self.close_up["fallen"][-1] > 0.0:
            return
        falls = np.flatnonzero(chunk.fallen)
        upright = chunk.slice(0, int(falls[0]) + 1) if falls.size else chunk
        last = upright.slice(len(upright) - CLOSE_UP_TICKS, len(upright))
        if len(last):
            self.close_up = {n: v[-CLOSE_UP_TICKS:] for n, v in _joined(self.close_up, _columns(last, self._begin_ns or 0)).items()}

    def __len__(self) -> int:
        return len(self.columns.get("time_s", ()))


def _joined(before: dict[str, Array], added: dict[str, Array]) -> dict[str, Array]:
    return {name: np.concatenate([before[name], values]) if before else values for name, values in added.items()}


def _columns(e: Episode, begin_ns: int) -> dict[str, Array]:
    world, _ = key_body_errors(e)
    return {
        "time_s": 1e-9 * (e.stamp_ns - begin_ns),
        "position": e.root_position.copy(),
        "reference_position": e.reference_root_position.copy(),
        "speed": np.linalg.norm(e.root_linear_velocity[:, :2], axis=1),
        "reference_speed": np.linalg.norm(e.reference_root_linear_velocity[:, :2], axis=1),
        "command": e.velocity_command.copy(),
        "joints": e.joint_position.copy(),
        "reference_joints": e.reference_joint_position.copy(),
        "load": e.contact_force.copy(),
        "reference_contact": e.reference_contact.copy(),
        "body_error": world.mean(axis=1) if world.shape[1] else np.full(len(e), np.nan),
        "effort": e.excitation.mean(axis=1),
        "fallen": e.fallen.astype(float),
        "key_height": e.key_body_position[:, :, 2].copy(),
        "reference_key_height": e.reference_key_body_position[:, :, 2].copy(),
    }
