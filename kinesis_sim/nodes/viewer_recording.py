"""The buttons Record, Evaluate and MP4 film: the same recorder, evaluation and film as everybody's, as processes of their own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kinesis_sim.nodes.viewer_graph import Tell
from kinesis_sim.viewer.evaluation import BESIDE_A_BODY, Evaluation, Films

END_S = 8.0
"""How long a recorder may take to write its end [s]."""

EVALUATE_S = 10.0
"""How long Evaluate records where nothing is being recorded [s, wall clock]."""


class Recording:
    """At most one recording, one evaluation and one film at a time.

    Attributes:
        stage: "off", "recording", "ending" while a recorder writes its end, "evaluating", "ready" with a report, "failed".
        path: folder of the last recording, or "".
        report: path of the last report under the page, or "".
        text: what went wrong, when the stage is "failed".
    """

    def __init__(self, folder: Path, namespace: str, offer: Callable[[str, Path], str], people: tuple[str, ...] = ()) -> None:
        """`folder` holds the recordings, and is made with the first; `offer` serves reports and films; `people`: files of their muscles."""
        self.stage, self.path, self.report, self.text = "off", "", "", ""
        self._folder, self._namespace, self._people = folder.expanduser().absolute(), namespace, people
        self._offer = offer
        self._recorder: subprocess.Popen[bytes] | None = None
        self._evaluation: Evaluation | None = None
        self._films = Films(offer, niceness=BESIDE_A_BODY)
        self._begun: float | None = None  # monotonic time at which the bag was there
        self._evaluates = self._for_a_while = False

    def status(self) -> dict[str, Any]:
        """What the page shows of it: `seconds` so far, and `of` how many where it ends by itself."""
        of = EVALUATE_S if self._for_a_while else None
        report = {"stage": self.stage, "path": self.path, "report": self.report, "text": self.text, "seconds": round(self._seconds(), 1), "of": of}
        return report | {"film": self._films.status()}

    def switch(self, on: bool, tell: Tell) -> None:
        """Begin or end a recording."""
        if self.stage in ("ending", "evaluating"):
            tell(f"not now: the last recording is still being {'written' if self.stage == 'ending' else 'evaluated'}", False)
        elif on == (self.stage == "recording"):
            tell(f"recording already runs: {self.path}" if on else "nothing is being recorded", False)
        elif on:
            self._begin(tell)
        else:
            self._finish()
            tell(f"recorded: {self.path}", True)

    def evaluate(self, tell: Tell) -> None:
        """Record a while, unless a recording runs, end it, and make a report of it."""
        if self.stage in ("ending", "evaluating"):
            tell("an evaluation is on its way", False)
        elif self.stage == "recording":
            self._evaluates = True
            self._finish()
        elif self._begin(tell):
            self._evaluates = self._for_a_while = True

    def film(self, tell: Tell) -> None:
        """Make a film of the last recording."""
        bag = Path(self.path)
        if not self.path or self.stage in ("recording", "ending") or not bag.is_dir():
            tell("film: end a recording first; the last one is drawn", False)
            return
        try:
            if not self._films.begin(bag, bag.with_name(f"{bag.name}.mp4")):
                tell("film: one is being made", False)
        except OSError as error:
            tell(f"film: cannot write beside '{bag}': {error.strerror}", False)

    def tick(self) -> None:
        """Go on with what is due; to be called several times a second."""
        self._films.tick()
        if self.stage == "recording":
            self._watch()
        elif self.stage == "ending" and self._recorder is not None and self._recorder.poll() is not None:
            self._recorder = None
            if self._evaluates:
                self._start_evaluation()
            else:
                self.stage = "off"
        elif self.stage == "evaluating" and self._evaluation is not None and (problem := self._evaluation.poll()) is not None:
            if problem:
                self._fail(problem)
            else:
                page = self._evaluation.result
                self.stage, self.report = "ready", self._offer(page.parent.name, page)
            self._evaluation = None

    def close(self) -> None:
        """End what runs; a recorder is given the time to write its end."""
        self._films.close()
        if self._evaluation is not None:
            self._evaluation.close()
        if self._recorder is not None:
            self._recorder.send_signal(signal.SIGINT)
            try:
                self._recorder.wait(timeout=END_S)
            except subprocess.TimeoutExpired:
                self._recorder.kill()
                self._recorder.wait()
        self._recorder = self._evaluation = None
        self.stage = "off"

    def _seconds(self) -> float:
        """How long the recording runs [s]; 0 until its bag is there."""
        return time.monotonic() - self._begun if self.stage == "recording" and self._begun is not None else 0.0

    def _begin(self, tell: Tell) -> bool:
        path = self._free_folder()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            tell(f"cannot record into '{self._folder}': {error.strerror}", False)
            return False
        words = ["--ros-args", "-r", f"__ns:={self._namespace}", "-r", f"__node:=page_recorder_{os.getpid()}", "-p", f"output:='{path}'"]
        self._recorder = subprocess.Popen([sys.executable, "-m", "kinesis_control.nodes.recorder_node", *words])
        self.stage, self.path, self.report, self.text = "recording", str(path), "", ""
        self._begun, self._evaluates, self._for_a_while = None, False, False
        return True

    def _free_folder(self) -> Path:
        """Named by the time; a second one of the same second gets a number."""
        name = time.strftime("kinesis-%Y%m%d-%H%M%S")
        return next(path for i in range(1000) if not (path := self._folder / (f"{name}-{i}" if i else name)).exists())

    def _watch(self) -> None:
        """A recording runs: see to its begin, its time and its end."""
        if self._recorder is not None and self._recorder.poll() is not None:
            self._fail("the recorder has ended by itself; its words are at the terminal")
        elif self._begun is None and Path(self.path).is_dir():
            self._begun = time.monotonic()
        elif self._for_a_while and self._seconds() >= EVALUATE_S:
            self._finish()

    def _finish(self) -> None:
        """Ask the recorder to end; it writes its end by itself, and the page does not wait for it."""
        assert self._recorder is not None
        self._recorder.send_signal(signal.SIGINT)
        self.stage = "ending"

    def _start_evaluation(self) -> None:
        bag = Path(self.path)
        try:
            self._evaluation = Evaluation(bag, bag.with_name(f"{bag.name}-report"), self._people, niceness=BESIDE_A_BODY)
        except OSError as error:
            self._fail(f"cannot write a report beside '{bag}': {error.strerror}")
            return
        self.stage = "evaluating"

    def _fail(self, text: str) -> None:
        self.stage, self.text = "failed", text
        self._recorder = None
