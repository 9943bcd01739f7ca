"""Decimation, CAN frames against cantools, published files, PAMY2 against a made-up arm, UDP datagrams, calibration."""

import socket
import threading
import time
from dataclasses import replace
from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from kinesis_control.drivers import profile_files
from kinesis_control.drivers.base import IdentityError, LinkError
from kinesis_control.drivers.calibration import Calibration, CalibrationConfig, Calibrator
from kinesis_control.drivers.codecs import can_fd, udp_bank, valve_bank
from kinesis_control.drivers.codecs.pamy2 import FROM_ARM, TO_ARM
from kinesis_control.drivers.codecs.valve_bank import BankFault, BankState
from kinesis_control.drivers.decimation import Decimator
from kinesis_control.drivers.dummy import DummyConfig, DummyDriver
from kinesis_control.drivers.frames import Control, LinkFault
from kinesis_control.drivers.pamy2 import Pamy2Config, Pamy2Driver
from kinesis_control.errors import ConfigurationError

# -- decimation -------------------------------------------------------------------------------------------------------


@given(gaps=st.lists(st.integers(1, 30_000_000), min_size=2, max_size=200), rate=st.floats(20.0, 400.0))
def test_never_more_often_than_allowed_and_never_beyond_what_was_asked(gaps, rate):
    decimator, now, sent = Decimator(1, rate), 0, []
    previous = 0.0
    for k, gap in enumerate(gaps):
        now += gap
        value = float(k % 7)
        if decimator.push(np.array([value]), now):
            sent.append(now)
            assert min(previous, value) - 1e-9 <= decimator.out[0] <= max(previous, value) + 1e-9
        previous = value
    assert all(b - a >= 1e9 / rate for a, b in pairwise(sent))


def test_a_ramp_stays_a_ramp():
    """A straight line in time, sent at a rate that does not divide the loop's: each value is the line's at the allowed instant."""
    decimator = Decimator(1, 83.0)
    for k in range(1, 500):
        now = 2_000_000 * k
        due = decimator._sent_ns + decimator.period_ns
        if decimator.push(np.array([now * 1e-9]), now) and due > 0:
            assert decimator.out[0] == pytest.approx(due * 1e-9, abs=1e-12)


def test_a_rate_that_is_none():
    with pytest.raises(ConfigurationError):
        Decimator(1, 0.0)


# -- CAN and UDP ------------------------------------------------------------------------------------------------------


def filled(dtype, seed):
    raw, records, rows = valve_bank.image(dtype, 1)
    raw[:] = np.random.default_rng(seed).bytes(len(raw))
    return records[0], rows[0]


@pytest.fixture(scope="module")
def database():
    return pytest.importorskip("cantools").database.load_file(profile_files.FOLDER / "valve_bank.dbc")


@pytest.mark.parametrize("seed", range(3))
def test_frames_mean_to_cantools_what_they_mean_to_us(database, seed):
    for dtype, base, frames in (
        (valve_bank.COMMAND, can_fd.COMMAND_FRAME, lambda row: [can_fd.command_frame(0, row)]),
        (valve_bank.STATE, can_fd.STATE_FRAME, lambda row: can_fd.state_frames(0, row)),
        (valve_bank.HUB, can_fd.HUB_FRAME, lambda row: can_fd.hub_frames(0, row)),
    ):
        record, row = filled(dtype, seed)
        decoded = {}
        for part, (identifier, payload) in enumerate(frames(row)):
            assert identifier == base + part
            message = database.get_message_by_frame_id(identifier)
            assert message.is_fd and message.length == len(payload)
            signals = message.decode(payload)
            decoded |= signals
            assert message.encode(signals, padding=False, strict=False) == payload
        for name in dtype.names:
            values = np.atleast_1d(record[name])
            for k, value in enumerate(values):
                assert decoded[f"{name}_{k}" if dtype[name].shape else name] == value, name


def test_places_of_frames():
    assert can_fd.place(0x100 + 24) == (can_fd.COMMAND_FRAME, 24, 0)
    assert can_fd.place(0x200 + 2 * 3 + 1) == (can_fd.STATE_FRAME, 3, 1)
    assert can_fd.place(0x400 + 8 + 3) == (can_fd.HUB_FRAME, 1, 3)
    assert can_fd.place(0x400 + 4) is None and can_fd.place(0x7FF) is None and can_fd.place(0) is None


