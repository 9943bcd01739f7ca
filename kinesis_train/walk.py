"""Trains the stand-and-walk policy from nothing: fit the decoder, then PPO, with checkpoints, a log and a progress line."""

import logging
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from kinesis_control.errors import ConfigurationError
from kinesis_control.motion.command import MotionCommand
from kinesis_sim.bodies import Body, load_body
from kinesis_train.actions import make_decoder
from kinesis_train.checkpoint import load_checkpoint
from kinesis_train.disturbance import Disturbance
from kinesis_train.env import CONTEXT_TERMS, EnvConfig, TrackingEnv, WalkEnv
from kinesis_train.fit import feed_forward_sampler, fit, length_sampler
from kinesis_train.loop import CHECKPOINT, Course, Report, follow
from kinesis_train.networks import MuscleDecoder, MusclePolicy
from kinesis_train.parallel import Team
from kinesis_train.ppo import Ppo, PpoConfig, survival
from kinesis_train.task import CURRICULUM, TaskConfig

log = logging.getLogger(__name__)
Curriculum = tuple[tuple[int, TaskConfig], ...]


@dataclass(frozen=True, kw_only=True)
class WalkTraining:
    """One training run.

    Attributes:
        body: registry name.
        steps: environment steps to take.
        seed: of networks, environments and exploration.
        hidden: widths of the policy's hidden layers.
        action: what its outputs mean, one of ACTIONS.
        evaluate_every: steps between evaluations.
        threads: threads of rollout and torch.
        curriculum: pairs (steps, task), the first at 0; the last task is the one that the policy is judged and shipped for.
    """

    body: str = "legs80"
    steps: int = 12_400_000
    seed: int = 1
    hidden: tuple[int, ...] = (256, 128)
    action: str = "structured"
    evaluate_every: int = 400_000
    threads: int = 2
    curriculum: Curriculum = CURRICULUM
    env: EnvConfig = field(default_factory=EnvConfig)
    ppo: PpoConfig = field(default_factory=PpoConfig)


def build_policy(body: Body, env: TrackingEnv, hidden: tuple[int, ...], action: str = "structured") -> MusclePolicy:
    """An untrained policy with a decoder of the right size; `action` is one of ACTIONS."""
    slices = env.builder.slices
    context = sum(slices[t].stop - slices[t].start for t in CONTEXT_TERMS)
    return MusclePolicy(env.builder.size, make_decoder(action, body, context), context, hidden)


def fit_decoder(env: WalkEnv, decoder: nn.Module, seed: int) -> dict[str, float]:
    """Fit length and feed-forward networks, where the decoder has any; returns their errors and the reference's root residual."""
    rng = np.random.default_rng(seed)
    errors = {"reference_residual_n": float(env.reference_residual.mean())}
    if isinstance(decoder, MuscleDecoder):
        errors["length_rms_m"] = fit(decoder.length, length_sampler(env.body, rng), steps=4000)
        errors["feed_forward_rms"] = fit(decoder.feed_forward, feed_forward_sampler(env.generator.table, env.drive.joint, rng), steps=3000)
    log.info("decoder: %s", errors)
    return errors


def evaluation_env(body: Body, run: WalkTraining, envs: int = 48) -> WalkEnv:
    """Starts from standing, one command held, 2 % excitation noise, no pushes: what a newcomer tries first."""
    judged = run.curriculum[-1][1]
    task = replace(
        judged, walk_starts=0.0, hold=(1e6, 1e6), excitation_noise=0.02, push_interval=1e9, episode=1e6, stand_share=0.25, key_error=0.5, free_share=0.0
    )
    return WalkEnv(body, replace(run.env, envs=envs, task=task, disturbance=Disturbance()), seed=run.seed + 1000)


def train(run: WalkTraining, folder: Path, *, resume: bool, report: Report, start_from: Path | None = None, team: Team | None = None) -> Path:
    """Run to the end; returns the path of the last checkpoint.

    Args:
        start_from: checkpoint of another run whose policy and value function a new run starts with; the decoder is fitted anew.
        team: the processes that learn together; alone where None.

    Raises:
        ConfigurationError: the folder holds another run, or nothing to resume.
        UnavailableError: a checkpoint cannot be read, or the last one cannot be written.
    """
    team = team or Team()
    torch.manual_seed(run.seed)
    checkpoint = folder / CHECKPOINT
    if resume != checkpoint.exists():
        raise ConfigurationError(f"{folder} {'holds no checkpoint to resume' if resume else 'already holds a run; use --resume or another folder'}")
    body = load_body(run.body)
    env = WalkEnv(body, replace(run.env, threads=run.threads), run.seed + team.rank)
    env.records = folder / "broken"
    policy = build_policy(body, env, run.hidden, run.action)
    learner = Ppo(policy, env, run.ppo, team)
    facts: dict[str, Any] = {}
    if resume:
        stored = load_checkpoint(checkpoint)
        learner.load(stored["learner"])
        facts = stored["facts"]
    else:
        if start_from:
            before = load_checkpoint(start_from)
            learner.inherit(before["learner"])
            facts["start_from_steps"] = learner.steps
            facts |= data_of(before["facts"])
        facts |= fit_decoder(env, policy.decoder, run.seed) | {"seconds": 0.0}
        team.share([policy])
        if team.rank:  # others explore otherwise
            torch.manual_seed(run.seed + team.rank)
    judge = evaluation_env(body, run)
    course = Course(
        kind="walk", folder=folder, steps=run.steps, run=asdict(run), judge_every=run.evaluate_every, judged=JUDGED,
        judge=lambda: judged_figures(*survival(policy, judge, 12.0), judge.commands.command),
        before=lambda: env.practise(task_at(run.curriculum, learner.steps)),
    )  # fmt: skip
    return follow(course, learner, facts, report)


def data_of(facts: dict[str, Any]) -> dict[str, Any]:
    """Recorded motion in a policy that another run starts with: its data sets with licences and credits, and the clips; empty without any."""
    sources = [*facts.get("start_from_data", ()), *facts.get("sources", ())]
    return {"start_from_data": sources, "clips": list(facts.get("clips", ()))} if sources else {}


def task_at(curriculum: Curriculum, steps: int) -> TaskConfig:
    """The task that is practised after so many steps."""
    return next(task for start, task in reversed(curriculum) if steps >= start)


def judged_figures(lived: NDArray[np.float64], travelled: NDArray[np.float64], command: MotionCommand) -> dict[str, float]:
    """Mean seconds by what was asked for, share of walks that lasted, and how much of the commanded speed was reached."""
    ahead, aside, turning = command.speed != 0.0, command.lateral != 0.0, command.yaw_rate != 0.0
    creep = ahead & aside
    walk, back = (command.speed > 0.0) & ~creep, (command.speed < 0.0) & ~creep
    side, spin = aside & ~ahead, turning & ~ahead & ~aside
    kinds = {"stand": ~(ahead | aside | turning), "walk": walk, "back": back, "side": side, "spin": spin, "creep": creep}
    row = {f"{name}_s": float(lived[which].mean()) for name, which in kinds.items() if which.any()}
    reached = travelled / np.maximum(lived, 0.1) / np.maximum(command.speed, 0.1)
    return row | {"walk_ok": float((lived[walk] > 11.9).mean()), "speed_ratio": float(reached[walk].mean())}


JUDGED = ("stand_s", "walk_s", "back_s", "side_s", "spin_s", "creep_s", "walk_ok", "speed_ratio")
"""Figures of `judged_figures`."""
