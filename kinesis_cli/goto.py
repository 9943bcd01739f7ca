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
        "goto",
        help="send the body to a place",
        description="Send the body to a place, in the frame odom (x forward at the start, y left), and say how it will get there.",
    )
    parser.add_argument("x", type=finite, help="[m]")
    parser.add_argument("y", type=finite, help="[m]")
    parser.add_argument("--yaw", type=finite, metavar="RAD", help="heading at the goal, counter-clockwise from x [rad] (default: any)")
    parser.add_argument("--wait", action="store_true", help="stay until it is there, and say how it ended; Ctrl-C calls it off")
    add_namespace(parser)


def run(args: argparse.Namespace) -> int:
    """Publish one `goal_pose` and print the answer, or use the action `reach_goal` and wait for its result.

    Raises:
        UnavailableError: no graph, or no answer.
        RefusedError: the goal cannot be taken, or with --wait: was not reached.
    """
    goal = goal_pose(args.x, args.y, args.yaw)
    if not args.wait:
        from kinesis_cli.ask import ask

        print(ask("goto", args.namespace, "goal_pose", goal))
        return 0
    from kinesis_msgs.action import ReachGoal

    from kinesis_cli.ask import carry_out

    request = ReachGoal.Goal(goal=goal, use_heading=args.yaw is not None)
    print(carry_out("goto", args.namespace, "reach_goal", ReachGoal, request, lambda f: f"{f.distance:.2f} m to go, {f.time_taken:.0f} s").message)
    return 0


def goal_pose(x: float, y: float, yaw: float | None) -> "PoseStamped":
    """The message for a place [m] and a heading [rad] in odom; its stamp is zero: "now", whatever clock the graph runs on.

    A quaternion of four zeros stands for any heading.
    """
    from geometry_msgs.msg import PoseStamped

    goal = PoseStamped()
    goal.header.frame_id = "odom"
    goal.pose.position.x, goal.pose.position.y = x, y
    if yaw is None:
        goal.pose.orientation.w = 0.0
    else:
        goal.pose.orientation.z, goal.pose.orientation.w = math.sin(0.5 * yaw), math.cos(0.5 * yaw)
    return goal
