"""`kinesis goto X Y`: send the body to a place on the floor."""

import argparse
import math
from typing import TYPE_CHECKING

from kinesis_cli.options import add_namespace, finite

if TYPE_CHECKING:
    from geometry_msgs.msg import PoseStamped


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `goto`."""
    parser = subparsers.add_parser(
        "goto", help="send the body to a place", description="Send the body to a place, in the frame odom (x forward at the start, y left)."
    )
    parser.add_argument("x", type=finite, help="[m]")
    parser.add_argument("y", type=finite, help="[m]")
    parser.add_argument(
        "--yaw",
        type=finite,
        default=0.0,
        metavar="DEG",
        help="heading at the goal, counter-clockwise; sent, and followed by motion nodes that can turn on the spot (default: 0)",
    )
    add_namespace(parser)


def run(args: argparse.Namespace) -> int:
    """Publish one `goal_pose` and print the answer.

    Raises:
        UnavailableError: no graph, or no answer.
        RefusedError: the goal is too far away.
    """
    from kinesis_cli.ask import ask

    print(ask("goto", args.namespace, "goal_pose", goal_pose(args.x, args.y, math.radians(args.yaw))))
    return 0


def goal_pose(x: float, y: float, yaw: float) -> "PoseStamped":
    """The message for a place [m] and a heading [rad] in odom; its stamp is zero: "now", whatever clock the graph runs on."""
    from geometry_msgs.msg import PoseStamped

    goal = PoseStamped()
    goal.header.frame_id = "odom"
    goal.pose.position.x, goal.pose.position.y = x, y
    goal.pose.orientation.z, goal.pose.orientation.w = math.sin(0.5 * yaw), math.cos(0.5 * yaw)
    return goal
