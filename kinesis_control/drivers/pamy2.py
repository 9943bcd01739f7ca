"""The PAMY2 arm over UDP. Nothing guards this link: limits, deadline and lease are all on this side, and on the supply."""

import math
import socket
import time
from dataclasses import dataclass

import numpy as np

from kinesis_control.drivers.base import MuscleDriver, SafeState
from kinesis_control.drivers.codecs.pamy2 import FROM_ARM, JOINTS, MAX_BAR, MIN_BAR, MUSCLES, PORT, PRESSURE_CONTROL, RATE_HZ, TO_ARM
from kinesis_control.drivers.codecs.valve_bank import BankFault, BankState
from kinesis_control.drivers.errors import LinkError
from kinesis_control.drivers.frames import Capabilities, CommandFrame, Control, Identity, LinkFault, StateFrame
from kinesis_control.errors import ConfigurationError
from kinesis_control.muscles import MuscleLayout

BAR_PA = 1e5
_SAFE_REPEATS = 3


@dataclass(frozen=True, kw_only=True)
class Pamy2Config:
    """Settings of the arm.

    Attributes:
        host, port: where the arm is.
        serial: number by which limits and calibration know the arm; the arm itself cannot tell; above 0.
        joints: names of the four joints.
        open_timeout_s: how long the first answer may take [s], 0.05 to 10.
    """

    host: str = "127.0.0.1"
    port: int = PORT
    serial: int = 1
    joints: tuple[str, ...] = ("joint_1", "joint_2", "joint_3", "joint_4")
    open_timeout_s: float = 1.0

    def __post_init__(self) -> None:
        if not (0 < self.port < 65536 and self.serial > 0 and len(self.joints) == JOINTS and 0.05 <= self.open_timeout_s <= 10.0):
            raise ConfigurationError(f"pamy2: got {self}, expected a port, a serial above 0, {JOINTS} joints and open_timeout_s 0.05 to 10")


