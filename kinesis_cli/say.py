"""`kinesis say TEXT`: ask the body in words and print what it answers."""

import argparse

from kinesis_cli.options import add_namespace


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `say`."""
    description = 'Ask the body in words, for example: kinesis say "walk forward three metres, then turn left"'
    parser = subparsers.add_parser("say", help="ask in words", description=description)
    parser.add_argument("text", nargs="+", help="what to do: walk, stop, turn 90 degrees, faster, then walk back, ...")
    add_namespace(parser)


def run(args: argparse.Namespace) -> int:
    """Publish `text_command`, wait for `text_reply`, print it.

    Raises:
        UnavailableError: no graph, or no answer.
        RefusedError: the motion node did not understand.
    """
    from std_msgs.msg import String

    from kinesis_cli.ask import ask

    print(ask("say", args.namespace, "text_command", String(data=" ".join(args.text))))
    return 0
