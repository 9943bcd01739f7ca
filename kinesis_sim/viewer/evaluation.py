"""Makes the report of a recording while the page goes on: `kinesis evaluate`, as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

BESIDE_A_BODY = 10
"""Niceness beside a control loop: the report may wait, the body may not."""


class Evaluation:
    """One evaluation that runs.

    Attributes:
        page: the report, once `poll` gives "".
    """

    def __init__(self, bag: Path, folder: Path, people: Sequence[str] = (), *, niceness: int = 0) -> None:
        """Begin.

        Args:
            bag: what is evaluated.
            folder: gets the report and a log; made where it is not there.
            people: files of people's muscles to compare with.
            niceness: how far it steps back, 0..19.

        Raises:
            OSError: the folder cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.page, self._log = folder / "index.html", folder / "log.txt"
        words = ["evaluate", str(bag), "-o", str(folder), *(word for file in people for word in ("--emg", file))]
        with self._log.open("wb") as log:
            # Unbuffered, so that the last line of the log is what was said last, and not what lay in a buffer.
            environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
            command = [sys.executable, "-m", "kinesis_cli", *words]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        if niceness:
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, self._process.pid, niceness)

    def poll(self) -> str | None:
        """None while it runs, "" when the report is there, else why there is none."""
        code = self._process.poll()
        if code is None:
            return None
        if code == 0 and self.page.is_file():
            return ""
        lines = [line for line in self._log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        return f"the evaluation ended with {code}: {lines[-1][:300] if lines else 'it said nothing'}"

    def close(self) -> None:
        """End it, if it still runs."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()
