"""What the motion side asks for at any moment, whatever it came from: words, a goal or a velocity."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(kw_only=True)
class MotionCommand:
    """A velocity command; zero means to stand. Every field may be a batch, shape (...).

    Attributes:
        speed: forward speed in the heading frame [m/s].
        yaw_rate: turn rate, left positive [rad/s].
    """

    speed: Array = field(default_factory=lambda: np.zeros(()))
    yaw_rate: Array = field(default_factory=lambda: np.zeros(()))
