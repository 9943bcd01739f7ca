"""One cycle of the bus process, and the rules by which it chooses what to ask of the banks.

    permit of the guardian      what is sent
    --------------------------  ------------------------------------------------------------------------------
    VENT, RAMP, HOLD            that
    ARM                         ARM with the guardian's token
    FOLLOW                      FOLLOW while commands come; HOLD when one is overdue by `hold_after_s`; after `vent_after_s`
                                the fault LOST_COMMANDER
    none for 50 ms              RAMP, fault GUARDIAN_LOST

A latched fault sends RAMP for `ramp_s`, then VENT, whatever is permitted; only the guardian's way back to BOOT, after a reset,
releases it, and then the banks get RESET. Where the banks do not follow, their own deadline acts.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from kinesis_control.drivers.base import MuscleDriver
from kinesis_control.drivers.bus.authority import Authority
from kinesis_control.drivers.bus.check import CommandRules
from kinesis_control.drivers.bus.intake import CommandIntake
from kinesis_control.drivers.bus.shaping import Shaper
from kinesis_control.drivers.bus.shared import SharedBlock
from kinesis_control.drivers.bus.watch import first_muscle, watch
from kinesis_control.drivers.bus.writer import StateWriter
from kinesis_control.drivers.codecs.guardian import NO_MUSCLE, GuardianState, LeaseRequest, Permit
from kinesis_control.drivers.codecs.protection import PUBLIC_KEY
from kinesis_control.drivers.errors import DriverError
from kinesis_control.drivers.frames import Control, Identity, LinkFault, Mode
from kinesis_control.drivers.muscle_model import ExcitationToPressure
from kinesis_control.errors import ConfigurationError
from kinesis_control.safety.faults import Fault, Severity
from kinesis_control.safety.robot_limits import RobotLimits

_HEARTBEAT_NS = 5_000_000
_RESET_CYCLES = 5
_NEVER_NS = -(1 << 62)


class Phase(IntEnum):
    """What the bus process is doing."""

    NO_LEASE = 0
    IDLE = 1
    """Has a lease; the banks are vented or on the way there."""
    ARMING = 2
    HOLDING = 3
    FOLLOWING = 4
    STOPPED = 5
    """A fault is latched."""


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """Times of the loop.

    Attributes:
        rate_hz: cycles a second, 10 to 2000 [Hz].
        command_period_s: how far apart commands normally are, above 0 to 0.1 [s].
        hold_after_s: how long a command may be overdue, 0.005 to 0.1 [s].
        vent_after_s: time without a command that latches LOST_COMMANDER, above command_period_s + hold_after_s to 1 [s].
        blend_s: how long the first commands after arming are blended in from the present pressures, 0 to 5 [s].
        ramp_s: how long RAMP is sent before VENT, 0.05 to 5 [s].
        bank_timeout_s: age of a bank's state that latches BANK_SILENT, 0.002 to 0.5 [s].
    """

    rate_hz: float = 500.0
    command_period_s: float = 0.025
    hold_after_s: float = 0.02
    vent_after_s: float = 0.3
    blend_s: float = 0.5
    ramp_s: float = 0.5
    bank_timeout_s: float = 0.02

    def __post_init__(self) -> None:
        ranges = {
            "rate_hz": (10.0, 2000.0), "command_period_s": (1e-4, 0.1), "hold_after_s": (0.005, 0.1), "blend_s": (0.0, 5.0), "ramp_s": (0.05, 5.0),
            "bank_timeout_s": (0.002, 0.5), "vent_after_s": (self.command_period_s + self.hold_after_s, 1.0),
        }  # fmt: skip
        for name, (low, high) in ranges.items():
            if not low <= getattr(self, name) <= high:
                raise ConfigurationError(f"{name}: got {getattr(self, name)!r}, expected {low:g} to {high:g}")


class BusLoop:
    """Commands in, states out, one exchange with the robot a cycle.

    Attributes:
        phase: what it is doing.
        fault: the latched one, or None; `fault_muscle` which muscle, 65535 for none.
        counts: how often each fault was seen.
        shaper: turns commands into pressures. intake: takes them in.
    """

    def __init__(
        self, *, driver: MuscleDriver, identity: Identity, authority: Authority, limits: RobotLimits, rules: CommandRules, config: LoopConfig,
        commands: SharedBlock, states: SharedBlock, converter: ExcitationToPressure | None = None, tendon_length: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        """Args:
        converter: for commands that are excitations; None where pressures are commanded.
        tendon_length: what is added to an artificial muscle's length for that of the musculotendon; shape (n,) [m]; None without sensors.

        Raises:
            ConfigurationError: excitations are to be taken and there is no muscle model.
        """
        if rules.mode is Mode.EXCITATION and converter is None:
            raise ConfigurationError("commands are excitations, and the robot has no muscle model to turn them into pressures")
        self._driver, self._identity, self._authority, self._rules, self.config = driver, identity, authority, rules, config
        self._command, self.state = driver.frames()
        self.shaper = Shaper(driver.capabilities, self.state, limits, converter, tendon_length, 1.0 / config.rate_hz)
        self.phase = Phase.NO_LEASE
        self.fault: Fault | None = None
        self.fault_muscle = NO_MUSCLE
        self.counts: dict[Fault, int] = dict.fromkeys(Fault, 0)
        self.intake, self._writer = CommandIntake(commands, rules, self.counts), StateWriter(states, self.counts)
        self._epoch = self._seq = self._beats = 0
        self._taken_ns = self._active_since_ns = self._fault_ns = self._beat_ns = self._reset_until_ns = _NEVER_NS
        self._period_ns = round(1e9 / config.rate_hz)
        self._permit, self._active, self._measures_length = Permit.VENT, False, False

    @property
    def writer(self) -> StateWriter:
        """Counters of the loop, for whoever runs it."""
        return self._writer

    @property
    def epoch(self) -> int:
        """Of the lease in force; 0 without one."""
        return self._epoch

    @property
    def layout(self) -> int:
        """Layout hash of the robot as a number."""
        return self._rules.layout

    @property
    def round_trip_ns(self) -> int:
        """Of the last exchange [ns]."""
        return self._driver.status.round_trip_ns

    @property
    def permit(self) -> Permit:
        """What the guardian permits, as it is obeyed."""
        return self._permit

    @property
    def guardian_state(self) -> int:
        """State that the guardian last told of; 0, which is BOOT, before it was heard."""
        status = self._authority.status
        return 0 if status is None else status.state

    def muscle_of(self, bank: int) -> int:
        """First muscle of a bank."""
        return first_muscle(self._driver.capabilities, bank)

    @property
    def control(self) -> Control:
        """What was sent last."""
        return self._command.control

    def cycle(self, now_ns: int) -> None:
        """One cycle that began at `now_ns` (CLOCK_MONOTONIC) and ends a period later at most."""
        alive = self._authority.poll(now_ns)
        self._follow_authority(alive, now_ns)
        self._take_command(now_ns)
        self._choose(now_ns)
        status = self._driver.exchange(self._command, self.state, now_ns + self._period_ns)
        if status.fault is LinkFault.INTERNAL:
            self._latch(Fault.DRIVER_ERROR, NO_MUSCLE, now_ns)
        if self._permit >= Permit.ARM and self.phase is not Phase.STOPPED:
            found = watch(self.state, self._driver.capabilities, self.config, now_ns, armed=self._permit is not Permit.ARM)
            if found is not None:
                self._latch(found[0], found[1], now_ns)
        self._beat(now_ns)
        self._seq += 1
        self._writer.write(self, status, now_ns)

    # -- what is permitted --------------------------------------------------------------------------------------------

    def _follow_authority(self, alive: bool, now_ns: int) -> None:
        status, lease = self._authority.status, self._authority.lease
        if lease is not None and lease.epoch != self._epoch:
            self._epoch = lease.epoch
            self._driver.lease(lease.epoch, lease.key)
            self.intake.answered = self._seq
            self.phase = Phase.STOPPED if self.fault else Phase.IDLE
        if self._epoch and (not alive or lease is None or status is None or status.epoch != self._epoch):
            if self._permit >= Permit.HOLD:
                self._latch(Fault.GUARDIAN_LOST, NO_MUSCLE, now_ns)
            self._permit = Permit.RAMP
            if lease is None and now_ns - self._fault_ns > 1e9 * self.config.ramp_s:
                self._give_up()
        elif status is not None:
            self._permit = Permit(status.permit)
            if status.state in (GuardianState.BOOT, GuardianState.SELFTEST) and self.fault is not None:
                self._release(now_ns)
        if not self._epoch and alive:
            self._permit = Permit.VENT
            floor = self._identity.epoch_floor
            self._authority.request(LeaseRequest(serial=self._identity.serial, layout_hash=self._identity.layout_hash, epoch_floor=floor), now_ns)

    def _give_up(self) -> None:
        """The lease is gone and the banks are on their own by now: learn again who they are, for the next one."""
        self._epoch, self.phase = 0, Phase.STOPPED if self.fault else Phase.NO_LEASE
        self._driver.lease(0, PUBLIC_KEY)
        try:
            self._identity = self._driver.identify()
        except DriverError as error:
            self._driver.last_error = str(error)

    def _latch(self, fault: Fault, muscle: int, now_ns: int) -> None:
        """The first fault names the cause; all are counted."""
        self.counts[fault] += 1
        if self.fault is None and fault.severity >= Severity.STOP:
            self.fault, self.fault_muscle, self._fault_ns, self.phase = fault, muscle, now_ns, Phase.STOPPED
            self._beat_ns = _NEVER_NS  # the guardian hears of it in this cycle

    def _release(self, now_ns: int) -> None:
        """After a reset at the guardian; nothing is armed by it."""
        self.fault, self.fault_muscle = None, NO_MUSCLE
        self._reset_until_ns = now_ns + _RESET_CYCLES * self._period_ns
        self.phase = Phase.IDLE if self._epoch else Phase.NO_LEASE

    # -- what was commanded -------------------------------------------------------------------------------------------

    def _take_command(self, now_ns: int) -> None:
        """Keep the newest command if it is right; a commander that sends nothing but unusable ones is stopped."""
        intake, armed = self.intake, self.phase in (Phase.FOLLOWING, Phase.HOLDING)
        if intake.take(epoch=self._epoch, state_seq=self._seq, armed=armed, now_ns=now_ns):
            self._taken_ns = now_ns
            self.shaper.take(intake.record, self._rules.high)
        elif intake.broken:
            self._latch(Fault.REPEATED_REFUSAL, intake.muscle, now_ns)
            intake.forgive()

    def _choose(self, now_ns: int) -> None:
        """Set control and values of this cycle's command."""
        command = self._command
        if self.fault is not None:
            ramping = now_ns - self._fault_ns < 1e9 * self.config.ramp_s
            command.control = Control.RAMP if ramping else Control.VENT
            self.shaper.rest()
        elif now_ns < self._reset_until_ns:
            command.control = Control.RESET
            self.shaper.rest()
        elif not self._epoch or self._permit in (Permit.VENT, Permit.RAMP):
            command.control = Control.RAMP if self._permit is Permit.RAMP else Control.VENT
            self.phase = Phase.IDLE if self._epoch else Phase.NO_LEASE
            self.shaper.rest()
        elif self._permit is Permit.ARM:
            status = self._authority.status
            assert status is not None
            command.control, command.arm_count, command.arm_token = Control.ARM, status.arm_count, status.arm_token
            self.phase, self._active, self._taken_ns = Phase.ARMING, False, _NEVER_NS
            self.shaper.rest()
        elif self._permit is Permit.HOLD:
            command.control, self.phase = Control.HOLD, Phase.HOLDING
            self.shaper.rest()
        else:
            self._choose_following(now_ns)

    def _choose_following(self, now_ns: int) -> None:
        """FOLLOW while commands come; before the first one, and when one is overdue, the valves stay closed."""
        since_s = 1e-9 * (now_ns - self._taken_ns)
        if since_s <= self.config.command_period_s + self.config.hold_after_s:
            if self.phase is not Phase.FOLLOWING:
                self.shaper.rest()
            if not self._active:
                self._active, self._active_since_ns = True, now_ns
            self.phase, self._command.control = Phase.FOLLOWING, Control.FOLLOW
            if not self.shaper.shape(self._blend(now_ns)):
                self._latch(Fault.SENSOR_LOST, NO_MUSCLE, now_ns)
            self._command.values[:] = self.shaper.sent_pa
            return
        self.phase, self._command.control = Phase.HOLDING, Control.HOLD
        if self._active and since_s > self.config.vent_after_s:
            self._latch(Fault.LOST_COMMANDER, NO_MUSCLE, now_ns)

    def _blend(self, now_ns: int) -> float:
        """Share of the command in the first moments after arming."""
        return 1.0 if self.config.blend_s == 0.0 else min(1.0, 1e-9 * (now_ns - self._active_since_ns) / self.config.blend_s)

    # -- what is said -------------------------------------------------------------------------------------------------

    def _beat(self, now_ns: int) -> None:
        if now_ns - self._beat_ns < _HEARTBEAT_NS - self._period_ns // 2:
            return
        self._beat_ns = now_ns
        self._beats = (self._beats + 1) & 0xFFFFFFFF
        self._authority.beat(self._writer.heartbeat(self, self._beats, now_ns))

    def close(self) -> None:
        """Vent, give the lease back."""
        self._driver.safe_state("vent")
        self._authority.close()
