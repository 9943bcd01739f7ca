"""The bank's side of the protection: takes or refuses command records, and seals states. For firmware and its emulation."""

import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kinesis_control.drivers.codecs import valve_bank
from kinesis_control.drivers.codecs.protection import NO_NONCE, PUBLIC_KEY, Seal, Verdict, arm_token, intact, newer, session_key
from kinesis_control.drivers.codecs.valve_bank import CHANNELS, COMMAND, TICK_S, Control

_HEAD = struct.Struct("<HBBIIIBBH")
_PRESSURES = slice(_HEAD.size, _HEAD.size + 2 * CHANNELS)
_HIGHEST_CONTROL = max(Control)


class BankCommand(NamedTuple):
    """A command that passed every check.

    Attributes:
        control: what is asked for.
        counter, epoch: who asked, and the how-manieth time.
        ttl_ms: how long the pressures stay good.
        counts: pressures in counts; shape (10,).
        arm_count: number of the arm token; 0 unless `control` is ARM and the token is right.
    """

    control: Control
    counter: int
    epoch: int
    ttl_ms: int
    counts: NDArray[np.uint16]
    arm_count: int = 0


class BankPeer:
    """End-to-end check of one bank.

    Attributes:
        epoch: highest epoch that was taken; 0 after boot.
        counter: counter of the last command that was taken.
        arm_count: number of the last arm token that was taken in this epoch.
    """

    def __init__(self, *, position: int, robot_key: bytes, nonce: bytes, layout_word: int, max_age_ms: int = 20) -> None:
        """Args:
        position: place of the bank, 0..255.
        robot_key: 32 bytes that the guardian holds too.
        nonce: 8 random bytes, new at every boot.
        layout_word: `valve_bank.layout_word` of the muscle layout.
        max_age_ms: how old the state may be on which a command rests.
        """
        self.epoch = self.counter = self.arm_count = 0
        self._id, self._robot_key, self._nonce = valve_bank.COMMAND_ID + position, robot_key, nonce
        self._layout, self._max_age_ticks = layout_word, round(max_age_ms * 1e-3 / TICK_S)
        self._public = Seal(PUBLIC_KEY, NO_NONCE)
        self._seal = self._state_seal = self._public

    def take(self, record: memoryview, tick: int) -> tuple[Verdict, BankCommand | None]:
        """Check a record that arrived at `tick`; a refused one changes nothing.

        A record of a higher epoch whose code is right starts that epoch: from then on every lower one is stale.
        An identity request is of epoch 0; it is answered at any time and counts as nothing else.
        """
        if len(record) != COMMAND.itemsize:
            return Verdict.LENGTH, None
        if not intact(record):
            return Verdict.CRC, None
        data_id, version, control, counter, epoch, echo, ttl_ms, channels, layout = _HEAD.unpack_from(record)
        if data_id != self._id:
            return Verdict.ADDRESS, None
        if version != valve_bank.VERSION or channels != CHANNELS or control > _HIGHEST_CONTROL:
            return Verdict.FORMAT, None
        if epoch == 0 and control == Control.IDENT:
            return (Verdict.OK, self._command(record, control, counter, 0, ttl_ms)) if self._public.authentic(record) else (Verdict.MAC, None)
        if epoch < max(self.epoch, 1):
            return Verdict.STALE_EPOCH, None
        if control == Control.IDENT:
            return Verdict.FORMAT, None
        seal = self._seal if epoch == self.epoch else Seal(session_key(self._robot_key, epoch), self._nonce)
        if not seal.authentic(record):
            return Verdict.MAC, None
        if epoch == self.epoch and not newer(counter, self.counter):
            return Verdict.COUNTER, None
        if layout != self._layout:
            return Verdict.LAYOUT, None
        if control in (Control.FOLLOW, Control.ARM) and (tick - echo) % (1 << 32) > self._max_age_ticks:
            return Verdict.AGE, None
        if epoch != self.epoch:
            self.epoch, self.arm_count, self._seal = epoch, 0, seal
            self._state_seal = Seal(session_key(self._robot_key, epoch))
        self.counter = counter
        return Verdict.OK, self._command(record, control, counter, epoch, ttl_ms)

    def _command(self, record: memoryview, control: int, counter: int, epoch: int, ttl_ms: int) -> BankCommand:
        values = bytes(record[_PRESSURES])
        armed_with = 0
        if control == Control.ARM:
            count = int.from_bytes(values[:4], "little")
            if count > self.arm_count and values[4:12] == arm_token(self._robot_key, epoch, count):
                armed_with = self.arm_count = count
        return BankCommand(Control(control), counter, epoch, ttl_ms, np.frombuffer(values, "<u2"), armed_with)

    def seal_state(self, record: memoryview) -> None:
        """Close a state or hub record, whose epoch must be `self.epoch`, under the key of that epoch."""
        self._state_seal.close(record)

    def seal_identity(self, record: memoryview) -> None:
        """Close a state that is an identity page, whose epoch must be 0."""
        self._public.close(record)
