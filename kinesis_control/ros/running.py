"""Running one node until it ends, is told to end, or fails: the same for every executable."""

import gc
import signal
from collections.abc import Callable
from types import FrameType

import rclpy
from rclpy.executors import Executor, ExternalShutdownException, SingleThreadedExecutor
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from kinesis_control.errors import KinesisError

try:
    from rclpy.experimental import EventsExecutor
except ImportError:  # older than Jazzy's second half; the wait set costs three times as much a message, nothing else
    EventsExecutor = None

POLL_S = 0.1
"""Longest time until a signal is noticed [s]."""


class Ending:
    """Mixin of a node that can end its own process.

    Attributes:
        exit_code: None while it runs.
    """

    exit_code: int | None = None

    def end(self, code: int = 0) -> None:
        """Leave after the present callback."""
        self.exit_code = code

    def close(self) -> None:
        """Called once while the graph is still up, whatever ended the node."""


def run_node(make: Callable[[], Node], name: str) -> int:
    """Make a node, serve it, close it.

    Returns:
        Exit code: that of `Ending.end`, 0 after SIGINT or SIGTERM, `KinesisError.exit_code` after a refusal.
    """
    stopped = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopped
        stopped = True

    # Signals only set a flag: the context stays valid, so that a node can still publish its last word.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node: Node | None = None
    try:
        node = make()
        _serve(node, lambda: stopped)
        return getattr(node, "exit_code", None) or 0
    except ExternalShutdownException:
        return 0
    except KinesisError as error:
        get_logger(name).fatal(str(error))
        return error.exit_code
    finally:
        if node is not None:
            if isinstance(node, Ending) and rclpy.ok():
                node.close()
            node.destroy_node()
        rclpy.try_shutdown()


def make_executor() -> Executor:
    """The executor that costs least a message. Use its `spin_once`: the `spin` of the events executor may never wake."""
    return (EventsExecutor or SingleThreadedExecutor)()


def _serve(node: Node, stopped: Callable[[], bool]) -> None:
    executor = make_executor()
    executor.add_node(node)
    # What lives now lives to the end: the collector need not look at it again in the middle of a period.
    gc.collect()
    gc.freeze()
    while not stopped() and rclpy.ok() and getattr(node, "exit_code", None) is None:
        executor.spin_once(timeout_sec=POLL_S)
    executor.remove_node(node)
    executor.shutdown()
