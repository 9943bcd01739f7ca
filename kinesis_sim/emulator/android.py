"""The emulated android: firmware, plant, bones and sensors, advanced together tick by tick. It has no clock of its own."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kinesis_control.drivers.codecs.protection import KEY_BYTES
from kinesis_control.drivers.codecs.valve_bank import CHANNELS, TICK_S, banks_of, layout_word
from kinesis_control.drivers.muscle_model import McKibbenBundle
from kinesis_control.errors import ConfigurationError
from kinesis_sim.bodies import Body
from kinesis_sim.emulator.firmware import ValveBanks
from kinesis_sim.emulator.firmware_config import FirmwareConfig
from kinesis_sim.emulator.plant import Plant, PlantConfig
from kinesis_sim.emulator.sensors import SensorArray, SensorConfig
from kinesis_sim.emulator.skeleton import Posture, Skeleton
from kinesis_sim.muscle_table import hill_table

Array = NDArray[np.float64]

FULL_PRESSURE_PA = 700e3
"""Pressure of full strength of the emulated androids [Pa]."""
AMBIENT_C = 25.0
_HEATING_C = 8e-5
"""Warming of a bank by one full valve stroke [deg C]; it cools with a time constant of a minute."""


@dataclass(frozen=True, kw_only=True)
class AndroidConfig:
    """What android is emulated.

    Attributes:
        serial: of the robot. calibration: checksum of the calibration that the banks hold.
        posture: "gantry" or "feet".
        seed: of every random number.
        skeleton_dt_s: physics step of the bones, a whole number of ticks of 0.5 ms [s].
        firmware, plant, sensors: their settings.
    """

    serial: int = 1
    calibration: int = 0
    posture: Posture = "gantry"
    seed: int = 0
    skeleton_dt_s: float = 0.002
    firmware: FirmwareConfig = field(default_factory=FirmwareConfig)
    plant: PlantConfig = field(default_factory=PlantConfig)
    sensors: SensorConfig = field(default_factory=SensorConfig)

    def __post_init__(self) -> None:
        ticks = self.skeleton_dt_s / TICK_S
        if self.serial <= 0 or abs(ticks - round(ticks)) > 1e-9 or not 1 <= round(ticks) <= 10:
            raise ConfigurationError(f"got serial {self.serial}, skeleton_dt_s {self.skeleton_dt_s}; expected above 0, and 1 to 10 ticks of {TICK_S} s")


class Stop:
    """What a hand does to the stop button and the reset button; both channels closed is the good state."""

    def __init__(self) -> None:
        self.channel_a = self.channel_b = True
        self.reset_pressed = False


class Android:
    """Everything of one android.

    Attributes:
        body, config: as given.
        bundle, banks, plant, skeleton: its parts.
        pressure_sensor, length_sensor, tension_sensor, joint_sensor, supply_sensor: its sensors, in their own order.
        temperature_c: of each bank; shape (n_banks,) [deg C].
        pump_wanted: what a server in front of the pump wants; the contactor must be closed, too.
        stop: stop and reset button. contactor, dump_open: what the safety board gets from the guardian.
        ticks: of 0.5 ms since the start.
        clock: time by which links, watchdogs and the safety board go [ns]; CLOCK_MONOTONIC, or `own_ns` in lock-step.
    """

    def __init__(self, body: Body, config: AndroidConfig, *, robot_key: bytes) -> None:
        if len(robot_key) != KEY_BYTES:
            raise ConfigurationError(f"robot key: got {len(robot_key)} bytes, expected {KEY_BYTES}")
        self.body, self.config = body, config
        layout = body.description.muscles
        self.layout_hash, n = layout.hash, len(layout)
        self.n_muscles, self.n_banks = n, banks_of(n)
        rng = np.random.Generator(np.random.PCG64(config.seed))
        table = hill_table(body.model)
        self.bundle = McKibbenBundle.for_table(table, full_pressure_pa=FULL_PRESSURE_PA)
        self.banks = ValveBanks(config.firmware, n_banks=self.n_banks, robot_key=robot_key, layout_word=layout_word(layout.hash), rng=rng)
        self.plant = Plant(self.bundle, config.plant, dt_s=TICK_S, seed=config.seed + 1)
        self.skeleton = Skeleton(body, posture=config.posture, dt_s=config.skeleton_dt_s)
        self._make_sensors(rng)
        self.temperature_c = np.full(self.n_banks, AMBIENT_C)
        self.heat_c = np.zeros(self.n_banks)
        self.stop = Stop()
        self.contactor, self.dump_open = False, True
        self.contactor_works = self.pump_wanted = True
        self.ticks = 0
        self.clock: Callable[[], int] = time.monotonic_ns
        self.swapped: dict[int, int] = {}
        self._forced_c: dict[int, float] = {}
        self._every = round(config.skeleton_dt_s / TICK_S)
        self._measured = np.zeros((self.n_banks, CHANNELS))
        self._flat = self._measured.reshape(-1)[:n]
        self._command, self._supply_truth = np.zeros(n), np.zeros(1)
        self._stroke = np.zeros((self.n_banks, CHANNELS))

    def _make_sensors(self, rng: np.random.Generator) -> None:
        config, n, joints = self.config.sensors, self.n_muscles, len(self.body.description.joint_names)
        sigma = rng.uniform(*config.pressure_sigma_pa, n)
        self.pressure_sensor = SensorArray(n, sigma, rng, step=config.pressure_step_pa, drift=config.pressure_drift_pa)
        self.length_sensor = SensorArray(n, np.full(n, config.length_sigma_m), rng)
        self.tension_sensor = SensorArray(n, np.full(n, config.tension_sigma_n), rng)
        self.joint_sensor = SensorArray(joints, np.full(joints, config.joint_sigma_rad), rng)
        self.supply_sensor = SensorArray(1, np.array([config.supply_sigma_pa]), rng)
        self.inertial_works = self.contacts_work = True

    @property
    def time_s(self) -> float:
        """Time of the android since its start [s]."""
        return self.ticks * TICK_S

    def own_ns(self) -> int:
        """The same in whole nanoseconds [ns]."""
        return round(1e9 * TICK_S) * self.ticks

    @property
    def measured_pa(self) -> Array:
        """What the pressure sensors said last; shape (n_muscles,) [Pa]."""
        return self._flat

    def advance(self, ticks: int) -> None:
        """Let time pass."""
        for _ in range(ticks):
            self.tick()

    def tick(self) -> None:
        """One tick of 0.5 ms."""
        plant, banks, skeleton = self.plant, self.banks, self.skeleton
        self._flat[:] = self.pressure_sensor.sample(plant.pressure)
        self._supply_truth[0] = plant.supply
        supply = self.supply_sensor.sample(self._supply_truth)[0]
        valve = banks.step(self._measured, float(supply), self.temperature_c)
        self._route(valve)
        self._command[:] = valve.reshape(-1)[: self.n_muscles]
        plant.pump_on, plant.dump_open = self.contactor and self.contactor_works and self.pump_wanted, self.dump_open
        plant.step(self._command, skeleton.length, skeleton.velocity)
        self.ticks += 1
        if self.ticks % self._every == 0:
            skeleton.step(plant.tension)
            self._warm(valve)

    def _route(self, valve: Array) -> None:
        """Outlets of a bank without power are open; two banks whose tubes were exchanged fill each other's muscles."""
        if not self.banks.powered.all():
            valve[~self.banks.powered] = -1.0
        for bank, other in self.swapped.items():
            if bank < other:
                valve[[bank, other]] = valve[[other, bank]]

    def _warm(self, valve: Array) -> None:
        moved = np.abs(valve - self._stroke).sum(axis=1)
        self._stroke[:] = valve
        self.heat_c += _HEATING_C * moved
        self.heat_c *= 1.0 - self._every * TICK_S / 60.0
        np.add(self.heat_c, AMBIENT_C, out=self.temperature_c)
        for bank, value in self._forced_c.items():
            self.temperature_c[bank] = value

    def force_temperature(self, bank: int, value: float | None) -> None:
        """A temperature that a fault gives a bank; None lets the physics decide again [deg C]."""
        if value is None:
            self._forced_c.pop(bank, None)
        else:
            self._forced_c[bank] = value

    def artificial_length(self) -> Array:
        """Length of the artificial muscles, as their sensors say; shape (n_muscles,) [m]."""
        return self.length_sensor.sample(self.skeleton.length - self.bundle.tendon_length)
