"""Firmware of the emulated valve banks: ten muscles each, all banks as vectors, a tick every 0.5 ms.

States and their order are those of docs/robot/wire.md, part 2: sensors, over-pressure trip, records, state machine, clamp,
slew clamp, valves. A bank boots vented and disarmed. What it believes is what its sensors say, never what the plant is.
"""

import numpy as np
from numpy.typing import NDArray

from kinesis_control.drivers.codecs.bank_peer import BankCommand, BankPeer
from kinesis_control.drivers.codecs.protection import Verdict
from kinesis_control.drivers.codecs.valve_bank import CHANNELS, PRESSURE_PA, TICK_S, BankFault, BankState, Control
from kinesis_sim.emulator.firmware_config import FirmwareConfig

Array = NDArray[np.float64]

ANY_CHANNEL = 255
_MOST_BAD_RECORDS = 3
_BOOT_TICKS = 200
# As plain numbers: a look-up in an enumeration costs more than the arithmetic of a tick.
_BOOT, _DISARMED, _ARMED, _ACTIVE, _HOLD, _RAMP, _FAULT = (int(state) for state in BankState)
_LIVE = (BankState.ARMED, BankState.ACTIVE, BankState.HOLD)
_CLOSE = 3e-3
"""Smallest share of full pressure that opens a valve. Below it the valve stays closed: noise must not pump the supply empty."""

_LEAST_HEAD = 0.02
"""Smallest pressure by which the gain of a valve is divided, as a share of full pressure."""


def _ticks(milliseconds: float) -> int:
    return round(milliseconds * 1e-3 / TICK_S)