def test_parts_of_two_states_are_not_one():
    _, row = filled(valve_bank.STATE, 1)
    assembler = can_fd.Assembler(valve_bank.STATE.itemsize)
    (_, first), (_, second) = can_fd.state_frames(0, row)
    assert not assembler.add(1, second), "a second part without its first"
    assert not assembler.add(0, first) and not assembler.add(0, first) and assembler.add(1, second)
    assert bytes(assembler.record) == bytes(row)
    assert not assembler.add(0, first[:10]) and not assembler.add(1, second), "a first part that was cut short"


def test_datagrams_hold_all_records_once():
    raw, _, _ = valve_bank.image(valve_bank.STATE, 29)
    raw[:] = bytes(k % 251 for k in range(len(raw)))
    parts = [udp_bank.unpack(d) for d in udp_bank.datagrams(udp_bank.Kind.STATES, 9, memoryview(raw))]
    assert [p[1] for p in parts] == [0, 18] and b"".join(p[3] for p in parts) == bytes(raw)
    assert all(len(d) <= udp_bank.MAX_PAYLOAD for d in udp_bank.datagrams(udp_bank.Kind.STATES, 9, memoryview(raw)))


@given(data=st.binary(max_size=60))
def test_a_strange_datagram_is_none(data):
    assert udp_bank.unpack(data) is None or data[:4] == udp_bank.MAGIC


def test_the_published_files_are_those_of_the_code():
    for name, text in profile_files.contents().items():
        assert (profile_files.FOLDER / name).read_text(encoding="utf-8") == text, f"run python -m kinesis_control.drivers.profile_files: {name} is old"


def test_the_process_data_fit_common_masters():
    banks = valve_bank.banks_of(290)
    assert banks * (valve_bank.COMMAND.itemsize + valve_bank.STATE.itemsize) + valve_bank.HUB.itemsize <= 4096
    assert (valve_bank.COMMAND.itemsize, valve_bank.STATE.itemsize, valve_bank.IDENT.itemsize, valve_bank.HUB.itemsize) == (52, 76, 40, 204)


# -- PAMY2 ------------------------------------------------------------------------------------------------------------


class Arm:
    """Answers each telegram with what it was asked for as what it has."""

    def __init__(self, port):
        self.heard, self.stopped, self.index, self.garbage = [], 0, 0, False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", port))
        self._socket.settimeout(0.05)
        self._running = True
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while self._running:
            try:
                data, sender = self._socket.recvfrom(4096)
            except TimeoutError:
                continue
            asked = np.frombuffer(data, TO_ARM)[0]
            self.heard.append(asked)
            answer = np.zeros((), FROM_ARM)
            self.index += 1
            answer["index_telegram"], answer["supply_bar"], answer["quick_stop"] = self.index, 6.0, self.stopped
            answer["joints"]["agonist"], answer["joints"]["antagonist"] = asked["joints"]["agonist"], asked["joints"]["antagonist"]
            answer["joints"]["angle"] = (0.1, 0.2, 0.3, 0.4)
            self._socket.sendto(b"garbage" if self.garbage else answer.tobytes(), sender)

    def close(self):
        self._running = False
        self._thread.join()
        self._socket.close()


def test_pamy2_sizes_are_the_makers():
    assert (TO_ARM.itemsize, FROM_ARM.itemsize) == (92, 460)


def test_pamy2_follows_stops_and_closes(free_port, until):
    arm = Arm(free_port)
    try:
        with Pamy2Driver(Pamy2Config(port=free_port, open_timeout_s=10.0)) as driver:
            command, state = driver.frames()
            command.control, command.values[:] = Control.FOLLOW, np.linspace(0.0, 7e5, 8)
            wanted = np.clip(command.values, 0.2e5, 4.0e5)
            until(driver, command, state, lambda s: np.allclose(state.pressure_pa, wanted, rtol=1e-5))
            np.testing.assert_allclose(state.joint_position, (0.1, 0.2, 0.3, 0.4), rtol=1e-6)
            assert state.bank_state[0] == BankState.ACTIVE
            arm.stopped = 1
            until(driver, command, state, lambda s: state.bank_state[0] == BankState.FAULT and state.bank_faults[0] == BankFault.SUPPLY)
            arm.stopped, arm.garbage = 0, True
            until(driver, command, state, lambda s: s.fault >= LinkFault.LATE and s.totals[LinkFault.WIRE] > 0)
            np.testing.assert_allclose(state.pressure_pa, wanted, rtol=1e-5)
            command.control, arm.garbage = Control.VENT, False
            until(driver, command, state, lambda s: np.allclose(state.pressure_pa, 0.2e5))
        end = time.monotonic() + 60
        while arm.heard[-1]["connection"] != 0 and time.monotonic() < end:
            time.sleep(0.01)
    finally:
        arm.close()
    assert arm.heard[-1]["connection"] == 0 and arm.heard[-2]["connection"] == 1
    assert all((message["joints"]["agonist"] >= 0.2 - 1e-6).all() and (message["joints"]["agonist"] <= 4.0).all() for message in arm.heard)


