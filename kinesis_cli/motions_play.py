"""`kinesis motions play NAME`: let the body follow a clip of the library that its motion node has loaded."""

import argparse

from kinesis_cli.options import add_namespace, finite, positive, whole


def add_play_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `play` to the words of `motions`; `args.play` is then `run_play`."""
    parser = subparsers.add_parser(
        "play",
        help="let the body follow a clip",
        description="Play a clip of the motion node's library from where the body is, and wait for the end. Ctrl-C calls it off; the body then stands.",
    )
    parser.add_argument("name", help="name of the clip, as 'kinesis motions list' shows it")
    parser.add_argument("--start", type=finite, default=0.0, metavar="S", help="where in the clip to begin [s] (default: 0)")
    parser.add_argument("--times", type=whole, default=1, metavar="N", help="how often; 0 for on and on (default: 1)")
    parser.add_argument("--speed", type=positive, default=1.0, metavar="FACTOR", help="0.25 to 2 (default: 1)")
    add_namespace(parser)
    parser.set_defaults(play=run_play)


def run_play(args: argparse.Namespace) -> int:
    """Use the action `track_motion` and print its result.

    Raises:
        UnavailableError: no graph, or no answer.
        RefusedError: no such clip, or it did not end well.
    """
    from kinesis_msgs.action import TrackMotion

    from kinesis_cli.ask import carry_out

    request = TrackMotion.Goal(motion=args.name, start_offset=args.start, repetitions=args.times, speed=args.speed)
    result = carry_out("play", args.namespace, "track_motion", TrackMotion, request, lambda f: f"{f.clip_time:.1f} s, root {f.root_error:.2f} m off")
    print(result.message)
    return 0
