"""Starts the processes of a launch file, watches them, and ends them all together."""

import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from kinesis_cli.launcher.description import LaunchDescription
from kinesis_cli.launcher.output import OutputReader
from kinesis_cli.launcher.process import Child, Guard

# As ros2 launch does: time after SIGINT until SIGTERM, and after that until SIGKILL.
_GRACE_S = 5.0
_POLL_S = 0.02

LineHandler = Callable[[str, str], None]


class Launch:
    """The processes of a launch file, from start to end.

    Use `start()`, then `poll()` until it returns False, then `stop()`, in a `finally`.

    Attributes:
        children: the processes, in the order of the file.
        exit_code: None while the launch runs; afterwards that of the process that ended it, or 0.
        ended_by: the process that ended the launch, or None.
    """

    def __init__(self, description: LaunchDescription, *, on_line: LineHandler | None = None) -> None:
        """Prepare a launch.

        Args:
            description: what to start.
            on_line: gets (label, line) for every line to be shown; called from a thread of the launch.
        """
        self.children = [Child(spec, number) for number, spec in enumerate(description.processes, start=1)]
        self.exit_code: int | None = None
        self.ended_by: Child | None = None
        self._on_line = on_line
        self._guard: Guard | None = None
        self._folder: Path | None = None
        self._respawn_at: dict[Child, float] = {}
        self._reader = OutputReader(self._handle_line)

    def start(self) -> None:
        """Start every process at once.

        Raises:
            UnavailableError: one of them cannot be started; those already started are ended again.
        """
        self._folder = Path(tempfile.mkdtemp(prefix="kinesis_launch_"))
        self._guard = Guard()
        try:
            for child in self.children:
                self._start_child(child)
        except BaseException:
            self.stop()
            raise

    def poll(self, timeout: float = 0.0) -> bool:
        """Look after the processes for up to `timeout` seconds; False once the launch is over."""
        deadline = time.monotonic() + timeout
        while self.exit_code is None:
            self._reap()
            self._start_due()
            if self.exit_code is not None or time.monotonic() >= deadline:
                break
            time.sleep(max(0.0, min(_POLL_S, deadline - time.monotonic())))
        return self.exit_code is None

    def stop(self) -> None:
        """End every process: SIGINT, after five seconds SIGTERM, after five more SIGKILL. May be called again."""
        self._respawn_at.clear()
        for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            for child in self.children:
                child.send(signal_number)
            if self._wait_for_end(_GRACE_S):
                break
        self._reader.close()
        for child in self.children:
            child.close_pipes()
        if self.exit_code is None:
            self.exit_code = 0
        if self._guard is not None:
            self._guard.watch(self.children)
            self._guard.close()
            self._guard = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def failure_report(self, lines: int = 20) -> str:
        """Which process ended the launch, how, and its last lines; empty when none failed."""
        if self.ended_by is None or not self.ended_by.exit_code:
            return ""
        child = self.ended_by
        tail = list(child.tail)[-lines:]
        killed = f" (signal {child.exit_code - 128})" if child.exit_code > 128 else ""
        head = f"{child.label} ended with exit code {child.exit_code}{killed}" + ("; its last lines:" if tail else " and wrote nothing")
        return "\n".join([head, *(f"  {line}" for line in tail)])

    def _start_child(self, child: Child) -> None:
        assert self._folder is not None and self._guard is not None
        child.start(self._folder)
        self._guard.watch(self.children)
        self._reader.add(child)

    def _reap(self) -> None:
        ended = [child for child in self.children if child.reap()]
        for child in ended:
            self._reader.drain(child)
            if child.spec.respawn:
                self._respawn_at[child] = time.monotonic() + child.spec.respawn_delay
        if ended and self._guard is not None:
            self._guard.watch(self.children)
        final = [c for c in ended if not c.spec.respawn and (c.exit_code or c.spec.ends_launch)]
        over = not self._respawn_at and not any(c.running for c in self.children)
        if final or over:
            # Of those found dead together, one that failed is the cause sooner than one that ended well.
            self.ended_by = max(final or ended, key=lambda c: bool(c.exit_code), default=None)
            self.exit_code = (self.ended_by.exit_code if self.ended_by else 0) or 0

    def _start_due(self) -> None:
        due = [child for child, at in self._respawn_at.items() if at <= time.monotonic()]
        for child in due:
            del self._respawn_at[child]
            self._start_child(child)

    def _wait_for_end(self, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while any(child.running for child in self.children):
            for child in self.children:
                child.reap()
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_S)
        return True

    def _handle_line(self, child: Child, line: str, from_stderr: bool) -> None:
        child.tail.append(line)
        if self._on_line is not None and (from_stderr or child.spec.shows_stdout):
            self._on_line(child.label, line)


def run_launch(path: Path | str, arguments: Mapping[str, str], *, on_line: LineHandler | None = None, stop_event: threading.Event | None = None) -> int:
    """Run a launch file until it ends; the exit code.

    Ctrl-C and SIGTERM end every process and give 130 and 143; a set `stop_event` does the same and gives 0. One process
    that fails ends the launch with its exit code, and its last lines go to stderr.

    Args:
        path: the launch file.
        arguments: values for its arguments.
        on_line: gets (label, line); by default lines go to stderr as `[label] line`.
        stop_event: ends the launch when set.

    Raises:
        LaunchFileError: the file cannot be run.
        UnknownNameError: an argument, package or executable that is not known.
        UnavailableError: a process that cannot be started.
    """
    show = on_line or (lambda label, line: print(f"[{label}] {line}", file=sys.stderr, flush=True))
    description = LaunchDescription.load(Path(path), arguments, report=lambda message: show("launch", message))
    launch = Launch(description, on_line=show)
    with caught_signals() as caught:
        try:
            launch.start()
            while launch.poll(0.1) and not caught and not (stop_event and stop_event.is_set()):
                pass
        finally:
            launch.stop()
    if caught:
        return 128 + caught[0]
    if report := launch.failure_report():
        print(report, file=sys.stderr, flush=True)
    return launch.exit_code or 0


@contextmanager
def caught_signals() -> Iterator[list[int]]:
    """Collects SIGINT and SIGTERM in a list instead of raising; collects nothing outside the main thread."""
    caught: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    previous = {number: signal.signal(number, lambda n, _: caught.append(n)) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
