"""Calibration of a robot: what each muscle's sensors and valves do, written to a file that is bound to this one robot.

Procedure, per batch of muscles, everything else vented, never above the cap of the robot:

    1. vent            sensor zero, length and tension without pressure
    2. fill to test    highest reading; time to 63 % (a line that is blocked fills slowly or not at all)
    3. hold            fall of pressure a second (a leak)
    4. precharge       length at `precharge_pa`: slack length, where the muscle begins to pull
    5. vent            time to 37 %

The loop that applies it is `run`; it needs an armed robot, and a limb that hangs free.
"""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.drivers.base import MuscleDriver
from kinesis_control.drivers.errors import DriverError, IdentityError
from kinesis_control.drivers.frames import CommandFrame, Control, Identity, StateFrame
from kinesis_control.errors import ConfigurationError
from kinesis_control.muscles import MuscleLayout

FORMAT = "kinesis-robot-calibration/1"

_LONGEST_HOLD_S = 0.25  # valve banks ramp down after 0.3 s of HOLD


@dataclass(frozen=True, kw_only=True)
class CalibrationConfig:
    """Settings of the procedure.

    Attributes:
        test_pa: pressure of the test, above precharge_pa [Pa].
        precharge_pa: pressure at which slack is taken up, above 0 [Pa].
        settle_s: longest time for filling or venting, 0.05 to 10 [s].
        hold_s: time over which a leak is measured, 0.05 to 60 [s].
        leak_pa_s: fall of pressure that counts as a leak, above 0 [Pa/s].
        blocked_share: a muscle that reaches less of the test pressure than this has a blocked line, 0 to 1.
        zero_pa: largest reading of a vented sensor, above 0 [Pa].
        batch: muscles that are tested at a time, at least 1.
        rate_hz: cycles a second, 20 to 2000 [Hz].
    """

    test_pa: float = 150e3
    precharge_pa: float = 30e3
    settle_s: float = 0.6
    hold_s: float = 0.5
    leak_pa_s: float = 20e3
    blocked_share: float = 0.6
    zero_pa: float = 10e3
    batch: int = 10
    rate_hz: float = 200.0

    def __post_init__(self) -> None:
        good = (
            0.0 < self.precharge_pa < self.test_pa and 0.05 <= self.settle_s <= 10.0 and 0.05 <= self.hold_s <= 60.0 and self.leak_pa_s > 0.0
            and 0.0 < self.blocked_share < 1.0 and self.zero_pa > 0.0 and self.batch >= 1 and 20.0 <= self.rate_hz <= 2000.0
        )  # fmt: skip
        if not good:
            raise ConfigurationError(f"calibration: a value is out of its range: {self}")


