"""`kinesis bench`: measure the numbers that the README states, on this machine."""

import argparse
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from kinesis_control.errors import UnavailableError

PARTS = ("tick", "library", "world", "lockstep", "realtime")
PRIVILEGED = ("bus",)
"""Asked for by name alone: it needs raw sockets and real-time priority."""

BUSY = 0.5
"""Load per core above which is said that the machine is not free."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `bench`."""
    parser = subparsers.add_parser(
        "bench", help="measure", description="Measure speed and punctuality. Ratios are taken within one run; minimum, median and maximum are shown."
    )
    parser.add_argument("part", nargs="?", choices=(*PARTS, *PRIVILEGED, "all"), default="all", help="what to measure (default: all, about five minutes)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every value to this file")


def run(args: argparse.Namespace) -> int:
    """Measure, print as it comes, and write the file.

    Raises:
        UnavailableError: not run from a source tree, or the file cannot be written.
    """
    from kinesis_cli.sim_summary import require_writable, write_json

    if args.json is not None:
        require_writable(args.json)
    machine = _machine()
    if machine["load"] > BUSY * machine["cores"]:
        print(f"note: other programs are running (load {machine['load']:.1f} on {machine['cores']} cores); times will be theirs, too", file=sys.stderr)
    results: list[dict[str, Any]] = []
    for part in PARTS if args.part == "all" else (args.part,):
        for result in _measurement(part)():
            print(result.row(), flush=True)
            results.append(result.as_dict())
    if args.json is not None:
        write_json(args.json, {"machine": machine, "results": results})
    return 0


def _measurement(part: str) -> Callable[[], Iterable[Any]]:
    """The function that measures this part; imported only now, because each needs other packages."""
    from kinesis_cli.launcher.packages import SOURCE_ROOT
    from kinesis_cli.sim_checks import shipped_policies

    if not (SOURCE_ROOT / "benchmarks").is_dir():
        raise UnavailableError("the benchmarks are part of the source tree, which this installation does not have")
    if str(SOURCE_ROOT) not in sys.path:
        sys.path.append(str(SOURCE_ROOT))
    shipped = next((path for name, path in shipped_policies().items() if name.startswith("legs80-")), None)
    if part == "tick":
        return lambda: import_module("benchmarks.tick").run(shipped)
    if part == "bus":
        require_robot_extra()
    if part in ("world", "library", "bus"):
        return lambda: import_module(f"benchmarks.{part}").run()
    graph = import_module("benchmarks.graph")
    return graph.lockstep if part == "lockstep" else lambda: graph.realtime(shipped)


def require_robot_extra() -> None:
    """Install the links to hardware where they are not there yet."""
    try:
        import_module("pysoem")
    except ImportError:
        from kinesis_cli.setup import ensure_extra

        ensure_extra("robot")


def _machine() -> dict[str, Any]:
    import os
    import platform

    return {"cores": os.cpu_count() or 1, "load": round(os.getloadavg()[0], 2), "machine": platform.machine(), "python": platform.python_version()}
