"""Colours of muscles by activation: from dark blue through violet and orange to pale yellow.

The lightness rises all the way, and blue against orange is kept apart by every common kind of colour blindness, so the
order can be read by anyone and in grey print too.
"""

import numpy as np
from numpy.typing import NDArray

ANCHORS = ((0.16, 0.26, 0.52), (0.42, 0.36, 0.62), (0.78, 0.42, 0.42), (0.96, 0.62, 0.18), (1.00, 0.93, 0.62))
"""Red, green, blue (0..1) at activations evenly spaced from 0 to 1."""


def activation_colours(activation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Colours of activations; values outside 0..1 take the colour of the nearer end.

    Args:
        activation: shape (n,), 0..1.

    Returns:
        Red, green, blue, each 0..1; shape (n, 3).
    """
    at = np.linspace(0.0, 1.0, len(ANCHORS))
    return np.stack([np.interp(activation, at, channel) for channel in np.array(ANCHORS).T], axis=-1)
