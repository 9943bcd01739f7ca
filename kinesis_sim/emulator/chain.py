"""A hanging android and everything between it and its policy, one after the other in one process: no clock, no link.

Android (firmware, plant, sensors, bones), limits and conversion of the bus process at 500 Hz, estimate of the driver node. For
measurements of what a policy can do with artificial muscles; safety has no part in it.
"""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kinesis_control.drivers.body_estimate import BodyEstimate
from kinesis_control.drivers.bus.records import STATE_ARRAYS, command_record, state_record
from kinesis_control.drivers.bus.shaping import Shaper
from kinesis_control.drivers.codecs.valve_bank import CHANNELS, Control
from kinesis_control.drivers.frames import Capabilities, StateFrame
from kinesis_control.drivers.muscle_model import ExcitationToPressure, McKibbenBundle
from kinesis_control.drivers.registry import load_driver
from kinesis_control.motion.command import MotionCommand
from kinesis_control.motion.generator import GaitGenerator
from kinesis_control.policy import Policy
from kinesis_control.safety.robot_limits import RobotLimits
from kinesis_control.safety.robot_limits_file import read_limits, write_limits
from kinesis_sim.bodies import Body
from kinesis_sim.emulator.android import FULL_PRESSURE_PA, Android, AndroidConfig
from kinesis_sim.emulator.kit import driver_settings, limits_document
from kinesis_sim.muscle_table import hill_table

CYCLE_S = 0.002
_TICKS, _FILL_TICKS = 4, 4000
BLEND_S, WALK_AT_S = 0.5, 1.0
"""How long commands are blended in from the vented pressures, and when walking begins [s]."""


@dataclass(frozen=True, kw_only=True)
class ChainConfig:
    """One run.

    Attributes:
        cap: share of full pressure. flow_l_s: what the limits let all muscles draw; None for what the emulated robot's file says [l/s].
        guard: whether joints are guarded from their stops. quiet: sensors without noise and drift.
        delay: cycles of 2 ms from a state to its command. seed: of plant and sensors.
    """

    cap: float = 0.3
    flow_l_s: float | None = None
    guard: bool = True
    quiet: bool = False
    delay: int = 4
    seed: int = 0


class Chain:
    """One android and everything between it and its policy."""

    def __init__(self, body: Body, config: ChainConfig) -> None:
        self.body, self.config, android = body, config, AndroidConfig(seed=config.seed)
        if config.quiet:
            sensors = replace(
                android.sensors, pressure_sigma_pa=(0.0, 0.0), pressure_drift_pa=0.0, length_sigma_m=0.0, joint_sigma_rad=0.0, tension_sigma_n=0.0
            )
            android = replace(android, sensors=sensors)
        self.android = Android(body, android, robot_key=bytes(32))
        settings = driver_settings(body, android, "udp", {"host": "127.0.0.1", "port": 1})
        robot = load_driver("udp").from_mapping({k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()}).capabilities
        table = hill_table(body.model)
        bundle = McKibbenBundle.for_table(table, full_pressure_pa=FULL_PRESSURE_PA)
        self.frame = StateFrame.for_robot(robot)
        self.limits = limits_of(body, android, robot, config)
        self.shaper = Shaper(robot, self.frame, self.limits, ExcitationToPressure(table, bundle), bundle.tendon_length, CYCLE_S)
        self.estimate = BodyEstimate(body.description, robot, table, full_pressure_pa=FULL_PRESSURE_PA)
        self._record, self._command = np.zeros((), state_record(robot)), np.zeros((), command_record(len(robot.muscles)))
        self._command["length"] = np.nan
        self._pressure = np.zeros(self.android.n_banks * CHANNELS)

    def arm(self) -> None:
        """Fill the supply, arm the banks."""
        self.android.contactor, self.android.dump_open = True, False
        self.android.advance(_FILL_TICKS)
        for bank in range(self.android.n_banks):
            self.android.banks.obey(bank, Control.ARM, np.zeros(CHANNELS), armed=True)
        for _ in range(2):  # a velocity needs two lengths
            self.android.advance(_TICKS)
            self._sense()
            self.look()
        self.shaper.rest()
        self.estimate.state.muscle_velocity[:] = 0.0

    def command(self, excitation: np.ndarray) -> None:
        """A new command arrives."""
        self._command["values"] = excitation
        self.shaper.take(self._command, 1.0)

    def cycle(self, blend: float) -> None:
        """2 ms: limit, send, let time pass."""
        self._sense()
        self.shaper.shape(blend)
        self._pressure[: len(self.shaper.sent_pa)] = self.shaper.sent_pa
        for bank in range(self.android.n_banks):
            self.android.banks.obey(bank, Control.FOLLOW, self._pressure[CHANNELS * bank : CHANNELS * (bank + 1)])
        self.android.advance(_TICKS)

    def look(self) -> None:
        """Body state of now, in `estimate.state`."""
        for name in STATE_ARRAYS:
            self._record[name][...] = getattr(self.frame, name)
        self._record["stamp_ns"] = round(1e9 * self.android.time_s)
        self.estimate.update(self._record)

    def _sense(self) -> None:
        """What the link would bring."""
        android, frame, state = self.android, self.frame, self.android.skeleton.state
        frame.pressure_pa[:], frame.length_m[:] = android.measured_pa, android.artificial_length()
        frame.tension_n[:] = np.maximum(android.tension_sensor.sample(android.plant.tension), 0.0)
        frame.joint_position[:], frame.joint_velocity[:] = android.joint_sensor.sample(state.joint_position), state.joint_velocity
        for name in ("root_position", "root_quaternion", "root_linear_velocity", "root_angular_velocity"):
            getattr(frame, name)[:] = getattr(state, name)
        frame.contact_force[: len(state.contact_force)] = state.contact_force
        frame.bank_temperature_c[:] = android.temperature_c


