"""The things a body can be busy with: what they have in common; standing, a velocity, a clip."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

from kinesis_control.motion.clip import MotionClip
from kinesis_control.motion.command import Abilities
from kinesis_control.motion.plan.outcome import Ending, Progress
from kinesis_control.motion.plan.track import Track

Wish = tuple[float, float, float]
"""Speed [m/s], lateral [m/s], turn rate [rad/s] that are wanted now."""


class Activity(ABC):
    """One thing to do. It wishes velocities until it wishes no more; then the body comes to a stand and it is judged.

    Attributes:
        mode: one word for `control_status`.
        text: how it is done, in words.
        endless: goes on until something else is asked.
        walks: begins by walking forward, so that whatever goes before need not stop.
        began: when it began [s].
        time_limit: longest time it may take [s].
        ticket: number by which whoever asked knows it; 0: nobody asked.
        target: place it goes to and heading there, (x, y [m], yaw [rad] or None) in odom; None where it goes to none.
    """

    mode, text = "stand", "standing"
    endless = walks = False
    time_limit = math.inf
    target: tuple[float, float, float | None] | None = None

    def __init__(self) -> None:
        self.began, self.ticket = 0.0, 0

    def begin(self, track: Track) -> None:
        """Note where it begins."""
        self.began = track.now

    @property
    def velocity(self) -> Wish | None:
        """As it was asked for, where a velocity is all there is to follow."""
        return None

    @abstractmethod
    def wish(self, track: Track, *, flowing: bool) -> Wish | None:
        """What is wanted now; None when the end is reached. `flowing`: the next activity goes on without a stop."""

    def judge(self, track: Track) -> tuple[Ending, str] | None:
        """How it ended, once the body rests; None to try once more."""
        return Ending.SUCCEEDED, "done: " + self.text

    def progress(self, track: Track) -> Progress:
        """Where it stands."""
        return Progress(time_taken=track.now - self.began)

    def change_pace(self, factor: float, abilities: Abilities) -> str:
        """Go on at another speed; returns what is done, or an empty text where there is no speed to change."""
        return ""


class Stand(Activity):
    """Standing, for some seconds or for good."""

    def __init__(self, seconds: float | None = None) -> None:
        super().__init__()
        self.endless, self._seconds = seconds is None, seconds
        self.text = "standing" if seconds is None else f"standing for {seconds:g} s"

    def wish(self, track: Track, *, flowing: bool) -> Wish | None:
        """Nothing, until the time is over."""
        over = self._seconds is not None and track.now - self.began >= self._seconds
        return None if over else (0.0, 0.0, 0.0)


class Velocity(Activity):
    """A velocity from outside, until none has come for a while."""

    mode, endless = "velocity", True

    def __init__(self, wish: Wish, until: float, asked: Wish) -> None:
        """`wish`: what the body can do of what was `asked`; `until`: when it is dropped without a renewal [s]."""
        super().__init__()
        self.wished, self.until, self.asked = wish, until, asked
        self.text = "following a velocity"

    @property
    def velocity(self) -> Wish | None:
        """As it came, beyond what the body can do too."""
        return self.asked

    def wish(self, track: Track, *, flowing: bool) -> Wish | None:
        """The velocity."""
        return None if track.now > self.until else self.wished

    def judge(self, track: Track) -> tuple[Ending, str] | None:
        """It only ends when the sender has gone."""
        return Ending.TIMED_OUT, "no velocity command for a while: standing"


@dataclass(kw_only=True)
class Play(Activity):
    """A clip, from the present place and heading.

    Attributes:
        clip: what is played.
        start: where in the clip to begin [s].
        repetitions: how often; 0 for on and on.
        rate: time in the clip per time on the clock.
        tracked: where the player stands; filled in by it.
    """

    clip: MotionClip
    start: float = 0.0
    repetitions: int = 1
    rate: float = 1.0
    tracked: Progress = Progress()  # noqa: RUF009 - frozen

    mode = "clip"

    def __post_init__(self) -> None:
        super().__init__()
        self.endless = self.repetitions == 0
        self.text = f"playing '{self.clip.name}', {self.clip.duration_s - self.start:.1f} s"
        self.text += "" if self.repetitions == 1 else " on and on" if self.endless else f", {self.repetitions} times"

    def begin(self, track: Track) -> None:
        """Nothing is tracked yet."""
        super().begin(track)
        self.tracked = Progress()

    def clip_time(self, now: float) -> tuple[float, int]:
        """Place in the clip [s] and number of the repetition at a time of the clock [s]."""
        length = self.clip.duration_s
        played = self.start + self.rate * (now - self.began)
        count = int(played // length)
        return played - count * length, count

    def wish(self, track: Track, *, flowing: bool) -> Wish | None:
        """Stand: what moves is the clip."""
        return None if self.repetitions and self.clip_time(track.now)[1] >= self.repetitions else (0.0, 0.0, 0.0)

    def progress(self, track: Track) -> Progress:
        """As the player has it."""
        return self.tracked

    def judge(self, track: Track) -> tuple[Ending, str] | None:
        """Say how well it went."""
        p = self.tracked
        return Ending.SUCCEEDED, f"done: {self.text}; joints {math.degrees(p.mean_joint_error):.1f} degrees off on average, root {p.mean_root_error:.2f} m"
