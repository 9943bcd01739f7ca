"""`kinesis launch FILE [arg:=value ...]`: runs a YAML launch file, with or without a ROS 2 installation."""

import argparse
from typing import Any

from kinesis_control.errors import ConfigurationError


def add_parser(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Register the command."""
    parser = subparsers.add_parser("launch", help="run a YAML launch file", description=__doc__)
    parser.add_argument("words", nargs="+", metavar="FILE | PACKAGE FILE | arg:=value", help="launch file, then its arguments as name:=value")
    parser.add_argument("-s", "--show-args", action="store_true", help="list the arguments of the file and end")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the launch file until it ends; its exit code."""
    from kinesis_cli.launcher import LaunchDescription, run_launch
    from kinesis_cli.launcher.description import find_launch_file

    path, words = find_launch_file(args.words)
    given = parse_arguments(words)
    if args.show_args:
        for argument in LaunchDescription.declared(path):
            default = "required" if argument.default is None else f"default: '{argument.default}'"
            choices = f"; one of: {', '.join(argument.choices)}" if argument.choices else ""
            print(f"{argument.name}  ({default}{choices})\n    {argument.description or 'no description'}")
        return 0
    return run_launch(path, given)


def parse_arguments(words: list[str]) -> dict[str, str]:
    """`name:=value` words as a mapping.

    Raises:
        ConfigurationError: a word that is not of this form.
    """
    wrong = [w for w in words if ":=" not in w or w.startswith(":=")]
    if wrong:
        raise ConfigurationError(f"'{wrong[0]}' is not an argument of a launch file; expected name:=value")
    return dict(word.split(":=", 1) for word in words)
