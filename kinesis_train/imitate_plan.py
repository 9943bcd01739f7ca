"""What an imitation run is: its size, the stages of clips that it goes through, and the clips that it can use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kinesis_control.errors import ConfigurationError
from kinesis_control.motion.clip import MotionClip
from kinesis_sim.bodies import Body
from kinesis_train.clip_check import CheckLimits, ClipCheck, check_clips
from kinesis_train.clip_reference import ClipTask
from kinesis_train.clips import ClipBank
from kinesis_train.env import REFERENCE_OFFSETS, EnvConfig
from kinesis_train.ppo import PpoConfig
from kinesis_train.task import CURRICULUM, RewardWeights
from kinesis_train.walk import Curriculum


@dataclass(frozen=True, kw_only=True)
class ClipStage:
    """A part of the training.

    Attributes:
        begins: share of the run at which it begins.
        contents: what the clips show that are practised; empty: all.
        clips: at most so many of them, the longest first; 0: all.
        task: how they are practised.
    """

    begins: float = 0.0
    contents: tuple[str, ...] = ()
    clips: int = 0
    task: ClipTask = field(default_factory=ClipTask)


FROM_NOTHING = (
    ClipStage(contents=("walk",), clips=1),
    ClipStage(begins=0.1, contents=("walk",)),
    ClipStage(begins=0.35, contents=("walk", "turn", "backward", "sidestep", "transition")),
    ClipStage(begins=0.55),
)
"""One walk, then walks, then turns and steps backward and aside, then everything, runs too."""

REWARD = RewardWeights(position=(0.35, 60.0), joints=(0.13, 10.0), tilt=(0.15, 6.0), heading=(0.10, 4.0), effort=(0.0, 6.0), muscles=(0.12, 40.0))
"""Clips must be followed in the world, so that the heading counts too; and with muscles as the feed-forward uses them, not just with few of them."""

COMMANDS = replace(CURRICULUM[-1][1], max_speed=1.6, push_speed=0.15, free_share=0.5)
"""Commands beside the clips of a policy that walks already: those of its last stage, faster, pushed harder, and half of them
through the world: most recorded clips are too short to show whether a body strays from its path."""

FROM_POLICY = (ClipStage(),)
"""A policy that walks already practises everything at once."""


@dataclass(frozen=True, kw_only=True)
class ImitationTraining:
    """One training run.

    Attributes:
        body: registry name.
        steps: environment steps to take.
        seed: of networks, environments and exploration.
        hidden: widths of the policy's hidden layers; a policy that is started from keeps its own.
        action: what its outputs mean, one of ACTIONS.
        evaluate_every: steps between evaluations.
        judged_clips: size of the fixed sample of clips that is scored then.
        judged_walks, judged_s: number of bodies that are then scored on commands, and for how long each [s].
        threads: threads of rollout and torch.
        generator_share: share of the batch that follows commands.
        libraries, pattern: file names and the pattern that the clips came from, for the record.
        limits: what a clip may need and still be trained on.
        curriculum: of the commands, as in WalkTraining.
        stages: of the clips.
        fit_steps: gradient steps of the fit of the feed-forward network.
        timing: activation that muscles are drawn to at the times when they usually are on in walking (timing_prior.py); 0: least effort alone.
    """

    body: str = "legs80"
    steps: int = 20_000_000
    seed: int = 1
    hidden: tuple[int, ...] = (256, 128)
    action: str = "structured"
    evaluate_every: int = 500_000
    judged_clips: int = 48
    judged_walks: int = 48
    judged_s: float = 12.0
    threads: int = 2
    generator_share: float = 0.4
    libraries: tuple[str, ...] = ()
    pattern: str = "*"
    limits: CheckLimits = field(default_factory=CheckLimits)
    curriculum: Curriculum = CURRICULUM
    stages: tuple[ClipStage, ...] = FROM_NOTHING
    fit_steps: int = 4000
    timing: float = 0.3
    env: EnvConfig = field(default_factory=lambda: EnvConfig(envs=128, reward=REWARD))
    ppo: PpoConfig = field(default_factory=lambda: PpoConfig(horizon=32))

    def __post_init__(self) -> None:
        begins = [s.begins for s in self.stages]
        if not begins or begins[0] != 0.0 or sorted(set(begins)) != begins:
            raise ConfigurationError(f"stages of clips: got beginnings {begins}, expected rising shares of the run from 0")


def from_policy(run: ImitationTraining, stored: dict[str, Any]) -> ImitationTraining:
    """The run that goes on from a checkpoint: with its layers, with every command and every clip from the start."""
    kept = stored["run"]
    return replace(run, hidden=tuple(kept["hidden"]), action=kept.get("action", "structured"), curriculum=((0, COMMANDS),), stages=FROM_POLICY)


def shape_of(run: Mapping[str, Any]) -> str:
    """Body, layers and action of a run's policy, in words."""
    layers = " x ".join(map(str, run["hidden"]))
    return f"body {run['body']}, hidden layers {layers}, action {run.get('action', 'structured')}"


def prepare(run: ImitationTraining, body: Body, clips: Sequence[MotionClip]) -> tuple[ClipBank, list[ClipCheck]]:
    """Check the clips and lay out those that can be trained on.

    Raises:
        ConfigurationError: none can; the message says why for the first few.
    """
    dt, window = run.env.control_dt, REFERENCE_OFFSETS[-1]
    checks, activations = check_clips(body, clips, window_s=window, limits=run.limits, dt=dt, timing=run.timing)
    good = [i for i, c in enumerate(checks) if not c.complaint]
    if not good:
        reasons = "; ".join(f"{c.name}: {c.complaint}" for c in checks[:3])
        raise ConfigurationError(f"none of the {len(clips)} clips can be trained on: {reasons}")
    return ClipBank.of(body, [clips[i] for i in good], [activations[i] for i in good], dt=dt, offsets=REFERENCE_OFFSETS), checks


def sources_of(clips: Sequence[MotionClip]) -> list[dict[str, str]]:
    """Data sets of clips with their licences and credits, each once."""
    found = {(c.source.get("dataset", ""), c.source.get("licence", ""), c.source.get("credit", "")) for c in clips}
    return [{"dataset": d, "licence": n, "credit": c} for d, n, c in sorted(found)]


def chosen(bank: ClipBank, stage: ClipStage) -> list[int]:
    """Clips of a bank that a stage practises; all of them where none shows what it asks for."""
    picks = [i for i, content in enumerate(bank.content) if not stage.contents or content in stage.contents]
    picks = sorted(picks or range(len(bank)), key=lambda i: -int(bank.ticks[i]))
    return picks[: stage.clips or None]
