"""What `kinesis evaluate` needs for a long recording: time against the recorded time, and memory.

    python -m benchmarks.recording --gigabytes 10 --folder /tmp

Writes a made-up walk of the given size as `kinesis record` would, evaluates it in a process of its own, prints what that took, and
removes the recording. `--keep` leaves it there; `--bag PATH` evaluates one that is there already.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from kinesis_control.body_state import BodyDescription, BodyState
from kinesis_control.reference import ReferenceWindow
from kinesis_sim.benchmark.bag import CaseBag
from kinesis_sim.benchmark.suites import Case
from kinesis_sim.bodies import load_body

RATE_HZ, STRIDE_S, SPEED = 40.0, 1.1, 1.0
"""Control rate, duration of a gait cycle and speed [m/s] of the made-up walk."""
OFFSETS_S = (0.025, 0.1, 0.2, 0.4)
STATUS_TICKS, LATENCY_NS = 20, 4_000_000
WALL_NS = 1_700_000_000_000_000_000


class _Named:
    name = "made-up"


class LongBag(CaseBag):
    """The topics of a case and those that a graph has beside them, stamped by a wall clock."""

    def __init__(self, path: Path, body: BodyDescription) -> None:
        case = Case(suite="made-up", kind="walk", seed=0, seconds=1.0)
        super().__init__(path, body, case, _Named(), "0" * 64)  # type: ignore[arg-type]
        self._others = {"/joint_states": "sensor_msgs/msg/JointState", "/odom": "nav_msgs/msg/Odometry", "/clock": "rosgraph_msgs/msg/Clock"}
        for topic, kind in self._others.items():
            self._writer.add_topic(topic, kind)
        self._jitter = np.random.default_rng(0)
        odometry = self._writer.types.store.types
        self._flat = np.zeros(36)
        self._kinds = {topic: odometry[kind] for topic, kind in self._others.items()}

    def _put(self, topic: str, stamp_ns: int, message: Any) -> None:
        late = {"/muscle_command": LATENCY_NS, "/reference": LATENCY_NS // 2}.get(topic, 0) + int(self._jitter.integers(0, 300_000))
        kind = self._others.get(topic)
        if kind is None:
            super()._put(topic, WALL_NS + stamp_ns + late, message)
        else:
            self._writer.write(topic, WALL_NS + stamp_ns + late, self._writer.types.canonical(kind, message))

    def beside(self, s: BodyState) -> None:
        """What goes with a state on other topics."""
        header, make = self._header(s.stamp_ns), self._make
        names, rest = list(self._body.joint_names), np.zeros(0)
        self._put(
            "/joint_states",
            s.stamp_ns,
            self._kinds["/joint_states"](header=header, name=names, position=s.joint_position.copy(), velocity=s.joint_velocity.copy(), effort=rest),
        )
        pose = make(
            "geometry_msgs/msg/Pose",
            position=self._vector(s.root_position, "Point"),
            orientation=make("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=0.0, w=1.0),
        )
        twist = make("geometry_msgs/msg/Twist", linear=self._vector(s.root_linear_velocity), angular=self._vector(s.root_angular_velocity))
        covered = make("geometry_msgs/msg/PoseWithCovariance", pose=pose, covariance=self._flat)
        moving = make("geometry_msgs/msg/TwistWithCovariance", twist=twist, covariance=self._flat)
        self._put("/odom", s.stamp_ns, self._kinds["/odom"](header=header, child_frame_id="base_link", pose=covered, twist=moving))
        self._put("/clock", s.stamp_ns, self._kinds["/clock"](clock=self._time(s.stamp_ns)))
        if s.seq % STATUS_TICKS == 0:
            status = self._status(s)
            status.clock, status.ticks = "realtime", s.seq
            self._put("/control_status", s.stamp_ns, status)


def write_walk(path: Path, body_name: str, size: int) -> float:
    """Write a walk of at least `size` bytes; returns its duration [s]."""
    body = load_body(body_name).description
    state, window = BodyState.zeros(body), ReferenceWindow.zeros(body, np.array(OFFSETS_S), key_bodies=len(body.key_body_names))
    with LongBag(path, body) as bag:
        seq = 0
        while seq % 4000 or _bytes(path) < size:
            values = pose(state, window, body, seq)
            bag.write(state, window, values)
            bag.beside(state)
            seq += 1
    return seq / RATE_HZ


def pose(state: BodyState, window: ReferenceWindow, body: BodyDescription, seq: int) -> Any:
    """Fill state and reference of one tick; returns its excitations."""
    stamp_ns = round(seq * 1e9 / RATE_HZ)
    phase = 2.0 * np.pi * seq / (RATE_HZ * STRIDE_S)
    state.seq = window.seq = seq
    state.stamp_ns = window.stamp_ns = stamp_ns
    state.root_position[:] = SPEED * seq / RATE_HZ, 0.02 * np.sin(phase), body.standing_height
    state.root_linear_velocity[:] = SPEED, 0.02 * np.cos(phase), 0.0
    joints, muscles = np.arange(len(body.joint_names)), np.arange(len(body.muscles))
    state.joint_position[:] = 0.2 * np.sin(phase + joints)
    state.joint_velocity[:] = 1.1 * np.cos(phase + joints)
    state.muscle_activation[:] = 0.2 + 0.15 * np.sin(phase + muscles)
    state.muscle_tension[:], state.muscle_length[:] = 300.0 * state.muscle_activation, 0.3 + 0.01 * np.sin(phase + muscles)
    state.muscle_velocity[:] = 0.05 * np.cos(phase + muscles)
    for i, name in enumerate(body.contact_names):
        swing = np.sin(phase + (np.pi if name.startswith("left") else 0.0)) > 0.2
        state.contact_force[i] = 0.0 if swing else 200.0
    window.motion = "walk"
    for k, offset in enumerate(OFFSETS_S):
        window.root_position[k] = state.root_position
        window.root_position[k, 0] += SPEED * offset
        window.root_linear_velocity[k] = state.root_linear_velocity
        window.joint_position[k], window.joint_velocity[k] = state.joint_position, state.joint_velocity
    return state.muscle_activation.copy()


def _bytes(path: Path) -> int:
    return sum(file.stat().st_size for file in path.iterdir())


def main() -> None:
    """Write, evaluate, print, remove."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--body", default="legs_back290")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--bag", type=Path, help="evaluate this one instead")
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_args()
    if args.bag is not None:
        evaluate(args.bag)
        return
    size = int(args.gigabytes * 1e9)
    free = shutil.disk_usage(args.folder).free
    if free < 1.2 * size:
        raise SystemExit(f"{args.folder} has {free / 1e9:.1f} GB free, {1.2 * size / 1e9:.1f} GB are needed")
    folder = Path(tempfile.mkdtemp(prefix="kinesis-recording-", dir=args.folder))
    try:
        begun = time.monotonic()
        seconds = write_walk(folder / "bag", args.body, size)
        print(f"wrote {_bytes(folder / 'bag') / 1e9:.2f} GB, {seconds:.0f} s of {args.body}, in {time.monotonic() - begun:.0f} s", flush=True)
        evaluate(folder / "bag")
    finally:
        if not args.keep:
            shutil.rmtree(folder)


def evaluate(bag: Path) -> None:
    """Evaluate in a process of its own, and print what it took."""
    target = bag.parent / "evaluation.json"
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "kinesis_cli", "evaluate", str(bag), "--json", str(target)], check=True, stdout=subprocess.DEVNULL, env=os.environ)
    wall, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    seconds = _recorded_seconds(target)
    print(f"evaluated {seconds:.0f} s of {_bytes(bag) / 1e9:.2f} GB: {wall:.1f} s wall ({seconds / wall:.0f} times real time), "
          f"{cpu:.1f} s processor ({seconds / cpu:.0f} times), peak memory {after.ru_maxrss / 1024:.0f} MiB, load {os.getloadavg()[0]:.1f}")  # fmt: skip


def _recorded_seconds(report: Path) -> float:
    import json

    return float(sum(episode["duration_s"] for episode in json.loads(report.read_text())["episodes"]))


if __name__ == "__main__":
    main()
