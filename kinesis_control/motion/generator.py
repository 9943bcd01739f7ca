"""An endless walking, running, stepping or standing reference from a velocity command, for one body or a batch of bodies.

The same code makes the reference in training (a batch) and in the motion node (one body). Position and heading of the
reference follow the command and are softly anchored to the body, so that a body that drifts is led, not torn.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyDescription, BodyState
from kinesis_control.errors import LayoutError
from kinesis_control.motion.command import MotionCommand
from kinesis_control.motion.gait_table import GaitTable, Sample
from kinesis_control.motion.response import respond
from kinesis_control.reference import ReferenceWindow

Array = NDArray[np.float64]
SLOW = np.array([0.2, 0.15, 0.3])  # slower than this a walk may end at any phase [m/s], [m/s], [rad/s]
STRAIGHT = 0.1  # turn rate at which a walk may end [rad/s]
AT_REST = 1e-3  # a velocity so near to its command has arrived [m/s], [rad/s]


@dataclass(frozen=True, kw_only=True)
class GeneratorLimits:
    """Bounds of what is asked of the body; speeds and turn rates are bounded by the gait table besides.

    Attributes:
        acceleration, lateral_acceleration: of the command [m/s^2].
        yaw_acceleration: [rad/s^2].
        lag: time constant with which the reference follows the limited command [s].
        anchor_time: time constant with which the reference position follows the body [s].
        max_lead: furthest the reference runs from the body [m].
        max_turn_lead: largest angle between the headings of reference and body [rad].
        stop_phases: a stop begins only between these phases of either foot's half of the cycle, from mid-stance until the other foot
            is set down; a body that is told so late in a push-off cannot hold its weight back. It is at most half a cycle late.
        start_phase: gait phase at which stepping starts: the weight goes over to the right foot, then the left one lifts.
    """

    acceleration: float = 0.8
    lateral_acceleration: float = 0.5
    yaw_acceleration: float = 1.5
    lag: float = 0.15
    anchor_time: float = 1.5
    max_lead: float = 0.15
    max_turn_lead: float = 0.3
    stop_phases: tuple[float, float] = (0.43, 0.495)
    start_phase: float = 0.0


class GaitGenerator:
    """Keeps velocity, phase, position and heading of the reference and fills a window of future frames.

    Attributes:
        window: filled in place by `update`; leading batch shape as given.
        velocity: what the reference does now: forward, sideways [m/s], turn [rad/s]; shape (*batch, 3).
        phase: gait phase 0..1, shape (*batch,).
        position: reference path point in odom, shape (*batch, 2) [m].
        yaw: heading of the path, shape (*batch,) [rad].
        acceleration: change of `velocity` per second, as of the last `update`.
        held, stopping: the last command that was not to stand, and whether a stop has begun; shapes (*batch, 3), (*batch,).
        rate: gait cycles per second, as of the last `update`; shape (*batch,).
        anchored: 1 where the reference follows the body softly, 0 where it goes its way through the world; shape (*batch,).
        joint_position: of the reference now, as of the last `update`; shape (*batch, n_joints) [rad].
    """

    def __init__(self, body: BodyDescription, time_offsets: Array, *, batch: tuple[int, ...] = (), limits: GeneratorLimits | None = None) -> None:
        self.table = GaitTable.load(body.name)
        if self.table.joint_names != body.joint_names:
            raise LayoutError(f"gait table of '{body.name}' has joints {self.table.joint_names}, the body has {body.joint_names}")
        self.limits = limits or GeneratorLimits()
        lim = self.limits
        self.window = ReferenceWindow.zeros(body, np.asarray(time_offsets, dtype=float), batch)
        self._joints = len(body.joint_names)
        self._instants = np.concatenate([[0.0], self.window.time_offsets])[:, None]
        self._change = np.array([lim.acceleration, lim.lateral_acceleration, lim.yaw_acceleration])
        self._low, self._high = self.table.low, self.table.high
        self.velocity, self.ramp, self.acceleration = (np.zeros((*batch, 3)) for _ in range(3))
        self.held, self.stopping = np.zeros((*batch, 3)), np.ones(batch, dtype=bool)
        self.phase, self.yaw = np.full(batch, lim.start_phase), np.zeros(batch)
        self.position = np.zeros((*batch, 2))
        self.rate, self.anchored = np.zeros(batch), np.ones(batch)
        self.joint_position = self.table.sample(self.table.cell(self.velocity), self.phase).value[..., : self._joints]

    def reset(self, state: BodyState) -> None:
        """Start standing where the body is (or every body of the batch), facing its way."""
        self.velocity[...] = 0.0
        self.ramp[...] = 0.0
        self.stopping[...] = True
        self.rate[...] = 0.0
        self.phase[...] = self.limits.start_phase
        self.position[...] = state.root_position[..., :2]
        self.yaw[...] = heading(state.root_quaternion)

    def update(self, state: BodyState, command: MotionCommand, dt: float) -> ReferenceWindow:
        """Advance by `dt` towards the command, anchor to the body, fill and return the window.

        Args:
            state: present state of the body or batch.
            command: clipped to the limits.
            dt: time since the last update [s]; 0 for the first.
        """
        asked = np.stack([command.speed, command.lateral, command.yaw_rate], axis=-1)
        wanted = self._timed(np.minimum(np.maximum(asked, self._low), self._high))
        # One closed form from the old instant gives the new one and all that follow.
        ahead = respond(
            self.ramp[..., None, :], self.velocity[..., None, :], wanted[..., None, :], limit=self._change, lag=self.limits.lag, t=dt + self._instants
        )
        goal = wanted[..., None, :]
        velocity = np.where((np.abs(ahead.velocity - goal) < AT_REST) & (ahead.ramp == goal), goal, ahead.velocity)
        travelled = ahead.travelled - ahead.travelled[..., :1, :]
        self.ramp[...], self.velocity[...], self.acceleration[...] = ahead.ramp[..., 0, :], velocity[..., 0, :], ahead.acceleration[..., 0, :]
        self._advance(ahead.travelled[..., 0, :])
        cell = self.table.cell(velocity)
        rate = np.where(velocity.any(axis=-1), self.table.rate(cell), 0.0)
        self._advance_phase(rate[..., 0], dt)
        mean_rate = 0.5 * (rate[..., :1] + rate)
        gait = self.table.sample(cell, self.phase[..., None] + mean_rate * self._instants[:, 0], ahead.acceleration)
        self.joint_position = gait.value[..., 0, : self._joints]
        self._anchor(state, gait.value[..., 0, self._joints], dt)
        self._fill(velocity[..., 1:, :], travelled[..., 1:, :], gait, rate)
        self.window.seq, self.window.stamp_ns = state.seq, state.stamp_ns
        return self.window

    def _timed(self, wanted: Array) -> Array:
        """The command, or the last one for as long as a stop has to wait for its phase."""
        low, high = self.limits.stop_phases
        half = 2.0 * self.phase - np.floor(2.0 * self.phase)
        stop = np.asarray(~wanted.any(axis=-1))
        ahead = np.abs(self.ramp[..., 0]) > SLOW[0]
        straight = ~ahead | (np.abs(self.velocity[..., 2]) <= STRAIGHT)
        free = (half >= 2.0 * low) & (half <= 2.0 * high) & straight | (np.abs(self.ramp) <= SLOW).all(axis=-1)
        self.stopping[...] = stop & (self.stopping | free)
        self.held[...] = np.where(stop[..., None], self.held, wanted)
        # A walk in a curve goes straight before it ends.
        self.held[..., 2] = np.where(stop & ahead, 0.0, self.held[..., 2])
        kept: Array = np.where((stop & ~self.stopping)[..., None], self.held, wanted)
        return kept

    @property
    def stop_wait(self) -> float:
        """How long before its place a stop is to be asked for [s]: until its phase, and half of what the next one would be later,
        so that a body ends as often before the place as behind it. Of one body, not of a batch."""
        if bool(self.stopping) or float(self.rate) <= 0.0 or bool((np.abs(self.ramp) <= SLOW).all()):
            return 0.0
        low, high = self.limits.stop_phases
        half = 0.5 * float(2.0 * self.phase % 1.0)
        wait = 0.0 if low <= half <= high else (low - half) % 0.5
        return (wait + 0.25) / float(self.rate)

    def _advance(self, travelled: Array) -> None:
        """Move the path by a displacement (x, y, turn) in its own frame."""
        middle = self.yaw + 0.5 * travelled[..., 2]
        c, s = np.cos(middle), np.sin(middle)
        self.position[..., 0] += c * travelled[..., 0] - s * travelled[..., 1]
        self.position[..., 1] += s * travelled[..., 0] + c * travelled[..., 1]
        self.yaw += travelled[..., 2]

    def _advance_phase(self, rate: Array, dt: float) -> None:
        self.phase += 0.5 * (self.rate + rate) * dt
        self.phase -= np.floor(self.phase)
        self.rate[...] = rate
        # At rest every phase is the same pose; a body always starts from there with the same foot.
        self.phase[...] = np.where(rate > 0.0, self.phase, self.limits.start_phase)

    def _anchor(self, state: BodyState, sway: Array, dt: float) -> None:
        lim = self.limits
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        ex = state.root_position[..., 0] - (self.position[..., 0] - s * sway)
        ey = state.root_position[..., 1] - (self.position[..., 1] + c * sway)
        distance = np.sqrt(ex * ex + ey * ey)
        beyond = np.maximum(distance - lim.max_lead, 0.0) / np.maximum(distance, 1e-9)
        share = self.anchored * np.maximum(beyond, 1.0 - np.exp(-dt / lim.anchor_time))
        self.position[..., 0] += share * ex
        self.position[..., 1] += share * ey
        turn = wrap(heading(state.root_quaternion) - self.yaw)
        self.yaw += self.anchored * (turn - np.clip(turn, -lim.max_turn_lead, lim.max_turn_lead))

    def _fill(self, velocity: Array, travelled: Array, gait: Sample, rate: Array) -> None:
        """Fill the window. `velocity` and `travelled` are of its frames; `gait` and `rate` begin with the present instant."""
        w, n = self.window, self._joints
        value = gait.value[..., 1:, :]
        change = rate[..., 1:, None] * gait.slope[..., 1:, :] + gait.drift[..., 1:, :]
        turned, sway = travelled[..., 2], value[..., n]
        yaw, middle = self.yaw[..., None] + turned, self.yaw[..., None] + 0.5 * turned
        c, s, cm, sm = np.cos(yaw), np.sin(yaw), np.cos(middle), np.sin(middle)
        dx, dy = travelled[..., 0], travelled[..., 1]
        w.root_position[..., 0] = self.position[..., 0, None] + cm * dx - sm * dy - s * sway
        w.root_position[..., 1] = self.position[..., 1, None] + sm * dx + cm * dy + c * sway
        w.root_position[..., 2] = value[..., n + 1]
        w.root_quaternion[..., 0], w.root_quaternion[..., 3] = np.cos(0.5 * yaw), np.sin(0.5 * yaw)
        w.root_linear_velocity[..., 0] = velocity[..., 0] - velocity[..., 2] * sway
        w.root_linear_velocity[..., 1] = velocity[..., 1] + change[..., n]
        w.root_linear_velocity[..., 2] = change[..., n + 1]
        w.root_angular_velocity[..., 2] = velocity[..., 2]
        w.joint_position[...] = value[..., :n]
        w.joint_velocity[...] = change[..., :n]
        w.contact[...] = value[..., n + 2 :]
        w.phase[...] = self.phase


def heading(quaternion: Array) -> Array:
    """Yaw of a wxyz quaternion, shape (..., 4); the direction of its x axis on the floor [rad]."""
    w, x, y, z = (quaternion[..., i] for i in range(4))
    return np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))


def wrap(angle: Array) -> Array:
    """The same angle in -pi..pi."""
    return angle - 2.0 * np.pi * np.round(angle / (2.0 * np.pi))
