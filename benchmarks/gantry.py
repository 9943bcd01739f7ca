"""How well a policy moves a body that hangs from the gantry, and what holds it back: the robot's chain without its processes.

    python -m benchmarks.gantry [--policy FILE] [--seconds 12] [--cap 0.3] [--flow L_S] [--no-guard] [--quiet-sensors] [--delay CYCLES] [--speed M_S]

Android (firmware, plant, sensors, bones), limits and conversion of the bus process at 500 Hz, estimate of the driver node and policy at
40 Hz, one after the other: no clock, no link. Printed: root mean square of joint angle minus reference over the last two thirds of the time.
"""

import argparse
from pathlib import Path

import numpy as np

from kinesis_control.motion.command import MotionCommand
from kinesis_control.policy import Policy
from kinesis_sim.bodies import load_body
from kinesis_sim.emulator.chain import Chain, ChainConfig, track

POLICY = Path(__file__).resolve().parents[1] / "models" / "legs80-suspended.onnx"


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name, value in (("--seconds", 12.0), ("--cap", 0.3), ("--speed", 0.6)):
        parser.add_argument(name, type=float, default=value)
    parser.add_argument("--policy", type=Path, default=POLICY, help="policy file (default: the shipped one for hanging robots)")
    parser.add_argument("--flow", type=float, help="what the limits let all muscles draw [l/s] (default: as in the limits of an emulated android)")
    parser.add_argument("--delay", type=int, default=4, help="cycles of 2 ms from a state to its command")
    parser.add_argument("--seed", type=int, default=0, help="of plant and sensors")
    parser.add_argument("--no-guard", action="store_true", help="without the joint guard")
    parser.add_argument("--quiet-sensors", action="store_true", help="sensors without noise and drift")
    args = parser.parse_args()
    config = ChainConfig(cap=args.cap, flow_l_s=args.flow, guard=not args.no_guard, quiet=args.quiet_sensors, delay=args.delay, seed=args.seed)
    body = load_body("legs80")
    got = track(Chain(body, config), Policy.load(args.policy, body.description), seconds=args.seconds, command=MotionCommand(speed=np.array(args.speed)))
    print(
        f"joint RMS {got.rms_deg():.1f} deg  held back by flow {got.starved:.1f}, by guard {got.guarded:.1f} muscles  "
        f"fluid {got.flow_l_s:.3f} l/s  lowest supply {got.supply_pa / 1e5:.2f} bar  stopped banks {got.bank_faults}"
    )
    names = body.description.joint_names
    print("  ".join(f"{name} {value:.1f}" for name, value in zip(names, got.by_joint_deg(), strict=True)))


if __name__ == "__main__":
    main()
