"""Trains the stand-and-walk policy from nothing: fit the decoder, then PPO, with checkpoints, a log and a progress line."""

import csv
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kinesis_control.errors import ConfigurationError
from kinesis_control.motion.command import MotionCommand
from kinesis_sim.bodies import Body, load_body
from kinesis_train.env import CONTEXT_TERMS, EnvConfig, WalkEnv
from kinesis_train.fit import feed_forward_sampler, fit, length_sampler
from kinesis_train.networks import DecoderGains, MuscleDecoder, MusclePolicy
from kinesis_train.ppo import Ppo, PpoConfig, save_checkpoint, survival
from kinesis_train.task import CURRICULUM, TaskConfig

log = logging.getLogger(__name__)
SETTLE_SHARE = 0.15  # last part of a run, over which the steps of the policy become smaller
Curriculum = tuple[tuple[int, TaskConfig], ...]


@dataclass(frozen=True, kw_only=True)
class WalkTraining:
    """One training run.

    Attributes:
        body: registry name.
        steps: environment steps to take.
        seed: of networks, environments and exploration.
        hidden: widths of the policy's hidden layers.
        evaluate_every: steps between evaluations.
        threads: threads of rollout and torch.
        curriculum: pairs (steps, task), the first at 0; the last task is the one that the policy is judged and shipped for.
    """

    body: str = "legs80"
    steps: int = 11_600_000
    seed: int = 1
    hidden: tuple[int, ...] = (256, 128)
    evaluate_every: int = 400_000
    threads: int = 2
    curriculum: Curriculum = CURRICULUM
    env: EnvConfig = field(default_factory=EnvConfig)
    ppo: PpoConfig = field(default_factory=PpoConfig)


def build_policy(body: Body, env: WalkEnv, hidden: tuple[int, ...]) -> MusclePolicy:
    """An untrained policy with a decoder of the right size."""
    slices = env.builder.slices
    context = sum(slices[t].stop - slices[t].start for t in CONTEXT_TERMS)
    decoder = MuscleDecoder(len(body.joint_ids), body.model.nu, context, DecoderGains())
    return MusclePolicy(env.builder.size, decoder, context, hidden)


def fit_decoder(env: WalkEnv, decoder: MuscleDecoder, seed: int) -> dict[str, float]:
    """Fit length and feed-forward networks; returns their root mean square errors and the reference's root residual."""
    rng = np.random.default_rng(seed)
    errors = {
        "length_rms_m": fit(decoder.length, length_sampler(env.body, rng), steps=4000),
        "feed_forward_rms": fit(decoder.feed_forward, feed_forward_sampler(env.generator.table, env.drive.joint, rng), steps=3000),
        "reference_residual_n": float(env.reference_residual.mean()),
    }
    log.info("decoder: %s", errors)
    return errors


def evaluation_env(body: Body, run: WalkTraining, envs: int = 48) -> WalkEnv:
    """Starts from standing, one command held, 2 % excitation noise, no pushes: what a newcomer tries first."""
    judged = run.curriculum[-1][1]
    task = replace(
        judged, walk_starts=0.0, hold=(1e6, 1e6), excitation_noise=0.02, push_interval=1e9, episode=1e6, stand_share=0.25, key_error=0.5
    )
    return WalkEnv(body, replace(run.env, envs=envs, task=task), seed=run.seed + 1000)


