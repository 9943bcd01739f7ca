"""An emulated android, its guardian and its bus process, each in a process of its own, for tests and campaigns."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import TracebackType

import numpy as np

from kinesis_control.drivers.bus.client import BusClient
from kinesis_control.drivers.bus.settings import BusSettings
from kinesis_control.drivers.codecs.guardian import GuardianState, Refusal, Request, StopCategory
from kinesis_control.drivers.frames import Mode
from kinesis_control.drivers.guardian.operator import Operator
from kinesis_control.errors import UnavailableError
from kinesis_sim.emulator.kit import Kit
from kinesis_sim.emulator.port import TestPortClient
from kinesis_sim.emulator.truth import Truth

ROOT = Path(__file__).resolve().parents[2]
_START_S, _END_S = 60.0, 5.0


class Rig:
    """Starts what a robot needs, in order, and ends it again.

    Attributes:
        processes: name -> process; "emulator", "guardian", "bus".
        muscles, n_muscles: names in order, once the emulator has started.
        kit: files and sockets. port: the emulator's test port. client: the node's end of the bus process.
        spoilable: whether guardian and bus process are started so that `spoil` can break them from inside.
    """

    def __init__(self, folder: Path, *, body: str = "legs80", bus: str = "udp", mode: str = "pressure", seed: int = 0, options: tuple[str, ...] = ()) -> None:
        """Args:
        folder: for everything that is written; its name must be free of other robots.
        options: further words for `kinesis emulator`.
        """
        self.folder, self.robot = folder, f"{folder.name[-24:]}-{os.getpid()}".replace("_", "-").replace(".", "-")
        self.kit = Kit(folder=folder)
        self.processes: dict[str, subprocess.Popen] = {}
        self.truth_path = folder / "truth.npz"
        words = ["--body", body, "--bus", bus, "--robot", self.robot, "--folder", str(folder), "--mode", mode, "--seed", str(seed), "--faults"]
        self._emulator = ["-m", "kinesis_cli", "emulator", *words, "--truth", str(self.truth_path), *options]
        if bus == "udp" and "--port" not in options:
            self._emulator += ["--port", "0"]
        self.spoilable = False
        self.port: TestPortClient | None = None
        self.client: BusClient | None = None
        self._operator: Operator | None = None

    def time(self) -> AbstractContextManager[None]:
        """What the rig is to be used within; here the time is everybody's."""
        return nullcontext()

    def pid(self, name: str) -> int:
        """Id of the process in which something runs."""
        process = self.processes.get(name)
        return os.getpid() if process is None else process.pid

    # -- processes ------------------------------------------------------------------------------------------------------

    def start(self) -> "Rig":
        """All of it, until the guardian waits to be armed."""
        self.start_emulator()
        self.start_guardian()
        self.start_bus()
        return self

    def start_emulator(self) -> None:
        """The android; returns when it can be reached."""
        self._launch("emulator", self._emulator)
        self._until(self.kit.test_socket.exists, "emulator")
        self.port = TestPortClient(self.kit.test_socket)
        self.muscles = tuple(BusSettings.read(self.kit.bus).driver_settings["muscles"])
        self.n_muscles = len(self.muscles)

    def start_guardian(self) -> None:
        """The guardian."""
        self.kit.guardian_socket.unlink(missing_ok=True)
        self._launch("guardian", self._words("guardian", self.kit.guardian))
        self._until(self.kit.guardian_socket.exists, "guardian")

    def start_bus(self) -> None:
        """The bus process; returns when its shared memory is there."""
        self._launch("bus", self._words("bus", self.kit.bus))
        capabilities = BusSettings.read(self.kit.bus).make_driver().capabilities

        def attached() -> bool:
            try:
                self.client = BusClient(self.robot, capabilities)
            except UnavailableError:
                return False
            return True

        self._until(attached, "bus")

    def _words(self, which: str, settings: Path) -> list[str]:
        if self.spoilable:
            return ["-m", "kinesis_sim.emulator.campaign.spoiled", str(self._spoiled), which, str(settings)]
        return ["-m", f"kinesis_control.drivers.{which}.process", str(settings)]

    @property
    def _spoiled(self) -> Path:
        return self.folder / "spoiled"

    def spoil(self, *lines: str) -> None:
        """Break guardian and bus process from inside, from now on, in the words of `campaign/spoiled.py`; no words mend them."""
        fresh = self._spoiled.with_suffix(".new")
        fresh.write_text("\n".join(lines) + "\n", encoding="utf-8")
        fresh.replace(self._spoiled)

    def _launch(self, name: str, words: list[str]) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen([sys.executable, *words], stdout=log, stderr=log, env=environment)

    def _until(self, condition: Callable[[], bool], name: str) -> None:
        until = time.monotonic() + _START_S
        while not condition():
            if self.processes[name].poll() is not None or time.monotonic() > until:
                raise UnavailableError(f"the {name} did not start: {self.log(name)[-2000:]}")
            time.sleep(0.02)

    def log(self, name: str) -> str:
        """What a process has said."""
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to one of the processes, by its id."""
        self.processes[name].send_signal(number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            self.processes[name].wait(timeout=_END_S)

    # -- the guardian ---------------------------------------------------------------------------------------------------

    @property
    def operator(self) -> Operator:
        """A connection to the guardian; a new one when it was lost."""
        if self._operator is None:
            self._operator = Operator(self.kit.guardian_socket, name="rig")
        return self._operator

    def forget_operator(self) -> None:
        """After the guardian was ended."""
        if self._operator is not None:
            self._operator.close()
            self._operator = None

    def arm(self, timeout_s: float = 30.0) -> None:
        """Wait until it can be armed, arm, wait for ARMED.

        Raises:
            UnavailableError: it does not get there.
        """
        until = time.monotonic() + timeout_s
        while True:
            self.operator.wait_for(GuardianState.ESTOP_CHAIN, GuardianState.FAULT, timeout_s=timeout_s)
            refusal, text = self.operator.ask(Request.ARM)
            if refusal is Refusal.NONE:
                break
            if time.monotonic() > until:
                raise UnavailableError(f"arming was refused: {text}")
        status = self.operator.wait_for(GuardianState.ARMED, GuardianState.ACTIVE, GuardianState.FAULT, timeout_s=timeout_s)
        if status.state == GuardianState.FAULT:
            raise UnavailableError(f"arming failed: {status.text}")

    def ask(self, request: Request, category: StopCategory = StopCategory.RAMP) -> tuple[Refusal, str]:
        """Ask the guardian."""
        return self.operator.ask(request, category)

    # -- commands -------------------------------------------------------------------------------------------------------

    def send(self, values: np.ndarray, mode: Mode = Mode.PRESSURE) -> None:
        """One command that answers the newest state."""
        client = self.client
        assert client is not None
        client.fetch()
        state = client.state
        client.send(values, mode, answers=int(state["seq"]), stamp_ns=int(state["cycle_ns"]), epoch=int(state["epoch"]))

    def follow(self, seconds: float, pressure: np.ndarray | float, *, rate_hz: float = 50.0) -> None:
        """Command a pressure for a time."""
        values = np.full(self.n_muscles, pressure) if np.isscalar(pressure) else np.asarray(pressure)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.send(values)
            self.operator.poll()
            time.sleep(1.0 / rate_hz)

    # -- the end --------------------------------------------------------------------------------------------------------

    def stop(self, rest_s: float = 0.0) -> None:
        """End everything, bus process first; the android goes on for `rest_s` and writes the truth."""
        if self.client is not None:
            self.client.close()
            self.client = None
        self.forget_operator()
        if self.port is not None:
            self.port.close()
            self.port = None
        for name in ("bus", "guardian", "emulator"):
            process = self.processes.get(name)
            if name == "emulator":
                time.sleep(rest_s)
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
                try:
                    process.wait(timeout=_END_S * 4)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def truth(self) -> Truth:
        """What really happened; after `stop`."""
        return Truth.load(self.truth_path)

    def __enter__(self) -> "Rig":
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
