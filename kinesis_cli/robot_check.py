"""`kinesis robot --check`: no policy and no graph; every muscle of a robot moved once, alone, at a low pressure."""

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kinesis_cli.robot_parts import RobotFiles, RobotParts, start_emulator
from kinesis_control.drivers.bus.client import BusClient
from kinesis_control.drivers.bus.settings import BusSettings
from kinesis_control.drivers.checkout import Checkout, MuscleFinding, Verdict
from kinesis_control.drivers.codecs.guardian import GuardianState, Refusal, Request
from kinesis_control.drivers.guardian.operator import Operator
from kinesis_control.drivers.guardian.settings import GuardianSettings
from kinesis_control.errors import ConfigurationError, UnavailableError

_ARM_S, _DOWN_S = 60.0, 10.0
FAULT_EXIT = 8


def run_check(args: argparse.Namespace) -> int:
    """Start, arm, check, disarm; 0 when every muscle is good and the robot was disarmed without a fault.

    Raises:
        UnavailableError: something does not start, or cannot be armed.
        ConfigurationError: no robot to check.
    """
    with RobotParts() as parts:
        files = _files(args, parts)
        parts.start_guardian(files)
        parts.start_bus(files)
        settings = BusSettings.read(files.bus)
        driver = settings.make_driver()
        operator = Operator(Path(GuardianSettings.read(files.guardian).socket), name="check")
        client = BusClient(settings.robot, driver.capabilities)
        try:
            arm(operator)
            print("armed; one muscle after the other", flush=True)
            checkout = Checkout(client, driver.capabilities.muscles.names, on_muscle=_tell)
            error = ""
            try:
                checkout.run()
            except UnavailableError as caught:
                error = str(caught)
            vented = disarm(operator)
        finally:
            client.close()
            operator.close()
    return _account(args, driver.capabilities.muscles.names, checkout.findings, error, vented=vented)


def _files(args: argparse.Namespace, parts: RobotParts) -> RobotFiles:
    """Of an emulated robot, or those that a person gave; commands are pressures in both."""
    if args.emulate:
        return start_emulator(parts, args.driver, args.body, seed=args.seed, cap=args.cap, mode="pressure")
    if args.settings is None:
        raise ConfigurationError("--check needs a robot: --emulate for an emulated one, --settings FILE for a real one")
    if not args.arm:
        raise ConfigurationError("--check with --settings arms a real robot: say so with --arm, and see that it hangs free")
    files = RobotFiles.beside(args.settings, parts.folder)
    plain = parts.folder / "bus.json"
    replace(BusSettings.read(files.bus), mode="pressure", muscle_table="").write(plain)
    return replace(files, bus=plain)


def arm(operator: Operator) -> None:
    """Through the guardian's steps to ARMED.

    Raises:
        UnavailableError: it is refused, or ends in a fault.
    """
    until = time.monotonic() + _ARM_S
    while True:
        status = operator.wait_for(GuardianState.ESTOP_CHAIN, GuardianState.FAULT, timeout_s=_ARM_S)
        refusal, text = operator.ask(Request.ARM)
        if refusal is Refusal.NONE:
            break
        if status.state == GuardianState.FAULT or time.monotonic() > until:
            raise UnavailableError(f"the robot cannot be armed: {text}")
    status = operator.wait_for(GuardianState.ARMED, GuardianState.ACTIVE, GuardianState.FAULT, timeout_s=_ARM_S)
    if status.state == GuardianState.FAULT:
        raise UnavailableError(f"arming failed: {status.text}")


def disarm(operator: Operator) -> bool:
    """Whether it came down vented and without a fault."""
    try:
        operator.ask(Request.DISARM)
        status = operator.wait_for(GuardianState.BOOT, GuardianState.SELFTEST, GuardianState.ESTOP_CHAIN, GuardianState.FAULT, timeout_s=_DOWN_S)
    except UnavailableError:
        return False
    return status.state != GuardianState.FAULT


def _tell(finding: MuscleFinding) -> None:
    if finding.verdict is not Verdict.GOOD:
        print(f"  {finding.line()}", flush=True)


def _account(args: argparse.Namespace, names: Sequence[str], findings: Sequence[MuscleFinding], error: str, *, vented: bool) -> int:
    good = sum(finding.verdict is Verdict.GOOD for finding in findings)
    whole = good == len(names) and vented and not error
    print("; ".join([f"{good} of {len(names)} muscles good", "disarmed, vented" if vented else "not disarmed in order", *([error] if error else [])]))
    if args.json is not None:
        rows = [
            {"muscle": f.name, "verdict": f.verdict.name, "reached_pa": f.reached_pa if f.reached_pa == f.reached_pa else None, "other": f.other}
            for f in findings
        ]
        document = {"good": whole, "driver": args.driver, "error": error, "disarmed": vented, "muscles": rows}
        args.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0 if whole else FAULT_EXIT


def number(value: float) -> float | None:
    """JSON has no NaN."""
    return value if math.isfinite(value) else None
