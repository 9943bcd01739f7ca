"""`kinesis render`: a recording as a film (MP4), drawn without a screen."""

import argparse
import sys
import time
from pathlib import Path

from kinesis_cli.options import finite, positive, whole


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `render`."""
    parser = subparsers.add_parser(
        "render",
        help="a recording as a film",
        description="Draw a recording off screen and write it as MP4: bones, and muscles coloured by activation. Needs no screen.",
    )
    parser.add_argument("bag", type=Path, metavar="BAG", help="a bag's folder, or a single .mcap or .db3 file")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.mp4", help="the film")
    parser.add_argument("--size", type=size, default=(1280, 720), metavar="WxH", help="of a picture (default: 1280x720)")
    parser.add_argument("--fps", type=positive, default=30.0, metavar="N", help="pictures a second (default: 30)")
    parser.add_argument("--azimuth", type=finite, default=125.0, metavar="DEG", help="from where the camera looks (default: 125)")
    parser.add_argument("--distance", type=positive, default=3.2, metavar="M", help="of the camera (default: 3.2)")
    parser.add_argument("--graph", type=whole, default=0, metavar="I", help="which body, where the recording holds several (default: the first, 0)")


def size(text: str) -> tuple[int, int]:
    """Width and height of a picture."""
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise argparse.ArgumentTypeError(f"got '{text}', expected WIDTHxHEIGHT, for example 1280x720")
    return int(width), int(height)


def run(args: argparse.Namespace) -> int:
    """Draw and encode.

    Raises:
        UnavailableError: no bag, nothing to draw with, no encoder, or the file cannot be written.
        ConfigurationError: size or rate out of range.
    """
    from kinesis_control.errors import UnavailableError
    from kinesis_control.evaluate.stream_graph import graphs_of
    from kinesis_control.evaluate.stream_open import Recording
    from kinesis_sim.viewer.backend import choose_backend

    choose_backend()
    from kinesis_sim.viewer import film

    config = film.FilmConfig(width=args.size[0], height=args.size[1], rate_hz=args.fps, azimuth=args.azimuth, distance=args.distance)
    film.find_encoder()
    with Recording(args.bag) as recording:
        graphs = graphs_of(recording.topics)
        if args.graph >= len(graphs):
            raise UnavailableError(f"{args.bag} holds {len(graphs)} bodies, number {args.graph} is not among them (they count from 0)")
        graph = graphs[args.graph]
        body = film.load_recorded_body(recording, graph)
        camera = film.FilmCamera(body, config)
        total, count, first, begun = recording.topics[graph.state].count, 0, None, time.monotonic()
        with film.Mp4Writer(args.output, config) as writer:
            for state in film.film_states(recording, graph, body, config.rate_hz):
                writer.write(camera.picture(state))
                count += 1
                first = state.seq if first is None else first
                _progress(count, state.seq - first, total)
        camera.close()
    if not count:
        args.output.unlink(missing_ok=True)
        raise UnavailableError(f"{args.bag} holds no state that can be drawn")
    took = time.monotonic() - begun
    print(f"{args.output}: {count} pictures, {count / config.rate_hz:.1f} s of film, drawn in {took:.1f} s ({count / took:.0f} a second)")
    return 0


def _progress(count: int, done: int, total: int) -> None:
    """A line on the terminal that is redrawn: pictures so far, and states done of all."""
    if sys.stderr.isatty() and count % 10 == 0:
        share = min(max(done / max(total, 1), 0.0), 1.0)
        print(f"\r[{'#' * round(30 * share):<30}] {count} pictures", end="\r", file=sys.stderr, flush=True)
