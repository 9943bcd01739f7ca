"""kinesis_train/distill.py, teachers.py: a student comes to do what its teacher does, and PPO takes it up."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kinesis_control.errors import ConfigurationError, UnknownNameError
from kinesis_sim.bodies import Body
from kinesis_train.checkpoint import load_checkpoint, save_checkpoint
from kinesis_train.distill import Distillation, DistillConfig, Memory
from kinesis_train.env import EnvConfig, WalkEnv
from kinesis_train.export import export_policy
from kinesis_train.ppo import Ppo, PpoConfig
from kinesis_train.task import TaskConfig
from kinesis_train.teachers import open_teacher
from kinesis_train.trials import CommandTrials, HeldCommand
from kinesis_train.walk import WalkTraining, build_policy

SMALL = EnvConfig(envs=4, threads=1)
PPO = PpoConfig(horizon=8, minibatch=32, value_hidden=(8,), initial_std=0.1)


@pytest.fixture(scope="module")
def trials(legs: Body) -> CommandTrials:
    torch.set_num_threads(1)
    return CommandTrials(legs, TaskConfig(), (HeldCommand(name="stand"), HeldCommand(name="walk", speed=0.8)), seconds=0.5)


@pytest.fixture(scope="module")
def teacher(legs: Body, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a policy with opinions."""
    torch.manual_seed(2)
    env = WalkEnv(legs, SMALL, seed=1)
    policy = build_policy(legs, env, (8,))
    torch.nn.init.normal_(policy.actor[-1].weight, std=0.3)
    path = tmp_path_factory.mktemp("teacher") / "checkpoint.pt"
    facts = {"seconds": 1.0, "sources": [{"dataset": "made up", "licence": "CC0", "credit": "nobody"}], "clips": ["a clip"]}
    run = WalkTraining(hidden=(8,), env=SMALL)
    save_checkpoint(path, {"learner": Ppo(policy, env, PPO).state(), "facts": facts, "run": asdict(run)})
    return path


def config(**more: object) -> DistillConfig:
    values = {"labels": 1280, "horizon": 16, "memory": 2000, "batch": 128, "passes": 24, "rate": 3e-3, "warm_rounds": 2, "hidden": (32,)}
    return DistillConfig(**{**values, "judge_every": 640, "env": SMALL, "ppo": PPO, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize("student", ["structured", "direct"])
def test_the_student_comes_to_answer_as_the_teacher(trials: CommandTrials, teacher: Path, tmp_path: Path, student: str) -> None:
    rows: list[dict[str, float]] = []
    run = Distillation(teacher, trials, config(student=student, ppo_steps=64), tmp_path)
    path = run.run(rows.append)
    taught = [r for r in rows if "loss" in r]
    assert taught[-1]["loss"] < 0.6 * taught[0]["loss"]
    assert [r["hand"] for r in taught] == sorted((r["hand"] for r in taught), reverse=True) and taught[-1]["hand"] == 0.0 < taught[0]["hand"]
    assert "managed" in taught[0]
    stored = load_checkpoint(path)
    assert path == tmp_path / "ppo" / "checkpoint.pt" and stored["learner"]["steps"] == 1280 + 64
    contract = export_policy(path, tmp_path / "student.onnx")
    assert contract.training["distilled_from"] == "walk checkpoint"
    assert contract.training["motion_data"][0]["dataset"] == "made up"


def test_ppo_takes_the_student_up_with_its_value_function(trials: CommandTrials, teacher: Path, tmp_path: Path, legs: Body) -> None:
    path = Distillation(teacher, trials, config(labels=128), tmp_path).run(lambda row: None)
    stored = load_checkpoint(path)["learner"]
    torch.manual_seed(5)
    learner = Ppo(build_policy(legs, WalkEnv(legs, SMALL, seed=2), (32,)), WalkEnv(legs, SMALL, seed=2), PPO)
    learner.inherit(stored)
    for name, weights in learner.value.state_dict().items():
        assert torch.equal(weights, stored["value"][name])
    assert all(np.isfinite(v) for v in learner.round().values())
    first = Ppo(build_policy(legs, WalkEnv(legs, SMALL, seed=2), (32,)), WalkEnv(legs, SMALL, seed=2), PPO)
    assert not torch.equal(stored["value"]["0.weight"], first.value.state_dict()["0.weight"])


def test_it_goes_on_where_it_was_stopped(trials: CommandTrials, teacher: Path, tmp_path: Path) -> None:
    def stop(row: dict[str, float]) -> None:
        if row["steps"] == 320:
            raise KeyboardInterrupt

    steps = config(labels=448, judge_every=64)
    with pytest.raises(KeyboardInterrupt):
        Distillation(teacher, trials, steps, tmp_path).run(stop)
    assert not load_checkpoint(tmp_path / "checkpoint.pt")["facts"].get("distilled")
    rows: list[dict[str, float]] = []
    Distillation(teacher, trials, steps, tmp_path).run(rows.append)
    assert rows[0]["steps"] == 320 and rows[-1]["steps"] == 448
    assert load_checkpoint(tmp_path / "checkpoint.pt")["facts"]["distilled"]
    again = Distillation(teacher, trials, steps, tmp_path)
    again.run(lambda row: pytest.fail("nothing is left to learn"))


def test_a_policy_file_teaches_as_its_checkpoint_does(trials: CommandTrials, teacher: Path, tmp_path: Path) -> None:
    target = tmp_path / "teacher.onnx"
    export_policy(teacher, target)
    env = trials.practice(trials.names, SMALL, seed=3)
    env.step(np.full((4, 80), 0.1))
    answers = [open_teacher(path, env).answer(env) for path in (teacher, target)]
    np.testing.assert_allclose(*answers, atol=1e-5)
    assert np.ptp(answers[0]) > 0.1
    with pytest.raises(ConfigurationError, match=r"every 0\.025 s, the environment every 0\.05 s"):
        open_teacher(target, trials.practice(trials.names, replace(SMALL, control_dt=0.05), seed=3))


def test_memory_keeps_the_newest_that_are_finite() -> None:
    memory = Memory(4, 1, 1)
    memory.add(np.arange(3, dtype=np.float32)[:, None], np.arange(3.0)[:, None])
    memory.add(np.array([[3.0], [np.nan], [5.0]], dtype=np.float32), np.array([[3.0], [4.0], [5.0]]))
    x, y = memory.draw(200)
    assert set(x[:, 0].tolist()) == set(y[:, 0].tolist()) == {1.0, 2.0, 3.0, 5.0}


def test_an_unknown_student_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="structured"):
        DistillConfig(student="structred")
