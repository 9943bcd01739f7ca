"""kinesis_control/motion/sources.py, clip_player.py, matching.py and frames.py: every change of the reference is smooth."""

import math
from dataclasses import replace

import numpy as np
import pytest
from made_up_clips import follow, made_up_clip

from kinesis_control.body_state import BodyState
from kinesis_control.errors import ConfigurationError
from kinesis_control.motion.command import Abilities, MotionCommand
from kinesis_control.motion.frames import Frames
from kinesis_control.motion.generator import heading
from kinesis_control.motion.instruction import Instruction, Skill, Understanding
from kinesis_control.motion.matching import MotionMatcher
from kinesis_control.motion.plan import MotionPlan
from kinesis_control.motion.sources import ReferenceSources

DT, OFFSETS = 0.025, np.array([0.025, 0.1, 0.3])


@pytest.fixture(scope="module")
def body():
    pytest.importorskip("mujoco")
    from kinesis_sim.bodies import load_body

    return load_body("legs80").description


@pytest.fixture(scope="module")
def walk(body):
    return made_up_clip(body, "walk", 0.9)


def at_rest(body, x=0.0, y=0.0, yaw=0.0) -> BodyState:
    state = BodyState.zeros(body)
    state.root_position[:] = x, y, body.standing_height
    state.root_quaternion[:] = math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2)
    return state


class Run:
    """Sources with a body that follows the first row exactly; keeps the first rows."""

    def __init__(self, body, clips=None, yaw=0.0):
        self.state = at_rest(body, 1.0, -2.0, yaw)
        self.plan, self.sources, self.time = MotionPlan(), ReferenceSources(body, OFFSETS, clips), 0.0
        self.sources.reset(self.state)
        self.root, self.joints, self.yaw, self.motion, self.said = [], [], [], [], []

    def tick(self, command=None):
        self.said += [e.text for e in self.plan.update(self.state, self.time)]
        wanted = command or self.plan.command
        window = self.sources.update(self.state, wanted, self.plan.playing, self.time, DT if self.root else 0.0)
        follow(self.state, window)
        self.root.append(window.root_position[0].copy())
        self.joints.append(window.joint_position[0].copy())
        self.yaw.append(float(heading(window.root_quaternion[0])))
        self.motion.append(window.motion)
        assert np.isfinite(window.joint_velocity).all() and np.allclose(np.linalg.norm(window.root_quaternion, axis=-1), 1.0)
        self.time += DT

    def jumps(self):
        """Largest change in a tick of joints [rad] and root [m]."""
        return np.abs(np.diff(self.joints, axis=0)).max(), np.linalg.norm(np.diff(self.root, axis=0)[:, :2], axis=1).max()


def test_a_clip_begins_where_the_body_is_and_ends_standing(body, walk):
    run = Run(body, yaw=1.0)
    for _ in range(40):
        run.tick()
    text, ticket = run.plan.play(walk)
    assert "walk" in text and ticket
    while not run.plan.idle:
        run.tick()
    for _ in range(80):
        run.tick()
    start, end = run.root[40], run.root[-1]
    way = walk.root_position[-1, :2] - walk.root_position[0, :2]
    made = end[:2] - start[:2]
    # It went on along the body's heading, as far as the clip goes and a little for the last steps.
    assert math.atan2(made[1], made[0]) == pytest.approx(1.0, abs=0.15)
    assert np.hypot(*way) - 0.3 < np.hypot(*made) < np.hypot(*way) + 1.2
    joints, root = run.jumps()
    steady = np.abs(np.diff(walk.joint_position, axis=0)).max()
    assert joints < 2.5 * steady and root < 0.05
    assert run.motion[60] == "walk"
    assert "done: playing 'walk'" in run.said[-1]
    assert np.abs(run.joints[-1] - run.joints[0]).max() < 0.02


def test_repetitions_go_on_from_where_the_last_one_ended(body, walk):
    run = Run(body)
    run.plan.play(walk, repetitions=3)
    while not run.plan.idle:
        run.tick()
    way = np.hypot(*(walk.root_position[-1, :2] - walk.root_position[0, :2]))
    assert np.hypot(*(run.root[-1] - run.root[0])[:2]) == pytest.approx(3.0 * way, rel=0.1)
    assert run.jumps()[1] < 0.05


