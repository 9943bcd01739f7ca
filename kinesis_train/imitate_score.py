"""How well a policy follows clips: the fixed metrics of kinesis_control/evaluate/imitation.py, on a whole batch at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from kinesis_control.evaluate.imitation import ANY_LIMIT_M, MEAN_LIMIT_M
from kinesis_control.motion.clip import MIRRORED
from kinesis_train.clip_reference import ClipReference
from kinesis_train.clips import ClipBank
from kinesis_train.env import TrackingEnv
from kinesis_train.networks import MusclePolicy

CONTENTS = ("walk", "turn", "backward", "sidestep", "transition", "run", "other")
CLIP_FIGURES = (
    "success05", "success015", "coverage", "mpjpe_root_mm",
    *(f"{content}_{figure}" for content in CONTENTS for figure in ("success05", "success015", "coverage")),
)  # fmt: skip
"""Figures of `figures_of`."""


@dataclass(frozen=True, kw_only=True)
class ClipResult:
    """What came of one clip; the names are those of ClipScore.

    Attributes:
        clip, content: its name, and what it shows.
        success05, success015: followed to the end within 0.5 m on average, and within 0.15 m with every key body.
        coverage: share of its ticks before the failure or fall.
        mpjpe_world_mm, mpjpe_root_mm: mean key-body error up to there, in the world and relative to the root; NaN where it failed at once.
    """

    clip: str
    content: str
    success05: bool
    success015: bool
    coverage: float
    mpjpe_world_mm: float
    mpjpe_root_mm: float


@torch.no_grad()
def score_clips(policy: MusclePolicy, env: TrackingEnv) -> list[ClipResult]:
    """Run every clip of a `scoring_env` to its end with the mean of the policy."""
    reference = env.reference
    assert isinstance(reference, ClipReference)
    bank, n = reference.bank, env.config.envs
    env.rng = reference.rng = np.random.default_rng(0)  # the same headings whenever it is run
    env.reset(np.arange(n))
    alive, strict = np.ones(n, dtype=bool), np.ones(n, dtype=bool)
    lasted, world, relative = np.zeros(n, dtype=int), np.zeros(n), np.zeros(n)
    for tick in range(int(bank.ticks.max())):
        _, failed, _ = env.step(policy(torch.from_numpy(env.observation)).numpy().astype(np.float64))
        running = tick < bank.ticks
        error, target = env.key_distance, reference.target().position
        reached = env.physics.key_position
        alive &= ~(running & (failed | ~(error.mean(axis=1) <= MEAN_LIMIT_M)))
        strict &= ~(running & (error.max(axis=1) > ANY_LIMIT_M))
        counted = running & alive
        lasted += counted
        world += np.where(counted, error.mean(axis=1), 0.0)
        apart = np.linalg.norm((reached - reached[:, :1]) - (target - target[:, :1]), axis=2).mean(axis=1)
        relative += np.where(counted, apart, 0.0)
        if not (alive & (tick + 1 < bank.ticks)).any():
            break
    # Bodies that broke or fell are left where they are: nothing of them is counted any more.
    with np.errstate(invalid="ignore"):
        world, relative = 1e3 * world / lasted, 1e3 * relative / lasted
    return [
        ClipResult(
            clip=bank.names[i], content=bank.content[i], success05=bool(alive[i]), success015=bool(alive[i] and strict[i]),
            coverage=float(lasted[i] / bank.ticks[i]), mpjpe_world_mm=float(world[i]), mpjpe_root_mm=float(relative[i]),
        )
        for i in range(n)
    ]  # fmt: skip


def figures_of(results: Sequence[ClipResult]) -> dict[str, float]:
    """Means over clips for the log: over all, and of each content."""
    row = {
        "success05": _mean([r.success05 for r in results]), "success015": _mean([r.success015 for r in results]),
        "coverage": _mean([r.coverage for r in results]), "mpjpe_root_mm": _mean([r.mpjpe_root_mm for r in results]),
    }  # fmt: skip
    for content in CONTENTS:
        own = [r for r in results if r.content == content or (content == "other" and r.content not in CONTENTS)]
        if own:
            row |= {f"{content}_success05": _mean([r.success05 for r in own]), f"{content}_success015": _mean([r.success015 for r in own])}
            row[f"{content}_coverage"] = _mean([r.coverage for r in own])
    return row


def _mean(values: Sequence[float]) -> float:
    known = [v for v in values if np.isfinite(v)]
    return float(np.mean(known)) if known else float("nan")


def sample_of(bank: ClipBank, count: int) -> list[int]:
    """A fixed sample of clips: no mirror images while there are others, and all contents in proportion."""
    own = [i for i, name in enumerate(bank.names) if not name.endswith(MIRRORED)] or list(range(len(bank)))
    ordered = sorted(own, key=lambda i: (bank.content[i], bank.names[i]))
    picks = np.unique(np.round(np.linspace(0, len(ordered) - 1, min(count, len(ordered)))).astype(int))
    return [ordered[i] for i in picks]
