"""`kinesis benchmark`: measure a policy in a suite of seeded cases, in lock-step and without ROS."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinesis_cli.options import whole

if TYPE_CHECKING:
    from kinesis_control.evaluate.report_evaluation import Evaluation
    from kinesis_control.evaluate.report_life import LifeReport
    from kinesis_sim.benchmark.suites import Case

FIRST_SEED = 1000
SUITES = ("walking", "velocity", "goals", "push", "noise", "imitation")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `benchmark`."""
    from kinesis_cli.evaluate import add_output

    parser = subparsers.add_parser(
        "benchmark",
        help="measure a policy in a suite of seeded cases",
        description="Run a suite in lock-step and without ROS. The same seeds give the same figures. What each suite asks: docs/evaluation.md",
    )
    parser.add_argument("suite", choices=SUITES)
    parser.add_argument("--body", help="which body (default: the policy's)")
    parser.add_argument("--policy", metavar="P", help="shipped name, or file (default: the one shipped for the body)")
    parser.add_argument("--library", type=Path, metavar="LIB", help="motion library, for imitation")
    parser.add_argument("--seeds", type=whole, metavar="N", help="how many seeds (default: what the suite says)")
    parser.add_argument("--first-seed", type=whole, default=FIRST_SEED, metavar="N", help=f"the first of them (default: {FIRST_SEED})")
    parser.add_argument("--jobs", type=whole, default=2, metavar="N", help="processes (default: 2)")
    parser.add_argument("--ray", metavar="ADDRESS", help="run the cases on a Ray cluster; 'local' starts one on this machine")
    parser.add_argument("--bags", action="store_true", help="also write every case as a bag, to DIR/bags")
    parser.add_argument("--emg", action="append", default=[], type=Path, metavar="FILE", help="recordings of people to compare muscles with")
    add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Run what is not finished yet, sum up, write.

    Raises:
        ConfigurationError: options that do not go together.
        UnavailableError: no policy for the body, Ray is missing, or a file cannot be written.
    """
    from kinesis_cli.evaluate import exit_code, finish, prepare_output
    from kinesis_control.evaluate.report_conditions import Condition

    conditions = [Condition.parse(text) for text in args.fail_if]
    prepare_output(args)
    evaluation, people = _measure(args)
    verdicts = finish(args, evaluation, conditions, _other(args.against), people)
    return exit_code(verdicts)


def _measure(args: argparse.Namespace) -> "tuple[Evaluation, Any]":
    from kinesis_cli.evaluate import Progress, emg_figures, recordings_of_people
    from kinesis_cli.sim_checks import resolve_policy
    from kinesis_control.errors import ConfigurationError
    from kinesis_sim.benchmark.pool import Job, require_policy_body, run_cases
    from kinesis_sim.benchmark.suites import SUITES as TABLE
    from kinesis_sim.benchmark.suites import cases_of

    if args.bags and (args.output is None or args.ray is not None):
        raise ConfigurationError("--bags needs a folder (-o DIR), and is not for Ray: the bags would be left on other machines")
    policy = resolve_policy(args.policy, args.body or "legs80")
    body = require_policy_body(policy, args.body)
    suite = TABLE[args.suite]
    seeds = range(args.first_seed, args.first_seed + (suite.seeds if args.seeds is None else args.seeds))
    clips = clips_of(args.library, body) if args.library is not None else []
    cases = cases_of(args.suite, seeds, clips)
    people = recordings_of_people(args.emg)
    progress = Progress(sys.stderr)
    job = Job(
        policy=str(policy), body=body, library=str(args.library.resolve()) if args.library is not None else None,
        bags=str(args.output / "bags") if args.bags else None,
    )  # fmt: skip
    lives = run_cases(
        job, cases, folder=args.output / "cases" if args.output is not None else None, processes=max(args.jobs, 1), ray_address=args.ray,
        on_done=lambda case, done, total: progress.update(case.name, done, total),
    )  # fmt: skip
    progress.clear()
    if people:
        compare = emg_figures(people)
        lives = [life.with_figures(compare(life)) for life in lives]
    return _evaluation(args, suite.asks, cases, lives), people


def _evaluation(args: argparse.Namespace, asks: str, cases: "Sequence[Case]", lives: "Sequence[LifeReport]") -> "Evaluation":
    from kinesis_control.evaluate.report_evaluation import combine
    from kinesis_sim.benchmark.pool import kinds_of
    from kinesis_sim.benchmark.suites import RULES

    kinds = {kind: combine(kind, members).groups[0].figures for kind, members in kinds_of(cases, lives).items()}
    extra = {
        "suite": args.suite, "asks": asks, "success": RULES[cases[0].success], "seeds": sorted({case.seed for case in cases}),
        "library": args.library.name if args.library is not None else None,
        "kinds": {kind: {name: f.as_dict() for name, f in figures.items()} for kind, figures in kinds.items()},
    }  # fmt: skip
    return combine(f"Benchmark {args.suite}", lives, extra=extra)


def clips_of(library: Path, body: str) -> list[tuple[str, float]]:
    """Name and duration [s] of every clip of a library."""
    from kinesis_control.motion.library import Library
    from kinesis_sim.bodies import load_body

    opened = Library.open(library, load_body(body).description)
    return [(clip.name, clip.duration_s) for clip in opened]


def _other(path: Path | None) -> Any:
    """Figures of an earlier benchmark."""
    from kinesis_control.evaluate.report_json import read_figures

    return None if path is None else read_figures(path)
