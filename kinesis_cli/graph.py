"""A light node with which a command joins the running graph, looks around, asks, and leaves."""

import os
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions

from kinesis_control.errors import ConfigurationError, KinesisError, UnavailableError

DISCOVERY_S = 4.0
"""How long a command looks for its graph [s]; discovery takes up to 2.5 s, and starting Python on a busy machine the rest."""

ANSWER_S = 5.0
"""How long a command waits for an answer once its peer is there [s]."""


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
        deadline = time.monotonic() + timeout_s
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0.0:
                return False
            self._executor.spin_once(timeout_sec=min(left, 0.05))
        return True

    def require(self, condition: Callable[[], bool], what: str, timeout_s: float = DISCOVERY_S) -> None:
        """Wait for a peer.

        Raises:
            UnavailableError: it did not appear in time; the message says where was looked.
        """
        if not self.wait_until(condition, timeout_s):
            raise UnavailableError(f"{what}; looked for {timeout_s:g} s {self.place()}. Start a graph with: kinesis sim")

    def place(self) -> str:
        """Where this node looks, in words: domain, namespace, range."""
        domain = os.environ.get("ROS_DOMAIN_ID", "0")
        reach = os.environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "SUBNET").lower()
        return f"in ROS domain {domain} (ROS_DOMAIN_ID), namespace '{self.namespace or '/'}', range {reach}"

    def call(self, service: str, kind: type, request: Any) -> Any:
        """Call a service and return its response.

        Raises:
            UnavailableError: nobody offers the service, or no answer came.
        """
        client = self.node.create_client(kind, service)
        self.require(client.service_is_ready, f"nobody offers the service '{service}'")
        future = client.call_async(request)
        if not self.wait_until(future.done, ANSWER_S):
            raise UnavailableError(f"the service '{service}' is there but gave no answer within {ANSWER_S:g} s")
        return future.result()


def _require_domain(text: str) -> None:
    # Beyond 232 the port numbers of DDS overflow, and the middleware ends the process without a word.
    if not text.isdecimal() or int(text) > 232:
        raise ConfigurationError(f"ROS_DOMAIN_ID is '{text}', expected a whole number from 0 to 232")
