"""The bus process: reads its settings, opens the robot, keeps the time, and leaves the robot safe however it ends.

    python -m kinesis_control.drivers.bus.process SETTINGS.json

Settings are `BusSettings` as JSON. The node meets it in shared memory (`BusClient`); nothing of ROS is imported here.
"""

import fcntl
import json
import logging
import os
import signal
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from kinesis_control.drivers.base import MuscleDriver
from kinesis_control.drivers.bus.authority import Authority, GuardianLink
from kinesis_control.drivers.bus.check import CommandRules
from kinesis_control.drivers.bus.loop import BusLoop, LoopConfig
from kinesis_control.drivers.bus.realtime import become_real_time
from kinesis_control.drivers.bus.records import command_record, state_record
from kinesis_control.drivers.bus.shared import SharedBlock
from kinesis_control.drivers.frames import Capabilities, Mode
from kinesis_control.drivers.muscle_model import ExcitationToPressure, HillTable, McKibbenBundle
from kinesis_control.drivers.registry import load_driver
from kinesis_control.errors import ConfigurationError, KinesisError, UnavailableError, UnknownNameError
from kinesis_control.safety.robot_limits import RobotLimits
from kinesis_control.safety.robot_limits_file import read_limits

_LOG = logging.getLogger("kinesis.bus")


@dataclass(frozen=True, kw_only=True)
class BusSettings:
    """Everything that the bus process is told.

    Attributes:
        robot: name for files, sockets and shared memory; letters, digits, '-' and '_'.
        driver: name of the driver; `driver_settings` its configuration.
        guardian: path of the guardian's socket.
        limits: path of the limits file; empty for the limits of a new robot of `full_pressure_pa`.
        muscle_table: path of the table of the policy's muscles; empty where pressures are commanded.
        mode: "excitation" or "pressure".
        full_pressure_pa: pressure of full strength where there is no limits file [Pa].
        loop: entries of LoopConfig.
        priority: of SCHED_FIFO, 0 to 99; 0 asks for none.
        core: processor to run on; -1 leaves the choice to the system.
    """

    robot: str
    driver: str
    driver_settings: dict[str, Any] = field(default_factory=dict)
    guardian: str
    limits: str = ""
    muscle_table: str = ""
    mode: str = "excitation"
    full_pressure_pa: float = 700e3
    loop: dict[str, float] = field(default_factory=dict)
    priority: int = 60
    core: int = -1

    def __post_init__(self) -> None:
        if not self.robot or not all(c.isalnum() or c in "-_" for c in self.robot):
            raise ConfigurationError(f"robot: got '{self.robot}', expected letters, digits, '-' and '_'")
        if self.mode not in ("excitation", "pressure"):
            raise UnknownNameError("command mode", self.mode, ("excitation", "pressure"))
        if not 0 <= self.priority <= 99 or self.full_pressure_pa <= 0.0:
            raise ConfigurationError(f"got priority {self.priority} and full_pressure_pa {self.full_pressure_pa}, expected 0 to 99 and above 0")

    @classmethod
    def read(cls, path: Path) -> "BusSettings":
        """Settings from a file.

        Raises:
            ConfigurationError: unreadable or incomplete.
            UnknownNameError: an entry that there is not.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"settings '{path}' cannot be read: {error}") from error
        known = [f.name for f in fields(cls)]
        for name in values:
            if name not in known:
                raise UnknownNameError("setting of the bus process", name, known)
        try:
            return cls(**values)
        except TypeError as error:
            raise ConfigurationError(f"settings '{path}': {error}") from error

    def write(self, path: Path) -> None:
        """Write them; readable for this user only."""
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    def make_driver(self) -> MuscleDriver:
        """The driver, not yet open."""
        values = {key: tuple(v) if isinstance(v, list) else v for key, v in self.driver_settings.items()}
        return load_driver(self.driver).from_mapping(values)


def block_names(robot: str) -> tuple[str, str]:
    """Names of the shared memory for commands and states."""
    return f"kinesis-{os.getuid()}-{robot}-command", f"kinesis-{os.getuid()}-{robot}-state"


class BusClient:
    """The node's end: writes commands, reads states.

    Attributes:
        command, state: records to fill in and to read; see `records`.
    """

    def __init__(self, robot: str, capabilities: Capabilities) -> None:
        """Attach.

        Raises:
            UnavailableError: the bus process does not run.
            LayoutError: it runs for another robot.
        """
        names, layout = block_names(robot), capabilities.muscles.hash
        self._commands = SharedBlock.attach(names[0], command_record(len(capabilities.muscles)), layout)
        self._states = SharedBlock.attach(names[1], state_record(capabilities), layout)
        self.command, self.state = self._commands.record, self._states.record
        self.command["layout"], self.command["count"] = int(layout, 16), len(capabilities.muscles)
        self.command["length"] = np.nan
        # A client that comes back goes on where the last one stopped: the bus process takes no number twice.
        self._commands.fetch()
        self._seq = int(self.command["seq"])

    def fetch(self) -> bool:
        """Copy the newest state into `state`; True when it is a new one."""
        return self._states.fetch()

    def send(self, values: np.ndarray, mode: Mode, *, answers: int, stamp_ns: int, epoch: int) -> None:
        """Hand over a command that answers the state `answers`, sampled at `stamp_ns`, of the lease `epoch`."""
        self._seq += 1
        record = self.command
        record["seq"], record["answers"], record["stamp_ns"], record["epoch"], record["mode"] = self._seq, answers, stamp_ns, epoch, mode
        record["values"] = values
        self._commands.publish()

    def close(self) -> None:
        """Let go."""
        self.command = self.state = np.zeros(())
        self._commands.close()
        self._states.close()


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
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    words = sys.argv[1:] if arguments is None else arguments
    if len(words) != 1:
        _LOG.error("got %d arguments, expected the path of a settings file", len(words))
        return 2
    process: BusProcess | None = None
    try:
        process = BusProcess(BusSettings.read(Path(words[0])))
        owner = process

        def stop(number: int, frame: object) -> None:
            owner.stopping = True

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        process.open()
        process.run()
    except KinesisError as error:
        _LOG.error(error)
        return error.exit_code
    finally:
        if process is not None:
            process.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
