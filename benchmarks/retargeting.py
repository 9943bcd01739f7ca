"""How well, and how fast, recordings are laid onto the bodies: the table of docs/motions.md.

python -m benchmarks.retargeting RECORDINGS/ [--bodies legs80,fullbody416] [--most 4] [--jobs 2]

RECORDINGS holds the folders accad, cmu_walk, cmu_run, cmu_kick and bandai, or some of them. Skeletons are calibrated on all of
their recordings, also where only `--most` of each group are laid onto a body. Speed is counted in processor time, reading
included, so that what else the machine does makes no difference.
"""

import argparse
import multiprocessing
import os
import re
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from kinesis_control.motion.readers import find_motions, read_motion
from kinesis_sim.bodies import load_body
from kinesis_sim.retarget import Retargeter, SkeletonCalibration, gather
from kinesis_sim.retarget.calibration import Samples

GROUPS = (
    ("ACCAD: walks, backwards, turns, starts", r"accad/.*_B(1|3|4|6|8|9|10|13|14|16)_"),
    ("CMU: walks of 10 people", r"cmu_walk/"),
    ("Bandai Namco: walks, backwards, sideways, turns", r"bandai/.*walk"),
    ("ACCAD: runs and their turns", r"accad/.*_C\d+_(?!.*(Crouch|Box)).*Run"),
    ("Bandai Namco: runs and dashes", r"bandai/.*(run|dash)_"),
    ("CMU: run", r"cmu_run/"),
    ("CMU: kick", r"cmu_kick/"),
    ("ACCAD: skips, hops, crouches, boxes, side steps", r"accad/"),
)
"""Name, and the pattern of folder and file; a recording is of the first group that fits."""

FIGURES = (("key_body_error_mm", 1.0), ("key_body_error_within_mm", 1.0), ("foot_skate_mm_s", 1.0), ("penetration_mm", 1.0), ("tendon_jumps", 100.0),
           ("limit_hits", 100.0), ("beyond_limits", 100.0))  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Made:
    """One recording on one body: its figures, its frames, and the processor time it took [s]."""

    figures: dict[str, float]
    frames: int
    seconds: float


@cache
def _retargeter(body: str) -> Retargeter:
    return Retargeter.of(load_body(body))


def _sample(path: Path) -> Samples:
    return gather(read_motion(path))


def _make(body: str, path: Path, calibration: SkeletonCalibration) -> Made:
    retargeter = _retargeter(body)
    begin = time.process_time()
    clip = retargeter.retarget(read_motion(path), calibration)
    return Made(figures=dict(clip.report), frames=clip.frames, seconds=time.process_time() - begin)


def group_of(path: Path) -> int | None:
    """Index of the group of a recording."""
    name = f"{path.parent.name}/{path.stem}" if not re.fullmatch(r"\d+", path.parent.name) else f"{path.parent.parent.name}/{path.stem}"
    return next((i for i, (_, pattern) in enumerate(GROUPS) if re.match(pattern, name)), None)


def spread(paths: Sequence[Path], most: int) -> list[Path]:
    """At most so many, evenly from a sorted list."""
    if len(paths) <= most:
        return list(paths)
    return [paths[i] for i in np.linspace(0, len(paths) - 1, most).round().astype(int)]


def measure(pool: ProcessPoolExecutor, body: str, groups: dict[int, list[Path]], samples: dict[Path, Samples]) -> None:
    """One table."""
    skeletons: dict[str, list[Samples]] = {}
    for sample in samples.values():
        skeletons.setdefault(sample.skeleton, []).append(sample)
    calibrations = {key: _retargeter(body).calibrate(own) for key, own in skeletons.items()}
    jobs = [(i, path) for i, paths in sorted(groups.items()) for path in paths]
    made = list(pool.map(_make, [body] * len(jobs), [p for _, p in jobs], [calibrations[samples[p].skeleton] for _, p in jobs]))
    frames, seconds = sum(m.frames for m in made), sum(m.seconds for m in made)
    say(f"\n{body}: {len(made)} recordings, {frames} frames, {frames / seconds:.0f} frames a second of processor time\n")
    say("| recordings | clips | key bodies off [mm] | of them within the joints' reach | foot skate [mm/s] | deepest in the floor [mm] "
        "| tendon jumps [%] | joints at a limit [%] | frames beyond the joints' reach [%] |")  # fmt: skip
    say("|---" * 9 + "|")
    for i in sorted(groups):
        own = [m.figures for m, (group, _) in zip(made, jobs, strict=True) if group == i]
        cells = [f"{factor * np.mean([f[key] for f in own]):.1f} ({factor * max(f[key] for f in own):.1f})" for key, factor in FIGURES]
        say(f"| {GROUPS[i][0]} | {len(own)} | " + " | ".join(cells) + " |")


def say(text: str) -> None:
    """One line of the output."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bodies", default="legs80", help="names with commas between them (default: %(default)s)")
    parser.add_argument("--most", type=int, default=1000, metavar="N", help="recordings of each group (default: all)")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="processes (default: %(default)s)")
    args = parser.parse_args()
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    found: dict[int, list[Path]] = {}
    for path in find_motions(args.folder):
        group = group_of(path)
        if group is not None:
            found.setdefault(group, []).append(path)
    # Fresh processes: this one's numpy has made up its mind on threads, which would only get in each other's way.
    with ProcessPoolExecutor(args.jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        paths = [path for own in found.values() for path in own]
        samples = dict(zip(paths, pool.map(_sample, paths), strict=True))
        for body in args.bodies.split(","):
            measure(pool, body, {i: spread(own, args.most) for i, own in found.items()}, samples)


if __name__ == "__main__":
    main()
