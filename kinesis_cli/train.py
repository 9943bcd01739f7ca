"""`kinesis train`: make the gait table, train, export and score a policy. Needs the extra `train` (torch, onnx, daqp)."""

import argparse
import hashlib
import json
import sys
from pathlib import Path

DEFAULT_STEPS = 11_600_000


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register `train` and its sub-commands."""
    parser = subparsers.add_parser("train", help="train, export and score policies", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="COMMAND")

    walk = kinds.add_parser("walk", help="train the stand-and-walk policy from nothing, export it, score it")
    walk.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder of the run: checkpoint, log.csv, the ONNX file")
    walk.add_argument("--body", default="legs80")
    walk.add_argument("--steps", type=int, default=DEFAULT_STEPS, help="environment steps (default %(default)s)")
    walk.add_argument("--seed", type=int, default=1)
    walk.add_argument("--threads", type=int, default=2)
    walk.add_argument("--from", dest="start_from", type=Path, metavar="CHECKPOINT", help="start with the policy of another run")
    walk.add_argument("--resume", action="store_true", help="go on from the checkpoint in DIR")
    walk.set_defaults(action=run_walk)

    export = kinds.add_parser("export", help="checkpoint -> ONNX with its contract, checked against torch")
    export.add_argument("checkpoint", type=Path)
    export.add_argument("output", type=Path, help="NAME.onnx")
    export.add_argument("--scores", type=Path, metavar="JSON", help="output of `kinesis train evaluate --json` to put into the contract")
    export.set_defaults(action=run_export)

    evaluate = kinds.add_parser("evaluate", help="closed-loop scores of an exported policy: stand 60 s, walk 20 s, turn; seeded, 2 %% noise")
    evaluate.add_argument("policy", type=Path)
    evaluate.add_argument("--seeds", type=int, default=20)
    evaluate.add_argument("--first-seed", type=int, default=1000)
    evaluate.add_argument("--workers", type=int, default=2)
    evaluate.add_argument("--quick", action="store_true", help="10 s and 5 s in place of 60 s and 20 s")
    evaluate.add_argument("--json", type=Path, metavar="FILE")
    evaluate.set_defaults(action=run_evaluate)

    gait = kinds.add_parser("gait", help="make the procedural gait table of a body")
    gait.add_argument("--body", default="legs80")
    gait.add_argument("-o", "--output", type=Path, help="file to write (default: the one that ships with the package)")
    gait.set_defaults(action=run_gait)


def _require_extra() -> None:
    """Install what training needs where it is not there yet."""
    try:
        import daqp  # noqa: F401
        import onnx  # noqa: F401
        import torch  # noqa: F401
    except ImportError:
        from kinesis_cli.setup import ensure_extra

        ensure_extra("train")


def run(args: argparse.Namespace) -> int:
    """Do what the sub-command says."""
    return int(args.action(args))


def run_walk(args: argparse.Namespace) -> int:
    """Train to the end, then export and score."""
    _require_extra()
    from kinesis_train.export import export_policy
    from kinesis_train.walk import WalkTraining, train

    run = WalkTraining(body=args.body, steps=args.steps, seed=args.seed, threads=args.threads)
    checkpoint = train(run, args.output, resume=args.resume, start_from=args.start_from, report=_progress(args.steps))
    target = args.output / f"{args.body}-stand-walk.onnx"
    export_policy(checkpoint, target)
    print(f"\nexported {target}; score it with: ./kinesis train evaluate {target}")
    return 0


def run_export(args: argparse.Namespace) -> int:
    """Write the ONNX file."""
    _require_extra()
    from kinesis_train.card import write_card
    from kinesis_train.export import export_policy

    scores = json.loads(args.scores.read_text()) if args.scores else None
    contract = export_policy(args.checkpoint, args.output, scores)
    card = write_card(contract, args.output, hashlib.sha256(args.output.read_bytes()).hexdigest())
    print(f"wrote {args.output} ({args.output.stat().st_size / 1e6:.1f} MB) and {card.name}, trained for {contract.training['steps']} steps")
    return 0


def run_evaluate(args: argparse.Namespace) -> int:
    """Print one line a kind of trial."""
    from kinesis_train.evaluate import evaluate

    scores = evaluate(args.policy, seeds=args.seeds, first_seed=args.first_seed, workers=args.workers, quick=args.quick)
    for name, s in scores.items():
        low, high = s["interval_95"]
        print(
            f"{name:12s} {s['survived']:3d} of {s['of']} survived {s['seconds']:.0f} s (95 %: {low:.2f}-{high:.2f})  "
            f"mean {s['mean_lived_s']:.1f} s  speed {s['mean_speed']} m/s (error {s['mean_speed_error']})  effort {s['mean_effort']:.3f}"
        )
    if args.json:
        args.json.write_text(json.dumps(scores, indent=1) + "\n")
    return 0


def run_gait(args: argparse.Namespace) -> int:
    """Write the gait table of a body."""
    import numpy as np

    from kinesis_control.motion.gait_table import TABLES
    from kinesis_sim.bodies import load_body
    from kinesis_sim.gait import build_gait_table

    body = load_body(args.body)
    table = {k: v.astype(np.float32) for k, v in build_gait_table(body).items()}
    target = args.output or TABLES / f"{args.body}.npz"
    np.savez_compressed(target, joint_names=np.array(body.description.joint_names), **table)
    print(f"wrote {target}: {table['cycle_rate'].size} velocities, {table['speed'][0]:.1f} to {table['speed'][-1]:.1f} m/s")
    return 0


def _progress(total: int):  # type: ignore[no-untyped-def]
    """A line on the terminal that is redrawn; a line for each evaluation."""

    def report(figures: dict[str, float]) -> None:
        left = (total - figures["steps"]) / max(figures["steps_per_s"], 1.0) / 60.0
        line = f"{figures['steps'] / 1e6:6.2f} M of {total / 1e6:.1f} M  {figures['steps_per_s']:.0f}/s  {left:.0f} min left  "
        line += f"reward {figures['reward']:.3f}  episode {figures['episode_s']:.1f} s"
        if "walk_s" in figures:
            line += f"  | stands {figures['stand_s']:.1f} s, walks {figures['walk_s']:.1f} s of 12 ({100 * figures['walk_ok']:.0f} % to the end)"
        ends_line = "walk_s" in figures or not sys.stdout.isatty()
        if sys.stdout.isatty() or "walk_s" in figures:
            print("\r" + line, end="\n" if ends_line else "", flush=True)

    return report
