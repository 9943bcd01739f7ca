"""Valves, pressures, supply and tension of the artificial muscles, as vectors over the muscles (docs/robot/emulator.md).

    valve       u -> delay (1-3 ms) -> second order (2-5 ms) -> opening s in -1 (outlet) .. 1 (inlet)
    pressure    dp/dt = max(s, 0) (p_supply - p) / tau_fill - max(-s, 0) p / tau_vent - p / tau_leak
    supply      dp/dt = (Q_pump - Q_muscles - Q_dump) / C
    tension     F = A max(p, 0) (a (1 - k eps)^2 - b) (1 + c sat(v / 2 cm/s) + sat(d v))

The last is the McKibben muscle (Tondu and Lopez 2000) with Coulomb and viscous friction. What muscles draw comes out of one
accumulator: a large demand makes its pressure sag, and all of them fill more slowly.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinesis_control.drivers.muscle_model import ALPHA0_RAD, BRAID_K, McKibbenBundle
from kinesis_control.errors import ConfigurationError

Array = NDArray[np.float64]
SHAPE_A, SHAPE_B = 3.0 / np.tan(ALPHA0_RAD) ** 2, 1.0 / np.sin(ALPHA0_RAD) ** 2
_MOST_DELAY_TICKS = 64
_DEADBAND_OPENING = 1e-3
_LONGEST_STRETCH = -0.1


@dataclass(frozen=True, kw_only=True)
class PlantConfig:
    """Values of the plant; a pair is the range from which each muscle draws its own.

    Attributes:
        delay_s, valve_s: of a valve [s].
        fill_s: time constant of filling through an open inlet [s]; vent_ratio: venting takes that many times longer.
        coulomb, viscous_s_m: friction as a share of the force, and per velocity [s/m].
        fluid_share: what a muscle takes from 0 to full pressure, as a share of its volume at rest.
        pump_flow_m3_s, pump_power_w: most that the pump gives [m^3/s], [W].
        supply_pa: pressure at which the pump pauses [Pa].
        accumulator_m3_pa: what the accumulator takes per pressure [m^3/Pa].
        dump_s: time constant of the supply through the open dump valve [s].
        relief_pa: pressure at which the relief valve opens [Pa].
    """

    delay_s: tuple[float, float] = (0.001, 0.003)
    valve_s: tuple[float, float] = (0.002, 0.005)
    fill_s: tuple[float, float] = (0.015, 0.045)
    vent_ratio: tuple[float, float] = (1.2, 2.0)
    coulomb: float = 0.05
    viscous_s_m: float = 0.3
    fluid_share: float = 0.1
    pump_flow_m3_s: float = 3.0e-4
    pump_power_w: float = 500.0
    supply_pa: float = 850e3
    accumulator_m3_pa: float = 1.6e-9
    dump_s: float = 0.06
    relief_pa: float = 950e3

    def __post_init__(self) -> None:
        pairs = (self.delay_s, self.valve_s, self.fill_s, self.vent_ratio)
        numbers = (self.pump_flow_m3_s, self.pump_power_w, self.supply_pa, self.accumulator_m3_pa, self.dump_s, self.relief_pa - self.supply_pa)
        if any(not 0.0 < low <= high for low, high in pairs) or any(not value > 0.0 for value in numbers):
            raise ConfigurationError("plant: expected ranges with 0 < low <= high, values above 0 and relief_pa above supply_pa")
        if not (0.0 <= self.coulomb < 0.5 and 0.0 <= self.viscous_s_m < 5.0 and 0.0 < self.fluid_share <= 1.0):
            raise ConfigurationError("plant: expected coulomb 0 to 0.5, viscous_s_m 0 to 5, fluid_share above 0 to 1")


class Plant:
    """State of all muscles and of the supply.

    Attributes:
        pressure: gauge pressure of each muscle; shape (n,) [Pa].
        opening: of each valve, -1 outlet .. 1 inlet; shape (n,).
        tension: of each muscle; shape (n,) [N].
        supply: pressure of the accumulator [Pa].
        pump_on, dump_open: what the pump and the dump valve get from the safety board.
        pump_share, dump_works, relief_stuck, supply_limit: faults of the supply.
        opening_low, opening_high: bounds of the opening, for stuck valves; shape (n,).
        leak: 1 / tau of a leak [1/s]; passes: 0 for a blocked line; whole: 0 for a torn tendon; sluggish: factor on valve_s; shape (n,).
    """

    def __init__(self, bundle: McKibbenBundle, config: PlantConfig, *, dt_s: float, seed: int) -> None:
        """Draw every muscle's own values; everything is vented, the supply is empty."""
        self.config, self.dt_s, self._bundle = config, dt_s, bundle
        n = len(bundle.area)
        rng = np.random.Generator(np.random.PCG64(seed))

        def draw(pair: tuple[float, float]) -> Array:
            return rng.uniform(*pair, n)

        ticks = np.clip(np.rint(draw(config.delay_s) / dt_s), 0, _MOST_DELAY_TICKS - 1).astype(np.intp)
        self._omega = 1.0 / draw(config.valve_s)
        self.fill_s = draw(config.fill_s)
        self.vent_s = self.fill_s * draw(config.vent_ratio)
        self._delay = np.zeros((_MOST_DELAY_TICKS, n))
        self._delay_at = ticks, np.arange(n)
        self._count = 0
        self.pressure, self.opening, self._rate, self.tension = np.zeros(n), np.full(n, -1.0), np.zeros(n), np.zeros(n)
        self._delay[:] = -1.0
        self.supply, self.pump_on, self.dump_open = 0.0, False, True
        self.pump_share, self.dump_works, self.relief_stuck, self.supply_limit = 1.0, True, False, np.inf
        self.opening_low, self.opening_high = np.full(n, -1.0), np.full(n, 1.0)
        self.leak, self.passes, self.whole, self.sluggish = np.zeros(n), np.ones(n), np.ones(n), np.ones(n)
        rest_volume = bundle.area * bundle.rest_length
        self.capacity = config.fluid_share * rest_volume / bundle.full_pressure_pa
        self._work, self._flow, self._rise = np.zeros(n), np.zeros(n), np.zeros(n)

    def step(self, command: Array, length: Array, velocity: Array) -> None:
        """One tick.

        Args:
            command: of each valve, -1 (vent) .. 1 (fill); shape (n,).
            length, velocity: of the musculotendon, lengthening positive; shape (n,) [m], [m/s].
        """
        self._valves(command)
        self._pressures()
        self._supply()
        self._tensions(length, velocity)

    def _valves(self, command: Array) -> None:
        ticks, columns = self._delay_at
        self._delay[self._count % _MOST_DELAY_TICKS] = command
        delayed = self._delay[(self._count - ticks) % _MOST_DELAY_TICKS, columns]
        self._count += 1
        omega = self._omega / self.sluggish
        # critically damped, semi-implicit: stable for omega dt up to 1
        acceleration = np.subtract(delayed, self.opening, out=delayed)
        acceleration *= omega
        acceleration -= 2.0 * self._rate
        acceleration *= omega
        acceleration *= self.dt_s
        self._rate += acceleration / (1.0 + omega * self.dt_s)
        self.opening += self._rate * self.dt_s
        np.maximum(self.opening, self.opening_low, out=self.opening)
        np.minimum(self.opening, self.opening_high, out=self.opening)

    def _pressures(self) -> None:
        fill = np.maximum(self.opening - _DEADBAND_OPENING, 0.0, out=self._work)
        fill /= self.fill_s
        fill *= self.passes
        rise = np.subtract(self.supply, self.pressure, out=self._rise)
        rise *= fill
        np.multiply(rise, self.capacity, out=self._flow)
        vent = np.minimum(self.opening + _DEADBAND_OPENING, 0.0, out=self._work)
        vent /= self.vent_s
        vent *= self.passes
        vent -= self.leak
        vent *= self.pressure
        rise += vent
        rise *= self.dt_s
        self.pressure += rise
        np.maximum(self.pressure, 0.0, out=self.pressure)

    def _supply(self) -> None:
        config = self.config
        pump = 0.0
        if self.pump_on and self.pump_share > 0.0:
            level = min(config.supply_pa, self.supply_limit)
            room = min(max((level - self.supply) / 30e3, 0.0), 1.0)
            pump = self.pump_share * room * min(config.pump_flow_m3_s, config.pump_power_w / max(self.supply, 1e5))
        out = float(self._flow.sum())
        if (self.dump_open and self.dump_works) or self.relief_stuck:
            out += config.accumulator_m3_pa * self.supply / config.dump_s
        if self.supply > config.relief_pa:
            out += config.accumulator_m3_pa * (self.supply - config.relief_pa) / 0.01
        self.supply = min(max(self.supply + self.dt_s * (pump - out) / config.accumulator_m3_pa, 0.0), 2.0e6)

    def _tensions(self, length: Array, velocity: Array) -> None:
        bundle, config = self._bundle, self.config
        shape = np.subtract(length, bundle.tendon_length, out=self._work)
        shape /= bundle.rest_length
        np.maximum(shape, 1.0 - 1.0 / BRAID_K, out=shape)
        np.minimum(shape, 1.0 - _LONGEST_STRETCH, out=shape)
        shape *= BRAID_K
        shape += 1.0 - BRAID_K  # 1 - k eps
        shape *= shape
        shape *= SHAPE_A
        shape -= SHAPE_B
        np.maximum(shape, 0.0, out=shape)
        shape *= bundle.area
        shape *= self.pressure
        friction = np.multiply(velocity, 50.0, out=self._rise)  # Coulomb, smooth below 2 cm/s
        np.maximum(friction, -1.0, out=friction)
        np.minimum(friction, 1.0, out=friction)
        friction *= config.coulomb
        viscous = np.multiply(velocity, config.viscous_s_m, out=self._flow)
        np.maximum(viscous, -0.2, out=viscous)
        np.minimum(viscous, 0.2, out=viscous)
        friction += viscous
        friction += 1.0
        shape *= friction
        np.multiply(shape, self.whole, out=self.tension)
