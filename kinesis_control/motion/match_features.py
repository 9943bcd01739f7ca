"""What motion matching compares: the coming second of every frame of a library, and its pose. Features after Holden et al. 2020."""

import math

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyDescription
from kinesis_control.errors import ConfigurationError
from kinesis_control.motion.clip import MotionClip
from kinesis_control.motion.clip_path import ClipPath, foot_bodies, turn_by
from kinesis_control.motion.command import STILL, Abilities
from kinesis_control.motion.rotations import rotate
from kinesis_control.reference import ReferenceWindow

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

FUTURE_S = (0.33, 0.67, 1.0)
"""Instants of the trajectory that are compared [s]."""

TRAJECTORY = 4 * len(FUTURE_S)
"""Number of features of the trajectory: two of the place, then two of the direction, at each instant."""

SPEED_SCALE, TURN_SCALE = 0.15, 0.2
"""Errors of the trajectory that count as one [m/s], [rad/s]. Not the spread of the library: among runs and kicks a curve
would count for nothing."""

POSE_WEIGHTS = (5.0, 5.0, 1.5, 1.5, 2.0)
"""Of the places of the feet, their velocities and the velocity of the hips. What two frames differ in the places of the feet
is made up for while somebody stands on them."""

UPRIGHT = (0.75, 1.06)
"""Root height of walking and running over that of standing; outside it somebody crouches, hops or leaps. Clips whose content
is "other" are left out as a whole."""

KICKED, RUNNING = 0.5, 1.7
"""Ankle height over that of standing hips that no walk reaches, below the speed of a run [m/s]."""

CELL = np.array([0.1, 0.1, 0.2])
"""Size of the cells in which velocities are counted: forward, sideways [m/s], turn [rad/s]."""

STEADY = 0.2
"""Change of velocity over a second above which somebody is starting or stopping [m/s]."""

HELD_S = 0.25
"""A velocity, on average over a second, is held by the library where this much of it moves so [s]."""


