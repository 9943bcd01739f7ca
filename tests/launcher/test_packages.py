"""Executables are found without an installation, and the table agrees with what the package declares."""

import importlib.util
import re
import stat
import sys
from pathlib import Path

import pytest

from kinesis_cli.launcher.packages import EXECUTABLES, SOURCE_ROOT, executable_command, share_directory
from kinesis_control.errors import UnavailableError, UnknownNameError


def test_own_executable_runs_as_a_module() -> None:
    assert executable_command("kinesis_ros", "sim_node") == [sys.executable, "-m", "kinesis_sim.nodes.sim_node"]


def test_table_agrees_with_the_declared_scripts() -> None:
    declared = {}
    for name in ("pyproject.toml", "setup.py"):
        declared.update(re.findall(r"(\w+_node)\s*=\s*\"?([\w.]+):main", (SOURCE_ROOT / name).read_text()))
    assert declared == EXECUTABLES


def test_every_module_of_the_table_exists() -> None:
    assert [m for m in EXECUTABLES.values() if importlib.util.find_spec(m) is None] == []


def test_unknown_executable_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"'sim_nod'.*Did you mean 'sim_node'"):
        executable_command("kinesis_ros", "sim_nod")


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package `other` with the executable `talker`."""
    index = tmp_path / "share/ament_index/resource_index/packages"
    index.mkdir(parents=True)
    (index / "other").touch()
    program = tmp_path / "lib/other/talker"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"/nowhere:{tmp_path}")
    return program


def test_foreign_package_through_the_ament_index(foreign: Path) -> None:
    assert executable_command("other", "talker") == [str(foreign)]
    assert share_directory("other") == foreign.parents[2] / "share/other"


def test_foreign_executable_unknown_or_not_executable(foreign: Path) -> None:
    with pytest.raises(UnknownNameError, match="known: talker"):
        executable_command("other", "listener")
    foreign.chmod(stat.S_IRUSR)
    with pytest.raises(UnavailableError, match="chmod"):
        executable_command("other", "talker")


def test_unknown_package_lists_the_known_ones(foreign: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown package 'othr'; known: kinesis_ros, other"):
        share_directory("othr")
