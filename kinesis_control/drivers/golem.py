"""Clone's robot server (golem) as a driver: gRPC, no protection, no deadline at the other end.

What the server does not check is checked here: pressures are finite, within the calibrated range and one a muscle; requests keep
to 10000 / (1.5 n) a second by decimation with interpolation; order, node map and calibration are compared before the first one. The
server keeps the last pressures for ever, so `has_deadline` is False: for a dead driver there is only the guardian, who has pump and valve.
"""

import contextlib
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.drivers.base import MuscleDriver, SafeState
from kinesis_control.drivers.codecs import golem
from kinesis_control.drivers.codecs.golem import MuscleEntry, SystemInfo
from kinesis_control.drivers.codecs.valve_bank import BankFault, BankState
from kinesis_control.drivers.decimation import Decimator
from kinesis_control.drivers.errors import IdentityError
from kinesis_control.drivers.frames import Capabilities, CommandFrame, Control, Identity, LinkFault, StateFrame
from kinesis_control.drivers.golem_client import GolemClient, NewestRequest, TelemetryReader
from kinesis_control.errors import ConfigurationError
from kinesis_control.muscles import MuscleLayout

MBAR_PA = 100.0
_RATE_BUDGET, _RATE_MARGIN = 10_000.0, 1.5
"""The maker's cap: 10000 / (1.5 n) requests a second."""
_VERB_REPEATS = 2
_REFUSALS = 3
"""Refused orders in a row after which the robot counts as broken: it keeps what it had, and nobody can change it."""


@dataclass(frozen=True, kw_only=True)
class GolemConfig:
    """Settings of the golem link.

    Attributes:
        muscles: names in the order of the stack; the server's own order may differ and is mapped by name.
        controller, state_store: `host:port` or `unix:PATH`.
        serial: number by which limits and calibration know the robot; the server cannot tell; above 0.
        nodes: muscle -> (node, channel) as built; empty accepts any, for a first look.
        calibration_mbar: muscle -> (minimum, maximum); empty accepts any plausible one.
        calibration_tolerance_mbar: how far the server's calibration may be from it [mbar], 0 to 500.
        n_imus: inertial units that the robot has.
        timeout_s: for a single call [s], 0.02 to 10.
    """

    muscles: tuple[str, ...]
    controller: str = f"localhost:{golem.CONTROLLER_PORT}"
    state_store: str = f"localhost:{golem.STATE_PORT}"
    serial: int = 1
    nodes: dict[str, tuple[int, int]] = field(default_factory=dict)
    calibration_mbar: dict[str, tuple[float, float]] = field(default_factory=dict)
    calibration_tolerance_mbar: float = 50.0
    n_imus: int = 0
    timeout_s: float = 0.5

    def __post_init__(self) -> None:
        if not (0.02 <= self.timeout_s <= 10.0 and self.serial > 0 and 0.0 <= self.calibration_tolerance_mbar <= 500.0 and self.n_imus >= 0):
            raise ConfigurationError("golem: expected timeout_s 0.02 to 10, serial above 0, calibration_tolerance_mbar 0 to 500, n_imus at least 0")


def rate_cap_hz(n_muscles: int) -> float:
    """Most requests a second that the maker allows."""
    return _RATE_BUDGET / (_RATE_MARGIN * n_muscles)


