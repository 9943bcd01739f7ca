"""The order of a set-up: what is done, what is not repeated, what is repaired. pip and cmake are replaced by notes."""

import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kinesis_cli.setup import environment as module
from kinesis_cli.setup.checks import Machine
from kinesis_cli.setup.environment import Environment, environment_file, only_one, set_up
from kinesis_cli.setup.errors import Failure, SetupError
from kinesis_cli.setup.extras import ensure_extra
from kinesis_cli.setup.messages import rewrite_exports, sourced_copy_is_ours
from kinesis_cli.setup.run import Progress, run

MACHINE = Machine(
    system="Linux", processor="x86_64", python=(3, 12), glibc=(2, 36), compilers=("cc", "c++"), python_headers=True, venv_module=True
)


class Quiet(Progress):
    """Keeps what would be shown."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    root = tmp_path / "tree"
    for file in ("requirements/core.lock", "requirements/ros.lock", "msgs/msg/A.msg", "kinesis_cli/setup/tf2_msgs/package.xml"):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(f"{file}==1\n")
    return Environment(root=root, venv=root / ".venv", sourced=False, stamp="first", progress=Quiet())


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was made, in order."""
    made: list[str] = []

    def make_venv(venv: Path, **_: object) -> None:
        made.append("venv")
        (venv / "bin").mkdir(parents=True)
        (venv / "bin/python").write_text("")

    def note(kind: str, name: Callable[..., str]) -> Callable[..., None]:
        return lambda *args, **_: made.append(f"{kind} {name(*args)}")

    monkeypatch.setattr(module.packages, "make_venv", make_venv)
    monkeypatch.setattr(module.packages, "install", note("install", lambda python, locks: locks[0].stem))
    monkeypatch.setattr(module.messages, "build", note("build", lambda source, venv: source.name))
    monkeypatch.setattr(module.messages, "include_folders", lambda venv: ("", ""))
    monkeypatch.setattr(module, "_prove", lambda environment: made.append("prove"))
    monkeypatch.setattr(module, "check_space", lambda free, folder: None)
    return made


ALL = ["venv", "install core", "install ros", "build msgs", "build tf2_msgs", "prove"]


def test_a_first_set_up_does_everything_and_stamps_it(environment: Environment, notes: list[str]) -> None:
    set_up(environment, MACHINE)
    assert notes == ALL
    assert (environment.venv / "kinesis.env").read_text().startswith("# first ")


def test_a_current_environment_is_left_alone(environment: Environment, notes: list[str]) -> None:
    set_up(environment, MACHINE)
    set_up(environment, MACHINE)
    assert notes == ALL


def test_changed_messages_keep_the_packages(environment: Environment, notes: list[str]) -> None:
    set_up(environment, MACHINE)
    (environment.root / "msgs/msg/A.msg").write_text("other")
    set_up(replace(environment, stamp="second"), MACHINE)
    assert notes[len(ALL) :] == ["build msgs", "build tf2_msgs", "prove"]


def test_changed_pins_make_all_of_it_again(environment: Environment, notes: list[str]) -> None:
    set_up(environment, MACHINE)
    stray = environment.venv / "stray"
    stray.write_text("")
    (environment.root / "requirements/ros.lock").write_text("other")
    set_up(replace(environment, stamp="second"), MACHINE)
    assert notes[len(ALL) :] == ALL and not stray.exists()


def test_a_removed_interpreter_makes_all_of_it_again(environment: Environment, notes: list[str]) -> None:
    set_up(environment, MACHINE)
    (environment.venv / "bin/python").unlink()
    set_up(environment, MACHINE)
    assert notes[len(ALL) :] == ALL


