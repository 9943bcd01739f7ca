"""States, identity pages and the hub record of the emulated banks, as bytes, sealed."""

import numpy as np

from kinesis_control.drivers.codecs import valve_bank
from kinesis_control.drivers.codecs.valve_bank import (
    CHANNELS,
    CONTACT_N,
    HUB,
    HUB_CONTACTS,
    HUB_JOINTS,
    IDENT,
    IDENT_AT,
    JOINT_RAD,
    JOINT_RAD_S,
    LENGTH_M,
    NO_JOINT,
    PAGE_SHIFT,
    ROOT_M,
    ROOT_M_S,
    ROOT_QUATERNION,
    ROOT_RAD_S,
    STATE,
    TENSION_N,
    HubValid,
    Page,
)
from kinesis_sim.emulator.android import Android

FIRMWARE = 1
_IDENT = int(Page.IDENT)


class BankRecords:
    """The android's words.

    Attributes:
        rows: the state of each bank, as bytes. hub: the record of the hub, as bytes.
    """

    def __init__(self, android: Android) -> None:
        self._android, n = android, android.n_banks
        _, self._states, self.rows = valve_bank.image(STATE, n)
        _, self._hub, hub_rows = valve_bank.image(HUB, 1)
        self.hub = hub_rows[0]
        self._states["version"] = self._hub["version"] = valve_bank.VERSION
        self._states["data_id"], self._hub["data_id"] = valve_bank.STATE_ID + np.arange(n), valve_bank.HUB_ID
        self._states["layout"] = valve_bank.layout_word(android.layout_hash)
        self._joints = len(android.body.description.joint_names)
        self._contacts = len(android.body.description.contact_names)
        self._hub["joints"], self._hub["contacts"], self._hub["joint_position"] = self._joints, self._contacts, NO_JOINT
        self._padded = np.zeros(n * CHANNELS)
        self._turn = 0
        self._ident = [False] * n
        self._at = -1

    def ask_identity(self, bank: int) -> None:
        """The next state of a bank is to be its identity page."""
        self._ident[bank] = True

    def refresh(self) -> None:
        """Write and seal every record from the android as it is now; a second time within a tick changes nothing but identity."""
        android = self._android
        fresh = android.ticks != self._at
        if fresh:
            self._turn += 1
            self._fill(Page.TENSION if self._turn % 2 else Page.LENGTH)
        page = int(Page.TENSION) if self._turn % 2 else int(Page.LENGTH)
        for bank in range(android.n_banks):
            if self._ident[bank]:
                self._identity(bank)
            elif fresh or self.rows[bank][3] >> PAGE_SHIFT == _IDENT:
                self._seal(bank, page)
        if fresh:
            self._fill_hub()
        self._at = android.ticks

    def _fill(self, page: Page) -> None:
        android, states, banks = self._android, self._states, self._android.banks
        n = android.n_muscles
        states["tick"], states["faults"], states["fault_channel"] = banks.tick & 0xFFFFFFFF, banks.faults, banks.fault_channel
        states["temperature"] = np.clip(np.rint(android.temperature_c), -127, 127)
        states["supply"] = valve_bank.scaled_counts(np.maximum(android.supply_sensor.reading, 0.0), valve_bank.PRESSURE_PA)[0]
        self._padded[:n] = android.measured_pa
        self._counts = valve_bank.state_counts(self._padded).reshape(-1, CHANNELS)
        if page is Page.TENSION:
            self._padded[:n] = np.maximum(android.tension_sensor.sample(android.plant.tension), 0.0)
            self._page = valve_bank.scaled_counts(self._padded, TENSION_N).reshape(-1, CHANNELS)
        else:
            self._padded[:n] = np.maximum(android.artificial_length(), 0.0)
            self._page = valve_bank.scaled_counts(self._padded, LENGTH_M).reshape(-1, CHANNELS)

    def _seal(self, bank: int, page: int) -> None:
        states, peer = self._states, self._android.banks.peers[bank]
        states["pressure"][bank], states["page"][bank] = self._counts[bank], self._page[bank]
        states["state"][bank] = self._android.banks.state[bank] | page << PAGE_SHIFT
        states["epoch"][bank], states["echo"][bank] = peer.epoch, peer.counter
        peer.seal_state(self.rows[bank])

    def _identity(self, bank: int) -> None:
        android, peer = self._android, self._android.banks.peers[bank]
        page = np.zeros((), IDENT)
        page["serial"], page["firmware"], page["position"], page["channels"] = android.config.serial, FIRMWARE, bank, CHANNELS
        page["epoch"], page["limits"], page["calibration"] = peer.epoch, android.config.firmware.checksum, android.config.calibration
        page["layout"] = np.frombuffer(bytes.fromhex(android.layout_hash), "u1")
        page["nonce"] = np.frombuffer(android.banks.nonces[bank], "u1")
        states = self._states
        states["tick"][bank], states["epoch"][bank], states["echo"][bank] = android.banks.tick[bank], 0, 0
        states["state"][bank] = android.banks.state[bank] | Page.IDENT << PAGE_SHIFT
        self.rows[bank][IDENT_AT : IDENT_AT + IDENT.itemsize] = page.tobytes()
        peer.seal_identity(self.rows[bank])
        self._ident[bank] = False

    def _fill_hub(self) -> None:
        android, hub, state = self._android, self._hub[0], self._android.skeleton.state
        valid = HubValid.JOINTS | HubValid.ROOT_POSE
        joints = android.joint_sensor.sample(state.joint_position)
        counts = np.clip(np.rint(np.nan_to_num(joints) / JOINT_RAD), -32767, 32767)
        hub["joint_position"][: self._joints] = np.where(np.isfinite(joints), counts, NO_JOINT)[:HUB_JOINTS]
        hub["joint_velocity"][: self._joints] = np.clip(np.rint(state.joint_velocity / JOINT_RAD_S), -32767, 32767)
        hub["root_position"] = np.rint(state.root_position / ROOT_M)
        hub["root_velocity"] = np.clip(np.rint(state.root_linear_velocity / ROOT_M_S), -32767, 32767)
        if android.inertial_works:
            valid |= HubValid.ROOT_INERTIAL
            hub["root_quaternion"] = np.rint(state.root_quaternion / ROOT_QUATERNION)
            hub["root_rate"] = np.clip(np.rint(state.root_angular_velocity / ROOT_RAD_S), -32767, 32767)
        if android.contacts_work:
            valid |= HubValid.CONTACTS
            hub["contact_force"][: min(self._contacts, HUB_CONTACTS)] = np.clip(np.rint(state.contact_force / CONTACT_N), 0, 0xFFFE)
        peer = android.banks.peers[0]
        hub["valid"], hub["tick"], hub["epoch"] = valid, android.ticks & 0xFFFFFFFF, peer.epoch
        peer.seal_state(self.hub)
