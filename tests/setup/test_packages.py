"""Lock files are complete and readable; a failed pip is explained in one line."""

import re
from pathlib import Path

import pytest

from kinesis_cli.doctor import locked
from kinesis_cli.setup.errors import Failure
from kinesis_cli.setup.packages import explain_pip, locked_entries, pip_environment, without

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements"
LOCKS = sorted(REQUIREMENTS.glob("*.lock"))

SAMPLE = """# comment
a-b==1.0 \\
    --hash=sha256:11 \\
    --hash=sha256:22
numpy==2.2 ; python_version <= "3.10" \\
    --hash=sha256:33
numpy==2.4 ; python_version >= "3.11" \\
    --hash=sha256:44
"""


def test_entries_keep_their_hashes_and_markers() -> None:
    entries = locked_entries(SAMPLE)
    assert [entry.split()[0] for entry in entries] == ["a-b==1.0", "numpy==2.2", "numpy==2.4"]
    assert entries[0].count("sha256") == 2 and "python_version" in entries[1]


def test_a_package_can_be_left_out() -> None:
    assert locked_entries(without(SAMPLE, ["numpy"])) == locked_entries(SAMPLE)[:1]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_every_entry_is_exact_and_hashed(lock: Path) -> None:
    text = lock.read_text()
    entries = locked_entries(text)
    assert entries and all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in entries)
    assert len(entries) == sum(1 for line in text.splitlines() if line and not line.startswith(("#", " ")))
    assert "://" not in text, "a lock names no index"


@pytest.mark.parametrize("name", ["core", "ros"])
def test_the_run_time_holds_no_torch(name: str) -> None:
    assert "torch" not in locked(REQUIREMENTS / f"{name}.lock")


def test_only_the_ros_lock_holds_ros() -> None:
    holders = [lock.stem for lock in LOCKS if any(entry.startswith("ros-") for entry in locked_entries(lock.read_text()))]
    assert holders == ["ros"]


@pytest.mark.parametrize(
    ("output", "failure"),
    [
        ("WARNING: Retrying: Failed to establish a new connection: [Errno -3] Temporary failure in name resolution", Failure.NO_NETWORK),
        ("ERROR: Could not find a version that satisfies the requirement numpy==2.4.6 (from versions: none)", Failure.NO_NETWORK),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", Failure.BAD_PACKAGE),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", Failure.DISK_FULL),
        ("ERROR: Could not install packages due to an OSError: [Errno 30] Read-only file system: '/x'", Failure.READ_ONLY),
        ("ERROR: something new", Failure.BAD_PACKAGE),
    ],
)
def test_pip_is_explained(output: str, failure: Failure) -> None:
    error = explain_pip(output, Path("/tree/.venv.log"))
    assert error.failure is failure and "\n" not in str(error)


def test_an_unknown_pip_error_is_quoted_with_its_log() -> None:
    assert "ERROR: something new" in str(explain_pip("x\nERROR: something new\n", Path("/the/log")))
    assert "/the/log" in str(explain_pip("", Path("/the/log")))


def test_pip_keeps_the_users_index_but_not_his_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "mirror")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    environment = pip_environment()
    assert environment["PIP_INDEX_URL"] == "mirror" and "PYTHONPATH" not in environment
