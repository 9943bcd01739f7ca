"""Builds the table: joint angles over velocity and gait phase."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from kinesis_sim.bodies import Body
from kinesis_sim.gait import pelvis
from kinesis_sim.gait.leg import LegGeometry
from kinesis_sim.gait.shape import GaitShape, Pattern
from kinesis_sim.gait.steps import FootPath, smooth_step

Array = NDArray[np.float64]
Row = dict[str, Array]
PHASES = 64
LAPS = 6  # around the cycle: later ones start from a solution, so that the seam is smooth
TOE_CLEARANCE = 0.02  # of the lowest point of a foot in mid-swing, at least [m]; people keep 0.01 to 0.02 (Winter 1991)


def build_gait_table(body: Body, shape: GaitShape | None = None) -> dict[str, Array]:
    """Gait table of a body with human legs.

    Returns:
        speed (S,), lateral (L,), turn (T,): the grid; cycle_rate (S, L, T) [1/s]; joint (S, L, T, P, n_joints) [rad];
        root_height, root_sway (S, L, T, P) [m], sway left positive; contact (S, L, T, P, n_contacts). Phase 0 is right foot
        strike; P = 64 samples over one cycle.
    """
    shape = shape or GaitShape()
    leg = LegGeometry(body)
    rows: dict[tuple[float, float, float], Row] = {}
    grid = list(product(shape.speeds, shape.laterals, shape.turns))
    for v, u, w in grid:
        # The other half are mirror images.
        if (u, w) >= (0.0, 0.0):
            rows[v, u, w] = _row(leg, shape, v, u, w)
            rows[v, -u, -w] = rows[v, u, w] if u == w == 0.0 else _mirrored(body, rows[v, u, w])
    size = (len(shape.speeds), len(shape.laterals), len(shape.turns))
    table = {key: np.stack([rows[place][key] for place in grid]).reshape(*size, *np.shape(rows[grid[0]][key])) for key in rows[grid[0]]}
    return table | {"speed": np.array(shape.speeds), "lateral": np.array(shape.laterals), "turn": np.array(shape.turns)}


def _row(leg: LegGeometry, shape: GaitShape, speed: float, lateral: float, turn: float) -> Row:
    """One velocity; walking backward is walking forward, with flatter feet, in reversed time."""
    if speed < 0.0:
        pattern = shape.pattern(-speed, -lateral, -turn, backward=True)
        return _reversed(_moving_row(leg, pattern), pattern.share)
    if speed == lateral == turn == 0.0:
        return _standing_row(leg, shape)
    return _moving_row(leg, shape.pattern(speed, lateral, turn))


def _standing_row(leg: LegGeometry, shape: GaitShape) -> Row:
    """The standing pose, the same at every phase."""
    body, one = leg.body, np.ones(PHASES)
    leg.place(body.standing_qpos)
    return {
        "joint": np.tile(leg.joint_vector(), (PHASES, 1)),
        "root_height": one * body.standing_qpos[2],
        "root_sway": 0.0 * one,
        "contact": np.ones((PHASES, len(body.entry.contact_regions))),
        "cycle_rate": np.array(shape.standing_rate),
    }


def _moving_row(leg: LegGeometry, pattern: Pattern) -> Row:
    phase = np.arange(PHASES) / PHASES
    middle = _best_middle(leg, pattern, phase)
    feet = _feet(leg, pattern, middle)
    sway, height = pelvis.sway(pattern, phase), pelvis.height(leg, pattern, feet, phase)
    return {
        "joint": _solve(leg, pattern, feet, np.stack([0.0 * phase, sway, height], axis=1)),
        "root_height": height,
        "root_sway": sway,
        "contact": _contacts(leg.body, pattern, phase),
        "cycle_rate": np.array(1.0 / pattern.cycle_s),
    }


def _feet(leg: LegGeometry, pattern: Pattern, middle: float) -> tuple[FootPath, FootPath]:
    """Right foot, left foot."""
    right, left = (FootPath(leg=leg, pattern=pattern, side=side, middle=middle) for side in (-1.0, 1.0))
    return right, left


def _best_middle(leg: LegGeometry, pattern: Pattern, phase: Array) -> float:
    """Phase at which hip and ankle are in line, such that the body walks as upright as its legs allow."""
    if pattern.running or pattern.speed == 0.0:
        return 0.5 * pattern.share
    candidates = np.linspace(0.18, 0.36, 19)
    return float(max(candidates, key=lambda m: pelvis.height(leg, pattern, _feet(leg, pattern, m), phase).mean()))


def _contacts(body: Body, pattern: Pattern, phase: Array) -> Array:
    """Loaded regions, in the body's order: right heel, right toes, left heel, left toes; shape (P, 4)."""
    contact = np.zeros((PHASES, len(body.entry.contact_regions)))
    for column, shift in ((0, 0.0), (2, 0.5)):
        p = (phase - shift) % 1.0
        contact[:, column] = p < pattern.heel_off + 0.05
        contact[:, column + 1] = (p > 0.16 * pattern.heel_off) & (p < pattern.share)
    return contact


