"""`kinesis replay BAG --web`: a recording on the page, to be played, paused and sought in."""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any


def show_recording(args: argparse.Namespace, recording: Any, graphs: list[Any]) -> int:
    """Serve the page until Ctrl-C; 0.

    Args:
        args: of `kinesis replay`: `web`, `web_host`, `emg`, `graph`.
        recording: open.
        graphs: bodies in it, at least one.

    Raises:
        UnavailableError: the port is in use, there is no such body, or nothing can be drawn of it.
        UnknownNameError: the body is not known here.
    """
    from kinesis_cli.launcher.launch import caught_signals
    from kinesis_cli.sim_page import page_port
    from kinesis_control.errors import UnavailableError
    from kinesis_control.evaluate.emg_trials import read_people
    from kinesis_sim.viewer.access import Access
    from kinesis_sim.viewer.drawing import BodyDrawing
    from kinesis_sim.viewer.film import load_recorded_body
    from kinesis_sim.viewer.human import human_facts
    from kinesis_sim.viewer.playback import Playback
    from kinesis_sim.viewer.server import PageServer
    from kinesis_sim.viewer.track import read_track

    if args.graph >= len(graphs):
        raise UnavailableError(f"{args.bag} holds {len(graphs)} bodies, number {args.graph} is not among them (they count from 0)")
    port, graph, people = page_port(args.web, wanted=True, watched=True), graphs[args.graph], read_people(args.emg)
    body = load_recorded_body(recording, graph)
    track = read_track(recording, graph, _progress)
    facts = {"human": human_facts(body.description.muscles.names, people), "clips": {"list": [], "problem": "A recording plays no clips."}}
    with tempfile.TemporaryDirectory(prefix="kinesis-report-") as reports, caught_signals() as caught:
        server = PageServer(Access.for_host(args.web_host), port or 0)
        try:
            said = f"{track.length_s:.1f} s" + (f", one state of {track.every} is shown" if track.every > 1 else "")
            print(f"{args.bag} ({said}) is at {server.address}; Ctrl-C ends it", flush=True)
            Playback(server, recording, track, BodyDrawing(body), facts=facts, reports=Path(reports)).run(lambda: bool(caught))
        finally:
            server.close()
    return 0


def _progress(done: int, total: int) -> None:
    """A line on the terminal that is redrawn."""
    if sys.stderr.isatty():
        print(f"\rreading {done} of {total} messages\x1b[K", end="\r", file=sys.stderr, flush=True)
