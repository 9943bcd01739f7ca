"""`kinesis test`: installs pytest on first use, then runs the tests on a ROS 2 domain of their own."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

FIRST_DOMAIN, DOMAINS = 42, 58
"""Domains 42 to 99: away from the 0 that people use, and below 102, from where the ports of DDS meet ephemeral ones."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `test`. No character starts an option of ours: every option is pytest's."""
    parser = subparsers.add_parser(
        "test",
        prefix_chars="\0",
        add_help=False,
        usage="kinesis test [PYTEST OPTION | PATH ...]",
        description="Runs the tests. Everything after `test` goes to pytest; without a path all tests run.",
    )
    parser.add_argument("arguments", nargs="*", help="for pytest, for example -k arming or tests/ros")
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Replaces this process by pytest.

    Raises:
        SetupError: pytest could not be installed.
    """
    from kinesis_cli.setup import ensure_extra

    if args.arguments in (["-h"], ["--help"]):
        args.parser.print_help()
        return 0
    ensure_extra("test")
    if os.environ.get("KINESIS_BROWSER"):  # the page in a real browser: a minute more, and a Chromium of the machine's own
        ensure_extra("web-test")
    os.environ.update(test_environment(os.environ, os.getpid()))
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *pytest_arguments(args.arguments)])


def pytest_arguments(arguments: Sequence[str]) -> list[str]:
    """The user's arguments, with all tests where no path is among them; works from every folder."""
    configuration = ["--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml")]
    has_path = any(Path(argument.partition("::")[0]).exists() for argument in arguments if not argument.startswith("-"))
    return [*configuration, *arguments, *([] if has_path else [str(ROOT / "tests")])]


def test_environment(environment: os._Environ[str] | dict[str, str], pid: int) -> dict[str, str]:
    """Variables that keep the tests off other people's graphs; what the user has set stays."""
    defaults = {"ROS_DOMAIN_ID": str(FIRST_DOMAIN + pid % DOMAINS), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
    return {name: environment.get(name, value) for name, value in defaults.items()}
