"""A driver for a made-up robot, "puppet": text lines over TCP, one request and one answer a cycle.

    P 120.0 80.5 ...      set pressures [kPa]     answer: S 118.9 80.1 ...  (measured, "-" where a sensor is dead)
    V                     open all valves         answer: S ...
    H                     close all valves        answer: S ...
    I                     who are you             answer: I SERIAL NUMBER_OF_MUSCLES
"""

import socket
import time
from dataclasses import dataclass

import numpy as np

from kinesis_control.drivers.base import MuscleDriver, SafeState
from kinesis_control.drivers.codecs.valve_bank import BankState
from kinesis_control.drivers.errors import IdentityError, LinkError, ProtocolError
from kinesis_control.drivers.frames import Capabilities, CommandFrame, Control, Identity, LinkFault, StateFrame
from kinesis_control.muscles import MuscleLayout

KPA = 1000.0


@dataclass(frozen=True, kw_only=True)
class PuppetConfig:
    """Settings: what stands under `driver_settings` in the file of the bus process.

    Attributes:
        muscles: names in the order of the robot.
        host, port: where it is.
        serial: which one it must be.
    """

    muscles: tuple[str, ...]
    host: str = "127.0.0.1"
    port: int = 5000
    serial: int = 1


class PuppetDriver(MuscleDriver):
    """Five hooks; checking, counting, catching and closing is done by the base class."""

    config_type = PuppetConfig

    def __init__(self, config: PuppetConfig) -> None:
        super().__init__(config)
        layout = MuscleLayout(names=tuple(config.muscles))
        self._facts = Capabilities(
            muscles=layout,
            max_rate_hz=200.0,
            max_pressure_pa=600e3,
            n_banks=1,
            bank_of_muscle=np.zeros(len(layout), dtype=np.intp),
            has_hold=True,
            has_vent=True,
        )
        self._link: socket.socket | None = None
        self._states = {Control.FOLLOW: BankState.ACTIVE, Control.HOLD: BankState.HOLD, Control.ARM: BankState.ARMED}

    def _capabilities(self) -> Capabilities:
        return self._facts

    def _open(self) -> None:
        try:
            self._link = socket.create_connection((self.config.host, self.config.port), timeout=1.0)
        except OSError as error:
            raise LinkError(f"no puppet at {self.config.host}:{self.config.port}: {error}") from error
        self._link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _identify(self) -> Identity:
        words = self._ask("I", 1.0).split()
        if len(words) != 3 or words[0] != "I":
            raise ProtocolError(f"the puppet answers {words}, expected 'I SERIAL NUMBER'")
        if (int(words[1]), int(words[2])) != (self.config.serial, len(self._facts.muscles)):
            raise IdentityError(f"got puppet {words[1]} with {words[2]} muscles, expected {self.config.serial} with {len(self._facts.muscles)}")
        return Identity(serial=self.config.serial, model="puppet", layout_hash=self._facts.muscles.hash)

    def _exchange(self, command: CommandFrame, state: StateFrame, deadline_ns: int) -> None:
        if command.control is Control.FOLLOW:
            line = "P " + " ".join(f"{value / KPA:.2f}" for value in command.values)
        else:
            line = "H" if command.control in (Control.HOLD, Control.ARM) else "V"
        try:
            answer = self._ask(line, max(1e-9 * (deadline_ns - time.monotonic_ns()), 1e-4))
        except TimeoutError:
            self.status.note(LinkFault.LATE)
            return
        self.status.sent = True
        measured = [np.nan if word == "-" else KPA * float(word) for word in answer.split()[1:]]
        if len(measured) != len(state.pressure_pa):
            self.status.note(LinkFault.WIRE)
            return
        self.status.fresh_banks = 1
        state.stamp_ns = time.monotonic_ns()
        state.pressure_pa[:] = measured
        state.bank_stamp_ns[0] = state.stamp_ns
        state.bank_state[0] = self._states.get(command.control, BankState.DISARMED)

    def _safe_state(self, kind: SafeState) -> None:
        self._ask("V" if kind == "vent" else "H", 0.2)

    def _close(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None

    def _ask(self, line: str, timeout_s: float) -> str:
        assert self._link is not None
        self._link.settimeout(timeout_s)
        self._link.sendall(line.encode() + b"\n")
        data = b""
        while not data.endswith(b"\n"):
            part = self._link.recv(65536)
            if not part:
                raise ConnectionError("the puppet has closed the connection")
            data += part
        return data.decode().strip()
