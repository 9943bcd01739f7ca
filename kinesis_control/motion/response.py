"""How the reference's velocity answers a command: a ramp, smoothed by a first-order lag. Closed form, so that the future is exact."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Response(NamedTuple):
    """The velocity after some time; every field has shape (...).

    Attributes:
        ramp: the command after the limit on acceleration.
        velocity: what the reference does; its derivative is continuous.
        acceleration: its derivative.
        travelled: its integral since the start.
    """

    ramp: Array
    velocity: Array
    acceleration: Array
    travelled: Array


def respond(ramp: Array, velocity: Array, command: Array, *, limit: Array, lag: float, t: Array | float) -> Response:
    """Follow a command for a time t >= 0.

    Args:
        ramp, velocity: now; shape (...).
        command: held over t; shape (...).
        limit: greatest change of the ramp per second; shape (...).
        lag: time constant with which the velocity follows the ramp [s].
        t: [s].
    """
    slope = np.sign(command - ramp) * limit
    until = np.minimum(np.abs(command - ramp) / limit, t)  # as long as the ramp rises
    rest = t - until
    end = ramp + slope * until
    at_end = end - slope * lag + (velocity - ramp + slope * lag) * np.exp(-until / lag)
    new = end + (at_end - end) * np.exp(-rest / lag)
    # velocity = ramp - lag * acceleration, so its integral is that of the ramp less lag * (change of velocity).
    travelled = ramp * until + 0.5 * slope * until**2 + end * rest - lag * (new - velocity)
    return Response(end, new, (end - new) / lag, travelled)
