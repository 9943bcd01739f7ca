"""A rig whose time only its user moves: guardian and bus process are cycled here, the android is in lock-step.

Every deadline, watchdog and lease runs by one virtual clock, so that what comes out does not depend on how busy the machine is.
The links are the real ones, with the android in another process. What needs more processes of its own cannot be had here.

    with rig.time():
        rig.start(); rig.arm()
        time.sleep(0.5)          # half a second of everybody's life
"""

import select
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kinesis_control.drivers.bus.client import BusClient
from kinesis_control.drivers.bus.process import BusProcess
from kinesis_control.drivers.bus.settings import BusSettings
from kinesis_control.drivers.codecs.guardian import Status
from kinesis_control.drivers.guardian.operator import Operator
from kinesis_control.drivers.guardian.process import GuardianProcess
from kinesis_control.drivers.guardian.settings import GuardianSettings
from kinesis_control.errors import KinesisError, UnavailableError
from kinesis_sim.emulator.campaign.spoiled import BEFORE_WRAP, lie
from kinesis_sim.emulator.port import TestPortClient
from kinesis_sim.emulator.rig import Rig

STEP_NS = 4_000_000
"""A cycle of guardian and bus process [ns]: 250 Hz, half of what a bus process does by itself, for the sake of speed."""
_STEP_TICKS = 8
_PATIENCE_NS = 100_000_000
"""How much longer than its cycle an exchange may take while time stands still: the other process must get the processor [ns]."""
_ANSWER_S, _ETHERCAT_ANSWER_S = 0.1, 0.02
_ANSWER_TIMEOUT_S = 120.0


class VirtualOperator(Operator):
    """Waits in virtual time."""

    def poll(self, wait_s: float = 0.0) -> Status | None:
        """As the base class: until something has come, or `wait_s` of everybody's life have passed."""
        until = time.monotonic() + wait_s
        while time.monotonic() < until and not select.select([self._link], [], [], 0.0)[0]:
            time.sleep(1e-9 * STEP_NS)
        return super().poll(0.0)


