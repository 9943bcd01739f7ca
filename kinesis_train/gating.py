"""The last step of a mining run: its experts are frozen, and a gate is trained on all trials (gate.py) to choose among them."""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from kinesis_control.errors import ConfigurationError, UnavailableError
from kinesis_train.checkpoint import load_checkpoint
from kinesis_train.env import EnvConfig, TrackingEnv
from kinesis_train.gate import GatePpo
from kinesis_train.loop import CHECKPOINT, Course, Report, follow
from kinesis_train.mining import JUDGED, figures, heritage, policy_hidden, read_stages, restore_expert
from kinesis_train.mixture import ExpertMixture
from kinesis_train.networks import MusclePolicy
from kinesis_train.on_policy import LearnConfig
from kinesis_train.parallel import Team
from kinesis_train.ppo import PpoConfig
from kinesis_train.trials import TrialSet, examine
from kinesis_train.walk import WalkTraining, build_policy

log = logging.getLogger(__name__)
GATE = "gate"


@dataclass(frozen=True, kw_only=True)
class GateConfig:
    """One training of a gate.

    Attributes:
        steps: environment steps.
        seed: of the gate, the environments and the choices.
        hidden: widths of the gate's hidden layers.
        judge_every: steps between evaluations on all trials.
        env: the task in it is replaced by that of the trials.
        ppo: hyper-parameters.
    """

    steps: int = 1_000_000
    seed: int = 1
    hidden: tuple[int, ...] = (256, 128)
    judge_every: int = 200_000
    env: EnvConfig = field(default_factory=EnvConfig)
    ppo: LearnConfig = field(default_factory=LearnConfig)


def assemble(experts: Sequence[MusclePolicy], hidden: Sequence[int]) -> ExpertMixture:
    """Experts under an untrained gate that begins with the statistics of the first one."""
    mixture = ExpertMixture(experts, experts[0].trunk_size, hidden)
    mixture.gate.norm.load_state_dict(experts[0].norm.state_dict())
    return mixture


def train_gate(trials: TrialSet, config: GateConfig, folder: Path, report: Report, team: Team | None = None) -> Path:
    """Train, or go on training, the gate of a mining run; returns its checkpoint, in which the experts are too.

    Raises:
        ConfigurationError: the folder holds no finished expert.
        UnavailableError: a checkpoint cannot be read.
    """
    team = team or Team()
    stages = read_stages(folder)
    if not stages:
        raise ConfigurationError(f"{folder} holds no expert; make some with `kinesis train mine -o {folder}`")
    stored = [load_checkpoint(folder / f"expert{k}" / CHECKPOINT) for k in range(len(stages))]
    torch.manual_seed(config.seed)
    env = trials.practice(trials.names, config.env, config.seed + team.rank)
    experts = [restore_expert(trials, folder / f"expert{k}" / CHECKPOINT) for k in range(len(stages))]
    mixture = assemble(experts, config.hidden)
    learner = GatePpo(mixture, env, config.ppo, team)
    facts: dict[str, Any] = _facts(stored) | {"managed_by_experts": [sum(s.managed.values()) for s in stages], "trials": len(trials.names)}
    own = folder / GATE
    if (own / CHECKPOINT).exists():
        before = load_checkpoint(own / CHECKPOINT)
        learner.load(before["learner"])
        facts = before["facts"]
    elif team.size > 1:
        torch.manual_seed(config.seed + team.rank)
    run = WalkTraining(
        body=trials.body.description.name, steps=config.steps, seed=config.seed, hidden=tuple(policy_hidden(experts[0])),
        action=stored[0]["run"].get("action", "structured"), curriculum=((0, env.config.task),), env=env.config, ppo=PpoConfig(),
    )  # fmt: skip
    described = asdict(run) | {"ppo": asdict(config.ppo), "gate_hidden": tuple(config.hidden), "experts": len(experts)}
    return follow(
        Course(
            kind=GATE, folder=own, steps=config.steps, run=described, judge_every=config.judge_every, judged=JUDGED,
            judge=lambda: figures(examine(mixture, trials, trials.names, config.env)),
        ),
        learner, facts, report,
    )  # fmt: skip


def _facts(experts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the experts' trainings were: steps and seconds add up, data are those of the first one."""
    return heritage(experts[0]["facts"]) | {
        "expert_steps": [e["learner"]["steps"] for e in experts],
        "seconds": sum(float(e["facts"].get("seconds", 0.0)) for e in experts),
    }


def restore_mixture(stored: dict[str, Any], env: TrackingEnv) -> ExpertMixture:
    """The mixture of a gate's checkpoint.

    Raises:
        UnavailableError: the checkpoint is not of a gate.
    """
    run = stored["run"]
    if stored.get("kind") != GATE:
        raise UnavailableError(f"the checkpoint is of a training of kind '{stored.get('kind', 'walk')}', expected '{GATE}'")
    experts = [build_policy(env.body, env, tuple(run["hidden"]), run.get("action", "structured")) for _ in range(run["experts"])]
    mixture = assemble(experts, run["gate_hidden"])
    mixture.load_state_dict(stored["learner"]["policy"])
    return mixture.eval()


def account(stored: dict[str, Any], mixture: ExpertMixture) -> dict[str, Any]:
    """What a contract says of a mixture, under "mixture" in its training account."""
    facts = stored["facts"]
    return {
        "experts": len(mixture.experts), "expert_steps": facts["expert_steps"], "gate_steps": stored["learner"]["steps"],
        "gate_hidden": list(stored["run"]["gate_hidden"]), "managed_by_experts": facts["managed_by_experts"], "trials": facts["trials"],
        "choice": "argmax of the gate; only the chosen expert is evaluated",
    }  # fmt: skip
