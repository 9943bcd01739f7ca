"""kinesis_control/motion/plan/: what words, velocities, goals and clips become."""

import math

import numpy as np
import pytest
from ideal_walker import DT, SHIPPED, WIDE, Walker

from kinesis_control.errors import ConfigurationError
from kinesis_control.motion.clip import MotionClip
from kinesis_control.motion.command import Abilities
from kinesis_control.motion.instruction import Direction, Instruction, Queueing, Skill, Understanding, Unit
from kinesis_control.motion.plan import Ending, MotionPlan

WALK = Instruction(skill=Skill.WALK)
LEFT, RIGHT, BACK = Direction.LEFT, Direction.RIGHT, Direction.BACKWARD


def asked(*instructions: Instruction, queueing: Queueing = Queueing.REPLACE, pace: float = 1.0) -> Understanding:
    return Understanding(understood=True, instructions=instructions, queueing=queueing, pace_change=pace)


def walk(metres: float, **more) -> Instruction:
    return Instruction(skill=Skill.WALK, amount=metres, unit=Unit.METRE, **more)


def turn(degrees: float, side: Direction = LEFT) -> Instruction:
    return Instruction(skill=Skill.TURN, direction=side, amount=math.radians(degrees), unit=Unit.RADIAN)


def clip(seconds: float = 2.0) -> MotionClip:
    n = round(40 * seconds) + 1
    unit = np.tile([1.0, 0.0, 0.0, 0.0], (n, 1))
    zeros = np.zeros((n, 3))
    return MotionClip(
        name="wave", rate_hz=40.0, root_position=zeros, root_quaternion=unit, root_linear_velocity=zeros, root_angular_velocity=zeros,
        joint_position=zeros, joint_velocity=zeros, key_body_position=np.zeros((n, 0, 3)), contact=np.zeros((n, 2)),
    )  # fmt: skip


@pytest.mark.parametrize("abilities", [SHIPPED, WIDE])
@pytest.mark.parametrize("metres", [0.5, 1.0, 3.0, 10.0])
def test_metres(abilities, metres):
    walker = Walker(abilities)
    walker.plan.say(asked(walk(metres)))
    walker.run_until_idle()
    assert walker.x == pytest.approx(metres, abs=0.05) and walker.y == pytest.approx(0.0, abs=0.01)
    assert walker.said[-1].startswith("done: walking") and walker.said[-1].endswith("standing")


@pytest.mark.parametrize(("abilities", "spot"), [(SHIPPED, False), (WIDE, True)])
@pytest.mark.parametrize("degrees", [45.0, 90.0, 180.0, 360.0, 720.0])
@pytest.mark.parametrize("side", [LEFT, RIGHT])
def test_degrees(abilities, spot, degrees, side):
    walker = Walker(abilities)
    reply = walker.plan.say(asked(turn(degrees, side)))
    assert ("on the spot" in reply) and (("walking curve" in reply) is not spot)
    walker.run_until_idle()
    assert math.degrees(walker.yaw) == pytest.approx(degrees if side is LEFT else -degrees, abs=4.0)
    assert (math.hypot(walker.x, walker.y) < 0.01) is spot or degrees >= 360.0


def test_a_circle_by_radius_comes_back_to_where_it_began():
    walker = Walker()
    reply = walker.plan.say(asked(Instruction(skill=Skill.CURVE, direction=RIGHT, radius=3.0, amount=math.tau, unit=Unit.RADIAN)))
    assert "radius 3.0 m" in reply
    walker.run(0.5)
    walker.run_until_idle()
    assert math.hypot(walker.x, walker.y) < 0.3 and walker.yaw == pytest.approx(-math.tau, abs=0.1)


def test_a_radius_too_small_is_limited_and_said():
    reply = Walker().plan.say(asked(Instruction(skill=Skill.CURVE, direction=LEFT, radius=0.3, running=True)))
    assert "at 0.80 m/s (as fast as it can in this curve)" in reply
    assert "radius 2.0 m" in reply and "0.3 m was asked for" in reply


