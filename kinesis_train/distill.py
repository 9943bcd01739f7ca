"""Distillation: a student learns to do what a teacher does, in the states that the student itself comes to (DAgger, Ross et al. 2011).

Each round some members of the batch are led by the teacher and the others by the student; the teacher's hand goes from all to none. What
moves the body carries noise, what is learned is the teacher's clean answer in the state that was reached. Every sample teaches its mirror
image too. In the end the value function is fitted to the student, so that reinforcement learning takes it up without first unlearning.
"""

import logging
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kinesis_control.errors import ConfigurationError, UnknownNameError
from kinesis_train.actions import ACTIONS
from kinesis_train.checkpoint import load_checkpoint, save_checkpoint
from kinesis_train.env import EnvConfig, TrackingEnv
from kinesis_train.journal import Journal, write_run
from kinesis_train.loop import CHECKPOINT, Course, Report, follow
from kinesis_train.mining import JUDGED, figures, policy_hidden
from kinesis_train.networks import MuscleDecoder, MusclePolicy
from kinesis_train.ppo import Ppo, PpoConfig
from kinesis_train.teachers import Teacher, open_teacher
from kinesis_train.trials import TrialSet, examine
from kinesis_train.walk import WalkTraining

log = logging.getLogger(__name__)
COLUMNS = ("steps", "seconds", "steps_per_s", "loss", "hand", "reward", "explained", *JUDGED)


@dataclass(frozen=True, kw_only=True)
class DistillConfig:
    """One distillation.

    Attributes:
        student: what its outputs mean, one of kinesis_train.actions.ACTIONS.
        labels: answers of the teacher to learn from.
        horizon: ticks a round.
        hand: share of the labels over which the teacher's hand goes from all members to none.
        memory: labels kept, the newest.
        batch, passes: samples a gradient step, and how often a round's worth of samples is drawn from memory after it.
        rate: Adam rate, falling to a tenth by a cosine.
        warm_rounds: rounds of the value function alone at the end.
        ppo_steps: environment steps of reinforcement learning after that; 0: none.
        judge_every: labels between evaluations.
        seed: of networks, environments and noise.
        hidden: widths of the student's hidden layers.
        env: the task in it is replaced by that of the trials.
        ppo: of value function and later learning; its exploration is narrow, for the student knows its way already.
    """

    student: str = "structured"
    labels: int = 500_000
    horizon: int = 32
    hand: float = 0.3
    memory: int = 300_000
    batch: int = 1024
    passes: int = 4
    rate: float = 1e-3
    warm_rounds: int = 10
    ppo_steps: int = 0
    judge_every: int = 100_000
    seed: int = 1
    hidden: tuple[int, ...] = (256, 128)
    env: EnvConfig = field(default_factory=EnvConfig)
    ppo: PpoConfig = field(default_factory=lambda: PpoConfig(initial_std=0.15))

    def __post_init__(self) -> None:
        if self.student not in ACTIONS:
            raise UnknownNameError("student", self.student, ACTIONS)
        if not 0.0 <= self.hand <= 1.0 or self.labels < 1 or self.memory < self.batch:
            raise ConfigurationError(
                f"distillation: got hand {self.hand}, {self.labels} labels and a memory of {self.memory}; "
                f"expected 0..1, at least 1, and at least the batch of {self.batch}"
            )


class Memory:
    """The newest samples of (observation, excitation), in rings."""

    def __init__(self, size: int, observation: int, muscles: int) -> None:
        self._x, self._y = torch.zeros(size, observation), torch.zeros(size, muscles)
        self.count = self._at = 0

    def add(self, x: NDArray[np.float32], y: NDArray[np.float64]) -> None:
        """Keep rows that are finite."""
        good = np.isfinite(x).all(axis=1) & np.isfinite(y).all(axis=1)
        place = torch.from_numpy((self._at + np.arange(int(good.sum()))) % len(self._x))
        self._x[place], self._y[place] = torch.from_numpy(x[good]), torch.from_numpy(y[good]).float()
        self._at = (self._at + len(place)) % len(self._x)
        self.count = min(self.count + len(place), len(self._x))

    def draw(self, n: int) -> tuple[Tensor, Tensor]:
        """n random samples."""
        pick = torch.randint(0, self.count, (n,))
        return self._x[pick], self._y[pick]


