"""How good a retargeted motion is: figures per clip, computed on the body itself from its poses alone.

| figure | meaning |
|---|---|
| key_body_error_mm, key_body_error_p95_mm | distance of the key bodies from those of the scaled person, before its feet were planted |
| key_body_error_within_mm | the same over the frames in which no knee or ankle of the person bends further than the body's can |
| beyond_limits | share of the other frames |
| limit_hits | share of (joint, frame) within 0.5 degrees of a joint limit |
| foot_skate_mm_s | mean horizontal speed of the touching point of each loaded foot region |
| penetration_mm, penetration_mean_mm | deepest point of the feet below the floor: worst frame, mean of all frames |
| float_mm | mean gap between the floor and the lowest point of a loaded region |
| tendon_jumps | share of steps between frames in which the length of a tendon changes by more than 10 times its running mean and 0.1 % |
| joint_speed | fastest joint [rad/s] |
| zmp_outside_mm | mean distance from the loaded regions' hull to the point where the floor would have to push |
| flight_force | mean force, in body weights, that the motion needs while no foot is loaded; 0 is a free flight |
"""

from dataclasses import dataclass, replace

import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_sim.bodies import Body
from kinesis_sim.retarget.geometry import BodyGeometry
from kinesis_sim.retarget.person import ScaledPerson
from kinesis_sim.retarget.signals import low_pass, velocity

