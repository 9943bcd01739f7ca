"""What a machine must have before anything is downloaded or built."""

from __future__ import annotations

import errno
import importlib.util
import os
import platform
import shutil
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path

from kinesis_cli.setup.errors import Failure, SetupError

OLDEST_PYTHON, NEWEST_PYTHON = (3, 10), (3, 13)
OLDEST_GLIBC = (2, 28)
"""The wheels of ROS 2 are manylinux_2_28."""

NEEDED_BYTES = 1_200_000_000
"""Free space that a fresh set-up asks for: the finished environment is about 0.6 GB, downloads and the build add the rest."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The facts about this machine that decide whether a set-up can succeed. Tests build their own.

    Attributes:
        system: "Linux", "Darwin", ...
        processor: "x86_64", "aarch64", ...
        python: version of the interpreter that sets up.
        glibc: version of the C library; (0, 0) where it is another one, such as musl.
        compilers: path of the C and of the C++ compiler, "" where there is none.
        python_headers: whether Python.h is there.
        venv_module: whether `python -m venv` can work.
    """

    system: str = field(default_factory=platform.system)
    processor: str = field(default_factory=platform.machine)
    python: tuple[int, int] = field(default_factory=lambda: sys.version_info[:2])
    glibc: tuple[int, int] = field(default_factory=lambda: _glibc())
    compilers: tuple[str, str] = field(default_factory=lambda: (_which("CC", "cc", "gcc", "clang"), _which("CXX", "c++", "g++", "clang++")))
    python_headers: bool = field(default_factory=lambda: Path(sysconfig.get_path("include"), "Python.h").is_file())
    venv_module: bool = field(default_factory=lambda: all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")))


def _glibc() -> tuple[int, int]:
    name, version = platform.libc_ver()
    numbers = version.split(".")
    return (int(numbers[0]), int(numbers[1])) if name == "glibc" and len(numbers) >= 2 else (0, 0)


def _which(variable: str, *names: str) -> str:
    """Path of the first program found: the one that an environment variable names, or one of `names`."""
    chosen = os.environ.get(variable, "").split()
    for name in chosen[:1] or names:
        if path := shutil.which(name):
            return path
    return ""


def check_machine(machine: Machine, *, sourced: bool) -> None:
    """Refuses a machine on which the set-up cannot end well.

    Args:
        machine: what was found.
        sourced: a ROS 2 is sourced, so that no wheel of ROS 2 is needed.

    Raises:
        SetupError: WRONG_PYTHON, WRONG_MACHINE, NO_VENV_MODULE or NO_COMPILER.
    """
    version = "%d.%d" % machine.python
    if not OLDEST_PYTHON <= machine.python <= NEWEST_PYTHON:
        raise SetupError(Failure.WRONG_PYTHON, f"got Python {version}, expected 3.10 to 3.13: name another with KINESIS_PYTHON=/path/to/python3.12 ./kinesis")
    if not sourced and (machine.system, machine.processor) != ("Linux", "x86_64"):
        raise SetupError(
            Failure.WRONG_MACHINE,
            f"got {machine.system} on {machine.processor}, and ROS 2 comes as wheels for Linux on x86_64 only: "
            "install ROS 2 Jazzy, source its setup.bash, and run ./kinesis again",
        )
    if not sourced and machine.glibc < OLDEST_GLIBC:
        got = "glibc %d.%d" % machine.glibc if machine.glibc > (0, 0) else "a C library that is not glibc"
        raise SetupError(
            Failure.WRONG_MACHINE,
            f"got {got}, and the ROS 2 wheels need glibc 2.28 or later: use a newer system (Debian 10, Ubuntu 20.04, Fedora 29 or later) or source a ROS 2",
        )
    if not machine.venv_module:
        raise SetupError(Failure.NO_VENV_MODULE, f"Python {version} lacks its venv module: install it (Debian, Ubuntu: sudo apt install python{version}-venv)")
    check_compiler(machine)


def check_compiler(machine: Machine) -> None:
    """Refuses a machine that cannot build kinesis_msgs. Raises SetupError: NO_COMPILER."""
    version = "%d.%d" % machine.python
    missing = [name for name, path in zip(("C compiler", "C++ compiler"), machine.compilers, strict=True) if not path]
    if not machine.python_headers:
        missing.append(f"Python.h of Python {version}")
    if missing:
        raise SetupError(
            Failure.NO_COMPILER,
            f"no {' and no '.join(missing)} found, needed once to build kinesis_msgs: install with "
            f"'sudo apt install build-essential python{version}-dev' (Debian, Ubuntu) or 'sudo dnf install gcc-c++ python3-devel' (Fedora)",
        )


def check_space(free_bytes: int, folder: Path) -> None:
    """Refuses a disk too full for a fresh environment. Raises SetupError: DISK_FULL."""
    if free_bytes < NEEDED_BYTES:
        raise SetupError(
            Failure.DISK_FULL,
            f"{folder} has {free_bytes / 1e9:.1f} GB free, and a set-up needs {NEEDED_BYTES / 1e9:.1f} GB: free some space and run ./kinesis again",
        )


def explain_os_error(error: OSError, folder: Path) -> SetupError:
    """The set-up error that a failed file operation means."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return SetupError(Failure.DISK_FULL, f"the disk of {folder} is full ({error}): free some space and run ./kinesis again")
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return SetupError(
            Failure.READ_ONLY,
            f"cannot write to {error.filename or folder} ({error.strerror}): make {folder} writable, or copy the tree to a folder of yours",
        )
    return SetupError(Failure.BUILD_FAILED, f"unexpected file error: {error}")
