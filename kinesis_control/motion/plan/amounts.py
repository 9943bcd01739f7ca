"""Walking and turning by an amount: a distance, an angle, a time; or on and on."""

import math

from kinesis_control.motion.command import STILL, Abilities
from kinesis_control.motion.plan.activity import Activity, Wish
from kinesis_control.motion.plan.approach import BACK, Approach, Goal, slowing
from kinesis_control.motion.plan.config import PlanConfig
from kinesis_control.motion.plan.outcome import Ending, Progress
from kinesis_control.motion.plan.track import Track

TURN_GAIN = 1.0  # turn rate per angle off a held heading [1/s]
LINE_GAIN = 0.4  # heading back to the line of the walk per distance from it [rad/m]
MOST_BACK_TO_LINE = 0.2  # [rad]
NEAR, NEAR_TURN = 1.0, 1.2  # the last steps begin so long before the end at their full speed [s]
EXTRA_S = 20.0  # of the time limit, for the last steps


class Amount(Activity):
    """What ends at a place and a heading that are known from the beginning, exactly where the body can step any way at once."""

    def __init__(self, abilities: Abilities, config: PlanConfig) -> None:
        super().__init__()
        self._can, self._config = abilities, config
        self._approach: Approach | None = None

    def _arrive(self, track: Track, x: float, y: float, yaw: float) -> Wish | None:
        """Begin the last steps."""
        c = self._config
        goal = Goal(x=x, y=y, yaw=yaw, tolerance=c.exact_tolerance, heading_tolerance=c.exact_heading_tolerance)
        self._approach = Approach(goal, self._can, c)
        return self._approach.wish(track)

    def judge(self, track: Track) -> tuple[Ending, str] | None:
        """Say what was done; once more, where the last steps have not reached the end."""
        if self._approach is not None and self._approach.again(track):
            return None
        done = f"{self.text}; {self._done(track)} in {track.now - self.began:.1f} s"
        if self._approach is not None and self._approach.why:
            return Ending.MISSED, f"ended: {done}; {self._approach.why}"
        return Ending.SUCCEEDED, "done: " + done

    def _done(self, track: Track) -> str:
        raise NotImplementedError


class Move(Amount):
    """Walking forward, backward or to a side with a held heading, by a distance, for a time, or on and on."""

    mode = "walk"

    def __init__(
        self, velocity: tuple[float, float], abilities: Abilities, config: PlanConfig, *, metres: float | None, seconds: float | None, text: str
    ) -> None:
        """`velocity`: forward and to the left [m/s]; one of them is 0."""
        super().__init__(abilities, config)
        self._speed, self._lateral = velocity
        self._metres, self._seconds, self.text = metres, seconds, text
        self._acceleration = config.lateral_acceleration if self._lateral else config.acceleration
        self.endless = metres is None and seconds is None
        self.walks = self._speed > STILL
        pace = max(abs(self._speed), abs(self._lateral), STILL)
        if metres is not None:  # a short way is not long enough for the whole speed: up and down again it takes its half each
            peak = min(pace, math.sqrt(self._acceleration * metres))
            self._speed, self._lateral = self._speed * peak / pace, self._lateral * peak / pace
            self.time_limit = 2.0 * metres / pace + (EXTRA_S if abilities.creeps else 10.0)

    def begin(self, track: Track) -> None:
        """Note the place and the heading that is held."""
        super().begin(track)
        self._from = (track.forward, track.left)
        self._place = (track.mid_x, track.mid_y)
        self._heading = track.yaw

    @property
    def _direction(self) -> tuple[float, float]:
        """Of the move: ahead and to the left, one of them 0, the other 1 or -1."""
        if self._speed:
            return math.copysign(1.0, self._speed), 0.0
        return 0.0, math.copysign(1.0, self._lateral)

    @property
    def velocity(self) -> Wish | None:
        """Of a walk on and on, or for a time; the turns that hold its heading apart."""
        return (self._speed, self._lateral, 0.0) if self._metres is None else None

    def _gone(self, track: Track) -> float:
        """Way made in the direction of the move [m]."""
        ahead, aside = self._direction
        return ahead * (track.forward - self._from[0]) + aside * (track.left - self._from[1])

    def _along(self, track: Track) -> tuple[float, float]:
        """Way made along the line from the start [m], and distance to its left [m]."""
        ahead, aside = self._direction
        dx, dy, c, s = track.mid_x - self._place[0], track.mid_y - self._place[1], math.cos(self._heading), math.sin(self._heading)
        forward, left = c * dx + s * dy, c * dy - s * dx
        return ahead * forward + aside * left, ahead * left - aside * forward

    def wish(self, track: Track, *, flowing: bool) -> Wish | None:
        """The velocity; walking forward, with a turn back to the held heading."""
        if self._approach is not None:
            return self._approach.wish(track)
        if self._metres is not None and self._can.creeps and not flowing:
            return self._exactly(track, self._metres)
        braking = 0.0 if flowing else track.braking + track.side_braking
        if self._metres is not None and self._gone(track) + braking >= self._metres:
            return None
        stopping = 0.0 if flowing else max(abs(track.speed), abs(track.lateral)) / self._acceleration
        if self._seconds is not None and track.now - self.began + stopping >= self._seconds:
            return None
        # Backward and sideways no turn is practised; the reference holds its own heading there.
        return self._speed, self._lateral, TURN_GAIN * (self._heading - track.yaw) if self.walks else 0.0

    def _exactly(self, track: Track, metres: float) -> Wish | None:
        """Along the line from the start, slower towards its end; then the last steps to it."""
        ahead, aside = self._direction
        slow = self._can.creep[1] if aside else self._can.creep[0] * (1.0 if ahead > 0.0 else BACK)
        gone, off = self._along(track)
        rest = metres - gone - NEAR * slow
        if rest <= 0.0:
            c, s = math.cos(self._heading), math.sin(self._heading)
            x, y = self._place
            return self._arrive(track, x + metres * (c * ahead - s * aside), y + metres * (s * ahead + c * aside), self._heading)
        most = slowing(rest, slow, self._acceleration)
        back = min(max(-LINE_GAIN * off, -MOST_BACK_TO_LINE), MOST_BACK_TO_LINE)
        turn = TURN_GAIN * (self._heading + back - track.yaw) if self.walks else 0.0
        return ahead * min(abs(self._speed), most), aside * min(abs(self._lateral), most), turn

    def _done(self, track: Track) -> str:
        gone = self._gone(track) if self._approach is None else self._along(track)[0]
        return f"went {gone:.2f} m"

    def progress(self, track: Track) -> Progress:
        """Distance still to go."""
        left = 0.0 if self._metres is None else self._metres - self._gone(track)
        return Progress(distance=left, time_taken=track.now - self.began)

    def change_pace(self, factor: float, abilities: Abilities) -> str:
        """Scale the velocity, inside the abilities."""
        self._speed, self._lateral, _ = abilities.keep(factor * self._speed, factor * self._lateral, 0.0)
        return f"{self.mode}ing at {max(abs(self._speed), abs(self._lateral)):.2f} m/s"


