"""One started process, its last lines, and the guard that ends all processes when the launcher itself is killed."""

import os
import signal
import subprocess
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from kinesis_cli.launcher.description import ProcessSpec, ros_command
from kinesis_control.errors import UnavailableError

TAIL_LINES = 20


class Child:
    """A process in a session of its own, so that a Ctrl-C in the terminal reaches the launcher alone.

    Attributes:
        spec: what it was started from.
        label: unique name, for example "sim_node-1".
        tail: its last lines, stdout and stderr together.
        exit_code: None while it runs; 128 + N when signal N ended it.
    """

    def __init__(self, spec: ProcessSpec, number: int) -> None:
        self.spec = spec
        self.label = f"{spec.label}-{number}"
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self.exit_code: int | None = None
        self._number = number
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, folder: Path) -> None:
        """Start it.

        Raises:
            UnavailableError: the program cannot be run.
        """
        command = ros_command(self.spec, folder, self._number)
        try:
            self._process = subprocess.Popen(
                command,
                env={**self.spec.environment, "PYTHONUNBUFFERED": "1"},
                cwd=self.spec.cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise UnavailableError(f"cannot start {self.label}: {error.strerror}: {error.filename or command[0]}") from error
        self.exit_code = None

    @property
    def pid(self) -> int:
        """Process id, which is also the id of its group."""
        assert self._process is not None
        return self._process.pid

    @property
    def started(self) -> bool:
        """True once start() has succeeded."""
        return self._process is not None

    @property
    def running(self) -> bool:
        """True until its end has been seen by reap()."""
        return self.started and self.exit_code is None

    @property
    def pipes(self) -> tuple[int, int]:
        """File descriptors of stdout and stderr."""
        assert self._process is not None and self._process.stdout is not None and self._process.stderr is not None
        return self._process.stdout.fileno(), self._process.stderr.fileno()

    def send(self, signal_number: int) -> None:
        """Signal the process and everything it started."""
        if self.running:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal_number)

    def reap(self) -> bool:
        """True when the process has ended since the last call; `exit_code` is set then, and its group is gone."""
        if not self.running:
            return False
        assert self._process is not None
        if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return False
        # The dead leader still holds its number, so the signal cannot reach a stranger.
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        code = self._process.wait()
        self.exit_code = code if code >= 0 else 128 - code
        return True

    def close_pipes(self) -> None:
        """Close what the reader has read to the end."""
        if self._process is not None and self._process.stdout is not None and self._process.stderr is not None:
            self._process.stdout.close()
            self._process.stderr.close()


_GUARD_SCRIPT = """
trap '' INT TERM HUP
groups=
while read -r line; do groups=$line; done
for signal in INT TERM KILL; do
  for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
    alive=
    for group in $groups; do
      if kill -0 "-$group" 2>/dev/null; then alive="$alive $group"; fi
    done
    groups=$alive
    [ -z "$groups" ] && exit 0
    if [ "$try" = 1 ]; then for group in $groups; do kill "-$signal" "-$group" 2>/dev/null; done; fi
    sleep 0.2
  done
done
"""


class Guard:
    """A shell that holds a pipe from the launcher: when the launcher dies, however it dies, it ends the processes left.

    PR_SET_PDEATHSIG would watch the thread that started the process, sends one signal only and reaches no grandchildren.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD_SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def watch(self, children: Iterable[Child]) -> None:
        """Name the processes to end; replaces what was named before."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write((" ".join(str(c.pid) for c in children if c.running) + "\n").encode())
            self._process.stdin.flush()

    def close(self) -> None:
        """Dismiss the guard; whatever it still watches is ended."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
