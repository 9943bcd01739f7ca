"""One muscle after the other, slowly, at a low pressure: whether each line, valve and sensor is the one it is taken for.

What every link can do, those included that measure nothing but pressures. The robot is armed and hangs free. For each muscle:

    fill     from `rest_pa` to `level_pa` within `ramp_s`, the others kept at `rest_pa`
    settle   `settle_s`; then the pressure must be within `tolerance_pa`, and no other one may have followed it
    empty    back to `rest_pa`
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from kinesis_control.drivers.bus.client import BusClient
from kinesis_control.drivers.bus.records import FAULTS
from kinesis_control.drivers.frames import Mode
from kinesis_control.errors import ConfigurationError, UnavailableError

Array = NDArray[np.float64]

_SILENT_S = 1.0
_FOLLOWED = 0.5
"""Share of the asked rise at which another muscle counts as having followed."""


@dataclass(frozen=True, kw_only=True)
class CheckoutConfig:
    """How gently it is done.

    Attributes:
        rest_pa, level_pa: pressures between which a muscle is moved, rest below level, at least 0 [Pa].
        ramp_s, settle_s: time for the rise, and for the pressure to settle, 0.05 to 10 [s].
        tolerance_pa: how far the settled pressure may be from the asked one, above 0 [Pa].
        rate_hz: commands a second, 20 to 200 [Hz].
    """

    rest_pa: float = 10e3
    level_pa: float = 60e3
    ramp_s: float = 0.15
    settle_s: float = 0.25
    tolerance_pa: float = 10e3
    rate_hz: float = 50.0

    def __post_init__(self) -> None:
        times = 0.05 <= self.ramp_s <= 10.0 and 0.05 <= self.settle_s <= 10.0 and 20.0 <= self.rate_hz <= 200.0
        if not (0.0 <= self.rest_pa < self.level_pa and self.tolerance_pa > 0.0 and times):
            raise ConfigurationError(
                f"check: got rest {self.rest_pa}, level {self.level_pa}, tolerance {self.tolerance_pa} Pa, ramp {self.ramp_s}, settle {self.settle_s} s, "
                f"rate {self.rate_hz} Hz; expected 0 <= rest < level, tolerance above 0, 0.05 to 10 s, 20 to 200 Hz"
            )


class Verdict(Enum):
    """What was found at a muscle."""

    GOOD = "good"
    BLIND = "its sensor gives nothing"
    STUCK = "it does not follow"
    EXCHANGED = "another one follows in its place"


@dataclass(frozen=True, kw_only=True)
class MuscleFinding:
    """Of one muscle.

    Attributes:
        name, verdict: which, and what. reached_pa: settled pressure, NaN where the sensor is dead [Pa]. other: who followed instead; empty for nobody.
    """

    name: str
    verdict: Verdict
    reached_pa: float
    other: str = ""

    def line(self) -> str:
        """In words."""
        return f"{self.name}: {self.verdict.value} ({self.reached_pa / 1e5:.2f} bar{f'; {self.other} follows' if self.other else ''})"


class Checkout:
    """Goes through the muscles of an armed robot.

    Attributes:
        findings: so far.
    """

    def __init__(
        self, client: BusClient, names: tuple[str, ...], config: CheckoutConfig | None = None, on_muscle: Callable[[MuscleFinding], None] | None = None
    ) -> None:
        """`on_muscle` is called after each one."""
        self._client, self._names, self._config = client, names, config or CheckoutConfig()
        self._tell = on_muscle or (lambda finding: None)
        self._wanted = np.full(len(names), self._config.rest_pa)
        self._fetched_s = time.monotonic()
        self.findings: list[MuscleFinding] = []

    def run(self) -> list[MuscleFinding]:
        """All muscles in order.

        Raises:
            UnavailableError: the robot was stopped, or the bus process is silent.
        """
        self._hold(self._config.ramp_s + self._config.settle_s)
        for muscle in range(len(self._names)):
            finding = self._check(muscle)
            self.findings.append(finding)
            self._tell(finding)
        return self.findings

    def _check(self, muscle: int) -> MuscleFinding:
        config, rest = self._config, self._config.rest_pa
        before = self._pressures()
        steps = max(2, round(config.ramp_s * config.rate_hz))
        for k in range(1, steps + 1):
            self._wanted[muscle] = rest + (config.level_pa - rest) * k / steps
            self._hold(1.0 / config.rate_hz)
        self._hold(config.settle_s)
        after = self._pressures()
        self._wanted[muscle] = rest
        self._hold(config.ramp_s + config.settle_s)
        return self._judge(muscle, before, after)

    def _judge(self, muscle: int, before: Array, after: Array) -> MuscleFinding:
        config, reached = self._config, float(after[muscle])
        rise = np.nan_to_num(after - before)
        rise[muscle] = 0.0
        other = int(np.argmax(rise))
        follower = self._names[other] if rise[other] > _FOLLOWED * (config.level_pa - config.rest_pa) else ""
        good = abs(reached - config.level_pa) <= config.tolerance_pa
        verdict = Verdict.BLIND if not np.isfinite(reached) else Verdict.EXCHANGED if follower else Verdict.GOOD if good else Verdict.STUCK
        return MuscleFinding(name=self._names[muscle], verdict=verdict, reached_pa=reached, other=follower)

    def _hold(self, seconds: float) -> None:
        """Command what is wanted for a time, at least once."""
        until = time.monotonic() + seconds
        while True:
            self._send()
            time.sleep(min(1.0 / self._config.rate_hz, max(until - time.monotonic(), 0.0)))
            if time.monotonic() >= until:
                return

    def _send(self) -> None:
        client, now = self._client, time.monotonic()
        if client.fetch():
            self._fetched_s = now
        elif now - self._fetched_s > _SILENT_S:
            raise UnavailableError("the bus process is silent")
        state = client.state
        if int(state["fault"]):
            muscle = int(state["fault_muscle"])
            where = f", at muscle '{self._names[muscle]}'" if muscle < len(self._names) else ""
            raise UnavailableError(f"stopped: {FAULTS[int(state['fault']) - 1].meaning}{where}")
        client.send(self._wanted, Mode.PRESSURE, answers=int(state["seq"]), stamp_ns=int(state["cycle_ns"]), epoch=int(state["epoch"]))

    def _pressures(self) -> Array:
        """Mean of five readings, against noise; NaN where a sensor gives nothing."""
        readings = []
        for _ in range(5):
            self._hold(1.0 / self._config.rate_hz)
            readings.append(np.array(self._client.state["pressure_pa"]))
        mean: Array = np.mean(readings, axis=0)
        return mean
