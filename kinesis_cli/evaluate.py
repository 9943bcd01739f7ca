"""`kinesis evaluate`: what happened in a recording, as figures and as one page."""

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kinesis_control.evaluate.episode import Kinematics
    from kinesis_control.evaluate.figure import Figure
    from kinesis_control.evaluate.report_conditions import Verdict
    from kinesis_control.evaluate.report_evaluation import Evaluation, Knowledge
    from kinesis_control.evaluate.report_life import LifeReport

CONDITION_FAILED, FIGURE_MISSING, NOTHING_READ = 8, 9, 10
"""Exit codes: a --fail-if holds; a figure that a --fail-if asks for cannot be given; no state of a body could be read."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `evaluate`."""
    parser = subparsers.add_parser(
        "evaluate",
        help="figures and a report from recordings",
        description="Read bags of `ros2 bag record`, `kinesis record` or `kinesis sim --record` and say what happened in them.",
        epilog="Exit code 8: a --fail-if holds; 9: a figure that it asks for is missing; 10: no state of a body could be read.",
    )
    parser.add_argument("bags", nargs="+", type=Path, metavar="BAG", help="a bag's folder, or a single .mcap or .db3 file")
    parser.add_argument("--emg", action="append", default=[], type=Path, metavar="FILE", help="recordings of people (npz, csv, sto, json); may be repeated")
    parser.add_argument("--library", type=Path, metavar="LIB", help="motion library the clips came from: tells how long each clip is")
    add_output(parser)


def add_output(parser: argparse.ArgumentParser) -> None:
    """Options that `evaluate` and `benchmark` share."""
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="write the report to DIR/index.html")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to this file")
    parser.add_argument("--against", type=Path, metavar="BAG_OR_JSON", help="compare with another bag, or with a file of --json")
    parser.add_argument(
        "--fail-if", action="append", default=[], metavar="CONDITION", help="exit with 8 if it holds, for example 'success05<0.9'; may be repeated"
    )


def run(args: argparse.Namespace) -> int:
    """Read, compute, write; the exit code says what came of the conditions.

    Raises:
        UnavailableError: a bag that cannot be read at all, or a file that cannot be written.
        UnknownNameError: a condition on a figure that does not exist.
    """
    from kinesis_control.evaluate.report_conditions import Condition
    from kinesis_control.evaluate.report_evaluation import evaluate_recordings

    conditions = [Condition.parse(text) for text in args.fail_if]  # a misspelt one is said before the work
    prepare_output(args)
    knowledge = _knowledge(args)
    progress = Progress(sys.stderr)
    evaluation = evaluate_recordings(args.bags, knowledge, progress.update)
    progress.clear()
    against = _other_figures(args.against, knowledge)
    verdicts = finish(args, evaluation, conditions, against, recordings_of_people(args.emg))
    if not evaluation.lives:
        return NOTHING_READ
    return exit_code(verdicts)


def exit_code(verdicts: "list[Verdict]") -> int:
    """What a script sees."""
    if any(v.failed for v in verdicts):
        return CONDITION_FAILED
    return FIGURE_MISSING if any(v.failed is None for v in verdicts) else 0


def prepare_output(args: argparse.Namespace) -> None:
    """Find out before the work whether its result can be written, and get what draws it."""
    from kinesis_cli.sim_summary import require_writable
    from kinesis_control.errors import UnavailableError

    if args.json is not None:
        require_writable(args.json)
    if args.output is not None:
        require_extra()
        if args.output.exists() and not args.output.is_dir():
            raise UnavailableError(f"cannot write a report to '{args.output}': it is a file, expected a folder")