class Arc(Amount):
    """Turning by an angle, on the spot (speed 0) or along an arc; or along the arc for a distance, a time, or on and on."""

    def __init__(
        self, velocity: tuple[float, float], abilities: Abilities, config: PlanConfig,
        *, angle: float | None, metres: float | None = None, seconds: float | None = None, text: str,
    ) -> None:  # fmt: skip
        """`velocity`: forward [m/s] and turn [rad/s]; `angle`: to turn by, not negative [rad], the side is that of the turn."""
        super().__init__(abilities, config)
        self._speed, self._rate = velocity
        self.text = text
        self._angle, self._metres, self._seconds = angle, metres, seconds
        self.mode = "walk" if self._speed else "turn"
        self.walks = self._speed > STILL
        self.endless = angle is None and metres is None and seconds is None
        extra = EXTRA_S if abilities.creeps else 10.0
        if angle is not None:
            self.time_limit = 2.0 * angle / abs(self._rate) + extra
        elif metres is not None:
            self.time_limit = 2.0 * metres / max(self._speed, STILL) + extra

    def begin(self, track: Track) -> None:
        """Note place and heading."""
        super().begin(track)
        self._from, self._heading = track.forward, track.yaw
        self._place = (track.mid_x, track.mid_y)

    @property
    def velocity(self) -> Wish | None:
        """Of an arc on and on, or for a time."""
        return (self._speed, 0.0, self._rate) if self._angle is None and self._metres is None else None

    @property
    def _side(self) -> float:
        return math.copysign(1.0, self._rate)

    def _turned(self, track: Track) -> float:
        return self._side * (track.yaw - self._heading)

    def wish(self, track: Track, *, flowing: bool) -> Wish | None:
        """Both velocities, the turn less as the angle comes near."""
        if self._approach is not None:
            return self._approach.wish(track)
        if self._angle is not None and not self._speed and self._can.creeps and not flowing:
            return self._exactly(track, self._angle)
        if self._angle is not None:
            left = self._angle - self._turned(track) - (0.0 if flowing else track.turn_braking)
            if left <= 0.0:
                return None
        braking = 0.0 if flowing else track.braking
        if self._metres is not None and track.forward - self._from + braking >= self._metres:
            return None
        if self._seconds is not None and track.now - self.began >= self._seconds:
            return None
        return self._speed, 0.0, self._rate

    def _exactly(self, track: Track, angle: float) -> Wish | None:
        """On the spot, slower towards the end; then the last steps, back to the spot too."""
        slow = self._can.creep[2]
        rest = angle - self._turned(track) - NEAR_TURN * slow
        if rest <= 0.0:
            return self._arrive(track, *self._place, self._heading + self._side * angle)
        return 0.0, 0.0, self._side * min(abs(self._rate), slowing(rest, slow, self._config.yaw_acceleration))

    def judge(self, track: Track) -> tuple[Ending, str] | None:
        """Say how far it turned and went; a turn that was walked is first made exact on the spot."""
        if self._approach is None and self._angle is not None and self._can.creeps:
            off = self._angle - self._turned(track)
            if abs(off) > self._config.exact_heading_tolerance:
                self._arrive(track, track.mid_x, track.mid_y, self._heading + self._side * self._angle)
                return None
        return super().judge(track)

    def _done(self, track: Track) -> str:
        way = f" and went {track.forward - self._from:.2f} m" if self._speed else ""
        return f"turned {math.degrees(self._turned(track)):.0f} degrees{way}"

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
