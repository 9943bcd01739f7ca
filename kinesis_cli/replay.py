"""`kinesis replay`: a recording as a test. Feeds it to a policy again, or simulates it again, and compares."""

import argparse
import sys
from pathlib import Path

from kinesis_cli.options import fraction, whole
from kinesis_cli.sim_page import ANY_PORT, LOOPBACK

DIFFERS, NOTHING_COMPARED = 8, 9
"""Exit codes: commands or states differ; there was nothing that could be compared."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `replay`."""
    parser = subparsers.add_parser(
        "replay",
        help="compare a recording with what the policy, or the simulation, gives now",
        description="Feed the recorded states and references to a policy and compare its commands with the recorded ones (1e-6). "
        "With --resimulate: simulate a lock-step recording again under its own commands and compare every state bit by bit.",
        epilog="Exit code 8: something differs; 9: nothing could be compared.",
    )
    parser.add_argument("bag", type=Path, metavar="BAG", help="a bag's folder, or a single .mcap or .db3 file")
    parser.add_argument("--policy", metavar="P", help="shipped name, or file (default: the shipped one with the recorded hash)")
    parser.add_argument("--resimulate", action="store_true", help="simulate again; the recording must be of a lock-step run from its start")
    parser.add_argument("--seed", type=whole, metavar="N", help="of the run, where the recording does not say it")
    parser.add_argument("--noise", type=fraction, metavar="F", help="excitation noise of the run, where the recording does not say it")
    parser.add_argument("--perturbation", type=fraction, metavar="F", help="size of the random start, where the recording does not say it")
    parser.add_argument(
        "--web",
        type=whole,
        nargs="?",
        const=ANY_PORT,
        metavar="PORT",
        help="compare nothing: play the recording on the page (default: 8080 or the next free one)",
    )
    parser.add_argument("--web-host", default=LOOPBACK, metavar="ADDRESS", help="with --web: serve it to other machines too; it then asks for a token")
    parser.add_argument("--emg", action="append", default=[], type=Path, metavar="FILE", help="with --web: recordings of people to show beside it")
    parser.add_argument("--graph", type=whole, default=0, metavar="I", help="with --web: which body, where the recording holds several (default: 0)")
    parser.add_argument("--tolerance", type=float, default=1e-6, metavar="E", help="largest difference of a command (default: 1e-6)")


def run(args: argparse.Namespace) -> int:
    """Replay every graph of the recording; the worst exit code.

    Raises:
        UnavailableError: not a bag, no policy, or facts of the run are missing.
    """
    from kinesis_control.errors import UnavailableError
    from kinesis_control.evaluate.stream_graph import graphs_of
    from kinesis_control.evaluate.stream_open import Recording

    with Recording(args.bag) as recording:
        graphs = graphs_of(recording.topics)
        if not graphs:
            raise UnavailableError(f"{args.bag} holds no body state; it holds: {', '.join(sorted(recording.topics)) or 'nothing'}")
        if args.web is not None:
            from kinesis_cli.replay_page import show_recording

            return show_recording(args, recording, graphs)
        codes = [_resimulate(args, recording, graph) if args.resimulate else _replay(args, recording, graph) for graph in graphs]
        for problem in recording.problems:
            print(f"problem: {problem}", file=sys.stderr)
    return max(codes)


def _replay(args: argparse.Namespace, recording, graph) -> int:  # type: ignore[no-untyped-def]
    from kinesis_control.evaluate.replay import replay_policy

    result = replay_policy(recording, graph, lambda sha256: _policy_file(args.policy, sha256))
    where = f"{args.bag.name}{graph.namespace and ' ' + graph.namespace}"
    if not result.compared:
        print(f"{where}: nothing compared: {result.why_nothing}")
        return NOTHING_COMPARED
    good = result.largest <= args.tolerance
    print(
        f"{where}: {result.compared} commands compared with {result.policy}, largest difference {result.largest:.3g} "
        f"(state {result.largest_seq}, {result.largest_muscle}): {'equal' if good else 'DIFFERENT'} within {args.tolerance:g}"
    )
    for reason, count in result.left_out.items():
        print(f"  left out: {count} commands: {reason}")
    return 0 if good else DIFFERS


def _resimulate(args: argparse.Namespace, recording, graph) -> int:  # type: ignore[no-untyped-def]
    from kinesis_sim.resimulate import RunFacts, resimulate

    facts = RunFacts.of(recording.custom, seed=args.seed, noise=args.noise, perturbation=args.perturbation)
    result = resimulate(recording, graph, facts, lambda sha256: _policy_file(args.policy, sha256))
    where = f"{args.bag.name}{graph.namespace and ' ' + graph.namespace}"
    if not result.compared:
        print(f"{where}: nothing compared: {result.ended}")
        return NOTHING_COMPARED
    if result.first_difference is None:
        print(f"{where}: {result.compared} states simulated again, all equal bit by bit{result.ended and '; ' + result.ended}")
        return 0
    print(
        f"{where}: DIFFERENT from state {result.first_difference} on ({result.compared - 1} equal before it): {result.field} by {result.amount:.3g}. "
        "A reset or an e-stop by service, other package versions or another machine explain a difference; a recording does not hold services."
    )
    return DIFFERS


def _policy_file(asked: str | None, sha256: str) -> Path:
    """The policy asked for, else the shipped one with the recorded hash.

    Raises:
        UnavailableError: nothing was asked for, and no shipped policy has this hash.
    """
    import hashlib

    from kinesis_cli.sim_checks import resolve_policy, shipped_policies
    from kinesis_control.errors import UnavailableError

    if asked is not None:
        return resolve_policy(asked, "")
    for path in shipped_policies().values():
        if hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
            return path
    known = sha256[:16] or "none, for there is no control_status of a policy node"
    raise UnavailableError(f"no shipped policy has the recorded hash ({known}); give the policy with --policy FILE")
