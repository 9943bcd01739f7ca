"""Reference check and feed-forward of clips: can a body walk this at all, and with which muscles.

The muscle program (feedforward.py) runs over every `STRIDE_S` of a clip. It says which activations move the body along, and
how much force on the root is missing: what no muscle and no contact can give. Besides, it is looked at how high the feet
stand over the floor where they should bear load, and how fast they slip there. Results are kept on disk.
"""

import hashlib
import logging
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kinesis_control.motion.clip import MIRRORED, MotionClip
from kinesis_control.motion.frames import FIELDS
from kinesis_control.motion.rotations import conjugate, multiply
from kinesis_sim.bodies import Body
from kinesis_train.clips import ticks_of
from kinesis_train.feedforward import SPAWN, MuscleProgram, Weights, cache_folder, derivatives, program_of
from kinesis_train.timing_prior import stride_phase, timing_prior

log = logging.getLogger(__name__)
Array = NDArray[np.float64]
STRIDE_S = 0.05
LOADED = 0.5


@dataclass(frozen=True, kw_only=True)
class CheckLimits:
    """What a clip may need and still be trained on.

    Attributes:
        residual: mean missing root force, in body weights; the gait generator's walks need 0.06 to 0.11, its runs 0.35.
        height_m: mean height of a foot that should bear load [m]: 0.037 m could not be tracked.
        slip_m_s: mean speed of a foot that should bear load [m/s].
    """

    residual: float = 0.7
    height_m: float = 0.03
    slip_m_s: float = 0.5


@dataclass(frozen=True, kw_only=True)
class ClipCheck:
    """What was found of a clip.

    Attributes:
        name: of the clip.
        duration_s: [s].
        content: what it shows.
        residual: mean missing root force, in body weights.
        height_m: mean height of loaded feet [m]; 0 where none ever is.
        slip_m_s: mean speed of loaded feet [m/s].
        complaint: why it is not to be trained on; empty where it can be.
    """

    name: str
    duration_s: float
    content: str
    residual: float
    height_m: float
    slip_m_s: float
    complaint: str


def clip_poses(body: Body, clip: MotionClip) -> Array:
    """Every frame of a clip as qpos, couplings filled in; shape (F, nq)."""
    qpos = np.tile(body.standing_qpos, (clip.frames, 1))
    qpos[:, :3] = clip.root_position
    qpos[:, 3:7] = multiply(clip.root_quaternion, conjugate(body.base_yaw_quaternion))
    qpos[:, body.joint_qpos_adr] = clip.joint_position
    body.coupling.fill(qpos)
    return qpos


def clip_prior(body: Body, clip: MotionClip, picks: NDArray[np.intp], timing: float) -> Array:
    """Prior activations at frames of a clip, shape (N, n_muscles); nothing where it does not walk forward."""
    times, speed = picks / clip.rate_hz, clip.root_linear_velocity[picks, 0]
    own = {s: stride_phase(times, [e.time_s for e in clip.gait_events if e.kind == "heel_strike" and e.side == s]) for s in ("r", "l")}
    level = 0.0 if clip.descriptors.get("content") == "run" else timing
    return timing_prior(body.description.muscles.names, own["r"], own["l"], speed, level)


def solve_clip(program: MuscleProgram, clip: MotionClip, timing: float = 0.0) -> tuple[Array, Array]:
    """Activations (N, n_muscles) every STRIDE_S, and of each: missing root force [N], height [m] and slip [m/s] of loaded feet (NaN: none)."""
    body, rate = program.body, clip.rate_hz
    qpos = clip_poses(body, clip)
    qvel, acceleration = derivatives(body, qpos, 1.0 / rate)
    picks = np.unique(np.round(np.arange(0.0, clip.duration_s + 1e-9, STRIDE_S) * rate).astype(int))
    picks = np.clip(picks, min(2, clip.frames - 1), max(clip.frames - 3, 0))  # the ends have no velocities
    activation, found = np.zeros((len(picks), body.model.nu)), np.zeros((len(picks), 3))
    prior = clip_prior(body, clip, picks, timing)
    for k, i in enumerate(picks):
        activation[k], residual = program.solve(qpos[i], qvel[i], acceleration[i], clip.contact[i], prior[k])
        height, slip = program.planted(qvel[i], clip.contact[i] > LOADED)
        found[k] = np.linalg.norm(residual[:3]), height, slip
    return activation, found


