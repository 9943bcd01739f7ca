"""Where the reference comes from at each moment: the generator, motion matching, or a clip that is played."""

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyDescription, BodyState
from kinesis_control.motion.clip import MotionClip
from kinesis_control.motion.clip_player import ClipPlayer, tracking_errors
from kinesis_control.motion.command import STILL, Abilities, MotionCommand
from kinesis_control.motion.frames import Frames, Inertia, copy_window
from kinesis_control.motion.generator import GaitGenerator, heading
from kinesis_control.motion.matching import MotionMatcher
from kinesis_control.motion.plan.activity import Play
from kinesis_control.motion.plan.outcome import Progress
from kinesis_control.reference import ReferenceWindow

Array = NDArray[np.float64]

BLEND_IN = 8.0
"""Decay of the blend into a clip, which may begin in mid-stride [1/s]."""

PHASES = 24
"""Phases that are tried where the generator goes on with somebody else's walk."""


class ReferenceSources:
    """One window, whatever makes it; changes from one maker to another are blended.

    Attributes:
        window: filled by `update`, at the offsets that were asked for.
        generator: makes walking and standing.
        maker: of the last window: "generator", "matching" or "clip".
    """

    def __init__(self, body: BodyDescription, time_offsets: Array, clips: list[MotionClip] | None = None) -> None:
        """`clips`: of a library to match over; without them the generator makes everything that is no clip."""
        # The makers also give the present instant, first: that is what a blend begins from.
        offsets = np.concatenate([[0.0], np.asarray(time_offsets, dtype=float)])
        self.window = ReferenceWindow.zeros(body, offsets[1:])
        self.generator = GaitGenerator(body, offsets)
        self._matcher = MotionMatcher(clips, body, offsets) if clips else None
        # Row 0 of `_now` is what the reference was at the last update; `_made` is filled next.
        self._now, self._made = (ReferenceWindow.zeros(body, offsets) for _ in range(2))
        self._inertia = Inertia()
        self.maker = "generator"
        self._player: tuple[Play, ClipPlayer] | None = None
        self._follows = True

    def reset(self, state: BodyState) -> None:
        """Start standing where the body is."""
        self.generator.reset(state)
        self._inertia.clear()
        self.maker, self._player, self._follows = "generator", None, True

    def begin_on(self, clip: MotionClip) -> ReferenceWindow:
        """Start on the first frame of a clip, at its own place in the world, from which it does not move after the body: for a body that was
        put there and is scored against it. Returns the window whose first row is that frame."""
        Frames(clip).fill(np.concatenate([[0.0], self.window.time_offsets]), self._now)
        self._inertia.clear()
        self.maker, self._player, self._follows = "clip", None, False
        return self._now

    @property
    def stop_wait(self) -> float:
        """How long a stop that is asked for now would wait for its phase [s]."""
        return self.generator.stop_wait if self.maker == "generator" else 0.0

    def update(self, state: BodyState, command: MotionCommand, playing: Play | None, now: float, dt: float) -> ReferenceWindow:
        """The window for a state.

        Args:
            command: what is wanted while no clip is played.
            playing: the clip that is to be played; its `tracked` is filled in.
            now: time on the clock of the states [s].
            dt: since the last update [s].
        """
        if playing is not None:
            maker = "clip"
            self._play(state, playing, now, dt)
        else:
            maker, self._player = self._walker(command), None
            self._make(maker, state, command, dt)
        self.maker = maker
        self._now, self._made = self._made, self._now
        copy_window(self._now, self.window, slice(1, None))
        return self.window

    @property
    def abilities(self) -> Abilities | None:
        """What the library holds, where it is matched over; None where the generator makes every walk."""
        return self._matcher.abilities if self._matcher is not None else None

    @property
    def reach(self) -> Abilities:
        """What can be asked for at all: what the gait table holds and, where it is matched over, the library, which may be faster."""
        table, library = self.generator.table, self.abilities or Abilities(max_speed=0.0, max_yaw_rate=0.0)
        speed, lateral, turn = (float(value) for value in table.high)
        turn = max(turn, library.max_yaw_rate)
        return Abilities(
            min_speed=min(float(table.low[0]), library.min_speed), max_speed=max(speed, library.max_speed),
            max_lateral=max(lateral, library.max_lateral), max_yaw_rate=turn, max_turn_in_place=turn, creep=(speed, lateral, turn),
        )  # fmt: skip

    def _walker(self, command: MotionCommand) -> str:
        """The matcher, for what the library holds and once the body moves so; all else, and the stand, is the generator's."""
        matcher = self._matcher
        wanted = np.array([float(command.speed), float(command.lateral), float(command.yaw_rate)])
        if matcher is None or np.abs(wanted).max() <= STILL or not matcher.covers(wanted):
            return "generator"
        return "matching" if self.maker != "generator" or matcher.covers(self.generator.velocity) else "generator"

    def _make(self, maker: str, state: BodyState, command: MotionCommand, dt: float) -> None:
        fresh = maker != self.maker
        source: GaitGenerator | MotionMatcher = self.generator
        if maker == "matching" and self._matcher is not None:
            source = self._matcher
            if fresh:
                self._matcher.begin(self._now, self._velocity())
        elif fresh:
            self._take_over(state)
        # The generator keeps its own window and writes only what can change in it: what is blended is a copy.
        copy_window(source.update(state, command, 0.0 if fresh else dt), self._made, slice(None))
        if fresh:
            self._inertia.start(self._now, self._made, dt)
        self._inertia.apply(self._made, dt)

    def _velocity(self) -> Array:
        """What the reference does now, as its last maker has it; shape (3,)."""
        if self.maker == "generator":
            return self.generator.velocity
        if self.maker == "matching" and self._matcher is not None:
            return self._matcher.velocity
        ahead = self._now.root_linear_velocity[0]
        return np.array([ahead[0], ahead[1], 0.0])

    def _take_over(self, state: BodyState) -> None:
        """The generator goes on at the place, heading, velocity and phase at which another maker has left off."""
        generator, last = self.generator, self._now
        velocity = np.clip(self._velocity(), generator.table.low, generator.table.high)
        yaw = self._matcher.yaw if self.maker == "matching" and self._matcher is not None else heading(last.root_quaternion[0])
        generator.reset(state)
        generator.position[...] = last.root_position[0, :2]
        generator.yaw[...] = yaw
        if np.abs(velocity).max() > STILL:
            generator.phase[...] = self._phase_like(last, state, velocity)

    def _phase_like(self, last: ReferenceWindow, state: BodyState, velocity: Array) -> float:
        """The phase at which the generator's joints and contacts at a velocity come nearest to those of a window."""
        generator, costs = self.generator, []
        position, yaw = generator.position.copy(), generator.yaw.copy()
        command = MotionCommand(speed=velocity[0], lateral=velocity[1], yaw_rate=velocity[2])
        generator.velocity[...] = generator.ramp[...] = velocity
        phases = np.linspace(0.0, 1.0, PHASES, endpoint=False)
        for phase in phases:
            generator.phase[...] = phase
            made = generator.update(state, command, 0.0)
            apart = np.square(made.joint_position[0] - last.joint_position[0]).sum()
            costs.append(float(apart + 0.1 * np.abs(made.contact[0] - last.contact[0]).sum()))
        generator.position[...], generator.yaw[...] = position, yaw
        return float(phases[int(np.argmin(costs))])

    def _play(self, state: BodyState, playing: Play, now: float, dt: float) -> None:
        if self._player is None or self._player[0] is not playing:
            self._player = (playing, ClipPlayer(playing.clip, playing.rate, Inertia(BLEND_IN), follows=self._follows))
        at, repetition = playing.clip_time(now)
        self._player[1].update(state, at, repetition, self._made, self._now, dt)
        joints, root = tracking_errors(state, self._made)
        p, length = playing.tracked, playing.clip.duration_s
        n = p.frames + 1
        playing.tracked = Progress(
            time_taken=now - playing.began, clip_time=at, phase=min(at / length, 1.0), frames=n, joint_error=joints, root_error=root,
            mean_joint_error=p.mean_joint_error + (joints - p.mean_joint_error) / n,
            mean_root_error=p.mean_root_error + (root - p.mean_root_error) / n,
        )  # fmt: skip
