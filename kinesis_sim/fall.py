"""When a body counts as fallen: too low, too tilted, or carried by something other than its feet."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyDescription, BodyState
from kinesis_control.errors import ConfigurationError

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class FallLimits:
    """Limits of being upright.

    Attributes:
        height_fraction: root height over standing height below which a body has fallen; 0..1. Walking keeps the root
            above 0.9 and a deep squat near 0.65, so 0.6 needs a real collapse.
        tilt: angle between base_link z and the vertical above which a body has fallen [rad]; 0..pi. Nobody recovers
            from 60 degrees by muscle alone.
        other_support: force on anything but the feet above which a body has fallen [N]; above zero, because a brush of the floor
            by a swinging shank is not a fall.
    """

    height_fraction: float = 0.6
    tilt: float = np.pi / 3
    other_support: float = 20.0

    def __post_init__(self) -> None:
        in_range = 0.0 <= self.height_fraction <= 1.0 and 0.0 < self.tilt <= np.pi and self.other_support > 0.0
        if not in_range:
            raise ConfigurationError(f"fall limits need 0 <= height_fraction <= 1, 0 < tilt <= pi, other_support > 0; got {self}")


class FallDetector:
    """Decides on one body or on a batch; `fallen` latches until `reset`."""

    def __init__(self, body: BodyDescription, limits: FallLimits | None = None) -> None:
        self.limits = limits or FallLimits()
        self._lowest = self.limits.height_fraction * body.standing_height
        self._upright = float(np.cos(self.limits.tilt))
        self.fallen = False

    def reset(self) -> None:
        """Forget the latched fall."""
        self.fallen = False

    def update(self, state: BodyState, floor_force: float) -> bool:
        """Look at one body; true from the first fall until `reset`.

        Args:
            state: unbatched state.
            floor_force: vertical force of the floor on the whole body [N].
        """
        if not self.fallen:
            _, x, y, _ = state.root_quaternion.tolist()
            other = floor_force - sum(state.contact_force.tolist())
            self.fallen = bool(self._is_down(state.root_position.item(2), 1.0 - 2.0 * (x * x + y * y), other))
        return self.fallen

    def down(self, state: BodyState, floor_force: Array) -> NDArray[np.bool_]:
        """Which members of a batch are down at this instant, without latching; shape (...)."""
        x, y = state.root_quaternion[..., 1], state.root_quaternion[..., 2]
        other = floor_force - state.contact_force.sum(axis=-1)
        return self._is_down(state.root_position[..., 2], 1.0 - 2.0 * (x * x + y * y), other)

    def _is_down(self, height: Any, up: Any, other: Any) -> Any:
        """The three criteria, on floats or arrays; `up` is the z component of base_link's z axis."""
        return (height < self._lowest) | (up < self._upright) | (other > self.limits.other_support)