Array = NDArray[np.float64]
NEAR_LIMIT = np.radians(0.5)
JUMP_FACTOR, JUMP_SHARE, JUMP_MEMORY = 10.0, 1e-3, 0.01  # times the running mean, share of the length, forgetting per frame
DYNAMICS_CUTOFF_HZ = 6.0  # accelerations of recorded motion above it are noise (Winter, Biomechanics, ch. 3)
GRAVITY = 9.81


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What the body does in F frames.

    Attributes:
        key_bodies: shape (F, B, 3) [m].
        tendons: length of every tendon, shape (F, T) [m].
        gap: of every contact region above the floor, negative below it, shape (F, C) [m].
        slip: horizontal displacement of each region's touching point to the next frame, shape (F - 1, C) [m].
        touch: touching points, shape (F, C, 3) [m].
        com: centre of mass, shape (F, 3) [m].
        angular_momentum: about the centre of mass, per unit of mass, shape (F, 3) [m^2/s].
    """

    key_bodies: Array
    tendons: Array
    gap: Array
    slip: Array
    touch: Array
    com: Array
    angular_momentum: Array


def trace(body: Body, qpos: Array, rate_hz: float) -> Trace:
    """Forward kinematics of all frames; shape (F, nq)."""
    m, data = body.model, mujoco.MjData(body.model)
    regions = [body.region_geom_ids(i) for i in range(len(body.entry.contact_regions))]
    ids = [m.body(name).id for _, name in body.entry.contact_regions]
    frames, n = len(qpos), len(regions)
    key, tendon = np.zeros((frames, len(body.key_body_ids), 3)), np.zeros((frames, m.ntendon))
    gap, touch = np.zeros((frames, n)), np.zeros((frames, n, 3))
    place, turn, com, momentum = np.zeros((frames, n, 3)), np.zeros((frames, n, 3, 3)), np.zeros((frames, 3)), np.zeros((frames, 3))
    qvel = _velocities(body, qpos, rate_hz)
    for t in range(frames):
        data.qpos[:], data.qvel[:] = qpos[t], qvel[t]
        mujoco.mj_kinematics(m, data)
        mujoco.mj_comPos(m, data)
        mujoco.mj_tendon(m, data)
        mujoco.mj_comVel(m, data)
        mujoco.mj_subtreeVel(m, data)
        key[t], tendon[t] = data.xpos[body.key_body_ids], data.ten_length
        place[t], turn[t] = data.xpos[ids], data.xmat[ids].reshape(-1, 3, 3)
        com[t], momentum[t] = data.subtree_com[0], data.subtree_angmom[0] / m.body_subtreemass[0]
        for i, geoms in enumerate(regions):
            gap[t, i], touch[t, i] = _nearest(m, data, geoms)
    local = np.einsum("fcji,fcj->fci", turn, touch - place)
    ahead = place[1:] + np.einsum("fcij,fcj->fci", turn[1:], local[:-1]) - touch[:-1]
    behind = touch[1:] - place[:-1] - np.einsum("fcij,fcj->fci", turn[:-1], local[1:])
    slip = np.linalg.norm(0.5 * (ahead + behind)[..., :2], axis=-1)
    return Trace(key_bodies=key, tendons=tendon, gap=gap, slip=slip, touch=touch, com=com, angular_momentum=momentum)


def raised(motion: Trace, lift: Array) -> Trace:
    """The trace of the same poses with the root higher by `lift`, shape (F,) [m]; slips stay what they are."""
    up = np.stack([0.0 * lift, 0.0 * lift, lift], axis=1)
    return replace(
        motion,
        key_bodies=motion.key_bodies + up[:, None],
        gap=motion.gap + lift[:, None],
        touch=motion.touch + up[:, None],
        com=motion.com + up,
    )


def _nearest(m: mujoco.MjModel, data: mujoco.MjData, geoms: NDArray[np.intp]) -> tuple[float, Array]:
    """Distance of the nearest of several geoms from the floor, and its point there."""
    floor, best, points = m.geom("floor").id, np.inf, np.zeros(6)
    where = np.zeros(3)
    for geom in geoms:
        distance = mujoco.mj_geomDistance(m, data, floor, int(geom), 10.0, points)
        if distance < best:
            best, where = distance, points[3:].copy()
    return best, where


def _velocities(body: Body, qpos: Array, rate_hz: float) -> Array:
    """Central differences on the configuration manifold, shape (F, nv)."""
    m, result = body.model, np.zeros((len(qpos), body.model.nv))
    last = len(qpos) - 1
    for t in range(len(qpos)):
        before, after = max(t - 1, 0), min(t + 1, last)
        if after > before:
            mujoco.mj_differentiatePos(m, result[t], (after - before) / rate_hz, qpos[before], qpos[after])
    return result


def person_key_bodies(person: ScaledPerson, geometry: BodyGeometry) -> dict[str, Array]:
    """Where the scaled person has the body's key bodies, by name, shape (F, 3) each; only those that it defines."""
    points = {"pelvis": person.root(geometry)}
    for i, side in enumerate(("r", "l")):
        points |= {f"tibia_{side}": person.knee[:, i], f"talus_{side}": person.ankle[:, i]}
        points[f"toes_{side}"] = person.ankle[:, i] + person.foot[:, i] @ geometry.ball[i]
    return points


def report(body: Body, qpos: Array, motion: Trace, contact: Array, expected: dict[str, Array], beyond: NDArray[np.bool_], rate_hz: float) -> dict[str, float]:
    """Figures of the table above.

    Args:
        body: what moves.
        qpos: its poses, shape (F, nq).
        motion: their trace.
        contact: loaded regions, shape (F, C).
        expected: places of key bodies of the scaled person.
        beyond: frames in which the person bends further than the body can, shape (F,).
        rate_hz: frames per second.
    """
    names = list(body.entry.key_bodies)
    error = 1e3 * np.stack([np.linalg.norm(motion.key_bodies[:, names.index(n)] - p, axis=1) for n, p in expected.items() if n in names])
    angle, (low, high) = qpos[:, body.joint_qpos_adr], body.joint_range.T
    near = (angle < low + NEAR_LIMIT) | (angle > high - NEAR_LIMIT)
    moved = np.ptp(angle, axis=0) > 1e-6  # joints that nothing drives, such as fingers at rest on their limit, say nothing
    loaded = contact > 0.5
    held = loaded[1:] & loaded[:-1]
    depth = np.maximum(-motion.gap.min(axis=1), 0.0)
    zmp, flight = dynamics(motion, loaded, rate_hz)
    return {
        "key_body_error_mm": float(error.mean()),
        "key_body_error_p95_mm": float(np.percentile(error, 95)),
        "key_body_error_within_mm": float(error[:, ~beyond].mean()) if not beyond.all() else float(error.mean()),
        "beyond_limits": float(beyond.mean()),
        "limit_hits": float(near[:, moved].mean()) if moved.any() else 0.0,
        "foot_skate_mm_s": float(1e3 * rate_hz * motion.slip[held].mean()) if held.any() else 0.0,
        "penetration_mm": float(1e3 * depth.max()),
        "penetration_mean_mm": float(1e3 * depth.mean()),
        "float_mm": float(1e3 * np.maximum(motion.gap[loaded], 0.0).mean()) if loaded.any() else 0.0,
        "tendon_jumps": tendon_jumps(motion.tendons),
        "joint_speed": float(np.abs(velocity(angle, rate_hz)).max()),
        "zmp_outside_mm": 1e3 * zmp,
        "flight_force": flight,
    }