class Database:
    """Features of every frame; N rows of all clips.

    Attributes:
        trajectory: places and directions of the coming second over their scales; shape (N, 12).
        pose: feet and their velocities, velocity of the hips, over their spread and weighted; shape (N, 15).
        joints: angles and velocities over their spread, and so that they weigh as much as `pose` does; shape (N, 2 * n_joints).
        clip, time: which clip and where in it [s]; shape (N,).
        usable: rows that may be jumped to; shape (N,).
        held: velocities the library keeps up for a second, centres of cells; shape (C, 3).
        abilities: ranges of what it holds.
    """

    def __init__(self, clips: list[MotionClip], paths: list[ClipPath], body: BodyDescription, rate_hz: float) -> None:
        """`rate_hz`: rows per second.

        Raises:
            ConfigurationError: no clip is long enough, or walks upright.
        """
        parts = [_clip_rows(clip, path, body, rate_hz) for clip, path in zip(clips, paths, strict=True)]
        if not parts:
            raise ConfigurationError(f"motion matching: no clip is longer than {FUTURE_S[-1]:g} s")
        columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        self.clip = np.concatenate([np.full(len(part["time"]), i) for i, part in enumerate(parts)])
        self._first = np.searchsorted(self.clip, np.arange(len(clips) + 1))
        self.time, self.usable = columns["time"], columns["usable"] > 0.5
        if not self.usable.any():
            raise ConfigurationError(f"motion matching: nobody walks or runs upright in any of {len(clips)} clips")
        self.trajectory = columns["trajectory"] * _TRAJECTORY_SCALE
        self.pose = columns["pose"] * np.repeat(POSE_WEIGHTS, 3) / _spread(columns["pose"][self.usable])
        self._joint_scale = math.sqrt(self.pose.shape[1] / columns["joints"].shape[1]) / _spread(columns["joints"][self.usable])
        self.joints = columns["joints"] * self._joint_scale
        self._place = np.flatnonzero(self.usable)
        self._ways, self._poses = (values[self._place].astype(np.float32) for values in (self.trajectory, self.pose))
        self._way_size, self._pose_size = (np.square(values).sum(axis=1) for values in (self._ways, self._poses))
        self.held = _held(columns["second"][self.usable & (columns["steady"] > 0.5)], rate_hz)
        self.abilities = _abilities(self.held)

    def row(self, clip: int, time: float) -> int:
        """The row nearest to a time of a clip."""
        first, end = int(self._first[clip]), int(self._first[clip + 1])
        step = float(self.time[first + 1] - self.time[first])
        return min(first + round(max(time, 0.0) / step), end - 1)

    def nearest(self, trajectory: Array, pose: Array, weight: float) -> tuple[int, float]:
        """Row and cost of the usable frame nearest to a trajectory, shape (12,), that counts `weight` times, and a pose, shape (15,)."""
        way, held = trajectory.astype(np.float32), pose.astype(np.float32)
        costs = weight * (self._way_size - 2.0 * (self._ways @ way)) + self._pose_size - 2.0 * (self._poses @ held)
        best = int(np.argmin(costs))
        return int(self._place[best]), float(costs[best] + weight * (way @ way) + held @ held)

    def nearest_like(self, trajectory: Array, like: ReferenceWindow) -> int:
        """The usable row nearest to a trajectory whose joints are as those of row 0 of a window."""
        joints = np.concatenate([like.joint_position[0], like.joint_velocity[0]]) * self._joint_scale
        costs = np.square(self.trajectory - trajectory).sum(axis=1) + np.square(self.joints - joints).sum(axis=1)
        return int(np.argmin(np.where(self.usable, costs, np.inf)))

    def holds(self, velocity: Array, warp: float) -> bool:
        """Whether the library moves nearly as a velocity, shape (3,), played at most by the share `warp` faster or slower.

        The turn only counts on the spot: a walk can be steered.
        """
        speed = float(np.hypot(velocity[0], velocity[1]))
        apart = np.hypot(self.held[:, 0] - velocity[0], self.held[:, 1] - velocity[1])
        near = apart <= warp * np.hypot(self.held[:, 0], self.held[:, 1]) + 0.5 * CELL[0]
        if speed <= STILL:
            near &= np.abs(self.held[:, 2] - velocity[2]) <= max(warp * abs(float(velocity[2])), CELL[2])
            near &= abs(float(velocity[2])) > STILL
        return bool(near.any())


def scaled_trajectory(places: Array, turns: Array) -> Array:
    """Features of places, shape (..., 3, 2), and turns, shape (..., 3), at `FUTURE_S`; shape (..., 12)."""
    ways = np.stack([np.cos(turns), np.sin(turns)], axis=-1)
    raw = np.concatenate([places.reshape(*places.shape[:-2], -1), ways.reshape(*ways.shape[:-2], -1)], axis=-1)
    return np.asarray(raw * _TRAJECTORY_SCALE, dtype=float)


_TRAJECTORY_SCALE: Array = np.concatenate([np.repeat(1.0 / (SPEED_SCALE * np.array(FUTURE_S)), 2), np.repeat(1.0 / (TURN_SCALE * np.array(FUTURE_S)), 2)])


def _spread(values: Array) -> Array:
    return np.asarray(np.maximum(values.std(axis=0), 1e-3))


