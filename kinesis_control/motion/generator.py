"""An endless walking or standing reference from a velocity command, for one body or a batch of bodies.

The same code makes the reference in training (a batch) and in the motion node (one body). Position and heading of the
reference follow the command and are softly anchored to the body, so that a body that drifts is led, not torn.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyDescription, BodyState
from kinesis_control.errors import LayoutError
from kinesis_control.motion.command import MotionCommand
from kinesis_control.motion.gait_table import GaitTable
from kinesis_control.reference import ReferenceWindow

Array = NDArray[np.float64]
MOVING = 0.02  # below this speed the phase rests [m/s]
SLOWEST_CADENCE = 0.6  # gait cycles per second of the slowest walk of the tables


@dataclass(frozen=True, kw_only=True)
class GeneratorLimits:
    """Bounds of what is asked of the body.

    Attributes:
        max_speed: [m/s].
        acceleration: change of speed [m/s^2].
        max_yaw_rate: [rad/s].
        yaw_acceleration: [rad/s^2].
        anchor_time: time constant with which the reference position follows the body [s].
        max_lead: furthest the reference runs from the body [m].
        max_turn_lead: largest angle between the headings of reference and body [rad].
        start_phase: gait phase at which walking starts: the weight goes over to the right foot, then the left one lifts.
    """

    max_speed: float = 1.4
    acceleration: float = 0.6
    max_yaw_rate: float = 0.5
    yaw_acceleration: float = 1.0
    anchor_time: float = 1.5
    max_lead: float = 0.15
    max_turn_lead: float = 0.3
    start_phase: float = 0.08


class GaitGenerator:
    """Keeps speed, phase, position and heading of the reference and fills a window of future frames.

    Attributes:
        window: filled in place by `update`; leading batch shape as given.
        speed, yaw_rate: what the reference does now, shape (*batch,) [m/s], [rad/s].
        phase: gait phase 0..1, shape (*batch,).
        position: reference path point in odom, shape (*batch, 2) [m].
        yaw: heading of the path, shape (*batch,) [rad].
    """

    def __init__(self, body: BodyDescription, time_offsets: Array, *, batch: tuple[int, ...] = (), limits: GeneratorLimits | None = None) -> None:
        self.table = GaitTable.load(body.name)
        if self.table.joint_names != body.joint_names:
            raise LayoutError(f"gait table of '{body.name}' has joints {self.table.joint_names}, the body has {body.joint_names}")
        self.limits = limits or GeneratorLimits()
        self.window = ReferenceWindow.zeros(body, np.asarray(time_offsets, dtype=float), batch)
        self._joints = len(body.joint_names)
        self._turn = self._turning_joints(body)
        self.speed, self.yaw_rate, self.phase, self.yaw = (np.zeros(batch) for _ in range(4))
        self.position = np.zeros((*batch, 2))
        self.phase += self.limits.start_phase

    @staticmethod
    def _turning_joints(body: BodyDescription) -> Array:
        """+1 at the right hip rotation, -1 at the left, 0 elsewhere: rotates the planted foot against a turning pelvis."""
        sign = {"hip_rotation_r": 1.0, "hip_rotation_l": -1.0}
        return np.array([sign.get(n, 0.0) for n in body.joint_names])

    def reset(self, state: BodyState) -> None:
        """Start standing where the body is (or every body of the batch), facing its way."""
        self.speed[...] = 0.0
        self.yaw_rate[...] = 0.0
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
        lim = self.limits
        wanted = np.clip(command.speed, 0.0, min(lim.max_speed, self.table.top_speed))
        turning = np.clip(command.yaw_rate, -lim.max_yaw_rate, lim.max_yaw_rate) * (wanted > MOVING)
        self.speed += np.clip(wanted - self.speed, -lim.acceleration * dt, lim.acceleration * dt)
        self.yaw_rate += np.clip(turning - self.yaw_rate, -lim.yaw_acceleration * dt, lim.yaw_acceleration * dt)
        self._advance_phase(dt)
        self.yaw += self.yaw_rate * dt
        self.position[..., 0] += self.speed * np.cos(self.yaw) * dt
        self.position[..., 1] += self.speed * np.sin(self.yaw) * dt
        self._anchor(state, dt)
        self._fill(wanted, turning)
        self.window.seq, self.window.stamp_ns = state.seq, state.stamp_ns
        return self.window

    def _advance_phase(self, dt: float) -> None:
        moving = self.speed > MOVING
        self.phase += np.where(moving, self.table.rate(self.speed), 0.0) * dt
        self.phase -= np.floor(self.phase)
        # A body that stands still always starts with the same foot: rest at the start phase.
        self.phase[...] = np.where(moving, self.phase, self.limits.start_phase)

    def _anchor(self, state: BodyState, dt: float) -> None:
        lim = self.limits
        values, _ = self.table.sample(self.speed, self.phase)
        sway = values[..., self._joints]
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        ex = state.root_position[..., 0] - (self.position[..., 0] - s * sway)
        ey = state.root_position[..., 1] - (self.position[..., 1] + c * sway)
        distance = np.sqrt(ex * ex + ey * ey)
        beyond = np.maximum(distance - lim.max_lead, 0.0) / np.maximum(distance, 1e-9)
        share = np.maximum(beyond, 1.0 - np.exp(-dt / lim.anchor_time))
        self.position[..., 0] += share * ex
        self.position[..., 1] += share * ey
        turn = wrap(heading(state.root_quaternion) - self.yaw)
        self.yaw += turn - np.clip(turn, -lim.max_turn_lead, lim.max_turn_lead)

    def _fill(self, wanted: Array, turning: Array) -> None:
        lim, w, n = self.limits, self.window, self._joints
        t = w.time_offsets
        now, goal = self.speed[..., None], np.asarray(wanted)[..., None]
        speed = now + np.clip(goal - now, -lim.acceleration * t, lim.acceleration * t)
        yaw_rate = self.yaw_rate[..., None] + np.clip(
            np.asarray(turning)[..., None] - self.yaw_rate[..., None], -lim.yaw_acceleration * t, lim.yaw_acceleration * t
        )
        mean_speed, mean_turn = 0.5 * (now + speed), 0.5 * (self.yaw_rate[..., None] + yaw_rate)
        rate = np.where(mean_speed > MOVING, self.table.rate(mean_speed), 0.0)
        values, slopes = self.table.sample(speed, self.phase[..., None] + rate * t)
        yaw = self.yaw[..., None] + mean_turn * t
        middle = self.yaw[..., None] + 0.5 * mean_turn * t
        sway = values[..., n]
        c, s = np.cos(yaw), np.sin(yaw)
        w.root_position[..., 0] = self.position[..., 0, None] + mean_speed * t * np.cos(middle) - s * sway
        w.root_position[..., 1] = self.position[..., 1, None] + mean_speed * t * np.sin(middle) + c * sway
        w.root_position[..., 2] = values[..., n + 1]
        w.root_quaternion[..., 0], w.root_quaternion[..., 3] = np.cos(0.5 * yaw), np.sin(0.5 * yaw)
        w.root_linear_velocity[..., 0] = speed
        w.root_linear_velocity[..., 1] = rate * slopes[..., n]
        w.root_linear_velocity[..., 2] = rate * slopes[..., n + 1]
        w.root_angular_velocity[..., 2] = yaw_rate
        w.joint_position[...] = values[..., :n]
        w.joint_velocity[...] = rate[..., None] * slopes[..., :n]
        w.contact[...] = values[..., n + 2 :]
        self._turn_feet(self.phase[..., None] + rate * t, yaw_rate, rate)
        w.phase[...] = self.phase

    def _turn_feet(self, phase: Array, yaw_rate: Array, rate: Array) -> None:
        """Counter-rotate the planted leg by the turn of the pelvis: a triangle over stance and swing of each leg."""
        # Below the slowest walk the cadence goes to nothing; the feet then need not make up for a whole cycle of turning.
        gain = yaw_rate * np.minimum(rate / SLOWEST_CADENCE, 1.0) / np.maximum(rate, SLOWEST_CADENCE)
        for side in (1.0, -1.0):
            local = phase - (0.0 if side > 0 else 0.5)
            local = local - np.floor(local)
            stance = local < 0.6
            # Stance runs 0 -> 0.6; the foot is in line with the pelvis half-way, and the swing brings it back.
            wave = np.where(stance, local - 0.3, 0.3 - (local - 0.6) * 1.5)
            slope = np.where(stance, 1.0, -1.5)
            own = self._turn == side
            # Internal rotation of the right hip turns the foot left; the planted foot stays, so the hip turns right.
            self.window.joint_position[..., own] += (-side * gain * wave)[..., None]
            self.window.joint_velocity[..., own] += (-side * gain * slope * rate)[..., None]


def heading(quaternion: Array) -> Array:
    """Yaw of a wxyz quaternion, shape (..., 4); the direction of its x axis on the floor [rad]."""
    w, x, y, z = (quaternion[..., i] for i in range(4))
    return np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))


def wrap(angle: Array) -> Array:
    """The same angle in -pi..pi."""
    return angle - 2.0 * np.pi * np.round(angle / (2.0 * np.pi))
