"""The stepped world: determinism, starts, consistency of one instant, pushes, momentum, and physics that goes bad."""

import mujoco
import numpy as np
import pytest

from kinesis_control.body_state import BodyState
from kinesis_control.errors import ConfigurationError, LayoutError, UnknownNameError
from kinesis_control.motion.command import MotionCommand
from kinesis_control.motion.generator import GaitGenerator
from kinesis_sim.flight_recorder import PhysicsError
from kinesis_sim.pose import Pose
from kinesis_sim.world import StartSpread

CALM = np.full(80, 0.05)


def run(world, ticks=30, **start):
    """Bytes of every state of a run."""
    states = [world.reset(**start)]
    trace = [b"".join(a.tobytes() for a in states[0].arrays().values())]
    for _ in range(ticks):
        state = world.step(CALM)
        trace.append(b"".join(a.tobytes() for a in state.arrays().values()))
    return trace


def momentum(world):
    mujoco.mj_subtreeVel(world.model, world.data)
    return world.body.description.mass * world.data.subtree_linvel[0]


def test_one_seed_gives_the_same_bits_and_another_does_not(make_world):
    first = run(make_world(seed=7, excitation_noise=0.02), perturbation=1.0)
    again = run(make_world(seed=7, excitation_noise=0.02), perturbation=1.0)
    other = run(make_world(seed=8, excitation_noise=0.02), perturbation=1.0)
    assert first == again
    assert all(a != b for a, b in zip(first, other, strict=True))


def test_reset_with_a_seed_starts_the_random_numbers_anew(make_world):
    world = make_world(seed=1, excitation_noise=0.02)
    first = run(world, seed=7, perturbation=1.0)
    assert run(world, seed=None, perturbation=1.0) != first
    assert run(world, seed=7, perturbation=1.0) == first


def test_plain_start_is_the_standing_pose_at_rest(make_world, legs):
    state = make_world().reset()
    assert np.array_equal(state.joint_position, legs.standing_qpos[legs.joint_qpos_adr])
    assert state.root_quaternion == pytest.approx([1.0, 0.0, 0.0, 0.0], abs=1e-12)
    for still in (state.root_linear_velocity, state.root_angular_velocity, state.joint_velocity, state.muscle_activation):
        assert not still.any()


def test_reset_clears_pose_velocities_activations_pushes_and_fall(make_world):
    world = make_world()
    fresh = run(make_world(), 5)
    world.reset()
    world.push(np.array([900.0, 0.0, 0.0]), 1.0)
    for _ in range(80):
        world.step(np.ones(80))
    assert world.fallen and world.state.fallen and world.state.muscle_activation.max() > 0.9
    assert run(world, 5) == fresh
    assert not world.fallen and not world.state.fallen


@pytest.mark.parametrize("seed", range(5))
def test_random_starts_stay_in_their_spread_on_the_floor_and_consistent(make_world, legs, seed):
    world, spread = make_world(seed=seed), StartSpread()
    state = world.reset(perturbation=1.0)
    standing = legs.standing_qpos[legs.joint_qpos_adr]
    assert 0.0 < np.abs(state.joint_position - standing).max() <= spread.joint_angle + 1e-12
    assert 0.0 < np.abs(state.joint_velocity).max() <= spread.joint_velocity
    assert 0.0 < abs(2.0 * np.arctan2(state.root_quaternion[3], state.root_quaternion[0])) <= spread.heading
    assert 0.0 < state.muscle_activation.max() <= spread.activation
    assert legs.lowest_point(world.data.qpos.copy()) == pytest.approx(0.0, abs=1e-6)
    assert np.abs(world.data.efc_pos[: world.data.ne]).max() < 1e-9
    assert np.abs(world.data.efc_vel[: world.data.ne]).max() < 1e-9


def test_ticks_stamps_and_episodes(make_world):
    world = make_world()
    assert (world.tick, world.time, world.state.episode) == (0, 0.0, 0)
    world.reset()
    assert (world.tick, world.state.episode) == (0, 0), "the first reset is the start"
    for _ in range(3):
        world.step(CALM)
    assert (world.tick, world.state.stamp_ns) == (3, 75_000_000)
    world.reset()
    assert (world.tick, world.state.stamp_ns, world.state.episode) == (4, 100_000_000, 1), "time never goes back"