class Distillation:
    """One student at its teacher's side.

    Attributes:
        learner: holds the student (`learner.policy`) and its value function; what PPO takes up later.
        labels: answers learned from so far.
    """

    def __init__(self, teacher_path: Path, trials: TrialSet, config: DistillConfig, folder: Path) -> None:
        torch.manual_seed(config.seed)
        self.config, self.trials, self.folder = config, trials, folder
        self.env: TrackingEnv = trials.practice(trials.names, config.env, config.seed)
        self.teacher: Teacher = open_teacher(teacher_path, self.env)
        self.facts: dict[str, Any] = {"seconds": 0.0, "teacher": self.teacher.name} | self.teacher.heritage
        self.learner = Ppo(self._student(), self.env, config.ppo)
        self.optimiser = torch.optim.Adam(self.learner.policy.actor.parameters(), lr=config.rate)
        self.memory = Memory(config.memory, self.env.builder.size, self.env.body.model.nu)
        self.labels = 0
        self._rng = np.random.default_rng(config.seed)

    def _student(self) -> MusclePolicy:
        """An untrained student; a fitted decoder comes from the teacher where that has the same, else it is fitted now."""
        config, env, teacher = self.config, self.env, self.teacher.decoder
        policy = self.trials.build(env, config.hidden, config.student)
        if not isinstance(policy.decoder, MuscleDecoder):
            return policy
        if isinstance(teacher, MuscleDecoder):
            policy.decoder.load_state_dict(teacher.state_dict())
        elif not (self.folder / CHECKPOINT).exists():
            self.facts |= self.trials.prepare(env, policy, config.seed)
        return policy

    @property
    def hand(self) -> float:
        """Share of the members that the teacher leads now."""
        if self.config.hand == 0.0:
            return 0.0
        return float(np.clip(1.0 - self.labels / (self.config.hand * self.config.labels), 0.0, 1.0))

    def round(self) -> dict[str, float]:
        """Collect one horizon of labels, and learn from memory."""
        reward = self._collect()
        config = self.config
        share = min(self.labels / config.labels, 1.0)
        for group in self.optimiser.param_groups:
            group["lr"] = config.rate * (0.55 + 0.45 * float(np.cos(np.pi * share)))
        steps = max(1, config.passes * config.horizon * config.env.envs // config.batch)
        loss = float(np.mean([self._descend() for _ in range(steps)]))
        return {"loss": loss, "hand": self.hand, "reward": reward}

    @torch.no_grad()
    def _collect(self) -> float:
        env, policy, rewards, hand = self.env, self.learner.policy, [], self.hand
        led = self._rng.random(env.config.envs) < hand
        for tick in range(self.config.horizon):
            seen = env.observation.copy()
            answer = self.teacher.answer(env)
            self.memory.add(seen, answer)
            own = policy(torch.from_numpy(np.nan_to_num(seen, posinf=0.0, neginf=0.0))).numpy().astype(np.float64)
            reward, failed, timed_out = env.step(np.where(led[:, None], np.nan_to_num(answer), own))
            lost = ~np.isfinite(env.observation).all(axis=1)
            env.reset(np.flatnonzero(failed | timed_out | lost))
            rewards.append(float(np.nan_to_num(reward).mean()))
            if tick % 8 == 0 and self.labels < 0.5 * self.config.labels:  # later the statistics stand still, so that the target does too
                self.learner.update_norm()
        self.labels += self.config.horizon * env.config.envs
        return float(np.mean(rewards))

    def _descend(self) -> float:
        """One gradient step on samples and their mirror images; returns the root mean square error of an excitation."""
        x, y = self.memory.draw(self.config.batch // 2)
        mirror, policy = self.learner.mirror, self.learner.policy
        x, y = torch.cat([x, mirror.observation(x)]), torch.cat([y, mirror.action(y)])
        loss = (policy.decode(x, policy.actor(policy.norm(x[:, : policy.trunk_size]))) - y).pow(2).mean()
        self.optimiser.zero_grad()
        loss.backward()
        if torch.isfinite(nn.utils.clip_grad_norm_(policy.actor.parameters(), 1.0)):
            self.optimiser.step()
        return float(loss.detach().sqrt())

    def run(self, report: Report) -> Path:
        """Distil to the end, warm the value function up, and let PPO go on where that is asked for; a run that was stopped goes on.

        Raises:
            UnavailableError: the last checkpoint cannot be written.
        """
        config, path = self.config, self.folder / CHECKPOINT
        done = self._take_up() if path.exists() else False
        if not done:
            write_run(self.folder, kind="distill", steps=config.labels, body=self.env.body.description.name, seed=config.seed)
            self._teach(report)
            for _ in range(config.warm_rounds):
                self.facts |= {"value_explained": self.learner.warm_up_value()["explained"]}
            self.facts |= figures(self._judge()) | {"distilled": True}
            self.learner.steps = self.labels
            self._save(required=True)
        return self._reinforce(report) if config.ppo_steps else path

    def _teach(self, report: Report) -> None:
        started, before, first, judged_at = time.monotonic(), self.facts["seconds"], self.labels, self.labels
        journal = Journal(self.folder, COLUMNS, steps=first)
        while self.labels < self.config.labels:
            row = figures(self._judge()) if self.labels >= judged_at else {}
            judged_at = self.labels + self.config.judge_every if row else judged_at
            values = self.round()
            elapsed = time.monotonic() - started
            self.facts["seconds"] = before + elapsed
            values = {"steps": self.labels, "seconds": before + elapsed, "steps_per_s": (self.labels - first) / elapsed, **values, **row}
            report(values)
            journal.write(values)
            if row:
                self._save()
        journal.close()

    def _judge(self) -> dict[str, Any]:
        return examine(self.learner.policy, self.trials, self.trials.names, self.config.env)

    def _described(self) -> dict[str, Any]:
        run = WalkTraining(
            body=self.env.body.description.name, steps=self.config.labels, seed=self.config.seed, hidden=tuple(policy_hidden(self.learner.policy)),
            action=self.config.student, curriculum=((0, self.env.config.task),), env=self.env.config, ppo=self.config.ppo,
        )  # fmt: skip
        return asdict(run)

    def _save(self, *, required: bool = False) -> None:
        content = {"kind": "distill", "learner": self.learner.state(), "facts": self.facts | {"labels": self.labels}, "run": self._described()}
        save_checkpoint(self.folder / CHECKPOINT, content | {"optimiser": self.optimiser.state_dict()}, required=required)

    def _take_up(self) -> bool:
        """Go on from the checkpoint, with an empty memory; returns whether the distillation itself is done."""
        stored = load_checkpoint(self.folder / CHECKPOINT)
        self.learner.load(stored["learner"])
        self.optimiser.load_state_dict(stored["optimiser"])
        self.facts, self.labels = stored["facts"], stored["facts"]["labels"]
        return bool(self.facts.get("distilled"))

    def _reinforce(self, report: Report) -> Path:
        """PPO on the same trials, in a folder of its own."""
        own = self.folder / "ppo"
        facts: dict[str, Any] = {k: v for k, v in self.facts.items() if k != "distilled"}
        if (own / CHECKPOINT).exists():
            stored = load_checkpoint(own / CHECKPOINT)
            self.learner.load(stored["learner"])
            facts = stored["facts"]
        course = Course(
            kind="distill", folder=own, steps=self.labels + self.config.ppo_steps, run=self._described(), judge_every=self.config.judge_every,
            judge=lambda: figures(self._judge()), judged=JUDGED,
        )  # fmt: skip
        return follow(course, self.learner, facts, report)
