"""kinesis_train/physics_warp.py: the physics on the device agree with mujoco.rollout; on a CPU, where the package is there."""

import numpy as np
import pytest

from kinesis_control.errors import UnavailableError, UnknownNameError
from kinesis_sim.bodies import Body
from kinesis_train.env import EnvConfig, WalkEnv


def test_an_unknown_kind_of_physics_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="rollout, warp"):
        EnvConfig(physics="wrap")


def test_without_the_package_it_is_named(legs: Body, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "mujoco_warp", None)
    with pytest.raises(UnavailableError, match="mujoco-warp"):
        WalkEnv(legs, EnvConfig(envs=2, threads=1, physics="warp"), seed=3)


def test_one_tick_is_that_of_rollout(legs: Body) -> None:
    """From the same states, standing and in mid-walk, under the same excitations."""
    pytest.importorskip("mujoco_warp", reason="mujoco-warp is not installed (extra: gpu)")
    one, two = (WalkEnv(legs, EnvConfig(envs=4, threads=1, physics=kind), seed=3) for kind in ("rollout", "warp"))
    np.testing.assert_array_equal(one.physics.full, two.physics.full)
    excitation = np.random.default_rng(0).uniform(0.0, 0.3, (4, 80))
    for env in (one, two):
        assert not env.physics.step(excitation).any()
    np.testing.assert_allclose(two.physics.qpos, one.physics.qpos, atol=5e-4)
    np.testing.assert_allclose(two.physics.act, one.physics.act, atol=1e-5)
    np.testing.assert_allclose(two.physics.qvel, one.physics.qvel, atol=0.05 * np.abs(one.physics.qvel).max())
    np.testing.assert_allclose(two.physics.key_position, one.physics.key_position, atol=1e-3)
    np.testing.assert_allclose(two.state.muscle_length, one.state.muscle_length, atol=1e-3)
    for env in (one, two):
        reward, failed, _ = env.step(excitation)
    assert np.isfinite(reward).all() and not failed.all()
