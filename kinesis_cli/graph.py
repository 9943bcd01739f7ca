"""A light node with which a command joins the running graph, looks around, asks, and leaves."""

import os
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

import rclpy
from rcl_interfaces.srv import ListParameters
from rclpy.client import Client
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future

from kinesis_control.errors import ConfigurationError, KinesisError, UnavailableError

DISCOVERY_S = 4.0
"""How long a command looks for its graph [s]; discovery takes up to 2.5 s, and starting Python on a busy machine the rest."""

PRESENT_S = 20.0
"""How long it goes on looking where other nodes of its namespace are there: they may be starting, or held up by a busy machine [s]."""

ANSWER_S = 20.0
"""How long a command waits for an answer once its peer is there [s]."""

REPEAT_S = 2.0
"""Time after which a request without an answer is sent again [s]: a service may learn of a client's two halves apart."""

SLICE_S = 0.05
"""Longest time that one look at what has arrived takes [s]. A wait counts no look as longer: a process that was stopped meanwhile
has not looked."""

WATCH = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)
"""Of every subscription that only looks on: it must never hold up the loop. It fits writers of every profile."""


LATEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
"""Like WATCH, for a fast topic of which only the newest message is looked at, now and then."""


class RefusedError(KinesisError):
    """The graph answered, and the answer is no."""

    exit_code = 6


class Graph:
    """Context manager around one node in its own context. Ctrl-C stays a KeyboardInterrupt of the command.

    Attributes:
        node: the rclpy node; its namespace is that of the graph, so relative names reach it.
        namespace: as given on the command line, "" for the root.
    """

    def __init__(self, name: str, namespace: str = "") -> None:
        self.namespace = namespace
        _require_domain(os.environ.get("ROS_DOMAIN_ID", "0"))
        self._context = rclpy.Context()
        try:
            rclpy.init(args=[], context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        except RuntimeError as error:
            raise UnavailableError(f"cannot join a ROS graph {self.place()}: {error}") from error
        # The process number keeps the names of two commands that run at once apart.
        self.node = rclpy.create_node(
            f"kinesis_{name}_{os.getpid()}",
            namespace=namespace,
            context=self._context,
            enable_rosout=False,
            start_parameter_services=False,
        )
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)

    def __enter__(self) -> "Graph":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.try_shutdown(context=self._context)

    def spin(self, seconds: float) -> None:
        """Handle what arrives for so long [s, wall clock]."""
        self.wait_until(lambda: False, seconds)

    def drain(self, most: int = 12) -> None:
        """Handle up to `most` messages that are here already. A wake-up for each message would cost more than the message."""
        for _ in range(most):
            self._executor.spin_once(timeout_sec=0.0)

    def wait_until(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Handle what arrives until the condition holds or the time is over; returns the last value of the condition."""
        left = timeout_s
        while not condition():
            if left <= 0.0:
                return False
            begun = time.monotonic()
            self._executor.spin_once(timeout_sec=min(left, SLICE_S))
            left -= min(time.monotonic() - begun, 2.0 * SLICE_S)
        return True

    def require(self, condition: Callable[[], bool], what: str, timeout_s: float = DISCOVERY_S) -> None:
        """Wait for a peer.

        Raises:
            UnavailableError: it did not appear in time; the message says where was looked.
        """
        met = self.wait_until(condition, timeout_s)
        if not met and self._neighbours():
            met, timeout_s = self.wait_until(condition, PRESENT_S), timeout_s + PRESENT_S
        if not met:
            raise UnavailableError(f"{what}; looked for {timeout_s:g} s {self.place()}. Start a graph with: kinesis sim")

    def place(self) -> str:
        """Where this node looks, in words: domain, namespace, range."""
        domain = os.environ.get("ROS_DOMAIN_ID", "0")
        reach = os.environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "SUBNET").lower()
        return f"in ROS domain {domain} (ROS_DOMAIN_ID), namespace '{self.namespace or '/'}', range {reach}"

    def _neighbours(self) -> list[str]:
        """Other nodes of the namespace."""
        space = self.node.get_namespace()
        return [name for name, other in self.node.get_node_names_and_namespaces() if other == space and name != self.node.get_name()]

    def call(self, service: str, kind: type, request: Any) -> Any:
        """Call a service and return its response. The request may be sent more than once, so it must not matter how often.

        Raises:
            UnavailableError: nobody offers the service, or no answer came.
        """
        client = self.node.create_client(kind, service)
        self.require(client.service_is_ready, f"nobody offers the service '{service}'")
        answer = self._answer(client, request, ANSWER_S)
        if answer is None:
            raise UnavailableError(f"the service '{service}' is there but gave no answer within {ANSWER_S:g} s")
        return answer

    def _answer(self, client: Client, request: Any, timeout_s: float) -> Any:
        futures: list[Future] = []
        for _ in range(max(round(timeout_s / REPEAT_S), 1)):
            futures.append(client.call_async(request))
            if self.wait_until(lambda: any(f.done() for f in futures), REPEAT_S):
                return next(f.result() for f in futures if f.done())
        return None

    def be_known(self, topic: str) -> None:
        """Wait until whoever publishes `topic` knows all that this node listens to: an answer sent before would be lost.

        Discovery tells each side of a topic apart. What one node announces arrives in order, so that a peer which can answer a
        service client made now has heard of everything made before it. A peer without parameter services is not waited for.
        """
        infos = self.node.get_publishers_info_by_topic
        self.wait_until(lambda: not any("UNKNOWN" in info.node_name for info in infos(topic)), REPEAT_S)
        for info in infos(topic):
            client = self.node.create_client(ListParameters, f"{info.node_namespace.rstrip('/')}/{info.node_name}/list_parameters")
            if self.wait_until(client.service_is_ready, REPEAT_S):
                self._answer(client, ListParameters.Request(), DISCOVERY_S)


def _require_domain(text: str) -> None:
    # Beyond 232 the port numbers of DDS overflow, and the middleware ends the process without a word.
    if not text.isdecimal() or int(text) > 232:
        raise ConfigurationError(f"ROS_DOMAIN_ID is '{text}', expected a whole number from 0 to 232")
