"""The processes of a robot that are not of ROS: emulated android or bare safety board, guardian, bus process."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from kinesis_cli.launcher.packages import python_path
from kinesis_control.drivers.bus.client import block_names
from kinesis_control.drivers.bus.settings import BusSettings
from kinesis_control.drivers.guardian.settings import GuardianSettings
from kinesis_control.errors import ConfigurationError, UnavailableError

START_S = 60.0
_END_S = 5.0
BUSES = {"golem": "golem", "ethercat": "ethercat", "udp": "udp", "can_fd": "can"}
"""Driver -> bus of the emulator."""


@dataclass(frozen=True, kw_only=True)
class RobotFiles:
    """Where everything about a robot is.

    Attributes:
        bus, guardian: settings of the two processes. body: facts of the body, for the driver node.
    """

    bus: Path
    guardian: Path
    body: Path

    @classmethod
    def beside(cls, bus: Path, folder: Path) -> "RobotFiles":
        """Of settings given by a person: guardian.json lies beside them, the facts of the body are written to `folder`.

        Raises:
            ConfigurationError: there is no such file.
        """
        guardian = bus.with_name("guardian.json")
        for path in (bus, guardian):
            if not path.is_file():
                raise ConfigurationError(f"settings: no file '{path}'; expected the bus process's settings, with the guardian's in guardian.json beside them")
        return cls(bus=bus, guardian=guardian, body=folder / "body.json")


class RobotParts:
    """Context manager: starts them in order, ends them in the opposite one, each by its own id.

    Attributes:
        folder: for sockets, settings and logs; removed at the end.
        processes: name -> process.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="kinesis-robot-"))
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._undo: list[Callable[[], None]] = []

    def __enter__(self) -> "RobotParts":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for name in reversed(list(self.processes)):
            process = self.processes[name]
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(timeout=_END_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        for undo in reversed(self._undo):
            undo()
        shutil.rmtree(self.folder, ignore_errors=True)

    def at_end(self, undo: Callable[[], None]) -> None:
        """Called when every process has ended."""
        self._undo.append(undo)

    def start(self, name: str, words: list[str], ready: Callable[[], bool]) -> None:
        """Start a process of this package and wait until it can be used.

        Raises:
            UnavailableError: it ended, or was not ready in time; the message holds its last lines.
        """
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        if path := python_path(os.environ.get("PYTHONPATH")):
            environment["PYTHONPATH"] = path
        with (self.folder / f"{name}.log").open("wb") as log:
            # A session of its own: Ctrl-C ends the graph first, and these in order after it.
            self.processes[name] = subprocess.Popen([sys.executable, *words], stdout=log, stderr=log, env=environment, start_new_session=True)
        until = time.monotonic() + START_S
        while not ready():
            if self.processes[name].poll() is not None or time.monotonic() > until:
                raise UnavailableError(f"the {name} did not start: {self.tail(name)}")
            time.sleep(0.02)

    def start_guardian(self, files: RobotFiles) -> None:
        """The guardian, unless one listens already."""
        socket = Path(GuardianSettings.read(files.guardian).socket)
        if not socket.exists():
            self.start("guardian", ["-m", "kinesis_control.drivers.guardian.process", str(files.guardian)], socket.exists)

    def start_bus(self, files: RobotFiles) -> None:
        """The bus process."""
        folder = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(tempfile.gettempdir())
        state = folder / block_names(BusSettings.read(files.bus).robot)[1]
        state.unlink(missing_ok=True)
        self.start("bus process", ["-m", "kinesis_control.drivers.bus.process", str(files.bus)], state.exists)

    def ended(self) -> str:
        """Name of a process that has ended by itself; empty while all run."""
        return next((name for name, process in self.processes.items() if process.poll() is not None), "")

    def tail(self, name: str, lines: int = 12) -> str:
        """Last lines of a process."""
        path = self.folder / f"{name}.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""


def start_emulator(parts: RobotParts, driver: str, body: str, *, seed: int, cap: float, mode: str = "excitation") -> RobotFiles:
    """An emulated android on the driver's bus; it writes every file but the facts of the body.

    Raises:
        UnavailableError: it did not start.
        ConfigurationError: there is no emulator for this driver.
    """
    if driver not in BUSES:
        raise ConfigurationError(f"driver '{driver}' has no emulated robot; those that have: {', '.join(BUSES)}; the dummy needs none")
    words = ["-m", "kinesis_cli", "emulator", "--body", body, "--bus", BUSES[driver], "--robot", robot_name(driver), "--folder", str(parts.folder)]
    words += ["--seed", str(seed), "--cap", str(cap), "--mode", mode, "--priority", "50"]
    if driver == "udp":
        words += ["--port", "0"]
    elif driver == "ethercat":
        near, far = make_cable(parts)
        words += ["--interface", far, "--peer", near]
    files = RobotFiles(bus=parts.folder / "bus.json", guardian=parts.folder / "guardian.json", body=parts.folder / "body.json")
    parts.start("emulator", words, lambda: (parts.folder / "board").exists() and files.bus.exists())
    return files


def make_cable(parts: RobotParts) -> tuple[str, str]:
    """A pair of virtual interfaces that stands for an EtherCAT cable; taken away at the end.

    Raises:
        UnavailableError: this process may not make one.
    """
    near, far = f"kin{os.getpid() % 100000}a", f"kin{os.getpid() % 100000}b"
    for words in (["add", near, "type", "veth", "peer", "name", far], ["set", near, "up"], ["set", far, "up"]):
        try:
            subprocess.run(["ip", "link", *words], check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            detail = getattr(error, "stderr", "") or str(error)
            raise UnavailableError(f"a pair of virtual interfaces cannot be made ({detail.strip()}): run it as root, or in: unshare -Urn") from error
        if words[0] == "add":
            parts.at_end(lambda: subprocess.run(["ip", "link", "del", near], check=False, capture_output=True) and None)
    return near, far


def start_dummy(parts: RobotParts, body: Any) -> RobotFiles:
    """Settings of the dummy driver for a body, and a bare safety board for its guardian."""
    import secrets

    import mujoco

    from kinesis_control.drivers.codecs.protection import KEY_BYTES
    from kinesis_control.drivers.muscle_model import McKibbenBundle
    from kinesis_sim.muscle_table import hill_table

    folder = parts.folder
    files = RobotFiles(bus=folder / "bus.json", guardian=folder / "guardian.json", body=folder / "body.json")
    key = folder / "robot.key"
    key.touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(KEY_BYTES))
    table, data = hill_table(body.model), mujoco.MjData(body.model)
    table.save(folder / "muscles.npz")
    data.qpos[:] = body.standing_qpos
    mujoco.mj_forward(body.model, data)
    lengths = data.actuator_length - McKibbenBundle.for_table(table).tendon_length
    description, robot = body.description, robot_name("dummy")
    GuardianSettings(
        robot=robot, socket=str(folder / "guardian"), io=str(folder / "board"), key_file=str(key), state_folder=str(folder),
        serial=1, layout_hash=description.muscles.hash,
    ).write(files.guardian)  # fmt: skip
    BusSettings(
        robot=robot, driver="dummy", guardian=str(folder / "guardian"), muscle_table=str(folder / "muscles.npz"), loop={"rate_hz": 200.0},
        driver_settings={"muscles": list(description.muscles.names), "joints": list(description.joint_names), "length_m": lengths.tolist()},
    ).write(files.bus)  # fmt: skip
    parts.start("safety board", ["-m", "kinesis_sim.emulator.bare_board", str(folder / "board")], (folder / "board").exists)
    return files


def robot_name(driver: str) -> str:
    """Name for files and shared memory that no other run on this machine has."""
    return f"{driver.replace('_', '-')}-{os.getpid()}"
