"""The node side of a robot without its deadlines: what is tested with made-up peers is the wiring, on machines that may be busy.

`python -m without_deadlines` is the driver node like this; tests in one process call `lift(monkeypatch.setattr)`.
"""

import sys
from collections.abc import Callable
from typing import Any

from kinesis_control.drivers import robot_control
from kinesis_control.drivers.codecs.guardian import StopCategory
from kinesis_control.drivers.guardian.operator import Operator
from kinesis_control.safety.arming import Arming, ArmingConfig

LONG_S = 1e4


def lift(put: Callable[[Any, str, Any], None]) -> None:
    """Guardian, bus process and commander may be silent, and answers late, for as long as it takes."""
    accepted, times = Arming.command_accepted, ArmingConfig.__init__.__kwdefaults__
    put(robot_control, "GUARDIAN_SILENT_S", LONG_S)
    put(robot_control, "BUS_SILENT_S", LONG_S)
    put(Operator.ask, "__defaults__", (StopCategory.RAMP, 60.0))
    put(Arming, "command_accepted", lambda arming, now_s, valid_for_s: accepted(arming, now_s, LONG_S))
    put(ArmingConfig.__init__, "__kwdefaults__", {**times, "arm_timeout_s": LONG_S})


if __name__ == "__main__":
    from kinesis_control.nodes.driver_node import main

    lift(setattr)
    sys.exit(main())