def test_seconds_and_steps():
    walker = Walker()
    walker.plan.say(asked(Instruction(skill=Skill.WALK, amount=5.0, unit=Unit.SECOND)))
    assert walker.run_until_idle() == pytest.approx(5.0, abs=1.7)  # the rest is the end of the ramp, and settling
    assert "4 steps (1.9 m)" in walker.plan.say(asked(Instruction(skill=Skill.WALK, amount=4, unit=Unit.STEP)))
    before = walker.x
    walker.run_until_idle()
    assert 4 * 0.45 < walker.x - before < 4 * 0.65


@pytest.mark.parametrize("degrees", [0.0, 40.0, 120.0, -170.0])
@pytest.mark.parametrize(("abilities", "yaw"), [(SHIPPED, None), (WIDE, None), (SHIPPED, 1.0), (WIDE, -2.0)])
def test_goals_all_around(abilities, yaw, degrees):
    goal = 1.7 * math.cos(math.radians(degrees)), 1.7 * math.sin(math.radians(degrees))
    walker = Walker(abilities)
    text, ticket = walker.plan.goal(*goal, yaw, walker.state)
    assert "walking to" in text and ("facing" in text) is (yaw is not None)
    walker.run_until_idle()
    assert walker.endings[-1] == (ticket, Ending.SUCCEEDED) and "goal reached" in walker.said[-1]
    assert math.hypot(walker.x - goal[0], walker.y - goal[1]) < 0.1
    if yaw is not None:
        assert abs(math.remainder(walker.yaw - yaw, math.tau)) < 0.2


@pytest.mark.parametrize("bad", [(math.nan, 0.0, None), (0.0, math.inf, None), (0.0, 0.0, math.nan), (1000.0, 0.0, 0.0)])
def test_bad_goals_are_refused_and_change_nothing(bad):
    walker = Walker()
    walker.plan.say(asked(WALK))
    text, ticket = walker.plan.goal(*bad, walker.state)
    assert text.startswith("goal refused:") and ticket == 0
    assert walker.plan.mode == "walk"


def test_a_goal_that_takes_too_long_is_given_up():
    walker = Walker()
    ticket = walker.plan.goal(50.0, 0.0, None, walker.state, time_limit=2.0)[1]
    walker.run_until_idle()
    assert walker.endings == [(ticket, Ending.TIMED_OUT)] and "gave up after 2 s" in walker.said[-1]


def test_what_is_beyond_the_body_is_refused_as_a_whole():
    walker = Walker()
    for what in (walk(2.0, direction=BACK), Instruction(skill=Skill.SIDE_STEP, direction=LEFT), Instruction(skill=Skill.KICK)):
        reply = walker.plan.say(asked(walk(1.0), what))
        assert reply.startswith("refused:") and "I can: stand, walk forward" in reply
    walker.run(1.0)
    assert walker.plan.idle and walker.x == 0.0


@pytest.mark.parametrize(
    ("what", "x", "y"),
    [(walk(1.0, direction=BACK), -1.0, 0.0), (Instruction(skill=Skill.SIDE_STEP, direction=RIGHT, amount=0.6, unit=Unit.METRE), 0.0, -0.6)],
)
def test_a_body_that_can_goes_backward_and_sideways(what, x, y):
    walker = Walker(WIDE)
    walker.plan.say(asked(what))
    walker.run_until_idle()
    assert (walker.x, walker.y) == (pytest.approx(x, abs=0.05), pytest.approx(y, abs=0.05))


def test_there_and_back():
    walker = Walker(WIDE)
    walker.plan.say(asked(walk(2.0), turn(180.0), Instruction(skill=Skill.WALK, returning=True)))
    walker.run_until_idle()
    assert math.hypot(walker.x, walker.y) < 0.15 and abs(math.remainder(walker.yaw - math.pi, math.tau)) < 0.1
    assert [text.split(":")[0] for text in walker.said] == ["done"] * 3


