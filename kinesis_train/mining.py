"""Negative mining: a first expert learns every trial; each next one starts from the last and learns what none has managed so far.

The method of KINESIS (arXiv 2503.14637), with one choice of ours: a trial that any earlier expert manages is left to that expert. It ends
when (nearly) nothing is left or there are enough experts. Every stage is kept, so that a stopped run goes on at the stage it was in.

    RUN/mining.json              what was trained on and what was managed, stage by stage
    RUN/expert0/ expert1/ ...    one training each: checkpoint.pt, log.csv
    RUN/gate/                    the gate's training (gating.py)
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kinesis_control.errors import ConfigurationError, UnavailableError
from kinesis_train.checkpoint import load_checkpoint
from kinesis_train.env import EnvConfig
from kinesis_train.journal import write_run
from kinesis_train.loop import CHECKPOINT, Course, Report, follow
from kinesis_train.networks import MusclePolicy
from kinesis_train.parallel import Team
from kinesis_train.ppo import Ppo, PpoConfig
from kinesis_train.trials import Outcome, TrialSet, examine
from kinesis_train.walk import WalkTraining

log = logging.getLogger(__name__)
RECORD = "mining.json"
JUDGED = ("managed", "coverage")


@dataclass(frozen=True, kw_only=True)
class MiningConfig:
    """One mining run.

    Attributes:
        steps: environment steps of the first expert.
        next_steps: environment steps of each one after it.
        experts: at most so many.
        leave: stop when no more trials than this are left.
        seed: of networks, environments and exploration.
        hidden: widths of an expert's hidden layers.
        judge_every: steps between evaluations on the trials at hand.
        env, ppo: of every expert; the task in `env` is replaced by that of the trials.
    """

    steps: int = 4_000_000
    next_steps: int = 2_000_000
    experts: int = 3
    leave: int = 0
    seed: int = 1
    hidden: tuple[int, ...] = (256, 128)
    judge_every: int = 400_000
    env: EnvConfig = field(default_factory=EnvConfig)
    ppo: PpoConfig = field(default_factory=PpoConfig)

    def __post_init__(self) -> None:
        if self.experts < 1 or self.steps < 1 or self.next_steps < 1 or self.leave < 0:
            raise ConfigurationError(
                f"mining: got {self.experts} experts, {self.steps} and {self.next_steps} steps, {self.leave} left; expected at least 1, 1, 1 and 0"
            )


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What came of one expert.

    Attributes:
        trained_on: names of its trials.
        managed: of all trials, by name: whether this expert manages it.
        coverage: of all trials, by name; 0..1.
        left: names that no expert so far has managed.
    """

    trained_on: tuple[str, ...]
    managed: dict[str, bool]
    coverage: dict[str, float]
    left: tuple[str, ...]


def figures(outcomes: dict[str, Outcome]) -> dict[str, float]:
    """Share of trials that were managed, and mean coverage."""
    rows = outcomes.values()
    return {"managed": float(np.mean([o.managed for o in rows])), "coverage": float(np.mean([o.coverage for o in rows]))}


def read_stages(folder: Path) -> list[Stage]:
    """Finished stages of a run; none where it has not come so far.

    Raises:
        UnavailableError: the record cannot be read.
    """
    path = folder / RECORD
    if not path.exists():
        return []
    try:
        stored = json.loads(path.read_text())["stages"]
        return [Stage(**(s | {"trained_on": tuple(s["trained_on"]), "left": tuple(s["left"])})) for s in stored]
    except (ValueError, KeyError, TypeError) as error:
        raise UnavailableError(f"'{path}' is no record of a mining run: {error}") from error


def mine(
    trials: TrialSet, config: MiningConfig, folder: Path, report: Report, *, first: Path | None = None, team: Team | None = None
) -> list[Stage]:  # fmt: skip
    """Train experts until nothing is left; a run that was stopped goes on where it was.

    Args:
        first: checkpoint of a trained policy that serves as expert 0, in place of training one.
        team: the processes that learn together; alone where None.

    Raises:
        ConfigurationError: the folder holds a run on other trials.
    """
    team = team or Team()
    stages = read_stages(folder)
    _require_same(trials, stages, folder)
    if team.leads:
        write_run(folder, kind="mine", steps=config.steps, body=trials.body.description.name, seed=config.seed, experts=config.experts)
    while not _finished(stages, config):
        number = len(stages)
        names = stages[-1].left if stages else trials.names
        if number == 0 and first is not None:
            policy = restore_expert(trials, first)
            if team.leads:
                _adopt(first, folder / "expert0")
        else:
            policy = _train_expert(trials, names, config, folder, number, report, team)
        outcomes = examine(policy, trials, trials.names, config.env)
        known = set(stages[-1].left if stages else trials.names)
        left = tuple(n for n in trials.names if n in known and not outcomes[n].managed)
        stages.append(Stage(
            trained_on=tuple(names), left=left, managed={n: o.managed for n, o in outcomes.items()},
            coverage={n: round(o.coverage, 4) for n, o in outcomes.items()},
        ))  # fmt: skip
        if team.leads:
            _write(folder, stages)
        team.wait()  # for files that the next stage of everybody reads
        log.info("expert %d: %s; left: %s", number, figures(outcomes), ", ".join(left) or "nothing")
    return stages


