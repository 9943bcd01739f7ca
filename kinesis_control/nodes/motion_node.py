"""Turns words, goals, velocities and clips into a reference window in answer to each body state."""

import math
import sys
import time
from pathlib import Path

import numpy as np
from geometry_msgs.msg import PoseStamped, TwistStamped
from kinesis_msgs.action import ReachGoal, TrackMotion
from kinesis_msgs.msg import Activity, ControlStatus, MuscleLayout
from kinesis_msgs.msg import BodyState as BodyStateMessage
from kinesis_msgs.msg import ReferenceWindow as ReferenceMessage
from rclpy.node import Node
from std_msgs.msg import String

from kinesis_control.body_state import BodyDescription, BodyState
from kinesis_control.contract import Contract, read_contract
from kinesis_control.errors import ConfigurationError, KinesisError, UnavailableError
from kinesis_control.motion.command import Abilities
from kinesis_control.motion.generator import GeneratorLimits
from kinesis_control.motion.library import Library
from kinesis_control.motion.plan import ActivityWatch, Event, MotionPlan, PlanConfig
from kinesis_control.motion.sources import ReferenceSources
from kinesis_control.motion.words import parse
from kinesis_control.reference import ReferenceWindow
from kinesis_control.ros import qos
from kinesis_control.ros.actions import PendingActions
from kinesis_control.ros.convert import ReferenceWriter, activity_message, read_body_state, read_layout, time_ns
from kinesis_control.ros.goals import find_clip, read_goal
from kinesis_control.ros.parameters import declare, declare_choice, declare_strings
from kinesis_control.ros.reporting import OK, Diagnosis, Reporter
from kinesis_control.ros.running import Ending, run_node
from kinesis_control.safety.arming import ControlState

STATUS_S = 0.5
"""Time on the clock of the states between two `control_status` [s]."""

FEEDBACK_S = 0.2
"""Time on the clock of the states between two feedbacks of an action [s]."""

HALTED = {ControlStatus.ESTOPPED: "the body is e-stopped; reset and arm it first", ControlStatus.FAULT: "the body has a fault; reset and arm it first"}
"""States of the body's edge in which nothing is begun."""


def read_script(lines: list[str]) -> list[tuple[int, str]]:
    """Commands at simulated times, from texts "TIME text"; returns (time [ns], text) by rising time.

    Raises:
        ConfigurationError: a line does not begin with a time, or says nothing.
    """
    script = []
    for line in lines:
        head, _, text = line.strip().partition(" ")
        try:
            at = float(head)
        except ValueError:
            at = math.nan
        if not (0.0 <= at < math.inf and text.strip()):
            raise ConfigurationError(f"script: got '{line}', expected 'TIME text' with a time in seconds, for example '1.0 walk'")
        script.append((round(at * 1e9), text.strip()))
    return sorted(script, key=lambda entry: entry[0])


