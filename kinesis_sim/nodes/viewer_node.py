"""The page: shows the body that moves in this graph, and lets one browser steer it.

A process of its own that only reads topics, best effort, and acts through the same topics, services and actions as
everybody else. It steps back behind the control loop (a lower priority), and does next to nothing while nobody looks.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from kinesis_msgs.msg import ControlStatus
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from kinesis_control.contract import read_contract
from kinesis_control.errors import KinesisError
from kinesis_control.ros.parameters import declare
from kinesis_control.ros.running import Ending, run_node
from kinesis_sim.nodes.viewer_graph import ViewerGraph
from kinesis_sim.nodes.viewer_markers import MuscleMarkers
from kinesis_sim.nodes.viewer_recording import Recording
from kinesis_sim.nodes.viewer_scene import ViewerScene
from kinesis_sim.nodes.viewer_steering import Steering
from kinesis_sim.viewer.access import Access
from kinesis_sim.viewer.advice import explain
from kinesis_sim.viewer.server import PageServer

NICENESS = 5
"""How far this process steps back behind the control loop."""

STATES = {
    ControlStatus.DISARMED: "disarmed", ControlStatus.ARMED: "armed", ControlStatus.ACTIVE: "active",
    ControlStatus.FADING: "fading", ControlStatus.ESTOPPED: "e-stopped", ControlStatus.FAULT: "fault",
}  # fmt: skip

STATUS_S = 0.2
"""Wall time between two reports to the pages [s]."""

SILENT_S = 2.0
"""Wall time without a state after which the page says so [s]."""

OTHERS = ("policy_node", "motion_node")
"""Nodes that report a status and are not the edge of the body."""


class ViewerNode(Ending, Node):
    """Graph, scene, server and steering wired together."""

    def __init__(self) -> None:
        super().__init__("viewer_node")
        os.nice(NICENESS)
        port = declare(self, "port", 8080, "Port of the page; 0 takes any free one.", low=0, high=65535)
        host = declare(self, "host", "127.0.0.1", "Address to listen on; beyond this machine the page asks for a token.")
        token = declare(self, "token", "", "What the page must know when it is opened from elsewhere; empty: made up where one is needed.")
        rate = declare(self, "max_rate_hz", 60.0, "Most frames a second.", low=1.0, high=240.0)
        self._policy = declare(self, "policy", "", "Policy file whose card is shown; empty: none.")
        folder = declare(self, "recordings", "recordings", "Folder in which the record button makes recordings.")
        self._server = PageServer(Access.for_host(host, token), port)
        self._graph = ViewerGraph(self, self._on_reply)
        self._recording = Recording(Path(folder), self.get_namespace())
        self._steering = Steering(self._graph, self._server, self._recording.switch)
        self._markers = MuscleMarkers(self)
        self._scene: ViewerScene | None = None
        self._scene_sent: set[int] = set()
        self._drawn: bytes | None = None
        self._state_at = time.monotonic()
        self._frames, self._rate_mark, self._rate = 0, time.monotonic(), 0.0
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(1.0 / rate, self._on_frame, clock=steady)
        self.create_timer(STATUS_S, self._on_report, clock=steady)
        self.get_logger().info(f"the page is at {self._server.address}")

    def _on_reply(self, text: str) -> None:
        self._server.send({"kind": "reply", "text": text})

    def _on_frame(self) -> None:
        """Carry out what pages asked for, and show the newest state if it is a new one."""
        while not self._server.events.empty():
            event = self._server.events.get()
            if event.message is None and not event.open:
                self._scene_sent.discard(event.page)
            self._steering.take(event)
        self._steering.tick()
        state = self._graph.state
        if state is None or state is self._drawn:
            return
        self._drawn, self._state_at = state, time.monotonic()
        if (self._server.pages or self._markers.wanted) and self._load():
            self._draw(state)

    def _load(self) -> bool:
        """Have the body loaded; True once it is."""
        layout = self._graph.layout
        if layout is None:
            return False
        if self._scene is None or self._scene.layout_hash != layout.layout_hash:
            self._scene, self._scene_sent = ViewerScene(layout, {"policy": self._card()}), set()
        return self._scene.message is not None

    def _draw(self, state_data: bytes) -> None:
        scene = self._scene
        drawn = scene.frame(state_data, self._graph.reference) if scene is not None else None
        if drawn is None or scene is None or scene.message is None:
            return
        for page in self._server.pages:
            if page not in self._scene_sent:
                self._server.send(scene.message, page)
                self._scene_sent.add(page)
        self._server.send_frame(drawn.message)
        self._markers.publish(drawn)
        self._frames += 1

    def _on_report(self) -> None:
        """Tell every page what the graph is doing."""
        if not self._server.pages:
            return
        now = time.monotonic()
        if now - self._rate_mark > 1.0:
            self._rate, self._frames, self._rate_mark = self._frames / (now - self._rate_mark), 0, now
        report = self._report(now)
        for page in self._server.pages:
            self._server.send({**report, "steers": self._steering.control.holder == page, "page": page}, page)

    def _report(self, now: float) -> dict[str, Any]:
        statuses = self._graph.statuses
        edge = next((status for name, status in sorted(statuses.items()) if name not in OTHERS), None)
        motion = statuses.get("motion_node")
        report: dict[str, Any] = {
            "kind": "status", "problem": self._problem(now), "held": self._steering.control.holder is not None, "pages": len(self._server.pages),
            "goal": self._steering.goal, "rate": round(self._rate, 1), "recording": self._recording.path, "mode": motion.mode if motion else "",
            "simulated": self._graph.simulated,
        }  # fmt: skip
        if edge is None:
            return report
        faults = zip(edge.fault_names, edge.fault_counts, strict=True)
        return report | {
            "state": STATES.get(edge.state, "unknown"), "clock": edge.clock, "paused": edge.mode == "paused", "ticks": edge.ticks,
            "faults": [(name, int(count), *explain(name)) for name, count in faults], "refusal": edge.last_rejection,
            "misses": edge.deadline_misses, "hz": edge.rate_hz, "latency": (1e3 * edge.latency_p50, 1e3 * edge.latency_p99),
        }  # fmt: skip

    def _problem(self, now: float) -> str:
        """Why the picture stands still, or ""."""
        if self._graph.layout is None:
            return "Waiting for a body: nothing is published on muscle_layout yet. Is the simulator or the driver running?"
        if self._scene is not None and self._scene.problem:
            return self._scene.problem
        if self._drawn is None and self.count_publishers("body_state") > 0:
            return "The body is there and waits to be armed."
        paused = any(status.mode == "paused" for status in self._graph.statuses.values())
        if (silent := now - self._state_at) > SILENT_S and not paused:
            gone = "" if self.count_publishers("body_state") else " Its node is gone: start the simulator or the driver again."
            return f"The body has sent no state for {silent:.0f} s.{gone}"
        return "Loading the body…" if self._scene is not None and self._scene.message is None else ""

    def _card(self) -> dict[str, Any]:
        """What is known of the policy."""
        if not self._policy:
            return {}
        try:
            contract = read_contract(self._policy)
        except KinesisError as error:
            return {"problem": str(error)}
        card = Path(self._policy).with_suffix(".md")
        return {
            "name": contract.name,
            "body": contract.body,
            "control rate": f"{contract.control_rate_hz:g} Hz",
            "physics rate": f"{contract.physics_rate_hz:g} Hz",
            "observation": ", ".join(f"{term.name} ({term.size})" for term in contract.observation),
            "action": f"{contract.action.mode} {contract.action.low:g} to {contract.action.high:g}",
            "model": contract.model_hash,
            "training": json.dumps(contract.training, default=str)[:600],
            "card": card.read_text(encoding="utf-8")[:6000] if card.is_file() else "",
        }

    def close(self) -> None:
        """End a recording and every connection."""
        self._recording.end()
        self._server.close()


def main() -> None:
    """Run the node."""
    sys.exit(run_node(ViewerNode, "viewer_node"))


if __name__ == "__main__":
    main()
