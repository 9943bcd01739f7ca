"""How well the shipped policy moves a body that hangs from the gantry, and what holds it back: the robot's chain without its processes.

    python -m benchmarks.gantry [--seconds 6] [--cap 0.3] [--flow L_S] [--no-guard] [--quiet-sensors] [--delay CYCLES] [--speed M_S]

Android (firmware, plant, sensors, bones), limits and conversion of the bus process at 500 Hz, estimate of the driver node and policy at
40 Hz, one after the other: no clock, no link. Printed: root mean square of joint angle minus reference over the last two thirds of the time.
"""

import argparse
import tempfile
from dataclasses import replace
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
from kinesis_sim.bodies import Body, load_body
from kinesis_sim.emulator.android import FULL_PRESSURE_PA, Android, AndroidConfig
from kinesis_sim.emulator.kit import driver_settings, limits_document
from kinesis_sim.muscle_table import hill_table

POLICY = Path(__file__).resolve().parents[1] / "models" / "legs80-stand-walk.onnx"
CYCLE_S, TICKS, FILL_TICKS, WALK_AT_S, BLEND_S = 0.002, 4, 3000, 1.0, 0.5


class Chain:
    """One android and everything between it and its policy."""

    def __init__(self, args: argparse.Namespace) -> None:
        body, config = load_body("legs80"), AndroidConfig()
        if args.quiet_sensors:
            sensors = replace(config.sensors, pressure_sigma_pa=(0.0, 0.0), pressure_drift_pa=0.0, length_sigma_m=0.0, joint_sigma_rad=0.0, tension_sigma_n=0.0)
            config = replace(config, sensors=sensors)
        self.body, self.android = body, Android(body, config, robot_key=bytes(32))
        settings = driver_settings(body, config, "udp", {"host": "127.0.0.1", "port": 1})
        robot = load_driver("udp").from_mapping({k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()}).capabilities
        table = hill_table(body.model)
        bundle = McKibbenBundle.for_table(table, full_pressure_pa=FULL_PRESSURE_PA)
        self.frame = StateFrame.for_robot(robot)
        limits = limits_of(body, config, robot, args)
        self.shaper = Shaper(robot, self.frame, limits, ExcitationToPressure(table, bundle), bundle.tendon_length, CYCLE_S)
        self.estimate = BodyEstimate(body.description, robot, table, full_pressure_pa=FULL_PRESSURE_PA)
        self.record, self.command = np.zeros((), state_record(robot)), np.zeros((), command_record(len(robot.muscles)))
        self.command["length"] = np.nan
        self.pressure = np.zeros(self.android.n_banks * CHANNELS)

    def arm(self) -> None:
        """Fill the supply, arm the banks."""
        self.android.contactor, self.android.dump_open = True, False
        self.android.advance(FILL_TICKS)
        for bank in range(self.android.n_banks):
            self.android.banks.obey(bank, Control.ARM, np.zeros(CHANNELS), armed=True)
        for _ in range(2):  # a velocity needs two lengths
            self.android.advance(TICKS)
            self.sense()
            self.look()
        self.shaper.rest()

    def sense(self) -> None:
        """What the link would bring."""
        android, frame, state = self.android, self.frame, self.android.skeleton.state
        frame.pressure_pa[:], frame.length_m[:] = android.measured_pa, android.artificial_length()
        frame.tension_n[:] = np.maximum(android.tension_sensor.sample(android.plant.tension), 0.0)
        frame.joint_position[:], frame.joint_velocity[:] = android.joint_sensor.sample(state.joint_position), state.joint_velocity
        for name in ("root_position", "root_quaternion", "root_linear_velocity", "root_angular_velocity"):
            getattr(frame, name)[:] = getattr(state, name)
        frame.contact_force[: len(state.contact_force)] = state.contact_force
        frame.bank_temperature_c[:] = android.temperature_c

    def look(self) -> None:
        """Body state of now, in `estimate.state`."""
        for name in STATE_ARRAYS:
            self.record[name][...] = getattr(self.frame, name)
        self.record["stamp_ns"] = round(1e9 * self.android.time_s)
        self.estimate.update(self.record)

    def cycle(self, blend: float) -> None:
        """2 ms: limit, send, let time pass."""
        self.sense()
        self.shaper.shape(blend)
        self.pressure[: len(self.shaper.sent_pa)] = self.shaper.sent_pa
        for bank in range(self.android.n_banks):
            self.android.banks.obey(bank, Control.FOLLOW, self.pressure[CHANNELS * bank : CHANNELS * (bank + 1)])
        self.android.advance(TICKS)


