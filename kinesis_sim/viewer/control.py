"""Which page steers, and that a velocity ends with the hand that holds it."""

from dataclasses import dataclass

Velocity = tuple[float, float, float]
STILL: Velocity = (0.0, 0.0, 0.0)

HOLD_S = 0.4
"""A velocity is followed so long after the page last asked for it [s]; pages repeat it ten times a second."""


IDLE_S = 60.0
"""A page that has asked for nothing for so long does not keep another one from steering [s]."""


@dataclass(slots=True, kw_only=True)
class Control:
    """At most one page steers; others watch.

    Attributes:
        holder: number of the page that steers, or None.
        asked_s: monotonic time at which it asked for something last [s].
    """

    holder: int | None = None
    asked_s: float = 0.0

    def take(self, page: int, now_s: float) -> bool:
        """Steer from now on; False when another page does, and did so lately."""
        if self.holder not in (None, page) and now_s - self.asked_s < IDLE_S:
            return False
        self.holder, self.asked_s = page, now_s
        return True

    def release(self, page: int) -> bool:
        """Steer no more; True when the page did steer."""
        held = self.holder == page
        if held:
            self.holder = None
        return held


@dataclass(slots=True, kw_only=True)
class DeadMan:
    """Sees to it that a velocity is not followed longer than somebody asks for it.

    Attributes:
        moving: the last velocity was not zero, and has not been ended yet.
        until_s: monotonic time at which it ends by itself [s].
    """

    moving: bool = False
    until_s: float = 0.0

    def hold(self, velocity: Velocity, now_s: float) -> None:
        """A page asks for a velocity."""
        self.moving = velocity != STILL
        self.until_s = now_s + HOLD_S

    def expired(self, now_s: float) -> bool:
        """True once, when nobody has asked for too long: zero has to be sent now."""
        if not self.moving or now_s <= self.until_s:
            return False
        self.moving = False
        return True

    def let_go(self) -> bool:
        """The page is gone or has lost its right; True when zero has to be sent now."""
        moving, self.moving = self.moving, False
        return moving
