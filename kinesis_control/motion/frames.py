"""Frames of a clip at any time, moved to where the body is, and joined to what the reference did before."""

import math

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyState
from kinesis_control.motion.clip import MotionClip
from kinesis_control.motion.generator import heading
from kinesis_control.motion.rotations import conjugate, continuous, multiply, normalised, rotate
from kinesis_control.reference import ReferenceWindow

Array = NDArray[np.float64]
FIELDS = (
    "root_position", "root_quaternion", "root_linear_velocity", "root_angular_velocity",
    "joint_position", "joint_velocity", "contact", "key_body_position",
)  # fmt: skip
VELOCITIES = ("root_linear_velocity", "root_angular_velocity", "joint_velocity")


RUN_OUT_S, JOINTS_OUT_S = 0.15, 0.05
"""Time constants with which root and joints come to rest beyond the end of a clip [s]."""


def copy_window(source: ReferenceWindow, out: ReferenceWindow, rows: slice) -> None:
    """Copy `rows` of a window into the whole of another one."""
    for name in FIELDS:
        values = getattr(out, name)
        if values.size:
            values[:] = getattr(source, name)[rows]
    out.phase[...] = source.phase
    out.motion, out.seq, out.stamp_ns = source.motion, source.seq, source.stamp_ns


class Frames:
    """A clip as one array, to be read between its frames.

    Attributes:
        duration_s: [s].
        rate_hz: frames per second.
    """

    def __init__(self, clip: MotionClip) -> None:
        values = {name: getattr(clip, name).reshape(clip.frames, -1) for name in FIELDS}
        values["root_quaternion"] = continuous(clip.root_quaternion)
        ends = np.cumsum([v.shape[1] for v in values.values()]).tolist()
        self._place = {name: slice(end - v.shape[1], end) for (name, v), end in zip(values.items(), ends, strict=True)}
        self._values = np.concatenate(list(values.values()), axis=1)
        self._key = clip.key_body_position.shape[1:]
        self.rate_hz, self.duration_s, self._name = clip.rate_hz, clip.duration_s, clip.name

    def fill(self, times: Array, out: ReferenceWindow, rate: float = 1.0) -> None:
        """Fill `out` with the frames at `times`, shape (K,) [s], in the clip's own world.

        Before its start the clip stands still; beyond its end it runs out to a stand, so that an end in mid-stride is no stop at once.

        Args:
            rate: time in the clip per time of the graph; velocities are scaled by it.
        """
        last = len(self._values) - 1
        asked = times * self.rate_hz
        frame = np.clip(asked, 0.0, last)
        low = np.minimum(frame.astype(np.intp), last - 1)
        share = (frame - low)[:, None]
        values = self._values[low] * (1.0 - share) + self._values[low + 1] * share
        over = np.maximum(asked - last, 0.0) / self.rate_hz
        inside = (rate * (asked >= 0.0))[:, None]
        for name in FIELDS:
            target, part = getattr(out, name), values[:, self._place[name]]
            if name == "key_body_position" and not target.size:
                continue
            target[:] = (part * inside if name in VELOCITIES else part).reshape(target.shape)
        out.root_quaternion[:] = normalised(out.root_quaternion)
        if over.any():
            _run_out(out, over, rate)
        out.motion = self._name


def _run_out(window: ReferenceWindow, over: Array, rate: float) -> None:
    """Let rows that lie `over` [s] beyond the end of a clip, shape (K,), go on from it with dying velocities."""
    (root, root_left), (joints, joints_left) = (_dying(over, tau) for tau in (RUN_OUT_S, JOINTS_OUT_S))
    shift = rotate(window.root_quaternion, window.root_linear_velocity) * (root / rate)
    window.root_position += shift
    if window.key_body_position.size:
        window.key_body_position += shift[:, None, :]
    turn = rotate(window.root_quaternion, window.root_angular_velocity) * (root / rate)
    window.root_quaternion[:] = multiply(_quaternion(turn), window.root_quaternion)
    window.root_linear_velocity *= root_left
    window.root_angular_velocity *= root_left
    window.joint_position += window.joint_velocity * (joints / rate)
    window.joint_velocity *= joints_left


def _dying(over: Array, tau: float) -> tuple[Array, Array]:
    """Way made per velocity at first [s], and share of the velocity that is left, after times `over`; each of shape (K, 1)."""
    left = np.exp(-over / tau)[:, None]
    return tau * (1.0 - left), left


