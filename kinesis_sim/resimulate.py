"""A lock-step recording, simulated again under its own commands: the same seed and the same commands give the same states, bit by bit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinesis_control.body_state import BodyState
from kinesis_control.contract import read_contract
from kinesis_control.errors import ConfigurationError, ContractError, UnavailableError
from kinesis_control.evaluate.events import Push
from kinesis_control.evaluate.replay import Tick, body_of, policies_of, pushes_of, read_state, ticks_of
from kinesis_control.evaluate.stream_graph import Graph
from kinesis_control.evaluate.stream_open import Recording
from kinesis_sim.bodies import load_body
from kinesis_sim.lockstep import LockstepConfig, answer, lockstep_session
from kinesis_sim.session import Session


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What determines a run besides its commands and pushes; None where it is not known. Attributes: seed, noise, perturbation."""

    seed: int | None
    noise: float | None
    perturbation: float | None

    @classmethod
    def of(cls, recorded: Mapping[str, str], *, seed: int | None = None, noise: float | None = None, perturbation: float | None = None) -> "RunFacts":
        """What was given, else what the recorder wrote into the metadata.

        Raises:
            ConfigurationError: a recorded fact is not of its form.
        """
        try:
            return cls(
                seed=seed if seed is not None else int(recorded["seed"]) if "seed" in recorded else None,
                noise=noise if noise is not None else float(recorded["noise"]) if "noise" in recorded else None,
                perturbation=perturbation if perturbation is not None else float(recorded["perturbation"]) if "perturbation" in recorded else None,
            )
        except (ValueError, TypeError) as error:
            raise ConfigurationError(f"the metadata of the recording states a fact that is not of its form: {error}") from error

    def config(self) -> LockstepConfig:
        """As a configuration.

        Raises:
            UnavailableError: something is not known.
        """
        unknown = [name for name in ("seed", "noise", "perturbation") if getattr(self, name) is None]
        if unknown:
            options = " ".join(f"--{name} VALUE" for name in unknown)
            raise UnavailableError(f"the recording does not say {', '.join(unknown)} of its run; give {options}")
        return LockstepConfig(seed=self.seed or 0, noise=self.noise or 0.0, perturbation=self.perturbation or 0.0)


@dataclass(kw_only=True)
class ResimulationResult:
    """What came of it.

    Attributes:
        compared: states that were compared, the first different one included.
        first_difference: number of the first state that is not equal; None when all are.
        field, amount: where it differs, and by how much.
        ended: why not every state was compared; empty when every one was.
    """

    compared: int = 0
    first_difference: int | None = None
    field: str = ""
    amount: float = 0.0
    ended: str = ""


def resimulate(recording: Recording, graph: Graph, facts: RunFacts, find_policy: Callable[[str], Path]) -> ResimulationResult:
    """Simulate again and compare every state, up to the first difference or the first reset.

    Args:
        find_policy: file for the recorded hash; its contract gives the rates and the slew limit.

    Raises:
        UnavailableError: the recording is not of a lock-step run, or facts are missing.
        ContractError: the body of the recording is not the one that is known here by this name.
    """
    log = policies_of(recording, graph)
    if "realtime" in log.clocks or recording.custom.get("clock") == "realtime":
        raise UnavailableError(f"{recording.path} is of a real-time run; only a lock-step run repeats bit by bit")
    recorded = body_of(recording, graph)
    body = load_body(recorded.name)
    if body.description.model_hash != recorded.model_hash:
        raise ContractError(f"body '{recorded.name}' was recorded with model {recorded.model_hash}, here it is {body.description.model_hash}")
    contract = read_contract(find_policy(log.policies[0][1].sha256 if log.policies else ""))
    session = lockstep_session(body, contract, facts.config())
    result, state, pushes = ResimulationResult(), BodyState.zeros(body.description), pushes_of(recording, graph)
    for tick in ticks_of(recording, graph):
        if not _compare(tick, session, state, pushes, result):
            break
    return result


def _compare(tick: Tick, session: Session, recorded: BodyState, pushes: Sequence[Push], result: ResimulationResult) -> bool:
    """Compare one state and step; False at the end of what can be compared."""
    read_state(tick.state, recorded)
    if not result.compared and recorded.seq != 0:
        result.ended = f"the recording begins with state {recorded.seq}; simulating again needs the start"
        return False
    if recorded.episode != session.state.episode:
        result.ended = f"the world was reset before state {recorded.seq}; how, a recording does not hold"
        return False
    mine = session.publish_state()
    result.compared += 1
    _note_difference(mine, recorded, result)
    if result.first_difference is not None:
        return False
    for push in pushes:
        if push.stamp_ns == recorded.stamp_ns:
            session.world.push(np.array(push.force), push.duration_s, push.part, in_odom=True)
    if tick.command is None:
        alive = session.step(session.now_s)
    else:
        c = tick.command
        valid_s = c.valid_for.sec + 1e-9 * c.valid_for.nanosec
        alive = answer(session, np.array(c.values), commander=c.commander, valid_for_s=valid_s)
    if not alive:
        result.ended = f"the physics went bad after state {recorded.seq}"
    return alive


def _note_difference(mine: BodyState, recorded: BodyState, result: ResimulationResult) -> None:
    for name in ("seq", "stamp_ns", "fallen"):
        if getattr(mine, name) != getattr(recorded, name):
            result.first_difference, result.field, result.amount = recorded.seq, name, float(abs(int(getattr(mine, name)) - int(getattr(recorded, name))))
            return
    theirs = recorded.arrays()
    for name, values in mine.arrays().items():
        if values.tobytes() != theirs[name].tobytes():
            result.first_difference, result.field = recorded.seq, name
            result.amount = float(np.abs(values - theirs[name]).max())
            return
