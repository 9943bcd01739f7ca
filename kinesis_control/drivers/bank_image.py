"""The driver's side of the valve-bank records: sealed commands out, checked states in, for any link that carries them."""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinesis_control.drivers.codecs import valve_bank
from kinesis_control.drivers.codecs.protection import NO_NONCE, PUBLIC_KEY, Seal, Verdict, intact, newer
from kinesis_control.drivers.codecs.valve_bank import (
    CHANNELS,
    COMMAND,
    HUB,
    IDENT,
    IDENT_AT,
    JOINT_RAD,
    JOINT_RAD_S,
    LENGTH_M,
    NO_JOINT,
    NO_READING,
    PAGE_SHIFT,
    PRESSURE_PA,
    PRESSURE_SHIFT,
    STATE,
    STATE_MASK,
    TENSION_N,
    HubValid,
    Page,
)  # fmt: skip
from kinesis_control.drivers.frames import NEVER_NS, NO_BANK_STATE, Capabilities, CommandFrame, Control, StateFrame

_HEAD = struct.Struct("<HBBIII")
_IDENT = slice(IDENT_AT, IDENT_AT + IDENT.itemsize)
_PAGE_BYTES = slice(IDENT_AT + 2 * CHANNELS, IDENT_AT + 4 * CHANNELS)


@dataclass(slots=True)
class _Partner:
    """What is known of one bank or of the hub."""

    seal: Seal
    nonce: bytes = NO_NONCE
    tick: int = 0
    known: bool = False
    """Whether a state of the epoch in force was seen."""
    echo: int = 0
    identity: np.void | None = None
    identity_tick: int = -1
    stamp_ns: int = NEVER_NS


