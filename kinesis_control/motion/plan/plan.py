"""Decides from words, goals, velocities and clips what the body is asked to do now. Pure: time and state come in."""

import math
from collections import deque

from kinesis_control.body_state import BodyState
from kinesis_control.motion.clip import MotionClip
from kinesis_control.motion.command import STILL, Abilities, MotionCommand
from kinesis_control.motion.instruction import Queueing, Understanding
from kinesis_control.motion.plan.activity import Activity, Play, Stand, Velocity, Wish
from kinesis_control.motion.plan.approach import Goal
from kinesis_control.motion.plan.build import Builder, CannotError
from kinesis_control.motion.plan.config import PlanConfig
from kinesis_control.motion.plan.goal import GoTo
from kinesis_control.motion.plan.goal_exact import GoExactly
from kinesis_control.motion.plan.goal_legs import GoByLegs
from kinesis_control.motion.plan.outcome import Ending, Event, Progress
from kinesis_control.motion.plan.track import Track

SLOWEST_CLIP, FASTEST_CLIP = 0.25, 2.0
"""Range of the time in a clip per time on the clock."""


class MotionPlan:
    """One activity, and a queue of what comes after it; the newest wish replaces both unless it says otherwise.

    Attributes:
        abilities, config: what the body can follow, and the numbers of the plan.
        command: filled in place by `update`.
        activity: what is being done.
    """

    def __init__(self, abilities: Abilities | None = None, config: PlanConfig | None = None) -> None:
        self.abilities, self.config = abilities or Abilities(), config or PlanConfig()
        self.command = MotionCommand()
        self.activity: Activity = Stand()
        self._queue: deque[Activity] = deque()
        self._events: list[Event] = []
        self._track = Track(self.config)
        self._builder = Builder(abilities=self.abilities, config=self.config)
        self._begun, self._stopping = True, False
        self._fallen, self._halted = False, ""
        self._tickets = 0

    def limit(self, reach: Abilities) -> None:
        """Ask from now on only for what another side can do too: the source that makes the reference."""
        self.abilities = self.abilities.within(reach)
        self._builder = Builder(abilities=self.abilities, config=self.config)

    @property
    def mode(self) -> str:
        """One word for what is being done."""
        return self.activity.mode

    @property
    def playing(self) -> Play | None:
        """The clip that is to be the reference now, or None."""
        activity = self.activity
        return activity if isinstance(activity, Play) and self._begun and not self._stopping else None

    @property
    def following(self) -> Wish | None:
        """The velocity that was asked for, from when it is followed until the body comes to a stand."""
        return self.activity.velocity if self._begun and not self._stopping else None

    def say(self, asked: Understanding) -> str:
        """Take what a text means; returns the reply, beginning with "refused" where nothing changes."""
        if not asked.understood:
            return f"refused: {asked.reply}"
        if asked.queueing is Queueing.CHANGE:
            return self._change(asked)
        try:
            activities = self._builder.build(asked.instructions)
        except CannotError as error:
            return f"refused: {error}"
        if not activities:
            return f"refused: there is nothing in it to do; I can: {self.abilities.describe()}"
        stops = isinstance(activities[0], Stand) and len(activities) == 1
        if self.blocked and not stops:
            return f"refused: {self.blocked}"
        if asked.queueing is Queueing.APPEND and not self.idle:
            return self._append(asked, activities)
        self._replace(activities, "new words")
        return _both(asked.reply, "; then ".join(a.text for a in activities))

    def velocity(self, speed: float, lateral: float, yaw_rate: float, now: float) -> str:
        """Take a velocity [m/s], [m/s], [rad/s]; returns a remark, empty when it is followed as it is."""
        if not all(math.isfinite(v) for v in (speed, lateral, yaw_rate)):
            return f"velocity refused: got speed {speed}, lateral {lateral}, turn rate {yaw_rate}; expected finite numbers"
        if self.blocked:
            return f"velocity refused: {self.blocked}"
        asked = (speed, lateral, yaw_rate)
        kept = self.abilities.keep(*asked)
        until = now + self.config.velocity_timeout
        if max(map(abs, kept)) < STILL:
            if not isinstance(self.activity, Stand):
                self._replace([Stand()], "a velocity of zero")
        elif isinstance(self.activity, Velocity) and not self._stopping:
            self.activity.wished, self.activity.until, self.activity.asked = kept, until, asked
        else:
            self._replace([Velocity(kept, until, asked)], "a velocity command")
        if max(abs(a - b) for a, b in zip(kept, asked, strict=True)) < 1e-6:
            return ""
        side = f", {kept[1]:.2f} m/s to the left" if lateral else ""
        return f"limited to {kept[0]:.2f} m/s{side} and {kept[2]:.2f} rad/s"

    def renew_velocity(self, now: float) -> None:
        """The sender of the velocity that is followed is still there."""
        if isinstance(self.activity, Velocity):
            self.activity.until = now + self.config.velocity_timeout

    def goal(self, x: float, y: float, yaw: float | None, state: BodyState, **limits: float) -> tuple[str, int]:
        """Take a goal in odom [m], [rad]; returns the reply and a ticket, 0 where it is refused.

        Args:
            limits: `tolerance` [m], `heading_tolerance` [rad] and `time_limit` [s] where they are not the usual ones; 0 counts as usual.
        """
        values = (x, y, 0.0 if yaw is None else yaw, *limits.values())
        if not all(math.isfinite(v) for v in values) or any(v < 0.0 for v in limits.values()):
            return f"goal refused: got ({x}, {y}), heading {yaw}, {limits or 'no limits'}; expected finite coordinates in odom and limits >= 0", 0
        distance = math.hypot(x - float(state.root_position[0]), y - float(state.root_position[1]))
        if distance > self.config.max_goal_distance:
            return f"goal refused: it is {distance:.0f} m away; at most {self.config.max_goal_distance:.0f} m", 0
        if self.blocked:
            return f"goal refused: {self.blocked}", 0
        c, exact = self.config, self.abilities.creeps and self.abilities.turns_in_place
        goal = Goal(
            x=x, y=y, yaw=yaw,
            tolerance=limits.get("tolerance") or (c.exact_tolerance if exact else c.goal_tolerance),
            heading_tolerance=limits.get("heading_tolerance") or (c.exact_heading_tolerance if exact else c.heading_tolerance),
            time_limit=limits.get("time_limit", 0.0),
        )  # fmt: skip
        activity = (GoExactly if exact else GoByLegs)(goal, self.abilities, c)
        self._replace([activity], "a new goal")
        return activity.text, activity.ticket

    def play(self, clip: MotionClip, *, start: float = 0.0, repetitions: int = 1, rate: float = 1.0) -> tuple[str, int]:
        """Play a clip; returns the reply and a ticket, 0 where it is refused."""
        if not (math.isfinite(start) and 0.0 <= start < clip.duration_s):
            return f"refused: a start at {start:g} s; '{clip.name}' has {clip.duration_s:.2f} s", 0
        if not SLOWEST_CLIP <= rate <= FASTEST_CLIP:
            return f"refused: a speed of {rate:g}; expected {SLOWEST_CLIP:g} to {FASTEST_CLIP:g}", 0
        if self.blocked:
            return f"refused: {self.blocked}", 0
        activity = Play(clip=clip, start=start, repetitions=repetitions, rate=rate)
        self._replace([activity], "a clip")
        return activity.text, activity.ticket

    @property
    def idle(self) -> bool:
        """Standing, with nothing to come."""
        return isinstance(self.activity, Stand) and self.activity.endless and not self._queue

    def stop(self, ending: Ending, why: str) -> None:
        """Come to a stand and forget everything else."""
        if not self.idle:
            self._replace([Stand()], why, ending)

    @property
    def blocked(self) -> str:
        """Why nothing but standing is taken now; empty while everything is."""
        return "the body has fallen; reset it first" if self._fallen else self._halted

    def halt(self, why: str) -> None:
        """The body takes no commands: stop, and take nothing until this is called with an empty text."""
        if why and why != self._halted:
            self.stop(Ending.STOPPED, why)
        self._halted = why

    def cancel(self, ticket: int, why: str) -> None:
        """Stop, if what has this ticket is still under way."""
        if ticket and self.activity.ticket == ticket:
            self.stop(Ending.CANCELED, why)

    def forget(self) -> None:
        """The body was reset: it stands somewhere else, and on its feet."""
        self.stop(Ending.STOPPED, "the body was reset")
        self._track.forget()
        self._fallen = False

    def progress(self) -> Progress:
        """Where the present activity stands."""
        return self.activity.progress(self._track) if self._begun else Progress()

    def update(self, state: BodyState, now: float, stop_wait: float = 0.0) -> list[Event]:
        """Refresh `command` for a state at `now` [s]; returns what happened since the last update.

        Args:
            stop_wait: how long the reference would wait before it began to stop [s].
        """
        self._track.stop_wait = stop_wait
        self._track.update(state, now, self.command)
        if state.fallen and not self._fallen:
            self.stop(Ending.FALLEN, "the body has fallen")
        self._fallen = state.fallen
        speed, lateral, yaw_rate = self.abilities.keep(*self._wish())
        self.command.speed[...], self.command.lateral[...], self.command.yaw_rate[...] = speed, lateral, yaw_rate
        events, self._events = self._events, []
        return events

    def _wish(self) -> Wish:
        """Of the present activity; whatever ends on the way is noted, and what comes next begins."""
        for _ in range(self.config.max_queue + 2):  # several may end in one instant, each of them once
            self._begin()
            activity, track = self.activity, self._track
            if track.now - activity.began > activity.time_limit:
                self._end(Ending.TIMED_OUT, f"gave up after {track.now - activity.began:.0f} s: {activity.text}; standing")
            elif self._stopping:
                if track.resting < self.config.settle:
                    return 0.0, 0.0, 0.0
                self._judge()
            else:
                flowing = bool(self._queue) and self._queue[0].walks and activity.walks
                wish = activity.wish(track, flowing=flowing)
                if wish is not None:
                    return wish
                self._stopping = not flowing and not isinstance(activity, (Stand, Velocity))
                if not self._stopping:
                    self._judge()
        return 0.0, 0.0, 0.0

    def _begin(self) -> None:
        if not self._begun:
            self._begun, self._stopping = True, False
            self.activity.begin(self._track)

    def _judge(self) -> None:
        verdict = self.activity.judge(self._track)
        if verdict is None:
            self._stopping = False
        else:
            self._end(*verdict)

    def _end(self, ending: Ending, text: str) -> None:
        """The activity is over by itself: say so, go on with the queue unless it went wrong."""
        failed = ending not in (Ending.SUCCEEDED, Ending.MISSED)
        if failed:
            self._queue.clear()
        done = not self._queue and not isinstance(self.activity, (Stand, Velocity)) and ending is Ending.SUCCEEDED
        text += f"; next: {self._queue[0].text}" if self._queue else "; standing" if done else ""
        self._note(ending, text)
        self.activity = self._queue.popleft() if self._queue else Stand()
        self._begun = False

    def _note(self, ending: Ending, text: str, *, told: bool = False) -> None:
        self._events.append(Event(text=text, told=told, ticket=self.activity.ticket, ending=ending, progress=self.progress()))

    def _replace(self, activities: list[Activity], why: str, ending: Ending = Ending.PREEMPTED) -> None:
        """Put new activities in the place of everything; whoever waits for the old one hears why."""
        if not self.idle:
            self._note(ending, f"ended: {self.activity.text}: {why}", told=ending is Ending.PREEMPTED)
        self._number(activities)
        self.activity, self._queue = activities[0], deque(activities[1:])
        self._begun = self._stopping = False
        if isinstance(self.activity, GoTo) and self._track.known:
            self._begin()  # what it says of the way needs the way

    def _number(self, activities: list[Activity]) -> None:
        for activity in activities:
            self._tickets += 1
            activity.ticket = self._tickets

    def _append(self, asked: Understanding, activities: list[Activity]) -> str:
        if len(self._queue) + len(activities) > self.config.max_queue:
            return f"refused: {len(self._queue)} instructions are waiting already; at most {self.config.max_queue}"
        how = "; then ".join(a.text for a in activities)
        if self.activity.endless:  # it has no end of its own to wait for
            self._replace(activities, "new words")
            return _both(asked.reply, how)
        last = self._queue[-1] if self._queue else self.activity
        if last.endless:
            self._queue.pop()
        self._number(activities)
        self._queue.extend(activities)
        return _both(asked.reply, "after that: " + how)

    def _change(self, asked: Understanding) -> str:
        done = "" if self._stopping else self.activity.change_pace(asked.pace_change, self.abilities)
        return _both(asked.reply, done) if done else "refused: nothing is under way whose speed could change; say walk first"


def _both(understood: str, how: str) -> str:
    """What was understood, and how it is done, said once where it is the same."""
    return how if not understood or understood == how else f"{understood} -> {how}"