def _finished(stages: Sequence[Stage], config: MiningConfig) -> bool:
    return bool(stages) and (len(stages) >= config.experts or len(stages[-1].left) <= config.leave)


def _require_same(trials: TrialSet, stages: Sequence[Stage], folder: Path) -> None:
    if stages and set(stages[0].managed) != set(trials.names):
        odd = sorted(set(stages[0].managed) ^ set(trials.names))
        raise ConfigurationError(f"{folder} holds a run on other trials ({', '.join(odd[:5])} in only one of them); choose another folder")


def _write(folder: Path, stages: Sequence[Stage]) -> None:
    temporary = (folder / RECORD).with_suffix(".tmp")
    temporary.write_text(json.dumps({"stages": [asdict(s) for s in stages]}, indent=1) + "\n")
    temporary.replace(folder / RECORD)


def _adopt(source: Path, target: Path) -> None:
    """Keep a policy that was trained elsewhere with the run."""
    target.mkdir(parents=True, exist_ok=True)
    (target / CHECKPOINT).write_bytes(source.read_bytes())


def restore_expert(trials: TrialSet, checkpoint: Path) -> MusclePolicy:
    """The policy of a checkpoint, for the body of the trials.

    Raises:
        UnavailableError: the checkpoint cannot be read.
        ConfigurationError: it is of another body, or of a policy of another make.
    """
    stored = load_checkpoint(checkpoint)
    run, body = stored["run"], trials.body.description.name
    if run["body"] != body:
        raise ConfigurationError(f"'{checkpoint}' was trained for body '{run['body']}', the trials are of '{body}'")
    env = trials.practice(trials.names, EnvConfig(envs=1, threads=1), seed=0)
    policy = trials.build(env, run["hidden"], run.get("action", "structured"))
    try:
        policy.load_state_dict(stored["learner"]["policy"])
    except RuntimeError as error:
        raise ConfigurationError(f"'{checkpoint}' holds a policy of another make: {error}") from error
    return policy.eval()


def _train_expert(
    trials: TrialSet, names: Sequence[str], config: MiningConfig, folder: Path, number: int, report: Report, team: Team
) -> MusclePolicy:  # fmt: skip
    """Train, or go on training, expert `number` on some of the trials."""
    own, seed = folder / f"expert{number}", config.seed + number
    torch.manual_seed(seed)
    env = trials.practice(names, config.env, seed + 1000 * team.rank)
    first = load_checkpoint(folder / "expert0" / CHECKPOINT)["run"] if number else {"hidden": config.hidden}
    action = first.get("action", "structured")
    policy = trials.build(env, first["hidden"], action)
    learner, facts = Ppo(policy, env, config.ppo, team), dict[str, Any]()
    if (own / CHECKPOINT).exists():
        stored = load_checkpoint(own / CHECKPOINT)
        learner.load(stored["learner"])
        facts = stored["facts"]
    elif number:
        before = load_checkpoint(folder / f"expert{number - 1}" / CHECKPOINT)
        learner.inherit(before["learner"])
        facts |= heritage(before["facts"]) | {"inherited_steps": learner.steps}
        learner.steps = 0
    else:
        facts |= trials.prepare(env, policy, seed)
        team.share([policy])
    if team.rank and not learner.rounds:  # others explore otherwise
        torch.manual_seed(seed + 1000 * team.rank)
    run = WalkTraining(
        body=trials.body.description.name, steps=config.steps if number == 0 else config.next_steps, seed=seed, hidden=tuple(policy_hidden(policy)),
        action=action, curriculum=((0, env.config.task),), env=env.config, ppo=config.ppo,
    )  # fmt: skip
    follow(
        Course(
            kind="expert", folder=own, steps=run.steps, run=asdict(run) | {"trials": list(names), "expert": number}, judge_every=config.judge_every,
            judge=lambda: figures(examine(policy, trials, names, config.env)), judged=JUDGED,
        ),
        learner, facts, report,
    )  # fmt: skip
    return policy


def policy_hidden(policy: MusclePolicy) -> list[int]:
    """Widths of the hidden layers of a policy."""
    return [layer.out_features for layer in policy.actor if isinstance(layer, torch.nn.Linear)][:-1]


def heritage(facts: dict[str, Any]) -> dict[str, Any]:
    """What a policy that is made from another one has to say of its data: clips, and the data sets with licences and credits."""
    sources = [*facts.get("sources", ()), *facts.get("start_from_data", ())]
    return {"sources": sources, "clips": list(facts.get("clips", ()))} if sources else {}
