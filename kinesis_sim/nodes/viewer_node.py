"""The page: shows the body that moves in this graph, and lets one browser steer it.

A process of its own that only reads topics, best effort, and acts through the same topics, services and actions as
everybody else. It steps back behind the control loop (a lower priority), and does next to nothing while nobody looks.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from kinesis_control.errors import KinesisError
from kinesis_control.evaluate.emg_recordings import EmgRecording
from kinesis_control.evaluate.emg_trials import read_people
from kinesis_control.ros.parameters import declare, declare_strings
from kinesis_control.ros.running import Ending, run_node
from kinesis_sim.nodes.viewer_graph import ViewerGraph
from kinesis_sim.nodes.viewer_markers import MuscleMarkers
from kinesis_sim.nodes.viewer_recording import Recording
from kinesis_sim.nodes.viewer_report import status_of
from kinesis_sim.nodes.viewer_scene import ViewerScene
from kinesis_sim.nodes.viewer_steering import Steering
from kinesis_sim.viewer.access import Access
from kinesis_sim.viewer.clips import clip_facts
from kinesis_sim.viewer.human import human_facts
from kinesis_sim.viewer.policy_card import policy_card
from kinesis_sim.viewer.server import PageServer

NICENESS = 5
"""How far this process steps back behind the control loop."""

STATUS_S = 0.2
"""Wall time between two reports to the pages [s]."""

SILENT_S = 2.0
"""Wall time without a state after which the page says so [s]."""


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
        self._library = declare(self, "library", "", "Motion library whose clips are listed; the motion node plays them.")
        self._emg = declare_strings(self, "emg", "Recordings of people's muscles (npz, csv, json, sto) that are shown beside the body's.")
        folder = declare(self, "recordings", "recordings", "Folder in which the record button makes recordings.")
        self._server = PageServer(Access.for_host(host, token), port)
        self._graph = ViewerGraph(self, self._on_reply)
        self._recording = Recording(Path(folder), self.get_namespace(), self._server.offer_report, tuple(self._emg))
        self._steering = Steering(self._graph, self._server, self._recording)
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
        if state is None or (state is self._drawn and not self._newcomers()):
            return
        if state is not self._drawn:
            self._drawn, self._state_at = state, time.monotonic()
        if (self._server.pages or self._markers.wanted) and self._load():
            self._draw(state)

    def _newcomers(self) -> bool:
        """True while a page has not got the body yet: it is shown to it even when it stands still."""
        return any(page not in self._scene_sent for page in self._server.pages)

    def _load(self) -> bool:
        """Have the body loaded; True once it is."""
        layout = self._graph.layout
        if layout is None:
            return False
        if self._scene is None or self._scene.layout_hash != layout.layout_hash:
            self._scene, self._scene_sent = ViewerScene(layout, self._facts), set()
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
        self._recording.tick()
        if not self._server.pages:
            return
        now = time.monotonic()
        if now - self._rate_mark > 1.0:
            self._rate, self._frames, self._rate_mark = self._frames / (now - self._rate_mark), 0, now
        report = status_of(self._graph, self._problem(now), self._recording.status())
        report |= {
            "held": self._steering.control.holder is not None,
            "pages": len(self._server.pages),
            "goal": self._graph.goal,
            "rate": round(self._rate, 1),
        }
        for page in self._server.pages:
            self._server.send({**report, "steers": self._steering.control.holder == page, "page": page}, page)

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

    def _facts(self) -> dict[str, Any]:
        """What goes with the scene; read while the body loads, in a thread of its own."""
        people, problem = self._people()
        layout = self._graph.layout
        names = tuple(layout.muscle_names) if layout is not None else ()
        return {"policy": policy_card(self._policy), "clips": clip_facts(self._library), "human": {**human_facts(names, people), "problem": problem}}

    def _people(self) -> tuple[list[EmgRecording], str]:
        try:
            return read_people(self._emg), ""
        except KinesisError as error:
            self.get_logger().error(f"recordings of people: {error}")
            return [], str(error)

    def close(self) -> None:
        """End a recording and every connection."""
        self._recording.close()
        self._server.close()


def main() -> None:
    """Run the node."""
    sys.exit(run_node(ViewerNode, "viewer_node"))


if __name__ == "__main__":
    main()
