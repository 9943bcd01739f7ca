"""End-to-end protection: whatever happens to a record on its way, a bank takes it only when it is whole, new and from the right one."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from kinesis_control.drivers.codecs import protection, valve_bank
from kinesis_control.drivers.codecs.bank_peer import BankPeer
from kinesis_control.drivers.codecs.protection import Seal, Verdict, arm_token, newer, session_key
from kinesis_control.drivers.codecs.valve_bank import COMMAND, Control

KEY, NONCE, LAYOUT = bytes(range(32)), b"boot-one", 0xBEEF


def peer(nonce=NONCE):
    return BankPeer(position=4, robot_key=KEY, nonce=nonce, layout_word=LAYOUT)


def command(*, control=Control.FOLLOW, counter=1, epoch=1, echo=100, nonce=NONCE, key=None, **fields):
    _, records, rows = valve_bank.image(COMMAND, 1)
    values = {"data_id": valve_bank.COMMAND_ID + 4, "version": 1, "control": control, "counter": counter, "epoch": epoch, "echo": echo, "ttl_ms": 20}
    for name, value in {**values, "channels": 10, "layout": LAYOUT, "pressure": 500, **fields}.items():
        records[name] = value
    Seal(session_key(KEY, epoch) if key is None else key, nonce if epoch else protection.NO_NONCE).close(rows[0])
    return rows[0]


def test_a_sound_command_is_taken_once():
    bank = peer()
    verdict, taken = bank.take(command(), 110)
    assert verdict is Verdict.OK and taken.control is Control.FOLLOW and (taken.counts == 500).all() and bank.epoch == 1
    assert bank.take(command(), 110) == (Verdict.COUNTER, None)
    assert bank.take(command(counter=2), 111)[0] is Verdict.OK


@given(bit=st.integers(0, 8 * COMMAND.itemsize - 1))
def test_no_flipped_bit_passes(bit):
    record = bytearray(command())
    record[bit // 8] ^= 1 << bit % 8
    assert peer().take(memoryview(record), 110)[1] is None


@given(data=st.binary(max_size=80))
def test_garbage_never_passes_nor_raises(data):
    assert peer().take(memoryview(data), 110)[1] is None


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"data_id": valve_bank.COMMAND_ID + 5}, Verdict.ADDRESS),
        ({"data_id": valve_bank.STATE_ID + 4}, Verdict.ADDRESS),
        ({"version": 2}, Verdict.FORMAT),
        ({"control": 9}, Verdict.FORMAT),
        ({"channels": 9}, Verdict.FORMAT),
        ({"layout": 1}, Verdict.LAYOUT),
        ({"echo": 10}, Verdict.AGE),
        ({"echo": 200}, Verdict.AGE),
        ({"key": bytes(32)}, Verdict.MAC),
        ({"nonce": b"boot-two"}, Verdict.MAC),
        ({"epoch": 0}, Verdict.STALE_EPOCH),
        ({"control": Control.IDENT}, Verdict.FORMAT),
    ],
)
def test_each_check_by_its_name(change, verdict):
    assert peer().take(command(**change), 110) == (verdict, None)


def test_cut_short_or_too_long():
    whole = bytes(command())
    assert peer().take(memoryview(whole[:-1]), 110)[0] is Verdict.LENGTH
    assert peer().take(memoryview(whole + b"\0"), 110)[0] is Verdict.LENGTH


def test_a_forger_without_the_key_only_gets_the_crc_right():
    record = command(key=b"x" * 32)
    assert protection.intact(record)
    assert peer().take(record, 110)[0] is Verdict.MAC


def test_an_old_epoch_is_stale_for_good():
    bank = peer()
    assert bank.take(command(epoch=7), 110)[0] is Verdict.OK
    assert bank.take(command(epoch=6, counter=99), 110)[0] is Verdict.STALE_EPOCH
    assert bank.take(command(epoch=9, counter=0), 110)[0] is Verdict.OK, "a counter begins anew in a new epoch"


def test_a_forged_epoch_does_not_end_the_one_in_force():
    bank = peer()
    bank.take(command(epoch=3), 110)
    assert bank.take(command(epoch=8, key=session_key(KEY, 3)), 110)[0] is Verdict.MAC
    assert bank.take(command(epoch=3, counter=2), 110)[0] is Verdict.OK


def test_what_was_recorded_before_a_reboot_is_worthless_after_it():
    record = command()
    assert peer().take(record, 110)[0] is Verdict.OK
    assert peer(nonce=b"boot-two").take(record, 110)[0] is Verdict.MAC


def test_the_counter_may_wrap():
    bank = peer()
    for counter in (0xFFFFFFFE, 0xFFFFFFFF, 0, 1):
        assert bank.take(command(counter=counter), 110)[0] is Verdict.OK
    assert bank.take(command(counter=0xFFFFFFFF), 110)[0] is Verdict.COUNTER


@given(start=st.integers(0, 2**32 - 1), step=st.integers(1, 2**31 - 1))
def test_newer_is_a_direction(start, step):
    ahead = (start + step) % 2**32
    assert newer(ahead, start) and not newer(start, ahead) and not newer(start, start)


def arm(count, token, **changes):
    values = np.frombuffer(count.to_bytes(4, "little") + token + bytes(8), "<u2")
    return command(control=Control.ARM, pressure=values, **changes)


def test_an_arm_token_works_once_in_its_epoch():
    bank = peer()
    token = arm_token(KEY, 1, 1)
    assert bank.take(arm(1, token), 110)[1].arm_count == 1
    assert bank.take(arm(1, token, counter=2), 110)[1].arm_count == 0, "used up"
    assert bank.take(arm(2, token, counter=3), 110)[1].arm_count == 0, "for another count"
    assert bank.take(arm(2, arm_token(KEY, 1, 2), counter=4), 110)[1].arm_count == 2
    assert bank.take(arm(3, arm_token(KEY, 1, 3), counter=1, epoch=2), 110)[1].arm_count == 0, "for another epoch"


def test_everyone_may_ask_who_a_bank_is():
    bank = peer()
    bank.take(command(epoch=5), 110)
    verdict, taken = bank.take(command(epoch=0, control=Control.IDENT, counter=0), 5000)
    assert verdict is Verdict.OK and taken.control is Control.IDENT
    assert bank.counter == 1 and bank.epoch == 5, "it counts as nothing else"


def test_known_bytes():
    """The contract in bytes: an implementation in another language can check itself against these."""
    assert session_key(KEY, 1).hex() == "7be9f9bf3797103f936077d2701b551fc757b0a971beeb210c5c211dafa14382"
    assert arm_token(KEY, 1, 1).hex() == "f67ef16928af7f82"
    assert bytes(command()).hex() == "04c10102010000000100000064000000140aefbef401f401f401f401f401f401f401f401f401f40123ef51fae60c228ac5dc314d"


@settings(max_examples=50)
@given(values=st.lists(st.floats(-2e4, 1.3e6), min_size=10, max_size=10))
def test_counts_round_trip(values):
    pressures = np.array(values)
    counts = valve_bank.state_counts(pressures)
    back = (counts.astype(float) - valve_bank.PRESSURE_SHIFT) * valve_bank.PRESSURE_PA
    np.testing.assert_allclose(back, np.clip(pressures, -1e4, 1.300680e6), atol=10.0 + 1e-6)
    assert valve_bank.state_counts(np.array([np.nan]))[0] == valve_bank.NO_READING
    assert (valve_bank.to_counts(pressures) <= valve_bank.MAX_COUNT).all()
