"""Trains one policy on clips of motion libraries and on commands together: reference check, decoder, then PPO in one batch."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kinesis_control.errors import ConfigurationError
from kinesis_control.motion.clip import MotionClip
from kinesis_sim.bodies import load_body
from kinesis_train.checkpoint import load_checkpoint
from kinesis_train.clip_check import ClipCheck
from kinesis_train.fit import BATCH, clip_feed_forward_sampler, feed_forward_sampler, fit, length_sampler, mixed_sampler
from kinesis_train.imitate_env import ImitationEnv, scoring_env
from kinesis_train.imitate_plan import ImitationTraining, chosen, from_policy, prepare, shape_of, sources_of
from kinesis_train.imitate_score import CLIP_FIGURES, figures_of, sample_of, score_clips
from kinesis_train.loop import CHECKPOINT, Course, Report, follow
from kinesis_train.networks import MuscleDecoder
from kinesis_train.parallel import Team
from kinesis_train.ppo import Ppo, survival
from kinesis_train.walk import JUDGED, WalkTraining, build_policy, data_of, evaluation_env, judged_figures, task_at

__all__ = ["CHECKPOINT", "Imitation", "ImitationTraining", "from_policy", "prepare", "train"]

log = logging.getLogger(__name__)
NORM_MEMORY = 100_000.0  # observations that the statistics of a policy that is started from count as: those of clips must still move them
TABLE_SHARE = 0.4  # of the samples that the feed-forward network is fitted to, where commands are practised too


class Imitation:
    """A training run over a folder: learner, judges and what is known of the clips.

    Attributes:
        bank, checks: the clips that are trained on, and what was found of all of them.
        env, policy, learner: what is trained, and with what.
        facts: kept in the checkpoint.
    """

    def __init__(self, run: ImitationTraining, clips: Sequence[MotionClip], folder: Path, team: Team | None = None) -> None:
        team = team or Team()
        torch.manual_seed(run.seed)
        torch.set_num_threads(run.threads)
        self.run, self.folder, self.body = run, folder, load_body(run.body)
        self.bank, self.checks = prepare(run, self.body, clips)
        used = set(self.bank.names)
        self.sources = sources_of([c for c in clips if c.name in used])
        env_config = replace(run.env, threads=run.threads, task=run.curriculum[0][1])
        shares = {"generator_share": run.generator_share, "timing": run.timing}
        self.env = ImitationEnv(self.body, env_config, run.seed + team.rank, self.bank, run.stages[0].task, **shares)
        self.policy = build_policy(self.body, self.env, run.hidden, run.action)
        self.learner = Ppo(self.policy, self.env, run.ppo, team)
        self.clip_judge = scoring_env(self.body, env_config, self.bank.only(sample_of(self.bank, run.judged_clips)))
        walking = WalkTraining(body=run.body, seed=run.seed, curriculum=run.curriculum, env=env_config)
        self.walk_judge = evaluation_env(self.body, walking, run.judged_walks) if self.env.walk is not None else None
        self.facts: dict[str, Any] = {"seconds": 0.0}

    def start(self, start_from: Path | None) -> None:
        """A new run, from nothing or from the policy of a checkpoint; fits the decoder."""
        if start_from is not None:
            stored = load_checkpoint(start_from)
            got, expected = shape_of(stored["run"]), shape_of(vars(self.run))
            if got != expected:
                raise ConfigurationError(f"{start_from.name} holds another policy: got {got}, expected {expected}")
            self.learner.inherit(stored["learner"])
            self.facts |= inherited(stored)
            self.learner.steps = 0
            self.policy.norm.count.clamp_(max=NORM_MEMORY)
        if isinstance(self.policy.decoder, MuscleDecoder):
            self.facts |= self._fit(self.policy.decoder, keep_lengths=start_from is not None)
        self.facts |= {"clips": list(self.bank.names), "sources": self.sources, "checks": [asdict(c) for c in self.checks]}
        team = self.learner.team
        team.share([self.policy])
        if team.rank:  # others explore otherwise
            torch.manual_seed(self.run.seed + team.rank)

    def _fit(self, decoder: MuscleDecoder, *, keep_lengths: bool) -> dict[str, float]:
        """Fit the decoder to gait table and clips alike; the lengths that muscles have at joint angles need no second fit."""
        run, rng, errors = self.run, np.random.default_rng(self.run.seed), {}
        seen = BATCH * run.fit_steps  # more samples than these would not be looked at
        if not keep_lengths:
            errors["length_rms_m"] = fit(decoder.length, length_sampler(self.body, rng, min(60_000, seen)), steps=run.fit_steps)
        network = decoder.feed_forward.requires_grad_(True)
        for layer in network.net:
            if isinstance(layer, torch.nn.Linear):
                layer.reset_parameters()
        sample = clip_feed_forward_sampler(self.body, self.bank, rng)
        if self.env.walk is not None:
            walking = feed_forward_sampler(self.env.walk.generator.table, self.env.walk.drive.joint, rng, min(120_000, seen))
            sample = mixed_sampler(walking, sample, TABLE_SHARE)
        errors["feed_forward_rms"] = fit(network, sample, steps=run.fit_steps)
        log.info("decoder: %s", errors)
        return errors

    def resume(self) -> None:
        """Go on with the run that the folder holds.

        Raises:
            ConfigurationError: it was trained on other clips.
        """
        stored = load_checkpoint(self.folder / CHECKPOINT)
        before = stored["facts"].get("clips", [])
        if before != list(self.bank.names):
            changed = sorted(set(before) ^ set(self.bank.names))
            raise ConfigurationError(f"{self.folder} was trained on {len(before)} clips, got {len(self.bank)}; they differ in: {', '.join(changed[:5])}")
        self.learner.load(stored["learner"])
        self.facts = stored["facts"]

    def judge(self) -> dict[str, float]:
        """Figures of the deterministic policy: the fixed sample of clips, and commands."""
        row = figures_of(score_clips(self.policy, self.clip_judge))
        if self.walk_judge is not None:
            row |= judged_figures(*survival(self.policy, self.walk_judge, self.run.judged_s), self.walk_judge.commands.command)
        row["key_error"] = self.env.clips.limit
        self.facts["judged"] = row
        return row

    def practise(self) -> None:
        """Take up what is to be practised after so many steps."""
        run, share = self.run, self.learner.steps / self.run.steps
        stage = next(s for s in reversed(run.stages) if share >= s.begins)
        self.env.practise(task_at(run.curriculum, self.learner.steps))
        clips = self.env.clips
        clips.practise_clips(stage.task)
        clips.sampler.allow(chosen(self.bank, stage))
        clips.adapt()

    def loop(self, report: Report) -> Path:
        """Train to the end; returns the path of the last checkpoint."""
        run = self.run
        course = Course(
            kind="imitate", folder=self.folder, steps=run.steps, run=asdict(run), judge=self.judge, judge_every=run.evaluate_every,
            judged=(*CLIP_FIGURES, *JUDGED, "key_error"), before=self.practise,
        )  # fmt: skip
        return follow(course, self.learner, self.facts, report)


def inherited(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Steps and data that a policy brings with it, those of the runs before its own too."""
    facts, steps = stored["facts"], stored["learner"]["steps"]
    before = facts.get("start_from_steps", 0) if stored.get("kind") == "imitate" else 0  # other runs count on from the steps of the first
    return {"start_from_steps": steps + before, **data_of(facts)}


def train(
    run: ImitationTraining,
    clips: Sequence[MotionClip],
    folder: Path,
    *,
    resume: bool,
    report: Report,
    start_from: Path | None = None,
    checked: Callable[[list[ClipCheck]], None] = lambda checks: None,
    team: Team | None = None,
) -> Path:
    """Run to the end; returns the path of the last checkpoint.

    Args:
        start_from: checkpoint of another run whose policy and value function a new run starts with.
        checked: told what was found of every clip, before the training begins.
        team: the processes that learn together; alone where None.

    Raises:
        ConfigurationError: the folder holds another run, or nothing to resume; no clip can be trained on.
        UnavailableError: a checkpoint cannot be read.
    """  # fmt: skip
    checkpoint = folder / CHECKPOINT
    if resume != checkpoint.exists():
        raise ConfigurationError(f"{folder} {'holds no checkpoint to resume' if resume else 'already holds a run; use --resume or another folder'}")
    training = Imitation(run, clips, folder, team)
    training.env.records = folder / "broken"
    checked(training.checks)
    if resume:
        training.resume()
    else:
        training.start(start_from)
    return training.loop(report)
