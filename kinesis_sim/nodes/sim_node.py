"""The simulated body on the graph: lock-step or real time, with the last gate before its muscles.

Lock-step: the world steps when the answer to its present state is here. Nothing is published before the body is first
armed; arming publishes state 0. Real time: the world steps at absolute deadlines of the monotonic clock.
"""

import math
import sys
import time
from pathlib import Path

from kinesis_msgs.msg import MuscleCommand
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.node import Node

from kinesis_control.contract import read_contract
from kinesis_control.errors import ConfigurationError
from kinesis_control.ros import qos
from kinesis_control.ros.convert import read_command
from kinesis_control.ros.parameters import declare, declare_choice
from kinesis_control.ros.running import Ending, run_node
from kinesis_control.safety.arming import ArmingConfig, ControlState
from kinesis_control.safety.faults import Fault
from kinesis_control.safety.gate import CommandGate
from kinesis_control.safety.limits import Limits
from kinesis_sim.bodies import load_body
from kinesis_sim.nodes.sim_pace import Pace
from kinesis_sim.nodes.sim_reports import SimReports
from kinesis_sim.nodes.sim_services import SimServices
from kinesis_sim.nodes.sim_topics import SimTopics
from kinesis_sim.session import Session, SessionConfig
from kinesis_sim.world import World

STATUS_S = 0.5
"""Simulated time between two `control_status` [s]."""

ALIVE_S = 1.0
"""Wall time after which a body that stands still says so again [s]; before it is first armed ten times that."""

LINGER_S = 0.5
"""Wall time between the last words of a finished run and the end of the process [s]."""

READ_S = 3.0
"""How long the end waits until everybody has what was sent last [s, wall clock]; mostly that is so at once."""

REPEAT_S = 1.0
"""Lock-step: wall time after which a first state that nobody has answered is sent again [s]."""

CATCH_UP_S = 0.5
"""Real time: a delay up to this is caught up with, a longer one is given up and counted as misses [s]."""


