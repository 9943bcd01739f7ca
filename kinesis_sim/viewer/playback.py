"""Plays a recording through the page: the same picture, plots and faults as of a living body, without its controls.

There is one place in time for all pages. States are decoded when they are drawn.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kinesis_control.body_state import BodyState
from kinesis_control.errors import ConfigurationError
from kinesis_control.evaluate.replay import read_state, read_window
from kinesis_control.evaluate.stream_open import Recording
from kinesis_sim.viewer.drawing import BodyDrawing
from kinesis_sim.viewer.evaluation import Evaluation, Films
from kinesis_sim.viewer.orders import Order, read_order
from kinesis_sim.viewer.server import Event, PageServer
from kinesis_sim.viewer.track import Track

FRAME_S, STATUS_S = 1.0 / 60.0, 0.2
"""Wall time between two looks at what is to be shown, and between two reports [s]."""

SLOWEST, FASTEST = 0.05, 10.0
"""Limits of the speed of playing."""


class Playback:
    """One recording on one server.

    Attributes:
        at_s: place in the recording [s of playing].
        playing, speed: whether and how fast it moves on.
    """

    def __init__(self, server: PageServer, recording: Recording, track: Track, drawing: BodyDrawing, *, facts: dict[str, Any], reports: Path) -> None:
        """Show the start, moving.

        Args:
            server: which serves the page.
            recording: which the track was read from; stays open.
            track: what is shown.
            drawing: of the recorded body.
            facts: what goes with the scene.
            reports: folder for the report of `evaluate` and for a film.
        """
        self.at_s, self.playing, self.speed = 0.0, True, 1.0
        self._server, self._recording, self._track, self._drawing = server, recording, track, drawing
        self._scene = drawing.scene(facts)
        self._state = BodyState.zeros(drawing.body.description)
        self._reports, self._report, self._text = reports, "", ""
        self._evaluation: Evaluation | None = None
        self._films = Films(server.offer_report)
        self._shown, self._told_at, self._ticked_at, self._reply = -1, 0.0, time.monotonic(), ""

    def run(self, ended: Callable[[], bool]) -> None:
        """Serve until `ended`."""
        try:
            while not ended():
                self.tick(time.monotonic())
                time.sleep(FRAME_S)
        finally:
            if self._evaluation is not None:
                self._evaluation.close()

    def tick(self, now_s: float) -> None:
        """Carry out what pages asked for, and show what is due at a monotonic time."""
        while not self._server.events.empty():
            self._take(self._server.events.get())
        if self.playing and self._server.pages:  # it waits for the first who looks
            self.at_s += (now_s - self._ticked_at) * self.speed
            if self.at_s >= self._track.length_s:
                self.at_s, self.playing = self._track.length_s, False
        self._ticked_at = now_s
        if self._server.pages:
            self._show()
        if now_s - self._told_at >= STATUS_S:
            self._told_at = now_s
            self._tell()

    def _take(self, event: Event) -> None:
        if event.message is None:
            if event.open:
                self._server.send(self._scene, event.page)
                self._shown, self._reply = -1, ""
            return
        try:
            self._obey(read_order(event.message))
        except ConfigurationError as error:
            self._server.send({"kind": "note", "text": str(error), "good": False}, event.page)

    def _obey(self, order: Order) -> None:
        if order.kind == "pause":
            if self.at_s >= self._track.length_s and not order.on:
                self.at_s = 0.0  # at its end it begins again
            self.playing = not order.on
        elif order.kind == "seek":
            self.at_s = min(max(order.numbers[0], 0.0), self._track.length_s)
        elif order.kind == "time":
            if not SLOWEST <= order.numbers[0] <= FASTEST:
                raise ConfigurationError(f"speed: got {order.numbers[0]:g}, expected {SLOWEST:g} to {FASTEST:g}")
            self.speed = order.numbers[0]
        elif order.kind == "evaluate":
            self._evaluate()
        elif order.kind == "film":
            self._film()
        elif order.kind != "control":
            raise ConfigurationError("this is a recording: it can be played, paused and sought in, not steered")

    def _evaluate(self) -> None:
        if self._evaluation is None and not self._report:
            try:
                self._evaluation, self._text = Evaluation(self._recording.path, self._reports), ""
            except OSError as error:
                raise ConfigurationError(f"cannot write a report: {error.strerror}") from error

    def _film(self) -> None:
        bag = self._recording.path
        try:
            if not self._films.begin(bag, self._reports / f"{bag.stem}.mp4"):
                raise ConfigurationError("film: it is being made")
        except OSError as error:
            raise ConfigurationError(f"cannot write a film: {error.strerror}") from error

    def _show(self) -> None:
        """Draw the state of this place, unless it is the one that is shown."""
        index = self._track.index(self.at_s)
        if index == self._shown:
            return
        self._shown = index
        state = read_state(self._recording.decode(self._track.states[index]), self._state)
        if state.first_non_finite() is not None:
            return
        found = self._track.windows.get(self._track.stamps[index])
        window = read_window(self._recording.decode(found), self._drawing.body.description) if found is not None else None
        self._server.send_frame(self._drawing.frame(state, window).message)

    def _tell(self) -> None:
        """Report to every page."""
        self._films.tick()
        if self._evaluation is not None and (problem := self._evaluation.poll()) is not None:
            self._text, page = problem, self._evaluation.result
            self._report = "" if problem else self._server.offer_report(self._recording.path.name, page)
            self._evaluation = None
        stage = "evaluating" if self._evaluation is not None else "ready" if self._report else "failed" if self._text else "off"
        report = self._track.report(self.at_s)
        reply = report.pop("reply")
        if reply != self._reply:
            self._reply = reply
            self._server.send({"kind": "reply", "text": reply})
        playback = {
            "at": round(self.at_s, 3), "length": round(self._track.length_s, 3), "playing": self.playing, "speed": self.speed,
            "every": self._track.every, "name": self._recording.path.name, "problems": self._recording.problems[:5],
        }  # fmt: skip
        record = {"stage": stage, "path": str(self._recording.path), "report": self._report, "text": self._text, "seconds": 0.0, "of": None}
        record["film"] = self._films.status()
        self._server.send({
            **report, "kind": "status", "problem": "", "held": False, "steers": False, "pages": len(self._server.pages),
            "simulated": True, "record": record, "playback": playback,
        })  # fmt: skip
