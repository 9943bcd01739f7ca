"""The `kinesis` command: finds the command's file, imports only that, turns errors into one line and an exit code."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from kinesis_cli.registry import BY_NAME, COMMANDS, Command

INTERRUPTED = 130
"""Exit code of a command that Ctrl-C ended, as a shell reports it (128 + SIGINT)."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. Known errors become one line on stderr."""
    from kinesis_control.errors import KinesisError

    try:
        return _dispatch(list(sys.argv[1:] if argv is None else argv))
    except KinesisError as error:
        print(f"kinesis: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # `kinesis status | head`: the reader has gone, which is not an error of ours
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED


def _dispatch(argv: list[str]) -> int:
    from kinesis_control.errors import UnknownNameError

    if not argv or argv[0] in ("-h", "--help", "help"):
        print(overview())
        return 0 if argv else 2
    if argv[0] in ("-V", "--version"):
        print(f"kinesis {version()}")
        return 0
    if argv[0].startswith("-"):
        raise UnknownNameError("option", argv[0], ["--help", "--version"])
    command = BY_NAME.get(argv[0])
    if command is None:
        raise UnknownNameError("command", argv[0], BY_NAME)
    return _run(command, argv)


def _run(command: Command, argv: list[str]) -> int:
    from kinesis_control.errors import UnavailableError

    try:
        return _parse_and_run(command, argv)
    except ModuleNotFoundError as error:
        raise UnavailableError(
            f"'{command.name}' needs the Python module '{error.name}', which this Python does not have ({sys.executable}); "
            "'./kinesis doctor' says what is missing and how to get it"
        ) from error


def _parse_and_run(command: Command, argv: list[str]) -> int:
    module = import_module(command.module)
    parser = argparse.ArgumentParser(prog="kinesis", allow_abbrev=False)
    module.add_parser(parser.add_subparsers(dest="command", metavar="COMMAND", required=True))
    try:
        args = parser.parse_args(argv)
    except SystemExit as stop:  # argparse has printed its message; the exit code goes the way of every other command
        return stop.code if isinstance(stop.code, int) else 2
    return int(module.run(args) or 0)


def overview() -> str:
    """Text of `kinesis --help`."""
    lines = ["usage: kinesis COMMAND [options]      (kinesis COMMAND --help for the options)", ""]
    lines += ["A muscle-driven body on a ROS 2 graph. To begin: kinesis sim"]
    for group in dict.fromkeys(command.group for command in COMMANDS):
        lines += ["", f"{group}:"]
        lines += [f"  {command.name:<9} {command.help}" for command in COMMANDS if command.group == group]
    return "\n".join([*lines, "", "  --version   the version of this stack"])


def version() -> str:
    """Version of the installed distribution, else the one stated in package.xml of this checkout."""
    import re
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed
    from pathlib import Path

    manifest = Path(__file__).resolve().parent.parent / "package.xml"
    if manifest.is_file():
        found = re.search(r"<version>([^<]+)</version>", manifest.read_text())
        if found:
            return found.group(1)
    try:
        return installed("kinesis-ros")
    except PackageNotFoundError:
        return "unknown (neither installed nor in a checkout)"


if __name__ == "__main__":
    sys.exit(main())