def test_what_is_said_with_then_waits_for_its_turn():
    walker = Walker()
    walker.plan.say(asked(walk(2.0)))
    walker.run(1.0)
    reply = walker.plan.say(asked(walk(1.0), queueing=Queueing.APPEND))
    assert reply.startswith("after that:")
    walker.run_until_idle()
    assert walker.x == pytest.approx(3.0, abs=0.1) and len(walker.said) == 2


def test_the_queue_has_an_end():
    plan = MotionPlan()
    plan.say(asked(walk(2.0)))
    replies = [plan.say(asked(walk(1.0), queueing=Queueing.APPEND)) for _ in range(plan.config.max_queue + 1)]
    assert replies[-1].startswith("refused:") and not replies[-2].startswith("refused:")


def test_stop_at_once_with_everything_that_waits():
    walker = Walker()
    walker.plan.say(asked(walk(5.0), walk(5.0)))
    walker.run(2.0)
    walker.plan.say(asked(Instruction(skill=Skill.STAND)))
    walker.tick()
    assert float(walker.plan.command.speed) == 0.0 and walker.plan.idle
    walker.run(20.0)
    assert walker.x < 2.0


def test_faster_and_slower_keep_what_is_done():
    walker = Walker()
    assert walker.plan.say(asked(queueing=Queueing.CHANGE, pace=1.25)).startswith("refused:")
    walker.plan.say(asked(Instruction(skill=Skill.CURVE, direction=LEFT, radius=4.0)))
    walker.run(2.0)
    before = float(walker.plan.command.speed), float(walker.plan.command.yaw_rate)
    walker.plan.say(asked(queueing=Queueing.CHANGE, pace=0.8))
    walker.tick()
    assert float(walker.plan.command.speed) == pytest.approx(0.8 * before[0])
    assert float(walker.plan.command.yaw_rate) == pytest.approx(0.8 * before[1])


def test_too_fast_is_limited_and_said():
    walker = Walker()
    assert "limited to 1.20 m/s" in walker.plan.say(asked(Instruction(skill=Skill.WALK, speed=5.0)))
    walker.tick()
    assert float(walker.plan.command.speed) == 1.2


def test_a_refused_text_changes_nothing():
    walker = Walker()
    walker.plan.say(asked(WALK))
    reply = walker.plan.say(Understanding(understood=False, reply="not understood: 'sing'; I can walk"))
    assert reply == "refused: not understood: 'sing'; I can walk"
    walker.tick()
    assert float(walker.plan.command.speed) == 0.6


def test_a_velocity_times_out_to_standing():
    walker = Walker()
    assert walker.plan.velocity(0.8, 0.0, 0.1, now=walker.time) == ""
    walker.run(0.4)
    assert (float(walker.plan.command.speed), float(walker.plan.command.yaw_rate)) == (0.8, 0.1)
    walker.run(0.3)
    assert float(walker.plan.command.speed) == 0.0 and "no velocity command" in walker.said[-1]


def test_a_velocity_is_kept_inside_the_abilities():
    plan = MotionPlan(SHIPPED)
    assert "limited to 0.80 m/s, 0.00 m/s to the left" in plan.velocity(0.8, 0.3, 0.0, now=0.0)
    assert "limited to 0.00 m/s and 0.00 rad/s" in plan.velocity(-0.5, 0.0, 0.5, now=0.0)
    wide = MotionPlan(WIDE)
    assert wide.velocity(-0.5, 0.2, 0.5, now=0.0) == "" and wide.velocity(0.0, 0.0, 0.8, now=0.0) == ""


@pytest.mark.parametrize("bad", [(math.nan, 0.0, 0.0), (0.5, math.inf, 0.0), (0.5, 0.0, math.nan)])
def test_non_finite_velocity_is_refused(bad):
    walker = Walker()
    walker.plan.say(asked(WALK))
    assert walker.plan.velocity(*bad, now=0.0).startswith("velocity refused:")
    walker.tick()
    assert float(walker.plan.command.speed) == 0.6


