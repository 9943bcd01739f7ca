"""A body of three muscles, and bags of it as a recorder writes them."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.rosbag2.enums import CompressionFormat, CompressionMode

from kinesis_control.body_state import BodyDescription, BodyState
from kinesis_control.evaluate.bag_types import MessageTypes
from kinesis_control.muscles import MuscleLayout
from kinesis_control.reference import ReferenceWindow
from kinesis_sim.benchmark.bag import CaseBag

PERIOD_NS = 25_000_000
OFFSETS = (0.025, 0.1)


@pytest.fixture
def tripod() -> BodyDescription:
    return tripod_named("tripod", ("a_r", "a_l", "b"))


def tripod_named(name: str, muscles: tuple[str, ...]) -> BodyDescription:
    return BodyDescription(
        name=name, muscles=MuscleLayout(names=muscles), joint_names=("hip", "knee"), contact_names=("right_heel", "left_heel"),
        key_body_names=("pelvis", "foot"), model_hash="0" * 16, mass=70.0, standing_height=0.9,
    )  # fmt: skip


@dataclass
class Recorded:
    """Messages to be written: (topic, type, log time [ns], bytes), in the order of a recorder."""

    body: BodyDescription
    namespace: str = ""
    latency_ns: int = 0
    wall_ns: int = 0
    types: MessageTypes = field(default_factory=MessageTypes)
    rows: list[tuple[str, str, int, bytes]] = field(default_factory=list)

    def maker(self, sha256: str = "a" * 64, clock: str = "lockstep") -> Any:
        maker = CaseBag.__new__(CaseBag)
        maker._body, maker._contract, maker._sha256 = self.body, SimpleNamespace(name="made-up"), sha256
        for name in ("BodyState", "MuscleCommand", "MuscleLayout", "ReferenceWindow", "ControlStatus"):
            self.types.require(f"kinesis_msgs/msg/{name}")
        maker._types = self.types.store.types
        return maker

    def put(self, topic: str, kind: str, log_ns: int, message: Any) -> None:
        name = f"{self.namespace}/{topic}"
        self.rows.append((name, kind, log_ns, self.types.canonical(kind, message)))

    def layout(self) -> "Recorded":
        self.put("muscle_layout", "kinesis_msgs/msg/MuscleLayout", self.wall_ns, self.maker()._layout())
        return self

    def status(self, seq: int, *, sha256: str = "a" * 64, clock: str = "lockstep", faults: dict[str, int] | None = None, misses: int = 0) -> "Recorded":
        state = BodyState.zeros(self.body)
        state.stamp_ns = seq * PERIOD_NS
        message = self.maker(sha256)._status(state)
        message.clock, message.deadline_misses = clock, misses
        message.fault_names, message.fault_counts = list(faults or {}), np.array(list((faults or {}).values()), dtype=np.uint64)
        self.put("control_status", "kinesis_msgs/msg/ControlStatus", self.wall_ns + seq * PERIOD_NS, message)
        return self

    def ticks(self, first: int, count: int, *, episode: int = 0, skip_commands: tuple[int, ...] = (), late_ns: dict[int, int] | None = None) -> "Recorded":
        """States first..first+count with their windows and commands; values are functions of the number."""
        for seq in range(first, first + count):
            state, window, values = tick(self.body, seq, episode)
            log_ns = self.wall_ns + seq * PERIOD_NS
            maker = self.maker()
            self.put("body_state", "kinesis_msgs/msg/BodyState", log_ns, maker._state(state))
            self.put("reference", "kinesis_msgs/msg/ReferenceWindow", log_ns + self.latency_ns // 2, maker._window(window))
            if seq not in skip_commands:
                late = (late_ns or {}).get(seq, 0)
                self.put("muscle_command", "kinesis_msgs/msg/MuscleCommand", log_ns + self.latency_ns + late, maker._command(state, values))
        return self

    def save(
        self, path: Path, *, plugin: StoragePlugin = StoragePlugin.MCAP, mode: CompressionMode = CompressionMode.NONE, facts: dict[str, str] | None = None
    ) -> Path:
        """As a bag of rosbags, which writes what `ros2 bag record` writes."""
        writer = Writer(path, version=9, storage_plugin=plugin)
        writer.set_compression(mode, CompressionFormat.ZSTD)
        with writer:
            for name, value in (facts or {}).items():
                writer.set_custom_data(name, value)
            connections: dict[str, Any] = {}
            for topic, kind, log_ns, data in sorted(self.rows, key=lambda row: row[2]):
                if topic not in connections:
                    connections[topic] = writer.add_connection(topic, kind, typestore=self.types.store)
                writer.write(connections[topic], log_ns, data)
        return path


def tick(body: BodyDescription, seq: int, episode: int = 0) -> tuple[BodyState, ReferenceWindow, Any]:
    """A state, its window and its command that can be told from every other."""
    state = BodyState.zeros(body)
    state.seq, state.stamp_ns, state.episode = seq, seq * PERIOD_NS, episode
    state.root_position[:] = 0.01 * seq, 0.0, 0.9
    state.root_linear_velocity[0] = 0.4
    state.joint_position[:] = 0.001 * seq
    state.muscle_activation[:] = 0.1, 0.2, 0.3
    window = ReferenceWindow.zeros(body, np.array(OFFSETS))
    window.seq, window.stamp_ns, window.motion = seq, state.stamp_ns, "walk"
    for k, offset in enumerate(OFFSETS):
        window.root_position[k] = 0.01 * (seq + offset * 40.0), 0.0, 0.9
        window.joint_position[k] = 0.001 * (seq + offset * 40.0)
    return state, window, np.array([0.1, 0.2, 0.001 * (seq % 100)])


@pytest.fixture
def recorded(tripod: BodyDescription) -> Recorded:
    return Recorded(body=tripod)


@pytest.fixture
def whole_bag(recorded: Recorded, tmp_path: Path) -> Path:
    """200 ticks in lock-step."""
    return recorded.layout().status(0).ticks(0, 200).save(tmp_path / "whole")


@pytest.fixture
def copy_of(tmp_path: Path) -> Any:
    def make(bag: Path, name: str) -> Path:
        return Path(shutil.copytree(bag, tmp_path / name))

    return make
