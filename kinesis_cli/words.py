"""`kinesis words TEXT`: what a text would be understood as, without a body; or how well a table of texts is understood."""

import argparse
from pathlib import Path


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `words`."""
    parser = subparsers.add_parser(
        "words",
        help="what a text is understood as",
        description="What a text is understood as, without a body: kinesis words 'walk three metres, then turn around'. Exit status 1 for a refusal.",
    )
    parser.add_argument("text", nargs="*", help="what to do, in ordinary English")
    parser.add_argument("--evaluate", type=Path, metavar="TABLE.csv", help="compare a table with the columns text and meaning; exit status 1 below --at-least")
    parser.add_argument("--at-least", type=_share, default=0.95, metavar="SHARE", help="share that must be right with --evaluate, 0 to 1 (default: 0.95)")


def _share(text: str) -> float:
    from kinesis_cli.options import fraction

    return fraction(text)


def run(args: argparse.Namespace) -> int:
    """Print what is understood; returns 1 for a refusal, or for a table that is not understood well enough.

    Raises:
        ConfigurationError: neither a text nor a table was given, both were, or the table cannot be read.
    """
    from kinesis_control.errors import ConfigurationError

    if bool(args.text) == (args.evaluate is not None):
        raise ConfigurationError("words: expected a text or --evaluate TABLE.csv, and not both")
    return _evaluate(args.evaluate, args.at_least) if args.evaluate is not None else _show(" ".join(args.text))


def _show(text: str) -> int:
    from kinesis_control.motion.words import parse

    understood = parse(text)
    print(understood.reply)
    return 0 if understood.understood else 1


def _evaluate(path: Path, at_least: float) -> int:
    from kinesis_control.motion.words.table import evaluate, read_table

    score = evaluate(read_table(path))
    for row, got in score.wrong:
        print(f"line {row.line}: {row.text}\n    {got.reply}")
    low, high = score.interval
    print(f"{score.right} of {score.total} texts right: {100.0 * score.share:.1f} % (95 % interval {100.0 * low:.1f} to {100.0 * high:.1f} %)")
    return 0 if score.share >= at_least else 1