def _clip_rows(clip: MotionClip, path: ClipPath, body: BodyDescription, rate_hz: float) -> dict[str, Array]:
    """Raw columns of one clip, in each frame's own heading frame."""
    at = np.arange(0, clip.frames, max(round(clip.rate_hz / rate_hz), 1))
    ahead = [np.minimum(at + round(t * clip.rate_hz), clip.frames - 1) for t in FUTURE_S]
    yaw, root = path.heading, clip.root_position
    places = np.concatenate([turn_by(-yaw[at], root[later, :2] - root[at, :2]) for later in ahead], axis=1)
    turns = [np.stack([np.cos(yaw[later] - yaw[at]), np.sin(yaw[later] - yaw[at])], axis=1) for later in ahead]
    feet = foot_bodies(body)
    foot = clip.key_body_position[:, [feet["talus_r"], feet["talus_l"]]]
    moving = np.gradient(foot, 1.0 / clip.rate_hz, axis=0)
    hips = rotate(clip.root_quaternion[at], clip.root_linear_velocity[at])
    pose = [turn_by(-yaw[at], v) for v in (foot[at, 0] - root[at], foot[at, 1] - root[at], moving[at, 0], moving[at, 1], hips)]
    whole = at + round(FUTURE_S[-1] * clip.rate_hz) < clip.frames
    return {
        "time": at / clip.rate_hz, "trajectory": np.concatenate([places, *turns], axis=1), "pose": np.concatenate(pose, axis=1),
        "joints": np.concatenate([clip.joint_position[at], clip.joint_velocity[at]], axis=1), "second": _second(path, root, at, ahead[-1]) / FUTURE_S[-1],
        "steady": (np.linalg.norm(path.velocity[at, :2] - path.velocity[ahead[-1], :2], axis=1) < STEADY).astype(float),
        "usable": (whole & (clip.descriptors.get("content") != "other") & _upright(clip, path, foot, body)[at]).astype(float),
    }  # fmt: skip


def _second(path: ClipPath, root: Array, at: NDArray[np.intp], later: NDArray[np.intp]) -> Array:
    """Way forward, to the side and turn from frames to later ones, in the frame of the mean heading; shape (n, 3)."""
    turned = path.heading[later] - path.heading[at]
    way = turn_by(-path.heading[at] - 0.5 * turned, root[later, :2] - root[at, :2])
    return np.asarray(np.concatenate([way, turned[:, None]], axis=1))


def _upright(clip: MotionClip, path: ClipPath, foot: Array, body: BodyDescription) -> Mask:
    """Frames from which on the body walks or runs for as long as a trajectory reaches; shape (F,)."""
    height = clip.root_position[:, 2] / body.standing_height
    speed = np.hypot(path.velocity[:, 0], path.velocity[:, 1])
    kicks = (foot[:, :, 2].max(axis=1) > KICKED * body.standing_height) & (speed < RUNNING)
    bad = (height < UPRIGHT[0]) | (height > UPRIGHT[1]) | kicks
    reach = round(FUTURE_S[-1] * clip.rate_hz)
    total = np.cumsum(np.concatenate([[0], bad, np.zeros(reach)]))
    return np.asarray(total[reach + 1 : reach + 1 + clip.frames] == total[: clip.frames])


def _held(velocity: Array, rate_hz: float) -> Array:
    cells, counts = np.unique(np.round(velocity / CELL), axis=0, return_counts=True)
    enough = counts >= HELD_S * rate_hz
    return np.asarray((cells[enough] if enough.any() else cells) * CELL)


def _abilities(held: Array) -> Abilities:
    forward, aside, turn = held.T
    straight = np.abs(aside) <= np.maximum(0.3 * np.abs(forward), CELL[1])
    sideways = (np.abs(forward) <= 0.3 * np.abs(aside)) & (np.abs(aside) > 1.5 * CELL[1])  # slower is a sway
    spot = np.hypot(forward, aside) < 2.0 * CELL[0]
    walking = straight & (forward > 2.0 * CELL[0]) & (forward < RUNNING)

    def most(values: Array) -> float:
        return round(max(float(values.max(initial=0.0)), 0.0), 3)

    def both_ways(values: Array) -> float:
        return min(most(values), most(-values))

    return Abilities(
        min_speed=-most(-forward[straight]), max_speed=most(forward[straight]), max_lateral=both_ways(aside[sideways]),
        max_yaw_rate=both_ways(turn[walking]), max_turn_in_place=both_ways(turn[spot]),
    )  # fmt: skip
