"""What a body was asked to do and what came of it: goals, velocities, texts, pushes, kicks, and whether it fell."""

import numpy as np

from kinesis_control.evaluate.episode import Episode
from kinesis_control.evaluate.events import REPLACED, Text
from kinesis_control.evaluate.figure import Figure
from kinesis_control.evaluate.goal_reaching import GoalConfig, GoalScore
from kinesis_control.evaluate.kicks import KickScore
from kinesis_control.evaluate.push_recovery import PushScore
from kinesis_control.evaluate.statistics import mean_figure, share_figure
from kinesis_control.evaluate.velocity_following import VelocityScore


class TaskScore:
    """Takes in an episode chunk by chunk."""

    def __init__(self, goals: GoalConfig | None = None) -> None:
        self._texts: list[Text] = []
        self._goals, self._velocity, self._pushes, self._kicks = GoalScore(goals), VelocityScore(), PushScore(), KickScore()
        self._first_ns: int | None = None
        self._last_ns = 0
        self._fell_ns: int | None = None

    def update(self, chunk: Episode) -> None:
        """Take in the next ticks and events."""
        self._texts += chunk.texts
        self._goals.note(chunk)
        if not len(chunk):
            return
        if self._first_ns is None:
            self._first_ns = int(chunk.stamp_ns[0])
        self._last_ns = int(chunk.stamp_ns[-1])
        self._kicks.update(chunk)
        falls = np.flatnonzero(chunk.fallen)
        if self._fell_ns is None:
            # A push ends with the tick of the fall, everything else before it.
            self._pushes.update(chunk.slice(0, int(falls[0]) + 1) if falls.size else chunk)
            upright = chunk.slice(0, int(falls[0])) if falls.size else chunk
            self._velocity.update(upright)
            self._goals.update(upright)
            if falls.size:
                self._fell_ns = int(chunk.stamp_ns[falls[0]])
                self._goals.fall()

    def result(self) -> list[Figure]:
        """Figures of everything taken in so far."""
        asked = [*self._goals.result(), *self._velocity.result(), *_text_figures(self._texts)]
        return [*self._fall_figures(), *asked, *self._pushes.result(), *self._kicks.result()]

    def _fall_figures(self) -> list[Figure]:
        if self._first_ns is None:
            return [Figure.absent("falls.fell", "share", "the recording has no tick"), Figure.absent("falls.upright_time", "s", "the recording has no tick")]
        end, fell = self._fell_ns if self._fell_ns is not None else self._last_ns, self._fell_ns is not None
        note = "until the fall" if fell else "until the end, without a fall"
        return [
            share_figure("falls.fell", int(fell), 1),
            Figure(name="falls.upright_time", value=1e-9 * (end - self._first_ns), unit="s", n=1, note=note),
        ]


def _text_figures(texts: list[Text]) -> list[Figure]:
    why = "no text command was given" if not texts else "no answer to a text command was recorded"
    answered = [t for t in texts if t.understood is not None]
    obeyed = [t for t in answered if t.understood]
    bounded = [t for t in obeyed if not t.endless]
    done = [t for t in bounded if t.done_ns is not None]
    failed = [t for t in bounded if t.ended not in ("", REPLACED)]
    replaced = sum(t.ended == REPLACED for t in bounded)
    cut = len(bounded) - len(done) - len(failed) - replaced
    parts = [f"{replaced} replaced before their end"] * bool(replaced) + [f"{cut} without a report of their end"] * bool(cut)
    why_done = why if not answered else "no text command was understood" if not obeyed else "no text command has an end of its own" if not bounded else ""
    why_done = why_done or f"no text command came to its end: {', '.join(parts)}"
    unanswered = f"{len(texts) - len(answered)} without an answer" if len(texts) > len(answered) else ""
    times = np.array([1e-9 * (t.done_ns - t.stamp_ns) for t in done if t.done_ns is not None])
    return [
        share_figure("texts.understood", len(obeyed), len(answered), note=unanswered, why=why),
        share_figure("texts.done", len(done), len(done) + len(failed), note=", ".join(parts), why=why_done),
        mean_figure("texts.time", times, "s", why="no text command was done" if failed else why_done),
    ]
