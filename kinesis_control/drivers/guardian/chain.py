"""The stop chain: two channels that must agree, a latch, and a reset button that acts when it is let go."""

from enum import IntFlag

from kinesis_control.drivers.codecs.guardian import Refusal
from kinesis_control.drivers.guardian.board import BoardInputs
from kinesis_control.drivers.guardian.seen import Seen

LONGEST_PRESS_S = 5.0
"""A reset button that is held longer is jammed or tied down [s]."""


class ChainNews(IntFlag):
    """What has just happened at the chain."""

    NONE = 0
    OPENED = 1
    DIFFERS = 2
    """The channels have disagreed for too long."""
    RESET = 4
    """The reset button was pressed and let go."""


class StopChain:
    """Stop channels and reset button, watched in every state of the guardian.

    Attributes:
        latched: whether the stop button was seen pressed since the last reset.
    """

    def __init__(self, discrepancy_s: float) -> None:
        """`discrepancy_s`: how long the two channels may disagree [s]."""
        self.latched = False
        self._discrepancy_s = discrepancy_s
        self._differ_ns: int | None = None
        self._needs_both_open = False
        self._pressed_ns: int | None = None
        self._release_seen = False

    def watch(self, seen: Seen) -> ChainNews:
        """Take in one sample of the board."""
        board = seen.board
        if board is None:
            self._pressed_ns = None
            return ChainNews.NONE
        news = ChainNews.NONE
        if not (board.channel_a or board.channel_b):
            self._needs_both_open = False
        self._differ_ns = None if board.channel_a == board.channel_b else self._differ_ns or seen.now_ns
        if not (board.channel_a and board.channel_b) and not self.latched:
            self.latched = True
            news |= ChainNews.OPENED
        if self._differ_ns is not None and seen.after(self._differ_ns, self._discrepancy_s) and not self._needs_both_open:
            self._needs_both_open = True
            news |= ChainNews.DIFFERS
        return news | self._button(seen, pressed=board.reset_pressed)

    def _button(self, seen: Seen, *, pressed: bool) -> ChainNews:
        """It acts when it is let go, never while it is held, and only after it was seen free."""
        if pressed:
            if self._release_seen and self._pressed_ns is None:
                self._pressed_ns = seen.now_ns
            return ChainNews.NONE
        acts = self._pressed_ns is not None and not seen.after(self._pressed_ns, LONGEST_PRESS_S)
        self._pressed_ns, self._release_seen = None, True
        return ChainNews.RESET if acts else ChainNews.NONE

    def good(self, board: BoardInputs | None, *, latched_matters: bool = True) -> bool:
        """Whether the chain is closed, and nobody holds the reset button."""
        closed = board is not None and board.channel_a and board.channel_b and not board.reset_pressed
        return closed and not self._needs_both_open and not (latched_matters and self.latched)

    def refusal(self, board: BoardInputs | None) -> tuple[Refusal, str]:
        """Why it is not good, and what to do about it."""
        if board is not None and board.reset_pressed:
            return Refusal.RESET_HELD, "the reset button is held down; let go of it first"
        if self._needs_both_open:
            return Refusal.ESTOP_OPEN, "the stop channels disagreed: press the stop button fully, then release it, or repair it"
        return Refusal.ESTOP_OPEN, "the stop chain is open: release the stop button" if board is not None else "the safety board is silent"
