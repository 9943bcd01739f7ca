"""`kinesis train`: make the gait table, train, export and score a policy. Needs the extra `train` (torch, onnx, daqp)."""

import argparse
import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from kinesis_cli import train_suspended
from kinesis_cli.train_mixture import add_commands, add_learning, learning, remember

if TYPE_CHECKING:
    from kinesis_train.clip_check import ClipCheck
    from kinesis_train.imitate_plan import ImitationTraining
    from kinesis_train.walk import WalkTraining

Run = TypeVar("Run", "WalkTraining", "ImitationTraining")

DEFAULT_STEPS = 12_400_000
IMITATION_STEPS = 20_000_000


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register `train` and its sub-commands."""
    parser = subparsers.add_parser("train", help="train, export and score policies", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="COMMAND")

    walk = kinds.add_parser("walk", help="train the stand-and-walk policy from nothing, export it, score it")
    _add_run(walk, steps=DEFAULT_STEPS)
    walk.set_defaults(action=run_walk)

    imitate = kinds.add_parser("imitate", help="train one policy on the clips of motion libraries and on commands together, export it")
    imitate.add_argument("libraries", type=Path, nargs="+", metavar="LIBRARY", help="motion library, made by `kinesis motions import`")
    imitate.add_argument("--clips", default="*", metavar="PATTERN", help="names of clips, as in a shell; several separated by commas")
    imitate.add_argument("--generator-share", type=float, default=0.4, metavar="SHARE", help="of the batch that follows commands (default %(default)s)")
    imitate.add_argument("--max-residual", type=float, default=0.7, metavar="WEIGHTS", help="leave out clips that need more help on the root, "
                         "in body weights (default %(default)s)")  # fmt: skip
    imitate.add_argument("--evaluate-every", type=int, default=500_000, metavar="STEPS")
    _add_run(imitate, steps=IMITATION_STEPS)
    imitate.set_defaults(action=run_imitate)

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
    add_commands(kinds)
    train_suspended.add_command(kinds)


def _add_run(parser: argparse.ArgumentParser, *, steps: int) -> None:
    """What every training from an environment can be told."""
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder of the run: checkpoint, log.csv, the ONNX file")
    parser.add_argument("--body", default="legs80")
    parser.add_argument("--steps", type=int, default=steps, help="environment steps (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--from", dest="start_from", type=Path, metavar="CHECKPOINT", help="start with the policy of another run")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in DIR")
    add_learning(parser)
    parser.add_argument("--envs", type=int, default=0, metavar="N", help="bodies in the batch (default: what suits two cores; thousands suit a GPU)")
    parser.add_argument("--physics", choices=("rollout", "warp"), default="rollout",
                        help="on threads, or by MuJoCo Warp on a GPU, which needs pip install 'kinesis-ros[gpu]' (default %(default)s)")  # fmt: skip
    parser.add_argument("--outputs", choices=("structured", "residual", "direct", "length"), default="structured",
                        help="what the policy's outputs mean (default %(default)s); a policy that is started from keeps its own")  # fmt: skip
    parser.add_argument("--vary", type=float, default=0.0, metavar="SIZE",
                        help="bodies that differ from the model: mass, strength, friction, delay, sensor noise; 1 is usual (default: off)")  # fmt: skip


def require_extra() -> None:
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


def asked(run: Run, args: argparse.Namespace) -> Run:
    """A run of this kind with what the options of `_add_run` ask for."""
    from kinesis_train.disturbance import Disturbance

    env = replace(run.env, physics=args.physics, disturbance=Disturbance.usual(args.vary) if args.vary else run.env.disturbance)
    if args.envs:
        env = replace(env, envs=args.envs)
    return replace(
        run, body=args.body, steps=args.steps, seed=args.seed, threads=args.threads, action=args.outputs, env=env, ppo=learning(args, run.ppo),
    )  # fmt: skip


def run_walk(args: argparse.Namespace) -> int:
    """Train to the end, then export and score."""
    require_extra()
    from kinesis_train.export import export_policy
    from kinesis_train.parallel import Team
    from kinesis_train.walk import WalkTraining, train

    run, team = asked(WalkTraining(), args), Team.join()
    if team.leads:
        remember(args, args.output)
    checkpoint = train(run, args.output, resume=args.resume, start_from=args.start_from, report=_progress(args.steps), team=team)
    team.leave()
    if not team.leads:
        return 0
    target = args.output / f"{args.body}-stand-walk.onnx"
    export_policy(checkpoint, target)
    print(f"\nexported {target}; score it with: ./kinesis train evaluate {target}")
    return 0


def run_imitate(args: argparse.Namespace) -> int:
    """Check the clips, train to the end, then export."""
    require_extra()
    from kinesis_sim.bodies import load_body
    from kinesis_train.checkpoint import load_checkpoint
    from kinesis_train.clip_check import CheckLimits
    from kinesis_train.clips import read_clips
    from kinesis_train.export import export_policy
    from kinesis_train.imitate import CHECKPOINT, ImitationTraining, from_policy, train
    from kinesis_train.parallel import Team

    clips = read_clips(args.libraries, load_body(args.body), args.clips)
    run = replace(
        asked(ImitationTraining(), args), generator_share=args.generator_share, pattern=args.clips, evaluate_every=args.evaluate_every,
        libraries=tuple(p.name for p in args.libraries), limits=CheckLimits(residual=args.max_residual),
    )  # fmt: skip
    start = args.output / CHECKPOINT if args.resume else args.start_from
    if start is not None:
        stored = load_checkpoint(start)
        started_from = "start_from_steps" in stored["facts"] if args.resume else True
        run = from_policy(run, stored) if started_from else run
    team = Team.join()
    if team.leads:
        remember(args, args.output)
    checkpoint = train(
        run, clips, args.output, resume=args.resume, start_from=args.start_from, report=_progress(args.steps), team=team,
        checked=_print_checks if team.leads else lambda checks: None,
    )  # fmt: skip
    team.leave()
    if not team.leads:
        return 0
    target = args.output / f"{args.body}-imitation.onnx"
    export_policy(checkpoint, target)
    print(f"\nexported {target}")
    return 0


def _print_checks(checks: "list[ClipCheck]") -> None:
    """A line for each clip, mirrored copies left out."""
    for c in sorted(checks, key=lambda c: c.residual):
        if not c.name.endswith("@mirror") or c.complaint.startswith("shorter"):
            verdict = f"left out: {c.complaint}" if c.complaint else ""
            print(
                f"{c.name:36s} {c.content:10s} {c.duration_s:5.1f} s  help {c.residual:.2f} body weights  "
                f"feet {1e3 * c.height_m:4.1f} mm high, slip {c.slip_m_s:.3f} m/s  {verdict}"
            )
    print(f"{sum(not c.complaint for c in checks)} of {len(checks)} clips are trained on")


def run_export(args: argparse.Namespace) -> int:
    """Write the ONNX file."""
    require_extra()
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
        if "success05" in figures:
            line += f"  | follows {100 * figures['success05']:.0f} % of clips to 0.5 m, {100 * figures['success015']:.0f} % to 0.15 m, "
            line += f"{100 * figures['coverage']:.0f} % of frames"
        if "walk_s" in figures:
            line += f"  | stands {figures['stand_s']:.1f} s, walks {figures['walk_s']:.1f} s of 12 ({100 * figures['walk_ok']:.0f} % to the end)"
        judged = "walk_s" in figures or "success05" in figures
        ends_line = judged or not sys.stdout.isatty()
        if sys.stdout.isatty() or judged:
            print("\r" + line, end="\n" if ends_line else "", flush=True)

    return report