class ValveBanks:
    """All banks of a robot.

    Attributes:
        state, faults, fault_channel: of each bank, as in its state word; shape (n_banks,).
        tick: since each bank's boot; shape (n_banks,).
        peers: end-to-end check of each bank.
        setpoint: pressures after clamp and slew; shape (n_banks, 10) [Pa].
        valve: opening asked of each valve, -1 .. 1; shape (n_banks, 10).
        powered: banks that run; the outlets of the others are open.
        acts: False for a bank that answers and does nothing.
        guards: names of protections that are switched off, for tests of the tests: "clamp", "slew", "trip", "deadline", "end_to_end", "arm".
    """

    def __init__(self, config: FirmwareConfig, *, n_banks: int, robot_key: bytes, layout_word: int, rng: np.random.Generator) -> None:
        self.config, self.n_banks = config, n_banks
        self._key, self._layout, self._rng = robot_key, layout_word, rng
        shape = (n_banks, CHANNELS)
        self.state = np.full(n_banks, BankState.BOOT, dtype=np.uint8)
        self.faults, self.fault_channel = np.zeros(n_banks, dtype=np.uint16), np.full(n_banks, ANY_CHANNEL, dtype=np.uint8)
        self.tick = np.zeros(n_banks, dtype=np.int64)
        self.setpoint, self.target, self.valve = np.zeros(shape), np.zeros(shape), np.full(shape, -1.0)
        self.powered, self.acts = np.ones(n_banks, dtype=bool), np.ones(n_banks, dtype=bool)
        self.guards: set[str] = set()
        self._over, self._astray = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        self._over_any = self._astray_any = False
        self._wanted = np.zeros(shape)
        self._vent_ticks, self._ramp_ticks = _ticks(config.vent_after_ms), _ticks(config.ramp_ms)
        self._supply_ticks, self._follow_ticks = _ticks(config.supply_ms), _ticks(config.follow_ms)
        self._slew_step, self._least_head_pa = config.slew_pa_s * TICK_S, _LEAST_HEAD * config.max_pressure_pa
        self._closed_pa = _CLOSE * config.max_pressure_pa
        self._followed, self._heard, self._good_until = (np.zeros(n_banks, dtype=np.int64) for _ in range(3))
        self._ramp_from, self._ramp_at = np.zeros(shape), np.zeros(n_banks, dtype=np.int64)
        self._asked_hold, self._may_reset = np.zeros(n_banks, dtype=bool), np.zeros(n_banks, dtype=bool)
        self._bad, self._low_supply = [0] * n_banks, 0
        self.nonces: list[bytes] = [b""] * n_banks
        self.peers: list[BankPeer] = [self._boot(bank) for bank in range(n_banks)]
        self._measured, self._supply = np.zeros(shape), 0.0

    # -- power ----------------------------------------------------------------------------------------------------------

    def reboot(self, bank: int) -> None:
        """A bank starts anew: vented, disarmed, with a new nonce, and nothing remembered."""
        self.state[bank], self.faults[bank], self.fault_channel[bank] = BankState.BOOT, 0, ANY_CHANNEL
        self.tick[bank] = self._bad[bank] = 0
        self.setpoint[bank] = self.target[bank] = 0.0
        self.peers[bank] = self._boot(bank)

    def _boot(self, bank: int) -> BankPeer:
        self.nonces[bank] = self._rng.bytes(8)
        return BankPeer(position=bank, robot_key=self._key, nonce=self.nonces[bank], layout_word=self._layout)

    # -- commands -------------------------------------------------------------------------------------------------------

    def take(self, bank: int, record: memoryview) -> tuple[Verdict, BankCommand | None]:
        """A record from the wire; a refused one changes nothing but the count of bad ones."""
        if not self.powered[bank]:
            return Verdict.LENGTH, None
        verdict, command = self.peers[bank].take(record, int(self.tick[bank]))
        if command is None:
            self._bad[bank] += 1
            if self._bad[bank] >= _MOST_BAD_RECORDS and self.state[bank] in _LIVE and "end_to_end" not in self.guards:
                self.latch(bank, BankFault.END_TO_END)
                self._ramp(bank)
            return verdict, None
        self._bad[bank] = 0
        if command.control is not Control.IDENT and self.acts[bank]:
            self.obey(bank, command.control, PRESSURE_PA * command.counts, ttl_ms=command.ttl_ms, armed=command.arm_count > 0)
        return verdict, command

    def obey(self, bank: int, control: Control, pressure: Array, *, ttl_ms: int = 20, armed: bool = False) -> None:
        """What a command asks of a bank; `pressure` shape (10,) [Pa], `armed` whether it brought a fresh token."""
        state, now = BankState(int(self.state[bank])), int(self.tick[bank])
        if control is not Control.RESET:
            self._may_reset[bank] = True
        self._heard[bank] = now
        if control is Control.VENT and state not in (BankState.FAULT, BankState.BOOT):
            self.state[bank] = BankState.DISARMED
        elif control is Control.RESET and state is BankState.FAULT and self._may_reset[bank]:
            self.state[bank], self.faults[bank], self.fault_channel[bank], self._may_reset[bank] = BankState.DISARMED, 0, ANY_CHANNEL, False
        elif control is Control.ARM and state is BankState.DISARMED and (armed or "arm" in self.guards) and self._supply >= self.config.supply_low_pa:
            self.state[bank], self._followed[bank], self.faults[bank] = BankState.ARMED, now, 0
            self.setpoint[bank] = self.target[bank] = np.nan_to_num(self._measured[bank])
        elif control is Control.FOLLOW and (state in _LIVE or "arm" in self.guards):
            self._follow(bank, pressure, ttl_ms, first=state is BankState.ARMED)
        elif control is Control.HOLD and state in (BankState.ACTIVE, BankState.HOLD):
            self._asked_hold[bank] = True
            self.state[bank] = BankState.HOLD
        elif control is Control.RAMP and state in _LIVE:
            self._ramp(bank)

    def _follow(self, bank: int, pressure: Array, ttl_ms: int, *, first: bool) -> None:
        config = self.config
        if first and np.abs(pressure - np.nan_to_num(self._measured[bank])).max() > config.first_share * config.max_pressure_pa:
            self.latch(bank, BankFault.CONFIGURATION)
            self.state[bank] = BankState.FAULT
            return
        if self.state[bank] == BankState.HOLD:
            self.setpoint[bank] = np.nan_to_num(self._measured[bank])
        self.target[bank] = pressure
        self.state[bank], self._followed[bank], self._asked_hold[bank] = BankState.ACTIVE, self.tick[bank], False
        self._good_until[bank] = self.tick[bank] + _ticks(min(max(ttl_ms, 1), config.hold_after_ms))

    def latch(self, bank: int, fault: BankFault, channel: int = ANY_CHANNEL) -> None:
        """Remember a fault; the first one names the channel."""
        if not self.faults[bank]:
            self.fault_channel[bank] = channel
        self.faults[bank] |= fault
        self._may_reset[bank] = False

    def _ramp(self, bank: int) -> None:
        self.state[bank], self._ramp_at[bank] = BankState.RAMP, self.tick[bank]
        self._ramp_from[bank] = np.nan_to_num(self._measured[bank])

    # -- each tick ------------------------------------------------------------------------------------------------------

    def step(self, measured: Array, supply_pa: float, temperature_c: Array) -> Array:
        """One tick of 0.5 ms.

        Args:
            measured: what the pressure sensors say, NaN where one is dead; shape (n_banks, 10) [Pa].
            supply_pa: what the supply sensor says [Pa].
            temperature_c: of each bank; shape (n_banks,) [deg C].

        Returns:
            `valve`.
        """
        self._measured, self._supply = measured, supply_pa
        self.tick += self.powered
        self._trip(measured, temperature_c)
        self._time(supply_pa)
        self._set_points()
        self._valves(measured)
        return self.valve

    def _trip(self, measured: Array, temperature_c: Array) -> None:
        """What a sensor alone decides: too much pressure, no reading, too hot."""
        state = self.state
        if not measured.max() <= self.config.trip_pa:  # true for NaN, too
            self._look_closely(measured)
        elif self._over_any:
            self._over[:] = 0
            self._over_any = False
        if temperature_c.max() > self.config.hot_c:
            for bank in np.flatnonzero((temperature_c > self.config.hot_c) & (state >= _ARMED) & (state <= _HOLD)):
                self.latch(bank, BankFault.OVER_TEMPERATURE)
                self._ramp(bank)

    def _look_closely(self, measured: Array) -> None:
        state = self.state
        above = measured > self.config.trip_pa
        self._over += above
        self._over *= above
        self._over_any = True
        if "trip" not in self.guards:
            for bank in np.flatnonzero((self._over >= 2).any(axis=1) & (state != _FAULT)):
                self._fail(bank, BankFault.OVER_PRESSURE, int(np.argmax(self._over[bank])))
        blind = np.isnan(measured)
        if blind.any():
            for bank in np.flatnonzero(blind.any(axis=1) & (state >= _ARMED) & (state <= _RAMP)):
                self._fail(bank, BankFault.SENSOR, int(np.argmax(blind[bank])))

    def _fail(self, bank: int, fault: BankFault, channel: int) -> None:
        self.latch(bank, fault, channel)
        self.state[bank] = _FAULT

    def _time(self, supply_pa: float) -> None:
        """Deadlines, and what follows from the time since."""
        config, state, tick = self.config, self.state, self.tick
        if state.min() == _BOOT:
            state[(state == _BOOT) & (tick > _BOOT_TICKS)] = _DISARMED
        self._low_supply = self._low_supply + 1 if supply_pa < config.supply_low_pa else 0
        if self._nothing_live():
            return
        if config.enforces_deadline:
            if "deadline" not in self.guards:
                self._deadlines()
            if self._low_supply > self._supply_ticks:
                for bank in np.flatnonzero((state >= _ARMED) & (state <= _HOLD)):
                    self.latch(bank, BankFault.SUPPLY)
                    self._ramp(bank)
        for bank in np.flatnonzero((state == _RAMP) & (tick - self._ramp_at > self._ramp_ticks)):
            state[bank] = _FAULT if self.faults[bank] else _DISARMED

    def _nothing_live(self) -> bool:
        """Whether every bank is vented."""
        high = self.state.max()
        return bool(high <= _DISARMED or (high == _FAULT and not ((self.state >= _ARMED) & (self.state <= _RAMP)).any()))

    def _deadlines(self) -> None:
        state, tick = self.state, self.tick
        late = tick > self._good_until
        if not late.any():
            return
        state[(state == _ACTIVE) & late] = _HOLD
        for bank in np.flatnonzero((state == _HOLD) & (tick - self._followed > self._vent_ticks)):
            if not self._asked_hold[bank]:
                self.latch(bank, BankFault.COMMAND_LOST)
            self._ramp(bank)
        state[(state == _ARMED) & (tick - self._heard > self._vent_ticks)] = _DISARMED

    def _set_points(self) -> None:
        """Clamp, then slew; a ramp is a straight line from where it began."""
        config, wanted = self.config, self._wanted
        wanted[:] = self.target
        if "clamp" not in self.guards:
            np.maximum(wanted, 0.0, out=wanted)
            np.minimum(wanted, config.max_pressure_pa, out=wanted)
        ramping = self.state == _RAMP
        if ramping.any():
            share = np.clip(1.0 - (self.tick - self._ramp_at) / self._ramp_ticks, 0.0, 1.0)[:, None]
            np.copyto(wanted, self._ramp_from * share, where=ramping[:, None])
        if "slew" in self.guards:
            self.setpoint[:] = wanted
            return
        wanted -= self.setpoint
        np.maximum(wanted, -self._slew_step, out=wanted)
        np.minimum(wanted, self._slew_step, out=wanted)
        self.setpoint += wanted

    def _valves(self, measured: Array) -> None:
        state, valve = self.state, self.valve
        if self._nothing_live():
            valve.fill(-1.0)
            self.setpoint.fill(0.0)
            return
        np.subtract(self.setpoint, measured, out=valve)
        size = np.abs(valve, out=self._wanted)
        self._watch(size)
        valve *= size > self._closed_pa
        valve *= self._openings(measured, valve < 0.0)
        np.maximum(valve, -1.0, out=valve)
        np.minimum(valve, 1.0, out=valve)
        if self._over_any:
            valve[np.isnan(valve)] = -1.0
        if state.min() == state.max() == _ACTIVE and self.powered.all():
            return
        valve[(state == _ARMED) | (state == _HOLD)] = 0.0
        vented = (state <= _DISARMED) | (state == _FAULT) | ~self.powered
        valve[vented] = -1.0
        self.setpoint[vented] = 0.0

    def _openings(self, measured: Array, vents: NDArray[np.bool_]) -> Array:
        """Opening per pressure difference [1/Pa]. Flow is proportional to opening times the pressure that drives it - what the muscle
        has when it vents, what the supply has above it when it fills - so the gain is divided by that, and a muscle that has little is
        emptied as fast. An inlet would empty its muscle into a supply that has less: it stays closed then."""
        head = np.where(vents, measured, self._supply - measured)
        useless = head <= 0.0
        np.maximum(head, self._least_head_pa, out=head)
        return np.where(useless & ~vents, 0.0, self.config.gain / head)

    def _watch(self, size: Array) -> None:
        """A pressure that stays away from its set-point: stuck, blocked or burst."""
        if not size.max() > self.config.follow_pa:
            if self._astray_any:
                self._astray[:] = 0
                self._astray_any = False
            return
        live = (self.state == _ACTIVE) | (self.state == _RAMP)
        astray = (size > self.config.follow_pa) & live[:, None]
        self._astray += 1
        self._astray *= astray
        self._astray_any = True
        if self.config.enforces_deadline:
            for bank in np.flatnonzero((self._astray > self._follow_ticks).any(axis=1)):
                self._fail(bank, BankFault.VALVE, int(np.argmax(self._astray[bank])))