@dataclass(frozen=True, kw_only=True)
class MuscleCalibration:
    """What was found of one muscle; None where the robot has no such sensor.

    Attributes:
        zero_pa: reading when vented. top_pa: highest reading in the test [Pa].
        fill_s, vent_s: time constants [s]; None when not reached.
        leak_pa_s: fall of pressure while held [Pa/s].
        slack_length_m: length at the precharge pressure [m].
        tension_n: tension at the test pressure [N].
        findings: "dead sensor", "offset", "blocked", "leak"; empty for a sound muscle.
    """

    name: str
    zero_pa: float
    top_pa: float
    fill_s: float | None
    vent_s: float | None
    leak_pa_s: float
    slack_length_m: float | None
    tension_n: float | None
    findings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Of one robot: serial, layout hash, and one entry a muscle in the order of the layout."""

    serial: int
    layout_hash: str
    muscles: tuple[MuscleCalibration, ...]

    @property
    def unsound(self) -> tuple[MuscleCalibration, ...]:
        """Muscles with findings."""
        return tuple(muscle for muscle in self.muscles if muscle.findings)

    def save(self, path: Path) -> None:
        """Write it, with a checksum."""
        document = {"format": FORMAT, **asdict(self)}
        path.write_text(json.dumps({**document, "checksum": _checksum(document)}, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path, layout: MuscleLayout, *, serial: int) -> "Calibration":
        """Read the calibration of this robot.

        Raises:
            ConfigurationError: unreadable, or changed since it was written.
            IdentityError: of another robot or muscle order.
        """
        try:
            document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            found = document.pop("checksum")
            rows = document["muscles"]
            if document["format"] != FORMAT or found != _checksum(document):
                raise ConfigurationError(f"calibration '{path}': format or checksum does not fit; it was changed since it was measured")
            muscles = tuple(MuscleCalibration(**{**row, "findings": tuple(row["findings"])}) for row in rows)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(f"calibration '{path}' cannot be read: {error}") from error
        if document["serial"] != serial or document["layout_hash"] != layout.hash or tuple(m.name for m in muscles) != layout.names:
            raise IdentityError(
                f"calibration '{path}' is of robot {document['serial']}, layout {document['layout_hash']}; expected robot {serial}, layout {layout.hash}"
            )
        return cls(serial=serial, layout_hash=layout.hash, muscles=muscles)


def _checksum(document: dict[str, Any]) -> str:
    plain = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(plain.encode()).hexdigest()


class Calibrator:
    """Runs the procedure on an armed robot."""

    def __init__(
        self, driver: MuscleDriver, identity: Identity, config: CalibrationConfig, *, cap_pa: float, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Args:
        cap_pa: highest pressure that this robot may get [Pa].

        Raises:
            ConfigurationError: the test pressure is above the cap.
        """
        if config.test_pa > cap_pa:
            raise ConfigurationError(f"test_pa: got {config.test_pa:g} Pa, expected at most the cap of this robot, {cap_pa:g} Pa")
        self._driver, self._identity, self._config, self._sleep = driver, identity, config, sleep
        self._command, self._state = driver.frames()

    def run(self) -> Calibration:
        """All muscles, batch by batch; vents at the end, whatever happens.

        Raises:
            DriverError: the link failed on the way.
        """
        names = self._driver.capabilities.muscles.names
        found: list[MuscleCalibration] = []
        try:
            for first in range(0, len(names), self._config.batch):
                found += self._batch(range(first, min(first + self._config.batch, len(names))))
        finally:
            self._driver.safe_state("vent")
        return Calibration(serial=self._identity.serial, layout_hash=self._identity.layout_hash, muscles=tuple(found))

    def _batch(self, muscles: Sequence[int]) -> list[MuscleCalibration]:
        config, which = self._config, list(muscles)
        vented = self._hold_at(0.0, which, config.settle_s)
        zero = vented[-max(2, len(vented) // 10) :].mean(axis=0)
        filling = self._hold_at(config.test_pa, which, config.settle_s)
        tension = self._state.tension_n[which].copy()
        held = self._closed(which)
        self._hold_at(config.precharge_pa, which, config.settle_s)
        slack = self._state.length_m[which].copy()
        venting = self._hold_at(0.0, which, config.settle_s)
        dt = 1.0 / config.rate_hz
        out = []
        for k, muscle in enumerate(which):
            top = float(np.nan_to_num(filling[:, k]).max())
            start = held[len(held) // 10, k]
            out.append(
                self._judge(
                    self._driver.capabilities.muscles.names[muscle], zero=float(zero[k]), top=top,
                    fill=_time_to(filling[:, k], 0.63 * config.test_pa, dt, rising=True),
                    vent=_time_to(venting[:, k], 0.37 * config.precharge_pa, dt, rising=False),
                    leak=float(start - held[-1, k]) / (dt * 0.9 * len(held)), slack=_known(slack[k]), tension=_known(tension[k]),
                )
            )  # fmt: skip
        return out

    def _judge(
        self, name: str, *, zero: float, top: float, fill: float | None, vent: float | None, leak: float, slack: float | None, tension: float | None
    ) -> MuscleCalibration:
        config = self._config
        dead = not (np.isfinite(zero) and np.isfinite(leak))
        blocked = not dead and top < config.blocked_share * config.test_pa
        tests = {"dead sensor": dead, "offset": not dead and abs(zero) > config.zero_pa, "blocked": blocked, "leak": not dead and leak > config.leak_pa_s}
        return MuscleCalibration(
            name=name, zero_pa=0.0 if dead else zero, top_pa=top, fill_s=fill, vent_s=vent, leak_pa_s=0.0 if dead else leak,
            slack_length_m=slack, tension_n=tension,
            findings=tuple(text for text, failed in tests.items() if failed),
        )  # fmt: skip

    def _hold_at(self, pressure_pa: float, which: list[int], seconds: float) -> NDArray[np.float64]:
        """Ask for one pressure; measured pressures, shape (cycles, len(which))."""
        self._command.control = Control.FOLLOW
        self._command.values.fill(0.0)
        self._command.values[which] = pressure_pa
        return self._cycles(which, seconds)

    def _closed(self, which: list[int]) -> NDArray[np.float64]:
        """Valves closed; a robot with a deadline of its own allows that only for so long."""
        self._command.control = Control.HOLD
        limit = _LONGEST_HOLD_S if self._driver.capabilities.has_deadline else self._config.hold_s
        return self._cycles(which, min(self._config.hold_s, limit))

    def _cycles(self, which: list[int], seconds: float) -> NDArray[np.float64]:
        period, rows = 1.0 / self._config.rate_hz, []
        for _ in range(max(10, round(seconds * self._config.rate_hz))):
            self._exchange(self._command, self._state)
            rows.append(self._state.pressure_pa[which].copy())
            self._sleep(period)
        return np.array(rows)

    def _exchange(self, command: CommandFrame, state: StateFrame) -> None:
        status = self._driver.exchange(command, state, time.monotonic_ns() + 20_000_000)
        if not status.sent:
            raise DriverError(f"the link failed in the middle of the calibration: {status.fault.name} {self._driver.last_error}")


def _time_to(series: NDArray[np.float64], level: float, dt: float, *, rising: bool) -> float | None:
    there = series >= level if rising else series <= level
    return float(np.argmax(there) * dt) if there.any() else None


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
