"""Whether a body gets over a push, and how long that takes.

Let v be the horizontal velocity of the root in odom, m its mean over the 1 s before the push, and a the largest |v - m|
in that second: the sway of its own steps. The body has returned at the end of the first 1 s after the push throughout
which |v - m| stayed within max(0.15 m/s, 1.5 a); the time to return is that from the start of the push to the beginning
of this second. A body that falls within the 5 s in which it is watched has not recovered, even if it had returned. Where
the command changes, the recording ends or another push comes before the answer, there is none."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kinesis_control.evaluate.episode import Episode
from kinesis_control.evaluate.events import Push
from kinesis_control.evaluate.figure import Figure
from kinesis_control.evaluate.movement import to_odom
from kinesis_control.evaluate.statistics import mean_figure, share_figure

Array = NDArray[np.float64]

BEFORE_NS = 1_000_000_000
STEADY_NS = 1_000_000_000
WATCHED_NS = 5_000_000_000
LEAST_BAND_M_S, BAND = 0.15, 1.5


@dataclass
class _Watch:
    """A push that is watched.

    Attributes: push; mean (2,) and band before it; steady_ns, since when the velocity has been inside; recovered,
        seconds, or open.
    """

    push: Push
    mean: Array
    band: float
    steady_ns: int | None = None
    recovered: bool | None = None
    seconds: float = float("nan")
    why_unknown: str = ""

    @property
    def open(self) -> bool:
        """Whether the answer is still to come."""
        return self.recovered is None and not self.why_unknown

    def may_fall(self, stamp_ns: int) -> bool:
        """Whether a fall now would be one of this push."""
        return bool(self.recovered) and stamp_ns - self.push.stamp_ns <= WATCHED_NS


@dataclass
class PushScore:
    """Takes in an episode chunk by chunk."""

    _watches: list[_Watch] = field(default_factory=list)
    _recent: list[tuple[int, Array]] = field(default_factory=list)
    _pending: list[Push] = field(default_factory=list)
    _command: Array | None = None

    def update(self, chunk: Episode) -> None:
        """Take in the next ticks and pushes."""
        self._pending += chunk.pushes
        velocity = to_odom(chunk.root_quaternion, chunk.root_linear_velocity)[:, :2]
        for i, stamp_ns in enumerate(chunk.stamp_ns.tolist()):
            while self._pending and self._pending[0].stamp_ns <= stamp_ns:
                self._begin(self._pending.pop(0))
            if self._watches and self._watches[-1].open:
                self._look(self._watches[-1], stamp_ns, velocity[i], chunk.velocity_command[i], fallen=bool(chunk.fallen[i]))
            elif self._watches and chunk.fallen[i] and self._watches[-1].may_fall(stamp_ns):
                self._watches[-1].recovered = False
            self._recent.append((stamp_ns, velocity[i]))
            while self._recent[0][0] < stamp_ns - BEFORE_NS:
                self._recent.pop(0)
            self._command = chunk.velocity_command[i].copy()

    def result(self) -> list[Figure]:
        """Figures of everything taken in so far."""
        known = [w for w in self._watches if w.recovered is not None]
        unknown = [w.why_unknown or "the recording ends before the answer" for w in self._watches if w.recovered is None]
        unknown += ["the recording ends before the push"] * len(self._pending)
        note = f"not known for {len(unknown)}: {'; '.join(sorted(set(unknown)))}" if unknown else ""
        why = note or "no push was recorded while the body was upright"
        times = np.array([w.seconds for w in known if w.recovered])
        return [
            share_figure("push.recovered", sum(bool(w.recovered) for w in known), len(known), note=note, why=why),
            mean_figure("push.return_time", times, "s", why="no push was recovered from" if known else why),
        ]

    def _begin(self, push: Push) -> None:
        if self._watches and self._watches[-1].open:
            self._watches[-1].why_unknown = "another push came before the answer"
        before = np.array([v for _, v in self._recent]).reshape(-1, 2)
        watch = _Watch(push=push, mean=np.zeros(2), band=0.0)
        if len(before) < 3 or self._recent[-1][0] - self._recent[0][0] < 0.8 * BEFORE_NS or not np.isfinite(before).all():
            watch.why_unknown = "velocities of the second before the push are not known"
        else:
            watch.mean = before.mean(axis=0)
            watch.band = max(LEAST_BAND_M_S, BAND * float(np.linalg.norm(before - watch.mean, axis=1).max()))
        self._watches.append(watch)

    def _look(self, watch: _Watch, stamp_ns: int, velocity: Array, command: Array, *, fallen: bool) -> None:
        begun = watch.push.stamp_ns
        if fallen:
            watch.recovered = False
        elif self._command is not None and np.nan_to_num(np.abs(command - self._command)).max() > 1e-3:
            watch.why_unknown = "the command changed before the answer"
        elif not np.isfinite(velocity).all():
            watch.why_unknown = "velocities after the push are not known"
        elif np.linalg.norm(velocity - watch.mean) > watch.band or stamp_ns < begun + round(1e9 * watch.push.duration_s):
            watch.steady_ns = None
            if stamp_ns - begun > WATCHED_NS:
                watch.recovered = False
        else:
            watch.steady_ns = stamp_ns if watch.steady_ns is None else watch.steady_ns
            if stamp_ns - watch.steady_ns >= STEADY_NS:
                watch.recovered, watch.seconds = True, 1e-9 * (watch.steady_ns - begun)
