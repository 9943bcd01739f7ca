"""Intervals for shares and means: small samples, exact quantiles, seeded resampling."""

import math

import numpy as np
from numpy.typing import NDArray

from kinesis_control.evaluate.figure import Figure

Array = NDArray[np.float64]

BOUNDS = {"share": (0.0, 1.0), "r": (-1.0, 1.0), "kappa": (-1.0, 1.0), "p": (0.0, 1.0)}
AMOUNTS = ("m", "m/s", "mm", "s", "rad", "rad/s", "rad/s^3", "1/s", "W/kg", "J/m", "J/(kg m)", "share of range")
"""Units of quantities that are amounts: where no value is below 0, their mean cannot be."""

Z95 = 1.959963984540054
"""97.5 % quantile of the normal distribution."""


def wilson_interval(successes: int, n: int, z: float = Z95) -> tuple[float, float]:
    """Interval of a share by Wilson's score (1927).

    Raises:
        ValueError: n is below 1 or the successes are not in 0..n.
    """
    if not (n >= 1 and 0 <= successes <= n):
        raise ValueError(f"got {successes} of {n}, expected 0 <= successes <= n and n >= 1")
    p = successes / n
    centre, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # At 0 and n a bound is the share itself; rounding must not push it past.
    return (0.0 if successes == 0 else (centre - half) / (1 + z * z / n)), (1.0 if successes == n else (centre + half) / (1 + z * z / n))


def t_probability(t: float, df: int) -> float:
    """P(|T| <= t) of Student's distribution with a whole number of degrees of freedom (Abramowitz & Stegun 26.7.3, 26.7.4)."""
    theta = math.atan(t / math.sqrt(df))
    cosine, sine = math.cos(theta), math.sin(theta)
    term, total = (cosine, cosine) if df % 2 else (1.0, 1.0)
    for k in range(2 if df % 2 else 1, df - 2, 2):
        term *= cosine * cosine * k / (k + 1)
        total += term
    if df == 1:
        return 2.0 * theta / math.pi
    return 2.0 / math.pi * (theta + sine * total) if df % 2 else sine * total


def t_quantile(df: int, share: float = 0.95) -> float:
    """The t with P(|T| <= t) = share, by bisection; df at least 1."""
    if df > 200:
        # From here on the series is long and the next term of the Cornish-Fisher expansion is below 1e-5.
        z = Z95 if share == 0.95 else t_quantile(200, share)
        return z + (z**3 + z) / (4 * df)
    low, high = 0.0, 1.0
    while t_probability(high, df) < share:
        high *= 2.0
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if t_probability(middle, df) < share else (low, middle)
    return 0.5 * (low + high)


def mean_interval(values: Array) -> tuple[float, float] | None:
    """95 % t interval of the mean of independent values, shape (n,); None below two values. NaN is left out."""
    known = values[np.isfinite(values)]
    if known.size < 2:
        return None
    half = t_quantile(known.size - 1) * float(known.std(ddof=1)) / math.sqrt(known.size)
    return float(known.mean()) - half, float(known.mean()) + half


def bootstrap_interval(values: Array, *, seed: int = 0, resamples: int = 10_000) -> tuple[float, float] | None:
    """95 % percentile interval of the mean by seeded resampling, for values that are far from normal; None below two.
    NaN is left out.

    Args:
        values: shape (n,).
        seed: of the resampling: the same values and seed give the same interval.
        resamples: how many.
    """
    known = values[np.isfinite(values)]
    if known.size < 2:
        return None
    generator = np.random.default_rng(seed)
    means = np.array([known[generator.integers(0, known.size, known.size)].mean() for _ in range(resamples)])
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def share_figure(name: str, successes: int, n: int, *, note: str = "", why: str = "nothing to count") -> Figure:
    """A share with its Wilson interval; missing for the reason `why` when there is nothing to count."""
    if n == 0:
        return Figure.absent(name, "share", why)
    return Figure(name=name, value=successes / n, unit="share", interval=wilson_interval(successes, n), n=n, note=note)


def mean_figure(name: str, values: Array, unit: str, *, note: str = "", why: str = "nothing to average") -> Figure:
    """The mean of the finite values with its t interval; missing for the reason `why` without any."""
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    if not known.size:
        return Figure.absent(name, unit, why)
    interval = mean_interval(known)
    return Figure(name=name, value=float(known.mean()), unit=unit, interval=interval and within_bounds(interval, known, unit), n=known.size, note=note)


def within_bounds(interval: tuple[float, float], values: Array, unit: str) -> tuple[float, float]:
    """An interval cut off where no mean of such a quantity can lie: shares in 0..1, correlations in -1..1, amounts of one sign at 0."""
    least, most = BOUNDS.get(unit, (0.0 if unit in AMOUNTS and values.min() >= 0.0 else -math.inf, math.inf))
    return max(interval[0], least), min(interval[1], most)
