"""Builds the procedural walking table of a body: joint angles over gait phase and speed, from published gait figures.

No recorded motion goes in. For each speed the feet follow a heel-ball-toe rocker on the floor (so a planted foot cannot
slip), the pelvis moves at constant speed and sways like a linear inverted pendulum, and the leg joints follow by inverse
kinematics on the model. Figures: cadence against speed, stance share and foot pitch after Winter, "The Biomechanics and
Motor Control of Human Gait" (1991) and Perry & Burnfield, "Gait Analysis" (2010); lateral sway after the linear inverted
pendulum of Kajita et al. (2001).
"""

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_sim.bodies import Body

Array = NDArray[np.float64]
GRAVITY = 9.81
PHASES = 64
TOE_CLEARANCE = 0.02  # of the lowest point of a foot in mid-swing, at least [m]; people keep 0.01 to 0.02 (Winter 1991)
HEEL_OFF = 0.37  # phase at which the heel leaves the floor (Perry & Burnfield: 0.31 to 0.40)


@dataclass(frozen=True, kw_only=True)
class GaitShape:
    """Numbers of the walking pattern; angles [rad], lengths [m].

    Attributes:
        speeds: grid of the table [m/s]; the first is standing.
        cadence_offset, cadence_slope: steps per second = offset + slope * speed; 1.15 + 0.52 v meets the human walk ratio
            (step length / cadence = 0.0065 m per step/min) near 1.2 m/s and keeps slow steps short and quick.
        strike_pitch, push_pitch: foot pitch at heel strike and at toe-off at `pitch_speed` and above, toes up positive.
        clearance: extra height of the ankle in mid-swing.
        half_width: lateral distance from the path to each ankle.
        toe_out: yaw of the feet outwards.
        straightest_knee: knee flexion that the longest leg of the cycle keeps.
    """

    speeds: tuple[float, ...] = (0.0, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4)
    cadence_offset: float = 1.15
    cadence_slope: float = 0.52
    strike_pitch: float = 0.28
    push_pitch: float = -1.10
    pitch_speed: float = 1.3
    clearance: float = 0.065
    half_width: float = 0.085
    toe_out: float = 0.10
    straightest_knee: float = 0.10

    def step_rate(self, speed: float) -> float:
        """Steps per second."""
        return self.cadence_offset + self.cadence_slope * speed

    def stance_share(self, speed: float) -> float:
        """Share of the cycle in which a foot is on the floor: 0.66 slow to 0.61 fast (Winter 1991)."""
        return 0.68 - 0.05 * speed


def build_gait_table(body: Body, shape: GaitShape | None = None) -> dict[str, Array]:
    """Walking table of a body with human legs.

    Returns:
        speed (S,), cycle_rate (S,) [1/s], joint (S, P, n_joints) [rad], root_height (S, P) [m], root_sway (S, P) [m, left
        positive], contact (S, P, n_contacts); phase 0 is right heel strike, P = 64 samples over one cycle.
    """
    shape = shape or GaitShape()
    leg = LegGeometry(body)
    rows = [leg.standing_row() if v == 0.0 else _walking_row(body, leg, shape, v) for v in shape.speeds]
    table = {key: np.stack([row[key] for row in rows]) for key in rows[0]}
    table["speed"] = np.array(shape.speeds)
    # Between standing and the slowest walk the cadence grows from nothing: the first step leaves time to shift the weight.
    table["cycle_rate"] = np.array([0.5 * shape.step_rate(v) if v > 0.0 else 0.0 for v in shape.speeds])
    return table


