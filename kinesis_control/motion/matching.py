"""Motion matching: an endless reference cut together from the clips of a library, by what is commanded.

Ten times a second the frame is looked up whose next second comes nearest to the commanded one, and whose feet and hips move as
those of the present frame do (Buttner and Clavet 2015; features after Holden et al. 2020). Jumps are laid foot on foot and
inertialised; what the found frame lacks of the commanded speed and turn is steered. What no clip holds, such as a stand that
lasts, is left to whoever calls, who asks with `covers`.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyDescription, BodyState
from kinesis_control.motion.clip import MotionClip
from kinesis_control.motion.clip_path import ClipPath, turn_by
from kinesis_control.motion.command import STILL, Abilities, MotionCommand
from kinesis_control.motion.frames import Alignment, Frames, Inertia
from kinesis_control.motion.generator import GeneratorLimits, heading
from kinesis_control.motion.match_features import FUTURE_S, Database, scaled_trajectory
from kinesis_control.motion.response import respond
from kinesis_control.motion.steering import Steering
from kinesis_control.reference import ReferenceWindow

Array = NDArray[np.float64]
MOST = 3.0
"""Most that a trajectory counts, against the pose."""

FORGET_S = 1.5
"""Time constant with which way that was missed is forgotten [s]."""

NEAR_END, NEAR_END_S = 8.0, 0.8
"""Cost of staying in a clip that ends, rising over its last time [s]: a good place to leave it may not come again."""

STEPS = 21
"""Instants of the coming second at which the wanted velocity is worked out."""


@dataclass(frozen=True, kw_only=True)
class MatchingConfig:
    """How is matched.

    Attributes:
        search_every: time between two searches while the command stays, and shortest time between two jumps [s].
        rate_hz: frames per second of the clips that can be jumped to.
        gain: by so much a jump must lower the cost; 1 is one feature off by its scale.
        same: frames of the same clip so near to the present one are no jump [s].
        warp: largest share by which a clip is played faster or slower.
        steer: largest turn rate on top of the clip's own [rad/s].
        settle: time constant of both [s].
        patience: with so much way missed, the trajectory counts twice [m]; without it a pause in a clip could be a trap.
        catch_up: time constant with which way that a jump has cost is made good; twice that it is remembered [s].
        blend: decay of what a jump leaves [1/s]; with 12, an eighth is left after 0.3 s.
    """

    search_every: float = 0.1
    rate_hz: float = 30.0
    gain: float = 1.0
    same: float = 0.25
    warp: float = 0.25
    steer: float = 0.4
    settle: float = 0.15
    patience: float = 0.15
    catch_up: float = 1.5
    blend: float = 12.0


class MotionMatcher:
    """Reference from clips for one body; `begin`, then `update` at every state.

    Attributes:
        window: filled by `update`; its first row is the present instant where the first offset is 0.
        velocity: wanted now, after the limits on its change: forward, sideways [m/s], turn [rad/s]; shape (3,).
        abilities: what the library holds; commands are kept inside it.
    """

    def __init__(
        self, clips: list[MotionClip], body: BodyDescription, time_offsets: Array, config: MatchingConfig | None = None, limits: GeneratorLimits | None = None
    ) -> None:
        """`limits`: of accelerations and lag, the generator's.

        Raises:
            ConfigurationError: the library holds nothing that could be walked with.
        """
        self.config, lim = config or MatchingConfig(), limits or GeneratorLimits()
        usable = [clip for clip in clips if clip.duration_s > FUTURE_S[-1]]
        self._paths = [ClipPath(clip, body) for clip in usable]
        self._data = Database(usable, self._paths, body, self.config.rate_hz)
        self._clips = [Frames(clip) for clip in usable]
        self.abilities: Abilities = self._data.abilities
        self._change, self._lag = np.array([lim.acceleration, lim.lateral_acceleration, lim.yaw_acceleration]), lim.lag
        self.window = ReferenceWindow.zeros(body, np.asarray(time_offsets, dtype=float))
        self._next = ReferenceWindow.zeros(body, self.window.time_offsets)
        self._horizon = (1.0 + self.config.warp) * float(self.window.time_offsets[-1])
        self._align, self._inertia = Alignment(), Inertia(self.config.blend)
        self._steering = Steering(warp=self.config.warp, most=self.config.steer, settle=self.config.settle)
        self.velocity, self._ramp, self._wanted = np.zeros(3), np.zeros(3), np.zeros(3)
        self._clip, self._time, self._since = 0, 0.0, 0.0
        self._behind, self._unmet = np.zeros(2), 0.0
        self._like: ReferenceWindow | None = None

    @property
    def yaw(self) -> float:
        """Heading of the path now, without the turns of the pelvis [rad]."""
        path = self._paths[self._clip]
        return self._align.yaw + float(path.at(path.heading, self._time))

    def covers(self, velocity: Array) -> bool:
        """Whether the library moves nearly so, with what steering adds; velocity of shape (3,)."""
        kept = self._kept(velocity)
        return bool(np.abs(kept - velocity).max() <= STILL) and self._data.holds(kept, self.config.warp)

    def begin(self, like: ReferenceWindow, velocity: Array) -> None:
        """Begin with the next update, in a frame like row 0 of a window, at a velocity of shape (3,)."""
        self._like = like
        self.velocity[:] = self._ramp[:] = velocity
        self._behind[:], self._unmet = 0.0, 0.0
        self._inertia.clear()

    def update(self, state: BodyState, command: MotionCommand, dt: float) -> ReferenceWindow:
        """Advance by `dt`, look for a better frame when it is time, follow the body, fill and return the window."""
        wanted = self._kept(np.array([float(command.speed), float(command.lateral), float(command.yaw_rate)]))
        changed = bool(np.abs(wanted - self._wanted).max() > STILL)
        self._wanted = wanted
        ahead = respond(self._ramp, self.velocity, wanted, limit=self._change, lag=self._lag, t=dt)
        self._ramp[:], self.velocity[:] = ahead.ramp, ahead.velocity
        if self._like is not None:
            self._enter(self._like)
        else:
            self._advance(dt)
            self._search(dt, changed)
        self._fill(self.window)
        self._inertia.apply(self.window, dt)
        if self._like is None:
            self._align.follow(state, self.window, dt)
        self._like = None
        self.window.seq, self.window.stamp_ns = state.seq, state.stamp_ns
        return self.window

    def _kept(self, velocity: Array) -> Array:
        return np.array(self.abilities.keep(*(float(v) for v in velocity)))

    def _advance(self, dt: float) -> None:
        path, steering = self._paths[self._clip], self._steering
        own = path.at(path.velocity, self._time)
        steering.aim(self._to_steer(), own, dt)
        self._behind *= math.exp(-0.5 * dt / self.config.catch_up)
        missed = self.velocity[:2] - steering.rate * own[:2]
        self._unmet = (self._unmet + float(np.hypot(missed[0], missed[1])) * dt) * math.exp(-dt / FORGET_S)
        middle = self._time + 0.5 * steering.rate * dt
        self._align.move_clip(*steering.moved(path.at(path.pivot, middle), dt))
        self._time += steering.rate * dt
        self._since += dt

    def _fill(self, window: ReferenceWindow) -> None:
        steering = self._steering
        self._clips[self._clip].fill(self._time + steering.rate * window.time_offsets, window, steering.rate)
        steering.bend(window, self._paths[self._clip], self._time)
        self._align.apply(window)

    def _search(self, dt: float, changed: bool) -> None:
        """Jump where that is better by enough, or where the clip ends."""
        left = self._clips[self._clip].duration_s - self._horizon - self._time
        ends = left < 0.0
        if not (ends or changed or self._since >= self.config.search_every):
            return
        data, here = self._data, self._data.row(self._clip, self._time)
        trajectory = self._trajectory()
        weight = min(1.0 + self._unmet / self.config.patience, MOST)
        best, cost = data.nearest(trajectory, data.pose[here], weight)
        stay = weight * float(np.square(data.trajectory[here] - trajectory).sum())
        self._since = 0.0
        stay += NEAR_END * max(1.0 - left / NEAR_END_S, 0.0)
        same = data.clip[best] == self._clip and abs(data.time[best] - self._time) < self.config.same
        if ends or not (same or cost > stay - self.config.gain):
            self._jump(int(data.clip[best]), float(data.time[best]), dt)

    def _trajectory(self) -> Array:
        """Features of the next second for the velocity that goes over into the command; shape (12,)."""
        t = np.linspace(0.0, FUTURE_S[-1], STEPS)
        h = t[1]
        v = respond(self._ramp, self.velocity, self._wanted, limit=self._change, lag=self._lag, t=t[:, None]).velocity
        middle = 0.5 * h * (v[1:] + v[:-1])
        yaw = np.concatenate([[0.0], np.cumsum(middle[:, 2])])
        c, s = np.cos(0.5 * (yaw[1:] + yaw[:-1])), np.sin(0.5 * (yaw[1:] + yaw[:-1]))
        x = np.cumsum(c * middle[:, 0] - s * middle[:, 1])
        y = np.cumsum(s * middle[:, 0] + c * middle[:, 1])
        places = np.stack([np.interp(FUTURE_S, t[1:], x), np.interp(FUTURE_S, t[1:], y)], axis=1)
        return scaled_trajectory(places, np.interp(FUTURE_S, t, yaw))

    def _enter(self, like: ReferenceWindow) -> None:
        """Begin in the frame that is most like a window, laid to where that is; who asked for it blends."""
        data = self._data
        row = data.nearest_like(self._trajectory(), like)
        self._clip, self._time, self._since = int(data.clip[row]), float(data.time[row]), 0.0
        self._steer_at_once()
        self._clips[self._clip].fill(self._time + self._next.time_offsets, self._next)
        path = self._paths[self._clip]
        yaw = float(path.at(path.heading, self._time))
        self._align.place(self._next.root_position[0], yaw, like.root_position[0], float(heading(like.root_quaternion[0])))

    def _jump(self, clip: int, time: float, dt: float) -> None:
        """Go on in another frame, with the foot that is stood on where it was."""
        path, yaw = self._paths[self._clip], self.yaw
        self._fill(self._next)
        foot, root = np.array(self._align.point(path.at(path.pivot, self._time))), self._next.root_position[0].copy()
        self._clip, self._time = clip, time
        self._steer_at_once()
        path = self._paths[clip]
        self._align.place(path.at(path.pivot, time), float(path.at(path.heading, time)), foot, yaw)
        self._fill(self._next)
        self._behind -= turn_by(-yaw, self._next.root_position[0] - root)[:2]
        self._inertia.start(self.window, self._next, dt)

    def _to_steer(self) -> Array:
        """The velocity that steering is to reach: what is wanted, and what is behind; shape (3,)."""
        most = self.config.warp * float(np.hypot(self.velocity[0], self.velocity[1]))
        catch = self._behind / self.config.catch_up
        catch *= most / max(float(np.hypot(catch[0], catch[1])), most, 1e-9)
        return np.array([*(self.velocity[:2] + catch), self.velocity[2]])

    def _steer_at_once(self) -> None:
        """Another frame needs other steering; the blend takes up the step."""
        path = self._paths[self._clip]
        self._steering.aim(self._to_steer(), path.at(path.velocity, self._time), math.inf)
