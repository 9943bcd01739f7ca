"""How motion matching over a library follows commands: a body that is where the reference is, no physics, no policy.

python -m benchmarks.matching --library LIB.h5 [--generator]

With --generator the procedural gait makes everything, for comparison.
"""

import argparse
import math
import sys
import time
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyState
from kinesis_control.motion.clip import MotionClip
from kinesis_control.motion.clip_path import smooth
from kinesis_control.motion.command import Abilities, MotionCommand
from kinesis_control.motion.generator import heading
from kinesis_control.motion.library import Library
from kinesis_control.motion.sources import ReferenceSources
from kinesis_sim.bodies import Body, load_body
from kinesis_sim.kinematics import KeyBodyKinematics

Array = NDArray[np.float64]
Velocity = tuple[float, float, float]

DT, OFFSETS_S = 0.025, np.array([0.025, 0.1, 0.3, 0.6])
STAND_S, SETTLE_S, STEADY_S, STOP_S = 0.5, 4.0, 6.0, 3.0
"""Standing, then the command: left alone so long, then measured so long; then standing."""

CHANGE_S = 3.0
"""Longest time a change of the command may take to show."""

GRID: tuple[Velocity, ...] = (
    (0.3, 0.0, 0.0), (0.6, 0.0, 0.0), (0.9, 0.0, 0.0), (1.2, 0.0, 0.0), (1.5, 0.0, 0.0), (1.8, 0.0, 0.0), (2.5, 0.0, 0.0),
    (0.6, 0.0, 0.3), (0.6, 0.0, -0.6), (0.9, 0.0, 0.4), (0.9, 0.0, -0.4), (0.9, 0.0, 0.6), (0.9, 0.0, -0.6), (0.6, 0.0, 1.5),
    (1.2, 0.0, 0.4), (1.2, 0.0, -0.6), (1.5, 0.0, 0.3), (-0.6, 0.0, 0.0), (-0.8, 0.0, 0.0),
    (0.0, 0.2, 0.0), (0.0, -0.3, 0.0), (0.0, 0.0, 0.6), (0.0, 0.0, -0.6),
)  # fmt: skip
CHANGES: tuple[tuple[Velocity, Velocity], ...] = (
    ((0.8, 0.0, 0.0), (1.2, 0.0, 0.0)), ((1.2, 0.0, 0.0), (0.8, 0.0, 0.0)), ((0.9, 0.0, 0.0), (0.9, 0.0, 0.5)),
    ((0.9, 0.0, 0.5), (0.9, 0.0, -0.5)), ((1.2, 0.0, 0.0), (0.0, 0.0, 0.0)),
)  # fmt: skip


@dataclass(kw_only=True)
class Trace:
    """What the reference did, one row a tick.

    Attributes:
        position, yaw: of the root; shape (T, 3), (T,).
        joint_position, joint_velocity, contact: of the first frame of the window.
        quaternion: shape (T, 4).
        matched: whether the matcher made it, shape (T,).
        seconds: an update took, shape (T,).
    """

    position: Array
    quaternion: Array
    joint_position: Array
    joint_velocity: Array
    contact: Array
    matched: NDArray[np.bool_]
    seconds: Array

    @property
    def yaw(self) -> Array:
        """Heading [rad], without jumps."""
        return np.unwrap(heading(self.quaternion))

    def velocity(self, part: slice) -> Array:
        """Mean forward and sideways [m/s] in the frame of the mean heading, and turn [rad/s]; shape (3,)."""
        path, yaw = self.position[part, :2], self.yaw
        middle = smooth(yaw, 0.3 / DT)[part]
        step, angle = np.diff(path, axis=0), 0.5 * (middle[1:] + middle[:-1])
        ahead = step[:, 0] * np.cos(angle) + step[:, 1] * np.sin(angle)
        aside = step[:, 1] * np.cos(angle) - step[:, 0] * np.sin(angle)
        return np.array([ahead.mean(), aside.mean(), (middle[-1] - middle[0]) / (len(middle) - 1)]) / DT

    def smoothed(self) -> Array:
        """Forward speed and turn rate without the sway of the steps, shape (T, 2)."""
        yaw = smooth(self.yaw, 0.2 / DT)
        path = np.gradient(smooth(self.position[:, :2], 0.2 / DT), axis=0) / DT
        return np.stack([path[:, 0] * np.cos(yaw) + path[:, 1] * np.sin(yaw), np.gradient(yaw) / DT], axis=1)


def run(body: Body, clips: list[MotionClip] | None, parts: list[tuple[Velocity, float]]) -> tuple[Trace, Abilities | None]:
    """Give commands for some seconds each to a body that is always where the reference was to be."""
    state = BodyState.zeros(body.description)
    state.root_position[2], state.root_quaternion[0] = body.description.standing_height, 1.0
    sources = ReferenceSources(body.description, OFFSETS_S, clips)
    sources.reset(state)
    rows: dict[str, list[Array]] = {name: [] for name in ("root_position", "root_quaternion", "joint_position", "joint_velocity", "contact")}
    matched: list[bool] = []
    seconds: list[float] = []
    for (speed, lateral, turn), length in parts:
        command = MotionCommand(speed=np.array(speed), lateral=np.array(lateral), yaw_rate=np.array(turn))
        for _ in range(round(length / DT)):
            begin = time.perf_counter()
            window = sources.update(state, command, None, len(matched) * DT, DT if matched else 0.0)
            seconds.append(time.perf_counter() - begin)
            for name, values in rows.items():
                values.append(getattr(window, name)[0].copy())
                if name != "contact":
                    getattr(state, name)[:] = values[-1]
            matched.append(sources.maker == "matching")
    kept = {name.replace("root_", ""): np.array(values) for name, values in rows.items()}
    return Trace(**kept, matched=np.array(matched), seconds=np.array(seconds)), sources.abilities