class LegGeometry:
    """Lengths read off the standing model, and inverse kinematics of both legs on it."""

    def __init__(self, body: Body) -> None:
        self.body, self.model = body, body.model
        self.data = mujoco.MjData(self.model)
        self._place(body.standing_qpos)
        self.stand_qpos = self.data.qpos.copy()
        ankle, ball, heel = (self.data.xpos[self.model.body(b).id] for b in ("talus_r", "toes_r", "calcn_r"))
        self.ankle_height = float(ankle[2])
        self.ball = np.array([ball[0] - ankle[0], ball[2] - ankle[2] - 0.02])
        self.heel = np.array([heel[0] - ankle[0] - 0.005, -ankle[2] + 0.004])
        hip = self.data.xanchor[self.model.joint("hip_flexion_r").id]
        self.hip_offset = hip - self.stand_qpos[:3]
        self.foot_orientation = {s: self._foot_matrix(s) for s in "rl"}

    def _place(self, qpos: Array) -> None:
        self.data.qpos[:] = qpos
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_comPos(self.model, self.data)

    def _foot_matrix(self, side: str) -> Array:
        """Orientation of the flat foot in the world; shape (3, 3)."""
        return self.data.xmat[self.model.body(f"calcn_{side}").id].reshape(3, 3).copy()

    def joint_vector(self) -> Array:
        return self.data.qpos[self.body.joint_qpos_adr].copy()

    def standing_row(self) -> dict[str, Array]:
        """The standing pose as a row of the table, the same at every phase."""
        self._place(self.body.standing_qpos)
        one = np.ones(PHASES)
        return {
            "joint": np.tile(self.joint_vector(), (PHASES, 1)),
            "root_height": one * self.body.standing_qpos[2],
            "root_sway": 0.0 * one,
            "contact": np.ones((PHASES, len(self.body.entry.contact_regions))),
        }

    def foot_clearance(self, side: str) -> float:
        """Height of the lowest point of a foot in the present pose [m]."""
        floor, scratch = self.model.geom("floor").id, np.zeros(6)
        geoms = [g for g in self.body.foot_geom_ids if self.model.body(self.model.geom_bodyid[g]).name.endswith(side)]
        return min(mujoco.mj_geomDistance(self.model, self.data, floor, int(g), 5.0, scratch) for g in geoms)

    def longest_leg(self, knee: float) -> float:
        """Distance from hip to ankle with the knee at `knee` [m]."""
        qpos = self.body.standing_qpos.copy()
        qpos[self.model.joint("knee_angle_r").qposadr[0]] = knee
        self.body.coupling.fill(qpos)
        self._place(qpos)
        hip = self.data.xanchor[self.model.joint("hip_flexion_r").id]
        return float(np.linalg.norm(hip - self.data.xpos[self.model.body("talus_r").id]))

    def solve(self, root: Array, feet: dict[str, tuple[Array, float, float, float]], start: Array) -> Array:
        """Joint angles that put each ankle at a point with a foot pitch, yaw and toe angle; damped Gauss-Newton.

        Args:
            root: root position, shape (3,), upright and facing +x.
            feet: for "r" and "l": ankle position (3,), pitch (toes up), yaw (left), toe extension.
            start: first guess, shape (nq,).
        """
        qpos = start.copy()
        qpos[:3] = root
        for side, (_, _, _, toes) in feet.items():
            qpos[self.model.joint(f"mtp_angle_{side}").qposadr[0]] = -toes  # the model counts toe flexion positive
        for _ in range(25):
            self.body.coupling.fill(qpos)
            self._place(qpos)
            worst = max(self._improve(side, foot, qpos) for side, foot in feet.items())
            if worst < 1e-7:
                break
        self.body.coupling.fill(qpos)
        self._place(qpos)
        return qpos

    def _improve(self, side: str, foot: tuple[Array, float, float, float], qpos: Array) -> float:
        position, pitch, yaw, _ = foot
        names = [f"{j}_{side}" for j in ("hip_flexion", "hip_adduction", "hip_rotation", "knee_angle", "ankle_angle", "subtalar_angle")]
        joints = [self.model.joint(n).id for n in names]
        dofs, addresses = self.model.jnt_dofadr[joints], self.model.jnt_qposadr[joints]
        error, jacobian = self._foot_error(side, position, pitch, yaw, dofs)
        # The foot's roll (row 3 of the rotation) is followed loosely: the legs lean a few degrees, shoes do too.
        weight = np.array([10.0, 10.0, 10.0, 0.5, 1.0, 1.0])
        a, b = jacobian * weight[:, None], error * weight
        damping = np.diag([1e-4, 1e-4, 1e-4, 1e-4, 1e-4, 2e-1])
        step = np.linalg.solve(a.T @ a + damping, a.T @ b - damping @ np.r_[np.zeros(5), qpos[addresses[5]]])
        low, high = self.model.jnt_range[joints].T
        qpos[addresses] = np.clip(qpos[addresses] + np.clip(step, -0.3, 0.3), low + 0.01, high - 0.01)
        return float(np.abs(step).max())

    def _foot_error(self, side: str, position: Array, pitch: float, yaw: float, dofs: Array) -> tuple[Array, Array]:
        jp, jr = np.zeros((3, self.model.nv)), np.zeros((3, self.model.nv))
        talus, calcn = self.model.body(f"talus_{side}").id, self.model.body(f"calcn_{side}").id
        mujoco.mj_jacBody(self.model, self.data, jp, None, talus)
        mujoco.mj_jacBody(self.model, self.data, None, jr, calcn)
        slope = self.body.coupling
        follow = slope.slope(self.data.qpos)
        full_p, full_r = jp.copy(), jr.copy()
        for c in range(len(slope.joint)):  # a coupled joint moves with its source: chain rule
            full_p[:, slope.source_dof_adr[c]] += follow[c] * jp[:, slope.dof_adr[c]]
            full_r[:, slope.source_dof_adr[c]] += follow[c] * jr[:, slope.dof_adr[c]]
        turn = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1.0]])
        tilt = np.array([[np.cos(pitch), 0, -np.sin(pitch)], [0, 1, 0], [np.sin(pitch), 0, np.cos(pitch)]])
        target = turn @ tilt @ self.foot_orientation[side]
        difference = target @ self.data.xmat[calcn].reshape(3, 3).T
        rotation = 0.5 * np.array([difference[2, 1] - difference[1, 2], difference[0, 2] - difference[2, 0], difference[1, 0] - difference[0, 1]])
        return np.r_[position - self.data.xpos[talus], rotation], np.vstack([full_p, full_r])[:, dofs]


