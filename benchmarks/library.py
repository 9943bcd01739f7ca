"""A window of future frames from a motion library: memory-mapped file to filled window."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.measure import Result, one_core, percentile
from kinesis_control.body_state import BodyDescription
from kinesis_control.motion.clip import MotionClip
from kinesis_control.motion.library import Library
from kinesis_control.motion.library_writer import LibraryWriter
from kinesis_control.reference import ReferenceWindow
from kinesis_sim.bodies import load_body

BODIES = ("legs80", "legs_back290")
OFFSETS_S = np.array([0.025, 0.1, 0.2, 0.4, 0.6])
CLIPS, FRAMES, RATE_HZ, WINDOWS = 20, 1500, 50.0, 2000


def run(repeats: int = 5) -> Iterator[Result]:
    """p50 and p99 for five frames at random times of random clips, at 80 and 290 muscles."""
    for name in BODIES:
        body = load_body(name).description
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "made-up.h5"
            with LibraryWriter(path, body, created_with="bench") as writer:
                for number in range(CLIPS):
                    writer.add(made_up_clip(body, f"clip-{number}", number))
            library = Library.open(path, body)
            with one_core():
                blocks = [window_times_us(library, body, seed) for seed in range(repeats)]
        for share, label in ((0.5, "p50"), (0.99, "p99")):
            values = tuple(percentile(block, share) for block in blocks)
            target = "(aim: p50 < 50)" if label == "p50" else ""
            yield Result(name=f"library window, 5 frames, {len(body.muscles)} muscles, {label}", unit="us", target=target, values=values)


def window_times_us(library: Library, body: BodyDescription, seed: int) -> list[float]:
    """Duration of each of WINDOWS calls [microseconds]; every page of the file has been touched before."""
    out = ReferenceWindow.zeros(body, OFFSETS_S, key_bodies=len(body.key_body_names))
    rng = np.random.default_rng(seed)
    names = [library.names[i] for i in rng.integers(len(library), size=WINDOWS)]
    starts = rng.uniform(0.0, (FRAMES - 1) / RATE_HZ, size=WINDOWS).tolist()
    for name in library.names:
        library.clip(name)
    times = []
    for name, start in zip(names, starts, strict=True):
        begin = time.perf_counter_ns()
        library.window(name, start, out)
        times.append(1e-3 * (time.perf_counter_ns() - begin))
    return times


def made_up_clip(body: BodyDescription, name: str, seed: int) -> MotionClip:
    """A clip of noise, of the size of a real one: what is in it does not matter for the time."""
    rng = np.random.default_rng(seed)
    joints, bodies, contacts = len(body.joint_names), len(body.key_body_names), len(body.contact_names)
    quaternion = rng.normal(size=(FRAMES, 4))
    return MotionClip(
        name=name,
        rate_hz=RATE_HZ,
        root_position=rng.normal(size=(FRAMES, 3)),
        root_quaternion=quaternion / np.linalg.norm(quaternion, axis=1, keepdims=True),
        root_linear_velocity=rng.normal(size=(FRAMES, 3)),
        root_angular_velocity=rng.normal(size=(FRAMES, 3)),
        joint_position=rng.normal(size=(FRAMES, joints)),
        joint_velocity=rng.normal(size=(FRAMES, joints)),
        key_body_position=rng.normal(size=(FRAMES, bodies, 3)),
        contact=np.round(rng.random((FRAMES, contacts))),
    )