def tendon_jumps(length: Array) -> float:
    """Share of steps in which any tendon jumps; a running mean that starts at the clip's mean, as a clip may start at rest."""
    if len(length) < 2:
        return 0.0
    change = np.abs(np.diff(length, axis=0)) / np.maximum(length[0], 1e-6)
    mean, jumps = change.mean(axis=0), 0
    for step in change:
        jumps += bool(np.any(step > np.maximum(JUMP_FACTOR * mean, JUMP_SHARE)))
        mean = (1.0 - JUMP_MEMORY) * mean + JUMP_MEMORY * step
    return jumps / len(change)


def dynamics(motion: Trace, loaded: NDArray[np.bool_], rate_hz: float) -> tuple[float, float]:
    """Whether feet could make this motion: distance of the zero-moment point from the support [m], force in flight [body weights].

    From the centre of mass c and the angular momentum L about it, the floor must push with F = m (c'' + g) at the point where
    its moment balances L' (Vukobratovic and Borovac 2004): x = c_x - (c_z F_x + L'_y) / F_z, y = c_y - (c_z F_y - L'_x) / F_z,
    all per unit of mass here.
    """
    if len(motion.com) < 8:
        return 0.0, 0.0
    smooth = low_pass(motion.com, rate_hz, DYNAMICS_CUTOFF_HZ)
    force = velocity(velocity(smooth, rate_hz), rate_hz)
    force[:, 2] += GRAVITY
    spin = velocity(low_pass(motion.angular_momentum, rate_hz, DYNAMICS_CUTOFF_HZ), rate_hz)
    inner = np.zeros(len(force), dtype=bool)
    inner[3:-3] = True  # differences at the ends are one-sided
    flying = inner & ~loaded.any(axis=1)
    standing = inner & loaded.any(axis=1) & (force[:, 2] > 0.3 * GRAVITY)
    flight = float(np.linalg.norm(force[flying], axis=1).mean() / GRAVITY) if flying.any() else 0.0
    if not standing.any():
        return 0.0, flight
    x = smooth[:, 0] - (smooth[:, 2] * force[:, 0] + spin[:, 1]) / force[:, 2]
    y = smooth[:, 1] - (smooth[:, 2] * force[:, 1] - spin[:, 0]) / force[:, 2]
    distances = [_outside(np.array([x[t], y[t]]), motion.touch[t, loaded[t], :2]) for t in np.flatnonzero(standing)]
    return float(np.mean(distances)), flight


def _outside(point: Array, support: Array) -> float:
    """Distance of a point from the convex hull of a few points: the largest over directions of how far it lies beyond all of them [m]."""
    angle = np.arange(32) * (2.0 * np.pi / 32)
    direction = np.stack([np.cos(angle), np.sin(angle)])
    return float(max(0.0, (point @ direction - (support @ direction).max(axis=0)).max()))
