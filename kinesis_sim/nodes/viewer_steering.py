"""Carries out what pages ask for: who may, what it becomes in the graph, and what the page is told."""

import math
import time
from collections.abc import Callable
from typing import Any

from geometry_msgs.msg import Vector3
from kinesis_msgs.srv import Push, ResetWorld, SetPause, StepSimulation

from kinesis_control.errors import ConfigurationError, KinesisError
from kinesis_sim.nodes.viewer_graph import Tell, ViewerGraph
from kinesis_sim.nodes.viewer_recording import Recording
from kinesis_sim.viewer.control import IDLE_S, STILL, Control, DeadMan
from kinesis_sim.viewer.orders import ANYBODY, Order, read_order
from kinesis_sim.viewer.server import Event, PageServer

WATCHES = f"another page steers; this one watches until that one is closed, or has asked for nothing for {IDLE_S:.0f} s"

PUSH_S = 0.2
"""How long a push lasts [s]."""


class Steering:
    """One for all pages.

    Attributes:
        control: which page steers.
    """

    def __init__(self, graph: ViewerGraph, server: PageServer, recording: Recording) -> None:
        self._graph, self._server = graph, server
        self.control, self._dead_man = Control(), DeadMan()
        self._actions: dict[str, Callable[[Order, Tell], None]] = {
            "say": self._say, "play": self._play, "velocity": self._drive, "goal": self._go, "trigger": self._trigger, "pause": self._pause,
            "step": self._step, "reset": self._reset, "push": self._push, "time": lambda order, tell: graph.set_pace(order.numbers[0], tell),
            "record": lambda order, tell: recording.switch(order.on, tell), "evaluate": lambda order, tell: recording.evaluate(tell),
            "film": lambda order, tell: recording.film(tell),
        }  # fmt: skip

    def take(self, event: Event) -> None:
        """Handle one event of a page."""
        if event.message is None:
            if not event.open and self.control.release(event.page):
                self._end_velocity()
            return
        tell = self._teller(event.page)
        try:
            order = read_order(event.message)
        except ConfigurationError as error:
            tell(str(error), False)
            return
        if order.kind == "control":
            self._change_control(event.page, order.on, tell)
        elif order.kind not in self._actions:
            tell(f"{order.kind}: this body moves now; only a recording can be sought in", False)
        elif order.name in ANYBODY or self.control.take(event.page, time.monotonic()):
            try:
                self._actions[order.kind](order, tell)
            except KinesisError as error:
                tell(str(error), False)
        else:
            tell(WATCHES, False)

    def tick(self) -> None:
        """End a velocity that nobody asks for any more; to be called several times a second."""
        if self._dead_man.expired(time.monotonic()):
            self._graph.drive(*STILL)

    def _teller(self, page: int) -> Tell:
        def tell(text: str, good: bool) -> None:
            self._server.send({"kind": "note", "text": text, "good": good}, page)

        return tell

    def _change_control(self, page: int, wanted: bool, tell: Tell) -> None:
        if not wanted:
            if self.control.release(page):
                self._end_velocity()
        elif not self.control.take(page, time.monotonic()):
            tell(WATCHES, False)

    def _end_velocity(self) -> None:
        if self._dead_man.let_go():
            self._graph.drive(*STILL)

    def _say(self, order: Order, tell: Tell) -> None:
        self._dead_man.let_go()
        if not self._graph.say(order.text):
            tell("nobody listens to text_command now; is the motion node running?", False)

    def _play(self, order: Order, tell: Tell) -> None:
        self._graph.play(order.text, tell)

    def _drive(self, order: Order, tell: Tell) -> None:
        x, y, yaw = order.numbers
        self._dead_man.hold((x, y, yaw), time.monotonic())
        self._graph.drive(x, y, yaw)

    def _go(self, order: Order, tell: Tell) -> None:
        x, y, yaw = order.numbers
        self._dead_man.let_go()
        heading = None if math.isnan(yaw) else yaw
        if not self._graph.go(x, y, (0.0, 0.0) if heading is None else (math.sin(0.5 * heading), math.cos(0.5 * heading))):
            tell("nobody listens to goal_pose now; is the motion node running?", False)

    def _trigger(self, order: Order, tell: Tell) -> None:
        if order.text == "estop":
            self._dead_man.let_go()
        self._graph.trigger(order.text, tell)

    def _pause(self, order: Order, tell: Tell) -> None:
        self._call("set_pause", SetPause.Request(paused=order.on), tell)

    def _step(self, order: Order, tell: Tell) -> None:
        self._call("step_simulation", StepSimulation.Request(ticks=max(int(order.numbers[0]), 1)), tell)

    def _reset(self, order: Order, tell: Tell) -> None:
        self._call("reset_world", ResetWorld.Request(use_seed=False, perturbation=0.0), tell)

    def _push(self, order: Order, tell: Tell) -> None:
        x, y = order.numbers
        self._call("push", Push.Request(body_part="", force=Vector3(x=x, y=y, z=0.0), duration=PUSH_S), tell)

    def _call(self, name: str, request: Any, tell: Tell) -> None:
        self._graph.call(name, request, tell)