@pytest.mark.parametrize("at", ["install core", "install ros", "build msgs", "prove"])
def test_a_set_up_killed_at_any_step_is_repaired(environment: Environment, notes: list[str], at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def progress_until(name: str) -> Callable[[str], None]:
        def append(note: str) -> None:
            list.append(notes, note)
            if note == name:
                raise Killed

        return append

    killer = type("Notes", (list,), {})()
    killer.append = progress_until(at)
    monkeypatch.setattr(module.packages, "install", lambda python, locks, **_: killer.append(f"install {locks[0].stem}"))
    monkeypatch.setattr(module.messages, "build", lambda source, venv, **_: killer.append(f"build {source.name}"))
    monkeypatch.setattr(module, "_prove", lambda environment: killer.append("prove"))
    with pytest.raises(Killed):
        set_up(environment, MACHINE)
    assert not (environment.venv / "kinesis.env").exists()
    killer.append = notes.append
    set_up(environment, MACHINE)
    assert (environment.venv / "kinesis.env").exists() and notes[-1] == "prove"


def test_a_refused_machine_leaves_nothing_behind(environment: Environment, notes: list[str]) -> None:
    with pytest.raises(SetupError):
        set_up(environment, replace(MACHINE, compilers=("", "")))
    assert notes == [] and not environment.venv.exists()


def test_a_second_set_up_waits_for_the_first(environment: Environment, notes: list[str]) -> None:
    with (environment.root / ".venv.lock").open("w") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        waiting = threading.Thread(target=set_up, args=(environment, MACHINE), daemon=True)
        waiting.start()
        deadline = time.monotonic() + 60.0
        while not environment.progress.said:  # type: ignore[attr-defined]
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert waiting.is_alive() and notes == []
    waiting.join(60)
    assert notes == ALL and "waiting" in environment.progress.said[0]  # type: ignore[attr-defined]


def test_the_next_set_up_waits_for_what_a_killed_one_left_running(environment: Environment, tmp_path: Path) -> None:
    log, names = tmp_path / "log", {"environment": dict(os.environ), "log": tmp_path / "log"}
    started, go_on = threading.Event(), tmp_path / "go on"
    program = f"import pathlib, time; print('started', flush=True)\nwhile not pathlib.Path({str(go_on)!r}).exists(): time.sleep(0.01)"
    left = threading.Thread(target=run, args=([sys.executable, "-c", program],), kwargs={**names, "on_line": lambda _: started.set()}, daemon=True)
    with only_one(environment.venv, environment.progress):
        left.start()
        assert started.wait(60), log.read_text()
    with (environment.root / ".venv.lock").open("w") as file:
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        go_on.touch()
        left.join(60)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_tree_is_said(environment: Environment) -> None:
    environment.root.chmod(0o555)
    with pytest.raises(SetupError) as caught:
        set_up(environment, MACHINE)
    environment.root.chmod(0o755)
    assert caught.value.failure is Failure.READ_ONLY


def test_a_tree_without_room_for_the_lock_is_said(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fcntl, "flock", full)
    with pytest.raises(SetupError) as caught:
        set_up(environment, MACHINE)
    assert caught.value.failure is Failure.DISK_FULL


def shell(environment: Environment, expression: str, **variables: str) -> str:
    """Value of a shell expression after the environment file was read, twice as in a nested start."""
    script = environment_file(environment) * 2 + f'printf %s "{expression}"'
    return subprocess.run(["/bin/sh", "-euc", script], env=variables, capture_output=True, text=True, check=True).stdout


def test_the_wheels_are_all_there_is(environment: Environment) -> None:
    environment = replace(environment, venv=environment.root / "it's a venv")
    sourced = {"PYTHONPATH": "/opt/ros/site", "AMENT_PREFIX_PATH": "/opt/ros", "ROS_DISTRO": "jazzy", "LD_LIBRARY_PATH": "/mine"}
    assert shell(environment, "$PYTHONPATH|$AMENT_PREFIX_PATH|${ROS_DISTRO:-none}", **sourced) == f"{environment.root}|{environment.venv}|none"
    assert shell(environment, "$LD_LIBRARY_PATH", **sourced) == f"{environment.venv}/lib:/mine"
    assert shell(environment, "$LD_LIBRARY_PATH") == f"{environment.venv}/lib"


def test_a_sourced_ros_is_kept_behind(environment: Environment) -> None:
    environment = replace(environment, sourced=True)
    variables = {"PYTHONPATH": "/opt/ros/site", "AMENT_PREFIX_PATH": "/opt/ros", "ROS_DISTRO": "jazzy"}
    wanted = f"{environment.root}:/opt/ros/site|{environment.venv}:/opt/ros|jazzy"
    assert shell(environment, "$PYTHONPATH|$AMENT_PREFIX_PATH|$ROS_DISTRO", **variables) == wanted


def test_exports_of_the_wheels_are_pointed_at_this_environment(tmp_path: Path) -> None:
    file = tmp_path / "share/std_msgs/cmake/aExport.cmake"
    file.parent.mkdir(parents=True)
    file.write_text('"/opt/python/cp312-cp312/include/python3.12;/opt/python/cp312-cp312/lib/python3.12/site-packages/numpy/_core/include"')
    assert rewrite_exports(tmp_path, "/py", "/np") == 1
    assert file.read_text() == '"/py;/np"'
    assert rewrite_exports(tmp_path, "/py", "/np") == 0


def test_a_workspace_with_the_same_messages_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    msgs, prefix = tmp_path / "msgs", tmp_path / "install"
    for root in (msgs, prefix / "share/kinesis_msgs"):
        (root / "msg").mkdir(parents=True)
        (root / "msg/A.msg").write_text("bool a")
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"/opt/ros:{prefix}")
    assert sourced_copy_is_ours(msgs)
    (msgs / "msg/A.msg").write_text("bool b")
    assert not sourced_copy_is_ours(msgs)


def test_an_unknown_extra_names_the_known_ones() -> None:
    with pytest.raises(SetupError, match="test, dev, train"):
        ensure_extra("tests")


def test_an_extra_is_only_installed_into_an_environment_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KINESIS_VENV", raising=False)
    with pytest.raises(SetupError, match=r"use \./kinesis"):
        ensure_extra("test")