def test_state_belongs_to_one_instant(make_world):
    world = make_world()
    for _ in range(10):
        state = world.step(np.full(80, 0.3))
    fresh = mujoco.MjData(world.model)
    fresh.qpos[:], fresh.qvel[:], fresh.act[:] = world.data.qpos, world.data.qvel, world.data.act
    mujoco.mj_forward(world.model, fresh)
    assert np.array_equal(state.muscle_length, fresh.actuator_length)
    assert np.array_equal(state.muscle_velocity, fresh.actuator_velocity)
    assert np.array_equal(world.key_body_position(), fresh.xpos[world.body.key_body_ids])


def test_split_stepping_does_the_arithmetic_of_mj_step(make_world):
    world, reference = make_world(), make_world()
    for _ in range(20):
        world.step(CALM)
    reference.data.ctrl[:] = CALM
    for _ in range(20):
        mujoco.mj_step(reference.model, reference.data, 5)
    assert np.array_equal(world.data.qpos, reference.data.qpos)
    assert np.array_equal(world.data.qvel, reference.data.qvel)


def test_floor_force_balances_weight_and_momentum(make_world):
    """Impulse of the feet = change of momentum + weight x time, over a collapse that only the feet carry."""
    world = make_world(control_dt=0.005)
    before, impulse, ticks = momentum(world)[2], 0.0, 60
    for _ in range(ticks):
        impulse += world.step(CALM).contact_force.sum() * 0.005
    weight = world.body.description.mass * 9.81
    assert impulse == pytest.approx(momentum(world)[2] - before + weight * ticks * 0.005, rel=5e-3)  # Euler drifts by 0.1 %
    assert impulse > 0.3 * weight * ticks * 0.005


def weightless(make_world, **options):
    """A world without floor and gravity, where only a push can change the momentum; short steps, as Euler drifts with long ones."""
    world = make_world(physics_dt=0.0005, **options)
    world.model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_CONTACT) | int(mujoco.mjtDisableBit.mjDSBL_GRAVITY)
    return world


@pytest.mark.parametrize("duration", [0.1, 0.11, 0.003])
@pytest.mark.parametrize("part", [None, "femur_l"])
def test_a_push_changes_momentum_by_force_times_duration(make_world, duration, part):
    world, impulse = weightless(make_world), np.array([5.0, -2.0, 1.0])
    world.reset()
    world.push(impulse / duration, duration, part)
    for _ in range(6):
        world.step(np.zeros(80))
    assert momentum(world) == pytest.approx(impulse, abs=0.03)


def test_a_push_is_meant_in_the_heading_frame(make_world):
    world = weightless(make_world, spread=StartSpread(joint_angle=0.0, joint_velocity=0.0, heading=1.0, activation=0.0))
    state = world.reset(seed=3, perturbation=1.0)
    yaw = 2.0 * np.arctan2(state.root_quaternion[3], state.root_quaternion[0])
    assert abs(yaw) > 0.2
    world.push(np.array([100.0, 0.0, 0.0]), 0.05)
    for _ in range(3):
        world.step(np.zeros(80))
    assert momentum(world) == pytest.approx([5.0 * np.cos(yaw), 5.0 * np.sin(yaw), 0.0], abs=0.03)


def test_wrong_pushes_are_refused(make_world):
    world = make_world()
    with pytest.raises(UnknownNameError, match="torso"):
        world.push(np.zeros(3), 0.1, "torsoo")
    for force, duration in ((np.zeros(2), 0.1), (np.array([np.nan, 0, 0]), 0.1), (np.zeros(3), 0.0), (np.zeros(3), float("inf"))):
        with pytest.raises(ConfigurationError, match="push"):
            world.push(force, duration)


def test_an_unpowered_body_falls_and_the_detector_says_so(make_world):
    world = make_world()
    for _ in range(80):
        world.step(np.zeros(80))
    assert world.fallen and world.state.root_position[2] < 0.6


