"""Reads what the processes of a launch write, line by line."""

import os
import selectors
import threading
from collections.abc import Callable

from kinesis_cli.launcher.process import Child


class OutputReader:
    """One thread that reads the pipes of all processes, so that none of them ever waits for a full pipe."""

    def __init__(self, handle: Callable[[Child, str, bool], None]) -> None:
        """`handle` gets (process, line, whether it came from stderr) in the reading thread."""
        self._handle = handle
        self._selector = selectors.DefaultSelector()
        self._open: dict[int, tuple[Child, bool, bytearray]] = {}
        self._changed = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def add(self, child: Child) -> None:
        """Read a process that has just been started."""
        with self._changed:
            for descriptor, from_stderr in zip(child.pipes, (False, True), strict=True):
                os.set_blocking(descriptor, False)
                self._open[descriptor] = (child, from_stderr, bytearray())
                self._selector.register(descriptor, selectors.EVENT_READ)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="launch-output", daemon=True)
            self._thread.start()

    def drain(self, child: Child, timeout: float = 0.5) -> None:
        """Wait until everything an ended process wrote has been handled."""
        with self._changed:
            self._changed.wait_for(lambda: all(c is not child for c, _, _ in self._open.values()), timeout)

    def close(self) -> None:
        """Read what is left and end the thread."""
        if self._thread is not None:
            for child in {id(c): c for c, _, _ in list(self._open.values())}.values():
                self.drain(child)
            self._stopping = True
            self._thread.join()
            self._thread = None
        self._selector.close()

    def _run(self) -> None:
        while not self._stopping:
            for key, _ in self._selector.select(timeout=0.1):
                self._read(key.fd)

    def _read(self, descriptor: int) -> None:
        child, from_stderr, buffer = self._open[descriptor]
        try:
            data = os.read(descriptor, 65536)
        except BlockingIOError:
            return
        buffer += data
        *lines, rest = bytes(buffer).split(b"\n")
        buffer[:] = rest
        if not data and rest:
            lines.append(rest)
        for line in lines:
            self._handle(child, line.decode(errors="replace").rstrip("\r"), from_stderr)
        if not data:
            with self._changed:
                self._selector.unregister(descriptor)
                del self._open[descriptor]
                self._changed.notify_all()
