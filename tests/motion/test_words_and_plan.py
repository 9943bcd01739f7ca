"""kinesis_control/motion/words.py and plan.py: what texts, velocities and goals become."""

import math

import numpy as np
import pytest

from kinesis_control.body_state import BodyState
from kinesis_control.motion.plan import MotionPlan
from kinesis_control.motion.words import parse


def state_at(x: float = 0.0, y: float = 0.0, yaw: float = 0.0) -> BodyState:
    empty = np.zeros(1)
    return BodyState(
        root_position=np.array([x, y, 0.9]), root_quaternion=np.array([math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2)]),
        joint_position=empty, joint_velocity=empty, muscle_length=empty, muscle_velocity=empty, muscle_tension=empty,
        muscle_activation=empty, contact_force=empty,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "speed", "yaw_rate"),
    [
        ("stand", 0.0, 0.0), ("STOP!", 0.0, 0.0), ("please stop now", 0.0, 0.0), ("walk", 0.9, 0.0), ("walk forward", 0.9, 0.0),
        ("walk at 0.7 m/s", 0.7, 0.0), ("walk slowly", 0.6, 0.0), ("go fast", 1.1, 0.0), ("turn left", 0.9, 0.35),
        ("walk slowly to the right", 0.6, -0.35), ("keep walking straight ahead", 0.9, 0.0), ("stand still", 0.0, 0.0),
    ],
)  # fmt: skip
def test_understood(text: str, speed: float, yaw_rate: float) -> None:
    intent = parse(text)
    assert intent.understood, intent.reply
    assert (intent.speed, intent.yaw_rate) == (speed, yaw_rate)


@pytest.mark.parametrize(
    "text", ["do a backflip", "", "   ", "\x00\x07", "walk 3 metres", "ходи", "turn", "left right", "the", "x" * 100_000, "walk; rm -rf", "walk at -1 m/s"]
)
def test_refused_with_what_it_can_do(text: str) -> None:
    intent = parse(text)
    assert not intent.understood
    assert "walk at 0.8 m/s" in intent.reply and len(intent.reply) < 400
    assert intent.reply.isprintable()


def test_a_refused_text_changes_nothing() -> None:
    plan = MotionPlan()
    plan.say("walk")
    plan.say("do a backflip")
    plan.update(state_at(), 0.0)
    assert float(plan.command.speed) == 0.9


def test_faster_slower_and_stop() -> None:
    plan = MotionPlan()
    plan.say("walk")
    plan.say("faster")
    plan.update(state_at(), 0.0)
    assert float(plan.command.speed) == pytest.approx(1.1)
    plan.say("slower")
    plan.say("slower")
    plan.update(state_at(), 0.0)
    assert float(plan.command.speed) == pytest.approx(0.7)
    plan.say("stop")
    plan.update(state_at(), 0.0)
    assert float(plan.command.speed) == 0.0 and plan.mode == "stand"


def test_too_fast_is_limited_and_said() -> None:
    plan = MotionPlan()
    assert "limited to 1.20 m/s" in plan.say("walk at 5 m/s")
    plan.update(state_at(), 0.0)
    assert float(plan.command.speed) == 1.2


def test_a_velocity_times_out_to_standing() -> None:
    plan = MotionPlan()
    assert plan.velocity(0.8, 0.1, now=10.0) == ""
    assert plan.update(state_at(), 10.4) == ""
    assert (float(plan.command.speed), float(plan.command.yaw_rate)) == (0.8, 0.1)
    assert "standing" in plan.update(state_at(), 10.6)
    assert float(plan.command.speed) == 0.0


@pytest.mark.parametrize("bad", [(math.nan, 0.0), (0.5, math.inf)])
def test_non_finite_velocity_is_refused(bad: tuple[float, float]) -> None:
    plan = MotionPlan()
    plan.say("walk")
    assert "refused" in plan.velocity(*bad, now=0.0)
    plan.update(state_at(), 0.0)
    assert float(plan.command.speed) == 0.9


@pytest.mark.parametrize("bad", [(math.nan, 0.0), (0.0, math.inf), (1000.0, 0.0)])
def test_bad_goals_are_refused_and_change_nothing(bad: tuple[float, float]) -> None:
    plan = MotionPlan()
    assert "refused" in plan.goal(*bad, state_at())
    assert plan.mode == "stand"


@pytest.mark.parametrize("goal", [(3.0, 0.0), (0.0, 2.0), (-2.0, 0.0), (0.4, 0.4), (-0.5, 0.2), (5.0, -4.0)])
def test_an_ideal_walker_reaches_the_goal(goal: tuple[float, float]) -> None:
    """A point that follows the command exactly, with the generator's accelerations, gets there and stands."""
    plan, x, y, yaw, speed, turn, dt = MotionPlan(), 0.0, 0.0, 0.0, 0.0, 0.0, 0.025
    plan.goal(*goal, state_at())
    reply = ""
    for tick in range(4000):
        reply = plan.update(state_at(x, y, yaw), tick * dt) or reply
        speed += float(np.clip(plan.command.speed - speed, -0.6 * dt, 0.6 * dt))
        turn += float(np.clip(plan.command.yaw_rate - turn, -1.0 * dt, 1.0 * dt))
        yaw += turn * dt
        x, y = x + speed * math.cos(yaw) * dt, y + speed * math.sin(yaw) * dt
    assert "goal reached" in reply
    assert math.hypot(x - goal[0], y - goal[1]) < 0.35
