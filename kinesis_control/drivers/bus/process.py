"""The bus process: opens the robot, keeps the time, and leaves the robot safe however it ends.

    python -m kinesis_control.drivers.bus.process SETTINGS.json

Settings are `BusSettings` as JSON. The node meets it in shared memory (`BusClient`); nothing of ROS is imported here.
"""

import fcntl
import logging
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from kinesis_control.drivers.bus.authority import Authority, GuardianLink
from kinesis_control.drivers.bus.check import CommandRules
from kinesis_control.drivers.bus.client import block_names
from kinesis_control.drivers.bus.loop import BusLoop, LoopConfig
from kinesis_control.drivers.bus.realtime import become_real_time
from kinesis_control.drivers.bus.records import command_record, state_record
from kinesis_control.drivers.bus.settings import BusSettings
from kinesis_control.drivers.bus.shared import SharedBlock
from kinesis_control.drivers.frames import Mode
from kinesis_control.drivers.muscle_model import ExcitationToPressure, HillTable, McKibbenBundle
from kinesis_control.drivers.service import run_service
from kinesis_control.errors import UnavailableError
from kinesis_control.safety.robot_limits import RobotLimits
from kinesis_control.safety.robot_limits_file import read_limits

_LOG = logging.getLogger("kinesis.bus")


class BusProcess:
    """Owns driver, lock and shared memory from `open` to `close`."""

    def __init__(self, settings: BusSettings, authority: Authority | None = None) -> None:
        self.settings = settings
        self.stopping = False
        self._authority: Authority = authority if authority is not None else GuardianLink(Path(settings.guardian))
        self._config = LoopConfig(**settings.loop)
        self._driver = settings.make_driver()
        self._blocks: list[SharedBlock] = []
        self._lock: Any = None
        self.loop: BusLoop | None = None

    def open(self) -> None:
        """Take the robot.

        Raises:
            UnavailableError: another bus process has it.
            DriverError: it cannot be reached, or is another one.
        """
        path = Path(tempfile.gettempdir()) / f"kinesis-{os.getuid()}-{self.settings.robot}.lock"
        self._lock = path.open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UnavailableError(f"another bus process has robot '{self.settings.robot}' (lock '{path}')") from error
        self._driver.open()
        identity = self._driver.identify()
        robot, settings = self._driver.capabilities, self.settings
        layout, n = robot.muscles, len(robot.muscles)
        for name, dtype in zip(block_names(settings.robot), (command_record(n), state_record(robot)), strict=True):
            self._blocks.append(SharedBlock.create(name, dtype, layout.hash))
        limits = RobotLimits.uniform(n, full_pressure_pa=settings.full_pressure_pa)
        if settings.limits:
            limits = read_limits(Path(settings.limits), layout, robot.joint_names, serial=identity.serial)
        elif robot.joint_names:
            limits = _with_free_joints(limits, len(robot.joint_names))
        converter, tendon = None, None
        if settings.muscle_table:
            table = HillTable.load(Path(settings.muscle_table), layout)
            bundle = McKibbenBundle.for_table(table, full_pressure_pa=float(limits.full_pressure_pa.max()))
            converter, tendon = ExcitationToPressure(table, bundle), bundle.tendon_length if robot.has_length else None
        mode = Mode.EXCITATION if settings.mode == "excitation" else Mode.PRESSURE
        high = 1.0 if mode is Mode.EXCITATION else float(limits.full_pressure_pa.max())
        rules = CommandRules(n_muscles=n, layout=int(layout.hash, 16), mode=mode, high=high)
        self.loop = BusLoop(
            driver=self._driver, identity=identity, authority=self._authority, limits=limits, rules=rules, config=self._config,
            commands=self._blocks[0], states=self._blocks[1], converter=converter, tendon_length=tendon,
        )  # fmt: skip

    def run(self) -> None:
        """Cycle until `stopping`; a period that was missed is skipped and counted."""
        loop, period = self.loop, round(1e9 / self._config.rate_hz)
        assert loop is not None
        granted, statement = become_real_time(priority=self.settings.priority, core=None if self.settings.core < 0 else self.settings.core)
        loop.writer.realtime, loop.writer.statement = int(granted), statement
        if statement:
            _LOG.warning(statement)
        due = time.monotonic_ns() + period
        while not self.stopping:
            left = due - time.monotonic_ns()
            if left > 0:
                time.sleep(1e-9 * left)
            loop.cycle(time.monotonic_ns())
            due += period
            late = time.monotonic_ns() - due
            if late > 0:
                skipped = late // period + 1
                loop.writer.overruns += int(skipped)
                due += skipped * period

    def close(self) -> None:
        """Vent and give everything back; also after a failed `open`."""
        if self.loop is not None:
            self.loop.close()
        else:
            self._authority.close()
        self._driver.close()
        self.loop = None
        for block in self._blocks:
            block.close()
        self._blocks.clear()
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _with_free_joints(limits: RobotLimits, joints: int) -> RobotLimits:
    """The same limits, with joints that have no stops."""
    values = dict(vars(limits))
    values["drives"] = np.zeros((joints, len(limits.full_pressure_pa)))
    values["joint_low"], values["joint_high"] = np.full(joints, -np.inf), np.full(joints, np.inf)
    return RobotLimits(**values)


def main(arguments: list[str] | None = None) -> int:
    """Entry point of the process; SIGTERM and SIGINT end it in order."""
    return run_service(lambda path: BusProcess(BusSettings.read(path)), arguments)


if __name__ == "__main__":
    raise SystemExit(main())
