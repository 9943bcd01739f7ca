"""`kinesis train suspended`: make the policy of a body that hangs from a gantry."""

import argparse
from pathlib import Path


def add_command(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register it."""
    parser = kinds.add_parser("suspended", help="make the policy of a body that hangs from a gantry, try it on the emulated robot's muscles, export it")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder for the ONNX file and its card")
    parser.add_argument("--body", default="legs80")
    parser.add_argument("--samples", type=int, default=40_000, help="answers of the teacher to learn from (default %(default)s)")
    parser.add_argument("--steps", type=int, default=4_000, help="gradient steps (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.set_defaults(action=run_suspended)


def run_suspended(args: argparse.Namespace) -> int:
    """Collect, learn, try out, export."""
    from kinesis_cli.train import require_extra

    require_extra()
    from kinesis_sim.bodies import load_body
    from kinesis_train.suspended_run import SuspendedTraining, train

    run = SuspendedTraining(samples=args.samples, steps=args.steps, seed=args.seed)
    target = train(load_body(args.body), run, args.output, lambda text: print(text, flush=True))
    print(f"exported {target}")
    return 0
