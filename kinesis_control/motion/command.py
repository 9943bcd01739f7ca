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
        creep: fastest of slow steps that go any way at once: ahead (backward half as fast), aside [m/s], turning [rad/s]; three
            zeros where none were practised. They end the way to a place exactly.
    """

    min_speed: float = 0.0
    max_speed: float = 1.2
    max_lateral: float = 0.0
    max_yaw_rate: float = 0.4
    max_turn_in_place: float = 0.0
    creep: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @classmethod
    def from_training(cls, training: Mapping[str, Any]) -> "Abilities":
        """What a contract's training account says under "commands"; what it does not say keeps its default.

        Raises:
            ConfigurationError: a value is no number, or is negative where it must not be.
        """
        said = training.get("commands", {})
        known = {f.name for f in fields(cls)} - {"creep"}
        values = {name: value for name, value in said.items() if name in known} if isinstance(said, Mapping) else {}
        for name, value in values.items():
            if not _is_number(value) or (value < 0.0 and name != "min_speed"):
                raise ConfigurationError(f"commands of the policy: got {name} = {value!r}, expected a number {'' if name == 'min_speed' else '>= 0'}")
        creep = said.get("creep", [0.0] * 3) if isinstance(said, Mapping) else [0.0] * 3
        if not isinstance(creep, list | tuple) or len(creep) != 3 or not all(_is_number(value) and value >= 0.0 for value in creep):
            raise ConfigurationError(f"commands of the policy: got creep = {creep!r}, expected three numbers >= 0: ahead, aside, turning")
        # The first policies state the slowest walk they practised, which is no backward walk.
        values["min_speed"] = min(values.get("min_speed", 0.0), 0.0)
        ahead, aside, turning = (float(value) for value in creep)
        return cls(**{name: float(value) for name, value in values.items()}, creep=(ahead, aside, turning))

    def within(self, other: "Abilities") -> "Abilities":
        """What can be done where both must agree: the policy that follows, and the source that makes what it follows."""
        ahead, aside, turning = (min(a, b) for a, b in zip(self.creep, other.creep, strict=True))
        return Abilities(
            min_speed=max(self.min_speed, other.min_speed), max_speed=min(self.max_speed, other.max_speed),
            max_lateral=min(self.max_lateral, other.max_lateral), max_yaw_rate=min(self.max_yaw_rate, other.max_yaw_rate),
            max_turn_in_place=min(self.max_turn_in_place, other.max_turn_in_place), creep=(ahead, aside, turning),
        )  # fmt: skip

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

    @property
    def creeps(self) -> bool:
        """Whether it can make slow steps any way at once."""
        return min(self.creep) > STILL

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


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 100.0