def test_whoever_waits_hears_why_it_ended():
    walker = Walker()
    first = walker.plan.goal(3.0, 0.0, None, walker.state)[1]
    walker.run(0.5)
    second = walker.plan.goal(4.0, 0.0, None, walker.state)[1]
    walker.run(0.5)
    walker.plan.cancel(first, "cancelled")  # is over already
    walker.run(0.5)
    walker.plan.cancel(second, "cancelled")
    third = walker.plan.play(clip())[1]
    walker.run(0.5)
    walker.plan.say(asked(WALK))
    walker.tick()
    assert walker.endings[:3] == [(first, Ending.PREEMPTED), (second, Ending.CANCELED), (third, Ending.PREEMPTED)]
    assert "a new goal" in walker.said[0] and "cancelled" in walker.said[1] and "new words" in walker.said[2]


def test_a_fall_ends_everything_and_a_reset_begins_anew():
    walker = Walker()
    ticket = walker.plan.goal(3.0, 0.0, None, walker.state)[1]
    walker.run(1.0)
    walker.fallen = True
    walker.tick()
    assert walker.endings == [(ticket, Ending.FALLEN)] and float(walker.plan.command.speed) == 0.0
    assert "fallen" in walker.plan.say(asked(WALK)) and "fallen" in walker.plan.goal(1.0, 0.0, None, walker.state)[0]
    walker.fallen = False
    walker.plan.forget()
    walker.tick()
    assert not walker.plan.say(asked(WALK)).startswith("refused")


def test_a_halted_body_takes_only_stop():
    walker = Walker()
    ticket = walker.plan.goal(3.0, 0.0, None, walker.state)[1]
    walker.run(1.0)
    walker.plan.halt("the body is e-stopped")
    walker.tick()
    assert walker.endings == [(ticket, Ending.STOPPED)]
    assert "e-stopped" in walker.plan.say(asked(WALK)) and "e-stopped" in walker.plan.velocity(1.0, 0.0, 0.0, now=2.0)
    assert not walker.plan.say(asked(Instruction(skill=Skill.STAND))).startswith("refused")
    walker.plan.halt("")
    assert not walker.plan.say(asked(WALK)).startswith("refused")


def test_a_clip_is_played_to_its_end_and_bad_requests_are_refused():
    walker = Walker()
    for bad in ({"start": 2.5}, {"start": -1.0}, {"start": math.nan}, {"rate": 0.0}, {"rate": 9.0}):
        text, ticket = walker.plan.play(clip(), **bad)
        assert text.startswith("refused:") and ticket == 0
    ticket = walker.plan.play(clip(), start=0.5, repetitions=2, rate=2.0)[1]
    walker.tick()
    assert walker.plan.playing is not None and walker.plan.mode == "clip"
    took = walker.run_until_idle()
    assert took == pytest.approx((2 * 2.0 - 0.5) / 2.0, abs=3 * DT)
    assert walker.endings == [(ticket, Ending.SUCCEEDED)]


def test_abilities_come_from_the_contract():
    assert Abilities.from_training({}) == SHIPPED
    assert Abilities.from_training({"commands": {"min_speed": -0.6, "max_lateral": 0.3, "something_else": "x"}}) == Abilities(min_speed=-0.6, max_lateral=0.3)
    assert Abilities.from_training({"commands": {"min_speed": 0.5, "max_turn": 0.4}}) == SHIPPED  # as the first policies put it
    for bad in ({"min_speed": math.inf}, {"max_speed": "fast"}, {"max_yaw_rate": -0.1}, {"max_speed": math.nan}):
        with pytest.raises(ConfigurationError, match=next(iter(bad))):
            Abilities.from_training({"commands": bad})
