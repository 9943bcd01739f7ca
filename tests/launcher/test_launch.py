"""Real processes: prefixes, exit codes, last lines, and that nobody is left behind however the end comes."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kinesis_cli.launcher import run_launch
from kinesis_cli.launcher.packages import SOURCE_ROOT
from kinesis_control.errors import UnavailableError

PATIENCE_S = 60.0


@pytest.fixture
def launch_file(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a launch file of `executable`s: lines of "NAME ATTRIBUTES: shell script"."""

    def write(*scripts: str, extra: str = "") -> Path:
        lines = ["launch:"]
        for index, script in enumerate(scripts):
            (tmp_path / f"s{index}.sh").write_text(script)
            lines.append(f"- executable: {{cmd: /bin/sh {tmp_path}/s{index}.sh, name: s{index}, output: screen{extra}}}")
        path = tmp_path / "t.launch.yaml"
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.02)


def alive(pid_file: Path) -> bool:
    """True while the process whose id is in the file runs; a zombie is dead, and so is one that did not come to write its id."""
    try:
        state = Path(f"/proc/{int(pid_file.read_text() or -1)}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def run_and_collect(path: Path) -> tuple[int, list[tuple[str, str]]]:
    lines: list[tuple[str, str]] = []
    return run_launch(path, {}, on_line=lambda label, line: lines.append((label, line))), lines


def test_lines_carry_the_label_and_an_ordinary_end_is_zero(launch_file: Callable[..., Path]) -> None:
    code, lines = run_and_collect(launch_file("echo out; echo err >&2", "printf 'no newline'"))
    assert code == 0
    assert sorted(lines) == [("s0-1", "err"), ("s0-1", "out"), ("s1-2", "no newline")]


def test_one_failing_process_ends_the_launch(launch_file: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = f"trap 'echo stopped > {tmp_path}/ended; exit 0' INT TERM; echo $$ > {tmp_path}/ready; while :; do sleep 0.05; done"
    failing = f"while ! [ -s {tmp_path}/ready ]; do sleep 0.05; done; for i in $(seq 30); do echo line $i; done; echo why >&2; exit 7"
    code, _ = run_and_collect(launch_file(other, failing))
    assert code == 7
    report = capsys.readouterr().err
    assert "s1-2 ended with exit code 7; its last lines:" in report
    assert "line 30" in report and "why" in report and "line 5\n" not in report
    assert (tmp_path / "ended").read_text() == "stopped\n"


def test_a_signal_that_kills_a_process_is_128_plus_its_number(launch_file: Callable[..., Path]) -> None:
    assert run_and_collect(launch_file("kill -9 $$", "sleep 60"))[0] == 128 + 9


def test_an_ordinary_end_ends_the_launch_only_if_asked(launch_file: Callable[..., Path], tmp_path: Path) -> None:
    scripts = ("exit 0", f"sleep 0.3; echo done > {tmp_path}/done")
    assert run_and_collect(launch_file(*scripts))[0] == 0
    assert (tmp_path / "done").exists()
    (tmp_path / "done").unlink()
    assert run_and_collect(launch_file("sleep 0.3", "sleep 60", extra=", on_exit: shutdown"))[0] == 0


def test_respawn_starts_again(launch_file: Callable[..., Path], tmp_path: Path) -> None:
    stop = threading.Event()
    count = tmp_path / "count"
    path = launch_file(f"echo x >> {count}; exit 1", extra=", respawn: 'true', respawn_delay: 0.05")
    threading.Thread(target=lambda: (wait_until(lambda: count.exists() and len(count.read_text()) >= 6), stop.set())).start()
    assert run_launch(path, {}, on_line=lambda *_: None, stop_event=stop) == 0
    assert len(count.read_text()) >= 6


def test_program_that_does_not_exist(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(f"launch:\n- executable: {{cmd: /bin/sh -c 'echo $$ > {tmp_path}/pid; sleep 60'}}\n- executable: {{cmd: /no/such/program}}\n")
    with pytest.raises(UnavailableError, match="program-2: No such file or directory: /no/such/program"):
        run_launch(path, {})
    assert not (tmp_path / "pid").exists() or not alive(tmp_path / "pid")


STUBBORN = "trap '' INT TERM; sleep 300 & echo $! > {0}/grandchild; echo $$ > {0}/child; wait; sleep 300"
POLITE = "trap 'exit 0' INT TERM; sleep 300 & echo $! > {0}/grandchild; echo $$ > {0}/child; wait"


@pytest.mark.parametrize(
    ("how", "script", "code"),
    [
        (signal.SIGINT, POLITE, 130),
        (signal.SIGTERM, POLITE, 143),
        (signal.SIGKILL, POLITE, -9),
        (signal.SIGKILL, STUBBORN, -9),
        (signal.SIGINT, STUBBORN, 130),
    ],
)
def test_nobody_is_left_behind(launch_file: Callable[..., Path], tmp_path: Path, how: int, script: str, code: int) -> None:
    program = f"import sys; from kinesis_cli.launcher import run_launch; sys.exit(run_launch('{launch_file(script.format(tmp_path))}', {{}}))"
    environment = {**os.environ, "PYTHONPATH": str(SOURCE_ROOT)}
    launcher = subprocess.Popen([sys.executable, "-c", program], env=environment, start_new_session=True)
    try:
        wait_until(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text().endswith("\n"))
        os.kill(launcher.pid, how)
        assert launcher.wait(timeout=PATIENCE_S) == code
        wait_until(lambda: not alive(tmp_path / "child") and not alive(tmp_path / "grandchild"))
    finally:
        launcher.kill()
