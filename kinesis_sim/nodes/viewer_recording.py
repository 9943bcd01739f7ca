"""The record button: the same recorder as everybody's, as a process of its own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from kinesis_sim.nodes.viewer_graph import Tell

END_S = 8.0
"""How long a recorder may take to write its end [s]."""


class Recording:
    """At most one recording at a time.

    Attributes:
        path: folder of the recording that runs, or "".
    """

    def __init__(self, folder: Path, namespace: str) -> None:
        """`folder` holds the recordings; it is made when the first one begins."""
        self._folder, self._namespace = folder.expanduser().absolute(), namespace
        self._process: subprocess.Popen[bytes] | None = None
        self._path = ""

    @property
    def path(self) -> str:
        """Folder of the recording that runs, or ""."""
        if self._process is not None and self._process.poll() is not None:
            self._process, self._path = None, ""
        return self._path

    def switch(self, on: bool, tell: Tell) -> None:
        """Begin or end a recording."""
        if on == bool(self.path):
            tell(f"recording already runs: {self._path}" if on else "nothing is being recorded", False)
        elif on:
            self._begin(tell)
        else:
            path = self._path
            assert self._process is not None
            self._process.send_signal(signal.SIGINT)  # it writes its end by itself; the page does not wait for it
            tell(f"recorded: {path}", True)
            self._path = ""

    def _begin(self, tell: Tell) -> None:
        self.end()
        path = self._folder / time.strftime("kinesis-%Y%m%d-%H%M%S")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            tell(f"cannot record into '{self._folder}': {error.strerror}", False)
            return
        words = ["--ros-args", "-r", f"__ns:={self._namespace}", "-r", f"__node:=page_recorder_{os.getpid()}", "-p", f"output:='{path}'"]
        self._process = subprocess.Popen([sys.executable, "-m", "kinesis_control.nodes.recorder_node", *words])
        self._path = str(path)
        tell(f"recording to {path}", True)

    def end(self) -> None:
        """End what runs, and wait until it has written its end."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(timeout=END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process, self._path = None, ""