def _smooth(t: Array | float) -> Array | float:
    """Smooth step 0..1 with zero slope at both ends."""
    t = np.clip(t, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


@dataclass(frozen=True, kw_only=True)
class FootPath:
    """Path of one ankle over a cycle at one speed; phase 0 is this foot's heel strike, x is ahead of the path origin."""

    leg: LegGeometry
    shape: GaitShape
    speed: float

    @property
    def stride(self) -> float:
        return self.speed * 2.0 / self.shape.step_rate(self.speed)

    def pitch(self, phase: float) -> float:
        """Foot pitch, toes up positive [rad]."""
        s, share = self.shape, self.shape.stance_share(self.speed)
        scale = min(1.0, self.speed / s.pitch_speed)
        strike, push = scale * s.strike_pitch, s.push_pitch * (0.35 + 0.65 * scale)
        if phase < 0.12:
            return strike * (1.0 - float(_smooth(phase / 0.12)))
        if phase < HEEL_OFF:
            return 0.0
        if phase < share:
            t = (phase - HEEL_OFF) / (share - HEEL_OFF)
            return float(push * t**1.6)
        t = (phase - share) / (1.0 - share)
        # The push-off rotation runs on for a moment, then the foot is lifted level and the heel made ready.
        rate = 1.6 * push / (share - HEEL_OFF) * (1.0 - share)
        level = push + rate * t * np.exp(-30.0 * t)
        return float(level * (1.0 - _smooth((t - 0.05) / 0.7)) + strike * _smooth((t - 0.5) / 0.45))

    def toe_extension(self, phase: float) -> float:
        """Angle of the toes against the foot that keeps them flat in push-off [rad]."""
        share = self.shape.stance_share(self.speed)
        if phase < HEEL_OFF:
            return 0.0
        if phase < share:
            return min(0.45, -self.pitch(phase))
        return min(0.45, -self.pitch(share - 1e-9)) * (1.0 - float(_smooth((phase - share) / 0.12)))

    def _planted(self, phase: float) -> Array:
        """Ankle (x, z) in stance, x from the flat-foot ankle position."""
        p = self.pitch(phase)
        pivot = self.leg.heel if phase < HEEL_OFF else self.leg.ball
        c, s = np.cos(p), np.sin(p)
        turned = np.array([c * pivot[0] - s * pivot[1], s * pivot[0] + c * pivot[1]])
        return np.array([0.0, self.leg.ankle_height]) + pivot - turned

    def ankle(self, phase: float) -> Array:
        """Ankle (x, z) in the world over the cycle that starts at this foot's heel strike; flat-foot x is 0 [m]."""
        share = self.shape.stance_share(self.speed)
        if phase < share:
            return self._planted(phase)
        eps, span = 1e-4, 1.0 - share
        start, end = self._planted(share - eps), self._planted(0.0) + np.array([self.stride, 0.0])
        v0 = (start - self._planted(share - 2 * eps)) / eps * span
        v1 = (self._planted(eps) - self._planted(0.0)) / eps * span
        t = (phase - share) / span
        h = np.array([2 * t**3 - 3 * t**2 + 1, t**3 - 2 * t**2 + t, -2 * t**3 + 3 * t**2, t**3 - t**2])
        point = h[0] * start + h[1] * v0 + h[2] * end + h[3] * v1
        scale = 0.4 + 0.6 * min(1.0, self.speed / 0.8)
        point[1] += self.shape.clearance * scale * np.sin(np.pi * t) ** 2
        return point


def _walking_row(body: Body, leg: LegGeometry, shape: GaitShape, speed: float) -> dict[str, Array]:
    path = FootPath(leg=leg, shape=shape, speed=speed)
    share, cycle_s = shape.stance_share(speed), 2.0 / shape.step_rate(speed)
    phase = np.arange(PHASES) / PHASES
    middle = _best_middle(leg, shape, path, phase)
    hip_x = leg.hip_offset[0]
    sway = _lateral_sway(phase, share, cycle_s, shape.half_width)
    height = _pelvis_height(leg, shape, path, phase, middle)
    contact = np.zeros((PHASES, len(body.entry.contact_regions)))
    for column, shift in ((0, 0.0), (2, 0.5)):
        p = (phase - shift) % 1.0
        contact[:, column] = p < HEEL_OFF + 0.05
        contact[:, column + 1] = (p > 0.06) & (p < share)
    joint, qpos = np.zeros((PHASES, len(body.joint_ids))), body.standing_qpos.copy()
    lift = np.zeros(PHASES)  # of the ankle after heel-off, learned from how deep the foot would sink
    for _ in range(6):  # later laps start from a solution, so that the seam is smooth
        sunk = np.zeros(PHASES)
        for k in range(PHASES):
            feet = {}
            for side, shift, y in (("r", 0.0, -1.0), ("l", 0.5, 1.0)):
                p = (phase[k] - shift) % 1.0
                x, z = path.ankle(p)
                z += lift[round(p * PHASES) % PHASES]
                ankle = np.array([x + hip_x + path.stride * (middle - p), y * shape.half_width, z])
                feet[side] = (ankle, path.pitch(p), y * shape.toe_out, path.toe_extension(p))
            qpos = leg.solve(np.array([0.0, sway[k], height[k]]), feet, qpos)
            joint[k] = leg.joint_vector()
            sunk[k] = leg.foot_clearance("r")
        lift += _lift(phase, share, sunk)
    return {"joint": joint, "root_height": height, "root_sway": sway, "contact": contact}


def _lift(phase: Array, share: float, clearance: Array) -> Array:
    """How much higher the ankle must go after heel-off to keep the foot out of the floor; smooth; (P,) [m]."""
    t = np.clip((phase - share) / (1.0 - share), 0.0, 1.0)
    wanted = TOE_CLEARANCE * np.sin(np.pi * t)  # zero in push-off, where the toe tip takes over from the ball
    missing = np.where(phase > HEEL_OFF, np.maximum(wanted - clearance, 0.0), 0.0)
    kernel = np.exp(-0.5 * (np.arange(-4, 5) / 1.5) ** 2)
    smooth = np.convolve(np.pad(missing, 4, mode="wrap"), kernel / kernel.sum(), "valid")
    return smooth * _smooth((phase - HEEL_OFF) / 0.1) * _smooth((1.0 - phase) / 0.1)


def _lateral_sway(phase: Array, share: float, cycle_s: float, half_width: float) -> Array:
    """Lateral pelvis path of a linear inverted pendulum that changes feet every half cycle; left positive [m]."""
    omega, half_step = np.sqrt(GRAVITY / 0.9), 0.25 * cycle_s
    change = 0.5 * (share - 0.5)  # weight passes over in the middle of double support
    t = ((phase - change) % 1.0) * cycle_s
    right = t < 0.5 * cycle_s
    local = np.where(right, t, t - 0.5 * cycle_s) - half_step
    amount = half_width * (1.0 - np.cosh(omega * local) / np.cosh(omega * half_step))
    return np.where(right, -amount, amount)


def _best_middle(leg: LegGeometry, shape: GaitShape, path: FootPath, phase: Array) -> float:
    """Phase at which hip and ankle are in line, such that the body walks as upright as its legs allow."""
    candidates = np.linspace(0.18, 0.36, 19)
    return float(max(candidates, key=lambda m: _pelvis_height(leg, shape, path, phase, m).mean()))


def _pelvis_height(leg: LegGeometry, shape: GaitShape, path: FootPath, phase: Array, middle: float) -> Array:
    """Root height: a cosine with two peaks a cycle at mid-stance, as high as the straightest leg allows; shape (P,) [m]."""
    reach = leg.longest_leg(shape.straightest_knee)
    step = 0.5 * path.stride
    amplitude = 0.25 * (reach - np.sqrt(reach**2 - (0.5 * step) ** 2))
    wave = amplitude * np.cos(4.0 * np.pi * (phase - middle))
    highest = np.inf
    for k, p in enumerate(phase):
        for shift in (0.0, 0.5):
            local = (p - shift) % 1.0
            x, z = path.ankle(local)
            ahead = x + path.stride * (middle - local)
            highest = min(highest, z + np.sqrt(max(reach**2 - ahead**2, 1e-6)) - wave[k])
    return highest - leg.hip_offset[2] + wave
