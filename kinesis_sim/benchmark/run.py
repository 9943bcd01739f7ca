"""Runs one case: policy, motion side and world in this process, in lock-step, as the graph would."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyState
from kinesis_control.contract import Contract
from kinesis_control.evaluate import stream_join as join
from kinesis_control.evaluate.episode import Episode
from kinesis_control.evaluate.events import Push
from kinesis_control.evaluate.figure import Figure
from kinesis_control.evaluate.goal_reaching import GoalConfig
from kinesis_control.evaluate.report_life import LifeReport, score_life
from kinesis_control.evaluate.statistics import share_figure
from kinesis_control.evaluate.stream_asked import ActivityLog
from kinesis_control.evaluate.stream_events import EventLog
from kinesis_control.motion.clip import MotionClip
from kinesis_control.motion.command import Abilities
from kinesis_control.motion.frames import Alignment, Frames, copy_window
from kinesis_control.motion.generator import GeneratorLimits, heading
from kinesis_control.motion.plan import ActivityReport, ActivityWatch, MotionPlan, PlanConfig
from kinesis_control.motion.sources import ReferenceSources
from kinesis_control.policy import Policy, PolicyFaultError
from kinesis_control.reference import ReferenceWindow
from kinesis_sim.benchmark.suites import GOAL_AT_S, SETTLE_S, SPEED_TOLERANCE, STEADY_S, Case
from kinesis_sim.bodies import Body
from kinesis_sim.kinematics import KeyBodyKinematics
from kinesis_sim.lockstep import LockstepConfig, answer, lockstep_session
from kinesis_sim.pose import Pose
from kinesis_sim.session import Session

Array = NDArray[np.float64]


class Observer(Protocol):
    """Whoever keeps a run."""

    def write(self, state: BodyState, window: ReferenceWindow, values: Array) -> None:
        """A tick."""

    def activity(self, report: ActivityReport) -> None:
        """What the motion side does from this tick on."""

    def push(self, push: Push) -> None:
        """A push that begins at this tick."""


PLAIN_REACH_M = 0.3
AFTER_FALL_S = 0.5
"""A run goes on so long after a fall [s], so that the report shows it."""


class CaseRun:
    """One case under way."""

    def __init__(self, case: Case, body: Body, policy: Policy, sha256: str, clips: Mapping[str, MotionClip] | None = None) -> None:
        self._case, self._body, self._policy = case, body, policy
        self._contract: Contract = policy.contract
        self._clips = clips or {}
        config = LockstepConfig(seed=case.seed, noise=case.noise, perturbation=case.perturbation)
        self.session: Session = lockstep_session(body, self._contract, config)
        self._dt = self._contract.control_dt_s
        lim = GeneratorLimits()
        plan = PlanConfig(
            acceleration=lim.acceleration, lateral_acceleration=lim.lateral_acceleration, yaw_acceleration=lim.yaw_acceleration, lag=lim.lag,
            velocity_timeout=2.0 * self._dt,
        )  # fmt: skip
        self._plan = MotionPlan(Abilities.from_training(self._contract.training), plan)
        self._sources = ReferenceSources(body.description, np.array(self._contract.reference_offsets_s))
        self._ticks = round(case.seconds / self._dt)
        name = f"{self._contract.name}.onnx"
        self._episode = Episode.blank(body.description, self._ticks, source=case.label, policy=name, policy_sha256=sha256, seed=case.seed)
        self._windows: list[dict[str, Any]] = []
        self._log, self._watch = EventLog(), ActivityWatch()
        self._asked = ActivityLog(log=self._log)
        self._start: tuple[Array, float] | None = None
        self._clip_start: tuple[int, Array, float] | None = None  # tick, root position, heading of the reference
        self._tick = 0
        if case.clip:
            self._begin_on(self._clips[case.clip])
        else:
            self._sources.reset(self.session.state)

    def _begin_on(self, clip: MotionClip) -> None:
        """Put the body on the first frame of a clip, as published evaluations do, with the muscles as the policy wants them there."""
        first = self._sources.begin_on(clip)
        pose, world, policy = Pose.of_reference(first), self.session.world, self._policy
        self._clip_start = (0, first.root_position[0].copy(), float(heading(first.root_quaternion[0])))
        window = ReferenceWindow.zeros(self._body.description, self._sources.window.time_offsets)
        copy_window(first, window, slice(1, None))
        policy.reset()
        try:
            world.put(pose, np.clip(policy.act(world.put(pose), window), 0.0, 1.0))
        except PolicyFaultError:  # its first answer to the body will say so
            world.put(pose)

    def run(self, observe: Observer | None = None) -> Episode:
        """To the end of the case, or shortly after a fall or broken physics."""
        policy, session = self._policy, self.session
        policy.reset()
        end = self._ticks
        while self._tick < end:
            state = session.publish_state()
            if state.fallen and end == self._ticks:
                end = min(self._ticks, self._tick + round(AFTER_FALL_S / self._dt))
            self._command(state, observe)
            window = self._sources.update(state, self._plan.command, self._plan.playing, session.now_s, self._dt if self._tick else 0.0)
            try:
                values = policy.act(state, window)
            except PolicyFaultError:
                values = np.full(len(self._body.description.muscles), np.nan)  # refused at the gate, as on the graph
            self._note(state, window, values)
            if observe is not None:
                observe.write(state, window, values)
            self._tick += 1
            if not answer(session, values):
                break
        return self._finished()

    def _command(self, state: BodyState, observe: Observer | None) -> None:
        """What the case asks for at this tick, then what the plan makes of it."""
        case, now = self._case, self.session.now_s
        begins = self._tick == round(SETTLE_S / self._dt)
        if self._start is None:
            self._start = (state.root_position[:2].copy(), float(heading(state.root_quaternion)))
        if case.velocity is not None and self._tick >= round(SETTLE_S / self._dt):
            self._plan.velocity(*case.velocity, now)
        if case.goal is not None and begins:
            (x, y), _ = self._start
            self._plan.goal(float(x) + case.goal[0], float(y) + case.goal[1], None, state)
        if case.clip and self._tick == 0:
            self._plan.play(self._clips[case.clip])
        pushes = [push.apply(self.session) for push in case.pushes if self._tick == round(push.at_s / self._dt)]
        for event in self._plan.update(state, now, self._sources.stop_wait):
            self._watch.note("" if event.told else event.text, event=event)
        reports = self._watch.reports(self._plan, state.stamp_ns)
        self._log.pushes += pushes
        for report in reports:
            self._asked.take(report)
        if observe is not None:
            for push in pushes:
                observe.push(push)
            for report in reports:
                observe.activity(report)

    def _note(self, state: BodyState, window: ReferenceWindow, values: Array) -> None:
        e, t = self._episode, self._tick
        e.stamp_ns[t], e.seq[t], e.fallen[t] = state.stamp_ns, state.seq, state.fallen
        for name, value in state.arrays().items():
            getattr(e, name)[t] = value
        e.excitation[t] = values
        row = {name: getattr(window, name).reshape(-1).copy() for name in _WINDOW}
        self._windows.append({"stamp": state.stamp_ns, "motion": window.motion, **row})

    def _finished(self) -> Episode:
        episode = self._episode.slice(0, self._tick)
        join.fill_reference(episode, [_as_windows(self._windows, np.array(self._contract.reference_offsets_s))], int(episode.stamp_ns[0]))
        if self._clip_start is not None:
            self._lay_clip(episode, *self._clip_start)
        self._asked.fill(episode, episode.stamp_ns)
        events: dict[str, Any] = self._log.take(None, ends=True)
        return replace(episode, **events)

    def _lay_clip(self, episode: Episode, tick: int, position: Array, yaw: float) -> None:
        """The clip as the reference to score against: laid to where the reference was when it began, and never moved after the body.

        What the policy is shown follows the body softly; scored against that, a body that drifts away would look better than it is.
        """
        clip = self._clips[self._case.clip]
        count = min(round(clip.duration_s / self._dt) + 1, len(episode) - tick)
        window = ReferenceWindow.zeros(self._body.description, np.arange(count) * self._dt, key_bodies=len(self._body.description.key_body_names))
        Frames(clip).fill(window.time_offsets, window)
        alignment = Alignment()
        alignment.place(window.root_position[0], float(heading(window.root_quaternion[0])), position, yaw)
        alignment.apply(window)
        span = slice(tick, tick + count)
        episode.reference_root_position[span] = window.root_position
        episode.reference_root_quaternion[span] = window.root_quaternion
        episode.reference_root_linear_velocity[span] = window.root_linear_velocity
        episode.reference_joint_position[span] = window.joint_position
        episode.reference_joint_velocity[span] = window.joint_velocity
        episode.reference_contact[span] = window.contact
        episode.reference_key_body_position[span] = window.key_body_position
        episode.motion[:] = ""
        episode.motion[span] = clip.name[:64]


_WINDOW = ("root_position", "root_quaternion", "root_linear_velocity", "joint_position", "joint_velocity", "contact", "key_body_position")
_FIELDS = {
    "root_position": "root_positions", "root_linear_velocity": "root_linear_velocities", "joint_position": "joint_positions",
    "joint_velocity": "joint_velocities", "contact": "contacts", "key_body_position": "key_body_positions",
}  # fmt: skip


def _as_windows(rows: list[dict[str, Any]], offsets: Array) -> join.Windows:
    """Windows as they would come out of a recording, so that both ways give the same figures."""
    columns = {field: np.array([row[name] for row in rows]) for name, field in _FIELDS.items()}
    quaternion = np.array([row["root_quaternion"] for row in rows]).reshape(len(rows), -1, 4)
    columns["root_orientations"] = quaternion[:, :, [1, 2, 3, 0]].reshape(len(rows), -1)
    columns["motion"] = np.array([row["motion"] for row in rows])
    return join.Windows(stamp_ns=np.array([row["stamp"] for row in rows], dtype=np.int64), offsets=np.tile(offsets, (len(rows), 1)), columns=columns)


def report_on(case: Case, episode: Episode, body: Body, clip_s: float | None = None) -> LifeReport:
    """Figures of a finished case, with those of its suite."""
    goals = GoalConfig(deadline_s=GOAL_AT_S) if case.goal is not None else None
    life = score_life([episode], kinematics=KeyBodyKinematics(body), clip_length=lambda _: clip_s, goals=goals)
    assert life is not None  # a case has at least one tick
    return life.with_figures(suite_figures(case, episode, life))


def suite_figures(case: Case, episode: Episode, life: LifeReport) -> list[Figure]:
    """Whether the case counts as a success, and what its rule looks at."""
    upright = life.fallen_ns is None and len(episode) * _period(episode) >= case.seconds - 1.5 * _period(episode)
    figures, good = [], upright
    if case.success == "velocity" and case.velocity is not None:
        error = _speed_error(case, episode)
        figures.append(Figure.of("suite.speed_error", error, "m/s", n=1, why="it fell before its speed could be measured"))
        good = upright and error <= SPEED_TOLERANCE
    elif case.success == "goal" and episode.goals:
        goal = episode.goals[0]
        distance = np.hypot(episode.root_position[:, 0] - goal.x, episode.root_position[:, 1] - goal.y)
        good = upright and bool((distance[episode.stamp_ns >= goal.stamp_ns] <= PLAIN_REACH_M).any())
    elif case.success == "clip":
        good = bool(life.clips and life.clips[0].success05)
    return [share_figure("suite.success", int(good), 1), *figures]


def _speed_error(case: Case, episode: Episode) -> float:
    """|mean speed along the heading - asked speed| while walking steadily [m/s]; NaN without such a time."""
    assert case.velocity is not None
    steady = (episode.time_s >= SETTLE_S + STEADY_S) & ~episode.fallen
    if not steady.any():
        return float("nan")
    velocity = episode.root_linear_velocity[steady, :2].mean(axis=0)
    asked = np.array(case.velocity[:2])
    direction = asked / max(float(np.linalg.norm(asked)), 1e-9)
    return abs(float(velocity @ direction) - float(np.linalg.norm(asked)))


def _period(episode: Episode) -> float:
    steps = np.diff(episode.stamp_ns)
    return 1e-9 * float(np.median(steps)) if len(steps) else 0.0
