"""What makes training bodies differ from the model: noisy sensors, late commands, other masses, strengths and floors. All off by default.

Pushes and noise on the excitations are part of the task (task.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyState
from kinesis_control.errors import ConfigurationError

Array = NDArray[np.float64]
Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class SensorNoise:
    """Standard deviations, redrawn every tick; the fields of BodyState that they are added to have the same names.

    Attributes:
        root_position: [m].
        root_quaternion: of the orientation, about every axis [rad].
        root_linear_velocity, root_angular_velocity: [m/s], [rad/s].
        joint_position, joint_velocity: [rad], [rad/s].
        muscle_length, muscle_velocity: [m], [m/s].
        muscle_activation: 0..1.
        contact_force: [N].
    """

    root_position: float = 0.0
    root_quaternion: float = 0.0
    root_linear_velocity: float = 0.0
    root_angular_velocity: float = 0.0
    joint_position: float = 0.0
    joint_velocity: float = 0.0
    muscle_length: float = 0.0
    muscle_velocity: float = 0.0
    muscle_activation: float = 0.0
    contact_force: float = 0.0

    def __post_init__(self) -> None:
        wrong = {name: value for name, value in vars(self).items() if not (np.isfinite(value) and value >= 0.0)}
        if wrong:
            raise ConfigurationError(f"sensor noise: got {wrong}, expected standard deviations of 0 or more")

    @classmethod
    def usual(cls, size: float = 1.0) -> "SensorNoise":
        """What inertial units, joint encoders and muscle sensors of an android have, times `size`."""
        return cls(
            root_position=0.005 * size, root_quaternion=0.01 * size, root_linear_velocity=0.03 * size, root_angular_velocity=0.03 * size,
            joint_position=0.005 * size, joint_velocity=0.05 * size, muscle_length=0.0005 * size, muscle_velocity=0.005 * size,
            muscle_activation=0.01 * size, contact_force=10.0 * size,
        )  # fmt: skip

    @property
    def any(self) -> bool:
        """Whether there is noise at all."""
        return any(value > 0.0 for value in vars(self).values())

    def apply(self, state: BodyState, out: BodyState, rng: np.random.Generator) -> None:
        """Fill `out` with `state` and noise on it."""
        for name, array in state.arrays().items():
            sigma, target = getattr(self, name, 0.0), getattr(out, name)
            half = 0.5 if name == "root_quaternion" else 1.0  # a small turn changes a quaternion by half of its angle
            target[...] = array + half * sigma * rng.standard_normal(array.shape) if sigma > 0.0 else array
        if self.root_quaternion > 0.0:
            out.root_quaternion /= np.sqrt((out.root_quaternion**2).sum(axis=-1, keepdims=True))
        if self.contact_force > 0.0:
            np.maximum(out.contact_force, 0.0, out=out.contact_force)


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """How the bodies of a batch differ from the model, drawn anew for each episode.

    Attributes:
        noise: of the sensors.
        delay_s: least and greatest delay of the loop, of sensing, computing and acting together [s]; whole physics steps.
        mass: least and greatest factor on every mass and inertia.
        strength: the same on the force of each muscle, drawn muscle by muscle.
        friction: the same on the friction of every geom.
        variants: number of different bodies that masses, strengths and friction are drawn for, once; each costs one model in memory
            (28 MB for legs80), and an episode gets one of them.
    """

    noise: SensorNoise = field(default_factory=SensorNoise)
    delay_s: Range = (0.0, 0.0)
    mass: Range = (1.0, 1.0)
    strength: Range = (1.0, 1.0)
    friction: Range = (1.0, 1.0)
    variants: int = 8

    def __post_init__(self) -> None:
        for name in ("delay_s", "mass", "strength", "friction"):
            low, high = getattr(self, name)
            if not (np.isfinite(low) and np.isfinite(high) and 0.0 <= low <= high) or (name != "delay_s" and low == 0.0):
                raise ConfigurationError(f"disturbance: got {name} = ({low!r}, {high!r}), expected a least and a greatest value, neither negative")
        if self.variants < 1:
            raise ConfigurationError(f"disturbance: got {self.variants} variants, expected at least 1")

    @classmethod
    def usual(cls, size: float = 1.0) -> "Disturbance":
        """A practical amount of everything, times `size` (0 to 2): 10 % of mass, 20 % of strength, 30 % of friction, up to 15 ms, SensorNoise.usual.

        Raises:
            ConfigurationError: the size is out of its range.
        """
        if not 0.0 <= size <= 2.0:
            raise ConfigurationError(f"disturbance: got a size of {size!r}, expected 0 (none) to 2 (twice the usual)")
        around = {name: (1.0 - share * size, 1.0 + share * size) for name, share in (("mass", 0.1), ("strength", 0.2), ("friction", 0.3))}
        return cls(noise=SensorNoise.usual(size), delay_s=(0.0, 0.015 * size), **around)

    @property
    def other_bodies(self) -> bool:
        """Whether bodies differ in mass, strength or friction."""
        return any(getattr(self, name) != (1.0, 1.0) for name in ("mass", "strength", "friction"))

    def make_models(self, model: mujoco.MjModel, rng: np.random.Generator) -> list[mujoco.MjModel]:
        """Variants of a model; the model itself where bodies do not differ."""
        return [self._variant(model, rng) for _ in range(self.variants)] if self.other_bodies else [model]

    def _variant(self, model: mujoco.MjModel, rng: np.random.Generator) -> mujoco.MjModel:
        variant = model.__copy__()
        factor = rng.uniform(*self.mass)
        variant.body_mass *= factor
        variant.body_inertia *= factor
        strength = rng.uniform(*self.strength, model.nu)
        variant.actuator_gainprm[:, 2] *= strength
        variant.actuator_biasprm[:, 2] *= strength
        factor = rng.uniform(*self.friction)
        variant.geom_friction *= factor
        variant.pair_friction *= factor
        mujoco.mj_setConst(variant, mujoco.MjData(variant))  # what MuJoCo derives from masses
        return variant


class LateCommands:
    """The last commands of each member, and which of them is in force at each physics step of a tick."""

    def __init__(self, n: int, muscles: int, substeps: int, physics_dt: float, delay_s: Range) -> None:
        self.steps = tuple(round(d / physics_dt) for d in delay_s)
        self.substeps = substeps
        self.delay = np.zeros(n, dtype=np.intp)
        self.history = np.zeros((n, -(-self.steps[1] // substeps) + 1, muscles))
        self._member = np.arange(n)[:, None]

    def reset(self, which: Sequence[int] | NDArray[np.intp], held: Array, rng: np.random.Generator) -> None:
        """New episodes: another delay, and `held`, shape (k, n_muscles), in force until the first command arrives."""
        self.delay[which] = rng.integers(self.steps[0], self.steps[1] + 1, len(which))
        self.history[which] = held[:, None, :]

    def pass_on(self, command: Array) -> Array:
        """Take in this tick's command (n, n_muscles); gives what is in force at each physics step, shape (n, substeps, n_muscles)."""
        self.history[:, 1:] = self.history[:, :-1].copy()
        self.history[:, 0] = command
        behind = self.delay[:, None] - np.arange(self.substeps)
        return self.history[self._member, np.maximum(-(-behind // self.substeps), 0)]
