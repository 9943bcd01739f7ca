"""Motion matching: an endless reference cut together from the clips of a library, by what is commanded.

Every fifth of a second the frame is looked up whose next second comes nearest to the commanded one, and whose feet and hips
move as those of the present frame do (Buttner and Clavet 2015; features and weights after Holden et al. 2020). Jumps are
inertialised. A stand is the generator's: few clips hold one that lasts.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyDescription, BodyState
from kinesis_control.errors import ConfigurationError
from kinesis_control.motion.clip import MotionClip
from kinesis_control.motion.command import STILL, MotionCommand
from kinesis_control.motion.frames import Alignment, Frames, Inertia
from kinesis_control.motion.generator import heading
from kinesis_control.motion.rotations import rotate
from kinesis_control.reference import ReferenceWindow

Array = NDArray[np.float64]
FUTURE_S = (0.33, 0.67, 1.0)
"""Instants of the trajectory that are compared [s]."""


@dataclass(frozen=True, kw_only=True)
class MatchingConfig:
    """How is matched.

    Attributes:
        search_every: time between two searches while the command stays [s].
        rate_hz: frames per second of the clips that can be jumped to.
        response: time constant with which the wanted velocity goes over into the command [s].
        trajectory, feet, feet_velocity, hips: weights of the groups of features, each scaled to unit spread before.
        gain: a jump must lower the cost by this share.
        same: frames of the same clip so near to the present one are no jump [s].
    """

    search_every: float = 0.2
    rate_hz: float = 30.0
    response: float = 0.35
    trajectory: float = 1.5
    feet: float = 1.0
    feet_velocity: float = 1.0
    hips: float = 1.0
    gain: float = 0.1
    same: float = 0.25


class Database:
    """Features of every frame that can be jumped to.

    Attributes:
        features: shape (N, 12 + 2 * 6 + 3), scaled and weighted.
        clip, time: which clip and where in it [s]; shape (N,).
    """

    def __init__(self, clips: list[MotionClip], body: BodyDescription, config: MatchingConfig) -> None:
        """`clips`: those shorter than the trajectory are left out.

        Raises:
            ConfigurationError: no clip is long enough, or the clips hold no feet.
        """
        feet = _feet(body)
        rows = [_clip_features(clip, feet, config.rate_hz) for clip in clips]
        raw = [features for features, _ in rows]
        if not sum(map(len, raw)):
            raise ConfigurationError(f"motion matching: none of {len(clips)} clips is longer than {FUTURE_S[-1]:g} s")
        values = np.concatenate(raw)
        self.clip = np.concatenate([np.full(len(f), i) for i, f in enumerate(raw)])
        self.time = np.concatenate([times for _, times in rows])
        groups = ((6, config.trajectory), (6, config.trajectory), (6, config.feet), (6, config.feet_velocity), (3, config.hips))
        self._mean, self._scale, at = values.mean(axis=0), np.empty(values.shape[1]), 0
        for width, weight in groups:
            # One scale a group keeps the proportions inside it.
            self._scale[at : at + width] = weight / max(float(values[:, at : at + width].std(axis=0).mean()), 1e-3)
            at += width
        self.features = (values - self._mean) * self._scale

    def query(self, trajectory: Array, pose: Array) -> Array:
        """Features of a wanted trajectory, shape (12,), with the pose features, shape (15,), of a row of `features`."""
        return np.concatenate([(trajectory - self._mean[:12]) * self._scale[:12], pose])

    def row(self, clip: int, time: float) -> int:
        """The row nearest to a time of a clip."""
        own = np.flatnonzero(self.clip == clip)
        return int(own[np.argmin(np.abs(self.time[own] - time))])

    def costs(self, query: Array) -> Array:
        """Squared distance of every row, shape (N,)."""
        apart = self.features - query
        return np.asarray(np.einsum("nf,nf->n", apart, apart))


def _feet(body: BodyDescription) -> list[int]:
    """Places of the two feet among the key bodies."""
    feet = [i for i, name in enumerate(body.key_body_names) if name.startswith(("talus", "calcn", "foot", "ankle"))][:2]
    if len(feet) != 2:
        raise ConfigurationError(f"motion matching: body '{body.name}' has key bodies {', '.join(body.key_body_names)}; expected two that begin with talus")
    return feet


def _clip_features(clip: MotionClip, feet: list[int], rate_hz: float) -> tuple[Array, Array]:
    """Raw features (n, 27) and times (n,) of the frames of one clip, in each frame's own heading frame."""
    ahead = [round(t * clip.rate_hz) for t in FUTURE_S]
    at = np.arange(0, clip.frames - ahead[-1] - 1, max(round(clip.rate_hz / rate_hz), 1))
    if not len(at):
        return np.zeros((0, 27)), np.zeros(0)
    yaw, root = np.unwrap(heading(clip.root_quaternion)), clip.root_position
    to_heading = _Turn(-yaw[at])
    places = [to_heading(root[at + n, :2] - root[at, :2]) for n in ahead]
    turns = [np.stack([np.cos(yaw[at + n] - yaw[at]), np.sin(yaw[at + n] - yaw[at])], axis=-1) for n in ahead]
    foot = clip.key_body_position[:, feet]
    speed = np.gradient(foot, 1.0 / clip.rate_hz, axis=0)
    relative = [to_heading(foot[at, i] - root[at]) for i in range(2)]
    moving = [to_heading(speed[at, i]) for i in range(2)]
    hips = to_heading(rotate(clip.root_quaternion[at], clip.root_linear_velocity[at]))
    return np.concatenate([*places, *turns, *relative, *moving, hips], axis=-1), at / clip.rate_hz


