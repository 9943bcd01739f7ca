"""Runs the programs of a set-up, keeps their output in a log, and shows one line a step."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


class Progress:
    """Shows a line for each step: its name at once, the time it took at its end."""

    def __init__(self) -> None:
        self._line = ""

    def say(self, text: str) -> None:
        """Shows a line of its own."""
        sys.stderr.write(f"kinesis: {text}\n")
        sys.stderr.flush()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Brackets one step."""
        start = time.monotonic()
        self._line = f"kinesis:   {name} ..."
        sys.stderr.write(self._line)
        sys.stderr.flush()
        try:
            yield
        except BaseException:
            sys.stderr.write("\n")
            raise
        sys.stderr.write(f"{self._return()} {time.monotonic() - start:.1f} s\n")
        sys.stderr.flush()

    def count(self, done: int, total: int) -> None:
        """Shows how far the step is, on a terminal only."""
        if sys.stderr.isatty():
            sys.stderr.write(f"{self._return()} {min(done, total)}/{total}")
            sys.stderr.flush()

    def _return(self) -> str:
        return f"\r\033[K{self._line}" if sys.stderr.isatty() else ""


def run(
    command: Sequence[str | os.PathLike[str]],
    *,
    log: Path,
    environment: Mapping[str, str],
    on_line: Callable[[str], None] | None = None,
) -> tuple[int, str]:
    """Runs a command without standard input.

    Args:
        command: program and arguments.
        log: file to which its output is added.
        environment: all of its environment variables.
        on_line: called with each line of output.

    Returns:
        Its exit status and all its output. An interrupted command is ended before KeyboardInterrupt goes on.
    """
    lines: list[str] = []
    with (
        log.open("a", encoding="utf-8") as file,
        subprocess.Popen(
            [os.fspath(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            close_fds=False,  # the lock of the set-up is to be inherited; Python closes everything else itself
            text=True,
            errors="replace",
        ) as process,
    ):
        file.write("$ " + " ".join(map(str, command)) + "\n")
        try:
            assert process.stdout is not None
            for line in process.stdout:
                lines.append(line)
                file.write(line)
                if on_line is not None:
                    on_line(line)
        except BaseException:
            process.terminate()
            raise
    return process.returncode, "".join(lines)
