"""The `kinesis` script: sets up once, again when something it is made from changes, and finds a usable Python."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BASE_PYTHON = str(Path(sys.base_prefix, "bin", "python%d.%d" % sys.version_info[:2]))
"""The interpreter under the environment of these tests: as a user has it, without anything installed."""

FAKE_SETUP = """
import argparse, pathlib, sys
parser = argparse.ArgumentParser()
for name in ("root", "venv", "home", "stamp"):
    parser.add_argument("--" + name)
given = parser.parse_args()
venv = pathlib.Path(given.venv)
with (pathlib.Path(given.root) / "calls").open("a") as calls:
    calls.write(given.home + "\\n")
(venv / "bin").mkdir(parents=True, exist_ok=True)
python = venv / "bin" / "python"
python.unlink(missing_ok=True)
python.symlink_to(sys.executable)
(venv / "kinesis.env").write_text(f"# {given.stamp} made\\nexport PYTHONSAFEPATH=1 PYTHONPATH='{given.root}'\\n")
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with the real script and a set-up that only notes that it was called. Its path holds a space."""
    root = tmp_path / "a tree"
    for folder in ("requirements", "msgs/msg", "kinesis_cli/setup/tf2_msgs/msg"):
        (root / folder).mkdir(parents=True)
    for file in ("requirements/core.lock", "requirements/ros.lock", "msgs/package.xml", "msgs/msg/A.msg"):
        (root / file).write_text(file)
    for file in ("package.xml", "msg/TFMessage.msg"):
        (root / "kinesis_cli/setup/tf2_msgs" / file).write_text(file)
    (root / "kinesis_cli/__init__.py").write_text("")
    (root / "kinesis_cli/__main__.py").write_text("import sys; print(sys.argv[1:])")
    (root / "kinesis_cli/setup/__init__.py").write_text("")
    (root / "kinesis_cli/setup/__main__.py").write_text(FAKE_SETUP)
    shutil.copy(ROOT / "kinesis", root / "kinesis")
    return root


def start(tree: Path, *arguments: str, script: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the script in a clean environment."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(tree), "KINESIS_PYTHON": BASE_PYTHON, **variables}
    return subprocess.run([script or tree / "kinesis", *arguments], cwd=tree, env=environment, capture_output=True, text=True, timeout=180, check=False)


def calls(tree: Path) -> list[str]:
    """The home of each set-up that was made."""
    return (tree / "calls").read_text().split() if (tree / "calls").exists() else []


def test_arguments_reach_the_command_line_unchanged(tree: Path) -> None:
    assert start(tree, "say", "walk slowly", "--json=a b").stdout.strip() == "['say', 'walk slowly', '--json=a b']"


def test_second_start_sets_nothing_up(tree: Path) -> None:
    start(tree)
    start(tree)
    assert calls(tree) == ["wheels"]


@pytest.mark.parametrize("changed", ["requirements/core.lock", "requirements/ros.lock", "msgs/msg/A.msg", "msgs/package.xml", "kinesis_cli/setup/__init__.py"])
def test_a_changed_source_sets_up_again(tree: Path, changed: str) -> None:
    start(tree)
    with (tree / changed).open("a") as file:
        file.write("#\n")
    start(tree)
    assert calls(tree) == ["wheels", "wheels"]


def test_a_new_message_sets_up_again(tree: Path) -> None:
    start(tree)
    (tree / "msgs/srv").mkdir()
    (tree / "msgs/srv/B.srv").write_text("---")
    start(tree)
    assert len(calls(tree)) == 2


def test_a_moved_tree_sets_up_again(tree: Path) -> None:
    start(tree)
    start(tree.rename(tree.with_name("another")))
    assert len(calls(tree.with_name("another"))) == 2


@pytest.mark.parametrize("lost", ["kinesis.env", "bin/python"])
def test_a_half_made_environment_sets_up_again(tree: Path, lost: str) -> None:
    start(tree)
    (tree / ".venv" / lost).unlink()
    assert start(tree).returncode == 0
    assert len(calls(tree)) == 2


def test_works_through_a_link(tree: Path, tmp_path: Path) -> None:
    link = tmp_path / "bin-kinesis"
    link.symlink_to(tree / "kinesis")
    assert start(tree, "x", script=link).stdout.strip() == "['x']"


def test_another_checkout_in_the_current_folder_is_not_run(tree: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "kinesis_cli/setup").mkdir(parents=True)
    for file in ("__init__.py", "__main__.py", "setup/__init__.py", "setup/__main__.py"):
        (other / "kinesis_cli" / file).write_text("raise SystemExit('the other checkout')")
    script = f'cd "{other}" && exec "{tree}/kinesis" x'
    environment = {"PATH": os.environ["PATH"], "KINESIS_PYTHON": BASE_PYTHON}
    result = subprocess.run(["/bin/sh", "-c", script], env=environment, capture_output=True, text=True, timeout=180, check=False)
    assert calls(tree) == ["wheels"]
    if sys.version_info >= (3, 11):
        assert result.stdout.strip() == "['x']"


def test_no_usable_python_is_exit_10_and_says_what_to_do(tree: Path) -> None:
    result = start(tree, KINESIS_PYTHON="/bin/false")
    assert result.returncode == 10
    assert "no CPython 3.10-3.13 found" in result.stderr and "KINESIS_PYTHON=" in result.stderr
    assert calls(tree) == []


def test_an_old_python_is_named_in_the_message(tree: Path) -> None:
    old = tree / "python3.8"
    old.write_text('#!/bin/sh\n[ "$1" = -V ] && echo Python 3.8.1 && exit 0\nexit 1\n')
    old.chmod(0o755)
    result = start(tree, KINESIS_PYTHON=str(old))
    assert result.returncode == 10 and "Python 3.8.1" in result.stderr


def test_a_sourced_ros_without_rclpy_is_said_and_left_aside(tree: Path) -> None:
    result = start(tree, ROS_DISTRO="jazzy", AMENT_PREFIX_PATH="/nowhere", KINESIS_PYTHON=blind_python(tree))
    assert calls(tree) == ["wheels"], result.stderr
    assert "cannot import rclpy" in result.stderr or "can import rclpy" in result.stderr


def test_a_sourced_ros_gets_an_environment_of_its_own(tree: Path) -> None:
    (tree / "rclpy.py").write_text("")
    for _ in range(2):
        start(tree, ROS_DISTRO="jazzy", AMENT_PREFIX_PATH="/opt/ros/jazzy", PYTHONPATH=str(tree))
    assert calls(tree) == ["sourced"]
    assert (tree / ".venv.jazzy/kinesis.env").exists() and not (tree / ".venv").exists()


def test_another_workspace_on_the_sourced_ros_is_looked_at_again(tree: Path) -> None:
    (tree / "rclpy.py").write_text("")
    venv = tree / ".venv.jazzy"
    for prefix in ("/opt/ros/jazzy", f"{venv}:/opt/ros/jazzy", "/ws/install:/opt/ros/jazzy"):
        start(tree, ROS_DISTRO="jazzy", AMENT_PREFIX_PATH=prefix, PYTHONPATH=str(tree))
    assert calls(tree) == ["sourced", "sourced"], "a start inside its own environment is no other workspace"


def blind_python(tree: Path) -> str:
    """An interpreter that sees no rclpy, whatever is installed in the one that runs these tests."""
    python = tree / "blind-python"
    python.write_text(f'#!/bin/sh\ncase "$*" in *rclpy*) exit 1;; esac\nexec "{BASE_PYTHON}" "$@"\n')
    python.chmod(0o755)
    return str(python)
