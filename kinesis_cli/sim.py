"""`kinesis sim`: a simulated body, its policy and the whole graph in one command."""

import argparse
import json
import os
from pathlib import Path

from kinesis_cli.options import add_namespace, finite, fraction, positive, whole
from kinesis_cli.sim_page import add_page

DEMO = ("3.0 walk",)
"""What happens without --say: the body is seen to stand, then walks. Each entry is "TIME text", in simulated seconds."""

SAY_AT_S = 1.0
"""Simulated time at which --say is said [s]: given as a time, so that lock-step runs repeat exactly."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `sim`."""
    parser = subparsers.add_parser(
        "sim",
        help="a simulated body, its policy and the whole graph",
        description="Start a simulated body, its policy and the whole graph. The body stands up and, unless told otherwise, walks after three seconds.",
        epilog="While it runs, in another terminal: kinesis say walk, kinesis goto 2 0, kinesis status. Ctrl-C ends everything.",
    )
    parser.add_argument("--body", default="legs80", help="which body (default: legs80)")
    parser.add_argument("--policy", metavar="P", help="shipped name, or file (default: the one shipped for the body)")
    parser.add_argument(
        "--clock", choices=("lockstep", "realtime"), default="realtime", help="lockstep: as fast as it goes, same seed, same run (default: realtime)"
    )
    parser.add_argument("--duration", type=positive, metavar="S", help="end after this much simulated time [s] (default: until Ctrl-C)")
    parser.add_argument("--seed", type=whole, default=0, metavar="N", help="of the start and the noise (default: 0)")
    parser.add_argument("--perturbation", type=fraction, default=1.0, metavar="F", help="size of the seeded random start, 0..1 (default: 1)")
    parser.add_argument("--noise", type=fraction, default=0.0, metavar="F", help="excitation noise, 0..1 (default: 0; the benchmarks use 0.02)")
    parser.add_argument("--record", type=Path, metavar="DIR", help="write an MCAP bag to this new folder")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write a summary of the run")
    add_namespace(parser)
    _add_words(parser)
    _add_web(parser)


def _add_words(parser: argparse.ArgumentParser) -> None:
    words = parser.add_mutually_exclusive_group()
    words.add_argument("--say", action="append", metavar="TEXT", help=f'say this at {SAY_AT_S:g} s, or at a time of its own: --say "5 stand"; may be repeated')
    words.add_argument("--stand", action="store_true", help="do not walk off: stand until told otherwise")


def _add_web(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--headless", action="store_true", help="the same as --no-web")
    add_page(parser, "8080 or the next free one; none with --duration or --clock lockstep")
    parser.add_argument("--library", type=Path, metavar="LIB", help="motion library of the body, whose clips can be played by name")
    parser.add_argument(
        "--emg", action="append", default=[], type=Path, metavar="FILE", help="recordings of people's muscles that the page shows beside the body's"
    )


def script_of(say: list[str] | None, stand: bool) -> list[str]:
    """Entries "TIME text" for the motion node, in order of time."""
    if stand:
        return []
    if say is None:
        return list(DEMO)
    return sorted((_timed(text) for text in say), key=lambda entry: float(entry.split()[0]))


def _timed(text: str) -> str:
    first, _, rest = text.strip().partition(" ")
    try:
        time_s = finite(first)
    except (ValueError, argparse.ArgumentTypeError):
        return f"{SAY_AT_S} {text.strip()}"
    return f"{time_s} {rest.strip()}"


def run(args: argparse.Namespace) -> int:
    """Check, start, watch, end; returns 0 also when the body fell (the summary says so).

    Raises:
        UnknownNameError: body or policy.
        UnavailableError: domain, folder or file in use or not writable.
    """
    from kinesis_cli.sim_checks import licence_note, require_new_folder, resolve_policy
    from kinesis_cli.sim_page import page_port, require_files
    from kinesis_cli.sim_summary import require_writable

    licence = licence_note(args.body)
    policy = resolve_policy(args.policy, args.body)
    if args.json is not None:
        require_writable(args.json)
    if args.record is not None:
        require_new_folder(args.record)
    require_files([*args.emg, *([args.library] if args.library else [])])
    port = page_port(args.web, wanted=not (args.no_web or args.headless), watched=args.duration is None and args.clock == "realtime")
    if licence:
        print(f"note: {licence}")
    # A simulation is nobody else's business, and two on one network would command each other. Who wants it wider says so.
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    from kinesis_cli.sim_run import run_simulation

    return run_simulation(launch_arguments(args, policy, port), args.json)


def launch_arguments(args: argparse.Namespace, policy: Path, port: int | None = None) -> dict[str, str]:
    """Arguments of launch/sim.launch.yaml; what was not asked for is left to the defaults of the file. `port`: of the page, None for no page."""
    given = {
        "body": args.body,
        "policy": str(policy),
        "clock": args.clock,
        "seed": str(args.seed),
        "noise": str(args.noise),
        "perturbation": str(args.perturbation),
        "namespace": args.namespace,
        "observer": "true",
    }
    script = script_of(args.say, args.stand)
    if script:
        given["script"] = json.dumps(script)  # JSON is YAML, which the launch file reads
    if port is not None:
        given |= {"web": "true", "port": str(port), "host": args.web_host}
    if args.library is not None:
        given["library"] = str(args.library.absolute())
    if args.emg:
        given["emg"] = json.dumps([str(file.absolute()) for file in args.emg])
    if args.duration is not None:
        given["duration"] = str(args.duration)
    if args.record is not None:
        given["record"] = str(args.record.absolute())
    return given
