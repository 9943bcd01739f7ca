"""Datagrams of the PAMY2 arm (UDP port 4700): 92 bytes to it, 460 bytes from it; four joints, two muscles each, pressures in bar.

The arm has no sequence check, no deadline and no authentication; `connection` = 0 tells it to close. Written from the layout
of the structures that its public interface uses.
"""

import numpy as np

PORT = 4700
RATE_HZ = 500.0
JOINTS, MUSCLES = 4, 8
MIN_BAR, MAX_BAR = 0.2, 4.0
PRESSURE_CONTROL = 1
"""The `control` that is always used: pressures, not positions."""

_JOINT_COMMAND = np.dtype([("angle", "<f4"), ("valve_agonist", "<f4"), ("agonist", "<f4"), ("valve_antagonist", "<f4"), ("antagonist", "<f4")])
TO_ARM = np.dtype(
    [("counter", "<u2"), ("connection", "<u2"), ("control", "<u2"), ("reserve", "<u2"), ("timestamp", "<u4"), ("joints", _JOINT_COMMAND, (JOINTS,))]
)
"""92 bytes."""

_SET_POINT = np.dtype([("angle", "<f4"), ("valve_agonist", "<f4"), ("agonist", "<f4"), ("valve_antagonist", "<f4"), ("antagonist", "<f4")])
_JOINT = np.dtype(
    [
        ("errors", "<u4"), ("encoder", "<i4"), ("angle", "<f4"), ("speed", "<f4"),
        ("agonist", "<f4"), ("valve_agonist", "<f4"), ("antagonist", "<f4"), ("valve_antagonist", "<f4"),
    ]
)  # fmt: skip
FROM_ARM = np.dtype(
    [
        ("index_control", "<u4"), ("index_set_points", "<u4"), ("index_telegram", "<u4"), ("open", "<u4"), ("sent_us", "<u4"), ("received_us", "<u4"),
        ("sensors_us", "<u4"), ("actuators_us", "<u4"), ("set_points_us", "<u4"), ("operation", "<u2"), ("control", "<u2"), ("pressure_mode", "<u2"),
        ("quick_stop", "<u2"), ("set_points", _SET_POINT, (JOINTS,)), ("joints", _JOINT, (JOINTS,)), ("gains", "<f4", (48,)),
        ("supply_bar", "<f4"), ("ring_bar", "<f4"), ("system_errors", "<u4"), ("hardware_errors", "<u4"),
    ]
)  # fmt: skip
"""460 bytes."""
