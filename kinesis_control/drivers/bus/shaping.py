"""From the values of a command to the pressures of one cycle: convert, blend in, limit."""

import numpy as np
from numpy.typing import NDArray

from kinesis_control.drivers.frames import Capabilities, StateFrame
from kinesis_control.drivers.muscle_model import ExcitationToPressure
from kinesis_control.safety.robot_limits import LimitCounts, LimitWork, RobotLimits, Sensed, limit_pressures

Array = NDArray[np.float64]

_VELOCITY_SHARE = 0.2
"""Of a new difference of lengths in the filtered velocity: 10 ms at 500 Hz."""


class Shaper:
    """Holds the last good command and what was sent for it.

    Attributes:
        sent_pa: pressures of the last cycle, or what the next command starts from; shape (n,) [Pa].
        limited: what the limits held back in the last cycle.
        converter: model of the muscles, with the saturation of the last conversion; None where pressures are commanded.
    """

    def __init__(
        self, robot: Capabilities, state: StateFrame, limits: RobotLimits, converter: ExcitationToPressure | None, tendon_length: Array | None, dt_s: float
    ) -> None:
        """Args:
        state: where the driver writes what the robot says.
        tendon_length: what is added to an artificial muscle's length for that of the musculotendon; shape (n,) [m]; None where
            the robot has no length sensors.
        dt_s: period of the loop [s].
        """
        n = len(robot.muscles)
        self.converter, self.limited = converter, LimitCounts(True)
        self._state, self._limits, self._tendon, self._dt_s, self._bank_of = state, limits, tendon_length, dt_s, robot.bank_of_muscle
        self.sent_pa = np.zeros(n)
        self._values, self._wanted, self._present = np.zeros(n), np.zeros(n), np.zeros(n)
        self._length, self._velocity, self._before, self._step = np.full(n, np.nan), np.zeros(n), np.full(n, np.nan), np.zeros(n)
        self._measures_length = False
        self._work = LimitWork(limits)
        self._sensed = Sensed(state.tension_n, np.zeros(n), state.joint_position, state.joint_velocity, np.full(n, np.nan))

    def take(self, record: np.ndarray, high: float) -> None:
        """Keep the values of a command that was checked; values are at most `high`, up to rounding."""
        np.clip(record["values"], 0.0, high, out=self._values)
        self._measures_length = not np.isfinite(record["length"][0])
        if not self._measures_length:
            self._length[:], self._velocity[:] = record["length"], record["velocity"]

    def rest(self) -> None:
        """While nothing is followed, what the muscles have is where the next command starts; an unknown pressure counts as none."""
        self.sent_pa.fill(0.0)
        np.clip(self._state.pressure_pa, 0.0, self._work.highest, out=self.sent_pa, where=np.isfinite(self._state.pressure_pa))
        self._present[:] = self.sent_pa

    def shape(self, blend: float) -> bool:
        """Work out `sent_pa`; False when the muscle model was given lengths that are not there, and the last pressures stay.

        Args:
            blend: 0..1, from the pressures at the last `rest` to those of the command.
        """
        if self.converter is not None:
            self._measure_lengths()
            self._wanted[:] = self.converter.convert(self._values, self._length, self._velocity)
            self._sensed.force_per_pa[:] = self.converter.force_per_pa
        else:
            self._wanted[:] = self._values
        if blend < 1.0:
            self._wanted -= self._present
            self._wanted *= blend
            self._wanted += self._present
        np.take(self._state.bank_temperature_c, self._bank_of, out=self._sensed.temperature_c)
        self.limited = limit_pressures(self._wanted, self.sent_pa, self._sensed, self._limits, self._dt_s, self._work)
        self.sent_pa[:] = self._work.out
        return self.limited.finite

    def _measure_lengths(self) -> None:
        """Where the command brought no lengths, the robot's own: artificial muscle and tendon, with a filtered velocity."""
        if not self._measures_length or self._tendon is None:
            return
        np.add(self._state.length_m, self._tendon, out=self._length)
        step = np.subtract(self._length, self._before, out=self._step)
        step /= self._dt_s
        step[~np.isfinite(step)] = 0.0
        step -= self._velocity
        step *= _VELOCITY_SHARE
        self._velocity += step
        self._before[:] = self._length