def require_extra() -> None:
    """Install what draws reports where it is not there yet."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        from kinesis_cli.setup import ensure_extra

        ensure_extra("evaluate")


def finish(args: argparse.Namespace, evaluation: "Evaluation", conditions: Any, against: "dict[str, Figure] | None", people: Any = ()) -> "list[Verdict]":
    """Write the files, judge, print."""
    from kinesis_control.errors import KinesisError
    from kinesis_control.evaluate.emg_table import emg_table
    from kinesis_control.evaluate.report_conditions import judge
    from kinesis_control.evaluate.report_json import to_json
    from kinesis_control.evaluate.report_text import summary_lines

    if args.json is not None:
        more: dict[str, Any] = {"emg": emg_table(evaluation.lives, people)} if people else {}
        if against is not None:
            more["against"] = {"path": str(args.against), "figures": {n: f.as_dict() for n, f in against.items()}}
        write_text(args.json, to_json(evaluation, more))
    lines = summary_lines(evaluation, against)
    try:
        verdicts = judge(conditions, evaluation.figures) if evaluation.lives else []
    except KinesisError:  # a condition on an unknown figure must not cost the result
        print("\n".join(lines))
        raise
    lines += [verdict.line() for verdict in verdicts]
    if args.output is not None:
        from kinesis_control.evaluate.html_report import write_report

        name = args.against.name if args.against is not None else ""
        page = write_report(args.output, evaluation, verdicts=verdicts, against=against, against_name=name, emg=people)
        lines.append(f"report: {page}")
    print("\n".join(lines))  # last of all: whoever reads it may end first, as `head` does
    return verdicts


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        UnavailableError: the disk is full, or the folder has become unwritable.
    """
    from kinesis_control.errors import UnavailableError

    temporary = path.with_name(f".{path.name}.new")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UnavailableError(f"could not write '{path}': {error.strerror}") from error


def _other_figures(path: Path | None, knowledge: "Knowledge") -> "dict[str, Figure] | None":
    from kinesis_control.evaluate.report_evaluation import evaluate_recordings
    from kinesis_control.evaluate.report_json import read_figures

    if path is None:
        return None
    if path.suffix == ".json":
        return read_figures(path)
    return dict(evaluate_recordings([path], knowledge).figures)


def recordings_of_people(files: list[Path]) -> list[Any]:
    from kinesis_control.evaluate.emg_trials import read_people

    return list(read_people(files))


def _knowledge(args: argparse.Namespace) -> "Knowledge":
    from kinesis_control.evaluate.report_evaluation import Knowledge

    people = recordings_of_people(args.emg)
    return Knowledge(
        find_body=find_body,
        kinematics=kinematics_of,
        clip_length=clip_lengths(args.library) if args.library else None,
        emg=emg_figures(people) if people else None,
    )


def emg_figures(people: list[Any]) -> "Callable[[LifeReport], Iterable[Figure]]":
    """Comparison of an episode with people, on both time bases."""
    from kinesis_control.evaluate.emg import compare, comparison_figures
    from kinesis_control.evaluate.time_base import TimeBase

    return lambda life: [figure for base in TimeBase for figure in comparison_figures(compare(life.legs, people, base))]


def find_body(layout_hash: str) -> Any:
    """Description of the shipped body with this muscle layout, or None."""
    from kinesis_sim.bodies import body_names, load_body

    for name in body_names():
        description = load_body(name).description
        if description.muscles.hash == layout_hash:
            return description
    return None


def kinematics_of(name: str, model_hash: str) -> "Kinematics | None":
    """Kinematics of a shipped body, if it is the very model that was recorded."""
    from kinesis_sim.bodies import body_names, load_body
    from kinesis_sim.kinematics import KeyBodyKinematics

    if name not in body_names():
        return None
    body = load_body(name)
    return KeyBodyKinematics(body) if body.description.model_hash == model_hash else None


def clip_lengths(library: Path) -> Callable[[str], float | None]:
    """Duration of each clip of a library [s]; None for a clip that it does not have."""
    from kinesis_control.motion.library import Library

    durations = {clip.name: clip.duration_s for clip in Library.open(library)}
    return durations.get


class Progress:
    """A line on a terminal that is drawn anew; nothing where there is no terminal."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._drawn, self._begun = stream, 0.0, time.monotonic()

    def update(self, name: str, done: int, total: int) -> None:
        """Draw at most ten times a second."""
        now = time.monotonic()
        if not self._stream.isatty() or now - self._drawn < 0.1:
            return
        self._drawn = now
        share = min(done / total, 1.0) if total else 0.0
        left = (now - self._begun) * (1.0 - share) / share if share > 0.02 else 0.0
        self._stream.write(f"\r{name[:30]}  [{'#' * round(30 * share):30}] {100 * share:3.0f} %" + (f"  {left:.0f} s left " if left else "") + "\x1b[K")
        self._stream.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._stream.isatty():
            self._stream.write("\r\x1b[K")
