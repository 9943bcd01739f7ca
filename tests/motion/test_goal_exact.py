"""kinesis_control/motion/plan/{approach,goal_exact,amounts}.py: exact ends of goals and amounts, with a body that follows badly."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from ideal_walker import CREEPING, DT, WIDE, Faults, Walker

from kinesis_control.motion.command import Abilities
from kinesis_control.motion.instruction import Direction, Instruction, Queueing, Skill, Understanding, Unit
from kinesis_control.motion.plan import Ending
from kinesis_control.motion.plan.approach import Approach, Goal, slowing
from kinesis_control.motion.plan.track import Track

NEAR_M, NEAR_RAD = 0.1, math.radians(10.0)
CLUMSY = Faults(gain=(0.8, 0.6, 0.75), delay=0.35, scatter=(0.05, 0.04, 0.08), sway=0.03, swing=0.1, slip=(0.04, 0.05))
LAZY = Faults(gain=(0.5, 0.5, 0.5), delay=0.5, scatter=(0.03, 0.03, 0.05), sway=0.02, swing=0.05, slip=(0.03, 0.03))
EAGER = Faults(gain=(1.2, 1.1, 1.2), delay=0.3, scatter=(0.05, 0.04, 0.08), sway=0.03, swing=0.1, slip=(0.04, 0.05))
STIFF = replace(LAZY, gain=(0.9, 0.7, 0.5), dead=(0.08, 0.06, 0.3), relax=(0.2, 0.2, 0.5), slip=(0.02, 0.02))
BODIES = {"exact": Faults(), "clumsy": CLUMSY, "lazy": LAZY, "eager": EAGER, "stiff": STIFF}


def asked(*instructions: Instruction) -> Understanding:
    return Understanding(understood=True, instructions=instructions, queueing=Queueing.REPLACE)


def amount(skill: Skill, value: float, unit: Unit = Unit.METRE, direction: Direction = Direction.NONE) -> Instruction:
    return Instruction(skill=skill, direction=direction, amount=value, unit=unit)


@pytest.mark.parametrize("faults", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("yaw", [None, 0.0, 1.5, -2.8])
def test_goals_are_reached_exactly(faults, yaw):
    rng, within = np.random.default_rng(5), 0
    for seed in range(6):
        goal = rng.uniform(-2.0, 2.0, 2)
        walker = Walker(CREEPING, faults=faults, seed=seed)
        ticket = walker.plan.goal(*goal, yaw, walker.state)[1]
        walker.run_until_idle()
        off = 0.0 if yaw is None else abs(math.remainder(walker.yaw - yaw, math.tau))
        assert walker.endings[-1][0] == ticket
        within += bool(np.hypot(walker.x - goal[0], walker.y - goal[1]) <= NEAR_M and off <= NEAR_RAD and walker.endings[-1][1] is Ending.SUCCEEDED)
    assert within >= (6 if faults == Faults() else 5)


def test_a_goal_is_quicker_there_than_by_legs():
    def took(abilities: Abilities, goal: tuple[float, float], yaw: float | None) -> float:
        walker = Walker(abilities)
        walker.plan.goal(*goal, yaw, walker.state)
        return walker.run_until_idle()

    for goal, yaw in (((-0.8, 0.0), 0.0), ((1.0, -1.0), 1.5), ((-0.6, 0.6), 0.0)):
        assert took(CREEPING, goal, yaw) < took(WIDE, goal, yaw) - 1.5, (goal, yaw)
    for goal, yaw in (((0.0, 0.6), 0.0), ((0.3, 0.1), None), ((2.0, 1.0), None), ((3.0, 0.0), None)):
        assert took(CREEPING, goal, yaw) < took(WIDE, goal, yaw) + 1.0, (goal, yaw)


@pytest.mark.parametrize(
    ("goal", "yaw", "name"),
    [
        ((2.0, 0.3), None, "walking"), ((-0.9, 0.1), 0.0, "walking backward"), ((0.05, 0.7), 0.0, "step"), ((0.3, 0.1), 0.0, "stepping"),
        ((-4.0, 0.0), None, "walking"), ((0.05, 0.0), 1.0, "stepping"),
    ],
)  # fmt: skip
def test_the_quickest_way_is_gone_and_said(goal, yaw, name):
    walker = Walker(CREEPING)
    text, _ = walker.plan.goal(*goal, yaw, walker.state)
    assert text.startswith(f"{name} to" if name != "step" else "stepping"), text


def test_nobody_is_told_to_stand_who_is_too_fast_to_stop_at_any_phase():
    track = Track(Walker().config)
    approach = Approach(Goal(x=0.0, y=0.0, yaw=0.0, tolerance=0.1, heading_tolerance=0.17), CREEPING, Walker().config)
    track.stop_wait = 0.4
    assert approach.wish(track) == (0.0, 0.0, 0.0)  # slows down
    track.stop_wait = 0.0
    assert approach.wish(track) is None


def test_a_body_that_does_not_answer_is_pushed_and_no_more_once_it_is_there():
    track = Track(Walker().config)
    approach = Approach(Goal(x=0.0, y=0.0, yaw=0.2, tolerance=0.1, heading_tolerance=0.17), CREEPING, Walker().config)
    turns = []
    for track.now in np.arange(0.0, 2.0, DT):
        turns.append(approach.wish(track)[2])
    assert turns[0] == pytest.approx(0.3) and turns[-1] > 0.5 and max(turns) <= 0.8 * CREEPING.max_turn_in_place
    track.yaw = 0.24
    assert approach.wish(track) is None or approach.wish(track)[2] == 0.0
    track.yaw = 0.4
    assert approach.wish(track)[2] == pytest.approx(-0.3, abs=0.02)


def test_a_body_that_does_not_come_nearer_is_told_so():
    walker = Walker(CREEPING, faults=Faults(gain=(1.0, 0.0, 1.0)))
    ticket = walker.plan.goal(0.0, 0.4, 0.0, walker.state)[1]
    assert walker.run_until_idle() < 20.0
    assert walker.endings == [(ticket, Ending.MISSED)] and "came no nearer for 6 s: standing" in walker.said[-1]


def test_a_wide_tolerance_is_not_polished_and_a_fine_one_is():
    def rounds(tolerance: float) -> float:
        walker = Walker(CREEPING, faults=Faults(slip=(0.04, 0.0)), seed=3)
        walker.plan.goal(1.0, 0.0, None, walker.state, tolerance=tolerance)
        took = walker.run_until_idle()
        assert walker.endings[-1][1] is Ending.SUCCEEDED and math.hypot(walker.x - 1.0, walker.y) <= tolerance
        return took

    assert rounds(0.3) < rounds(0.05)


AMOUNTS = (
    (amount(Skill.WALK, 3.0), 3.0, 0.0, 0.0),
    (amount(Skill.WALK, 0.4), 0.4, 0.0, 0.0),
    (amount(Skill.WALK, 1.0, direction=Direction.BACKWARD), -1.0, 0.0, 0.0),
    (amount(Skill.SIDE_STEP, 0.5, direction=Direction.LEFT), 0.0, 0.5, 0.0),
    (amount(Skill.TURN, math.radians(90.0), Unit.RADIAN, Direction.LEFT), 0.0, 0.0, 90.0),
    (amount(Skill.TURN, math.radians(180.0), Unit.RADIAN, Direction.RIGHT), 0.0, 0.0, -180.0),
    (amount(Skill.TURN, math.radians(720.0), Unit.RADIAN, Direction.LEFT), 0.0, 0.0, 720.0),
    (amount(Skill.TURN, math.radians(10.0), Unit.RADIAN, Direction.LEFT), 0.0, 0.0, 10.0),
)


@pytest.mark.parametrize("faults", BODIES.values(), ids=BODIES)
def test_amounts_are_exact(faults):
    missed = []
    for (what, x, y, degrees), seed in itertools.product(AMOUNTS, range(2)):
        walker = Walker(CREEPING, faults=faults, seed=seed)
        assert not walker.plan.say(asked(what)).startswith("refused")
        walker.run_until_idle()
        if math.hypot(walker.x - x, walker.y - y) > NEAR_M or abs(math.degrees(walker.yaw) - degrees) > 10.0:
            missed.append(walker.said[-1])
    assert len(missed) <= (0 if faults == Faults() else 3), missed


def test_a_turn_along_a_curve_ends_at_its_angle():
    walker = Walker(CREEPING, faults=CLUMSY)
    curve = Instruction(skill=Skill.CURVE, direction=Direction.LEFT, radius=2.0, amount=0.5 * math.pi, unit=Unit.RADIAN)
    walker.plan.say(asked(curve))
    walker.run_until_idle()
    assert math.degrees(walker.yaw) == pytest.approx(90.0, abs=10.0)


def test_what_follows_is_walked_into_without_last_steps():
    walker = Walker(CREEPING)
    walker.plan.say(asked(amount(Skill.WALK, 2.0), Instruction(skill=Skill.CURVE, direction=Direction.LEFT, radius=2.0, amount=1.0, unit=Unit.RADIAN)))
    walker.run(1.5)
    while not walker.said:
        assert float(walker.plan.command.speed) > 0.5
        walker.tick()


def test_steps_that_cannot_get_there_end_a_text_too():
    walker = Walker(CREEPING, faults=Faults(gain=(1.0, 0.0, 1.0)))
    walker.plan.say(asked(amount(Skill.SIDE_STEP, 0.5, direction=Direction.LEFT)))
    walker.run_until_idle()
    assert walker.endings[-1][1] in (Ending.MISSED, Ending.TIMED_OUT)


def test_place_and_heading_are_tracked_without_sway_and_swing():
    walker = Walker(CREEPING, faults=Faults(sway=0.04, swing=0.12))
    walker.plan.velocity(0.5, 0.0, 0.0, now=0.0)
    track: Track = walker.plan._track
    for _ in range(round(4.0 / DT)):
        walker.plan.renew_velocity(walker.time)
        walker.tick()
        assert abs(track.mid_y) < 0.03 and abs(track.yaw) < 0.06
    assert track.mid_x == pytest.approx(walker.x, abs=0.05)


def test_the_law_is_inside_the_creep_and_ends_at_the_goal():
    track = Track(Walker().config)
    approach = Approach(Goal(x=1.0, y=-1.0, yaw=2.0, tolerance=0.1, heading_tolerance=0.17), CREEPING, Walker().config)
    assert approach.wish(track) == (0.4, -0.2, 0.5)
    track.mid_x = 2.0
    assert approach.wish(track) == (-0.2, -0.2, 0.5)
    track.mid_x, track.mid_y, track.yaw = 1.0, -1.0, 2.0
    assert approach.wish(track) is None and not approach.again(track)
    assert slowing(-1.0, 0.4, 0.8) == pytest.approx(0.4) and slowing(1.0, 0.0, 0.8) == pytest.approx(math.sqrt(0.96))


def test_creep_comes_from_the_contract_and_meets_what_the_source_can():
    able = Abilities.from_training({"commands": {"creep": [0.4, 0.2, 0.5], "max_lateral": 0.3, "min_speed": -0.5}})
    assert able.creeps and able.creep == (0.4, 0.2, 0.5) and not Abilities().creeps
    less = able.within(Abilities(min_speed=-0.2, max_lateral=0.0, creep=(0.3, 0.0, 0.5)))
    assert (less.min_speed, less.max_lateral, less.creep, less.creeps) == (-0.2, 0.0, (0.3, 0.0, 0.5), False)
