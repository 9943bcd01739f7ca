"""A commander in a process of its own, for cases in which it is killed or stopped.

python -m kinesis_sim.emulator.campaign.commander BUS.json PRESSURE_PA SECONDS
"""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from kinesis_control.drivers.bus.client import BusClient
from kinesis_control.drivers.bus.settings import BusSettings
from kinesis_control.drivers.frames import Mode
from kinesis_control.errors import UnavailableError
from kinesis_sim.emulator.campaign.case import WORK_PA, Scene
from kinesis_sim.emulator.rig import ROOT

RATE_HZ = 50.0
_START_S = 30.0


def begin(scene: Scene, seconds: float = 30.0) -> "subprocess.Popen[bytes]":
    """Start one for the robot of a scene."""
    words = [sys.executable, "-m", "kinesis_sim.emulator.campaign.commander", str(scene.rig.kit.bus), str(WORK_PA), str(seconds)]
    return subprocess.Popen(words, cwd=ROOT)


def hand_over(scene: Scene) -> "subprocess.Popen[bytes]":
    """Start one, and command until it does.

    Raises:
        UnavailableError: it does not begin.
    """
    client = scene.rig.client
    assert client is not None
    process = begin(scene)
    before, until = client._commands.number, time.monotonic() + _START_S
    while not (client._commands.fetch() and client._commands.number > before + 5):
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            process.wait()
            raise UnavailableError("the other commander did not begin")
        if client._commands.number <= before:
            scene.rig.send(scene.pressure)
            before = client._commands.number
        time.sleep(0.02)
    return process


def main() -> None:
    """Command one pressure for all muscles until the time is over."""
    settings = BusSettings.read(Path(sys.argv[1]))
    capabilities = settings.make_driver().capabilities
    client = BusClient(settings.robot, capabilities)
    values, until = np.full(len(capabilities.muscles), float(sys.argv[2])), time.monotonic() + float(sys.argv[3])
    while time.monotonic() < until:
        client.fetch()
        state = client.state
        client.send(values, Mode.PRESSURE, answers=int(state["seq"]), stamp_ns=int(state["cycle_ns"]), epoch=int(state["epoch"]))
        time.sleep(1.0 / RATE_HZ)
    client.close()


if __name__ == "__main__":
    main()
