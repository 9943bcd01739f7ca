"""`kinesis estop | reset | arm | disarm`: the four services of the body's edge."""

import argparse

from kinesis_cli.options import add_namespace

SERVICES: dict[str, tuple[str, str]] = {
    "estop": ("estop", "stop the muscles now: fade to zero excitation, latched until 'kinesis reset'"),
    "reset": ("reset_estop", "release the latch of a stop or a fault; the body stays disarmed until 'kinesis arm'"),
    "arm": ("arm", "let commands reach the muscles"),
    "disarm": ("disarm", "fade the muscles out and listen to no command"),
}
"""Word of the command line -> service name and help."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the four words."""
    for word, (_, text) in SERVICES.items():
        add_namespace(subparsers.add_parser(word, help=text, description=text))


def run(args: argparse.Namespace) -> int:
    """Call the service and print its answer.

    Raises:
        RefusedError: the body's edge says no, with its reason.
    """
    from std_srvs.srv import Trigger

    from kinesis_cli.graph import Graph, RefusedError

    service = SERVICES[args.command][0]
    with Graph(args.command, args.namespace) as graph:
        answer = graph.call(service, Trigger, Trigger.Request())
    if not answer.success:
        raise RefusedError(f"{args.command} was refused: {answer.message}")
    print(answer.message or f"{args.command}: done")
    return 0
