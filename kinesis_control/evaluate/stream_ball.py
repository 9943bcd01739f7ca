"""Ball, goal and goalkeeper of a recording.

ball        nav_msgs/Odometry: the centre of the ball in odom; its twist is not read
goal_frame  geometry_msgs/PolygonStamped in odom: foot of the left post, foot of the right post (as the kicker sees them),
            then any points of the frame, the highest of which is the bar
keeper      nav_msgs/Odometry: the goalkeeper; `child_frame_id` is the name of its policy
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import LayoutError
from kinesis_control.evaluate.episode import Episode
from kinesis_control.evaluate.events import GoalFrame

LONGEST_GAP_NS = 100_000_000
"""Between two messages further apart than this the ball's place at a tick is not known [ns]."""


@dataclass(kw_only=True)
class BallLog:
    """Takes in messages and fills episodes; remembers no more than the ticks to come can need.

    Attributes: problems, what could not be used, in words -> how often.
    """

    problems: dict[str, int] = field(default_factory=dict)
    _stamps: list[int] = field(default_factory=list)
    _places: list[tuple[float, float, float]] = field(default_factory=list)
    _frame: GoalFrame | None = None
    _keeper: str = ""

    def ball(self, message: Any) -> None:
        """A decoded nav_msgs/Odometry."""
        stamp_ns, p = _stamp(message), message.pose.pose.position
        if self._stamps and stamp_ns <= self._stamps[-1]:
            if stamp_ns == self._stamps[-1]:
                return
            self._stamps, self._places = [], []  # time went back
        self._stamps.append(stamp_ns)
        self._places.append((float(p.x), float(p.y), float(p.z)))

    def keeper(self, message: Any) -> None:
        """A decoded nav_msgs/Odometry."""
        self._keeper = str(message.child_frame_id)

    def goal_frame(self, message: Any) -> None:
        """A decoded geometry_msgs/PolygonStamped."""
        points = [(float(p.x), float(p.y), float(p.z)) for p in message.polygon.points]
        try:
            if len(points) < 3:
                raise LayoutError(f"a goal frame needs the feet of two posts and a point of the bar; got {len(points)} points")
            self._frame = GoalFrame(left=points[0][:2], right=points[1][:2], height=max(z for _, _, z in points))
        except LayoutError as error:
            self.problems[str(error)] = self.problems.get(str(error), 0) + 1

    def fill(self, episode: Episode) -> Episode:
        """The episode with ball, goal and keeper as far as they are known."""
        if len(self._stamps) and len(episode):
            episode.ball_position[:] = at_ticks(np.array(self._stamps), np.array(self._places), episode.stamp_ns)
            first = max(int(np.searchsorted(self._stamps, episode.stamp_ns[-1], side="right")) - 1, 0)
            self._stamps, self._places = self._stamps[first:], self._places[first:]
        return replace(episode, goal_frame=self._frame, keeper=self._keeper)


def at_ticks(stamps: NDArray[np.int64], places: NDArray[np.float64], ticks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Places between messages by straight lines, shape (T, 3); NaN before the first, after the last and in long gaps.

    Args:
        stamps: rising, shape (n,) [ns].
        places: shape (n, 3).
        ticks: shape (T,) [ns].
    """
    after = np.searchsorted(stamps, ticks)
    exact = (after < len(stamps)) & (stamps[np.minimum(after, len(stamps) - 1)] == ticks)
    before = np.where(exact, after, after - 1)
    inside = (before >= 0) & (after < len(stamps))
    a, b = np.clip(before, 0, len(stamps) - 1), np.clip(after, 0, len(stamps) - 1)
    gap = stamps[b] - stamps[a]
    share = np.where(gap > 0, (ticks - stamps[a]) / np.maximum(gap, 1), 0.0)[:, None]
    return np.where((inside & (gap <= LONGEST_GAP_NS))[:, None], places[a] + share * (places[b] - places[a]), np.nan)


def _stamp(message: Any) -> int:
    return int(message.header.stamp.sec) * 1_000_000_000 + int(message.header.stamp.nanosec)