def test_no_arm(free_port):
    with pytest.raises(LinkError, match="no answer from a PAMY2 arm"):
        Pamy2Driver(Pamy2Config(port=free_port, open_timeout_s=0.1)).open()


# -- calibration ------------------------------------------------------------------------------------------------------

QUICK = CalibrationConfig(settle_s=0.2, hold_s=0.1, rate_hz=100.0, batch=2)


class Spoiled(DummyDriver):
    """A dummy with one muscle of each fault, and a clock that the calibration drives."""

    def __init__(self):
        super().__init__(DummyConfig(muscles=("sound", "dead", "blocked", "leak", "offset"), lag_s=0.02, command_timeout_s=100.0))
        self.now = 0.0

    def sleep(self, seconds):
        self.now += seconds
        self._advance(seconds, 0)

    def _advance(self, elapsed_s, now):
        super()._advance(min(elapsed_s, 0.02), self._followed_ns)
        self._pressure[2] *= 0.2
        if self._bank is BankState.HOLD:
            self._pressure[3] *= 0.97
            self._target[3] = self._pressure[3]

    def _exchange(self, command, state, deadline_ns):
        super()._exchange(command, state, deadline_ns)
        state.pressure_pa[1] = np.nan
        state.pressure_pa[4] += 20e3
        state.length_m[:] = 0.3


@pytest.fixture
def calibrated():
    driver = Spoiled()
    with driver:
        command, state = driver.frames()
        command.control = Control.ARM
        driver.exchange(command, state, time.monotonic_ns() + 1_000_000_000)
        found = Calibrator(driver, driver.identify(), QUICK, cap_pa=210e3, sleep=driver.sleep).run()
        assert driver._bank is BankState.DISARMED, "vented at the end"
    return driver, found


def test_each_muscle_by_what_is_wrong_with_it(calibrated):
    _, found = calibrated
    findings = {muscle.name: muscle.findings for muscle in found.muscles}
    assert findings == {"sound": (), "dead": ("dead sensor",), "blocked": ("blocked",), "leak": ("leak",), "offset": ("offset",)}
    sound = found.muscles[0]
    assert sound.top_pa == pytest.approx(QUICK.test_pa, rel=0.01) and 0.0 < sound.fill_s < 0.1 and sound.slack_length_m == 0.3
    assert [muscle.name for muscle in found.unsound] == ["dead", "blocked", "leak", "offset"]


def test_a_calibration_belongs_to_one_robot(calibrated, tmp_path):
    driver, found = calibrated
    path, layout = tmp_path / "calibration.json", driver.capabilities.muscles
    found.save(path)
    assert Calibration.load(path, layout, serial=1) == found
    with pytest.raises(IdentityError, match=r"of robot 1.*expected robot 2"):
        Calibration.load(path, layout, serial=2)
    with pytest.raises(IdentityError, match="layout"):
        Calibration.load(path, replace(layout, names=layout.names[::-1]), serial=1)
    path.write_text(path.read_text().replace('"leak_pa_s": 0.0', '"leak_pa_s": 1.0', 1))
    with pytest.raises(ConfigurationError, match="changed"):
        Calibration.load(path, layout, serial=1)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Calibration.load(tmp_path / "none.json", layout, serial=1)


def test_the_test_pressure_stays_below_the_cap(calibrated):
    driver, _ = calibrated
    with driver, pytest.raises(ConfigurationError, match="at most the cap"):
        Calibrator(driver, driver.identify(), QUICK, cap_pa=100e3)