def limits_of(body: Body, android: AndroidConfig, robot: Capabilities, config: ChainConfig) -> RobotLimits:
    """Limits file of the emulated android, with what was asked for changed."""
    document = limits_document(body, android, cap=config.cap, has_joints=config.guard)
    document["flow_l_s"] = document["flow_l_s"] if config.flow_l_s is None else config.flow_l_s
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "limits.json"
        write_limits(path, document)
        return read_limits(path, body.description.muscles, robot.joint_names if config.guard else (), serial=android.serial)


@dataclass(kw_only=True)
class Tracked:
    """What came of a run.

    Attributes:
        error: joint angle minus reference, each tick; shape (n_ticks, n_joints) [rad].
        starved, guarded: muscles that flow limit and joint guard held back in a cycle, mean.
        flow_l_s: fluid drawn, mean [l/s]. supply_pa: lowest pressure of the supply after the first second [Pa].
        bank_faults: banks that have stopped.
    """

    error: np.ndarray
    starved: float
    guarded: float
    flow_l_s: float
    supply_pa: float
    bank_faults: int

    def rms_deg(self, after: float = 1.0 / 3.0) -> float:
        """Root mean square over all joints, without the first share `after` of the time [deg]."""
        return float(np.rad2deg(np.sqrt((self._late(after) ** 2).mean())))

    def by_joint_deg(self, after: float = 1.0 / 3.0) -> np.ndarray:
        """The same for each joint; shape (n_joints,) [deg]."""
        return np.asarray(np.rad2deg(np.sqrt((self._late(after) ** 2).mean(axis=0))))

    def _late(self, after: float) -> np.ndarray:
        return np.asarray(self.error[round(after * len(self.error)) :])


def track(chain: Chain, policy: Policy, *, seconds: float, command: MotionCommand) -> Tracked:
    """Arm, stand, then follow a command with a policy for a time."""
    chain.arm()
    dt, state = policy.contract.control_dt_s, chain.estimate.state
    generator = GaitGenerator(chain.body.description, np.array(policy.contract.reference_offsets_s))
    generator.reset(state)
    stand = MotionCommand(speed=np.zeros(()), lateral=np.zeros(()), yaw_rate=np.zeros(()))
    sent, errors, starved, guarded, supply, drawn = np.zeros(len(chain.body.description.muscles)), [], [], [], [], 0.0
    slew, fill, before = policy.contract.action.slew_per_s * dt, chain.limits.fill_l_per_pa, np.zeros(len(sent))
    for tick in range(round(seconds / dt)):
        chain.look()
        state.seq, state.stamp_ns, now = tick, round(1e9 * tick * dt), tick * dt
        window = generator.update(state, command if now > WALK_AT_S else stand, dt if tick else 0.0)
        errors.append(chain.android.skeleton.state.joint_position - generator.joint_position)
        wanted = np.clip(policy.act(state, window), sent - slew, sent + slew)
        for k in range(round(dt / CYCLE_S)):
            if k == chain.config.delay:
                sent = wanted
                chain.command(sent)
            before[:] = chain.shaper.sent_pa
            chain.cycle(min(1.0, (now + k * CYCLE_S) / BLEND_S))
            drawn += float(fill @ np.maximum(chain.shaper.sent_pa - before, 0.0))
            starved.append(chain.shaper.limited.starved)
            guarded.append(chain.shaper.limited.joint)
        if now > WALK_AT_S:
            supply.append(chain.android.plant.supply)
    return Tracked(
        error=np.array(errors), starved=float(np.mean(starved)), guarded=float(np.mean(guarded)), flow_l_s=drawn / seconds, supply_pa=min(supply),
        bank_faults=int(np.count_nonzero(chain.android.banks.faults)),
    )  # fmt: skip