class Alignment:
    """A turn about the vertical and a shift: moves a clip's world so that it begins where the reference is, and after the body.

    Attributes:
        anchor_time: time constant with which the reference follows the body [s].
        max_lead: farthest the reference runs from the body [m].
        max_turn_lead: largest angle between their headings [rad].
        yaw: the turn [rad].
    """

    anchor_time, max_lead, max_turn_lead = 1.5, 0.15, 0.3

    def __init__(self, yaw: float = 0.0, x: float = 0.0, y: float = 0.0) -> None:
        self.yaw, self._x, self._y = yaw, x, y

    def place(self, position: Array, yaw: float, at: Array, at_yaw: float) -> None:
        """Put the clip's point `position` with heading `yaw` to the place `at` with heading `at_yaw`."""
        self.yaw, self._x, self._y = at_yaw - yaw, 0.0, 0.0
        x, y = self.point(position)
        self._x, self._y = float(at[0]) - x, float(at[1]) - y

    def point(self, position: Array) -> tuple[float, float]:
        """Where a point of the clip's world comes to."""
        c, s = math.cos(self.yaw), math.sin(self.yaw)
        x, y = float(position[0]), float(position[1])
        return c * x - s * y + self._x, s * x + c * y + self._y

    def move_clip(self, turn: float, shift: Array) -> None:
        """Turn and shift the clip in its own world, before it is laid to its place."""
        self._x, self._y = self.point(shift)
        self.yaw += turn

    def apply(self, window: ReferenceWindow) -> None:
        """Move a window in place."""
        c, s = math.cos(self.yaw), math.sin(self.yaw)
        for points in (window.root_position, window.key_body_position):
            if points.size:
                x, y = points[..., 0].copy(), points[..., 1].copy()
                points[..., 0], points[..., 1] = c * x - s * y + self._x, s * x + c * y + self._y
        turn = np.array([math.cos(0.5 * self.yaw), 0.0, 0.0, math.sin(0.5 * self.yaw)])
        window.root_quaternion[:] = multiply(turn, window.root_quaternion)

    def follow(self, state: BodyState, window: ReferenceWindow, dt: float) -> None:
        """Draw the alignment and a window, whose row 0 is the present instant, after the body; its heading only beyond `max_turn_lead`."""
        now = window.root_position[0]
        apart = state.root_position[:2] - now[:2]
        distance = float(np.hypot(apart[0], apart[1]))
        beyond = max(distance - self.max_lead, 0.0) / max(distance, 1e-9)
        share = max(beyond, 1.0 - math.exp(-dt / self.anchor_time))
        turn = math.remainder(float(heading(state.root_quaternion)) - float(heading(window.root_quaternion[0])), math.tau)
        turn -= min(max(turn, -self.max_turn_lead), self.max_turn_lead)
        move = Alignment()
        move.place(now, 0.0, now[:2] + share * apart, turn)  # turned about the reference itself, then moved
        self._x, self._y = move.point(np.array([self._x, self._y]))
        self.yaw += turn
        move.apply(window)


class Inertia:
    """Keeps position and velocity continuous over a jump of the reference: the step is added back and dies away.

    Inertialisation (Bollo 2018) with a critically damped decay: x(t) = (x0 + (v0 + k x0) t) exp(-k t).
    """

    def __init__(self, decay: float = 12.0) -> None:
        """`decay`: k [1/s]; with 12, an eighth is left after 0.3 s."""
        self._k, self._elapsed = decay, math.inf
        self._steps: dict[str, tuple[Array, Array]] = {}

    def start(self, old: ReferenceWindow, new: ReferenceWindow, ahead: float) -> None:
        """Begin to make up for the step from row 0 of `old`, which is `ahead` [s] old, to row 0 of `new`."""
        qo, qn = old.root_quaternion[0], new.root_quaternion[0]
        wo, wn = rotate(qo, old.root_angular_velocity[0]), rotate(qn, new.root_angular_velocity[0])
        vo, vn = rotate(qo, old.root_linear_velocity[0]), rotate(qn, new.root_linear_velocity[0])
        turn = _rotation_vector(multiply(qo, conjugate(qn)))
        self._steps = {
            "position": (old.root_position[0] + ahead * vo - new.root_position[0], vo - vn),
            "turn": (turn + ahead * wo, wo - wn),
            "joints": (
                old.joint_position[0] + ahead * old.joint_velocity[0] - new.joint_position[0],
                old.joint_velocity[0] - new.joint_velocity[0],
            ),
        }
        self._elapsed = 0.0

    def clear(self) -> None:
        """Nothing is left to be made up for."""
        self._elapsed = math.inf

    def apply(self, window: ReferenceWindow, dt: float) -> None:
        """Add what is left of the step to a window, `dt` after the last call [s]."""
        if self._k * self._elapsed > 20.0:
            return
        t = (self._elapsed + window.time_offsets)[:, None]
        position, speed = self._left("position", t)
        turn, spin = self._left("turn", t)
        joints, rates = self._left("joints", t)
        window.root_position += position
        if window.key_body_position.size:
            window.key_body_position += position[:, None, :]
        window.root_quaternion[:] = multiply(_quaternion(turn), window.root_quaternion)
        back = conjugate(window.root_quaternion)
        window.root_linear_velocity += rotate(back, speed)
        window.root_angular_velocity += rotate(back, spin)
        window.joint_position += joints
        window.joint_velocity += rates
        self._elapsed += dt

    def _left(self, name: str, t: Array) -> tuple[Array, Array]:
        x0, v0 = self._steps[name]
        k, fade = self._k, np.exp(-self._k * t)
        return fade * (x0 + (v0 + k * x0) * t), fade * (v0 - k * (v0 + k * x0) * t)


def _rotation_vector(q: Array) -> Array:
    """Rotation vector of a quaternion, shape (4,) -> (3,) [rad], the shorter way round."""
    q = q if q[0] >= 0.0 else -q
    size = float(np.linalg.norm(q[1:]))
    return q[1:] * (2.0 if size < 1e-9 else 2.0 * math.atan2(size, float(q[0])) / size)


def _quaternion(vector: Array) -> Array:
    """Quaternions of rotation vectors, shape (K, 3) -> (K, 4)."""
    angle = np.linalg.norm(vector, axis=-1, keepdims=True)
    return np.concatenate([np.cos(0.5 * angle), 0.5 * np.sinc(angle / (2.0 * np.pi)) * vector], axis=-1)
