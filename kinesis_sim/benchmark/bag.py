"""A benchmark case as a bag of the graph's own messages, which `kinesis evaluate`, `kinesis replay` and `ros2 bag` read.

It needs the message definitions alone, no ROS 2.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyDescription, BodyState
from kinesis_control.contract import Contract
from kinesis_control.evaluate.bag import BagWriter
from kinesis_control.evaluate.events import Push
from kinesis_control.motion.plan import ActivityReport
from kinesis_control.reference import ReferenceWindow
from kinesis_sim.benchmark.suites import Case
from kinesis_sim.lockstep import VALID_S

Array = NDArray[np.float64]

_PACKAGE = "kinesis_msgs/msg/"
_TOPICS = {
    "/muscle_layout": "MuscleLayout", "/body_state": "BodyState", "/reference": "ReferenceWindow", "/muscle_command": "MuscleCommand",
    "/control_status": "ControlStatus", "/activity": "Activity", "/applied_push": "AppliedPush",
}  # fmt: skip


class CaseBag:
    """Writes one case."""

    def __init__(self, path: Path, body: BodyDescription, case: Case, contract: Contract, sha256: str) -> None:
        """Create the bag.

        Raises:
            UnavailableError: the folder exists, or cannot be written.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = BagWriter(path)
        self._writer.describe(
            {
                "body": body.name,
                "seed": str(case.seed),
                "noise": str(case.noise),
                "perturbation": str(case.perturbation),
                "clock": "lockstep",
                "suite": case.suite,
                "case": case.name,
            }
        )
        self._body, self._contract, self._sha256 = body, contract, sha256
        store = self._writer.types.store
        for topic, name in _TOPICS.items():
            self._writer.add_topic(topic, _PACKAGE + name)
        self._types: dict[str, Any] = store.types
        self._begun = False

    def write(self, state: BodyState, window: ReferenceWindow, values: Array) -> None:
        """Append one tick."""
        if not self._begun:
            self._begun = True
            self._put("/muscle_layout", 0, self._layout())
            self._put("/control_status", 0, self._status(state))
        stamp = state.stamp_ns
        self._put("/body_state", stamp, self._state(state))
        self._put("/reference", stamp, self._window(window))
        if np.isfinite(values).all():
            self._put("/muscle_command", stamp, self._command(state, values))

    def activity(self, report: ActivityReport) -> None:
        """Append what the motion side does."""
        self._put("/activity", report.stamp_ns, self._activity(report))

    def push(self, push: Push) -> None:
        """Append a push."""
        force = self._vector(np.array(push.force))
        message = self._make("AppliedPush", header=self._header(push.stamp_ns), body_part=push.part, force=force, duration=push.duration_s)
        self._put("/applied_push", push.stamp_ns, message)

    def __enter__(self) -> "CaseBag":
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def _put(self, topic: str, stamp_ns: int, message: Any) -> None:
        self._writer.write(topic, stamp_ns, self._writer.types.canonical(_PACKAGE + _TOPICS[topic], message))

    def _make(self, name: str, **fields: Any) -> Any:
        return self._types[name if "/" in name else _PACKAGE + name](**fields)

    def _header(self, stamp_ns: int) -> Any:
        return self._make("std_msgs/msg/Header", stamp=self._time(stamp_ns), frame_id="odom")

    def _time(self, stamp_ns: int, kind: str = "Time") -> Any:
        sec, nanosec = divmod(stamp_ns, 1_000_000_000)
        return self._make(f"builtin_interfaces/msg/{kind}", sec=sec, nanosec=nanosec)

    def _vector(self, values: Array, kind: str = "Vector3") -> Any:
        x, y, z = values.tolist()
        return self._make(f"geometry_msgs/msg/{kind}", x=x, y=y, z=z)

    def _state(self, s: BodyState) -> Any:
        w, x, y, z = s.root_quaternion.tolist()
        orientation = self._make("geometry_msgs/msg/Quaternion", x=x, y=y, z=z, w=w)
        pose = self._make("geometry_msgs/msg/Pose", position=self._vector(s.root_position, "Point"), orientation=orientation)
        twist = self._make("geometry_msgs/msg/Twist", linear=self._vector(s.root_linear_velocity), angular=self._vector(s.root_angular_velocity))
        return self._make(
            "BodyState", header=self._header(s.stamp_ns), seq=s.seq, episode=s.episode, layout_hash=self._body.muscles.hash, fallen=bool(s.fallen),
            root_pose=pose, root_twist=twist, joint_positions=s.joint_position.copy(), joint_velocities=s.joint_velocity.copy(),
            muscle_lengths=s.muscle_length.copy(), muscle_velocities=s.muscle_velocity.copy(), muscle_tensions=s.muscle_tension.copy(),
            muscle_activations=s.muscle_activation.copy(), contact_forces=s.contact_force.copy(),
        )  # fmt: skip

    def _window(self, w: ReferenceWindow) -> Any:
        def flat(values: Array) -> Array:
            return np.ascontiguousarray(values).reshape(-1).copy()

        return self._make(
            "ReferenceWindow", header=self._header(w.stamp_ns), seq=w.seq, layout_hash=self._body.muscles.hash, motion=w.motion, phase=float(w.phase),
            time_offsets=flat(w.time_offsets), root_positions=flat(w.root_position), root_orientations=flat(w.root_quaternion[:, [1, 2, 3, 0]]),
            root_linear_velocities=flat(w.root_linear_velocity), root_angular_velocities=flat(w.root_angular_velocity),
            joint_positions=flat(w.joint_position), joint_velocities=flat(w.joint_velocity), contacts=flat(w.contact),
            key_body_positions=flat(w.key_body_position),
        )  # fmt: skip

    def _command(self, s: BodyState, values: Array) -> Any:
        return self._make(
            "MuscleCommand", header=self._make("std_msgs/msg/Header", stamp=self._time(s.stamp_ns), frame_id=""), seq=s.seq,
            layout_hash=self._body.muscles.hash, commander="/policy_node", mode=0, values=np.array(values, dtype=float),
            valid_for=self._time(round(VALID_S * 1e9), "Duration"),
        )  # fmt: skip

    def _activity(self, r: ActivityReport) -> Any:
        goal, velocity = [], []
        if r.goal is not None:
            x, y, yaw = r.goal
            z, w = (0.0, 0.0) if yaw is None else (math.sin(0.5 * yaw), math.cos(0.5 * yaw))
            orientation = self._make("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=z, w=w)
            goal.append(self._make("geometry_msgs/msg/Pose", position=self._vector(np.array([x, y, 0.0]), "Point"), orientation=orientation))
        if r.velocity is not None:
            forward, left, turn = r.velocity
            linear, angular = self._vector(np.array([forward, left, 0.0])), self._vector(np.array([0.0, 0.0, turn]))
            velocity.append(self._make("geometry_msgs/msg/Twist", linear=linear, angular=angular))
        return self._make(
            "Activity", header=self._header(r.stamp_ns), ticket=r.ticket, mode=r.mode, goal=goal, velocity=velocity, asked=r.asked, text=r.text,
            ended=r.ended, ending=int(r.ending),
        )  # fmt: skip

    def _layout(self) -> Any:
        b = self._body
        return self._make(
            "MuscleLayout", header=self._header(0), body=b.name, layout_hash=b.muscles.hash, model_hash=b.model_hash, muscle_names=list(b.muscles.names),
            joint_names=list(b.joint_names), contact_names=list(b.contact_names), key_bodies=list(b.key_body_names), mass=b.mass,
            standing_height=b.standing_height,
        )  # fmt: skip

    def _status(self, s: BodyState) -> Any:
        return self._make(
            "ControlStatus", header=self._header(s.stamp_ns), node="policy_node", body=self._body.name, policy=f"{self._contract.name}.onnx",
            policy_sha256=self._sha256, state=2, mode="", clock="lockstep", ticks=0, accepted=0, rejected=0, last_rejection="", fault_names=[],
            fault_counts=np.zeros(0, np.uint64), deadline_misses=0, rate_hz=0.0, latency_p50=0.0, latency_p99=0.0, latency_max=0.0,
        )  # fmt: skip
