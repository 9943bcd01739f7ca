"""A safety board without a robot behind it, for the dummy driver: a supply that rises and falls, a stop button that nobody presses.

python -m kinesis_sim.emulator.bare_board SOCKET
"""

import math
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from kinesis_control.drivers.bus.realtime import become_real_time
from kinesis_control.errors import KinesisError
from kinesis_sim.emulator.android import Stop
from kinesis_sim.emulator.safety_board import SafetyBoard

SUPPLY_PA = 850e3
_TAU_S = 0.1
_STEP_S = 0.001
_PRIORITY = 50


class BareRobot:
    """What a safety board looks at, of a robot that has nothing but a supply."""

    def __init__(self) -> None:
        self.stop = Stop()
        self.contactor, self.dump_open, self.contactor_works = False, True, True
        self.supply_sensor = SimpleNamespace(reading=np.zeros(1))
        self.clock = time.monotonic_ns

    def advance(self, seconds: float) -> None:
        """The supply follows pump and dump valve with a time constant of 0.1 s."""
        goal = 0.0 if self.dump_open else SUPPLY_PA if self.contactor else float(self.supply_sensor.reading[0])
        self.supply_sensor.reading += (1.0 - math.exp(-seconds / _TAU_S)) * (goal - self.supply_sensor.reading)


def main(arguments: list[str] | None = None) -> int:
    """Entry point of the process; SIGTERM and SIGINT end it."""
    words = sys.argv[1:] if arguments is None else arguments
    if len(words) != 1:
        sys.stderr.write(f"got {len(words)} arguments, expected the path of a socket\n")
        return 2
    ended: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda n, frame: ended.append(n))
    robot = BareRobot()
    try:
        board = SafetyBoard(cast(Any, robot), Path(words[0]))
    except KinesisError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    _, statement = become_real_time(priority=_PRIORITY, core=None)
    if statement:
        sys.stderr.write(f"{statement}\n")
    before = time.monotonic()
    while not ended:
        time.sleep(_STEP_S)
        now = time.monotonic()
        robot.advance(now - before)
        before = now
        board.poll()
    board.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
