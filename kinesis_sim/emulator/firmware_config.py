"""The limits that the emulated valve banks enforce."""

from dataclasses import dataclass

from kinesis_control.drivers.codecs.valve_bank import limits_checksum
from kinesis_control.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class FirmwareConfig:
    """Limits that the banks enforce.

    Attributes:
        max_pressure_pa: hard clamp of every set-point [Pa]. slew_pa_s: of every set-point [Pa/s]. trip_pa: over-pressure trip [Pa].
        hold_after_ms: largest time to live of a command; vent_after_ms: time without FOLLOW until RAMP; ramp_ms: its length [ms].
        first_share: how far the first FOLLOW may be from the measured pressures, as a share of max_pressure_pa.
        follow_pa, follow_ms: a pressure that differs more and longer from its set-point is a VALVE fault [Pa], [ms].
        supply_low_pa, supply_ms: a supply lower and for longer is a SUPPLY fault while armed [Pa], [ms].
        hot_c: OVER_TEMPERATURE from here on [deg C].
        gain: valve opening for a difference as large as the pressure that drives the flow.
        enforces_deadline: False for hardware that keeps the last pressures for ever, as behind a golem server.
    """

    max_pressure_pa: float = 700e3
    slew_pa_s: float = 7e6
    trip_pa: float = 770e3
    hold_after_ms: int = 20
    vent_after_ms: int = 300
    ramp_ms: int = 500
    first_share: float = 0.05
    follow_pa: float = 100e3
    follow_ms: int = 150
    supply_low_pa: float = 250e3
    supply_ms: int = 100
    hot_c: float = 85.0
    gain: float = 1.8
    enforces_deadline: bool = True

    def __post_init__(self) -> None:
        times = (self.hold_after_ms, self.vent_after_ms - self.hold_after_ms, self.ramp_ms, self.follow_ms, self.supply_ms)
        if not 0.0 < self.max_pressure_pa < self.trip_pa or min(times) <= 0 or not (self.slew_pa_s > 0.0 and 0.0 < self.first_share < 1.0):
            raise ConfigurationError("firmware: expected 0 < max_pressure_pa < trip_pa, hold_after_ms < vent_after_ms, slew_pa_s above 0, first_share 0 to 1")

    @property
    def checksum(self) -> int:
        """What the identity page tells of these limits."""
        return limits_checksum(
            max_pressure_pa=self.max_pressure_pa, slew_pa_s=self.slew_pa_s, trip_pa=self.trip_pa,
            hold_after_ms=self.hold_after_ms, vent_after_ms=self.vent_after_ms, ramp_ms=self.ramp_ms,
        )  # fmt: skip