def test_errors_of_the_tracking_are_counted(body, walk):
    run = Run(body)
    run.plan.play(walk)
    for _ in range(60):
        run.tick()
    p = run.plan.progress()
    assert p.frames == 60 and 0.0 <= p.mean_joint_error < 0.2 and 0.0 < p.clip_time < walk.duration_s


def test_a_clip_that_ends_in_mid_stride_is_walked_out(body, walk):
    run = Run(body)
    run.plan.play(walk)
    while not run.plan.idle:
        run.tick()
    end = len(run.root)
    for _ in range(60):
        run.tick()
    way = np.diff(np.array(run.root)[end - 4 : end + 20, :2], axis=0)
    assert np.linalg.norm(way[0]) / DT > 0.7  # it ends at the speed of the walk,
    assert np.linalg.norm(np.diff(way, axis=0), axis=1).max() / DT**2 < 6.0  # which a stop at once would end with 36 m/s^2


@pytest.fixture(scope="module")
def clips(body):
    from kinesis_sim.bodies import load_body
    from kinesis_sim.kinematics import KeyBodyKinematics

    feet = KeyBodyKinematics(load_body("legs80"))
    made = [made_up_clip(body, f"v{v}w{w}", v, w) for v, w in ((0.6, 0.0), (1.0, 0.0), (0.8, 0.3), (0.8, -0.3))]
    return [replace(c, key_body_position=feet(c.root_position, c.root_quaternion, c.joint_position)) for c in made]


def steady(run: Run, command: tuple[float, float, float], seconds: float = 6.0) -> tuple[float, float]:
    """Speed [m/s] and turn rate [rad/s] over the last half of some seconds of a command."""
    for _ in range(round(seconds / DT)):
        run.tick(MotionCommand(**dict(zip(("speed", "lateral", "yaw_rate"), map(np.array, command), strict=True))))
    half = round(0.5 * seconds / DT)
    way = np.linalg.norm(np.diff(run.root, axis=0)[-half:, :2], axis=1)
    return way.mean() / DT, float(np.unwrap(run.yaw)[-1] - np.unwrap(run.yaw)[-half]) / (half - 1) / DT


def test_matching_follows_the_command_and_stands(body, clips):
    run = Run(body, clips)
    steady(run, (0.0, 0.0, 0.0), 0.5)
    assert steady(run, (1.0, 0.0, 0.0), 8.0) == pytest.approx((1.0, 0.0), abs=0.06)
    assert run.sources.maker == "matching"
    assert steady(run, (0.8, 0.0, 0.3)) == pytest.approx((0.8, 0.3), abs=0.06)
    assert "v1.0w0.0" in run.motion
    steady(run, (0.0, 0.0, 0.0), 3.0)
    assert np.abs(np.diff(run.root[-20:], axis=0)).max() < 1e-3 and run.sources.maker == "generator"
    assert steady(run, (0.6, 0.0, 0.0)) == pytest.approx((0.6, 0.0), abs=0.06)
    joints, root = run.jumps()
    assert joints < 2.5 * np.abs(np.diff(clips[1].joint_position, axis=0)).max() and root < 0.05


@pytest.mark.parametrize("command", [(0.8, 0.0, 0.0), (0.5, 0.0, 0.0), (1.0, 0.0, 0.2), (0.6, 0.0, -0.3)])
def test_what_lies_between_the_clips_is_steered(body, clips, command):
    run = Run(body, clips)
    assert steady(run, command, 10.0) == pytest.approx((command[0], command[2]), abs=0.07)
    assert run.sources.maker == "matching"


@pytest.mark.parametrize("command", [(0.3, 0.0, 0.0), (0.0, 0.2, 0.0), (0.8, 0.0, 1.0), (0.0, 0.0, 0.5)])
def test_what_the_library_does_not_hold_is_made_by_the_generator(body, clips, command):
    run = Run(body, clips)
    speed, turn = steady(run, command)
    assert run.sources.maker == "generator"
    assert turn == pytest.approx(command[2], abs=0.05) and speed == pytest.approx(math.hypot(*command[:2]), abs=0.1)


