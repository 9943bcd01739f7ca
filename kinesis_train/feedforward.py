"""Feed-forward muscle activations of a gait table: one quadratic program a frame.

Unknowns are the activations, the contact forces along friction-pyramid edges at the planted foot points, and a penalised
residual wrench on the root. The program tracks the accelerations of the reference in independent coordinates:

    min ||W (A x + c - qdd)||^2 + w_a |a - a0|^2 + w_f |f|^2 + w_r |r|^2,   0 <= a <= 1, f >= 0
    A = M^-1 [R^T G, J^T B, S],   c = M^-1 (R^T b - h)

with M, h the mass matrix and bias reduced through the joint couplings, R the moment arms, G and b gain and passive force
of the muscles (Hill type, MuJoCo), J the contact Jacobian. This is computed muscle control (Thelen & Anderson 2006) with
contact forces added. The prior a0 is zero, or small activations at the times when muscles usually are on (timing_prior.py).
"""

import hashlib
import logging
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import daqp
import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_control.motion.gait_table import AXES, GaitTable
from kinesis_sim.bodies import Body, load_body
from kinesis_train.timing_prior import timing_prior

log = logging.getLogger(__name__)
Array = NDArray[np.float64]
FORCE_UNIT = 200.0  # contact force per unit of its unknown [N]: keeps the program well scaled (ten times faster to solve)
ROOT_UNIT = 100.0  # residual wrench per unit of its unknown [N], [N m]
SPAWN = multiprocessing.get_context("spawn")  # a fork would copy the locks of torch's threads without the threads
EDGES = ((1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0))


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Weights of the program.

    Attributes:
        activation, force, residual: regularisation of the unknowns.
        contact: weight of zero acceleration at planted points.
        friction: of the pyramid.
        touch: a foot point counts as planted below this height [m].
    """

    activation: float = 2e-2
    force: float = 1e-3
    residual: float = 1.0
    contact: float = 1.0
    friction: float = 0.8
    touch: float = 0.015

    @classmethod
    def towards(cls, timing: float) -> "Weights":
        """With a prior at this level activations keep closer to it than to the least effort; 0 is the default without one."""
        return cls(activation=0.1) if timing > 0.0 else cls()


class MuscleProgram:
    """Solves for activations that give wanted accelerations at one state of a body."""

    def __init__(self, body: Body, weights: Weights | None = None) -> None:
        self.body, self.model, self.weights = body, body.model, weights or Weights()
        self.data, self.scratch = mujoco.MjData(self.model), mujoco.MjData(self.model)
        root = np.arange(6)
        self.dofs = np.concatenate([root, body.joint_dof_adr])
        self.weight = np.ones(len(self.dofs))
        self.weight[:6] = (1, 1, 2, 4, 4, 4)
        names = [self.model.joint(int(j)).name for j in body.joint_ids]
        self.weight[6:][[i for i, n in enumerate(names) if n.startswith("mtp")]] = 0.05

    def reduction(self) -> Array:
        """P with qvel = P qvel_independent; shape (nv, n_independent)."""
        coupling = self.body.coupling
        p = np.zeros((self.model.nv, len(self.dofs)))
        p[self.dofs, np.arange(len(self.dofs))] = 1.0
        slope = coupling.slope(self.data.qpos)
        for _ in range(3):  # chains of couplings settle in as many passes as they have links
            for c in range(len(coupling.joint)):
                if coupling.source[c] >= 0:
                    p[coupling.dof_adr[c]] = slope[c] * p[coupling.source_dof_adr[c]]
        return p

    def gain_and_bias(self) -> tuple[Array, Array]:
        """Muscle force = gain * activation + bias at the present state; shapes (n_muscles,)."""
        s, d = self.scratch, self.data
        s.qpos[:], s.qvel[:] = d.qpos, d.qvel
        s.actuator_length[:], s.actuator_velocity[:] = d.actuator_length, d.actuator_velocity
        s.ctrl[:] = 0.0
        s.act[:] = 0.0
        mujoco.mj_fwdActuation(self.model, s)
        bias = s.actuator_force.copy()
        s.act[:] = 1.0
        mujoco.mj_fwdActuation(self.model, s)
        return s.actuator_force - bias, bias

    def contact_columns(self, p: Array, regions: Array) -> tuple[Array, Array]:
        """Generalised forces of the pyramid edges (n, 4 points) and the stacked contact Jacobian (3 points, n)."""
        m, d, w = self.model, self.data, self.weights
        floor, fromto, columns, jacobians = m.geom("floor").id, np.zeros(6), [], []
        for region in np.flatnonzero(regions > 0.5):
            for g in self.body.region_geom_ids(int(region)):
                if mujoco.mj_geomDistance(m, d, floor, int(g), 0.5, fromto) > w.touch:
                    continue
                jp = np.zeros((3, m.nv))
                mujoco.mj_jac(m, d, jp, None, np.array([*fromto[3:5], 0.0]), m.geom_bodyid[g])
                reduced = jp @ p
                jacobians.append(reduced)
                columns += [FORCE_UNIT * reduced.T @ np.array([w.friction * ex, w.friction * ey, 1.0]) for ex, ey in EDGES]
        n = p.shape[1]
        return (np.array(columns).T if columns else np.zeros((n, 0))), (np.vstack(jacobians) if jacobians else np.zeros((0, n)))

    def planted(self, qvel: Array, regions: NDArray[np.bool_]) -> tuple[float, float]:
        """Of regions that should bear load, at the pose of the last `solve`: height of the lowest point [m] and the slowest region's
        horizontal speed there [m/s]; NaN where there is none."""
        m, d, fromto, found = self.model, self.data, np.zeros(6), []
        for region in np.flatnonzero(regions):
            for g in self.body.region_geom_ids(int(region)):
                height = mujoco.mj_geomDistance(m, d, m.geom("floor").id, int(g), 0.5, fromto)
                jacobian = np.zeros((3, m.nv))
                mujoco.mj_jac(m, d, jacobian, None, np.array([*fromto[3:5], 0.0]), m.geom_bodyid[g])
                found.append((height, float(np.hypot(*(jacobian @ qvel)[:2]))))
        if not found:
            return np.nan, np.nan
        return min(h for h, _ in found), min(v for _, v in found)

    def solve(self, qpos: Array, qvel: Array, acceleration: Array, regions: Array, prior: Array | None = None) -> tuple[Array, Array]:
        """Activations (n_muscles,) and root residual wrench (6,) [N, N m] for wanted independent accelerations.

        Args:
            prior: activations that are aimed at where mechanics leave a choice, shape (n_muscles,); none: no activation.

        Raises:
            RuntimeError: the program has no solution.
        """
        w, d = self.weights, self.data
        d.qpos[:], d.qvel[:], d.act[:] = qpos, qvel, 0.05
        mujoco.mj_forward(self.model, d)
        p = self.reduction()
        forces, jacobian = self.contact_columns(p, regions)
        a, c = self._acceleration_map(p, forces)
        rows = np.vstack([a * self.weight[:, None], w.contact * jacobian @ a])
        sliding = jacobian @ qvel[self.dofs]
        target = np.concatenate([(acceleration - c) * self.weight, w.contact * (-jacobian @ c - 20.0 * sliding)])
        muscles, edges = self.model.nu, forces.shape[1]
        penalty = np.r_[np.full(muscles, w.activation), np.full(edges, w.force), np.full(6, w.residual)]
        low = np.r_[np.zeros(muscles + edges), np.full(6, -1e2)]
        high = np.r_[np.ones(muscles), np.full(edges + 6, 1e2)]
        n = a.shape[1]
        linear = -rows.T @ target
        if prior is not None:
            linear[:muscles] -= penalty[:muscles] * prior
        x, _, flag, _ = daqp.solve(rows.T @ rows + np.diag(penalty), linear, np.zeros((0, n)), high, low, np.zeros(n, dtype=np.int32))
        if flag < 0:
            raise RuntimeError(f"the muscle program has no solution (daqp exit {flag})")
        return np.clip(np.asarray(x)[:muscles], 0.0, 1.0), ROOT_UNIT * np.asarray(x)[-6:]

    def _acceleration_map(self, p: Array, forces: Array) -> tuple[Array, Array]:
        """A and c with qdd = A x + c in independent coordinates; x = activations, contact edges, root wrench."""
        m, d = self.model, self.data
        mass, moment = np.zeros((m.nv, m.nv)), np.zeros((m.nu, m.nv))
        full_mass(m, d, mass)
        mujoco.mju_sparse2dense(moment, d.actuator_moment.reshape(-1), d.moment_rownnz, d.moment_rowadr, d.moment_colind.reshape(-1))
        gain, bias = self.gain_and_bias()
        arms = moment @ p
        root = np.zeros((p.shape[1], 6))
        root[:6] = ROOT_UNIT * np.eye(6)
        inverse = np.linalg.inv(p.T @ mass @ p)
        return inverse @ np.hstack([arms.T * gain, forces, root]), inverse @ (arms.T @ bias - p.T @ (d.qfrc_bias - d.qfrc_passive))


def full_mass(model: mujoco.MjModel, data: mujoco.MjData, out: Array) -> None:
    """Dense mass matrix; `mj_fullM` changed its arguments after MuJoCo 3.4, so both forms are tried."""
    try:
        mujoco.mj_fullM(model, data, out)
    except TypeError:
        mujoco.mj_fullM(model, out, data.qM)


Place = tuple[int, int, int]


def table_states(body: Body, table: GaitTable, place: Place) -> tuple[Array, Array, Array]:
    """One cycle of the gait at a grid point of a table as qpos (P, nq), qvel (P, nv) and independent accelerations (P, n)."""
    phases = table.joint.shape[3]
    v, u, w = (float(getattr(table, axis)[i]) for axis, i in zip(AXES, place, strict=True))
    dt = 1.0 / (max(table.cycle_rate[place], 0.5) * phases)  # standing has no rate; any will do for a pose that rests
    qpos = np.tile(body.standing_qpos, (3 * phases, 1))
    k = np.arange(3 * phases)
    yaw, sway = w * dt * k, table.root_sway[place][k % phases]
    c, s = np.cos(yaw), np.sin(yaw)
    path = np.cumsum(np.stack([v * c - u * s, v * s + u * c], axis=1) * dt, axis=0)
    qpos[:, 0], qpos[:, 1] = path[:, 0] - s * sway, path[:, 1] + c * sway
    qpos[:, 2] = table.root_height[place][k % phases]
    half = 0.5 * (yaw - body.entry.forward_yaw)
    qpos[:, 3:7] = 0.0
    qpos[:, 3], qpos[:, 6] = np.cos(half), np.sin(half)
    qpos[:, body.joint_qpos_adr] = table.joint[place][k % phases]
    body.coupling.fill(qpos)
    smooth, acceleration = derivatives(body, qpos, dt)
    middle = slice(phases, 2 * phases)
    return qpos[middle], smooth[middle], acceleration[middle]


def derivatives(body: Body, qpos: Array, dt: float) -> tuple[Array, Array]:
    """Smoothed qvel (F, nv) and independent accelerations (F, n) of poses (F, nq) that are dt apart [s]."""
    qvel = np.zeros((len(qpos), body.model.nv))
    for i in range(1, len(qpos) - 1):
        mujoco.mj_differentiatePos(body.model, qvel[i], 2 * dt, qpos[i - 1], qpos[i + 1])
    qvel[0], qvel[-1] = qvel[1], qvel[-2]
    smooth = _smoothed(qvel)
    dofs = np.concatenate([np.arange(6), body.joint_dof_adr])
    return smooth, np.gradient(smooth, dt, axis=0)[:, dofs]


def _smoothed(x: Array, width: float = 1.5) -> Array:
    """Gaussian smoothing along the first axis, width in samples."""
    half = int(np.ceil(3 * width))
    kernel = np.exp(-0.5 * (np.arange(-half, half + 1) / width) ** 2)
    padded = np.pad(x, ((half, half), (0, 0)), mode="edge")
    return np.stack([np.convolve(padded[:, i], kernel / kernel.sum(), "valid") for i in range(x.shape[1])], axis=1)


def feed_forward(body: Body, table: GaitTable, timing: float = 0.0) -> tuple[Array, Array]:
    """Activations and root residuals of a whole table; kept on disk, as they take a minute to compute.

    Args:
        timing: level of the prior of usual muscle timing, 0 for none.

    Returns:
        activation (S, L, T, P, n_muscles), and the mean root residual force at each grid point (S, L, T) [N].
    """
    key = hashlib.sha256(body.description.model_hash.encode() + repr(Weights.towards(timing)).encode())
    if timing:
        key.update(repr(timing).encode())
    for name in ("speed", "lateral", "turn", "joint", "root_height", "root_sway", "contact", "cycle_rate"):
        key.update(np.ascontiguousarray(getattr(table, name)).tobytes())
    path = cache_folder() / f"feed-forward-{body.description.name}-{key.hexdigest()[:16]}.npz"
    if path.is_file():
        try:
            with np.load(path) as file:
                return file["activation"].astype(float), file["residual"]
        except (OSError, ValueError, KeyError) as error:
            log.warning("%s is damaged (%s) and is made anew", path.name, error)
    activation, residual = _solve_table(body, table, timing)
    activation = activation.astype(np.float32).astype(float)  # as it will be read the next time, so that runs repeat to the bit
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        np.savez(file, activation=activation.astype(np.float32), residual=residual)
    temporary.replace(path)
    return activation, residual


def cache_folder() -> Path:
    """Where results that can be made again are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kinesis"


