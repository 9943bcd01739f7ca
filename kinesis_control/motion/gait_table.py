"""The walking table of a body: joint angles over speed and gait phase, read from a file that ships with the package.

`kinesis train gait` makes it from published gait figures and the body's own geometry; it holds no recorded motion.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import ConfigurationError, UnknownNameError

Array = NDArray[np.float64]
TABLES = Path(__file__).parent / "tables"
CHANNELS = ("joint", "root_sway", "root_height", "contact")


@dataclass(frozen=True, kw_only=True)
class GaitTable:
    """Values over S speeds and P phases of one cycle; phase 0 is right heel strike, speed 0 is standing.

    Attributes:
        speed: shape (S,), increasing from 0 [m/s].
        cycle_rate: shape (S,), gait cycles per second.
        joint: shape (S, P, n_joints) [rad].
        root_sway: shape (S, P), lateral offset of the root from the path, left positive [m].
        root_height: shape (S, P) [m].
        contact: shape (S, P, n_contacts), 1 where loaded.
        joint_names: order of the joints.
    """

    speed: Array
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
                arrays = {key: file[key].astype(float) for key in ("speed", "cycle_rate", *CHANNELS)}
        except (KeyError, ValueError, OSError) as error:
            raise ConfigurationError(f"gait table {path.name} cannot be read: {error}") from error
        return cls(joint_names=names, **arrays)

    @property
    def top_speed(self) -> float:
        """Highest speed of the table [m/s]."""
        return float(self.speed[-1])

    @cached_property
    def _packed(self) -> Array:
        """Every channel and then its derivative over phase, in one array; shape (S, P, 2 * width)."""
        values = np.concatenate([self.joint, self.root_sway[..., None], self.root_height[..., None], self.contact], axis=-1)
        slope = 0.5 * values.shape[1] * (np.roll(values, -1, axis=1) - np.roll(values, 1, axis=1))
        return np.concatenate([values, slope], axis=-1)

    def rate(self, speed: Array) -> Array:
        """Gait cycles per second at each speed; same shape as `speed`."""
        return np.interp(speed, self.speed, self.cycle_rate)

    def sample(self, speed: Array, phase: Array) -> tuple[Array, Array]:
        """Values and phase derivatives by bilinear interpolation, periodic in phase.

        Args:
            speed: shape (...), clipped to the table [m/s].
            phase: shape (...), any real number; whole cycles do not matter.

        Returns:
            values, slopes: shape (..., n_joints + 2 + n_contacts): joints, sway, height, contacts.
        """
        packed, phases = self._packed, self._packed.shape[1]
        speed = np.clip(speed, self.speed[0], self.speed[-1])
        row = np.clip(np.searchsorted(self.speed, speed, side="right") - 1, 0, len(self.speed) - 2)
        a = ((speed - self.speed[row]) / (self.speed[row + 1] - self.speed[row]))[..., None]
        place = (phase - np.floor(phase)) * phases
        column = place.astype(np.intp) % phases
        b = (place - np.floor(place))[..., None]
        after = (column + 1) % phases
        low = packed[row, column] * (1.0 - b) + packed[row, after] * b
        high = packed[row + 1, column] * (1.0 - b) + packed[row + 1, after] * b
        both = low * (1.0 - a) + high * a
        width = both.shape[-1] // 2
        return both[..., :width], both[..., width:]
