"""`kinesis motions import`: a folder of recordings becomes a library for one body."""

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kinesis_sim.retarget.importing import ImportSummary

FIGURES = (
    ("key_body_error_mm", "key bodies off", "mm", 1.0),
    ("limit_hits", "joints at a limit", "%", 100.0),
    ("foot_skate_mm_s", "foot skate", "mm/s", 1.0),
    ("penetration_mm", "deepest in the floor", "mm", 1.0),
    ("float_mm", "loaded feet above it", "mm", 1.0),
    ("tendon_jumps", "tendon jumps", "% of frames", 100.0),
    ("joint_speed", "fastest joint", "rad/s", 1.0),
)
"""Figure, what it is called, its unit, and the factor into that unit."""


def add_import_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `import` to the words of `motions`."""
    parser = subparsers.add_parser(
        "import",
        help="retarget a folder of recordings (.bvh, .asf/.amc) onto a body",
        description="Retarget every recording below a folder onto a body. Broken off, the same command goes on where it was.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--body", default="legs80", help="(default: %(default)s)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="LIB.h5")
    parser.add_argument("--only", default="", metavar="PATTERN", help="only files of such names, for example 'Male1_B*'")
    add_reading(parser)
    parser.add_argument("--rate", type=float, default=80.0, metavar="HZ", help="frames per second of the clips (default: %(default)g, twice the control rate)")
    parser.add_argument("--dataset", metavar="TEXT", help="name of the data set")
    parser.add_argument("--licence", metavar="TEXT", help="under which the recordings may be used")
    parser.add_argument("--credit", metavar="TEXT", help="whom to name")
    parser.add_argument("--no-mirror", action="store_true", help="no mirrored copies")
    parser.add_argument("--jobs", type=_jobs, default=os.cpu_count() or 1, metavar="N", help="processes (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure of every new clip")
    parser.set_defaults(action=run_import)


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Add what may be said of a recording: `mapping`, `units`, `up`."""
    parser.add_argument("--mapping", type=Path, metavar="FILE", help="roles and joint names of a skeleton that is not known")
    parser.add_argument("--units", help="m, cm, mm, inch, ft or metres per unit (default: found from the length of the legs)")
    parser.add_argument("--up", metavar="AXIS", help="x, y, z, with - in front for the other way (default: found)")


def _jobs(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 256:
        raise argparse.ArgumentTypeError(f"got {value}, expected 1 to 256")
    return value


def require_extra() -> None:
    """Install what this family of commands needs where it is not there yet."""
    try:
        import daqp  # noqa: F401
        import h5py  # noqa: F401
        import matplotlib  # noqa: F401
        import mink  # noqa: F401
        import scipy  # noqa: F401
        import tqdm  # noqa: F401
    except ImportError:
        from kinesis_cli.setup import ensure_extra

        ensure_extra("motions")


def run_import(args: argparse.Namespace) -> int:
    """Import, then say how well it went; 1 where a file could not be imported."""
    require_extra()
    from kinesis_sim.retarget.config import RetargetConfig
    from kinesis_sim.retarget.importing import ImportOptions, import_folder

    _require_place(args.output)
    facts = {key: getattr(args, key) for key in ("dataset", "licence", "credit") if getattr(args, key)}
    options = ImportOptions(mapping=args.mapping, units=args.units, up=args.up, only=args.only, mirror=not args.no_mirror, facts=facts, jobs=args.jobs)
    bar = _Bar()
    try:
        summary = import_folder(args.folder, args.output, args.body, RetargetConfig(rate_hz=args.rate), options, bar)
    finally:
        bar.close()
    if args.json:
        args.json.write_text(json.dumps({"clips": summary.clips, "notes": summary.notes, "failures": summary.failures}, indent=1) + "\n")
    print_summary(summary, args.output, bar.seconds)
    return 1 if summary.failures else 0


def _require_place(library: Path) -> None:
    """Refuse a library that cannot be written before hours of work go into it."""
    from kinesis_control.errors import UnavailableError

    folder = library.absolute().parent
    if not folder.is_dir():
        raise UnavailableError(f"'{library}': there is no folder '{folder}'")
    if library.is_dir():
        raise UnavailableError(f"'{library}' is a folder, expected the name of a library file, for example '{library / 'motions.h5'}'")


class _Bar:
    """Progress on the terminal, a bar for each stage."""

    def __init__(self) -> None:
        self._bar, self._stage, self.seconds = None, "", 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        from tqdm import tqdm

        if stage != self._stage:
            self.close()
            self._bar, self._stage = tqdm(total=total, desc=stage, unit="file"), stage
        self._bar.update(done - self._bar.n)
        self.seconds = self._bar.format_dict["elapsed"]

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def print_summary(summary: "ImportSummary", library: Path, seconds: float) -> None:
    """Figures over all new recordings, the worst by name, what was mended and what failed."""
    import numpy as np

    clips = {name: summary.clips[name] for name in summary.frames}  # a mirrored copy has the figures of its original
    frames = sum(summary.frames.values())
    speed = f", {frames / seconds:.0f} frames/s" if seconds > 0.0 and frames else ""
    print(f"{len(clips)} recordings imported ({frames} frames{speed}), {summary.kept} were there already, {len(summary.failures)} failed -> {library}")
    if clips:
        print(f"  {'':<22} {'mean':>7} {'median':>7} {'worst':>7}")
    for key, title, unit, factor in FIGURES if clips else ():
        values = {name: factor * report[key] for name, report in clips.items()}
        worst = max(values, key=lambda name: values[name])
        row = list(values.values())
        print(f"  {title:<22} {np.mean(row):7.2f} {np.median(row):7.2f} {values[worst]:7.2f} {unit:<11} {worst}")
    for name, notes in sorted(summary.notes.items()):
        print(f"  mended: {name}: {'; '.join(notes)}")
    for name, reason in sorted(summary.failures):
        print(f"  failed: {name}: {reason.removeprefix(f'{Path(name).name}: ')}")
