"""Kicks of a ball at a goal: how fast the ball was, and how many went in, against each keeper.

The ball's speed at a tick is its way since the tick before over the time between: nothing but positions is needed.
    kick        the speed rises above KICKED_M_S, of a ball that was seen slower before
    ball speed  the largest within PEAK_S of the kick
    goal        the ball's centre is BALL_RADIUS_M behind the line, and goes through there between the posts and below the bar
    no goal     it goes past the line elsewhere, comes to rest, or is not in after WATCHED_S
A kick is not decided, and counted as neither, where the recording ends first, the ball is lost from sight or put somewhere else,
or where the recording does not say where the goal is.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kinesis_control.evaluate.episode import Episode
from kinesis_control.evaluate.events import GoalFrame
from kinesis_control.evaluate.figure import Figure
from kinesis_control.evaluate.statistics import mean_figure, share_figure

Array = NDArray[np.float64]

BALL_RADIUS_M = 0.11
"""Of a football of size 5 (Laws of the Game, law 2: 68 to 70 cm around). The whole ball must be over the line (law 10)."""
KICKED_M_S, REST_M_S, FASTEST_M_S = 1.0, 0.1, 60.0
"""A ball that seems faster than the last of these was put somewhere else: the hardest shots reach 50 m/s."""
PEAK_S, REST_S, WATCHED_S = 0.5, 0.2, 10.0
MAX_STEP_S = 0.1
NO_KEEPER = "no_keeper"


@dataclass(kw_only=True)
class Kick:
    """One kick. Attributes: stamp_ns; keeper, name of its policy; speed, of the ball [m/s]; goal, None while not decided; why not."""

    stamp_ns: int
    keeper: str
    speed: float
    goal: bool | None = None
    why: str = ""


@dataclass(kw_only=True)
class KickScore:
    """Takes in an episode chunk by chunk, over falls: a ball flies on.

    Attributes: kicks, in order.
    """

    kicks: list[Kick] = field(default_factory=list)
    _place: Array | None = None
    _stamp_ns: int = 0
    _rest_since_ns: int | None = None
    _slow: bool = False
    _open: bool = False
    _seen: bool = False

    def update(self, chunk: Episode) -> None:
        """Take in the next ticks."""
        known: NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(chunk.ball_position), axis=1)
        if not known.any() and self._place is None:
            return
        for stamp_ns, place, good in zip(chunk.stamp_ns.tolist(), chunk.ball_position, known.tolist(), strict=True):
            if good:
                self._seen = True
                self._take(stamp_ns, place, chunk.goal_frame, chunk.keeper)

    def result(self) -> list[Figure]:
        """Figures of everything taken in so far."""
        why = "no topic carries a ball" if not self._seen else "the ball was not kicked"
        attempts = Figure(name="kicks.attempts", value=float(len(self.kicks)), unit="kicks", n=len(self.kicks))
        if not self._seen:
            attempts = Figure.absent("kicks.attempts", "kicks", why)
        speeds = mean_figure("kicks.ball_speed", np.array([k.speed for k in self.kicks]), "m/s", why=why)
        keepers = sorted({k.keeper for k in self.kicks})
        each = [_goals(f"kicks.goals.{name}", [k for k in self.kicks if k.keeper == name], why) for name in keepers]
        return [attempts, speeds, _goals("kicks.goals", self.kicks, why), *each]

    def _take(self, stamp_ns: int, place: Array, frame: GoalFrame | None, keeper: str) -> None:
        before, dt = self._place, 1e-9 * (stamp_ns - self._stamp_ns)
        self._place, self._stamp_ns = place.copy(), stamp_ns
        if before is None or dt <= 0.0:
            return
        speed = float(np.linalg.norm(place - before)) / dt
        if dt > MAX_STEP_S or speed > FASTEST_M_S:
            self._lose("the ball was lost from sight" if dt > MAX_STEP_S else "the ball was put somewhere else")
            return
        if not self._open and self._slow and speed > KICKED_M_S:
            self.kicks.append(Kick(stamp_ns=stamp_ns, keeper=keeper or NO_KEEPER, speed=speed))
            self._open, self._rest_since_ns = True, None
        self._slow = speed <= KICKED_M_S
        if self._open:
            self._follow(self.kicks[-1], stamp_ns, before, place, speed, frame)

    def _follow(self, kick: Kick, stamp_ns: int, before: Array, place: Array, speed: float, frame: GoalFrame | None) -> None:
        since = 1e-9 * (stamp_ns - kick.stamp_ns)
        if since <= PEAK_S:
            kick.speed = max(kick.speed, speed)
        self._rest_since_ns = None if speed > REST_M_S else self._rest_since_ns or stamp_ns
        rests = self._rest_since_ns is not None and stamp_ns - self._rest_since_ns >= 1e9 * REST_S
        if frame is None:
            if rests or since > WATCHED_S:
                self._lose("where the goal is, is not in the recording")
            return
        went_in = crossing(frame, before, place)
        if went_in is not None or rests or since > WATCHED_S:
            kick.goal, self._open = bool(went_in), False

    def _lose(self, why: str) -> None:
        if self._open:
            self.kicks[-1].why, self._open = why, False
        self._slow = False


def crossing(frame: GoalFrame, before: Array, after: Array) -> bool | None:
    """Whether a step of the ball's centre, shape (3,) each, goes into the goal (True), past its line elsewhere (False), or neither (None).

    The goal is open towards the side from which its left post is on the left.
    """
    left, right = np.array(frame.left), np.array(frame.right)
    width = float(np.linalg.norm(right - left))
    along = (right - left) / width
    behind = np.array([-along[1], along[0]])  # to the left of the way from the left post to the right one
    depth = [float((p[:2] - left) @ behind) - BALL_RADIUS_M for p in (before, after)]
    if not depth[0] < 0.0 <= depth[1]:
        return None
    share = depth[0] / (depth[0] - depth[1])
    through = before + share * (after - before)
    return bool(0.0 < float((through[:2] - left) @ along) < width and through[2] < frame.height)


def _goals(name: str, kicks: list[Kick], why: str) -> Figure:
    decided = [k for k in kicks if k.goal is not None]
    open_kicks = [k.why or "the recording ends first" for k in kicks if k.goal is None]
    note = f"not decided for {len(open_kicks)}: {'; '.join(sorted(set(open_kicks)))}" if open_kicks else ""
    return share_figure(name, sum(bool(k.goal) for k in decided), len(decided), note=note, why=note or why)
