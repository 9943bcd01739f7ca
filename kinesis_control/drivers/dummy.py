"""A robot without hardware: pressures follow the command through a first-order lag. For development and tests."""

import math
import time
from dataclasses import dataclass

import numpy as np

from kinesis_control.drivers.base import MuscleDriver, SafeState
from kinesis_control.drivers.codecs.valve_bank import BankState, banks_of
from kinesis_control.drivers.errors import IdentityError
from kinesis_control.drivers.frames import BankIdentity, Capabilities, CommandFrame, Control, Identity, Mode, StateFrame
from kinesis_control.errors import ConfigurationError
from kinesis_control.muscles import MuscleLayout

CHANNELS = 10


@dataclass(frozen=True, kw_only=True)
class DummyConfig:
    """Settings of the dummy.

    Attributes:
        muscles: names in order.
        joints: joint names; their positions stay 0.
        serial: what it says when asked; above 0.
        expected_serial: what is expected; 0 for any.
        length_m: lengths of the artificial muscles that it reports [m]; empty for a robot without length sensors.
        lag_s: time constant of the pressures [s], 0 to 1.
        max_pressure_pa: highest pressure [Pa], above 0.
        command_timeout_s: after so long without FOLLOW it vents by itself [s], above 0.
    """

    muscles: tuple[str, ...]
    joints: tuple[str, ...] = ()
    serial: int = 1
    expected_serial: int = 0
    length_m: tuple[float, ...] = ()
    lag_s: float = 0.03
    max_pressure_pa: float = 700e3
    command_timeout_s: float = 0.3

    def __post_init__(self) -> None:
        if not (0.0 <= self.lag_s <= 1.0 and self.max_pressure_pa > 0.0 and self.command_timeout_s > 0.0 and self.serial > 0):
            raise ConfigurationError(f"dummy: got {self}, expected lag_s 0 to 1, max_pressure_pa, command_timeout_s and serial above 0")
        if self.length_m and len(self.length_m) != len(self.muscles):
            raise ConfigurationError(f"dummy: got {len(self.length_m)} lengths, expected none or {len(self.muscles)}")


class DummyDriver(MuscleDriver):
    """Banks of ten channels that do what they are told: armed by ARM, closed by HOLD, emptied by VENT."""

    config_type = DummyConfig

    def __init__(self, config: DummyConfig) -> None:
        super().__init__(config)
        self.config: DummyConfig = config
        layout = MuscleLayout(names=tuple(config.muscles))
        n = len(layout)
        self._facts = Capabilities(
            muscles=layout, max_rate_hz=1000.0, max_pressure_pa=config.max_pressure_pa, n_banks=banks_of(n),
            bank_of_muscle=np.arange(n) // CHANNELS, joint_names=tuple(config.joints), has_hold=True, has_vent=True, has_deadline=True, has_tension=True,
            has_length=bool(config.length_m),
        )  # fmt: skip
        self._pressure, self._target = np.zeros(n), np.zeros(n)
        self._bank = BankState.DISARMED
        self._last_ns = self._followed_ns = time.monotonic_ns()

    def _capabilities(self) -> Capabilities:
        return self._facts

    def _open(self) -> None:
        self._last_ns = time.monotonic_ns()

    def _identify(self) -> Identity:
        wanted = self.config.expected_serial
        if wanted not in (0, self.config.serial):
            raise IdentityError(f"got the robot with serial {self.config.serial}, expected {wanted}")
        banks = tuple(BankIdentity(position=i, firmware=1, limits_checksum=0, calibration_checksum=0) for i in range(self._facts.n_banks))
        return Identity(serial=self.config.serial, model="dummy", layout_hash=self._facts.muscles.hash, banks=banks)

    def _exchange(self, command: CommandFrame, state: StateFrame, deadline_ns: int) -> None:
        now = time.monotonic_ns()
        self._advance(1e-9 * (now - self._last_ns), now)
        self._last_ns = now
        self._obey(command, now)
        self.status.sent, self.status.fresh_banks = True, self._facts.n_banks
        state.stamp_ns = now
        state.bank_stamp_ns[:] = now
        state.bank_state[:] = self._bank
        state.bank_temperature_c[:] = 25.0
        state.bank_supply_pa[:] = self.config.max_pressure_pa
        state.pressure_pa[:] = self._pressure
        np.multiply(self._pressure, 50.0 / self.config.max_pressure_pa, out=state.tension_n)
        for known in (state.joint_position, state.joint_velocity, state.root_position, state.root_linear_velocity, state.root_angular_velocity):
            known[:] = 0.0
        state.root_quaternion[:] = (1.0, 0.0, 0.0, 0.0)
        state.contact_force[:] = 0.0
        if self.config.length_m:
            state.length_m[:] = self.config.length_m

    def _obey(self, command: CommandFrame, now: int) -> None:
        control = command.control
        if control is Control.ARM and self._bank is BankState.DISARMED:
            self._bank, self._followed_ns = BankState.ARMED, now
            self._target[:] = self._pressure
        elif control is Control.FOLLOW and self._bank in (BankState.ARMED, BankState.ACTIVE, BankState.HOLD) and command.mode is Mode.PRESSURE:
            self._bank, self._followed_ns = BankState.ACTIVE, now
            np.clip(command.values, 0.0, self.config.max_pressure_pa, out=self._target)
        elif control is Control.HOLD and self._bank is BankState.ACTIVE:
            self._bank = BankState.HOLD
            self._target[:] = self._pressure
        elif control in (Control.VENT, Control.RAMP, Control.RESET):
            self._vent()

    def _advance(self, elapsed_s: float, now: int) -> None:
        if now - self._followed_ns > 1e9 * self.config.command_timeout_s:
            self._vent()
        share = 1.0 - math.exp(-elapsed_s / self.config.lag_s) if self.config.lag_s else 1.0
        self._pressure += share * (self._target - self._pressure)

    def _vent(self) -> None:
        self._target[:] = 0.0
        self._bank = BankState.DISARMED

    def _safe_state(self, kind: SafeState) -> None:
        if kind == "vent":
            self._vent()
        elif self._bank is BankState.ACTIVE:
            self._bank = BankState.HOLD
            self._target[:] = self._pressure

    def _close(self) -> None:
        self._vent()