def _solve(leg: LegGeometry, pattern: Pattern, feet: tuple[FootPath, FootPath], root: Array) -> Array:
    """Joint angles (P, n_joints) over one cycle, the feet kept out of the floor."""
    body, phase = leg.body, np.arange(PHASES) / PHASES
    joint, qpos = np.zeros((PHASES, len(body.joint_ids))), body.standing_qpos.copy()
    lift = np.zeros((2, PHASES))  # of each ankle after heel-off, learned from how deep the foot would sink
    for _ in range(LAPS):
        clear = np.zeros((2, PHASES))
        for k in range(PHASES):
            targets = {}
            for i, (name, path, shift) in enumerate(zip("rl", feet, (0.0, 0.5), strict=True)):
                p = (phase[k] - shift) % 1.0
                place = path.ankle(p)
                place[2] += lift[i, round(p * PHASES) % PHASES]
                targets[name] = (place[:3], path.pitch(p), float(place[3]), path.toe_extension(p))
            qpos = leg.solve(root[k], targets, qpos)
            joint[k] = leg.joint_vector()
            clear[:, k] = leg.foot_clearance("r"), leg.foot_clearance("l")
        lift[0] += _lift(pattern, phase, clear[0])
        lift[1] += _lift(pattern, phase, np.roll(clear[1], PHASES // 2))
    return joint


def _lift(pattern: Pattern, phase: Array, clearance: Array) -> Array:
    """How much higher the ankle must go after heel-off to keep the foot out of the floor; smooth; (P,) [m]."""
    t = np.clip((phase - pattern.share) / (1.0 - pattern.share), 0.0, 1.0)
    wanted = TOE_CLEARANCE * np.sin(np.pi * t)  # zero in push-off, where the toe tip takes over from the ball
    missing = np.where(phase > pattern.heel_off, np.maximum(wanted - clearance, 0.0), 0.0)
    kernel = np.exp(-0.5 * (np.arange(-4, 5) / 1.5) ** 2)
    smooth = np.convolve(np.pad(missing, 4, mode="wrap"), kernel / kernel.sum(), "valid")
    return smooth * smooth_step((phase - pattern.heel_off) / 0.1) * smooth_step((1.0 - phase) / 0.1)


def _mirrored(body: Body, row: Row) -> Row:
    """The same gait seen in a mirror; half a cycle later, so that phase 0 is right foot strike again."""
    m = body.mirror
    later = np.roll(np.arange(PHASES), -PHASES // 2)
    return {
        "joint": (m.joint_sign * row["joint"][:, m.joints])[later],
        "root_height": row["root_height"][later],
        "root_sway": -row["root_sway"][later],
        "contact": row["contact"][:, m.contacts][later],
        "cycle_rate": row["cycle_rate"],
    }


def _reversed(row: Row, share: float) -> Row:
    """The same gait in reversed time; the right foot's lift-off becomes its strike at phase 0."""
    at = (round(share * PHASES) - np.arange(PHASES)) % PHASES
    return {key: value if key == "cycle_rate" else value[at] for key, value in row.items()}
