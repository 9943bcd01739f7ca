"""From an excitation to a pressure: the policy's own muscle model gives a force, the artificial muscle gives the pressure for it.

The policy's muscle is the Hill-type one of MuJoCo (https://mujoco.readthedocs.io, "Muscles"), written out here because this side
has no MuJoCo: F = F0 (a f_L(L) f_V(V) + f_P(L)), with the normalised length L and velocity V. On a robot the activation filter is
dropped: the excitation stands for the activation, and filling and emptying take the filter's place.

The artificial muscle is a bundle of McKibben tubes: F = n pi r0^2 p (a (1 - k eps)^2 - b), a = 3 / tan^2 alpha0, b = 1 / sin^2 alpha0,
eps its contraction (Tondu and Lopez 2000). Pressure for a force is a division.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import ConfigurationError, LayoutError
from kinesis_control.muscles import MuscleLayout

Array = NDArray[np.float64]

ALPHA0_RAD = np.deg2rad(24.0)
"""Angle of the braid at rest."""
BRAID_K = 1.25
"""Correction for the rounded ends: 29 % of stroke at 24 degrees."""
TUBE_RADIUS_M = 1.6e-3
"""51 N a tube at rest and 7 bar."""
_A, _B = 3.0 / np.tan(ALPHA0_RAD) ** 2, 1.0 / np.sin(ALPHA0_RAD) ** 2
STROKE = float((1.0 - np.sqrt(_B / _A)) / BRAID_K)
"""Contraction at which no force is left."""

_EPS = 1e-15


@dataclass(frozen=True, kw_only=True)
class HillTable:
    """Parameters of the policy's muscles, one value a muscle; a body provides them.

    Attributes:
        layout_hash: of the order of the arrays.
        peak_force: F0; shape (n,) [N].
        optimal_length: length between normalised 0 and 1, L0; shape (n,) [m].
        tendon_length: musculotendon length at normalised length 0; shape (n,) [m].
        lmin, lmax: normalised lengths at which the active force ends; shape (n,).
        vmax: shortening velocity without force, in L0 a second; shape (n,).
        fpmax: passive force at lmax, in F0; fvmax: active force at large lengthening velocity, in F0; shape (n,).
        length_low, length_high: range of the musculotendon length; shape (n,) [m].
    """

    layout_hash: str
    peak_force: Array
    optimal_length: Array
    tendon_length: Array
    lmin: Array
    lmax: Array
    vmax: Array
    fpmax: Array
    fvmax: Array
    length_low: Array
    length_high: Array

    @cached_property
    def per_length(self) -> Array:
        """1 / L0."""
        return 1.0 / self.optimal_length

    @cached_property
    def per_velocity(self) -> Array:
        """1 / (L0 vmax)."""
        return 1.0 / (self.optimal_length * self.vmax)

    @cached_property
    def per_rise(self) -> Array:
        """1 / (1 - lmin)."""
        return 1.0 / np.maximum(_EPS, 1.0 - self.lmin)

    @cached_property
    def per_fall(self) -> Array:
        """1 / (lmax - 1)."""
        return 1.0 / np.maximum(_EPS, self.lmax - 1.0)

    @cached_property
    def per_stretch(self) -> Array:
        """2 / (lmax - 1)."""
        return 2.0 * self.per_fall

    @cached_property
    def lengthening(self) -> Array:
        """y = fvmax - 1."""
        return self.fvmax - 1.0

    @cached_property
    def per_lengthening(self) -> Array:
        """1 / y."""
        return 1.0 / np.maximum(_EPS, self.lengthening)

    def save(self, path: Path) -> None:
        """Write the table as a npz file."""
        np.savez(path, **{name: getattr(self, name) for name in self.__dataclass_fields__})

    @classmethod
    def load(cls, path: Path, layout: MuscleLayout) -> "HillTable":
        """Read a table.

        Raises:
            ConfigurationError: not such a file.
            LayoutError: made for another muscle order.
        """
        try:
            with np.load(path) as data:
                values = {name: data[name] for name in cls.__dataclass_fields__}
        except (OSError, KeyError, ValueError) as error:
            raise ConfigurationError(f"muscle table '{path}' cannot be read: {error}") from error
        found = str(values.pop("layout_hash"))
        if found != layout.hash:
            raise LayoutError(f"muscle table '{path}' is for layout {found}, expected {layout.hash}")
        return cls(layout_hash=found, **values)


def hill_force(table: HillTable, activation: Array, length: Array, velocity: Array) -> Array:
    """Force of each muscle [N], never negative; shape (n,).

    Args:
        activation: 0..1, shape (n,).
        length, velocity: of the musculotendon, lengthening positive; shape (n,) [m], [m/s].
    """
    norm_length = (length - table.tendon_length) * table.per_length
    force = force_length(table, norm_length)
    force *= force_velocity(table, velocity * table.per_velocity)
    force *= activation
    force += passive_force(table, norm_length)
    force *= table.peak_force
    return force


def force_length(table: HillTable, norm_length: Array) -> Array:
    """f_L: 0 at lmin, 1 at 1, 0 at lmax, with two parabolas on each side.

    With u from 0 at either end to 1 in the middle: 2 u^2 up to u = 1/2, then 1 - 2 (1 - u)^2.
    """
    u = np.minimum((norm_length - table.lmin) * table.per_rise, (table.lmax - norm_length) * table.per_fall)
    np.maximum(u, 0.0, out=u)
    near = np.minimum(u, 1.0 - u)
    near *= 2.0 * near
    return np.where(u <= 0.5, near, 1.0 - near)


def force_velocity(table: HillTable, norm_velocity: Array) -> Array:
    """f_V: (v + 1)^2 while it shortens, fvmax - (y - v)^2 / y up to y = fvmax - 1, fvmax beyond, 0 below -1."""
    shortening = np.clip(norm_velocity, -1.0, 0.0)
    shortening += 1.0
    shortening *= shortening
    rest = table.lengthening - np.clip(norm_velocity, 0.0, table.lengthening)
    rest *= rest
    rest *= table.per_lengthening
    shortening -= rest
    shortening += table.lengthening  # at v <= 0 the last two add up to nothing
    return shortening


def passive_force(table: HillTable, norm_length: Array) -> Array:
    """f_P: 0 up to 1, then quadratic up to the middle between 1 and lmax, then straight."""
    z = np.maximum(norm_length - 1.0, 0.0)
    z *= table.per_stretch
    bent = np.minimum(z, 1.0)
    z -= bent
    bent *= bent
    bent *= 0.5
    z += bent
    z *= table.fpmax
    return z


@dataclass(frozen=True, kw_only=True)
class McKibbenBundle:
    """The artificial muscles, one value a muscle.

    Attributes:
        rest_length: length without contraction; shape (n,) [m].
        tendon_length: inelastic rest of the musculotendon length; shape (n,) [m].
        area: n pi r0^2 of the bundle; shape (n,) [m^2].
        full_pressure_pa: pressure of full strength; shape (n,) [Pa].
    """

    rest_length: Array
    tendon_length: Array
    area: Array
    full_pressure_pa: Array

    @classmethod
    def for_table(cls, table: HillTable, *, full_pressure_pa: float = 700e3, used_stroke: float = 0.22, strength: float = 1.0) -> "McKibbenBundle":
        """Bundles that can stand in for the muscles of a table.

        The range of lengths takes `used_stroke` of the artificial muscle (below STROKE), with its longest length at rest; the
        number of tubes gives `strength` times the peak force in the middle of that range.
        """
        if not 0.0 < used_stroke < STROKE or strength <= 0.0:
            raise ConfigurationError(f"got used_stroke {used_stroke} and strength {strength}, expected 0 to {STROKE:.3f} and above 0")
        rest = (table.length_high - table.length_low) / used_stroke
        shape = _shape(np.array(0.5 * used_stroke))
        n_tubes = np.maximum(1.0, np.ceil(strength * table.peak_force / (np.pi * TUBE_RADIUS_M**2 * full_pressure_pa * shape)))
        return cls(
            rest_length=rest, tendon_length=table.length_high - rest, area=n_tubes * np.pi * TUBE_RADIUS_M**2,
            full_pressure_pa=np.full(len(rest), full_pressure_pa),
        )  # fmt: skip

    def contraction(self, length: Array) -> Array:
        """eps at a musculotendon length; negative when it is stretched beyond rest."""
        return 1.0 - (length - self.tendon_length) / self.rest_length

    def force_per_pa(self, length: Array) -> Array:
        """Static force per pressure at a musculotendon length; 0 where it is as short as it gets; shape (n,) [N/Pa]."""
        return self.area * _shape(self.contraction(length))


def _shape(contraction: Array) -> Array:
    """a (1 - k eps)^2 - b on its falling branch; stretched beyond rest it stays what it is at rest, for safety."""
    eps = np.clip(contraction, 0.0, 1.0 / BRAID_K)
    shape: Array = np.maximum(_A * (1.0 - BRAID_K * eps) ** 2 - _B, 0.0)
    return shape


class ExcitationToPressure:
    """Equal force: what the policy's muscle would give, the artificial one is to give.

    Attributes:
        pressure_pa: result; shape (n,) [Pa].
        saturated: muscles that cannot give the force; shape (n,).
        shortfall: force that is missing, as a share of the peak force; shape (n,).
        force_per_pa: of the last conversion; shape (n,) [N/Pa].
    """

    def __init__(self, table: HillTable, bundle: McKibbenBundle) -> None:
        n = len(table.peak_force)
        if len(bundle.area) != n:
            raise LayoutError(f"got {len(bundle.area)} artificial muscles, expected {n}")
        self._table, self._bundle = table, bundle
        self.pressure_pa, self.shortfall, self.force_per_pa = np.zeros(n), np.zeros(n), np.zeros(n)
        self.saturated = np.zeros(n, dtype=bool)

    def convert(self, excitation: Array, length: Array, velocity: Array) -> Array:
        """Pressures for `excitation` (0..1) at musculotendon `length` [m] and `velocity` [m/s]; returns `pressure_pa`."""
        wanted = hill_force(self._table, excitation, length, velocity)
        self.force_per_pa[:] = self._bundle.force_per_pa(length)
        full = self._bundle.full_pressure_pa
        self.pressure_pa.fill(0.0)
        np.divide(wanted, self.force_per_pa, out=self.pressure_pa, where=self.force_per_pa > 0.0)
        np.copyto(self.pressure_pa, full, where=(self.force_per_pa <= 0.0) & (wanted > 0.0))
        np.minimum(self.pressure_pa, full, out=self.pressure_pa)
        np.subtract(wanted, self.pressure_pa * self.force_per_pa, out=self.shortfall)
        self.shortfall /= self._table.peak_force
        np.greater(self.shortfall, 1e-6, out=self.saturated)
        return self.pressure_pa
