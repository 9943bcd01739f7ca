"""`kinesis drive VX VYAW`: ask for a speed and a turning rate, again and again, until it ends; then for none."""

import argparse
import time
from typing import TYPE_CHECKING

from kinesis_cli.options import add_namespace, finite, positive

if TYPE_CHECKING:
    from geometry_msgs.msg import TwistStamped

PERIOD_S = 0.1
"""Time between two commands [s]. They are repeated because a body must not go on walking for a sender that has died."""

END_S = 2.0
"""How long the last command may take to arrive [s]; mostly it is there at once."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `drive`."""
    parser = subparsers.add_parser(
        "drive", help="forward speed and turning rate", description="Ask for a speed, ten times a second, until Ctrl-C or --for; then for zero."
    )
    parser.add_argument("vx", type=finite, help="forward speed, backward negative [m/s]")
    parser.add_argument("vyaw", type=finite, nargs="?", default=0.0, help="turning rate, counter-clockwise [rad/s] (default: 0)")
    parser.add_argument("--side", type=finite, default=0.0, metavar="VY", help="sideways speed, left positive [m/s] (default: 0)")
    parser.add_argument("--for", dest="seconds", type=positive, metavar="S", help="how long [s, wall clock] (default: until Ctrl-C)")
    add_namespace(parser)


def run(args: argparse.Namespace) -> int:
    """Publish `cmd_vel` until the end, then a zero.

    Raises:
        UnavailableError: nobody listens.
    """
    from geometry_msgs.msg import TwistStamped
    from rclpy.duration import Duration

    from kinesis_cli.graph import Graph
    from kinesis_control.ros.qos import GOAL

    with Graph("drive", args.namespace) as graph:
        publisher = graph.node.create_publisher(TwistStamped, "cmd_vel", GOAL)
        graph.require(lambda: publisher.get_subscription_count() > 0, "nobody listens to 'cmd_vel'")
        side = f", {args.side:g} m/s to the left" if args.side else ""
        end = "; Ctrl-C ends it" if args.seconds is None else f" for {args.seconds:g} s"
        print(f"asking for {args.vx:g} m/s{side} and {args.vyaw:g} rad/s{end}", flush=True)
        deadline = None if args.seconds is None else time.monotonic() + args.seconds
        try:
            while deadline is None or time.monotonic() < deadline:
                publisher.publish(twist(args.vx, args.vyaw, args.side))
                graph.spin(PERIOD_S)
        except KeyboardInterrupt:
            if deadline is not None:
                raise
        finally:
            publisher.publish(twist(0.0, 0.0))
            publisher.wait_for_all_acked(Duration(seconds=END_S))  # the zero must have arrived before this node leaves
    return 0


def twist(forward: float, turning: float, left: float = 0.0) -> "TwistStamped":
    """The message for speeds [m/s] and a turning rate [rad/s], in base_link, with the stamp zero ("now")."""
    from geometry_msgs.msg import TwistStamped

    message = TwistStamped()
    message.header.frame_id = "base_link"
    message.twist.linear.x, message.twist.linear.y, message.twist.angular.z = forward, left, turning
    return message