def train(
    run: WalkTraining, folder: Path, *, resume: bool, report: Callable[[dict[str, float]], None], start_from: Path | None = None
) -> Path:
    """Run to the end; returns the path of the last checkpoint.

    Args:
        start_from: checkpoint of another run whose policy and value function a new run starts with; the decoder is fitted anew.

    Raises:
        ConfigurationError: the folder holds another run, or nothing to resume.
    """
    torch.manual_seed(run.seed)
    checkpoint = folder / "checkpoint.pt"
    if resume != checkpoint.exists():
        raise ConfigurationError(f"{folder} {'holds no checkpoint to resume' if resume else 'already holds a run; use --resume or another folder'}")
    folder.mkdir(parents=True, exist_ok=True)
    body = load_body(run.body)
    env = WalkEnv(body, replace(run.env, threads=run.threads), run.seed)
    policy = build_policy(body, env, run.hidden)
    learner = Ppo(policy, env, run.ppo)
    facts: dict[str, Any] = {}
    if resume:
        stored = torch.load(checkpoint, weights_only=False)
        learner.load(stored["learner"])
        facts = stored["facts"]
    else:
        if start_from:
            learner.inherit(torch.load(start_from, weights_only=False)["learner"])
            facts["start_from_steps"] = learner.steps
        facts |= fit_decoder(env, policy.decoder, run.seed) | {"seconds": 0.0}
    judge = evaluation_env(body, run)
    _loop(run, learner, judge, folder, facts, report)
    return checkpoint


def task_at(curriculum: Curriculum, steps: int) -> TaskConfig:
    """The task that is practised after so many steps."""
    return next(task for start, task in reversed(curriculum) if steps >= start)


def _loop(run: WalkTraining, learner: Ppo, judge: WalkEnv, folder: Path, facts: dict[str, Any], report: Callable[[dict[str, float]], None]) -> None:
    started, before, first = time.monotonic(), float(facts["seconds"]), learner.steps
    next_evaluation = learner.steps
    while True:
        finished = learner.steps >= run.steps
        row: dict[str, float] = {}
        if learner.steps >= next_evaluation or finished:
            row = judged_figures(*survival(learner.policy, judge, 12.0), judge.commands.command)
            next_evaluation = learner.steps + run.evaluate_every
        if finished:
            break
        learner.env.practise(task_at(run.curriculum, learner.steps))
        learner.caution = float(np.clip((run.steps - learner.steps) / (SETTLE_SHARE * run.steps), 0.1, 1.0))
        figures = learner.round()
        facts["seconds"] = before + time.monotonic() - started
        rate = (learner.steps - first) / (time.monotonic() - started)
        figures = {"steps": learner.steps, "seconds": facts["seconds"], "steps_per_s": rate, **figures, **row, "broken": learner.env.physics_failures}
        report(figures)
        _append(folder / "log.csv", figures)
        if row or learner.rounds % 25 == 0:
            save_checkpoint(folder / "checkpoint.pt", {"learner": learner.state(), "facts": facts, "run": asdict(run)})
    save_checkpoint(folder / "checkpoint.pt", {"learner": learner.state(), "facts": facts | row, "run": asdict(run)})


def judged_figures(lived: NDArray[np.float64], travelled: NDArray[np.float64], command: MotionCommand) -> dict[str, float]:
    """Mean seconds by what was asked for, share of walks that lasted, and how much of the commanded speed was reached."""
    walk, back = command.speed > 0.0, command.speed < 0.0
    side = command.lateral != 0.0
    spin = ~walk & ~back & ~side & (command.yaw_rate != 0.0)
    kinds = {"stand": ~(walk | back | side | spin), "walk": walk, "back": back, "side": side, "spin": spin}
    row = {f"{name}_s": float(lived[which].mean()) for name, which in kinds.items() if which.any()}
    reached = travelled / np.maximum(lived, 0.1) / np.maximum(command.speed, 0.1)
    return row | {"walk_ok": float((lived[walk] > 11.9).mean()), "speed_ratio": float(reached[walk].mean())}


LOG_COLUMNS = (
    "steps", "seconds", "steps_per_s", "reward", "episode_s", "kl", "rate", "std", "explained",
    "stand_s", "walk_s", "back_s", "side_s", "spin_s", "walk_ok", "speed_ratio", "broken",
)  # fmt: skip


def _append(path: Path, figures: dict[str, float]) -> None:
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, LOG_COLUMNS)
        if new:
            writer.writeheader()
        writer.writerow({k: (f"{v:.5g}" if isinstance(v, float) else v) for k, v in figures.items()})