def check_clips(
    body: Body, clips: Sequence[MotionClip], *, window_s: float, limits: CheckLimits, dt: float, timing: float = 0.0
) -> tuple[list[ClipCheck], list[Array]]:
    """Check clips, and give each its feed-forward activations, one row a tick: shape (ticks + 1, n_muscles).

    `timing` is the level of the prior of usual muscle timing.
    A clip that is too short to check has none: shape (0, n_muscles). A mirrored copy of another clip takes the mirror image of that one's.
    """
    known = {c.name: c for c in clips}
    solved = {n: c for n, c in known.items() if not (c.mirrored and n.removesuffix(MIRRORED) in known)}
    fit = {n: c for n, c in solved.items() if c.duration_s + 1e-9 >= window_s}
    results = _solve_all(body, list(fit.values()), timing)
    weight, checks, activations = body.description.mass * 9.81, [], []
    for clip in clips:
        name = clip.name if clip.name in solved else clip.name.removesuffix(MIRRORED)
        activation, found = results.get(name, (np.zeros((0, body.model.nu)), np.full((1, 3), np.nan)))
        if name != clip.name:
            activation = activation[:, body.mirror.muscles]
        checks.append(_judge(clip, found, weight, limits, window_s))
        activations.append(_each_tick(activation, clip, dt))
    return checks, activations


def _judge(clip: MotionClip, found: Array, weight: float, limits: CheckLimits, window_s: float) -> ClipCheck:
    loaded = np.isfinite(found[:, 1])
    height, slip = (float(found[loaded, k].mean()) if loaded.any() else 0.0 for k in (1, 2))
    residual = float(found[:, 0].mean()) / weight
    complaints = [f"shorter than the {window_s:g} s that a window looks ahead"] if clip.duration_s + 1e-9 < window_s else []
    complaints += [f"needs {residual:.2f} body weights of help"] if residual > limits.residual else []
    complaints += [f"loaded feet stand {1e3 * height:.0f} mm high"] if height > limits.height_m else []
    complaints += [f"loaded feet slip at {slip:.2f} m/s"] if slip > limits.slip_m_s else []
    return ClipCheck(
        name=clip.name, duration_s=clip.duration_s, content=str(clip.descriptors.get("content", "other")),
        residual=residual, height_m=height, slip_m_s=slip, complaint="; ".join(complaints),
    )  # fmt: skip


def _each_tick(activation: Array, clip: MotionClip, dt: float) -> Array:
    """From one row every STRIDE_S to one every dt."""
    if not len(activation):
        return activation
    ticks = np.arange(ticks_of(clip, dt) + 1) * dt / STRIDE_S
    low = np.minimum(ticks.astype(int), len(activation) - 1)
    share = (ticks - low)[:, None]
    return activation[low] * (1.0 - share) + activation[np.minimum(low + 1, len(activation) - 1)] * share


def _solve_all(body: Body, clips: Sequence[MotionClip], timing: float) -> dict[str, tuple[Array, Array]]:
    """Results of `solve_clip` by name, from the disk or made on two processes."""
    folder = cache_folder() / f"clips-{body.description.name}"
    paths = {c.name: folder / f"{_key(body, c, timing)}.npz" for c in clips}
    results = {c.name: kept for c in clips if (kept := _read(paths[c.name])) is not None}
    todo = [c for c in clips if c.name not in results]
    if todo:
        folder.mkdir(parents=True, exist_ok=True)
        log.info("feed-forward of %d clips is made, %.0f s of motion", len(todo), sum(c.duration_s for c in todo))
        with ProcessPoolExecutor(2, mp_context=SPAWN) as pool:
            for clip, result in zip(todo, pool.map(_solve_one, [body.description.name] * len(todo), todo, [timing] * len(todo)), strict=True):
                results[clip.name] = result
                _write(paths[clip.name], result)
    return results


def _key(body: Body, clip: MotionClip, timing: float) -> str:
    digest = hashlib.sha256(body.description.model_hash.encode() + repr((Weights.towards(timing), STRIDE_S, clip.rate_hz)).encode())
    if timing:
        digest.update(repr((timing, clip.gait_events)).encode())
    for name in FIELDS:
        digest.update(np.ascontiguousarray(getattr(clip, name)).tobytes())
    return digest.hexdigest()[:24]


def _read(path: Path) -> tuple[Array, Array] | None:
    if not path.is_file():
        return None
    try:
        with np.load(path) as file:
            return file["activation"].astype(float), file["found"]
    except (OSError, ValueError, KeyError) as error:
        log.warning("%s is damaged (%s) and is made anew", path.name, error)
        return None


def _write(path: Path, result: tuple[Array, Array]) -> None:
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        np.savez(file, activation=result[0].astype(np.float32), found=result[1])
    temporary.replace(path)


def _solve_one(body: str, clip: MotionClip, timing: float) -> tuple[Array, Array]:
    activation, found = solve_clip(program_of(body, timing), clip, timing)
    return activation.astype(np.float32).astype(float), found  # as it will be read the next time, so that runs repeat to the bit
