"""The end of a way: slow steps ahead, aside and around at once, by what is left of each, until the body stands where it should."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinesis_control.motion.command import Abilities
from kinesis_control.motion.plan.activity import Wish
from kinesis_control.motion.plan.config import PlanConfig
from kinesis_control.motion.plan.track import Track

Array = NDArray[np.float64]
GAIN = np.array([1.0, 1.0, 1.5])  # velocity per what is left [1/s]
PUSH = np.array([0.4, 0.4, 0.8])  # and per what has been left for how long, for a body that does not answer slow commands [1/s^2]
OPEN = 0.3  # an axis with more than this share of its tolerance left is worked on
AIM = 0.4  # with less than this share left of each, the body is told to stand; after some seconds with more, up to what is kept
KEPT = 0.8  # share of the tolerances that is good enough at rest: what is measured then is not exact either
PATIENCE_S, ROUGHLY = 5.0, 2.0  # time with less than this share left until what is kept is good enough on the way, too [s]
ROUNDS = 5  # most times it comes to a stand
STALLS = 2  # most of these because it came no nearer
STALL_S, STALL_M = 6.0, 0.02  # by so much in so long [s], [m]
LEVER = 0.3  # an angle counts as so much way where progress is measured [m/rad]
LEARNED = 0.5  # share of what coming to a stand has shifted the body by that is aimed beyond next time
MOST_LEARNED = np.array([0.06, 0.06, 0.12])  # [m], [m], [rad]
BACK = 0.5  # backward a policy creeps with this share of its speed ahead
BRAKING = 0.6  # share of the acceleration that slowing down is planned with
SPIN_SHARE = 0.8  # of the largest turn rate on the spot is used


@dataclass(frozen=True, kw_only=True)
class Goal:
    """Where to.

    Attributes:
        x, y: in odom [m].
        yaw: heading at the end [rad]; None for any.
        tolerance: reached within this [m].
        heading_tolerance: reached within this [rad].
        time_limit: [s]; 0: by the distance.
    """

    x: float
    y: float
    yaw: float | None = None
    tolerance: float
    heading_tolerance: float
    time_limit: float = 0.0

    def errors(self, track: Track) -> tuple[float, float, float]:
        """What is left ahead and to the left [m], and to turn [rad]; the last is 0 where any heading will do."""
        dx, dy, c, s = self.x - track.mid_x, self.y - track.mid_y, math.cos(track.yaw), math.sin(track.yaw)
        return c * dx + s * dy, c * dy - s * dx, 0.0 if self.yaw is None else math.remainder(self.yaw - track.yaw, math.tau)

    def reached(self, left: Array, share: float = 1.0) -> bool:
        """Whether what is left, shape (3,), is inside the tolerances, or inside a share of them."""
        return math.hypot(left[0], left[1]) <= share * self.tolerance and abs(left[2]) <= share * self.heading_tolerance


def slowing(rest: float, slow: float, acceleration: float) -> float:
    """Speed with `rest` to go to where it should be `slow`: that of an even deceleration (v^2 = slow^2 + 2 a rest)."""
    return math.sqrt(slow**2 + 2.0 * BRAKING * acceleration * max(rest, 0.0))


class Approach:
    """Closed loop on place and heading, for a policy that has practised slow steps any way at once.

    At these speeds a stop may begin at any phase of the gait, so that nothing is left to chance but what the body does while it
    comes to a stand: that is measured at rest and, where it is too much, stepped off once more.

    Attributes:
        why: why it was given up; empty while it was not.
    """

    def __init__(self, goal: Goal, abilities: Abilities, config: PlanConfig) -> None:
        self.goal, self.why = goal, ""
        ahead, aside, turn = abilities.creep
        back = max(min(config.back_speed, -abilities.min_speed), BACK * ahead)
        spin = max(SPIN_SHARE * abilities.max_turn_in_place, turn)
        # What is worked on alone may go as fast as it does alone.
        self._mixed = np.array([-BACK * ahead, -aside, -turn]), np.array([ahead, aside, turn])
        self._alone = np.array([-back, -max(aside, config.side_speed), -spin]), np.array([ahead, max(aside, config.side_speed), spin])
        self._open = OPEN * np.array([goal.tolerance, goal.tolerance, goal.heading_tolerance])
        self._push, self._beyond, self._left = np.zeros(3), np.zeros(3), np.zeros(3)
        self._rounds = self._stalls = 0
        self._best, self._since, self._began, self._then = math.inf, 0.0, math.inf, math.inf

    def wish(self, track: Track) -> Wish | None:
        """Velocities by what is left of each axis; None when the body is to stand."""
        left = np.array(self.goal.errors(track)) + self._beyond
        if self._is_close(track, left) or self._comes_no_nearer(track, math.hypot(left[0], left[1]) + LEVER * abs(left[2])):
            self._rounds, self._left = self._rounds + 1, left - self._beyond
            self._best = self._began = self._then = math.inf
            self._push[:] = 0.0
            return None
        under_way = np.abs(left) > self._open
        low, high = self._mixed if np.count_nonzero(under_way) > 1 else self._alone
        wanted = GAIN * left
        self._push[~under_way | (left * self._push < 0.0)] = 0.0
        # Who is at full speed already is not pushed, or it would be too fast at the end.
        slow = under_way & (wanted > low) & (wanted < high)
        self._push[slow] += (PUSH * left * max(track.now - self._then, 0.0))[slow]
        self._then = track.now
        speed, lateral, turn = np.where(under_way, np.clip(wanted + self._push, low, high), 0.0).tolist()
        return speed, lateral, turn

    def again(self, track: Track) -> bool:
        """Whether another round is worth its time, for a body at rest."""
        rest = np.array(self.goal.errors(track))
        if self.goal.reached(rest, KEPT):
            return False
        shifted = self._beyond + LEARNED * (rest - self._left - self._beyond)
        self._beyond = np.clip(shifted, -MOST_LEARNED, MOST_LEARNED)
        self.why = f"came no nearer for {STALL_S:g} s" if self._stalls >= STALLS else f"came no nearer in {ROUNDS} tries" if self._rounds >= ROUNDS else ""
        return not self.why

    def _is_close(self, track: Track, left: Array) -> bool:
        """Whether little is left but what is covered until the reference rests."""
        if track.stop_wait > 0.0:  # too fast to stop now, and soon slower
            return False
        if self.goal.reached(left, ROUGHLY):
            self._began = min(self._began, track.now)
        waited = min(max(track.now - self._began, 0.0) / PATIENCE_S, 1.0)
        braked = np.copysign([track.braking, track.side_braking, track.turn_braking], [track.speed, track.lateral, track.yaw_rate])
        if self.goal.yaw is None:
            left, braked[2] = left * (1.0, 1.0, 0.0), 0.0
        return self.goal.reached(left - braked, AIM + (KEPT - AIM) * waited)

    def _comes_no_nearer(self, track: Track, left: float) -> bool:
        if left < self._best - STALL_M:
            self._best, self._since = left, track.now
        stalls = track.now - self._since > STALL_S
        self._stalls += stalls
        return stalls