def test_abilities_are_what_the_clips_hold(body, clips):
    able = ReferenceSources(body, OFFSETS, clips).abilities
    assert able.max_speed == pytest.approx(1.0, abs=0.06) and able.max_yaw_rate == pytest.approx(0.3, abs=0.11)
    assert not (able.backward or able.sideways or able.turns_in_place)
    assert ReferenceSources(body, OFFSETS).abilities is None


def test_the_reach_is_that_of_the_generator_and_of_a_faster_library(body, clips):
    alone, matched = ReferenceSources(body, OFFSETS).reach, ReferenceSources(body, OFFSETS, clips).reach
    assert alone == matched  # these clips are slower than what the gait table holds
    assert (alone.min_speed, alone.max_speed) == (pytest.approx(-0.8), pytest.approx(2.5)) and alone.creeps
    policy = Abilities(min_speed=-1.0, max_speed=3.0, max_lateral=0.3, max_turn_in_place=0.8, creep=(0.4, 0.2, 0.5))
    plan = MotionPlan(policy)
    plan.limit(alone)
    assert (plan.abilities.min_speed, plan.abilities.max_speed) == (alone.min_speed, alone.max_speed)
    assert plan.abilities.creep == policy.creep and plan.abilities.max_lateral == 0.3
    assert "limited to 2.50 m/s" in plan.say(Understanding(understood=True, instructions=(Instruction(skill=Skill.WALK, speed=2.9),)))


def test_the_window_shows_what_comes(body, clips):
    """A row that was foretold is what the reference does at that time, while the clip and the steering stay."""
    run = Run(body, [clips[1]])
    steady(run, (1.0, 0.0, 0.2), 8.0)
    foretold = [run.sources.window.root_position[2].copy(), run.sources.window.joint_position[2].copy()]
    name, ahead = run.sources.window.motion, round((OFFSETS[2] - OFFSETS[0]) / DT)
    steady(run, (1.0, 0.0, 0.2), ahead * DT)
    assert run.motion[-1] == name
    assert np.linalg.norm(run.root[-1] - foretold[0]) < 0.03
    assert np.abs(run.joints[-1] - foretold[1]).max() < 0.15


def test_crouching_and_kicking_is_not_matched(body, walk):
    low = replace(walk, name="low", root_position=walk.root_position * [1.0, 1.0, 0.6])
    with pytest.raises(ConfigurationError, match="nobody walks or runs upright in any of 2 clips"):
        MotionMatcher([low, replace(walk, name="leap", descriptors={"content": "other"})], body, OFFSETS)


def test_matching_needs_clips_that_are_long_enough(body):
    with pytest.raises(ConfigurationError, match="longer than 1 s"):
        MotionMatcher([made_up_clip(body, "short", 0.9, seconds=0.5)], body, OFFSETS)


def test_a_body_that_is_put_on_a_clip_follows_it_where_it_is(body, walk):
    """Neither a blend from standing nor the body's own way moves the reference."""
    state, sources, plan = at_rest(body, 7.0, 7.0), ReferenceSources(body, OFFSETS), MotionPlan()
    first = sources.begin_on(walk)
    np.testing.assert_allclose(first.root_position[0], walk.root_position[0], atol=1e-9)
    plan.play(walk)
    for tick in range(20):
        plan.update(state, tick * DT)
        window = sources.update(state, plan.command, plan.playing, tick * DT, DT if tick else 0.0)
        wanted = replace(window, **{k: v.copy() for k, v in vars(window).items() if isinstance(v, np.ndarray)})
        Frames(walk).fill(tick * DT + OFFSETS, wanted)
        for name in ("root_position", "root_quaternion", "joint_position", "joint_velocity"):
            np.testing.assert_allclose(getattr(window, name), getattr(wanted, name), atol=1e-9, err_msg=name)
