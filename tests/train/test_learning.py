"""kinesis_train/networks.py, fit.py, feedforward.py, ppo.py, export.py: each formula by hand, and one run end to end."""

from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from kinesis_control.errors import ContractError, UnavailableError
from kinesis_control.evaluate.statistics import wilson_interval
from kinesis_control.policy import Policy
from kinesis_train.checkpoint import load_checkpoint, save_checkpoint
from kinesis_train.env import EnvConfig, WalkEnv
from kinesis_train.export import export_policy
from kinesis_train.fit import muscle_lengths
from kinesis_train.networks import DecoderGains, MuscleDecoder, Normalised, RunningNorm, mlp
from kinesis_train.ppo import Ppo, PpoConfig
from kinesis_train.task import CURRICULUM
from kinesis_train.walk import WalkTraining, build_policy, task_at


def test_rate_is_the_derivative_of_the_network() -> None:
    torch.manual_seed(0)
    net = Normalised(mlp((4, 16, 16, 3), torch.nn.Tanh), 4, 3)
    net.calibrate(torch.randn(50, 4) * 3, torch.randn(50, 3) * 2)
    net.double()
    x, dx = torch.randn(7, 4).double(), torch.randn(7, 4).double()
    difference = (net(x + 1e-5 * dx) - net(x - 1e-5 * dx)) / 2e-5
    torch.testing.assert_close(net.rate(x, dx), difference, rtol=1e-6, atol=1e-8)


