"""Machines on which a set-up cannot succeed are refused before anything is downloaded, each in one line with its own code."""

import errno
from dataclasses import replace
from pathlib import Path

import pytest

from kinesis_cli.setup.checks import Machine, check_machine, check_space, explain_os_error
from kinesis_cli.setup.errors import Failure, SetupError

GOOD = Machine(
    system="Linux",
    processor="x86_64",
    python=(3, 12),
    glibc=(2, 36),
    compilers=("/usr/bin/cc", "/usr/bin/c++"),
    python_headers=True,
    venv_module=True,
)


def refusal(machine: Machine, *, sourced: bool = False) -> SetupError:
    """The error for a machine; it must be one line."""
    with pytest.raises(SetupError) as caught:
        check_machine(machine, sourced=sourced)
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_good_machine_passes() -> None:
    check_machine(GOOD, sourced=False)


@pytest.mark.parametrize("version", [(3, 9), (3, 14)])
def test_python_out_of_range(version: tuple[int, int]) -> None:
    error = refusal(replace(GOOD, python=version))
    assert error.exit_code == 10 and "%d.%d" % version in str(error) and "3.10 to 3.13" in str(error)


@pytest.mark.parametrize(("system", "processor"), [("Linux", "aarch64"), ("Darwin", "arm64"), ("Darwin", "x86_64")])
def test_machine_without_wheels_is_sent_to_a_sourced_ros(system: str, processor: str) -> None:
    error = refusal(replace(GOOD, system=system, processor=processor))
    assert error.failure is Failure.WRONG_MACHINE and processor in str(error) and "source" in str(error)


def test_aarch64_is_welcome_with_a_sourced_ros() -> None:
    check_machine(replace(GOOD, processor="aarch64", glibc=(2, 17)), sourced=True)


@pytest.mark.parametrize(("glibc", "named"), [((2, 27), "glibc 2.27"), ((0, 0), "not glibc")])
def test_old_c_library(glibc: tuple[int, int], named: str) -> None:
    error = refusal(replace(GOOD, glibc=glibc))
    assert error.failure is Failure.WRONG_MACHINE and named in str(error)


@pytest.mark.parametrize(
    ("machine", "named"),
    [
        (replace(GOOD, compilers=("", "")), "no C compiler and no C++ compiler"),
        (replace(GOOD, compilers=("/usr/bin/cc", "")), "no C++ compiler"),
        (replace(GOOD, python_headers=False), "Python.h of Python 3.12"),
    ],
)
def test_what_is_missing_to_build_is_named_with_its_packages(machine: Machine, named: str) -> None:
    error = refusal(machine, sourced=True)
    assert error.failure is Failure.NO_COMPILER
    assert named in str(error) and "build-essential python3.12-dev" in str(error)


def test_compilers_are_looked_for_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CC", "CXX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Machine().compilers == ("", "")
    compiler = tmp_path / "g++"
    compiler.write_text("")
    compiler.chmod(0o755)
    assert Machine().compilers == ("", str(compiler))


def test_missing_venv_module() -> None:
    error = refusal(replace(GOOD, venv_module=False))
    assert error.failure is Failure.NO_VENV_MODULE and "python3.12-venv" in str(error)


def test_full_disk_before_the_start() -> None:
    check_space(10_000_000_000, Path("/tree"))
    with pytest.raises(SetupError, match=r"/tree has 0\.3 GB free") as caught:
        check_space(300_000_000, Path("/tree"))
    assert caught.value.failure is Failure.DISK_FULL


@pytest.mark.parametrize(
    ("number", "failure"), [(errno.ENOSPC, Failure.DISK_FULL), (errno.EROFS, Failure.READ_ONLY), (errno.EACCES, Failure.READ_ONLY)]
)
def test_file_errors_are_explained(number: int, failure: Failure) -> None:
    error = explain_os_error(OSError(number, "why", "/tree/.venv.lock"), Path("/tree"))
    assert error.failure is failure and "/tree" in str(error)


def test_every_failure_has_its_own_exit_code() -> None:
    assert len({int(failure) for failure in Failure}) == len(Failure.__members__) and 0 not in set(Failure)
