"""What the motion side asks for at any moment, whatever it came from: words, a goal or a velocity."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import ConfigurationError

Array = NDArray[np.float64]

STILL = 0.05
"""Below this speed [m/s] or turn rate [rad/s] nothing is asked of the body."""


@dataclass(kw_only=True)
class MotionCommand:
    """A velocity command in the heading frame; all zero means to stand. Every field may be a batch, shape (...).

    Attributes:
        speed: forward speed, backward negative [m/s].
        lateral: sideways speed, left positive [m/s].
        yaw_rate: turn rate, left positive [rad/s].
    """

    speed: Array = field(default_factory=lambda: np.zeros(()))
    lateral: Array = field(default_factory=lambda: np.zeros(()))
    yaw_rate: Array = field(default_factory=lambda: np.zeros(()))


@dataclass(frozen=True, kw_only=True)
class Abilities:
    """What a policy was trained to follow, or a generator can make; commands are kept inside it.

    Attributes:
        min_speed: fastest backward walk, negative or 0 [m/s].
        max_speed: fastest forward [m/s].
        max_lateral: fastest side step, 0 where it cannot [m/s].
        max_yaw_rate: while walking [rad/s].
        max_turn_in_place: turn rate without walking, 0 where it cannot [rad/s].
    """

    min_speed: float = 0.0
    max_speed: float = 1.2
    max_lateral: float = 0.0
    max_yaw_rate: float = 0.4
    max_turn_in_place: float = 0.0

    @classmethod
    def from_training(cls, training: Mapping[str, Any]) -> "Abilities":
        """What a contract's training account says under "commands"; what it does not say keeps its default.

        Raises:
            ConfigurationError: a value is no number, or is negative where it must not be.
        """
        said = training.get("commands", {})
        known = {f.name for f in fields(cls)}
        values = {name: value for name, value in said.items() if name in known} if isinstance(said, Mapping) else {}
        for name, value in values.items():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not abs(value) < 100.0 or (value < 0.0 and name != "min_speed"):
                raise ConfigurationError(f"commands of the policy: got {name} = {value!r}, expected a number {'' if name == 'min_speed' else '>= 0'}")
        # The first policies state the slowest walk they practised, which is no backward walk.
        values["min_speed"] = min(values.get("min_speed", 0.0), 0.0)
        return cls(**{name: float(value) for name, value in values.items()})

    @property
    def backward(self) -> bool:
        """Whether it can walk backwards."""
        return self.min_speed < -STILL

    @property
    def sideways(self) -> bool:
        """Whether it can side step."""
        return self.max_lateral > STILL

    @property
    def turns_in_place(self) -> bool:
        """Whether it can turn on the spot."""
        return self.max_turn_in_place > STILL

    def keep(self, speed: float, lateral: float, yaw_rate: float) -> tuple[float, float, float]:
        """The nearest command inside the abilities: (speed, lateral, yaw_rate)."""
        speed = min(max(speed, self.min_speed), self.max_speed)
        lateral = min(max(lateral, -self.max_lateral), self.max_lateral)
        moving = abs(speed) > STILL or abs(lateral) > STILL
        turn = self.max_yaw_rate if moving else self.max_turn_in_place
        return speed, lateral, min(max(yaw_rate, -turn), turn)

    def describe(self) -> str:
        """The nearest things that can be asked for, in words."""
        able = ["stand", f"walk forward up to {self.max_speed:g} m/s", "walk in a curve or a circle"]
        able += [f"walk backward up to {-self.min_speed:g} m/s"] if self.backward else []
        able += ["side step"] if self.sideways else []
        able += ["turn on the spot" if self.turns_in_place else "turn while walking"]
        return ", ".join(able)