def test_running_norm_is_the_mean_and_variance_of_all_it_saw() -> None:
    x = torch.randn(300, 5) * 4 + 2
    norm = RunningNorm(5)
    for part in x.split(70):
        norm.update(part)
    torch.testing.assert_close(norm.mean.float(), x.mean(0), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(norm.var.float(), x.var(0, unbiased=False), rtol=1e-4, atol=1e-4)


def test_decoder_is_its_formula() -> None:
    torch.manual_seed(1)
    gains = DecoderGains(stiffness=3.0, damping=0.5, offset_scale=0.2)
    decoder = MuscleDecoder(joints=2, muscles=3, context=1, gains=gains)
    length, velocity, q, dq = torch.rand(1, 3), torch.rand(1, 3), torch.rand(1, 2), torch.rand(1, 2)
    context, action = torch.rand(1, 1), torch.rand(1, 2)
    servo = 3.0 * (length - decoder.length(q + 0.2 * action)) + 0.5 * (velocity - decoder.length.rate(q, dq))
    wanted = decoder.feed_forward(torch.cat([q, dq, context], 1)) + servo
    got = decoder(torch.cat([length, velocity, q, dq], 1), context, action)
    torch.testing.assert_close(got, wanted.clamp(0, 1))


def test_muscle_lengths_are_those_of_the_model(legs) -> None:  # type: ignore[no-untyped-def]
    import mujoco

    data = mujoco.MjData(legs.model)
    data.qpos[:] = legs.standing_qpos
    mujoco.mj_forward(legs.model, data)
    np.testing.assert_allclose(muscle_lengths(legs, legs.standing_qpos[None, legs.joint_qpos_adr])[0], data.actuator_length, atol=1e-12)


def test_the_reference_can_be_walked_with_small_help(env: WalkEnv, legs) -> None:  # type: ignore[no-untyped-def]
    """The residual force that the muscle program needs on the root is a few per cent of body weight in walking, in every direction."""
    share = env.reference_residual / (legs.description.mass * 9.81)
    table = env.generator.table
    walking = table.speed <= 1.4
    assert share[walking].max() < 0.11
    assert share[walking][:, table.standing[1], table.standing[2]].max() < 0.06
    assert share.max() < 0.5  # running in curves and aside
    assert env.drive.joint.min() >= 0.0 and env.drive.joint.max() <= 1.0


def test_advantages_by_hand(env: WalkEnv, legs) -> None:  # type: ignore[no-untyped-def]
    config = PpoConfig(horizon=3, gamma=0.5, lam=0.5)
    learner = Ppo(build_policy(legs, env, (8,)), env, config)
    rows = {
        "value": torch.tensor([[1.0], [2.0], [3.0]]), "reward": torch.tensor([[1.0], [1.0], [1.0]]),
        "done": torch.tensor([[0.0], [1.0], [0.0]]),
    }  # fmt: skip
    got = learner._advantages(rows, torch.tensor([4.0]))[:, 0]
    third = 1 + 0.5 * 4 - 3
    second = 1 - 2  # the episode ended: nothing follows
    first = (1 + 0.5 * 2 - 1) + 0.25 * second
    torch.testing.assert_close(got, torch.tensor([first, second, third], dtype=torch.float32))


@pytest.fixture
def checkpoint(legs, env: WalkEnv, tmp_path: Path) -> Path:  # type: ignore[no-untyped-def]
    """Two rounds of real learning, saved as a training run saves them."""
    torch.manual_seed(0)
    learner = Ppo(build_policy(legs, env, (16,)), env, PpoConfig(horizon=8, minibatch=16))
    figures = [learner.round() for _ in range(2)][-1]
    assert all(np.isfinite(v) for v in figures.values())
    path = tmp_path / "checkpoint.pt"
    run = WalkTraining(hidden=(16,), env=EnvConfig(envs=4, threads=1))
    save_checkpoint(path, {"learner": learner.state(), "facts": {"seconds": 1.0}, "run": asdict(run)})
    return path


def test_export_gives_a_policy_that_loads_and_agrees(checkpoint: Path, legs, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    target = tmp_path / "legs80-test.onnx"
    contract = export_policy(checkpoint, target)
    assert contract.training["torch_onnx_error"] < 1e-5
    policy = Policy.load(target, legs.description)
    assert policy.contract == contract
    assert contract.control_rate_hz == 40.0 and contract.physics_rate_hz == 200.0


def test_a_checkpoint_goes_on_where_it_was(checkpoint: Path, legs) -> None:  # type: ignore[no-untyped-def]
    stored = load_checkpoint(checkpoint)
    results = []
    for _ in range(2):
        env = WalkEnv(legs, EnvConfig(envs=4, threads=1), seed=9)
        learner = Ppo(build_policy(legs, env, (16,)), env, PpoConfig(horizon=8, minibatch=16))
        learner.load(stored["learner"])
        assert learner.steps == 64
        learner.round()
        results.append(torch.cat([p.flatten() for p in learner.policy.actor.parameters()]))
    assert torch.equal(*results)


def test_damaged_and_missing_checkpoints_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="no checkpoint"):
        load_checkpoint(tmp_path / "none.pt")
    (tmp_path / "bad.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(UnavailableError, match="cannot be read"):
        load_checkpoint(tmp_path / "bad.pt")


def test_a_policy_of_another_body_is_refused(checkpoint: Path, legs, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    from dataclasses import replace

    target = tmp_path / "p.onnx"
    export_policy(checkpoint, target)
    with pytest.raises(ContractError, match="model hash"):
        Policy.load(target, replace(legs.description, model_hash="another"))


def test_the_curriculum_gives_the_task_of_the_step() -> None:
    assert CURRICULUM[0][0] == 0
    for (start, task), (following, _) in pairwise(CURRICULUM):
        assert start < following
        assert task_at(CURRICULUM, start) is task and task_at(CURRICULUM, following - 1) is task
    assert task_at(CURRICULUM, 10 * CURRICULUM[-1][0]) is CURRICULUM[-1][1]


def test_wilson_interval() -> None:
    low, high = wilson_interval(16, 20)
    assert low == pytest.approx(0.584, abs=0.002) and high == pytest.approx(0.919, abs=0.002)  # Wilson 1927, n = 20, 16 successes
