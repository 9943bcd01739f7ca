"""Heel strike and toe off of one leg from the force under its foot.

A foot is down from the tick at which its load rises above `down_share` of body weight until the tick at which it falls
below `up_share`; two thresholds (hysteresis) and a least duration of each state keep chatter and scuffs from being
steps. An event is dated to the first tick of the new state and is known when the state has lasted long enough."""

import math
from dataclasses import dataclass
from enum import Enum

from kinesis_control.errors import ConfigurationError

GRAVITY = 9.81


@dataclass(frozen=True, kw_only=True)
class GaitEventConfig:
    """When a foot is down.

    Attributes:
        down_share: load from which a foot is down, share of body weight; above `up_share`, below 1.
        up_share: load below which it is up, share of body weight; above 0. 2.5 % of 75 kg is 18 N: force plates use 10
            to 20 N.
        least_stance_s, least_swing_s: shorter ones are taken for chatter [s]; 0..1. Sprinters touch the ground for 0.1
            s.
        longest_gap_s: ticks further apart than this break the cycle [s]; above 0.
    """

    down_share: float = 0.05
    up_share: float = 0.025
    least_stance_s: float = 0.1
    least_swing_s: float = 0.1
    longest_gap_s: float = 0.1

    def __post_init__(self) -> None:
        if not (
            0.0 < self.up_share < self.down_share < 1.0 and 0.0 <= self.least_stance_s <= 1.0 and 0.0 <= self.least_swing_s <= 1.0 and self.longest_gap_s > 0.0
        ):
            raise ConfigurationError(f"gait events need 0 < up_share < down_share < 1, least durations of 0..1 s and a gap above 0 s; got {self}")


class GaitEventKind(Enum):
    """What happened."""

    HEEL_STRIKE = "heel strike"
    TOE_OFF = "toe off"
    BREAK = "break"  # load unknown or ticks lost: nothing before belongs together with anything after


@dataclass(frozen=True, kw_only=True)
class GaitEvent:
    """An event. Attributes: kind; tick, its number counted from the first tick seen; stamp_ns."""

    kind: GaitEventKind
    tick: int
    stamp_ns: int


class FootContact:
    """Follows one foot tick by tick.

    Attributes:
        tick: number of the next tick.
    """

    def __init__(self, mass: float, config: GaitEventConfig | None = None) -> None:
        """`mass` of the whole body [kg]."""
        self.config = config or GaitEventConfig()
        self.tick = 0
        self._high, self._low = self.config.down_share * mass * GRAVITY, self.config.up_share * mass * GRAVITY
        self._down: bool | None = None  # settled state; None until one has lasted
        self._loaded: bool | None = None  # of the last tick, by hysteresis
        self._candidate: tuple[bool, int, int] | None = None  # a state that has not lasted yet, its first tick and stamp
        self._last_ns: int | None = None

    @property
    def first_open_tick(self) -> int:
        """First tick that an event to come can be dated to."""
        return self.tick if self._candidate is None else self._candidate[1]

    def update(self, stamp_ns: int, load: float) -> GaitEvent | None:
        """Look at the next tick; the event that is known by now, if any.

        Args:
            stamp_ns: of the tick [ns].
            load: vertical force under the whole foot [N]; NaN where not known.
        """
        tick, self.tick = self.tick, self.tick + 1
        lost = self._last_ns is not None and stamp_ns - self._last_ns > 1e9 * self.config.longest_gap_s
        self._last_ns = stamp_ns
        if lost or math.isnan(load):
            self._down = self._loaded = self._candidate = None
        if math.isnan(load):
            return GaitEvent(kind=GaitEventKind.BREAK, tick=tick, stamp_ns=stamp_ns)
        self._loaded = load >= self._low if self._loaded else load > self._high
        event = self._settle(tick, stamp_ns, self._loaded)
        return GaitEvent(kind=GaitEventKind.BREAK, tick=tick, stamp_ns=stamp_ns) if lost else event

    def _settle(self, tick: int, stamp_ns: int, loaded: bool) -> GaitEvent | None:
        if loaded == self._down:
            self._candidate = None
            return None
        if self._candidate is None or self._candidate[0] != loaded:
            self._candidate = (loaded, tick, stamp_ns)
        _, first, first_ns = self._candidate
        if stamp_ns - first_ns < 1e9 * (self.config.least_stance_s if loaded else self.config.least_swing_s):
            return None
        begun, self._down, self._candidate = self._down is None, loaded, None
        if begun:
            return None  # the foot was in this state when we came: that is no event
        return GaitEvent(kind=GaitEventKind.HEEL_STRIKE if loaded else GaitEventKind.TOE_OFF, tick=first, stamp_ns=first_ns)
