"""Draws docs/images/motions-*.png from a made-up recording: the procedural gait, written as somebody else's BVH file.

    python tools/motion_pictures.py

Needs the extras `motions` and `test`. No recording of a person is used.
"""

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"


def main() -> int:
    """Write the recording, import it, and draw it."""
    from kinesis_sim.bodies import load_body

    spec = importlib.util.spec_from_file_location("made_up_person", ROOT / "tests" / "sim" / "retarget" / "conftest.py")
    assert spec is not None and spec.loader is not None
    person = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(person)
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder) / "made_up_walk.bvh", Path(folder) / "library.h5"
        person.bvh_of(person._walking_person(load_body("legs80")), source)
        kinesis("import", folder, "--up", "z", "--body", "legs80", "-o", library, "--no-mirror", "--dataset", "made up")
        kinesis("plot", library, "made_up_walk", "-o", IMAGES / "motions-plot.png")
        kinesis("view", library, "made_up_walk", "--end", "1.3", "--source", source, "-o", IMAGES / "motions-view.png")
    return 0


def kinesis(*arguments: object) -> None:
    """Run `kinesis motions`; CalledProcessError where it fails."""
    subprocess.run([sys.executable, "-m", "kinesis_cli", "motions", *map(str, arguments)], cwd=ROOT, check=True)


if __name__ == "__main__":
    sys.exit(main())
