"""`kinesis robot`: a robot, or an emulated one, with guardian, bus process and the whole graph in one command."""

import argparse
import os
from pathlib import Path

from kinesis_cli.options import add_namespace, finite, fraction, positive, whole
from kinesis_cli.sim_page import add_page, page_port

DEMO = ("2 walk",)
"""What is said without --say, "TIME text", in seconds of being active."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `robot`."""
    parser = subparsers.add_parser(
        "robot",
        help="a robot, or an emulated one, with guardian, driver and policy",
        description="Start guardian, bus process, driver node, policy, motion and supervisor for a robot; show each step of arming; end it vented.",
        epilog="Keys at a terminal: space is the emergency stop (vents at once), q ends in order. Exit status 0: armed, ran, disarmed, no fault.",
    )
    parser.add_argument("--driver", default="dummy", help="which link (default: dummy, which needs no robot)")
    parser.add_argument("--emulate", action="store_true", help="start an emulated android at the other end of the link")
    parser.add_argument("--settings", type=Path, metavar="FILE", help="a real robot: settings of its bus process, guardian.json beside them")
    parser.add_argument("--body", default="legs80", help="which body (default: legs80)")
    parser.add_argument("--policy", metavar="P", help="shipped name, or file (default: the one shipped for the body when it hangs)")
    parser.add_argument("--duration", type=positive, metavar="S", help="disarm and end after so long in motion [s] (default: until Ctrl-C)")
    parser.add_argument("--arm", action="store_true", help="with --settings: arm by itself; otherwise a person does, with: kinesis arm")
    parser.add_argument("--check", action="store_true", help="no policy: move every muscle once, alone, at a low pressure, and say what is not as it should be")
    parser.add_argument("--cap", type=fraction, default=0.3, metavar="F", help="with --emulate: share of full pressure (default: 0.3, as for a new robot)")
    parser.add_argument("--seed", type=whole, default=0, metavar="N", help="with --emulate: of every random number (default: 0)")
    parser.add_argument("--say", action="append", metavar="TEXT", help='say this, or at a time in motion: --say "5 stop"; may be repeated (default: "2 walk")')
    parser.add_argument("--record", type=Path, metavar="DIR", help="write an MCAP bag to this new folder")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write a summary of the run")
    parser.add_argument("--headless", action="store_true", help="the same as --no-web")
    add_page(parser, "8080 or the next free one; none with --duration")
    add_namespace(parser)


def script_of(say: list[str] | None) -> list[tuple[float, str]]:
    """Times [s] and texts, in order; a text without a time is said at 1 s."""
    entries = []
    for text in DEMO if say is None else say:
        first, _, rest = text.strip().partition(" ")
        try:
            entries.append((finite(first), rest.strip()))
        except (ValueError, argparse.ArgumentTypeError):
            entries.append((1.0, text.strip()))
    return sorted(entries)


def hanging_policy(body: str) -> str | None:
    """Shipped name of the policy for a body that hangs from a gantry, as the robots of this version do; None where there is none."""
    from kinesis_cli.sim_checks import shipped_policies

    name = f"{body}-suspended"
    return name if name in shipped_policies() else None


def run(args: argparse.Namespace) -> int:
    """Check, start, watch, end.

    Raises:
        UnknownNameError: driver, body or policy.
        ConfigurationError: options that do not go together.
        UnavailableError: a folder, domain, link or process that cannot be used.
    """
    from kinesis_cli.sim_checks import require_body, require_new_folder, resolve_policy
    from kinesis_cli.sim_summary import require_writable
    from kinesis_control.drivers.registry import driver_names
    from kinesis_control.errors import ConfigurationError, UnknownNameError

    if args.driver not in driver_names():
        raise UnknownNameError("driver", args.driver, driver_names())
    require_body(args.body)
    if args.emulate and args.settings is not None:
        raise ConfigurationError("--emulate and --settings: a robot is emulated or real, give one of them")
    if args.driver != "dummy" and not args.emulate and args.settings is None:
        raise ConfigurationError(f"--driver {args.driver} needs a robot: --emulate for an emulated one, --settings FILE for a real one")
    if args.cap <= 0.0:
        raise ConfigurationError(f"--cap: got {args.cap}, expected above 0 to 1")
    if args.json is not None:
        require_writable(args.json)
    if args.check:
        from kinesis_cli.robot_check import run_check

        return run_check(args)
    policy = resolve_policy(args.policy or hanging_policy(args.body), args.body)
    if args.record is not None:
        require_new_folder(args.record)
    args.web = page_port(args.web, wanted=not (args.no_web or args.headless), watched=args.duration is None)
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    from kinesis_cli.robot_run import run_robot

    return run_robot(args, policy)
