"""Clips as trials: what negative mining and the gate practise when there is a library of motions."""

from collections.abc import Sequence
from dataclasses import replace

from kinesis_control.errors import ConfigurationError
from kinesis_sim.bodies import Body
from kinesis_train.clip_reference import ClipTask
from kinesis_train.clips import ClipBank
from kinesis_train.env import EnvConfig, TrackingEnv
from kinesis_train.imitate_env import ImitationEnv, scoring_env
from kinesis_train.networks import MusclePolicy
from kinesis_train.reference import Index
from kinesis_train.task import TaskConfig
from kinesis_train.trials import TrialSet


class ClipTrials(TrialSet):
    """Every clip of a bank is a trial, from its first frame to its last."""

    def __init__(self, body: Body, bank: ClipBank, task: TaskConfig, clip_task: ClipTask, *, generator_share: float = 0.2) -> None:
        """`task`, `clip_task`: how they are practised; `generator_share`: share of the batch that goes on practising commands."""
        self.body, self.bank, self.task, self.clip_task, self.share = body, bank, task, clip_task, generator_share
        self.names = bank.names

    def _only(self, names: Sequence[str]) -> ClipBank:
        self.require(names)
        return self.bank.only([self.names.index(name) for name in names])

    def practice(self, names: Sequence[str], config: EnvConfig, seed: int) -> TrackingEnv:
        share = self.share if config.envs > 1 else 0.0
        return ImitationEnv(self.body, replace(config, task=self.task), seed, self._only(names), self.clip_task, generator_share=share)

    def exam(self, names: Sequence[str], config: EnvConfig) -> TrackingEnv:
        return scoring_env(self.body, replace(config, task=self.task), self._only(names))

    def ticks(self, names: Sequence[str], dt: float) -> Index:
        return self._only(names).ticks

    def prepare(self, env: TrackingEnv, policy: MusclePolicy, seed: int) -> dict[str, float]:
        raise ConfigurationError("mining on clips needs a first expert: train one with `kinesis train imitate` and give its checkpoint with --from")
