"""One run of a world behind the last gate before its muscles: what a body's edge decides, without ROS.

Lock-step: a state waits for its answer; `ready` says when to step. Real time: the owner steps at its deadlines. In both, a
body that takes no commands goes on under what is left of a fade, then under zero excitation.
"""

from dataclasses import dataclass

from kinesis_control.body_state import BodyState
from kinesis_control.errors import ConfigurationError
from kinesis_control.safety.arming import Answer, ControlState
from kinesis_control.safety.faults import Fault
from kinesis_control.safety.gate import CommandGate
from kinesis_control.safety.limits import Command, LimitResult
from kinesis_sim.flight_recorder import PhysicsError
from kinesis_sim.statistics import RunStatistics
from kinesis_sim.world import World

MAX_STEP_REQUEST = 10_000
"""Most ticks that one request may ask for."""


@dataclass(frozen=True, kw_only=True)
class SessionConfig:
    """How a run goes.

    Attributes:
        seed: of the world; a reset without a seed of its own starts it anew.
        perturbation: size of the random start, 0..10; 0 is the plain standing pose.
        duration_s: simulated time after which the run is finished [s]; 0 for no end.
        lockstep: whether a state waits for its answer.
        auto_rearm: whether a reset of the world releases a fall and arms again. An e-stop is never released by it.
    """

    seed: int = 0
    perturbation: float = 0.0
    duration_s: float = 0.0
    lockstep: bool = True
    auto_rearm: bool = True

    def __post_init__(self) -> None:
        if not (0.0 <= self.perturbation <= 10.0 and 0.0 <= self.duration_s < float("inf")):
            raise ConfigurationError(f"need perturbation in 0..10 and a finite duration; got {self.perturbation} and {self.duration_s} s")


class Session:
    """A world, its gate, and the account of the run.

    Attributes:
        statistics: what the run came to so far.
        started: the body was armed once; before that nothing moves.
        paused: steps only on request.
        answered: the present state has its answer, good or bad.
        broken: why the physics cannot go on; empty while it can. Only a reset of the world helps.
    """

    def __init__(self, world: World, gate: CommandGate, config: SessionConfig) -> None:
        self.world, self.gate, self.config = world, gate, config
        self.statistics = RunStatistics(world.control_dt)
        self.started = self.paused = self.answered = False
        self.broken = ""
        self._allowance = 0  # ticks that may be stepped although the session is paused
        self._rearm_pending = False
        self._superseded = -1  # a reset took the place of states up to this number; their answers are void
        self._last_tick = round(config.duration_s / world.control_dt)
        world.reset(config.seed, config.perturbation)

    @property
    def state(self) -> BodyState:
        """The present state, overwritten by the next step."""
        return self.world.state

    @property
    def now_s(self) -> float:
        """Stamp of the present state [s]."""
        return 1e-9 * self.state.stamp_ns

    @property
    def finished(self) -> bool:
        """Whether the asked duration is over."""
        return self._last_tick > 0 and self.world.tick >= self._last_tick

    @property
    def may_step(self) -> bool:
        """Whether a step is allowed at all now."""
        return self.started and not self.broken and not self.finished and (not self.paused or self._allowance > 0)

    @property
    def ready(self) -> bool:
        """Lock-step: the present state is answered and a step is allowed."""
        return self.answered and self.may_step

    def publish_state(self) -> BodyState:
        """The present state becomes the one that commands have to answer; call once for every state, before sending it."""
        self.answered = False
        self.gate.sensors(self.state, self.now_s)
        if self._rearm_pending:
            self._rearm()
        self.statistics.see(self.state)
        return self.state

    def submit(self, command: Command, now_s: float) -> LimitResult | None:
        """Judge a command at `now_s` [s, simulated]; None for an answer that a reset or the end of the run made void."""
        if command.seq <= self._superseded or self.finished:
            return None
        result = self.gate.submit(command, now_s)
        holder = self.gate.commander
        # An answer that was refused is an answer all the same, or one NaN would stop the clock.
        if command.seq == self.state.seq and holder in ("", command.commander):
            self.answered = True
        return result

    def step(self, now_s: float) -> bool:
        """Advance the world one tick under what the gate hands on; False when the physics broke."""
        self._allowance = max(self._allowance - 1, 0)
        excitation = self.gate.output(now_s)
        try:
            self.world.step(excitation)
        except PhysicsError as error:
            self.broken = str(error)
            self.gate.body_fault(Fault.NON_FINITE_STATE, now_s)
            return False
        return True

    def lose_commander(self) -> None:
        """Lock-step: the answer has not come for too long."""
        if self.gate.state in (ControlState.ARMED, ControlState.ACTIVE):
            self.gate.body_fault(Fault.LOST_COMMANDER, self.now_s)

    def request_steps(self, ticks: int) -> Answer:
        """Allow so many ticks while paused."""
        if not 0 < ticks <= MAX_STEP_REQUEST:
            return Answer(False, f"got {ticks} ticks, expected 1 to {MAX_STEP_REQUEST}")
        if not self.paused:
            return Answer(False, "the simulation is running; pause it first")
        if not self.started:
            return Answer(False, "the simulation has not started; arm the body first")
        if self.broken:
            return Answer(False, f"{self.broken}")
        self._allowance += ticks
        return Answer(True, f"stepping to state {self.world.tick + self._allowance}")

    @property
    def steps_to(self) -> int:
        """Number of the state at which the requested steps end."""
        return self.world.tick + self._allowance

    def reset(self, seed: int | None, perturbation: float) -> Answer:
        """Stand the body up again: pose, velocities and activations; starts the next episode.

        A fault is released, and the body is armed again, if the configuration says so; an e-stop and a disarmed body stay.
        """
        if not 0.0 <= perturbation <= 10.0:  # false for a NaN
            return Answer(False, f"got perturbation {perturbation}, expected 0 to 10")
        if self.started and not self.answered:
            self._superseded = self.state.seq
        self.world.reset(self.config.seed if seed is None else seed, perturbation)
        self.broken = ""
        self._rearm_pending = self.started and self.config.auto_rearm
        return Answer(True, f"episode {self.state.episode} starts with state {self.state.seq}")

    def _rearm(self) -> None:
        """After a reset: wait for the end of a fade, then release the fault and arm again, where that is wanted."""
        if self.gate.state is ControlState.FADING:
            return
        self._rearm_pending = False
        if self.gate.state is ControlState.FAULT and self.gate.reset(self.now_s).success:
            self.gate.arm(self.now_s)
