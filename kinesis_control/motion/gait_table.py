"""The gait table of a body: joint angles over velocity and gait phase, read from a file that ships with the package.

`kinesis train gait` makes it from published gait figures and the body's own geometry; it holds no recorded motion.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import ConfigurationError, UnknownNameError

Array = NDArray[np.float64]
TABLES = Path(__file__).parent / "tables"
AXES = ("speed", "lateral", "turn")
CHANNELS = ("joint", "root_sway", "root_height", "contact")


STEPS = [np.arange(2).reshape([2 if i == k else 1 for k in range(3)]) for i in range(3)]  # to the far corner along each axis


class Sample(NamedTuple):
    """What a gait does at a velocity and a phase; the last axis holds joints, sway, height, contacts.

    Attributes:
        value: [rad], [m], [m], 0..1.
        slope: change per gait cycle.
        drift: change per second by the changing velocity alone.
    """

    value: Array
    slope: Array
    drift: Array


class Cell(NamedTuple):
    """The eight grid points around velocities of shape (..., 3).

    Attributes:
        row: of each point, shape (..., 8).
        weights: of the near and the far point along each axis, shape (3, ..., 2).
        slopes: change of the far point's weight per velocity, shape (3, ...).
    """

    row: NDArray[np.intp]
    weights: Array
    slopes: Array

    def weight(self, a: Array, b: Array, c: Array) -> Array:
        """Products of one factor for each axis, each of shape (..., 2); shape (..., 8)."""
        return (a[..., :, None, None] * b[..., None, :, None] * c[..., None, None, :]).reshape(self.row.shape)

    def change(self, acceleration: Array) -> Array:
        """Change of the eight weights per second, shape (..., 8), under an acceleration (..., 3)."""
        (a, b, c), total = self.weights, np.zeros(self.row.shape)
        for i in range(3):
            speed = (acceleration[..., i] * self.slopes[i])[..., None] * SIGNS
            total += self.weight(*(speed if i == k else w for k, w in enumerate((a, b, c))))
        return total


SIGNS = np.array([-1.0, 1.0])


@dataclass(frozen=True, kw_only=True)
class GaitTable:
    """Values over a grid of velocities and P phases of one cycle; phase 0 is right foot strike, velocity 0 is standing.

    Attributes:
        speed: shape (S,), forward, increasing [m/s]; lateral: (L,), left positive [m/s]; turn: (T,), left positive [rad/s].
        cycle_rate: shape (S, L, T), gait cycles per second; at velocity 0, those with which stepping begins.
        joint: shape (S, L, T, P, n_joints) [rad].
        root_sway: shape (S, L, T, P), lateral offset of the root from the path, left positive [m].
        root_height: shape (S, L, T, P) [m].
        contact: shape (S, L, T, P, n_contacts), 1 where loaded.
        joint_names: order of the joints.
    """

    speed: Array
    lateral: Array
    turn: Array
    cycle_rate: Array
    joint: Array
    root_sway: Array
    root_height: Array
    contact: Array
    joint_names: tuple[str, ...]

    @classmethod
    def load(cls, body: str, folder: Path = TABLES) -> "GaitTable":
        """Read the table of a body.

        Raises:
            UnknownNameError: no table for this body.
            ConfigurationError: the file is damaged.
        """
        path = folder / f"{body}.npz"
        if not path.is_file():
            raise UnknownNameError("gait table for body", body, sorted(p.stem for p in folder.glob("*.npz")))
        try:
            with np.load(path, allow_pickle=False) as file:
                names = tuple(str(n) for n in file["joint_names"])
                arrays = {key: file[key].astype(float) for key in (*AXES, "cycle_rate", *CHANNELS)}
        except (KeyError, ValueError, OSError) as error:
            raise ConfigurationError(f"gait table {path.name} cannot be read: {error}") from error
        return cls(joint_names=names, **arrays)

    @property
    def low(self) -> Array:
        """Least speed, lateral speed and turn rate of the grid; shape (3,)."""
        return np.array([getattr(self, axis)[0] for axis in AXES])

    @property
    def high(self) -> Array:
        """Greatest speed, lateral speed and turn rate of the grid; shape (3,)."""
        return np.array([getattr(self, axis)[-1] for axis in AXES])

    @property
    def standing(self) -> tuple[int, int, int]:
        """Where on the grid the body stands."""
        s, lateral, turn = (int(np.flatnonzero(getattr(self, axis) == 0.0)[0]) for axis in AXES)
        return s, lateral, turn

    @cached_property
    def _packed(self) -> Array:
        """Every channel and then its derivative over phase, in one array; shape (S * L * T, P, 2 * width)."""
        values = np.concatenate([self.joint, self.root_sway[..., None], self.root_height[..., None], self.contact], axis=-1)
        slope = 0.5 * values.shape[3] * (np.roll(values, -1, axis=3) - np.roll(values, 1, axis=3))
        both = np.concatenate([values, slope], axis=-1)
        return both.reshape(-1, *both.shape[3:])

    @cached_property
    def _axes(self) -> tuple[tuple[Array, Array, int], ...]:
        """Grid, 1 / spacing and the stride of its index among the rows, for each axis."""
        strides = (len(self.lateral) * len(self.turn), len(self.turn), 1)
        grids = tuple(getattr(self, axis) for axis in AXES)
        return tuple((g, 1.0 / np.diff(g), stride) for g, stride in zip(grids, strides, strict=True))

    def cell(self, velocity: Array) -> "Cell":
        """Where velocities, shape (..., 3), lie on the grid; outside of it, at its edge."""
        shape = velocity.shape[:-1]
        row = np.zeros((*shape, 1, 1, 1), dtype=np.intp)
        weights = np.empty((3, *shape, 2))
        slopes = np.empty((3, *shape))
        for i, (grid, inverse, stride) in enumerate(self._axes):
            x = np.minimum(np.maximum(velocity[..., i], grid[0]), grid[-1])
            low = grid[1:-1].searchsorted(x, side="right")
            slopes[i] = inverse[low]
            share = (x - grid[low]) * slopes[i]
            weights[i, ..., 0], weights[i, ..., 1] = 1.0 - share, share
            row = row + (low[..., None, None, None] + STEPS[i]) * stride
        return Cell(row.reshape(*shape, 8), weights, slopes)

    def rate(self, cell: "Cell") -> Array:
        """Gait cycles per second; shape (...)."""
        rates = self.cycle_rate.reshape(-1)[cell.row] * cell.weight(*cell.weights)
        return np.asarray(rates.sum(axis=-1))

    def sample(self, cell: "Cell", phase: Array, acceleration: Array | None = None) -> Sample:
        """Linear in velocity, cubic (Hermite) and periodic in phase, so that positions and their slopes are continuous.

        Args:
            phase: shape (...), any real number; whole cycles do not matter.
            acceleration: shape (..., 3), change of the velocity per second; for `drift`, which is zero without it.
        """
        packed, phases = self._packed, self._packed.shape[1]
        place = (phase - np.floor(phase)) * phases
        column = np.floor(place).astype(np.intp) % phases
        b = (place - np.floor(place))[..., None]
        columns = np.empty((*column.shape, 1, 2), dtype=np.intp)
        columns[..., 0, 0], columns[..., 0, 1] = column, (column + 1) % phases
        around = packed[cell.row[..., None], columns]  # (..., 8, 2, 2 * width)
        ends = np.einsum("...c,...cpw->...pw", cell.weight(*cell.weights), around)
        width = ends.shape[-1] // 2
        (v0, s0), (v1, s1) = ((ends[..., k, :width], ends[..., k, width:] / phases) for k in (0, 1))
        c2, c3 = 3.0 * (v1 - v0) - 2.0 * s0 - s1, 2.0 * (v0 - v1) + s0 + s1
        value = v0 + b * (s0 + b * (c2 + b * c3))
        slope = phases * (s0 + b * (2.0 * c2 + 3.0 * b * c3))
        drift = np.zeros_like(value)
        if acceleration is not None and acceleration.any():
            near = np.einsum("...c,...cpw->...pw", cell.change(acceleration), around[..., :width])
            drift = near[..., 0, :] * (1.0 - b) + near[..., 1, :] * b
        contact = value[..., -self.contact.shape[-1] :]
        np.minimum(np.maximum(contact, 0.0, out=contact), 1.0, out=contact)
        return Sample(value, slope, drift)
