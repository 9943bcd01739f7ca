"""One page steers, and a velocity ends with the hand that holds it."""

from types import SimpleNamespace as Message

import pytest

from kinesis_control.safety.faults import Fault
from kinesis_sim.viewer.advice import ADVICE, explain
from kinesis_sim.viewer.control import HOLD_S, IDLE_S, Control, DeadMan
from kinesis_sim.viewer.status import goal_of


def test_one_page_steers_until_it_lets_go():
    control = Control()
    assert control.take(1, 0.0) and control.take(1, 1.0)
    assert not control.take(2, 2.0)
    assert not control.release(2)
    assert control.release(1) and control.take(2, 3.0)


def test_a_page_that_has_asked_for_nothing_for_long_keeps_nobody_from_steering():
    control = Control()
    assert control.take(1, 0.0) and control.take(1, 30.0)
    assert not control.take(2, 30.0 + IDLE_S - 1.0)
    assert control.take(2, 30.0 + IDLE_S) and not control.take(1, 31.0 + IDLE_S)


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
    assert explain("ESTOP")[0] == "The emergency stop was asked for." and explain("ESTOP")[2] == "stop"
    assert all(explain("NEWER_THAN_THIS_PAGE"))


def test_the_goal_of_the_body_whoever_sent_it_there():
    def activity(*turns):
        return Message(goal=[Message(position=Message(x=1.0, y=-2.0), orientation=Message(z=z, w=w)) for z, w in turns])

    assert goal_of(activity()) is None
    assert goal_of(activity((0.0, 0.0))) == (1.0, -2.0, None)
    assert goal_of(activity((0.5**0.5, 0.5**0.5))) == pytest.approx((1.0, -2.0, 1.5708), abs=1e-4)
