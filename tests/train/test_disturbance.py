"""kinesis_train/disturbance.py, and what environment and physics do with it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kinesis_control.body_state import BodyState
from kinesis_control.errors import ConfigurationError
from kinesis_sim.bodies import Body
from kinesis_sim.flight_recorder import private_model, replay
from kinesis_train.disturbance import Disturbance, LateCommands, SensorNoise
from kinesis_train.env import EnvConfig, WalkEnv

QUIET = EnvConfig(envs=3, threads=1)


def test_commands_arrive_as_late_as_they_should() -> None:
    late = LateCommands(3, 1, substeps=5, physics_dt=0.005, delay_s=(0.0, 0.06))
    late.reset(np.arange(3), np.full((3, 1), 9.0), np.random.default_rng(0))
    late.delay[:] = (0, 3, 12)
    passed = [late.pass_on(np.full((3, 1), float(tick)))[..., 0] for tick in range(4)]
    joined = np.concatenate(passed, axis=1)
    for member, delay in enumerate(late.delay):
        expected = [9.0 if step < delay else (step - delay) // 5 for step in range(20)]
        np.testing.assert_array_equal(joined[member], expected)


def test_noise_has_its_width_and_leaves_states_valid(legs: Body) -> None:
    n = 4000
    state, out = BodyState.zeros(legs.description, (n,)), BodyState.zeros(legs.description, (n,))
    noise = SensorNoise.usual(2.0)
    noise.apply(state, out, np.random.default_rng(0))
    assert out.joint_position.std() == pytest.approx(noise.joint_position, rel=0.05)
    assert out.root_linear_velocity.std() == pytest.approx(noise.root_linear_velocity, rel=0.05)
    assert 2.0 * out.root_quaternion[:, 1].std() == pytest.approx(noise.root_quaternion, rel=0.1)
    np.testing.assert_allclose(np.linalg.norm(out.root_quaternion, axis=1), 1.0)
    assert out.contact_force.min() == 0.0 and (out.muscle_tension == 0.0).all()


def test_noise_reaches_the_observation_and_not_the_reward(legs: Body) -> None:
    plain, noisy = (WalkEnv(legs, replace(QUIET, disturbance=Disturbance(noise=noise)), 4) for noise in (SensorNoise(), SensorNoise.usual()))
    noisy.restore(plain.snapshot())
    rewards = [env.step(np.full((3, 80), 0.1))[0] for env in (plain, noisy)]
    np.testing.assert_array_equal(*rewards)
    term = plain.builder.slices["joint_velocity"]
    assert 0.0 < np.abs(plain.observation - noisy.observation)[:, term].max() < 0.1
    assert (plain.observation[:, plain.builder.slices["reference_next_contact"]] == noisy.observation[:, plain.builder.slices["reference_next_contact"]]).all()


def test_variants_differ_from_the_body_as_stated(legs: Body) -> None:
    model = private_model(legs, 0.005)
    told = Disturbance(mass=(0.9, 1.1), strength=(0.8, 1.0), friction=(0.5, 0.9), variants=3)
    variants = told.make_models(model, np.random.default_rng(0))
    ratios = np.array([v.body_mass[1:].sum() / model.body_mass[1:].sum() for v in variants])
    assert len(variants) == 3 and len(set(ratios)) == 3 and ratios.min() >= 0.9 and ratios.max() <= 1.1
    for v in variants:
        strength = v.actuator_gainprm[:, 2] / model.actuator_gainprm[:, 2]
        assert strength.min() >= 0.8 and strength.max() <= 1.0 and strength.std() > 0.01
        assert 0.5 <= v.geom_friction[0, 0] / model.geom_friction[0, 0] <= 0.9
        assert v.body_subtreemass[0] == pytest.approx(v.body_mass.sum())
    assert Disturbance().make_models(model, np.random.default_rng(0)) == [model]


def test_other_bodies_and_delays_move_otherwise_and_go_on_from_a_snapshot(legs: Body) -> None:
    told = Disturbance(mass=(0.7, 0.8), strength=(0.8, 1.0), delay_s=(0.01, 0.04), variants=2)
    plain, other = WalkEnv(legs, QUIET, 4), WalkEnv(legs, replace(QUIET, disturbance=told), 4)
    assert set(other.physics.late.delay) <= set(range(2, 9))
    for env in (plain, other):
        env.physics.full[:] = plain.physics.full
        env.step(np.full((3, 80), 0.1))
    assert np.abs(plain.physics.qvel - other.physics.qvel).max() > 1e-3
    kept, ends = other.snapshot(), []
    for _ in range(2):
        other.restore(kept)
        for _ in range(4):
            other.step(np.full((3, 80), 0.3))
        ends.append(other.physics.full.tobytes())
    assert ends[0] == ends[1]


def test_broken_physics_leaves_a_record_that_breaks_again(env: WalkEnv, tmp_path: Path) -> None:
    env.records = tmp_path / "broken"
    env.physics.qvel[2, 10] = np.nan
    _, failed, _ = env.step(np.full((4, 80), 0.1))
    assert failed[2] and not failed[0] and env.physics_failures == 1
    records = list((tmp_path / "broken").glob("*.npz"))
    assert len(records) == 1
    flight = replay(records[0])
    assert len(flight.time) == env.physics.substeps and flight.first_bad == 0
    env.reset(np.flatnonzero(failed))
    assert np.isfinite(env.step(np.full((4, 80), 0.1))[0]).all()


def test_a_record_that_cannot_be_written_does_not_stop_training(env: WalkEnv, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    env.records = tmp_path / "file"
    env.physics.qvel[1, 10] = np.nan
    _, failed, _ = env.step(np.full((4, 80), 0.1))
    assert failed[1] and env.physics_failures == 1


@pytest.mark.parametrize("wrong", [{"mass": (1.1, 0.9)}, {"strength": (0.0, 1.0)}, {"delay_s": (0.0, np.inf)}, {"variants": 0}])
def test_ranges_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="disturbance: got"):
        Disturbance(**wrong)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="sensor noise: got"):
        SensorNoise(joint_position=-1.0)


def test_the_usual_amount_scales() -> None:
    one, none = Disturbance.usual(), Disturbance.usual(0.0)
    assert one.mass == pytest.approx((0.9, 1.1)) and one.noise.any and one.other_bodies and one.delay_s == (0.0, 0.015)
    assert not none.noise.any and not none.other_bodies and none.delay_s == (0.0, 0.0)
    with pytest.raises(ConfigurationError, match="got a size of 3"):
        Disturbance.usual(3.0)
