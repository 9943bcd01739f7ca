"""`kinesis faults`: the fault campaign on an emulated android."""

import argparse
from pathlib import Path
from typing import Any

from kinesis_cli.options import positive, whole

GUARDS = ("clamp", "slew", "trip", "deadline", "end_to_end", "arm")
"""Protections of the valve banks that `--without` switches off."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `faults`."""
    parser = subparsers.add_parser(
        "faults",
        help="the fault campaign",
        description="Start an emulated android, its guardian and its bus process, break something, and judge by what really happened to the android.",
        epilog="Exit status 0 only when every case passed. The cases are listed in docs/robot/faults.md. It needs a machine with processor time to spare.",
    )
    parser.add_argument(
        "cases",
        nargs="+",
        metavar="CASE",
        help='numbers, numbers with a variant such as 31c, or "all"; "list" prints them; "mutants" switches each protection off in turn',
    )
    parser.add_argument("--bus", choices=("udp", "can", "ethercat", "golem"), default="udp", help="link to the robot (default: udp)")
    parser.add_argument("--body", default="legs80", help="which body (default: legs80)")
    parser.add_argument("--seed", type=whole, default=0, metavar="N", help="of sensors, plant and link (default: 0)")
    parser.add_argument(
        "--clock", choices=("wall", "lockstep"), default="wall",
        help="lockstep: a virtual clock, so that a busy machine disturbs nothing; without the cases that need processes of their own (default: wall)",
    )  # fmt: skip
    parser.add_argument("--interface", metavar="IF", help="ethercat: the emulator's end of the cable")
    parser.add_argument("--peer", metavar="IF", help="ethercat: the driver's end of the cable")
    parser.add_argument("--priority", type=whole, default=50, metavar="N", help="real-time priority of the emulator, where permitted (default: 50)")
    parser.add_argument("--soak", type=positive, metavar="S", help="draw cases at random for so long, each with a seed of its own [s]")
    parser.add_argument("--without", action="append", default=[], choices=GUARDS, help="switch a protection of the valve banks off: cases that rest on it fail")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results as JSON")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the results as a page")


def run(args: argparse.Namespace) -> int:
    """Run the cases; 0 when all have passed, 1 otherwise.

    Raises:
        UnknownNameError: no such case or body.
        ConfigurationError: EtherCAT without interfaces.
    """
    from kinesis_control.errors import ConfigurationError
    from kinesis_sim.bodies import BODIES
    from kinesis_sim.emulator.campaign.run import CASES, MISSING, run_cases, select, soak, write_html, write_json

    if args.cases == ["list"]:
        for case in CASES:
            print(f"{case.name:>4}  {case.expect.value:<8}  {case.title}")
        print(f"not run yet: {', '.join(map(str, MISSING))}")
        return 0
    if args.bus == "ethercat" and not (args.interface and args.peer):
        raise ConfigurationError("ethercat needs --interface and --peer: the two ends of a cable or of a pair of virtual interfaces")
    _require_body(args.body, BODIES)
    common = {"body": args.body, "bus": args.bus, "seed": args.seed, "clock": args.clock, "options": _options(args)}
    if args.cases == ["mutants"]:
        return _mutants(common)
    cases, results = select(args.cases), []
    for result in run_cases(cases, **common) if args.soak is None else soak(cases, args.soak, **common):
        results.append(result)
        print(line_of(result), flush=True)
    passed = sum(result.passed for result in results)
    print(f"{passed} of {len(results)} cases passed")
    if args.json is not None:
        write_json(args.json, results)
    if args.html is not None:
        write_html(args.html, results)
    return 0 if results and passed == len(results) else 1


def _mutants(common: dict[str, Any]) -> int:
    """0 when every protection that was switched off was missed by its case."""
    from kinesis_sim.emulator.campaign.run import run_mutants

    missed = []
    for guard, result in run_mutants(**common):
        seen = any("violated" in why or "published" in why for why in result.why)
        verdict = "failed, as it must" if seen else "did not run" if result.why else "DID NOT SEE IT"
        print("; ".join([f"{guard:<11} off: case {result.case} {verdict}", *result.why]), flush=True)
        missed += [] if seen else [guard]
    print("every protection is missed when it is off" if not missed else f"not missed: {', '.join(missed)}")
    return 1 if missed else 0


def _require_body(name: str, known: Any) -> None:
    from kinesis_control.errors import UnknownNameError

    if name not in known:
        raise UnknownNameError("body", name, known)


def _options(args: argparse.Namespace) -> tuple[str, ...]:
    """Words for the emulator."""
    words = ["--priority", str(args.priority)] if args.priority and args.clock == "wall" else []
    if args.interface:
        words += ["--interface", args.interface, "--peer", args.peer]
    for guard in args.without:
        words += ["--without", guard]
    return tuple(words)


def line_of(result: Any) -> str:
    """One case in one line."""
    verdict = "passed" if result.passed else f"FAILED: {'; '.join(result.why)}"
    when = "" if result.detected_ms is None else f", published in {result.detected_ms:g} ms"
    fault = f" ({result.fault}{when})" if result.fault else ""
    return f"{result.case:>4}  {result.title}: {verdict}{fault}"
