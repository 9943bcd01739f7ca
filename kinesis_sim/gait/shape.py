"""The figures of human gait that the table is built from.

Cadence against speed, stance share and foot pitch after Winter, "The Biomechanics and Motor Control of Human Gait" (1991)
and Perry & Burnfield, "Gait Analysis" (2010); running after Novacheck, "The biomechanics of running" (1998); walking backward
is walking forward in reversed time (Winter et al. 1989).
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class GaitShape:
    """Numbers of the pattern; angles [rad], lengths [m].

    Attributes:
        speeds: grid of forward speeds of the table [m/s]; for each negative one its opposite stands there too.
        laterals: grid of sideways speeds, symmetric about 0, left positive [m/s].
        turns: grid of turn rates, symmetric about 0, left positive [rad/s].
        cadence_offset, cadence_slope: steps per second = offset + slope * speed; 1.15 + 0.52 v meets the human walk ratio
            (step length / cadence = 0.0065 m per step/min) near 1.2 m/s and keeps slow steps short and quick.
        lateral_effort, turn_effort: a sideways speed and a turn rate count so much as a forward speed for cadence and stance
            share; side steps and steps that turn are short and quick [-], [m].
        standing_rate: gait cycles per second from which stepping begins: the first step leaves time to shift the weight.
        run_from: slowest running speed of the grid [m/s].
        run_cadence_offset, run_cadence_slope: as above, for running: 155 steps a minute at 2 m/s, 170 at 3.5 m/s.
        strike_pitch, push_pitch: foot pitch at heel strike and at toe-off at `pitch_speed` and above, toes up positive.
        back_pitch: share of these angles in walking backward, where the foot is set down and lifted nearly flat.
        run_strike_pitch: at foot strike in running, nearly flat.
        clearance, run_clearance: extra height of the ankle in mid-swing.
        half_width, run_half_width: lateral distance from the path to each ankle.
        toe_out: yaw of the feet outwards.
        straightest_knee, run_knee: knee flexion that the longest leg of the stance keeps.
        lateral_knee: more of that flexion per sideways speed: the legs reach aside too [rad s/m].
        heel_off: phase at which the heel leaves the floor in walking (Perry & Burnfield: 0.31 to 0.40).
    """

    speeds: tuple[float, ...] = (-0.8, -0.6, -0.4, 0.0, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.7, 2.0, 2.5)
    laterals: tuple[float, ...] = (-0.4, -0.2, 0.0, 0.2, 0.4)
    turns: tuple[float, ...] = (-1.6, -0.8, 0.0, 0.8, 1.6)
    cadence_offset: float = 1.15
    cadence_slope: float = 0.52
    lateral_effort: float = 2.5
    turn_effort: float = 0.9
    standing_rate: float = 0.35
    run_from: float = 2.0
    run_cadence_offset: float = 2.25
    run_cadence_slope: float = 0.17
    strike_pitch: float = 0.28
    run_strike_pitch: float = 0.05
    push_pitch: float = -1.10
    pitch_speed: float = 1.3
    back_pitch: float = 0.35
    clearance: float = 0.065
    run_clearance: float = 0.14
    half_width: float = 0.085
    run_half_width: float = 0.055
    toe_out: float = 0.10
    straightest_knee: float = 0.10
    run_knee: float = 0.20
    lateral_knee: float = 0.9
    heel_off: float = 0.37

    def pattern(self, speed: float, lateral: float, turn: float, *, backward: bool = False) -> "Pattern":
        """The gait at one velocity; `speed` >= 0. With `backward`, the one that is to be played in reversed time."""
        effort = float(np.sqrt(speed**2 + (self.lateral_effort * lateral) ** 2 + (self.turn_effort * turn) ** 2))
        running = speed >= self.run_from
        # Stance share: 0.66 slow to 0.61 fast in walking (Winter 1991), about 0.4 in slow running (Novacheck 1998).
        share = 0.50 - 0.04 * speed if running else max(0.68 - 0.05 * effort, 0.58)
        step_rate = self.run_cadence_offset + self.run_cadence_slope * speed if running else self.cadence_offset + self.cadence_slope * effort
        cycle_s = 2.0 / step_rate
        width = self.run_half_width if running else self.half_width
        return Pattern(
            shape=self, pitch_scale=self.back_pitch if backward else 1.0,
            speed=speed, lateral=lateral, turn=turn, effort=effort, running=running, share=share, cycle_s=cycle_s,
            # Feet that come together sideways must not touch: the stance widens by a quarter of the sideways stride.
            half_width=width + 0.25 * abs(lateral) * cycle_s, heel_off=0.5 * share if running else self.heel_off,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """Timing and width of the gait at one velocity; see GaitShape for the figures.

    Attributes:
        pitch_scale: share of the foot's pitching.
        speed, lateral, turn: of the pelvis [m/s], [m/s], [rad/s].
        effort: the forward speed that this velocity counts as [m/s].
        share: of the cycle in which a foot is on the floor.
        cycle_s: duration of a gait cycle [s].
        half_width: lateral distance from the path to each ankle in mid-stance [m].
        lateral_knee: more of that flexion per sideways speed: the legs reach aside too [rad s/m].
        heel_off: phase at which the heel leaves the floor.
    """

    shape: GaitShape
    pitch_scale: float
    speed: float
    lateral: float
    turn: float
    effort: float
    running: bool
    share: float
    cycle_s: float
    half_width: float
    heel_off: float

    @property
    def strike_pitch(self) -> float:
        """Foot pitch at foot strike, toes up [rad]."""
        s = self.shape
        return s.run_strike_pitch if self.running else self.pitch_scale * s.strike_pitch * min(1.0, self.speed / s.pitch_speed)

    @property
    def push_pitch(self) -> float:
        """Foot pitch at toe-off, toes up [rad]; a foot that does not go ahead is lifted flat."""
        s = self.shape
        return self.pitch_scale * s.push_pitch * (0.35 + 0.65 * min(1.0, self.speed / s.pitch_speed)) * min(1.0, self.speed / 0.4)

    @property
    def clearance(self) -> float:
        """Extra height of the ankle in mid-swing [m]."""
        s = self.shape
        return s.run_clearance if self.running else s.clearance * (0.4 + 0.6 * min(1.0, self.effort / 0.8))
