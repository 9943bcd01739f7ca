"""kinesis_train/imitate.py, imitate_plan.py, imitate_env.py, imitate_score.py: runs on made-up clips, end to end."""

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kinesis_control.errors import ConfigurationError
from kinesis_control.motion.clip import MotionClip
from kinesis_control.policy import Policy
from kinesis_sim.bodies import Body
from kinesis_train.card import card
from kinesis_train.checkpoint import load_checkpoint
from kinesis_train.clip_check import CheckLimits
from kinesis_train.clip_reference import ClipTask
from kinesis_train.env import EnvConfig
from kinesis_train.export import export_policy
from kinesis_train.imitate import Imitation, train
from kinesis_train.imitate_env import ImitationEnv, scoring_env
from kinesis_train.imitate_plan import FROM_NOTHING, ClipStage, ImitationTraining, chosen, from_policy, prepare
from kinesis_train.imitate_score import ClipResult, figures_of, sample_of, score_clips
from kinesis_train.ppo import PpoConfig, survival
from kinesis_train.task import TaskConfig

SMALL = ImitationTraining(
    steps=4 * 64, hidden=(8,), evaluate_every=10_000, judged_walks=12, judged_s=0.5, threads=1, fit_steps=20, generator_share=0.25, timing=0.0,
    env=EnvConfig(envs=8, threads=1), ppo=PpoConfig(horizon=8, minibatch=64, value_hidden=(8,)),
)  # fmt: skip


@pytest.fixture(scope="module")
def clips(walk: Callable[..., MotionClip]) -> list[MotionClip]:
    return [walk("ahead", seconds=0.8), walk("curve", 0.8, 0.4, seconds=0.8, content="turn")]


