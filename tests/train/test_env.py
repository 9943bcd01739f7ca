"""kinesis_train/env.py and physics.py: starts, determinism, agreement with the stepped world, and broken physics."""

import numpy as np
import pytest

from kinesis_control.body_state import BodyState
from kinesis_control.motion.generator import heading
from kinesis_control.observation import ObservationBuilder
from kinesis_sim.world import World
from kinesis_train.env import REFERENCE_OFFSETS, EnvConfig, WalkEnv, observation_terms
from kinesis_train.task import RewardWeights, TaskConfig, tracking_reward


def test_starts_are_on_the_reference(env: WalkEnv) -> None:
    for _ in range(5):
        env.reset(np.arange(4))
        env.generator.update(env.state, env.commands.command, 0.0)
        _, worst, _ = env._errors()
        assert worst.max() < 0.08  # joints differ by 0.02 rad, heading by 0.05 rad


def test_same_seed_same_bits_and_another_seed_not(legs) -> None:  # type: ignore[no-untyped-def]
    runs = []
    for seed in (5, 5, 6):
        env = WalkEnv(legs, EnvConfig(envs=3, threads=2), seed=seed)
        for _ in range(6):
            env.step(np.full((3, 80), 0.1))
        runs.append(env.observation.tobytes())
    assert runs[0] == runs[1] != runs[2]


def test_batch_agrees_with_the_stepped_world(legs) -> None:  # type: ignore[no-untyped-def]
    """From one state and under one excitation, rollout and World end in the same qpos; lengths agree to first order."""
    env = WalkEnv(legs, EnvConfig(envs=2, threads=1), seed=0)
    world = World(legs, control_dt=0.025, physics_dt=0.005, seed=0)
    world.reset(seed=1, perturbation=1.0)
    world.step(np.full(80, 0.1))
    physics = env.physics
    physics.qpos[:], physics.qvel[:], physics.act[:] = world.data.qpos, world.data.qvel, world.data.act
    excitation = np.random.default_rng(0).uniform(0.0, 0.3, 80)
    state = world.step(excitation)
    physics.step(np.tile(excitation, (2, 1)))
    np.testing.assert_allclose(physics.qpos[0], world.data.qpos, atol=1e-7)
    np.testing.assert_allclose(physics.state.root_quaternion[1], state.root_quaternion, atol=1e-7)
    np.testing.assert_allclose(physics.state.muscle_length[0], state.muscle_length, atol=3e-4)


def test_observation_is_that_of_the_robot(env: WalkEnv, legs) -> None:  # type: ignore[no-untyped-def]
    """The batch observation equals, bit for bit, what the policy's own builder makes of each single state."""
    env.step(np.full((4, 80), 0.1))
    builder = ObservationBuilder(observation_terms(legs), legs.description, len(REFERENCE_OFFSETS))
    for i in range(4):
        single = BodyState.zeros(legs.description)
        for name, array in single.arrays().items():
            array[...] = getattr(env.state, name)[i]
        window = type(env.generator.window)(
            **{k: (v[i] if isinstance(v, np.ndarray) and k != "time_offsets" else v) for k, v in vars(env.generator.window).items()}
        )
        row = builder.build(single, window, env.excitation[i], np.zeros(builder.size, np.float32))
        assert row.tobytes() == env.observation[i].tobytes()


def test_broken_physics_in_one_member_leaves_the_others_alone(env: WalkEnv) -> None:
    env.physics.qvel[2, 10] = np.nan
    reward, failed, _ = env.step(np.full((4, 80), 0.1))
    assert failed[2] and reward[2] == 0.0
    assert env.physics_failures == 1
    env.reset(np.flatnonzero(failed))
    assert np.isfinite(env.observation).all()
    reward, _, _ = env.step(np.full((4, 80), 0.1))
    assert np.isfinite(reward).all()


def test_excitation_changes_no_faster_than_the_slew_limit(env: WalkEnv) -> None:
    before = env.excitation.copy()
    env.step(np.ones((4, 80)))
    assert np.abs(env.excitation - before).max() <= env.config.task.slew_per_s * env.config.control_dt + 1e-12


@pytest.mark.parametrize("which", [0, 3])
def test_a_reset_touches_only_its_member(env: WalkEnv, which: int) -> None:
    env.step(np.full((4, 80), 0.1))
    before = env.physics.full.copy()
    env.reset(np.array([which]))
    others = [i for i in range(4) if i != which]
    assert np.array_equal(env.physics.full[others], before[others])
    assert not np.array_equal(env.physics.full[which], before[which])


def test_a_free_reference_goes_its_way_and_an_anchored_one_follows_the_body(legs) -> None:  # type: ignore[no-untyped-def]
    env = WalkEnv(legs, EnvConfig(envs=32, threads=1, task=TaskConfig(free_share=0.5)), seed=0)
    free = env.generator.anchored == 0.0
    assert free.any() and not free.all()
    env.generator.yaw[:], env.generator.position[:] = 3.0, (40.0, 0.0)
    env.generator.velocity[:] = env.generator.ramp[:] = 0.0
    env.reference.update(env.state, 0.025)
    apart = np.hypot(*(env.generator.position - env.state.root_position[:, :2]).T)
    assert (apart[free] > 35.0).all() and (apart[~free] < 1.0).all()


def test_heading_and_muscles_count_where_they_have_a_weight(env: WalkEnv) -> None:
    weights = RewardWeights(heading=(0.5, 4.0), muscles=(0.5, 40.0))
    errors, _, _ = env._errors()
    best = tracking_reward(weights, errors | {"heading": np.zeros(4), "muscles": np.zeros(4)})
    assert (tracking_reward(weights, errors | {"heading": np.full(4, 0.3)}) < best - 0.2).all()
    assert (tracking_reward(weights, errors | {"muscles": np.full(4, 0.05)}) < best - 0.2).all()
    env.physics.qpos[0, 3:7] = env.physics.qpos[0, 3:7] * (-1.0, 1.0, 1.0, -1.0)  # another heading
    env.step(np.full((4, 80), 0.1))
    turned, _, _ = env._errors()
    assert turned["heading"][0] == pytest.approx(1.0 - np.cos(heading(env.state.root_quaternion[0]) - env.reference.target().heading[0]))
