"""The things a body can be busy with: standing, walking, turning, a curve, a velocity, a clip."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

from kinesis_control.motion.clip import MotionClip
from kinesis_control.motion.command import STILL, Abilities
from kinesis_control.motion.plan.config import PlanConfig
from kinesis_control.motion.plan.outcome import Ending, Progress
from kinesis_control.motion.plan.track import Track

Wish = tuple[float, float, float]
"""Speed [m/s], lateral [m/s], turn rate [rad/s] that are wanted now."""

TURN_GAIN = 1.0
"""Turn rate per angle off a held heading [1/s]."""


class Activity(ABC):
    """One thing to do. It wishes velocities until it wishes no more; then the body comes to a stand and it is judged.

    Attributes:
        mode: one word for `control_status`.
        text: how it is done, in words.
        endless: goes on until something else is asked.
        walks: begins by walking forward, so that whatever goes before need not stop.
        began: when it began [s].
        time_limit: longest time it may take [s].
        ticket: number by which whoever asked knows it.
    """

    mode, text = "stand", "standing"
    endless = walks = False
    time_limit = math.inf

    def __init__(self) -> None:
        self.began, self.ticket = 0.0, 0

    def begin(self, track: Track) -> None:
        """Note where it begins."""
        self.began = track.now

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


class Move(Activity):
    """Walking forward, backward or to a side with a held heading, by a distance, for a time, or on and on."""

    mode = "walk"

    def __init__(self, velocity: tuple[float, float], config: PlanConfig, *, metres: float | None, seconds: float | None, text: str) -> None:
        """`velocity`: forward and to the left [m/s]; one of them is 0."""
        super().__init__()
        self._speed, self._lateral = velocity
        self._metres, self._seconds, self.text = metres, seconds, text
        self._acceleration = config.lateral_acceleration if self._lateral else config.acceleration
        self.endless = metres is None and seconds is None
        self.walks = self._speed > STILL
        pace = max(abs(self._speed), abs(self._lateral), STILL)
        if metres is not None:  # a short way is not long enough for the whole speed: up and down again it takes its half each
            peak = min(pace, math.sqrt(self._acceleration * metres))
            self._speed, self._lateral = self._speed * peak / pace, self._lateral * peak / pace
            self.time_limit = 2.0 * metres / pace + 10.0

    def begin(self, track: Track) -> None:
        """Note the place and the heading that is held."""
        super().begin(track)
        self._from = (track.forward, track.left)
        self._heading = track.yaw

    def _gone(self, track: Track) -> float:
        """Way made in the direction of the move [m]."""
        forward, left = track.forward - self._from[0], track.left - self._from[1]
        return math.copysign(1.0, self._speed) * forward if self._speed else math.copysign(1.0, self._lateral) * left

    def wish(self, track: Track, *, flowing: bool) -> Wish | None:
        """The velocity; walking forward, with a turn back to the held heading."""
        braking = 0.0 if flowing else track.braking + track.side_braking
        if self._metres is not None and self._gone(track) + braking >= self._metres:
            return None
        stopping = 0.0 if flowing else max(abs(track.speed), abs(track.lateral)) / self._acceleration
        if self._seconds is not None and track.now - self.began + stopping >= self._seconds:
            return None
        # Backward and sideways no turn is practised; the reference holds its own heading there.
        return self._speed, self._lateral, TURN_GAIN * (self._heading - track.yaw) if self.walks else 0.0

    def judge(self, track: Track) -> tuple[Ending, str] | None:
        """Say how far it went."""
        return Ending.SUCCEEDED, f"done: {self.text}; went {self._gone(track):.2f} m in {track.now - self.began:.1f} s"

    def progress(self, track: Track) -> Progress:
        """Distance still to go."""
        left = 0.0 if self._metres is None else self._metres - self._gone(track)
        return Progress(distance=left, time_taken=track.now - self.began)

    def change_pace(self, factor: float, abilities: Abilities) -> str:
        """Scale the velocity, inside the abilities."""
        self._speed, self._lateral, _ = abilities.keep(factor * self._speed, factor * self._lateral, 0.0)
        return f"{self.mode}ing at {max(abs(self._speed), abs(self._lateral)):.2f} m/s"


class Arc(Activity):
    """Turning by an angle, on the spot (speed 0) or along an arc; or along the arc for a distance, a time, or on and on."""

    def __init__(self, speed: float, yaw_rate: float, *, angle: float | None, metres: float | None = None, seconds: float | None = None, text: str) -> None:
        """`angle`: to turn by, not negative [rad]; the side is that of `yaw_rate`."""
        super().__init__()
        self._speed, self._rate, self.text = speed, yaw_rate, text
        self._angle, self._metres, self._seconds = angle, metres, seconds
        self.mode = "walk" if speed else "turn"
        self.walks = speed > STILL
        self.endless = angle is None and metres is None and seconds is None
        if angle is not None:
            self.time_limit = 2.0 * angle / abs(yaw_rate) + 10.0
        elif metres is not None:
            self.time_limit = 2.0 * metres / max(speed, STILL) + 10.0

    def begin(self, track: Track) -> None:
        """Note place and heading."""
        super().begin(track)
        self._from, self._heading = track.forward, track.yaw

    def _turned(self, track: Track) -> float:
        return math.copysign(1.0, self._rate) * (track.yaw - self._heading)

    def wish(self, track: Track, *, flowing: bool) -> Wish | None:
        """Both velocities, the turn less as the angle comes near."""
        rate = self._rate
        if self._angle is not None:
            left = self._angle - self._turned(track) - (0.0 if flowing else track.turn_braking)
            if left <= 0.0:
                return None
        braking = 0.0 if flowing else track.braking
        if self._metres is not None and track.forward - self._from + braking >= self._metres:
            return None
        if self._seconds is not None and track.now - self.began >= self._seconds:
            return None
        return self._speed, 0.0, rate

    def judge(self, track: Track) -> tuple[Ending, str] | None:
        """Say how far it turned and went."""
        way = f" and went {track.forward - self._from:.2f} m" if self._speed else ""
        turned = math.degrees(self._turned(track))
        return Ending.SUCCEEDED, f"done: {self.text}; turned {turned:.0f} degrees{way} in {track.now - self.began:.1f} s"

    def progress(self, track: Track) -> Progress:
        """Angle still to turn."""
        left = 0.0 if self._angle is None else math.copysign(self._angle - self._turned(track), self._rate)
        return Progress(heading_error=left, time_taken=track.now - self.began)

    def change_pace(self, factor: float, abilities: Abilities) -> str:
        """Scale speed and turn rate, so that the arc stays the same."""
        speed, _, _ = abilities.keep(factor * self._speed, 0.0, 0.0)
        scale = speed / self._speed if self._speed else factor
        limit = abilities.max_yaw_rate if self._speed else abilities.max_turn_in_place
        scale = min(scale, limit / abs(self._rate))
        self._speed, self._rate = scale * self._speed, scale * self._rate
        return f"turning at {abs(self._rate):.2f} rad/s" + (f", walking at {self._speed:.2f} m/s" if self._speed else "")


class Velocity(Activity):
    """A velocity from outside, until none has come for a while."""

    mode, endless = "velocity", True

    def __init__(self, wish: Wish, until: float) -> None:
        """`until`: when it is dropped without a renewal [s]."""
        super().__init__()
        self.wished, self.until = wish, until
        self.text = "following a velocity"

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