def test_noise_is_added_within_zero_and_one(make_world):
    world = make_world(excitation_noise=0.1)
    drawn = np.array([world.step(np.full(80, 0.5)) and world.data.ctrl.copy() for _ in range(30)])
    assert drawn.std() == pytest.approx(0.1, rel=0.1) and drawn.mean() == pytest.approx(0.5, abs=0.02)
    world.step(np.zeros(80))
    assert world.data.ctrl.min() == 0.0 and world.data.ctrl.max() > 0.0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_excitation_that_is_not_finite_never_reaches_the_body(make_world, bad):
    world = make_world()
    wrong = CALM.copy()
    wrong[33] = bad
    with pytest.raises(LayoutError, match=world.body.description.muscles.names[33]):
        world.step(wrong)
    assert world.tick == 0 and np.isfinite(world.data.ctrl).all()
    with pytest.raises(LayoutError, match="80 muscles"):
        world.step(np.zeros(79))


def test_bad_physics_raises_keeps_the_last_state_and_needs_a_reset(make_world, tmp_path):
    world = make_world(flight_folder=tmp_path)
    before = world.step(CALM).muscle_length.copy()
    world.data.qvel[10] = np.nan
    with pytest.raises(PhysicsError, match="after tick 1") as caught:
        world.step(CALM)
    assert caught.value.dump is not None and caught.value.dump.parent == tmp_path
    assert world.tick == 1 and world.state.first_non_finite() is None
    assert np.array_equal(world.state.muscle_length, before)
    with pytest.raises(PhysicsError, match="reset"):
        world.step(CALM)
    assert run(world, 5) == run(make_world(), 5)


@pytest.mark.parametrize(
    "wrong", [{"control_dt": 0.024}, {"physics_dt": 0.0}, {"control_dt": 0.001}, {"excitation_noise": -0.1}, {"excitation_noise": float("nan")}]
)
def test_settings_out_of_range_are_refused(make_world, wrong):
    with pytest.raises(ConfigurationError, match=r"control_dt|excitation_noise"):
        make_world(**wrong)


@pytest.mark.parametrize("perturbation", [-1.0, float("nan")])
def test_a_perturbation_out_of_range_is_refused(make_world, perturbation):
    with pytest.raises(ConfigurationError, match="perturbation"):
        make_world().reset(perturbation=perturbation)


def test_the_shared_model_is_left_alone(make_world, legs):
    make_world(control_dt=0.02, physics_dt=0.004)
    assert legs.model.opt.timestep == legs.entry.physics_dt
    assert legs.model.opt.disableflags == 0


def test_every_joint_is_offered_for_joint_states(make_world, legs):
    world = make_world()
    position = dict(zip(legs.all_joint_names, world.joint_positions(), strict=True))
    assert len(position) == legs.model.njnt - 1
    assert position["knee_angle_r"] == pytest.approx(legs.entry.standing_pose["knee_angle_r"])
    assert position["knee_angle_beta_rotation1_r"] != 0.0, "coupled joints are filled"
    assert world.joint_velocities().shape == world.joint_positions().shape


def test_a_body_can_be_put_on_a_frame_of_a_reference(make_world, legs):
    generator = GaitGenerator(legs.description, np.array([0.1]))
    generator.reset(BodyState.zeros(legs.description))
    generator.yaw[...], generator.position[...] = 2.0, (3.0, -1.0)
    generator.velocity[...] = generator.ramp[...] = 0.9, 0.1, 0.4
    window = generator.update(BodyState.zeros(legs.description), MotionCommand(speed=0.9, lateral=0.1, yaw_rate=0.4), 0.0)
    world = make_world(seed=0)
    state = world.put(Pose.of_reference(window), 0.3)
    np.testing.assert_allclose(state.root_position, window.root_position[0], atol=1e-9)
    np.testing.assert_allclose(np.abs(state.root_quaternion @ window.root_quaternion[0]), 1.0, atol=1e-9)
    np.testing.assert_allclose(state.joint_position, window.joint_position[0], atol=1e-9)
    np.testing.assert_allclose(state.joint_velocity, window.joint_velocity[0], atol=1e-9)
    np.testing.assert_allclose(state.root_linear_velocity, window.root_linear_velocity[0], atol=1e-6)
    np.testing.assert_allclose(state.root_angular_velocity, window.root_angular_velocity[0], atol=1e-6)
    np.testing.assert_allclose(state.muscle_activation, 0.3)
    world.step(CALM)
    with pytest.raises(ConfigurationError, match="before the first step"):
        world.put(Pose.of_reference(window))