class SimNode(Ending, Node):
    """World, gate and graph wired together; the decisions are in `Session`."""

    def __init__(self) -> None:
        super().__init__("sim_node")
        self.session = self._make_session()
        world = self.session.world
        self._period = world.control_dt
        self._status_ticks = max(round(STATUS_S / self._period), 1)
        self._topics = SimTopics(self, world)
        self._reports = SimReports(self, self.session, self._clock_mode, Path(self.get_parameter("policy").value).name)
        self._reports.reporter.watch(self._topics.state_publisher)
        self._sent_at = time.monotonic()  # wall time of the last state
        self._repeat_at = math.inf  # lock-step: wall time at which an unanswered first state is sent again
        self._due_at = 0.0  # wall time of the next step in real time
        self._alone = False  # lock-step: nobody answers, the wall clock sets the pace
        self._end_at: float | None = None
        self._requests = SimServices(self, self.session, self._now_s, self._on_request)
        self._reports.reporter.watch(self.create_subscription(MuscleCommand, "muscle_command", self._on_command, qos.LOOP))
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = self.create_timer(self._period, self._on_timer, clock=steady)
        self._pace = Pace(self, lockstep=self.session.config.lockstep, changed=self._on_pace)
        self._set_period()
        self.create_timer(ALIVE_S, self._on_second, clock=steady)
        self.get_logger().info(f"body '{world.body.description.name}', {world.model.nu} muscles, {1.0 / self._period:g} Hz, {self._clock_mode}")

    def _make_session(self) -> Session:
        body = load_body(declare(self, "body", "legs80", "Name of the body to simulate."))
        policy = declare(self, "policy", "", "Policy file; rates and slew limit come from its contract. Empty: from the parameters below.")
        rate = declare(self, "control_rate_hz", 40.0, "Control rate without a policy [Hz].", low=1.0, high=1000.0)
        physics_rate = declare(self, "physics_rate_hz", 200.0, "Physics rate without a policy [Hz].", low=50.0, high=10000.0)
        slew = declare(self, "slew_per_s", 40.0, "Largest change of an excitation without a policy [1/s].", low=0.1, high=10000.0)
        self._clock_mode = declare_choice(self, "clock", "lockstep", "What sets the pace.", ("lockstep", "realtime"))
        self._answer_timeout = declare(
            self, "answer_timeout_s", 5.0, "Lock-step: wall time without an answer after which the commander is lost [s].", low=0.1, high=600.0
        )
        config = self._session_config()
        noise = declare(self, "excitation_noise", 0.0, "Standard deviation of the noise on every excitation.", low=0.0, high=1.0)
        fade = declare(self, "fade_s", 0.2, "Time from full excitation to none [s].", low=0.01, high=5.0)
        if policy:
            contract = read_contract(policy)
            rate, physics_rate, slew = contract.control_rate_hz, contract.physics_rate_hz, contract.action.slew_per_s
        world = World(body, control_dt=1.0 / rate, physics_dt=1.0 / physics_rate, seed=config.seed, excitation_noise=noise)
        gate = CommandGate(self._limits(world, slew), ArmingConfig(fade_s=fade))
        return Session(world, gate, config)

    def _session_config(self) -> SessionConfig:
        seed = declare(self, "seed", 0, "Seed of the start and of the noise.")
        if seed < 0:
            raise ConfigurationError(f"seed: got {seed}, expected a whole number that is not negative")
        return SessionConfig(
            seed=seed,
            perturbation=declare(self, "perturbation", 0.0, "Size of the random start; 0 is the plain standing pose.", low=0.0, high=10.0),
            duration_s=declare(self, "duration", 0.0, "Simulated seconds until the run ends; 0 for no end.", low=0.0, high=1e6),
            lockstep=self._clock_mode == "lockstep",
            auto_rearm=declare(self, "auto_rearm", True, "Whether reset_world releases a fall and arms again; an e-stop stays."),
        )

    def _limits(self, world: World, slew: float) -> Limits:
        muscles, lockstep = world.body.description.muscles, self._clock_mode == "lockstep"
        return Limits(
            n_muscles=len(muscles),
            layout_hash=muscles.hash,
            slew_per_s=slew,
            control_dt_s=world.control_dt,
            max_age_s=3.0 * world.control_dt,
            max_seq_lag=0 if lockstep else 1,
        )

    def _now_s(self) -> float:
        """Simulated time of this moment [s]; in lock-step it stands still between two states."""
        session = self.session
        if session.config.lockstep or session.paused or not session.started:
            return session.now_s
        return session.now_s + self._pace.factor * max(time.monotonic() - self._sent_at, 0.0)

    @property
    def _wall_period(self) -> float:
        """Wall time between two steps [s]."""
        return self._period / self._pace.factor

    def _set_period(self) -> None:
        self._timer.timer_period_ns = round(1e9 * self._wall_period)

    def _on_pace(self, before: float) -> None:
        """Another pace from now on, without a jump of simulated time."""
        now, slower = time.monotonic(), before / self._pace.factor
        self._sent_at = now - (now - self._sent_at) * slower
        self._due_at = now + (self._due_at - now) * slower
        self._set_period()

    def _on_command(self, message: MuscleCommand) -> None:
        session = self.session
        result = session.submit(read_command(message), self._now_s())
        if result is not None and result.accepted:
            session.statistics.latency.add(time.monotonic() - self._sent_at)
        elif result is not None:
            self._warn(result.fault)
        if session.config.lockstep and session.ready:
            self._alone = False
            self._step()

    def _warn(self, fault: Fault | None) -> None:
        """Say the first refusal of each kind. The logger's own throttle looks through the call stack each time, which costs too much."""
        if fault is not None and self.session.gate.faults.count(fault) == 1:
            self.get_logger().warning(f"command refused: {self.session.gate.last_rejection} (said once; counted in control_status)")

    def _on_request(self, name: str) -> None:
        """A service has changed something: go on where that is possible now, and say so."""
        session = self.session
        if name == "arm" and not session.started and session.gate.state is ControlState.ARMED:
            session.started = self._reports.reporter.settled = True
            self._start_clock()
            self._publish()
            self._repeat_at = self._sent_at + REPEAT_S
        elif name == "reset_world" and session.started:
            self._publish()
        elif name == "set_pause":
            self._start_clock()
        if session.config.lockstep and session.ready and not self._alone:
            self._step()
        self._reports.send()

    def _start_clock(self) -> None:
        """Count wall time from now: what passed before this moment is not made up for."""
        self._sent_at = time.monotonic()
        self._due_at = self._sent_at + self._wall_period
        self._reports.start_rate(self._sent_at)
        self._timer.reset()

    def _on_timer(self) -> None:
        now = time.monotonic()
        if self._end_at is not None:
            if now > self._end_at:
                self.end(6 if self.session.broken else 0)
        elif not self.session.may_step:
            return
        elif not self.session.config.lockstep:
            self._step_when_due(now)
        elif self._alone:
            self._step()
        elif now - self._sent_at > self._answer_timeout:
            self._alone = True
            self.session.lose_commander()
            self.get_logger().error(f"no answer to state {self.session.state.seq} for {self._answer_timeout:g} s; going on at the pace of the wall clock")
        elif self.session.gate.accepted + self.session.gate.rejected == 0 and now > self._repeat_at:
            # The first state may have been sent to someone whom discovery had not matched on both sides yet.
            self._topics.repeat_state()
            self._repeat_at = now + REPEAT_S

    def _step_when_due(self, now: float) -> None:
        """Real time: make every step whose deadline is over. The timer may be early by a little."""
        period = self._wall_period
        if now - self._due_at > CATCH_UP_S:
            skipped = int((now - self._due_at) / period)
            self.session.statistics.misses += skipped
            self._due_at += skipped * period
        while self.session.may_step and now >= self._due_at - 0.1 * period:
            if not self.session.answered and self.session.gate.state is ControlState.ACTIVE:
                self.session.statistics.misses += 1
            self._due_at += period
            self._step()

    def _step(self) -> None:
        session = self.session
        if session.step(self._now_s()):
            self._publish()
            return
        self.get_logger().fatal(session.broken)
        self._reports.send()
        if session.config.duration_s > 0.0:
            self._finish()

    def _publish(self) -> None:
        """Send the present state, then everything that goes with it."""
        state = self.session.publish_state()
        self._sent_at = time.monotonic()
        self._topics.publish_state(state)
        self._topics.publish_rest(state)
        if self.session.finished:
            self._finish()
        elif state.seq % self._status_ticks == 0 or self.session.gate.state is not self._reports.reported_state:
            self._reports.send()

    def _finish(self) -> None:
        account = self.session.statistics
        self.get_logger().info(f"finished: {account.seconds:g} s in {account.wall_seconds:.2f} s, {account.real_time_factor:.1f} times real time")
        self._reports.send()
        self._reports.summarise()
        self._wait_until_read()
        self._end_at = time.monotonic() + LINGER_S

    def _wait_until_read(self) -> None:
        """A reader that the machine holds up must not miss the end of a run."""
        until = time.monotonic() + READ_S
        for publisher in (self._topics.state_publisher, *self._reports.publishers):
            publisher.wait_for_all_acked(Duration(seconds=max(until - time.monotonic(), 0.0)))

    def _on_second(self) -> None:
        """Measure the rate, and give a sign of life of a body that stands still."""
        now = time.monotonic()
        self._reports.measure_rate(now)
        silence = now - self._reports.said_at
        if silence > (ALIVE_S if self.session.started else 10.0 * ALIVE_S) and now - self._sent_at > ALIVE_S:
            self._reports.repeat()

    def close(self) -> None:
        """The last word of a run that was ended from outside."""
        if self._end_at is None:
            self._reports.send()
            self._reports.summarise()
            self._wait_until_read()


def main() -> None:
    """Run the node."""
    sys.exit(run_node(SimNode, "sim_node"))


if __name__ == "__main__":
    main()
