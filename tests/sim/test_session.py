"""A run without ROS: when it steps, what pauses it, what a reset makes void, and how it ends."""

import numpy as np
import pytest

from kinesis_control.errors import ConfigurationError
from kinesis_control.safety.arming import ControlState
from kinesis_control.safety.gate import CommandGate
from kinesis_control.safety.limits import Command, Limits
from kinesis_sim.bodies import load_body
from kinesis_sim.session import Session, SessionConfig
from kinesis_sim.world import World

DT = 0.025


@pytest.fixture(scope="module")
def body():
    return load_body("legs80")


@pytest.fixture
def make(body):
    def session(**config):
        muscles = body.description.muscles
        gate = CommandGate(Limits(n_muscles=len(muscles), layout_hash=muscles.hash, slew_per_s=40.0, control_dt_s=DT))
        world = World(body, control_dt=DT, physics_dt=0.005, seed=config.get("seed", 0))
        return Session(world, gate, SessionConfig(**config))

    return session


@pytest.fixture
def armed(make):
    """An armed session whose state 0 is sent."""

    def session(**config):
        made = make(**config)
        assert made.gate.arm(made.now_s).success
        made.started = True
        made.publish_state()
        return made

    return session


def answer(session, value=0.1, seq=None, commander="me"):
    state = session.state
    command = Command(
        seq=state.seq if seq is None else seq,
        stamp_ns=state.stamp_ns,
        layout_hash=session.gate.limits.layout_hash,
        commander=commander,
        values=np.full(session.gate.limits.n_muscles, value),
        valid_for_s=0.1,
    )
    return session.submit(command, session.now_s)


def go(session, ticks, value=0.1):
    for _ in range(ticks):
        answer(session, value)
        assert session.ready and session.step(session.now_s)
        session.publish_state()


def test_nothing_moves_before_it_is_started(make):
    session = make()
    assert not session.may_step and session.world.tick == 0


def test_a_state_waits_for_its_own_answer(armed):
    session = armed()
    assert not session.ready
    answer(session, seq=5)
    assert not session.ready
    answer(session)
    assert session.ready


def test_a_refused_answer_is_an_answer_and_the_body_gets_none_of_it(armed):
    session = armed()
    result = answer(session, np.nan)
    assert not result.accepted and session.ready
    assert session.step(session.now_s)
    assert np.all(session.world.data.ctrl == 0.0)


def test_the_answer_of_a_second_commander_is_none(armed):
    session = armed()
    go(session, 1)
    assert not answer(session, commander="other").accepted
    assert not session.ready


def test_an_answer_to_a_state_that_a_reset_replaced_is_void(armed):
    session = armed()
    go(session, 2)
    old = session.state.seq
    assert session.reset(None, 0.0).success
    session.publish_state()
    assert answer(session, seq=old) is None
    assert session.gate.rejected == 0 and not session.ready
    assert answer(session).accepted


def test_paused_it_steps_as_far_as_asked(armed):
    session = armed()
    session.paused = True
    answer(session)
    assert not session.ready
    assert session.request_steps(2).success and session.steps_to == 2
    go(session, 2)
    answer(session)
    assert not session.ready


@pytest.mark.parametrize("ticks", [0, 10_001])
def test_wrong_requests_for_steps(armed, ticks):
    session = armed()
    assert not session.request_steps(1).success  # it runs
    session.paused = True
    assert not session.request_steps(ticks).success


def test_it_ends_exactly_at_its_duration_and_takes_no_answer_then(armed):
    session = armed(duration_s=3 * DT)
    go(session, 3)
    assert session.finished and not session.may_step
    assert answer(session) is None


def test_a_fall_is_released_and_armed_again_by_a_reset(armed):
    session = armed()
    session.state.fallen = True
    session.gate.sensors(session.state, session.now_s)
    assert session.gate.state is ControlState.FAULT
    session.reset(None, 0.0)
    session.publish_state()
    assert session.gate.state is ControlState.ARMED


@pytest.mark.parametrize("config", [{"auto_rearm": False}, {}])
def test_what_a_reset_must_not_release(armed, config):
    session = armed(**config)
    if config:
        session.lose_commander()
        expected = ControlState.FAULT
    else:
        session.gate.estop(session.now_s)
        expected = ControlState.ESTOPPED
    session.reset(None, 0.0)
    session.publish_state()
    assert session.gate.state is expected


def test_a_reset_in_a_fade_arms_when_the_fade_is_over(armed):
    session = armed()
    go(session, 2)
    session.lose_commander()
    assert session.gate.state is ControlState.FADING
    session.reset(None, 0.0)
    session.publish_state()
    go(session, 9)
    assert session.gate.state is ControlState.ACTIVE
    assert session.gate.faults.counts()["LOST_COMMANDER"] == 1


def test_broken_physics_is_a_fault_until_a_reset(armed):
    session = armed()
    go(session, 1)
    session.world.data.qvel[:] = 1e12
    answer(session)
    assert not session.step(session.now_s)
    assert session.broken and not session.may_step
    assert session.gate.state is ControlState.FAULT and "NON_FINITE_STATE" in session.gate.faults.counts()
    session.reset(None, 0.0)
    session.publish_state()
    go(session, 1)


@pytest.mark.parametrize("wrong", [{"perturbation": float("nan")}, {"perturbation": -1.0}, {"duration_s": float("inf")}])
def test_wrong_configuration(wrong):
    with pytest.raises(ConfigurationError):
        SessionConfig(**wrong)