class VirtualRig(Rig):
    """The same rig on a virtual clock; to be used within `time()`."""

    def __init__(self, folder: Path, **options: Any) -> None:
        """As Rig."""
        super().__init__(folder, **options)
        self._emulator += ["--clock", "lockstep"]
        self._now_ns = time.monotonic_ns()
        self._guardian: GuardianProcess | None = None
        self._bus: BusProcess | None = None
        self._stopped: set[str] = set()
        self._dead: list[object] = []  # what a killed process had open is not closed in order
        self._cycling = False
        self._words: dict[str, float] = {}

    @contextmanager
    def time(self) -> Iterator[None]:
        """Within, `time.monotonic` and its kin tell the virtual time, and `time.sleep` lets it pass."""
        kept = (time.monotonic, time.monotonic_ns, time.sleep)
        self._real_sleep = time.sleep
        time.monotonic, time.monotonic_ns, time.sleep = lambda: 1e-9 * self._now_ns, lambda: self._now_ns, self._sleep
        try:
            yield
        finally:
            time.monotonic, time.monotonic_ns, time.sleep = kept

    def _sleep(self, seconds: float) -> None:
        """Whole cycles, at least one."""
        if self.port is None:  # the android is not there yet, or not any more: nobody's time but ours
            self._real_sleep(seconds)
            self._now_ns += round(1e9 * seconds)
            return
        for _ in range(max(1, round(1e9 * seconds / STEP_NS))):
            self._step()

    def _step(self) -> None:
        self._now_ns += STEP_NS
        if self._guardian is not None and "guardian" not in self._stopped:
            self._guardian.cycle(self._now_ns)
        if self._bus is not None and "bus" not in self._stopped and not self._cycling:
            self._cycle_bus(self._bus)
        assert self.port is not None
        self.port.ask(advance=_STEP_TICKS)

    def _cycle_bus(self, bus: BusProcess) -> None:
        assert bus.loop is not None
        self._cycling = True  # a cycle that waits lets time pass for the others only
        try:
            if "loop" in self._words:
                raise RuntimeError("put in by the fault campaign")
            bus.loop.cycle(self._now_ns)
        except (RuntimeError, KinesisError):  # the process ends as it does by itself: in order
            self._bus = None
            bus.close()
        finally:
            self._cycling = False

    # -- processes that are none ------------------------------------------------------------------------------------------

    def start_emulator(self) -> None:
        """The android; waits for its answers as long as a busy machine takes."""
        super().start_emulator()
        assert self.port is not None
        self.port.close()
        self.port = TestPortClient(self.kit.test_socket, timeout_s=_ANSWER_TIMEOUT_S)

    def start_guardian(self) -> None:
        """The guardian."""
        self.kit.guardian_socket.unlink(missing_ok=True)
        self._stopped.discard("guardian")
        self._guardian = GuardianProcess(GuardianSettings.read(self.kit.guardian))
        self._guardian.open()

    def start_bus(self) -> None:
        """The bus process; raises UnavailableError where the real one would end."""
        settings = BusSettings.read(self.kit.bus)
        known = {"answer_timeout_s": _ANSWER_S, "answer_timeout_us": round(1e6 * _ETHERCAT_ANSWER_S)}
        fields = settings.make_driver().config_type.__dataclass_fields__
        settings.driver_settings.update({name: value for name, value in known.items() if name in fields})
        settings.loop["rate_hz"] = 1e9 / STEP_NS
        bus = BusProcess(settings)
        driver = bus._driver
        self._make_patient(driver)
        try:
            bus.open()
        except KinesisError as error:
            bus.close()
            raise UnavailableError(f"the bus did not start: {error}") from error
        self._bus = bus
        if "wrap" in self._words:
            driver.image.counter = BEFORE_WRAP  # type: ignore[attr-defined]
        self.client = BusClient(self.robot, driver.capabilities)

    def _make_patient(self, driver: Any) -> None:
        exchange, inner = driver.exchange, driver._exchange

        def patient(command: Any, state: Any, deadline_ns: int) -> Any:
            return exchange(command, state, deadline_ns + _PATIENCE_NS)

        def spoiled(command: Any, state: Any, deadline_ns: int) -> None:
            if "driver" in self._words:
                raise RuntimeError("put in by the fault campaign")
            if "freeze" in self._words:
                driver.image.counter -= 1
            inner(lie(command, self._words.get), state, deadline_ns)

        driver.exchange, driver._exchange = patient, spoiled

    def spoil(self, *lines: str) -> None:
        """As Rig: driver, loop, lie, rogue, freeze and wrap; clock and disk need processes."""
        self._words = {word: float(rest or 0.0) for word, _, rest in (line.partition(" ") for line in lines)}

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """What the signal would do: SIGSTOP, SIGCONT; SIGKILL and SIGTERM end it, the latter in order."""
        if number is signal.SIGSTOP:
            self._stopped.add(name)
        elif number is signal.SIGCONT:
            self._stopped.discard(name)
        elif name == "guardian" and self._guardian is not None:
            guardian, self._guardian = self._guardian, None
            if number is signal.SIGTERM:
                guardian.close()
            else:
                self._forget_guardian(guardian)
        elif name == "bus" and self._bus is not None:
            bus, self._bus = self._bus, None
            if number is signal.SIGTERM:
                bus.close()
            else:
                self._dead.append(bus)
                bus._authority._drop()  # type: ignore[attr-defined]  # its socket goes with it, and nobody says good-bye

    def _forget_guardian(self, guardian: GuardianProcess) -> None:
        """Every socket is closed, and nothing is said."""
        guardian._board.close()
        for client in list(guardian.server._clients):
            client.link.close()
        assert guardian.server._listener is not None
        guardian.server._listener.close()
        self._dead.append(guardian)

    @property
    def operator(self) -> Operator:
        """A connection to the guardian; a new one when it was lost."""
        if self._operator is None:
            self._operator = VirtualOperator(self.kit.guardian_socket, name="rig")
        return self._operator

    def stop(self, rest_s: float = 0.0) -> None:
        """End everything, bus process first; the android goes on for `rest_s` and writes the truth."""
        self.forget_operator()
        if self.client is not None:
            self.client.close()
            self.client = None
        if self._bus is not None:
            self._bus.close()
            self._bus = None
        if self._guardian is not None:
            self._guardian.close()
            self._guardian = None
        if self.port is not None and rest_s > 0.0:
            with suppress(UnavailableError):
                self._sleep(rest_s)
        for dead in self._dead:
            if isinstance(dead, BusProcess):
                self._bury(dead)
        super().stop()

    def _bury(self, bus: BusProcess) -> None:
        """Give back what the system would have taken from a killed process; nothing is sent."""
        for block in bus._blocks:
            block.close()
        if bus._lock is not None:
            bus._lock.close()
