"""The body's edge in lock-step, without a graph: the same world, gate and limits as the simulator node has them."""

import math
from dataclasses import dataclass

import numpy as np

from kinesis_control.contract import Contract
from kinesis_control.evaluate.events import Push
from kinesis_control.safety.arming import ArmingConfig
from kinesis_control.safety.gate import CommandGate
from kinesis_control.safety.limits import Command, Limits
from kinesis_sim.bodies import Body
from kinesis_sim.session import Session, SessionConfig
from kinesis_sim.world import World

VALID_S = 0.3
"""How long a command is held, as the policy node asks for [s]."""


@dataclass(frozen=True, kw_only=True)
class ScheduledPush:
    """A push that is known before. Attributes: at_s [s] from the start; newton; degree, direction of the force, left of the heading; duration_s [s]."""

    at_s: float
    newton: float
    degree: float
    duration_s: float

    def apply(self, session: Session) -> Push:
        """Begin the push now."""
        angle = math.radians(self.degree)
        force = (self.newton * math.cos(angle), self.newton * math.sin(angle), 0.0)
        world = session.world
        x, y, z = world.push(np.array(force), self.duration_s).tolist()
        return Push(stamp_ns=session.state.stamp_ns, duration_s=self.duration_s, force=(x, y, z), part=world.body.entry.trunk)


@dataclass(frozen=True, kw_only=True)
class LockstepConfig:
    """A run that a seed, these numbers and the commands determine bit by bit.

    Attributes:
        seed: of start and noise.
        noise: standard deviation of the noise on every excitation, 0..1.
        perturbation: size of the random start, 0..10.
        fade_s: time from full excitation to none [s].
    """

    seed: int = 0
    noise: float = 0.0
    perturbation: float = 0.0
    fade_s: float = 0.2


def lockstep_session(body: Body, contract: Contract, config: LockstepConfig) -> Session:
    """A session at its first state, armed, as after `arm` on the graph."""
    control_dt, physics_dt = contract.control_dt_s, 1.0 / contract.physics_rate_hz
    world = World(body, control_dt=control_dt, physics_dt=physics_dt, seed=config.seed, excitation_noise=config.noise)
    muscles = body.description.muscles
    limits = Limits(
        n_muscles=len(muscles), layout_hash=muscles.hash, slew_per_s=contract.action.slew_per_s, control_dt_s=control_dt,
        max_age_s=3.0 * control_dt, max_seq_lag=0,
    )  # fmt: skip
    gate = CommandGate(limits, ArmingConfig(fade_s=config.fade_s))
    session = Session(world, gate, SessionConfig(seed=config.seed, perturbation=config.perturbation, lockstep=True))
    gate.arm(session.now_s)
    session.started = True
    return session


def answer(session: Session, values: object, *, commander: str = "policy_node", valid_for_s: float = VALID_S) -> bool:
    """Submit values in answer to the present state and step; False when the physics broke."""
    state = session.state
    command = Command(
        seq=state.seq, stamp_ns=state.stamp_ns, layout_hash=session.gate.limits.layout_hash, commander=commander,
        values=values, valid_for_s=valid_for_s,  # type: ignore[arg-type]
    )  # fmt: skip
    session.submit(command, session.now_s)
    return session.step(session.now_s)