class BankImage:
    """Commands and states of all banks, and of the hub where there is one.

    Attributes:
        command_rows: the sealed command of each bank, as bytes; `bytes_out` all of them in a row.
        counter: of the last commands.
    """

    def __init__(self, robot: Capabilities, *, has_hub: bool) -> None:
        n = robot.n_banks
        raw, self._commands, self.command_rows = valve_bank.image(COMMAND, n)
        self.bytes_out = memoryview(raw)
        _, self._states, self._state_rows = valve_bank.image(STATE, n)
        _, self._hub, self._hub_rows = valve_bank.image(HUB, 1)
        self._commands["data_id"] = valve_bank.COMMAND_ID + np.arange(n)
        self._commands["version"], self._commands["channels"] = valve_bank.VERSION, CHANNELS
        self._commands["layout"] = valve_bank.layout_word(robot.muscles.hash)
        for name in ("pressure", "supply"):
            self._states[name] = NO_READING
        self._states["state"], self._states["temperature"] = NO_BANK_STATE, -128
        self._states["fault_channel"] = 255
        self._n_muscles, self._n_joints, self._n_banks = len(robot.muscles), len(robot.joint_names), n
        self._work = np.zeros(n * CHANNELS)
        self._out = self._work.reshape(n, CHANNELS)
        self._command_pressure, self._command_echo = self._commands["pressure"], self._commands["echo"]
        self._layout = valve_bank.layout_word(robot.muscles.hash)
        self._epoch, self._key, self.counter = 0, PUBLIC_KEY, 0
        self._public = Seal(PUBLIC_KEY)
        self._state_seal = self._public
        self._partners = [_Partner(self._public) for _ in range(n)]
        self._hub_partner = _Partner(self._public)
        self._has_hub = has_hub
        self._pages = {page: np.full((n, CHANNELS), NO_READING, dtype="<u2") for page in (Page.LENGTH, Page.TENSION)}
        self._page_rows = {int(page): [row.data.cast("B") for row in values] for page, values in self._pages.items()}
        self._scaled = np.zeros((n, CHANNELS))
        self._missing = np.zeros((n, CHANNELS), dtype=bool)

    def lease(self, epoch: int, key: bytes) -> None:
        """Speak in the name of `epoch` from now on. The banks must have said who they are since their boot: a command is sealed
        with the nonce that only their identity page tells."""
        self._epoch, self._key = epoch, key
        self._state_seal = Seal(key)
        for partner in (*self._partners, self._hub_partner):
            partner.known = False
            partner.seal = Seal(key, partner.nonce) if epoch else self._public

    @property
    def identities(self) -> list["np.void | None"]:
        """The identity page of each bank, or None."""
        return [partner.identity for partner in self._partners]

    def forget_identities(self) -> None:
        """Before they are asked for."""
        for partner in self._partners:
            partner.identity = None

    def write(self, command: CommandFrame) -> None:
        """Seal `command` for every bank into `command_rows`."""
        records = self._commands
        self.counter = (self.counter + 1) & 0xFFFFFFFF
        # Without a lease there is nothing that a bank would do for us but tell who it is.
        control = command.control if self._epoch else Control.IDENT
        epoch = 0 if control is Control.IDENT else self._epoch
        records["control"], records["counter"], records["epoch"], records["ttl_ms"] = control, self.counter, epoch, command.ttl_ms
        if control is Control.FOLLOW:
            np.multiply(command.values, 1.0 / PRESSURE_PA, out=self._work[: self._n_muscles])
            np.rint(self._out, out=self._out)
            np.clip(self._out, 0.0, valve_bank.MAX_COUNT, out=self._out)
            np.copyto(self._command_pressure, self._out, casting="unsafe")
        else:
            self._command_pressure[:] = 0
        token = command.arm_count.to_bytes(4, "little") + command.arm_token if control is Control.ARM else None
        for bank, (row, partner) in enumerate(zip(self.command_rows, self._partners, strict=True)):
            self._command_echo[bank] = partner.tick
            if token is not None:
                row[20 : 20 + len(token)] = token
            (partner.seal if epoch else self._public).close(row)

    def take(self, bank: int, record: memoryview, now_ns: int) -> Verdict:
        """Check a state of `bank` that arrived at `now_ns`, and keep it when it is right."""
        if len(record) != STATE.itemsize:
            return Verdict.LENGTH
        partner = self._partners[bank]
        page = record[3] >> PAGE_SHIFT
        verdict = self._check(partner, record, valve_bank.STATE_ID + bank, is_identity=page == Page.IDENT)
        if verdict is not Verdict.OK:
            return verdict
        if page == Page.IDENT:
            tick = int.from_bytes(record[4:8], "little")
            page_now = np.frombuffer(bytes(record[_IDENT]), IDENT)[0]
            nonce = page_now["nonce"].tobytes()
            if nonce == partner.nonce and partner.identity_tick >= 0 and not newer(tick, partner.identity_tick):
                return Verdict.COUNTER  # the page of before: nobody has answered
            partner.identity, partner.identity_tick = page_now, tick
            self._meet(partner, nonce)
            return verdict
        rows = self._page_rows.get(page)
        if rows is None:
            return Verdict.FORMAT
        if int.from_bytes(record[22:24], "little") != self._layout:
            return Verdict.LAYOUT
        partner.echo, partner.stamp_ns = int.from_bytes(record[12:16], "little"), now_ns
        self._state_rows[bank][:] = record
        rows[bank][:] = record[_PAGE_BYTES]
        return verdict

    def take_hub(self, record: memoryview, now_ns: int) -> Verdict:
        """Check a record of the hub, and keep it when it is right."""
        if len(record) != HUB.itemsize:
            return Verdict.LENGTH
        verdict = self._check(self._hub_partner, record, valve_bank.HUB_ID)
        if verdict is Verdict.OK:
            self._hub_partner.stamp_ns = now_ns
            self._hub_rows[0][:] = record
        return verdict

    def _check(self, partner: _Partner, record: memoryview, data_id: int, *, is_identity: bool = False) -> Verdict:
        """What protects a record, in the order of docs/robot/wire.md."""
        if not intact(record):
            return Verdict.CRC
        got_id, version, _, tick, epoch, _ = _HEAD.unpack_from(record)
        if got_id != data_id:
            return Verdict.ADDRESS
        if version != valve_bank.VERSION or (is_identity and epoch != 0):
            return Verdict.FORMAT
        if is_identity:
            return Verdict.OK if self._public.authentic(record) else Verdict.MAC
        if epoch != self._epoch:
            # Not yet in our epoch: its key is not ours. The tick is a hint for the first command; a wrong one is refused by
            # the bank, and once the bank has been heard in our epoch nothing of another one is believed.
            if not partner.known:
                partner.tick = tick
            return Verdict.STALE_EPOCH
        if not self._state_seal.authentic(record):
            return Verdict.MAC
        if partner.known and not newer(tick, partner.tick):
            return Verdict.COUNTER
        partner.tick, partner.known = tick, True
        return Verdict.OK

    def _meet(self, partner: _Partner, nonce: bytes) -> None:
        """The bank of this boot; after another boot its ticks begin anew."""
        if nonce != partner.nonce:
            partner.nonce, partner.known = nonce, False
            partner.seal = Seal(self._key, nonce) if self._epoch else self._public

    def read(self, state: StateFrame) -> None:
        """Write everything that was taken into `state`."""
        states = self._states
        self._scale(states["pressure"], PRESSURE_PA, state.pressure_pa, shift=PRESSURE_SHIFT)
        self._scale(self._pages[Page.LENGTH], LENGTH_M, state.length_m)
        self._scale(self._pages[Page.TENSION], TENSION_N, state.tension_n)
        np.bitwise_and(states["state"], STATE_MASK, out=state.bank_state)
        state.bank_state[states["state"] == NO_BANK_STATE] = NO_BANK_STATE
        state.bank_faults[:], state.bank_fault_channel[:] = states["faults"], states["fault_channel"]
        state.bank_temperature_c[:] = states["temperature"]
        state.bank_temperature_c[states["temperature"] == -128] = np.nan
        np.multiply(states["supply"], PRESSURE_PA, out=state.bank_supply_pa)
        state.bank_supply_pa[states["supply"] == NO_READING] = np.nan
        newest = state.stamp_ns
        for bank, partner in enumerate(self._partners):
            state.bank_stamp_ns[bank] = partner.stamp_ns
            state.bank_lag[bank] = (self.counter - partner.echo) & 0xFFFFFFFF
            newest = max(newest, partner.stamp_ns)
        state.stamp_ns = newest
        if self._has_hub and self._hub_partner.stamp_ns > 0:
            self._read_hub(state)

    def _scale(self, counts: NDArray[np.uint16], unit: float, out: NDArray[np.float64], shift: int = 0) -> None:
        np.multiply(counts, unit, out=self._scaled)
        if shift:
            self._scaled -= shift * unit
        np.equal(counts, NO_READING, out=self._missing)
        np.putmask(self._scaled, self._missing, np.nan)
        out[:] = self._scaled.reshape(-1)[: self._n_muscles]

    def _read_hub(self, state: StateFrame) -> None:
        hub, n = self._hub[0], self._n_joints
        valid = int(hub["valid"])
        counts = hub["joint_position"][:n]
        np.multiply(counts, JOINT_RAD, out=state.joint_position)
        np.multiply(hub["joint_velocity"][:n], JOINT_RAD_S, out=state.joint_velocity)
        lost = (counts == NO_JOINT) if valid & HubValid.JOINTS else slice(None)
        state.joint_position[lost] = state.joint_velocity[lost] = np.nan
        parts = (
            (HubValid.ROOT_POSE, hub["root_position"], valve_bank.ROOT_M, state.root_position),
            (HubValid.ROOT_POSE, hub["root_velocity"], valve_bank.ROOT_M_S, state.root_linear_velocity),
            (HubValid.ROOT_INERTIAL, hub["root_quaternion"], valve_bank.ROOT_QUATERNION, state.root_quaternion),
            (HubValid.ROOT_INERTIAL, hub["root_rate"], valve_bank.ROOT_RAD_S, state.root_angular_velocity),
            (HubValid.CONTACTS, hub["contact_force"], valve_bank.CONTACT_N, state.contact_force),
        )
        for flag, values, unit, out in parts:
            if valid & flag:
                np.multiply(values, unit, out=out)
            else:
                out[:] = np.nan
