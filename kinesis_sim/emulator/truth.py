"""What really happened to the android: kept in memory of its process while it runs, written when it ends.

No driver can read it: nothing of it is on a link or in a file before the end, and the driver's own claims do not enter it.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.drivers.codecs.valve_bank import CHANNELS, TICK_S
from kinesis_sim.emulator.android import Android

EVERY_TICKS = 4
"""Ticks between two rows of the log: 2 ms."""
_BLOCK = 4096


@dataclass(frozen=True, kw_only=True)
class Truth:
    """A log as arrays with one row each 2 ms, and the events between them.

    Attributes:
        time: [s]. pressure: highest of each muscle since the row before, shape (rows, n) [Pa]. setpoint: of the firmware, shape (rows, n) [Pa].
        supply: [Pa]. contactor, dump_open, estop: shape (rows,). state, epoch: of each bank; shape (rows, n_banks).
        joint: shape (rows, n_joints) [rad]. tension: shape (rows, n) [N]. height: of the root [m].
        events: dictionaries with "time" [s] and "event".
        facts: body, muscles, joint range, limits, seed.
    """

    time: NDArray[np.float64]
    pressure: NDArray[np.float32]
    setpoint: NDArray[np.float32]
    tension: NDArray[np.float32]
    supply: NDArray[np.float32]
    contactor: NDArray[np.bool_]
    dump_open: NDArray[np.bool_]
    estop: NDArray[np.bool_]
    state: NDArray[np.uint8]
    epoch: NDArray[np.uint32]
    joint: NDArray[np.float32]
    height: NDArray[np.float32]
    events: list[dict[str, Any]]
    facts: dict[str, Any]

    @classmethod
    def load(cls, path: Path) -> "Truth":
        """Read a log."""
        with np.load(path) as data:
            arrays = {name: data[name] for name in data.files if name not in ("events", "facts")}
            return cls(**arrays, events=json.loads(str(data["events"])), facts=json.loads(str(data["facts"])))


class TruthLog:
    """Records an android.

    Attributes:
        events: what was put in or happened, with its time.
    """

    def __init__(self, android: Android) -> None:
        self._android = android
        n, banks, joints = android.n_muscles, android.n_banks, len(android.body.description.joint_names)
        self._dtype = np.dtype(
            [
                ("time", "<f8"), ("pressure", "<f4", (n,)), ("setpoint", "<f4", (n,)), ("tension", "<f4", (n,)), ("supply", "<f4"), ("contactor", "?"),
                ("dump_open", "?"), ("estop", "?"), ("state", "u1", (banks,)), ("epoch", "<u4", (banks,)), ("joint", "<f4", (joints,)), ("height", "<f4"),
            ]
        )  # fmt: skip
        self._blocks: list[NDArray] = [np.zeros(_BLOCK, self._dtype)]
        self._row = 0
        self._highest = np.zeros(n)
        self.events: list[dict[str, Any]] = []

    def event(self, name: str, **values: Any) -> None:
        """Note something that happened now."""
        self.events.append({"time": self._android.time_s, "event": name, **values})

    def tick(self) -> None:
        """To be called after every tick of the android."""
        android = self._android
        np.maximum(self._highest, android.plant.pressure, out=self._highest)
        if android.ticks % EVERY_TICKS:
            return
        if self._row == _BLOCK:
            self._blocks.append(np.zeros(_BLOCK, self._dtype))
            self._row = 0
        row = self._blocks[-1][self._row]
        banks, stop, skeleton = android.banks, android.stop, android.skeleton.state
        row["time"], row["pressure"], row["tension"], row["supply"] = android.time_s, self._highest, android.plant.tension, android.plant.supply
        row["setpoint"] = banks.setpoint.reshape(-1)[: android.n_muscles]
        row["contactor"], row["dump_open"], row["estop"] = android.contactor, android.dump_open, not (stop.channel_a and stop.channel_b)
        row["state"], row["epoch"] = banks.state, [peer.epoch for peer in banks.peers]
        row["joint"], row["height"] = skeleton.joint_position, skeleton.root_position[2]
        self._row += 1
        self._highest[:] = 0.0

    def truth(self) -> Truth:
        """Everything so far."""
        rows = np.concatenate([*self._blocks[:-1], self._blocks[-1][: self._row]])
        config = self._android.config
        facts = {
            "body": self._android.body.entry.name, "n_muscles": self._android.n_muscles, "channels": CHANNELS, "tick_s": TICK_S, "seed": config.seed,
            "muscles": list(self._android.body.description.muscles.names), "joints": list(self._android.body.description.joint_names),
            "joint_range": self._android.body.joint_range.tolist(), "max_pressure_pa": config.firmware.max_pressure_pa,
            "slew_pa_s": config.firmware.slew_pa_s, "posture": config.posture,
        }  # fmt: skip
        return Truth(**{name: np.ascontiguousarray(rows[name]) for name in self._dtype.names or ()}, events=self.events, facts=facts)

    def save(self, path: Path) -> None:
        """Write the log; readable for this user only."""
        truth = self.truth()
        arrays = {name: getattr(truth, name) for name in self._dtype.names or ()}
        path.touch(mode=0o600)
        with path.open("wb") as file:
            np.savez_compressed(file, **arrays, events=json.dumps(truth.events), facts=json.dumps(truth.facts))