def _solve_table(body: Body, table: GaitTable, timing: float) -> tuple[Array, Array]:
    """Every grid point on two processes; a point with an opposite number on the other side is its mirror image."""
    places = list(np.ndindex(table.cycle_rate.shape))
    last = tuple(n - 1 for n in table.cycle_rate.shape)

    def opposite(p: Place) -> Place:
        return p[0], last[1] - p[1], last[2] - p[2]

    solved = [p for p in places if p[1:] >= opposite(p)[1:]]
    with ProcessPoolExecutor(2, mp_context=SPAWN) as pool:
        n = len(solved)
        found = pool.map(_solve_place, [body.description.name] * n, [table] * n, solved, [timing] * n, chunksize=8)
        rows = dict(zip(solved, found, strict=True))
    phases = table.joint.shape[3]
    activation, residual = np.zeros((*table.cycle_rate.shape, phases, body.model.nu)), np.zeros(table.cycle_rate.shape)
    for p in places:
        known = p if p in rows else opposite(p)
        values, residual[p] = rows[known]
        activation[p] = values if p in rows else np.roll(values[:, body.mirror.muscles], -phases // 2, axis=0)
    return activation, residual


@cache
def program_of(body: str, timing: float) -> MuscleProgram:
    """The muscle program of a body in this process."""
    return MuscleProgram(load_body(body), Weights.towards(timing))


def table_prior(body: Body, table: GaitTable, place: Place, timing: float) -> Array:
    """Prior activations over one cycle at a grid point, shape (P, n_muscles); nothing where it does not walk forward."""
    contact, phases = table.contact[place] > 0.5, table.joint.shape[3]
    speed = float(table.speed[place[0]])
    own = {}
    for side in ("right", "left"):
        down = contact[:, [n.startswith(side) for n in body.description.contact_names]].any(axis=1)
        strikes = np.flatnonzero(down & ~np.roll(down, 1))
        own[side] = (np.arange(phases) - strikes[0]) % phases / phases if len(strikes) == 1 else np.full(phases, np.nan)
    if speed <= 0.0 or not contact.any(axis=1).all():  # backward, or running
        return np.zeros((phases, body.model.nu))
    return timing_prior(body.description.muscles.names, own["right"], own["left"], np.full(phases, speed), timing)


def _solve_place(body: str, table: GaitTable, place: Place, timing: float) -> tuple[Array, float]:
    """Activations (P, n_muscles) and mean root residual force [N] at one grid point."""
    program = program_of(body, timing)
    states = zip(*table_states(program.body, table, place), table.contact[place], table_prior(program.body, table, place, timing), strict=True)
    frames = [program.solve(q, v, a, c, prior) for q, v, a, c, prior in states]
    activation = np.array([f[0] for f in frames])
    smooth = _smoothed(np.tile(activation, (3, 1)), 1.0)[len(frames) : 2 * len(frames)]
    return smooth, float(np.mean([np.linalg.norm(f[1][:3]) for f in frames]))
