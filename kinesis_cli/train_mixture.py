"""`kinesis train mine | gate | distill | resume | status`: experts and their mixture, distillation, and trainings that were stopped."""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinesis_control.errors import ConfigurationError, UnavailableError

if TYPE_CHECKING:
    from kinesis_train.env import EnvConfig
    from kinesis_train.ppo import PpoConfig
    from kinesis_train.trials import TrialSet

COMMAND_FILE = "command.json"
Kinds = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_commands(kinds: Kinds) -> None:
    """Register the sub-commands of `train` that live here."""
    mine = kinds.add_parser("mine", help="negative mining: experts, each trained on what the ones before it cannot do; goes on where it was stopped")
    mine.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder of the run")
    _add_trials(mine)
    mine.add_argument("--from", dest="start_from", type=Path, metavar="CHECKPOINT", help="a trained policy as the first expert")
    mine.add_argument("--steps", type=int, default=4_000_000, help="environment steps of the first expert (default %(default)s)")
    mine.add_argument("--next-steps", type=int, default=2_000_000, help="of each one after it (default %(default)s)")
    mine.add_argument("--experts", type=int, default=3, help="at most so many (default %(default)s)")
    mine.add_argument("--leave", type=int, default=0, metavar="N", help="stop when no more than N trials are left (default %(default)s)")
    add_learning(mine)
    mine.set_defaults(action=run_mine)

    gate = kinds.add_parser("gate", help="freeze the experts of a mining run, train the gate on all trials, export the mixture")
    gate.add_argument("output", type=Path, metavar="DIR", help="folder of the mining run")
    gate.add_argument("--steps", type=int, default=1_000_000, help="environment steps (default %(default)s)")
    gate.set_defaults(action=run_gate)

    distill = kinds.add_parser("distill", help="one student learns from a policy file, a checkpoint or a mixture (DAgger), then PPO if asked")
    distill.add_argument("teacher", type=Path, help="NAME.onnx or a checkpoint")
    distill.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder of the run")
    _add_trials(distill)
    distill.add_argument("--student", default="structured", help="what its outputs mean: structured, residual, direct or length (default %(default)s)")
    distill.add_argument("--hidden", type=int, nargs="+", default=[256, 128], metavar="WIDTH", help="hidden layers of the student")
    distill.add_argument("--labels", type=int, default=500_000, help="answers of the teacher (default %(default)s)")
    distill.add_argument("--ppo-steps", type=int, default=0, help="environment steps of reinforcement learning afterwards (default %(default)s)")
    distill.set_defaults(action=run_distill)

    resume = kinds.add_parser("resume", help="go on with a training of any kind that was stopped")
    resume.add_argument("output", type=Path, metavar="DIR", help="folder of the run")
    resume.set_defaults(action=run_resume)

    status = kinds.add_parser("status", help="progress, time left and curves of a training, from its files")
    status.add_argument("output", type=Path, metavar="DIR", help="folder of the run")
    status.add_argument("--figures", nargs="+", default=[], metavar="NAME", help="columns of log.csv to draw (default: all that say how good it is)")
    status.set_defaults(action=run_status)


def add_learning(parser: argparse.ArgumentParser) -> None:
    """How PPO explores and how often it uses a sample."""
    from_last_layer = "noise that is the same for each output alone, or correlated through the last layer (Lattice)"
    parser.add_argument("--exploration", default="independent", choices=("independent", "lattice"), help=from_last_layer)
    parser.add_argument("--one-pass", action="store_true", help="use every sample once, in place of three times")


def learning(args: argparse.Namespace, config: "PpoConfig") -> "PpoConfig":
    """`config` with what the arguments of `add_learning` ask for."""
    config = replace(config, exploration=args.exploration)
    return replace(config, epochs=1) if args.one_pass else config


def _add_trials(parser: argparse.ArgumentParser) -> None:
    """What is practised, and with what."""
    parser.add_argument("--body", default="legs80")
    parser.add_argument("--library", type=Path, action="append", default=[], metavar="FILE", help="motion library; without one, commands are practised")
    parser.add_argument("--clips", default="*", metavar="PATTERN", help="names of clips, as in a shell; several separated by commas")
    parser.add_argument("--envs", type=int, default=64, help="bodies in the batch (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)


def remember(args: argparse.Namespace, folder: Path) -> None:
    """Keep a command with its run, for `train resume`; an older one is replaced. Paths are kept absolute."""
    values = {k: _kept(v) for k, v in vars(args).items() if not callable(v)}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / COMMAND_FILE).write_text(json.dumps(values, indent=1) + "\n")


def _kept(value: Any) -> Any:
    if isinstance(value, Path):
        return {"path": str(value.resolve())}
    return [_kept(v) for v in value] if isinstance(value, list) else value


def _taken(value: Any) -> Any:
    if isinstance(value, dict):
        return Path(value["path"])
    return [_taken(v) for v in value] if isinstance(value, list) else value


def recall(folder: Path) -> argparse.Namespace:
    """The command that a run was made by, for this folder.

    Raises:
        UnavailableError: the folder does not hold one.
    """
    path = folder / COMMAND_FILE
    try:
        values = json.loads(path.read_text())
        return argparse.Namespace(**({k: _taken(v) for k, v in values.items()} | {"output": folder}))
    except FileNotFoundError as error:
        raise UnavailableError(f"'{folder}' holds no {COMMAND_FILE}, which every training writes; was it made by an older version?") from error
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise UnavailableError(f"'{path}' is damaged: {error}") from error