class MotionNode(Ending, Node):
    """What was asked for last, as a reference."""

    def __init__(self) -> None:
        super().__init__("motion_node")
        self._read_parameters()
        self._period = self._contract.control_dt_s
        self._status_ticks = max(round(STATUS_S / self._period), 1)
        self._feedback_ticks = max(round(FEEDBACK_S / self._period), 1)
        lim = GeneratorLimits()
        # Simulated time may run much faster than the sender's: while a velocity is young on the wall clock, each state renews it.
        config = PlanConfig(
            acceleration=lim.acceleration, lateral_acceleration=lim.lateral_acceleration, yaw_acceleration=lim.yaw_acceleration,
            lag=lim.lag, velocity_timeout=2.0 * self._period,
        )  # fmt: skip
        self._plan = MotionPlan(Abilities.from_training(self._contract.training), config)
        self._watch = ActivityWatch()
        self._velocity, self._velocity_came = (0.0, 0.0, 0.0), -math.inf
        self._sources: ReferenceSources | None = None
        self._library: Library | None = None
        self._halts: dict[str, str] = {}  # by node
        self._publisher = self.create_publisher(ReferenceMessage, "reference", qos.LOOP)
        self._replies = self.create_publisher(String, "text_reply", qos.GOAL)
        self._activities = self.create_publisher(Activity, "activity", qos.ACTIVITY)
        self._reporter = Reporter(self, self._diagnose)
        self._reporter.watch(self._publisher)
        self._reporter.watch(self._replies)
        self._subscribe()

    def _read_parameters(self) -> None:
        path = declare(self, "policy", "", "Policy file whose contract gives rate, reference times and abilities.")
        script = declare_strings(self, "script", "Commands at simulated times, each 'TIME text'.")
        self._velocity_timeout = declare(self, "cmd_vel_timeout_s", 0.5, "A velocity is followed so long after it came [s, wall clock].", low=0.05, high=10.0)
        self._library_path = declare(self, "library", "", "Motion library (HDF5) of this body: its clips can be played by name.")
        self._source = declare_choice(self, "source", "generator", "What makes the reference of a walk.", ("generator", "matching"))
        if not path:
            raise UnavailableError("parameter 'policy' is empty, expected the path of an ONNX file")
        if self._source == "matching" and not self._library_path:
            raise ConfigurationError("source: got 'matching' without a library; set the parameter 'library' to an HDF5 file of this body")
        self._contract: Contract = read_contract(path)
        self._script = read_script(script)

    def _subscribe(self) -> None:
        self.create_subscription(MuscleLayout, "muscle_layout", self._on_layout, qos.LATCHED)
        self._reporter.watch(self.create_subscription(BodyStateMessage, "body_state", self._on_state, qos.LOOP))
        self.create_subscription(ControlStatus, "control_status", self._on_status, qos.STATUS)
        self.create_subscription(TwistStamped, "cmd_vel", self._on_velocity, qos.GOAL)
        self.create_subscription(PoseStamped, "goal_pose", self._on_goal, qos.GOAL)
        self.create_subscription(String, "text_command", lambda message: self._say(message.data), qos.GOAL)
        self._reach = PendingActions(self, ReachGoal, "reach_goal", self._on_reach, self._cancel)
        self._track = PendingActions(self, TrackMotion, "track_motion", self._on_track, self._cancel)

    def _on_layout(self, message: MuscleLayout) -> None:
        try:
            self._prepare(read_layout(message))
        except KinesisError as error:
            self.get_logger().fatal(str(error))
            self.end(error.exit_code)

    def _prepare(self, body: BodyDescription) -> None:
        self._layout_hash = body.muscles.hash
        self._state = BodyState.zeros(body)
        self._library = Library.open(Path(self._library_path), body) if self._library_path else None
        clips = list(self._library) if self._library is not None and self._source == "matching" else None
        self._sources = ReferenceSources(body, np.array(self._contract.reference_offsets_s), clips)
        self._plan.limit(self._sources.reach)
        self._writer = ReferenceWriter(body, self._sources.window)
        self._episode, self._stamp_ns = -1, 0
        self._reporter.status.body = body.name
        known = f", {len(self._library)} clips in {self._library.path.name}" if self._library is not None else ""
        self.get_logger().info(f"gait of body '{body.name}' is ready{known}; it can {self._plan.abilities.describe()}")

    def _on_state(self, message: BodyStateMessage) -> None:
        sources = self._sources
        if sources is None:
            return
        try:
            state = read_body_state(message, self._layout_hash, self._state)
        except KinesisError as error:
            self.get_logger().error(str(error), once=True)
            return
        window = self._next_window(sources, state)
        self._publisher.publish(self._writer.write(window))
        for report in self._watch.reports(self._plan, state.stamp_ns):
            self._activities.publish(activity_message(report))
        self._reporter.settled = True
        if state.seq % self._status_ticks == 0:
            self._report()
        if state.seq % self._feedback_ticks == 0 and (self._reach.tickets or self._track.tickets):
            self._feed_back()

    def _next_window(self, sources: ReferenceSources, state: BodyState) -> ReferenceWindow:
        if state.first_non_finite() is not None:
            # Nothing can be planned from it and nothing of it may stay: the last window is sent once more.
            sources.window.seq, sources.window.stamp_ns = state.seq, state.stamp_ns
            return sources.window
        now_s = 1e-9 * state.stamp_ns
        if state.episode != self._episode:
            if self._episode >= 0:
                self._plan.forget()
            sources.reset(state)
            self._episode, self._stamp_ns = state.episode, state.stamp_ns
        if not state.fallen:  # a fall is known from the state itself, in every run at the same tick
            self._plan.halt(next(filter(None, self._halts.values()), ""))
        self._take_orders(state, now_s)
        for event in self._plan.update(state, now_s, sources.stop_wait):
            self._on_event(event)
        dt = 1e-9 * (state.stamp_ns - self._stamp_ns)
        self._stamp_ns = state.stamp_ns
        return sources.update(state, self._plan.command, self._plan.playing, now_s, dt)

    def _take_orders(self, state: BodyState, now_s: float) -> None:
        """What is due: lines of the script, and a velocity that is still young."""
        while self._script and self._script[0][0] <= state.stamp_ns:
            self._say(self._script.pop(0)[1])
        if self._plan.mode == "velocity" and time.monotonic() - self._velocity_came < self._velocity_timeout:
            self._plan.renew_velocity(now_s)

    def _say(self, text: str) -> None:
        self._reply(self._plan.say(parse(text)), asked=text)

    def _on_status(self, message: ControlStatus) -> None:
        """The body's edge tells whether it takes commands; no other node has such a state."""
        self._halts[message.node] = HALTED.get(message.state, "")

    def _on_velocity(self, message: TwistStamped) -> None:
        stamp_ns = time_ns(message.header.stamp)
        now_ns = self._state.stamp_ns if self._sources else 0
        if 0 < stamp_ns < now_ns - round(1e9 * self._velocity_timeout):
            self._reply(f"velocity refused: it is {1e-9 * (now_ns - stamp_ns):.1f} s old, expected at most {self._velocity_timeout:g} s")
            return
        velocity = (message.twist.linear.x, message.twist.linear.y, message.twist.angular.z)
        remark = self._plan.velocity(*velocity, 1e-9 * now_ns)
        self._velocity_came = time.monotonic()
        if velocity != self._velocity or "refused" in remark:
            self._reply(remark)
        self._velocity = velocity

    def _on_goal(self, message: PoseStamped) -> None:
        self._reply(self._go(message, use_heading=True)[0])

    def _go(self, message: PoseStamped, *, use_heading: bool, **limits: float) -> tuple[str, int]:
        """Reply and ticket of a goal; the ticket of a refusal is 0."""
        if self._sources is None or self._episode < 0:
            return "goal refused: there is no body state yet", 0
        try:
            x, y, yaw = read_goal(message)
        except KinesisError as error:
            return f"goal refused: {error}", 0
        return self._plan.goal(x, y, yaw if use_heading else None, self._state, **limits)

    def _on_reach(self, request: ReachGoal.Goal) -> tuple[str, int]:
        limits = {name: getattr(request, name) for name in ("tolerance", "heading_tolerance", "time_limit")}
        text, ticket = self._go(request.goal, use_heading=request.use_heading, **limits)
        self._reply(text)
        return text, ticket

    def _on_track(self, request: TrackMotion.Goal) -> tuple[str, int]:
        text, ticket = self._play(request)
        self._reply(text)
        return text, ticket

    def _play(self, request: TrackMotion.Goal) -> tuple[str, int]:
        if self._sources is None or self._episode < 0:
            return "refused: there is no body state yet", 0
        try:
            clip = find_clip(self._library, request.motion)
        except KinesisError as error:
            return f"refused: {error}", 0
        return self._plan.play(clip, start=request.start_offset, repetitions=request.repetitions, rate=request.speed)

    def _cancel(self, ticket: int) -> None:
        self._plan.cancel(ticket, "cancelled")

    def _on_event(self, event: Event) -> None:
        self._reply("" if event.told else event.text, event=event)
        if event.ending is None or not event.ticket:
            return
        p, reason = event.progress, int(event.ending)
        self._reach.finish(event.ticket, reason=reason, message=event.text, distance=p.distance, heading_error=p.heading_error, time_taken=p.time_taken)
        self._track.finish(
            event.ticket,
            reason=reason,
            message=event.text,
            frames_tracked=p.frames,
            mean_joint_error=p.mean_joint_error,
            mean_root_error=p.mean_root_error,
        )

    def _feed_back(self) -> None:
        p, ticket = self._plan.progress(), self._plan.activity.ticket
        self._reach.feedback(ticket, distance=p.distance, heading_error=p.heading_error, time_taken=p.time_taken)
        self._track.feedback(ticket, clip_time=p.clip_time, phase=p.phase, joint_error=p.joint_error, root_error=p.root_error)

    def _reply(self, text: str, *, asked: str = "", event: Event | None = None) -> None:
        """Say something; `asked`: the text command that it answers, `event`: what has ended."""
        self._watch.note(text, asked, event)
        if text:
            self._replies.publish(String(data=text))
            self.get_logger().info(text)

    def _report(self) -> None:
        status = self._reporter.status
        status.state, status.mode, status.ticks = int(ControlState.ACTIVE), self._plan.mode, self._state.seq
        self._reporter.send_status(self._state.stamp_ns)

    def _diagnose(self) -> Diagnosis:
        text = "waiting for a body" if self._sources is None else self._plan.mode
        command = self._plan.command
        values = {"speed": f"{float(command.speed):.2f}", "lateral": f"{float(command.lateral):.2f}", "yaw_rate": f"{float(command.yaw_rate):.2f}"}
        return OK, text, values | {"activity": self._plan.activity.text}


def main() -> None:
    """Run the node."""
    sys.exit(run_node(MotionNode, "motion_node"))


if __name__ == "__main__":
    main()
