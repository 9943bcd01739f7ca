"""A commander in a process of its own, for cases in which it is killed or stopped.

python -m kinesis_sim.emulator.campaign.commander BUS.json PRESSURE_PA SECONDS
"""

import sys
import time
from pathlib import Path

import numpy as np

from kinesis_control.drivers.bus.process import BusClient, BusSettings
from kinesis_control.drivers.frames import Mode

RATE_HZ = 50.0


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
