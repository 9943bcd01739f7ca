"""What a run came to: way, falls, wall time and deadlines."""

import math
import time
from typing import Any

from kinesis_control.body_state import BodyState
from kinesis_control.latency import LatencyWindow

STRIDE_S = 1.0
"""The way is the sum of the horizontal distances between positions this far apart [s]: sway within a stride is no way."""


class RunStatistics:
    """Running account, fed with every state.

    Attributes:
        misses: deadlines that passed without an answer.
        latency: from a state sent to its command in hand [s, wall clock].
        falls: times that the fall detector latched.
        fall_time_s: simulated time of the first fall [s]; None without one.
        resets: episodes after the first.
    """

    def __init__(self, control_dt: float) -> None:
        self.misses = 0
        self.latency = LatencyWindow()
        self.falls = 0
        self.fall_time_s: float | None = None
        self.resets = 0
        self._stride_ticks = max(round(STRIDE_S / control_dt), 1)
        self._way_m = 0.0
        self._ticks_in_stride = 0
        self._mark = self._position = (0.0, 0.0)
        self._first_s: float | None = None
        self._last_s = 0.0
        self._wall_first_s = self._wall_last_s = 0.0
        self._ticks = 0
        self._episode = 0
        self._fallen = False

    def see(self, state: BodyState) -> None:
        """Take in the next state."""
        before, self._position = self._position, (state.root_position.item(0), state.root_position.item(1))
        self._last_s, self._wall_last_s = 1e-9 * state.stamp_ns, time.monotonic()
        if self._first_s is None:
            self._first_s, self._wall_first_s, self._mark = self._last_s, self._wall_last_s, self._position
            self._episode = state.episode
            return
        self._ticks += 1
        if state.episode != self._episode:
            # Being put back to the start is no way either.
            self.resets += 1
            self._way_m += math.dist(self._mark, before)
            self._episode, self._mark, self._ticks_in_stride, self._fallen = state.episode, self._position, 0, False
            return
        self._ticks_in_stride += 1
        if self._ticks_in_stride == self._stride_ticks:
            self._way_m += math.dist(self._mark, self._position)
            self._mark, self._ticks_in_stride = self._position, 0
        if state.fallen and not self._fallen:
            self.falls += 1
            if self.fall_time_s is None:
                self.fall_time_s = self._last_s
        self._fallen = state.fallen

    @property
    def distance_m(self) -> float:
        """Way so far [m]."""
        return self._way_m + math.dist(self._mark, self._position)

    @property
    def seconds(self) -> float:
        """Simulated time so far [s]."""
        return 0.0 if self._first_s is None else self._last_s - self._first_s

    @property
    def wall_seconds(self) -> float:
        """Wall time from the first state to the last one [s]."""
        return self._wall_last_s - self._wall_first_s

    @property
    def real_time_factor(self) -> float:
        """Simulated seconds a wall second; 0 before anything moved."""
        return self.seconds / self.wall_seconds if self.wall_seconds > 0.0 else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Plain values: lengths in metres, times in seconds, latencies in microseconds."""
        return {
            "seconds_simulated": round(self.seconds, 6),
            "wall_seconds": round(self.wall_seconds, 3),
            "real_time_factor": round(self.real_time_factor, 3),
            "fell": self.falls > 0,
            "fall_time": self.fall_time_s,
            "falls": self.falls,
            "resets": self.resets,
            "distance_m": round(self.distance_m, 4),
            "mean_speed": round(self.distance_m / self.seconds, 4) if self.seconds > 0.0 else 0.0,
            "ticks": self._ticks,
            "deadline_misses": self.misses,
            "latency_us": {name: round(1e6 * value, 1) for name, value in self.latency.summary()._asdict().items()},
        }
