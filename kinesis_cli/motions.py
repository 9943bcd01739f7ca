"""`kinesis motions`: recorded human motion as references for a body: import, list, show, plot, view, play."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from kinesis_cli.motions_import import add_import_parser, add_reading
from kinesis_cli.motions_play import add_play_parser

if TYPE_CHECKING:
    from kinesis_control.motion.clip import MotionClip
    from kinesis_control.motion.library_format import Entry
    from kinesis_sim.bodies import Body

SORTS = ("name", "duration", "speed", "turn", "content", "error", "skate", "jumps")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register `motions` and its sub-commands."""
    parser = subparsers.add_parser("motions", help="recorded human motion as references for a body", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="COMMAND")
    add_import_parser(kinds)

    listing = kinds.add_parser("list", help="the clips of a library, one a line")
    listing.add_argument("library", type=Path, metavar="LIB.h5")
    listing.add_argument("--sort", choices=SORTS, default="name", help="(default: %(default)s)")
    listing.add_argument("--mirrored", action="store_true", help="mirrored copies too")
    listing.set_defaults(action=run_list)

    show = kinds.add_parser("show", help="everything that is known of one clip")
    show.add_argument("library", type=Path, metavar="LIB.h5")
    show.add_argument("name")
    show.set_defaults(action=run_show)

    plot = kinds.add_parser("plot", help="joints, feet, contacts, path and speed of a clip as a picture")
    view = kinds.add_parser("view", help="the body in the clip, beside the recorded skeleton: a film strip (.png) or a film (.gif)")
    for command, action in ((plot, run_plot), (view, run_view)):
        command.add_argument("library", type=Path, metavar="LIB.h5")
        command.add_argument("name")
        command.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help=".png" if command is plot else ".png or .gif")
        command.set_defaults(action=action)
    view.add_argument("--source", type=Path, metavar="PLACE", help="the recording that the clip was made from, or a folder that holds it, to draw it beside")
    add_reading(view)
    view.add_argument("--frames", type=_frames, default=8, metavar="N", help="pictures in a film strip, 2 to 16 (default: %(default)s)")
    view.add_argument("--start", type=float, default=0.0, metavar="S", help="first moment [s] (default: %(default)s)")
    view.add_argument("--end", type=float, metavar="S", help="last moment [s] (default: the end of the clip)")

    add_play_parser(kinds)


def _frames(text: str) -> int:
    value = int(text)
    if not 2 <= value <= 16:
        raise argparse.ArgumentTypeError(f"got {value}, expected 2 to 16")
    return value


def run(args: argparse.Namespace) -> int:
    """Do what the sub-command says."""
    return int(args.play(args) if args.kind == "play" else args.action(args))


def run_list(args: argparse.Namespace) -> int:
    """One line a clip."""
    from kinesis_control.motion.clip import MIRRORED
    from kinesis_control.motion.library import Library

    library = Library.open(args.library)
    names = [n for n in library.names if args.mirrored or not n.endswith(MIRRORED)]
    entries = {n: library.entry(n) for n in names}
    width = max([4, *map(len, names)])
    print(f"{'name':<{width}}  seconds  m/s    turn  content        error  skate  jumps")
    for name in sorted(names, key=lambda n: (_sort_key(entries[n], args.sort), n)):
        e = entries[name]
        d, r = e.descriptors, e.report
        moved = f"{_number(d, 'duration_s'):7.2f}  {_number(d, 'mean_speed'):4.2f}  {57.3 * _number(d, 'heading_change'):5.0f}°  {d.get('content', '')!s:<12}"
        quality = f"{_number(r, 'key_body_error_mm'):4.1f} mm  {_number(r, 'foot_skate_mm_s'):5.1f}  {100 * _number(r, 'tendon_jumps'):4.1f}%"
        print(f"{name:<{width}}  {moved}  {quality}")
    mirrored = len(library) - len(names)
    print(f"{len(names)} clips{f' and {mirrored} mirrored copies' if mirrored else ''} for body {library.header.body}")
    return 0


def _number(figures: object, key: str) -> float:
    value = figures.get(key, float("nan")) if hasattr(figures, "get") else float("nan")
    return float(value) if not isinstance(value, str) else float("nan")


def _sort_key(entry: "Entry", sort: str) -> float | str:
    keys = {"duration": "duration_s", "speed": "mean_speed", "turn": "heading_change"}
    reports = {"error": "key_body_error_mm", "skate": "foot_skate_mm_s", "jumps": "tendon_jumps"}
    if sort in keys:
        return _number(entry.descriptors, keys[sort])
    if sort in reports:
        return -_number(entry.report, reports[sort])  # the worst first
    return str(entry.descriptors.get("content", "")) if sort == "content" else ""


def run_show(args: argparse.Namespace) -> int:
    """Every figure of a clip."""
    from kinesis_control.motion.library import Library

    library = Library.open(args.library)
    clip = library.clip(args.name)
    print(f"{clip.name}: {clip.frames} frames at {clip.rate_hz:g} Hz, {clip.duration_s:.2f} s, body {library.header.body}")
    for title, figures in (("source", clip.source), ("what it shows", clip.descriptors), ("retargeting", clip.report)):
        print(f"{title}:")
        for key, value in figures.items():
            print(f"  {key:<24} {value if isinstance(value, str) else f'{value:.4g}'}")
    events = ", ".join(f"{e.time_s:.2f} {e.side} {'strike' if e.kind == 'heel_strike' else 'off'}" for e in clip.gait_events)
    print(f"gait events: {events or 'none'}")
    return 0


def _opened(args: argparse.Namespace) -> "tuple[Body, MotionClip]":
    """The body of a library, and one of its clips."""
    from kinesis_cli.motions_import import require_extra

    require_extra()
    from kinesis_control.motion.library import Library
    from kinesis_sim.bodies import load_body

    body = load_body(Library.open(args.library).header.body)
    return body, Library.open(args.library, body.description).clip(args.name)


def run_plot(args: argparse.Namespace) -> int:
    """Draw the curves of a clip."""
    body, clip = _opened(args)
    from kinesis_sim.retarget.plots import plot_clip

    plot_clip(body, clip, args.output)
    print(f"wrote {args.output}")
    return 0


def run_view(args: argparse.Namespace) -> int:
    """Draw the body in the clip, beside its source where that is given."""
    body, clip = _opened(args)
    from kinesis_control.motion.readers import read_motion
    from kinesis_sim.retarget.views import View, draw_view, recording_of

    source = None
    if args.source:
        source = read_motion(recording_of(clip, args.source), mapping=args.mapping, units=args.units, up=args.up)
    draw_view(View(body=body, clip=clip, source=source, start_s=args.start, end_s=args.end, pictures=args.frames), args.output)
    print(f"wrote {args.output}")
    if source is None:
        print(f"without --source the body is drawn alone; the clip was made from '{clip.source.get('file', 'unknown')}'")
    return 0