class GolemDriver(MuscleDriver):
    """A client stream for pressures, a server stream for telemetry, single calls for everything else."""

    config_type = GolemConfig

    def __init__(self, config: GolemConfig) -> None:
        super().__init__(config)
        self.config: GolemConfig = config
        layout = MuscleLayout(names=tuple(config.muscles))
        n = len(layout)
        self._facts = Capabilities(
            muscles=layout, max_rate_hz=rate_cap_hz(n), max_pressure_pa=1.3e6, n_banks=1, bank_of_muscle=np.zeros(n, dtype=np.intp),
            n_imus=config.n_imus, has_hold=True, has_vent=True,
        )  # fmt: skip
        self._decimator = Decimator(n, self._facts.max_rate_hz)
        self._client: GolemClient | None = None
        self._telemetry: TelemetryReader | None = None
        self._requests: NewestRequest | None = None
        self._stream: Any = None
        self._last_control: Control | None = None
        self._verbs: list[str] = []
        self._pending: Any = None
        self._refused = 0
        self._order: NDArray[np.intp] | None = None
        self._low, self._span, self._share = np.zeros(n), np.ones(n), np.zeros(n)
        self._out = np.zeros(n, dtype=np.float32)

    def _capabilities(self) -> Capabilities:
        return self._facts

    def _open(self) -> None:
        self._client = GolemClient(self.config.controller, self.config.state_store, self.config.timeout_s)
        self._client.command(golem.PING)
        self._telemetry = TelemetryReader(self._client, time.monotonic_ns)
        self._order, self._last_control = None, None

    def _identify(self) -> Identity:
        """Order, node map, calibration; nothing is sent to a muscle before this has passed."""
        client = self._connected()
        if client.config().allow_missing_nodes:
            raise IdentityError("the golem server allows missing nodes: a muscle could be commanded that is not there; switch that off first")
        info = client.system_info()
        names = self._facts.muscles.names
        difference = MuscleLayout(names=names).difference(_server_layout(info))
        if set(info.muscles) != set(names):
            raise IdentityError(f"the golem server has other muscles: {difference}")
        self._check_nodes(info.muscles)
        order = np.array([info.muscles[name].index for name in names], dtype=np.intp)
        self._check_calibration(info.calibration_mbar[order])
        self._order = order
        self._low[:] = MBAR_PA * info.calibration_mbar[order, 0]
        self._span[:] = MBAR_PA * (info.calibration_mbar[order, 1] - info.calibration_mbar[order, 0])
        return Identity(serial=self.config.serial, model="golem", layout_hash=self._facts.muscles.hash)

    def _check_nodes(self, found: dict[str, MuscleEntry]) -> None:
        for name, place in self.config.nodes.items():
            entry = found.get(name)
            if entry is None or (entry.node, entry.channel) != tuple(place):
                raise IdentityError(f"muscle '{name}': got {entry}, expected node and channel {tuple(place)}")

    def _check_calibration(self, rows: NDArray[np.float64]) -> None:
        names, tolerance = self._facts.muscles.names, self.config.calibration_tolerance_mbar
        for name, (low, high) in zip(names, rows, strict=True):
            if not (np.isfinite(low) and np.isfinite(high) and high - low > 100.0):
                raise IdentityError(f"muscle '{name}': the server's calibration is {low} to {high} mbar, expected a range of more than 100 mbar")
            wanted = self.config.calibration_mbar.get(name)
            if wanted is not None and max(abs(low - wanted[0]), abs(high - wanted[1])) > tolerance:
                raise IdentityError(f"muscle '{name}': the server's calibration is {low} to {high} mbar, expected {wanted[0]} to {wanted[1]} mbar")

    def _exchange(self, command: CommandFrame, state: StateFrame, deadline_ns: int) -> None:
        now = time.monotonic_ns()
        if command.control is Control.FOLLOW and self._order is not None:
            if self._decimator.push(command.values, now):
                self._send_pressures()
        else:
            self._decimator.reset()
            if command.control is not self._last_control:
                self._say(command.control)
        self._last_control = command.control
        self._follow_verb()
        self._read(state)

    def _send_pressures(self) -> None:
        """The newest pressures, in the server's order and share of its range."""
        if self._requests is None or self._stream is None or self._stream.done():
            if self._stream is not None:  # the server has ended it: refused, or gone
                self._refuse("it has ended the stream of pressures")
            self._requests = NewestRequest()
            self._stream = self._connected().stream_pressures(self._requests)
        np.subtract(self._decimator.out, self._low, out=self._share)
        self._share /= self._span
        np.clip(self._share, 0.0, 1.0, out=self._share)
        self._out[self._order] = self._share
        self._requests.put(golem.encode_pressures(self._out))
        self.status.sent = True

    def _say(self, control: Control) -> None:
        """Begin a verb; the stream of pressures is ended first."""
        if self._requests is not None:
            self._requests.end()
        self._requests, self._stream = None, None
        method = golem.LOCK if control in (Control.HOLD, Control.ARM) else golem.LOOSE
        if control is not Control.IDENT:
            self._verbs = [method] * _VERB_REPEATS
            self._pending = None

    def _follow_verb(self) -> None:
        """Without waiting: look at the answer of the last verb and send the next. A verb is sent more than once, because the
        last pressures of the stream could otherwise arrive behind it; one that failed stays in the list."""
        if self._pending is not None and self._pending.done():
            pending, self._pending = self._pending, None
            try:
                reply = golem.decode_reply(pending.result())
            except Exception as error:
                self.last_error = f"golem server: {type(error).__name__}"
                self.status.note(LinkFault.DOWN)
            else:
                self._verbs = self._verbs[1:]
                if reply.success:
                    self._refused = 0
                else:
                    self._refuse(f"error {reply.error}: {reply.text}")
        if self._verbs and self._pending is None:
            self._pending = self._connected().begin(self._verbs[0])
            self.status.sent = True

    def _order_done(self, method: str) -> None:
        reply = self._connected().command(method)
        self.status.sent = True
        if not reply.success:
            self._refuse(f"error {reply.error}: {reply.text}")

    def _refuse(self, why: str) -> None:
        self._refused += 1
        self.status.note(LinkFault.REFUSED)
        self.last_error = f"golem server: {why}"

    def _read(self, state: StateFrame) -> None:
        reader = self._telemetry
        if reader is None or not reader.alive:
            self.status.note(LinkFault.DOWN)
        sample = None if reader is None else reader.sample
        if sample is None or self._order is None:
            return
        telemetry, stamp_ns = sample
        if len(telemetry.pressures) != len(self._order):
            self.status.note(LinkFault.WIRE)
            return
        if stamp_ns != state.stamp_ns:
            self.status.fresh_banks = 1
        state.stamp_ns = stamp_ns
        state.bank_stamp_ns[0] = stamp_ns
        # A dead sensor gives NaN, which stays NaN: who reads it must know.
        np.take(telemetry.pressures, self._order, out=self._out)
        np.multiply(self._out, self._span, out=state.pressure_pa)
        state.pressure_pa += self._low
        units = min(self.config.n_imus, len(telemetry.imu_quaternion))
        state.imu_quaternion[:] = np.nan
        state.imu_quaternion[:units] = np.where(telemetry.imu_valid[:units, None], telemetry.imu_quaternion[:units], np.nan)
        state.bank_state[0] = _STATES.get(self._last_control, BankState.DISARMED)
        refused = self._refused >= _REFUSALS or (telemetry.reply is not None and not telemetry.reply.success)
        state.bank_faults[0] = BankFault.INTERNAL if refused else BankFault.NONE

    def _end_stream(self) -> None:
        if self._requests is not None:
            self._requests.end()
            with contextlib.suppress(Exception):  # how the stream ended does not matter any more
                self._stream.result(timeout=self.config.timeout_s)
        self._requests, self._stream = None, None

    def _safe_state(self, kind: SafeState) -> None:
        self._end_stream()
        self._verbs, self._pending = [], None
        self._last_control = Control.VENT if kind == "vent" else Control.HOLD
        self._order_done(golem.LOOSE if kind == "vent" else golem.LOCK)

    def _close(self) -> None:
        self._end_stream()
        if self._telemetry is not None:
            self._telemetry.close()
        if self._client is not None:
            self._client.close()
        self._telemetry, self._client = None, None

    def _connected(self) -> GolemClient:
        assert self._client is not None
        return self._client


_STATES: dict[Control | None, BankState] = {
    Control.ARM: BankState.ARMED,
    Control.FOLLOW: BankState.ACTIVE,
    Control.HOLD: BankState.HOLD,
    Control.RAMP: BankState.RAMP,
}


def _server_layout(info: SystemInfo) -> MuscleLayout:
    """The server's own order."""
    return MuscleLayout(names=tuple(sorted(info.muscles, key=lambda name: info.muscles[name].index)))