def limits_of(body: Body, config: AndroidConfig, robot: Capabilities, args: argparse.Namespace) -> RobotLimits:
    """Limits file of the emulated android, with what was asked for changed."""
    document = limits_document(body, config, cap=args.cap, has_joints=not args.no_guard)
    document["flow_l_s"] = args.flow if args.flow is not None else document["flow_l_s"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "limits.json"
        write_limits(path, document)
        return read_limits(path, body.description.muscles, () if args.no_guard else robot.joint_names, serial=config.serial)


def run(args: argparse.Namespace) -> dict[str, float]:
    """The figures of one run."""
    chain = Chain(args)
    chain.arm()
    policy = Policy.load(POLICY, chain.body.description)
    dt, state, generator = (
        policy.contract.control_dt_s,
        chain.estimate.state,
        GaitGenerator(chain.body.description, np.array(policy.contract.reference_offsets_s)),
    )
    state.muscle_velocity[:] = 0.0
    generator.reset(state)
    cycles, sent, errors, starved, guarded, supply = round(dt / CYCLE_S), np.zeros(len(chain.body.description.muscles)), [], [], [], []
    reference = None
    for tick in range(round(args.seconds / dt)):
        chain.look()
        state.seq, state.stamp_ns, now = tick, round(1e9 * tick * dt), tick * dt
        window = generator.update(state, MotionCommand(speed=np.array(args.speed if now > WALK_AT_S else 0.0)), dt if tick else 0.0)
        if reference is not None:
            errors.append(chain.android.skeleton.state.joint_position - reference)
        reference = window.joint_position[0].copy()
        slew = policy.contract.action.slew_per_s * dt
        wanted = np.clip(policy.act(state, window), sent - slew, sent + slew)
        for k in range(cycles):
            if k == args.delay:
                chain.command["values"] = sent = wanted
                chain.shaper.take(chain.command, 1.0)
            chain.cycle(min(1.0, (now + k * CYCLE_S) / BLEND_S))
            starved.append(chain.shaper.limited.starved)
            guarded.append(chain.shaper.limited.joint)
        supply.append(chain.android.plant.supply)
    late = np.rad2deg(np.array(errors))[len(errors) // 3 :]
    return {
        "rms_deg": float(np.sqrt((late**2).mean())), "starved": float(np.mean(starved)), "guarded": float(np.mean(guarded)),
        "lowest_supply_bar": min(supply) / 1e5, "bank_faults": float(np.count_nonzero(chain.android.banks.faults)),
    }  # fmt: skip


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name, value in (("--seconds", 6.0), ("--cap", 0.3), ("--speed", 0.8)):
        parser.add_argument(name, type=float, default=value)
    parser.add_argument("--flow", type=float, help="what the limits let all muscles draw [l/s] (default: as in the limits of an emulated android)")
    parser.add_argument("--delay", type=int, default=4, help="cycles of 2 ms from a state to its command")
    parser.add_argument("--no-guard", action="store_true", help="without the joint guard")
    parser.add_argument("--quiet-sensors", action="store_true", help="sensors without noise and drift")
    print("  ".join(f"{name} {value:.1f}" for name, value in run(parser.parse_args()).items()))


if __name__ == "__main__":
    main()