@pytest.fixture(autouse=True)
def kept_elsewhere(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found of these clips is not kept among the user's own results."""
    folder = tmp_path_factory.getbasetemp() / "found"
    monkeypatch.setattr("kinesis_train.clip_check.cache_folder", lambda: folder)


class StopError(Exception):
    """A kill, as far as the training can tell."""


def ignore(figures: dict[str, float]) -> None:
    """No progress line."""


def weights(checkpoint: Path) -> bytes:
    return b"".join(v.numpy().tobytes() for v in load_checkpoint(checkpoint)["learner"]["policy"].values())


def test_a_run_that_was_killed_goes_on_to_the_same_bits(clips: list[MotionClip], tmp_path: Path) -> None:
    whole = train(SMALL, clips, tmp_path / "whole", resume=False, report=ignore)

    def stop(figures: dict[str, float]) -> None:
        if figures["steps"] > 100:
            raise StopError

    with pytest.raises(StopError):
        train(SMALL, clips, tmp_path / "killed", resume=False, report=stop)
    resumed = train(SMALL, clips, tmp_path / "killed", resume=True, report=ignore)
    assert weights(whole) == weights(resumed)
    with (tmp_path / "whole" / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(r["steps"]) for r in rows] == [64, 128, 192, 256, 256]  # the last one is that of the final evaluation
    judged = {k: v for k, v in rows[0].items() if v}
    assert {"success05", "success015", "coverage", "walk_coverage", "turn_success015", "stand_s"} <= judged.keys()
    assert 0.0 < float(judged["coverage"]) <= 1.0
    with pytest.raises(ConfigurationError, match="differ in: curve"):
        train(SMALL, clips[:1], tmp_path / "killed", resume=True, report=ignore)
    with pytest.raises(ConfigurationError, match="already holds a run"):
        train(SMALL, clips, tmp_path / "killed", resume=False, report=ignore)


def test_a_run_goes_on_from_another_policy_and_its_file_names_the_data(clips: list[MotionClip], legs: Body, tmp_path: Path) -> None:
    first = train(SMALL, clips[:1], tmp_path / "first", resume=False, report=ignore)
    following = from_policy(replace(SMALL, hidden=(99,), steps=64), load_checkpoint(first))
    assert following.hidden == (8,) and len(following.curriculum) == 1
    second = train(following, clips, tmp_path / "second", resume=False, report=ignore, start_from=first)
    facts = load_checkpoint(second)["facts"]
    assert facts["start_from_steps"] == 256 and facts["clips"] == ["ahead", "curve"]
    assert "feed_forward_rms" in facts and "length_rms_m" not in facts  # the map from joints to lengths is kept
    with pytest.raises(ConfigurationError, match="got body legs80, hidden layers 8, action structured, expected body legs80, hidden layers 16"):
        train(replace(SMALL, hidden=(16,)), clips, tmp_path / "third", resume=False, report=ignore, start_from=first)
    contract = export_policy(second, tmp_path / "p.onnx")
    assert Policy.load(tmp_path / "p.onnx", legs.description).contract == contract
    assert contract.training["motion_data"] == [{"dataset": "made up", "licence": "CC0", "credit": "the gait generator"}]
    text = card(contract, 1000, "0" * 64)
    assert "made up, CC0: the gait generator" in text and "clips: ahead, curve" in text and "from a policy of 256" in text


def test_clips_that_cannot_be_used_are_told_with_the_reason(clips: list[MotionClip], legs: Body) -> None:
    with pytest.raises(ConfigurationError, match="none of the 2 clips can be trained on: ahead: needs"):
        prepare(replace(SMALL, limits=CheckLimits(residual=1e-3)), legs, clips)
    bank, checks = prepare(SMALL, legs, clips)
    assert [c.name for c in checks] == ["ahead", "curve"] == list(bank.names)
    with pytest.raises(ConfigurationError, match="rising shares of the run from 0"):
        replace(SMALL, stages=(ClipStage(begins=0.2),))


def test_stages_go_from_one_walk_to_everything(clips: list[MotionClip], legs: Body) -> None:
    bank, _ = prepare(SMALL, legs, clips)
    assert [chosen(bank, s) for s in FROM_NOTHING] == [[0], [0], [0, 1], [0, 1]]
    assert sorted(chosen(bank, ClipStage(contents=("run",)))) == [0, 1]  # where nothing is a run, everything is practised
    training = Imitation(replace(SMALL, stages=FROM_NOTHING), clips, Path("unused"))
    training.practise()
    assert set(training.env.clips.sampler.draw(50, np.random.default_rng(0), from_start=0.0, floor=1.0)[0]) == {0}
    training.learner.steps = SMALL.steps
    training.practise()
    assert set(training.env.clips.sampler.draw(50, np.random.default_rng(0), from_start=0.0, floor=1.0)[0]) == {0, 1}


def test_scores_are_those_of_the_definitions(clips: list[MotionClip], legs: Body, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bodies that are a known distance from their clip: 0.1 m, 0.3 m, 0.6 m, and 0.1 m that falls in the middle."""
    bank, _ = prepare(SMALL, legs, [replace(clips[0], name=n) for n in "abcd"])
    env = scoring_env(legs, SMALL.env, bank)
    apart, ticks = np.array([0.1, 0.3, 0.6, 0.1]), int(bank.ticks[0])
    count = 0

    def step(excitation: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        nonlocal count
        count += 1
        env.reference.update(env.state, 0.025)
        env.physics.key_position[:] = env.reference.target().position + apart[:, None, None] * np.array([1.0, 0.0, 0.0])
        env.key_distance = np.tile(apart[:, None], (1, 7))
        return np.zeros(4), np.array([False, False, False, count > ticks // 2]), np.zeros(4, dtype=bool)

    monkeypatch.setattr(env, "step", step)
    results = score_clips(lambda observation: torch.zeros(len(observation), 80), env)
    assert [r.success05 for r in results] == [True, True, False, False]
    assert [r.success015 for r in results] == [True, False, False, False]
    assert [r.coverage for r in results] == pytest.approx([1.0, 1.0, 0.0, (ticks // 2) / ticks])
    assert [r.mpjpe_world_mm for r in results[:2]] == pytest.approx([100.0, 300.0])
    assert [r.mpjpe_root_mm for r in results[:2]] == pytest.approx([0.0, 0.0], abs=1e-6)
    assert np.isnan(results[2].mpjpe_world_mm)
    figures = figures_of(results)
    assert figures["success05"] == 0.5 and figures["walk_success015"] == 0.25 and "run_coverage" not in figures


def test_figures_keep_contents_apart() -> None:
    def result(content: str, ok: bool) -> ClipResult:
        return ClipResult(clip="c", content=content, success05=ok, success015=False, coverage=1.0, mpjpe_world_mm=1.0, mpjpe_root_mm=1.0)

    figures = figures_of([result("walk", True), result("run", False), result("kick", True)])
    assert (figures["walk_success05"], figures["run_success05"], figures["other_success05"]) == (1.0, 0.0, 1.0)


def test_the_judged_sample_is_fixed_and_has_no_mirror_images(clips: list[MotionClip], legs: Body) -> None:
    names = [f"{k}{m}" for k in "abcdef" for m in ("", "@mirror")]
    bank, _ = prepare(SMALL, legs, [replace(clips[0], name=n) for n in names])
    picked = [bank.names[i] for i in sample_of(bank, 3)]
    assert picked == [bank.names[i] for i in sample_of(bank, 3)] == ["a", "c", "f"]
    assert len(sample_of(bank, 99)) == 6


def test_a_short_training_follows_a_clip_for_longer(walk: Callable[..., MotionClip], legs: Body) -> None:
    """Fifty thousand steps from nothing, a third of what two cores do in two minutes, must show in the score of the deterministic policy."""
    ppo = PpoConfig(horizon=32, minibatch=1024, initial_std=0.1, min_std=0.02, value_hidden=(64,))
    run = replace(SMALL, env=EnvConfig(envs=32, threads=1), fit_steps=1500, hidden=(64,), generator_share=0.0, ppo=ppo)
    training = Imitation(run, [walk("long", seconds=8.0)], Path("unused"))
    training.start(None)
    task = replace(TaskConfig(), excitation_noise=0.0, push_interval=1e9)
    alone = ClipTask(key_error=0.3, loose_share=0.0, from_start=0.0, anchored_share=0.0)

    def lasted() -> float:
        judge = ImitationEnv(legs, replace(run.env, envs=64, task=task), 5, training.bank, alone, generator_share=0.0)
        return float(survival(training.policy, judge, 2.0)[0].mean())

    before = lasted()
    while training.learner.steps < 50_000:
        training.learner.round()
    assert lasted() > 1.07 * before