def skate(body: Body, trace: Trace, part: slice) -> tuple[float, float]:
    """Horizontal speed of the loaded points of the feet: mean and 95th percentile [mm/s]."""
    names = body.description.key_body_names
    places = KeyBodyKinematics(body)(trace.position[part], trace.quaternion[part], trace.joint_position[part])
    speeds = []
    for i, contact in enumerate(body.description.contact_names):
        foot = ("toes_" if contact.endswith("toes") else "talus_") + contact[0]
        at = places[:, names.index(foot), :2]
        loaded = np.minimum(trace.contact[part][1:, i], trace.contact[part][:-1, i]) > 0.9
        speeds.append(np.linalg.norm(np.diff(at, axis=0), axis=1)[loaded] / DT)
    values = 1000.0 * np.concatenate(speeds)
    return (float(values.mean()), float(np.percentile(values, 95))) if len(values) else (math.nan, math.nan)


def print_grid(body: Body, clips: list[MotionClip] | None) -> None:
    """Steady commands: what was asked for and what came.

    "joints": greatest joint velocity from the start to the stop; "step": greatest difference of a joint's change in a tick from
    its velocities [rad/s]; "root": greatest change of the root's velocity from tick to tick [m/s]; "skate": mean and 95th
    percentile; "stop": speed at the end; "us": median time of an update.
    """
    say(f"{'asked: m/s, m/s, rad/s':<24}{'came':<24}{'matched':>8}{'joints rad/s':>14}{'step':>8}{'root':>7}{'skate mm/s':>16}{'stop m/s':>10}{'us':>7}")
    for asked in GRID:
        still = (0.0, 0.0, 0.0)
        trace, _ = run(body, clips, [(still, STAND_S), (asked, SETTLE_S + STEADY_S), (still, STOP_S)])
        part = slice(round((STAND_S + SETTLE_S) / DT), round((STAND_S + SETTLE_S + STEADY_S) / DT))
        came, (mean, high) = trace.velocity(part), skate(body, trace, part)
        peak = np.abs(trace.joint_velocity).max()
        step = np.abs(np.diff(trace.joint_position, axis=0) / DT - 0.5 * (trace.joint_velocity[1:] + trace.joint_velocity[:-1])).max()
        root = np.linalg.norm(np.diff(trace.position, n=2, axis=0), axis=1).max() / DT
        rest = np.linalg.norm(trace.position[-1, :2] - trace.position[-21, :2]) / (20 * DT)
        say(
            f"{asked[0]:>6.2f} {asked[1]:>6.2f} {asked[2]:>6.2f}    {came[0]:>6.2f} {came[1]:>6.2f} {came[2]:>6.2f}    {trace.matched[part].mean():>7.0%}"
            f"{peak:>14.1f}{step:>8.2f}{root:>7.2f}{mean:>9.0f} /{high:>5.0f}{rest:>10.3f}{1e6 * np.median(trace.seconds[part]):>7.0f}"
        )


def half_cycle(body: Body, trace: Trace, part: slice) -> float:
    """Median of half the time between strikes of the same heel [s]."""
    heels = [i for i, name in enumerate(body.description.contact_names) if name.endswith("heel")]
    strikes = [np.flatnonzero(np.diff((trace.contact[part, i] > 0.5).astype(int)) > 0) for i in heels]
    cycles = np.concatenate([np.diff(own) for own in strikes])
    return 0.5 * DT * float(np.median(cycles)) if len(cycles) else math.nan


def print_changes(body: Body, clips: list[MotionClip] | None) -> None:
    """Changes of the command: when a quarter, a half and nine tenths of the change were made; and half a gait cycle before it."""
    say(f"\n{'from':<24}{'to':<24}{'25 %':>8}{'50 %':>8}{'90 %':>8}{'half a cycle':>14}   [s]")
    for before, after in CHANGES:
        trace, _ = run(body, clips, [((0.0, 0.0, 0.0), STAND_S), (before, SETTLE_S), (after, SETTLE_S)])
        which = 1 if before[2] != after[2] else 0
        start, values = round((STAND_S + SETTLE_S) / DT), trace.smoothed()[:, which]
        old, new = (v[2] if which else v[0] for v in (before, after))
        made = (values[start : start + round(CHANGE_S / DT)] - old) / (new - old)
        times = [next((k * DT for k, share in enumerate(made) if share >= part), math.nan) for part in (0.25, 0.5, 0.9)]
        half = half_cycle(body, trace, slice(round((STAND_S + 1.0) / DT), start))
        say(f"{before!s:<24}{after!s:<24}" + "".join(f"{t:>8.2f}" for t in times) + f"{half:>14.2f}")


def say(text: str) -> None:
    """One line of the output."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--clips", default="*", metavar="PATTERN", help="only clips whose names match, for example 'Male1*'")
    parser.add_argument("--generator", action="store_true", help="no matching: the procedural gait makes everything")
    args = parser.parse_args()
    body = load_body(Library.open(args.library).header.body)
    library = Library.open(args.library, body.description)
    clips = [library.clip(name) for name in library.names if fnmatch(name, args.clips)]
    begin = time.perf_counter()
    abilities = ReferenceSources(body.description, OFFSETS_S, clips).abilities
    say(f"{len(clips)} clips, {sum(c.duration_s for c in clips):.0f} s, taken up in {time.perf_counter() - begin:.1f} s; {abilities}\n")
    matched = None if args.generator else clips
    print_grid(body, matched)
    print_changes(body, matched)


if __name__ == "__main__":
    main()
