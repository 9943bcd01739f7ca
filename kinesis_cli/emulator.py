"""`kinesis emulator`: an android in a process of its own that speaks what real hardware speaks."""

import argparse
import signal
from pathlib import Path
from typing import Any

from kinesis_cli.options import fraction, positive, whole

GUARDS = ("clamp", "slew", "trip", "deadline", "end_to_end", "arm")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `emulator`."""
    parser = subparsers.add_parser(
        "emulator",
        help="an emulated android on a real bus",
        description="An emulated android behind a real wire protocol: valve banks, artificial muscles, bones, sensors, and a safety board for its guardian.",
        epilog="It writes key, limits and settings to its folder; a guardian and a bus process start from those: see docs/robot/emulator.md.",
    )
    parser.add_argument("--body", default="legs80", help="which body (default: legs80)")
    parser.add_argument("--bus", choices=("golem", "ethercat", "udp", "can"), default="udp", help="what it speaks (default: udp)")
    parser.add_argument("--robot", default="emulated", metavar="NAME", help="name for sockets and files (default: emulated)")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="for sockets, key and settings (default: in the runtime folder of this user)")
    parser.add_argument("--posture", choices=("gantry", "feet"), default="gantry", help="hung from a gantry, or on its feet (default: gantry)")
    parser.add_argument("--clock", choices=("wall", "lockstep"), default="wall", help="lockstep: time passes only when the test port asks (default: wall)")
    parser.add_argument("--interface", metavar="IF", help="ethercat: the emulator's end of the cable")
    parser.add_argument("--peer", metavar="IF", help="ethercat: the driver's end, for the settings that are written")
    parser.add_argument("--port", type=whole, metavar="N", help="udp: port on the loopback interface; 0 takes a free one")
    parser.add_argument("--cap", type=fraction, default=0.3, metavar="F", help="share of full pressure in the limits that are written (default: 0.3)")
    parser.add_argument("--mode", choices=("excitation", "pressure"), default="excitation", help="what commands are, in the settings that are written")
    parser.add_argument("--serial", type=whole, default=1, metavar="N", help="serial number of the robot (default: 1)")
    parser.add_argument("--seed", type=whole, default=0, metavar="N", help="of every random number (default: 0)")
    parser.add_argument("--duration", type=positive, metavar="S", help="end after this much time of the android [s] (default: until Ctrl-C)")
    parser.add_argument("--priority", type=whole, default=0, metavar="N", help="real-time priority, 1 to 99, where permitted (default: 0, none)")
    parser.add_argument("--faults", action="store_true", help="open the test port, through which faults are put in")
    parser.add_argument("--without", action="append", default=[], choices=GUARDS, help="with --faults: switch a protection of the banks off, to test tests")
    parser.add_argument("--truth", type=Path, metavar="FILE", help="write what really happened to this .npz file at the end")


def run(args: argparse.Namespace) -> int:
    """Emulate until Ctrl-C, SIGTERM or the end of the time.

    Raises:
        UnknownNameError: no such body.
        ConfigurationError: options that do not go together.
        UnavailableError: an address, interface, package or file that cannot be used.
    """
    from kinesis_control.drivers.bus.realtime import become_real_time
    from kinesis_sim.emulator.run import Emulator

    emulator = Emulator(settings_of(args))

    def stop(number: int, frame: object) -> None:
        emulator.stopping = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        emulator.android.banks.guards.update(args.without)
        emulator.open()
        print(f"android {args.robot} ({args.body}, {args.posture}) speaks {args.bus} at {emulator.front.address}; files in {emulator.kit.folder}", flush=True)
        if args.priority:
            _, statement = become_real_time(priority=min(args.priority, 99), core=None)
            print(statement or f"real-time priority {args.priority}", flush=True)
        emulator.run(args.duration)
    finally:
        emulator.close()
    behind = f", {emulator.behind_s:.2f} s of it given up because this machine was too slow" if emulator.behind_s else ""
    print(f"{emulator.android.time_s:.1f} s emulated{behind}")
    return 0


def settings_of(args: argparse.Namespace) -> Any:
    """Settings of the emulator from the options."""
    from kinesis_control.errors import ConfigurationError
    from kinesis_sim.emulator.android import AndroidConfig
    from kinesis_sim.emulator.run import EmulatorSettings, default_folder

    if args.bus == "ethercat" and not args.interface:
        raise ConfigurationError("ethercat needs --interface: the emulator's end of a cable or of a pair of virtual interfaces")
    if args.cap <= 0.0:
        raise ConfigurationError(f"--cap: got {args.cap}, expected above 0 to 1")
    if args.without and not args.faults:
        raise ConfigurationError("--without needs --faults: a protection is switched off for tests only")
    address: dict[str, Any] = {}
    if args.interface:
        address = {"interface": args.interface, "peer": args.peer or args.interface}
    if args.port is not None:
        address["port"] = args.port
    return EmulatorSettings(
        robot=args.robot, body=args.body, bus=args.bus, clock=args.clock, folder=(args.folder or default_folder(args.robot)).absolute(), address=address,
        android=AndroidConfig(serial=args.serial, seed=args.seed, posture=args.posture), faults=args.faults or args.clock == "lockstep",
        truth=args.truth, cap=args.cap, mode=args.mode, loop={},
    )  # fmt: skip
