"""One page steers, and a velocity ends with the hand that holds it."""

from kinesis_control.safety.faults import Fault
from kinesis_sim.viewer.advice import ADVICE, explain
from kinesis_sim.viewer.control import HOLD_S, Control, DeadMan


def test_one_page_steers_until_it_lets_go():
    control = Control()
    assert control.take(1) and control.take(1)
    assert not control.take(2)
    assert not control.release(2)
    assert control.release(1) and control.take(2)


def test_a_velocity_that_nobody_repeats_ends_once():
    hand = DeadMan()
    hand.hold((1.0, 0.0, 0.0), 10.0)
    assert not hand.expired(10.0 + HOLD_S)
    hand.hold((1.0, 0.0, 0.0), 10.3)
    assert not hand.expired(10.1 + HOLD_S)
    assert hand.expired(10.31 + HOLD_S)
    assert not hand.expired(20.0)


def test_a_velocity_that_was_ended_is_not_ended_again():
    hand = DeadMan()
    hand.hold((0.0, 0.0, 0.5), 0.0)
    hand.hold((0.0, 0.0, 0.0), 0.1)
    assert not hand.expired(5.0) and not hand.let_go()
    hand.hold((0.0, 0.5, 0.0), 6.0)
    assert hand.let_go() and not hand.expired(9.0)


def test_every_fault_has_advice():
    assert set(ADVICE) == set(Fault) and all(ADVICE.values())
    assert explain("ESTOP")[0] == Fault.ESTOP.meaning
    assert all(explain("NEWER_THAN_THIS_PAGE"))