def _trials(args: argparse.Namespace) -> "tuple[TrialSet, EnvConfig]":
    """What the arguments of `_add_trials` ask for."""
    from kinesis_sim.bodies import load_body
    from kinesis_train.env import EnvConfig
    from kinesis_train.task import CURRICULUM
    from kinesis_train.trials import CommandTrials

    body, task = load_body(args.body), CURRICULUM[-1][1]
    config = EnvConfig(envs=args.envs, threads=args.threads, task=task)
    if not args.library:
        return CommandTrials(body, task), config
    from kinesis_train.clip_reference import ClipTask
    from kinesis_train.clip_trials import ClipTrials
    from kinesis_train.clips import read_clips
    from kinesis_train.imitate import ImitationTraining, prepare

    clips = read_clips(args.library, body, args.clips)
    bank, _ = prepare(ImitationTraining(body=args.body, env=config), body, clips)
    return ClipTrials(body, bank, task, ClipTask()), config


def run_mine(args: argparse.Namespace) -> int:
    """Train experts until nothing is left."""
    from kinesis_cli.train import require_extra

    require_extra()
    from kinesis_train.mining import MiningConfig, mine
    from kinesis_train.parallel import Team
    from kinesis_train.ppo import PpoConfig

    (trials, env), team = _trials(args), Team.join()
    if team.leads:
        remember(args, args.output)
    config = MiningConfig(
        steps=args.steps, next_steps=args.next_steps, experts=args.experts, leave=args.leave, seed=args.seed, env=env, ppo=learning(args, PpoConfig()),
    )  # fmt: skip
    stages = mine(trials, config, args.output, progress_line(), first=args.start_from, team=team)
    team.leave()
    if not team.leads:
        return 0
    print()
    for number, stage in enumerate(stages):
        managed, left = sum(stage.managed.values()), ", ".join(stage.left[:8]) or "nothing"
        print(f"expert {number}: trained on {len(stage.trained_on)}, manages {managed} of {len(trials.names)}; left: {left}")
    print(f"train the gate with: ./kinesis train gate {args.output}")
    return 0


def run_gate(args: argparse.Namespace) -> int:
    """Train the gate, then export the mixture."""
    from kinesis_cli.train import require_extra

    require_extra()
    from kinesis_train.export import export_policy
    from kinesis_train.gating import GATE, GateConfig, train_gate
    from kinesis_train.parallel import Team

    mined, team = recall(args.output), Team.join()
    trials, env = _trials(mined)
    if team.leads:
        remember(args, args.output / GATE)
    checkpoint = train_gate(trials, GateConfig(steps=args.steps, seed=mined.seed, env=env), args.output, progress_line(), team)
    team.leave()
    if team.leads:
        target = args.output / f"{mined.body}-mixture.onnx"
        contract = export_policy(checkpoint, target)
        print(f"\nexported {target}, {contract.training['mixture']['experts']} experts; look at it with: ./kinesis policy inspect {target}")
    return 0


def run_distill(args: argparse.Namespace) -> int:
    """Distil to the end, then export."""
    from kinesis_cli.train import require_extra

    require_extra()
    from kinesis_train.distill import Distillation, DistillConfig
    from kinesis_train.export import export_policy
    from kinesis_train.parallel import Team

    if Team.join().size > 1:
        raise ConfigurationError("distillation runs in one process; start it without torchrun")
    trials, env = _trials(args)
    remember(args, args.output)
    config = DistillConfig(
        student=args.student, labels=args.labels, ppo_steps=args.ppo_steps, seed=args.seed, hidden=tuple(args.hidden), env=env,
    )  # fmt: skip
    checkpoint = Distillation(args.teacher, trials, config, args.output).run(progress_line())
    target = args.output / f"{args.body}-student.onnx"
    export_policy(checkpoint, target)
    print(f"\nexported {target}; PPO takes up {checkpoint}")
    return 0


def run_resume(args: argparse.Namespace) -> int:
    """Run the command again that made the folder; every training goes on from what it finds there."""
    from kinesis_cli import train

    again = recall(args.output)
    known: dict[str, Callable[[argparse.Namespace], int]] = {
        "walk": train.run_walk, "imitate": train.run_imitate, "mine": run_mine, "gate": run_gate, "distill": run_distill,
    }  # fmt: skip
    if again.kind == "gate":
        again.output = args.output.resolve().parent
    if (args.output / "checkpoint.pt").exists():
        again.resume, again.start_from = True, None
    return known[again.kind](again)


def run_status(args: argparse.Namespace) -> int:
    """Print what the files of a run say."""
    from kinesis_train.status import describe, look

    print("\n\n".join(describe(progress, args.figures) for progress in look(args.output)))
    return 0


def progress_line() -> Callable[[dict[str, float]], None]:
    """A line on the terminal that is redrawn; a line of its own for each evaluation."""

    def report(figures: dict[str, float]) -> None:
        line = f"{figures['steps'] / 1e6:6.2f} M  {figures['steps_per_s']:.0f}/s  reward {figures['reward']:.3f}"
        line += f"  loss {figures['loss']:.4f}" if "loss" in figures else ""
        judged = "managed" in figures
        line += f"  | manages {100 * figures['managed']:.0f} % of the trials, {100 * figures['coverage']:.0f} % of their time" if judged else ""
        if sys.stdout.isatty() or judged:
            print("\r" + line, end="\n" if judged or not sys.stdout.isatty() else "", flush=True)

    return report
