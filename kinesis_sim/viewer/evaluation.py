"""What is made of a recording while the page goes on, report and film: `kinesis evaluate` and `kinesis render` as processes of their own."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

BESIDE_A_BODY = 10
"""Niceness beside a control loop: report and film may wait, the body may not."""


class Work:
    """One command of Kinesis that runs.

    Attributes:
        result: the file that it makes, whole once `poll` gives "".
    """

    def __init__(self, words: Sequence[str], result: Path, log: Path, *, niceness: int = 0) -> None:
        """Begin.

        Args:
            words: of the command, after `kinesis`.
            result: file that it makes.
            log: file that gets its words.
            niceness: how far it steps back, 0..19.

        Raises:
            OSError: the log cannot be written.
        """
        self.result, self._log, self._name = result, log, words[0]
        with log.open("wb") as out:
            # Unbuffered, so that the last line of the log is what was said last, and not what lay in a buffer.
            environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
            command = [sys.executable, "-m", "kinesis_cli", *words]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment)
        if niceness:
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, self._process.pid, niceness)

    def poll(self) -> str | None:
        """None while it runs, "" when the result is there, else why there is none."""
        code = self._process.poll()
        if code is None:
            return None
        if code == 0 and self.result.is_file():
            return ""
        lines = [line for line in self._log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        return f"`kinesis {self._name}` ended with {code}: {lines[-1][:300] if lines else 'it said nothing'}"

    def close(self) -> None:
        """End it, if it still runs."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()


class Evaluation(Work):
    """One evaluation that runs; `result` is the page of its report."""

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
        words = ["evaluate", str(bag), "-o", str(folder), *(word for file in people for word in ("--emg", file))]
        super().__init__(words, folder / "index.html", folder / "log.txt", niceness=niceness)


class Films:
    """Films of recordings, at most one at a time is made.

    Attributes:
        stage: "off", "making", "ready", "failed".
    """

    def __init__(self, offer: Callable[[str, Path], str], *, niceness: int = 0) -> None:
        """`offer` serves a file beside the page and gives its address there."""
        self.stage = "off"
        self._offer, self._niceness = offer, niceness
        self._address, self._text = "", ""
        self._work: Work | None = None

    def begin(self, bag: Path, file: Path) -> bool:
        """Draw a bag as `file` (MP4), with a log beside it; False while one is being made.

        Raises:
            OSError: the folder of the file cannot be written.
        """
        if self._work is not None:
            return False
        self._work = Work(["render", str(bag), "-o", str(file)], file, file.with_suffix(".log"), niceness=self._niceness)
        self.stage, self._address, self._text = "making", "", ""
        return True

    def tick(self) -> None:
        """Look whether it is done; to be called several times a second."""
        if self._work is None or (problem := self._work.poll()) is None:
            return
        file, self._work = self._work.result, None
        if problem:
            self.stage, self._text = "failed", problem
        else:
            self.stage, self._address, self._text = "ready", self._offer(file.name, file), file.name

    def status(self) -> dict[str, Any]:
        """What the page shows: the stage, the address of the last film, its name or what went wrong."""
        return {"stage": self.stage, "address": self._address, "text": self._text}

    def close(self) -> None:
        """End what is being made."""
        if self._work is not None:
            self._work.close()
            self._work = None