class _Turn:
    """Turns vectors about the vertical, one angle a row."""

    def __init__(self, angle: Array) -> None:
        self._c, self._s = np.cos(angle), np.sin(angle)

    def __call__(self, vectors: Array) -> Array:
        x, y = vectors[..., 0], vectors[..., 1]
        return np.concatenate([np.stack([self._c * x - self._s * y, self._s * x + self._c * y], axis=-1), vectors[..., 2:]], axis=-1)


class MotionMatcher:
    """Reference from clips; the interface is that of GaitGenerator.

    Attributes:
        window: filled by `update`; its first row is the present instant where the first offset is 0.
        velocity: what the matched motion does now: forward, sideways [m/s], turn [rad/s]; shape (3,).
    """

    def __init__(self, clips: list[MotionClip], body: BodyDescription, time_offsets: Array, config: MatchingConfig | None = None) -> None:
        self.config = config or MatchingConfig()
        usable = [clip for clip in clips if clip.duration_s > FUTURE_S[-1]]
        self._data = Database(usable, body, self.config)
        self._clips = [Frames(clip) for clip in usable]
        self.window = ReferenceWindow.zeros(body, np.asarray(time_offsets, dtype=float))
        self._next = ReferenceWindow.zeros(body, self.window.time_offsets)
        self._align, self._inertia = Alignment(), Inertia()
        self.velocity, self._wanted = np.zeros(3), np.zeros(3)
        self._clip, self._time, self._since, self._entered = 0, 0.0, math.inf, False

    def reset(self, state: BodyState) -> None:
        """Begin anew from the frame that fits best, where the body is."""
        self._entered, self._since = False, math.inf
        self.velocity[:] = 0.0
        self._inertia.clear()

    def update(self, state: BodyState, command: MotionCommand, dt: float) -> ReferenceWindow:
        """Advance by `dt`, look for a better frame when it is time, follow the body, fill and return the window."""
        wanted = np.array([float(command.speed), float(command.lateral), float(command.yaw_rate)])
        changed = bool(np.abs(wanted - self._wanted).max() > STILL)
        self._wanted = wanted
        self._time += dt
        self._since += dt
        ends = self._entered and self._time > self._clips[self._clip].duration_s - FUTURE_S[-1]
        if not self._entered or changed or ends or self._since >= self.config.search_every:
            self._search(state, dt, must=ends)
        self._fill(self._time, self.window)
        if self._entered and dt > 0.0:
            self._align.follow(state, self.window.root_position[0], self.window.root_quaternion[0], dt)
            self._fill(self._time, self.window)
        self._inertia.apply(self.window, dt)
        self._entered = True
        turn = float(self.window.root_angular_velocity[0, 2])
        self.velocity[:] = float(self.window.root_linear_velocity[0, 0]), float(self.window.root_linear_velocity[0, 1]), turn
        self.window.seq, self.window.stamp_ns = state.seq, state.stamp_ns
        return self.window

    def _fill(self, time: float, window: ReferenceWindow) -> None:
        self._clips[self._clip].fill(time + window.time_offsets, window)
        self._align.apply(window)

    def _search(self, state: BodyState, dt: float, *, must: bool) -> None:
        data, here = self._data, self._data.row(self._clip, self._time)
        query = data.query(self._trajectory(), data.features[here, 12:])
        if not self._entered:
            query[12:] = 0.0  # nothing moves yet: the most usual pose
        costs = data.costs(query)
        best = int(np.argmin(costs))
        self._since = 0.0
        same = data.clip[best] == self._clip and abs(data.time[best] - self._time) < self.config.same
        if self._entered and not must and (same or costs[best] > (1.0 - self.config.gain) * costs[here]):
            return
        self._jump(int(data.clip[best]), float(data.time[best]), state, dt)

    def _trajectory(self) -> Array:
        """Places and directions of the next second for a velocity that goes over into the command; shape (12,)."""
        places: list[tuple[float, float]] = []
        turns: list[tuple[float, float]] = []
        x = y = yaw = done = 0.0
        steps = 20
        for k in range(1, steps + 1):
            t = FUTURE_S[-1] * (k - 0.5) / steps
            v = self._wanted + (self.velocity - self._wanted) * math.exp(-t / self.config.response)
            h = FUTURE_S[-1] / steps
            x += h * (v[0] * math.cos(yaw) - v[1] * math.sin(yaw))
            y += h * (v[0] * math.sin(yaw) + v[1] * math.cos(yaw))
            yaw += h * v[2]
            done += h
            if len(turns) < len(FUTURE_S) and done >= FUTURE_S[len(turns)] - 0.5 * h:
                places.append((x, y))
                turns.append((math.cos(yaw), math.sin(yaw)))
        return np.array([*places, *turns]).ravel()

    def _jump(self, clip: int, time: float, state: BodyState, dt: float) -> None:
        """Go on in another frame, laid to where the reference is."""
        before = self.window
        self._clip, self._time = clip, time
        self._clips[clip].fill(time + before.time_offsets, self._next)
        own, own_yaw = self._next.root_position[0], float(heading(self._next.root_quaternion[0]))
        if not self._entered:
            self._align.place(own, own_yaw, state.root_position, float(heading(state.root_quaternion)))
            return
        self._align.place(own, own_yaw, before.root_position[0], float(heading(before.root_quaternion[0])))
        self._align.apply(self._next)
        self._inertia.start(before, self._next, dt)
