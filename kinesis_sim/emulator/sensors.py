"""What the sensors of the emulated android make of the truth: noise, steps, drift, and NaN when one is dead."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import ConfigurationError

Array = NDArray[np.float64]
_MOST_DELAY = 400


@dataclass(frozen=True, kw_only=True)
class SensorConfig:
    """Quality of the sensors; a pair is the range from which each one draws its own.

    Attributes:
        pressure_step_pa, pressure_sigma_pa, pressure_drift_pa: resolution, noise, slow drift within a few minutes [Pa].
        length_sigma_m, tension_sigma_n: noise [m], [N]; joint_sigma_rad, rate_sigma_rad_s, contact_sigma_n: of the hub.
        supply_sigma_pa: noise of the supply sensor [Pa].
    """

    pressure_step_pa: float = 100.0
    pressure_sigma_pa: tuple[float, float] = (500.0, 1500.0)
    pressure_drift_pa: float = 1000.0
    length_sigma_m: float = 50e-6
    tension_sigma_n: float = 0.5
    joint_sigma_rad: float = 5e-4
    rate_sigma_rad_s: float = 5e-3
    contact_sigma_n: float = 2.0
    supply_sigma_pa: float = 2000.0

    def __post_init__(self) -> None:
        values = (self.pressure_drift_pa, self.length_sigma_m, self.tension_sigma_n, self.joint_sigma_rad, self.rate_sigma_rad_s, self.contact_sigma_n)
        low, high = self.pressure_sigma_pa
        if min(values) < 0.0 or not (0.0 <= low <= high and self.pressure_step_pa > 0.0 and self.supply_sigma_pa >= 0.0):
            raise ConfigurationError("sensors: expected noise and drift of at least 0, and a resolution above 0")


class SensorArray:
    """A row of equal sensors and what is wrong with some of them.

    Attributes:
        reading: the last sample; shape (n,).
    """

    def __init__(self, n: int, sigma: Array, rng: np.random.Generator, *, step: float = 0.0, drift: float = 0.0) -> None:
        self.reading = np.zeros(n)
        self._n, self._sigma, self._rng, self._step = n, sigma, rng, step
        self._drift = rng.uniform(-1.0, 1.0, n) * drift
        self._broken: dict[int, Callable[[float, float], float]] = {}
        self._swapped: dict[int, int] = {}

    def sample(self, truth: Array) -> Array:
        """Measure; returns `reading`."""
        out = self.reading
        noise = self._rng.standard_normal(self._n)
        noise *= self._sigma
        noise += self._drift
        if not self._broken and not self._swapped:
            np.add(truth, noise, out=out)
            if self._step:
                out /= self._step
                np.rint(out, out=out)
                out *= self._step
            return out
        before = out.copy()
        source = truth.copy()
        for place, other in self._swapped.items():
            source[place] = truth[other]
        np.add(source, noise, out=out)
        if self._step:
            out[:] = np.rint(out / self._step) * self._step
        for place, change in self._broken.items():
            out[place] = change(float(out[place]), float(before[place]))
        return out

    def mend(self, place: int) -> None:
        """The sensor is as good as new."""
        self._broken.pop(place, None)
        self._swapped.pop(place, None)

    def swap(self, place: int, other: int) -> None:
        """Two plugs exchanged."""
        self._swapped[place], self._swapped[other] = other, place

    def spoil(self, place: int, verb: str, value: float, dt_s: float) -> None:
        """Break a sensor. Verbs: off (NaN), stuck, garbage, wrong (+ value), slow (value: time constant [s]), delayed (value [s]),
        intermittent (value: share of samples that are lost).

        Raises:
            ConfigurationError: no such verb.
        """
        rng = self._rng
        if verb == "off":
            self._broken[place] = lambda now, before: float("nan")
        elif verb == "stuck":
            kept = value or float(self.reading[place])
            self._broken[place] = lambda now, before: kept
        elif verb == "garbage":
            self._broken[place] = lambda now, before: float(rng.uniform(-1.0, 1.0) * value)
        elif verb == "wrong":
            self._broken[place] = lambda now, before: now + value
        elif verb == "slow":
            share = min(1.0, dt_s / max(value, dt_s))
            self._broken[place] = lambda now, before: before + share * (now - before)
        elif verb == "delayed":
            line = [float(self.reading[place])] * max(1, min(_MOST_DELAY, round(value / dt_s)))
            self._broken[place] = lambda now, before: (line.append(now), line.pop(0))[1]
        elif verb == "intermittent":
            self._broken[place] = lambda now, before: float("nan") if rng.random() < value else now
        else:
            raise ConfigurationError(f"a sensor cannot be '{verb}'")
