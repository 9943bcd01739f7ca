"""Installs what only some commands need, the first time that they are used."""

from __future__ import annotations

import os
from pathlib import Path

from kinesis_cli.setup import packages
from kinesis_cli.setup.environment import digest, has_key, only_one, write_key
from kinesis_cli.setup.errors import Failure, SetupError
from kinesis_cli.setup.run import Progress, run

EXTRAS = ("test", "dev", "train", "motions", "evaluate", "robot", "web-test")


def ensure_extra(name: str) -> None:
    """Installs an extra into the running environment, unless it is there already.

    Args:
        name: "test" (pytest), "dev" (ruff, mypy), "train" (torch and what surrounds it), "motions" (retargeting), "evaluate"
            (reports), "robot" (links to hardware) or "web-test" (a browser driven by tests).

    Raises:
        SetupError: the name is unknown, the environment is not one of `./kinesis`, or the installation failed.
    """
    if name not in EXTRAS:
        raise SetupError(Failure.BAD_PACKAGE, f"got extra '{name}', expected one of {', '.join(EXTRAS)}")
    venv = running_venv()
    requirements = Path(__file__).resolve().parents[2] / "requirements"
    files = [requirements / f"{name}.lock", *([requirements / "torch.txt"] if name == "train" else [])]
    packages_key = (venv / "share" / "kinesis" / "packages.key").read_text(encoding="utf-8")
    key = digest(*files, words=(packages_key,))
    progress = Progress()
    log = venv.with_name(f"{venv.name}.log")
    if has_key(venv, name, key):
        return
    with only_one(venv, progress):
        if has_key(venv, name, key):
            return
        with progress.step(f"installing what '{name}' needs"):
            packages.install(venv / "bin" / "python", files[:1], log=log, progress=progress)
            if name == "train":
                _install_torch(venv, files[1], log)
        write_key(venv, name, key)


def running_venv() -> Path:
    """The environment that `./kinesis` started this process in. Raises SetupError where it did not."""
    venv = Path(os.environ.get("KINESIS_VENV", ""))
    if not (venv / "share" / "kinesis" / "packages.key").is_file():
        raise SetupError(Failure.NO_VENV_MODULE, "not started by ./kinesis, so there is no environment of its own to install into: use ./kinesis")
    return venv


def _install_torch(venv: Path, file: Path, log: Path) -> None:
    """The one package without a hash; torch.txt says why."""
    status, output = run([venv / "bin" / "python", "-m", "pip", "install", "-r", file], log=log, environment=packages.pip_environment())
    if status != 0:
        raise packages.explain_pip(output, log)