class Pamy2Driver(MuscleDriver):
    """Eight muscles: agonist and antagonist of each joint in turn. Vented is 0.2 bar, the least that the arm can be asked for."""

    config_type = Pamy2Config

    def __init__(self, config: Pamy2Config) -> None:
        super().__init__(config)
        self.config: Pamy2Config = config
        names = tuple(f"{joint}_{side}" for joint in config.joints for side in ("agonist", "antagonist"))
        self._facts = Capabilities(
            muscles=MuscleLayout(names=names), max_rate_hz=RATE_HZ, max_pressure_pa=MAX_BAR * BAR_PA, n_banks=1,
            bank_of_muscle=np.zeros(MUSCLES, dtype=np.intp),
            joint_names=tuple(config.joints), has_vent=True,
        )  # fmt: skip
        self._socket: socket.socket | None = None
        self._out, self._in = bytearray(TO_ARM.itemsize), bytearray(FROM_ARM.itemsize + 1)
        self._command = np.frombuffer(self._out, TO_ARM).reshape(())
        self._telegram = np.frombuffer(self._in, FROM_ARM, count=1).reshape(())
        self._answer = np.zeros((), FROM_ARM)
        self._bar = np.full(MUSCLES, MIN_BAR)
        self._index = -1
        self._armed = False

    def _capabilities(self) -> Capabilities:
        return self._facts

    def _open(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect((self.config.host, self.config.port))
        self._index = -1
        until = time.monotonic() + self.config.open_timeout_s
        while time.monotonic() < until:
            self._bar[:] = MIN_BAR
            try:
                self._send(connected=True)
                if self._receive(time.monotonic_ns() + 20_000_000):
                    return
            except ConnectionRefusedError:
                time.sleep(0.02)
        raise LinkError(f"no answer from a PAMY2 arm at {self.config.host}:{self.config.port} within {self.config.open_timeout_s} s")

    def _identify(self) -> Identity:
        return Identity(serial=self.config.serial, model="pamy2", layout_hash=self._facts.muscles.hash)

    def _exchange(self, command: CommandFrame, state: StateFrame, deadline_ns: int) -> None:
        self._armed = command.control in (Control.ARM, Control.FOLLOW) or (self._armed and command.control is Control.HOLD)
        if command.control is Control.FOLLOW:
            np.multiply(command.values, 1.0 / BAR_PA, out=self._bar)
            np.clip(self._bar, MIN_BAR, MAX_BAR, out=self._bar)
        elif command.control is not Control.HOLD:
            self._bar[:] = MIN_BAR  # HOLD keeps what was asked for last: the arm cannot close its valves
        begin = time.monotonic_ns()
        try:
            self._send(connected=True)
            self.status.sent = True
            fresh = self._receive(min(deadline_ns, begin + 2_000_000))
        except ConnectionRefusedError:
            self.status.note(LinkFault.DOWN)
            return
        if not fresh:
            self.status.note(LinkFault.LATE)
            return
        self.status.fresh_banks, self.status.round_trip_ns = 1, time.monotonic_ns() - begin
        self._read(state)

    def _read(self, state: StateFrame) -> None:
        arm = self._answer
        state.stamp_ns = time.monotonic_ns()
        state.bank_stamp_ns[0] = state.stamp_ns
        joints = arm["joints"]
        state.pressure_pa[0::2], state.pressure_pa[1::2] = joints["agonist"], joints["antagonist"]
        state.pressure_pa *= BAR_PA
        state.joint_position[:], state.joint_velocity[:] = joints["angle"], joints["speed"]
        state.bank_supply_pa[0] = float(arm["supply_bar"]) * BAR_PA
        faults = BankFault.INTERNAL if arm["system_errors"] or arm["hardware_errors"] or joints["errors"].any() else BankFault.NONE
        stopped = bool(arm["quick_stop"])
        state.bank_faults[0] = faults | (BankFault.SUPPLY if stopped else BankFault.NONE)
        bank = BankState.FAULT if state.bank_faults[0] else BankState.ACTIVE if self._armed else BankState.DISARMED
        state.bank_state[0] = bank

    def _send(self, *, connected: bool) -> None:
        assert self._socket is not None
        command = self._command
        command["counter"] = (int(command["counter"]) + 1) & 0xFFFF
        command["connection"], command["control"] = int(connected), PRESSURE_CONTROL
        command["timestamp"] = (time.monotonic_ns() // 1000) & 0xFFFFFFFF
        command["joints"]["agonist"], command["joints"]["antagonist"] = self._bar[0::2], self._bar[1::2]
        self._socket.send(self._out)

    def _receive(self, until_ns: int) -> bool:
        """Read everything that waits, or wait for one; True when a newer telegram than before was among it."""
        assert self._socket is not None
        fresh = False
        while True:
            left = 1e-9 * (until_ns - time.monotonic_ns())
            self._socket.settimeout(0.0 if fresh or left <= 0.0 else left)
            try:
                size = self._socket.recv_into(self._in)
            except (BlockingIOError, TimeoutError):
                return fresh
            index = int(self._telegram["index_telegram"])
            if size != FROM_ARM.itemsize or not math.isfinite(float(self._telegram["supply_bar"])):
                self.status.refused_records += 1
                self.status.note(LinkFault.WIRE)
            elif self._index < 0 or 0 < (index - self._index) % (1 << 32) < 1 << 31:
                self._index, fresh = index, True
                self._answer[...] = self._telegram

    def _safe_state(self, kind: SafeState) -> None:
        if kind == "vent":
            self._bar[:] = MIN_BAR
        for _ in range(_SAFE_REPEATS):
            self._send(connected=True)

    def _close(self) -> None:
        if self._socket is None:
            return
        try:
            self._bar[:] = MIN_BAR
            self._send(connected=False)
        finally:
            self._socket.close()
            self._socket = None
