"""A guardian and a bus process that do in a thread what the real ones do in processes, without their deadlines: for tests of the node side."""

import contextlib
import socket
import threading
import time
from pathlib import Path

import numpy as np

from kinesis_control.drivers.bus.client import block_names
from kinesis_control.drivers.bus.records import FAULTS, command_record, state_record
from kinesis_control.drivers.bus.settings import BusSettings
from kinesis_control.drivers.bus.shared import SharedBlock
from kinesis_control.drivers.codecs import guardian as wire
from kinesis_control.drivers.codecs.guardian import Ask, Done, GuardianState, Permit, Refusal, Refused, Request, Status
from kinesis_control.drivers.codecs.valve_bank import BankState
from kinesis_control.drivers.guardian.settings import GuardianFault

NO_MUSCLE = 0xFFFF
_STEP_S = 0.005


class Peers:
    """Guardian and bus process of the dummy robot of `settings`.

    Attributes:
        state, fault, text: of the guardian. asked: every request that came. epoch: of the lease.
        bus_fault, bus_muscle: what the bus process has latched. record: what it publishes; change it before a cycle.
        taken: excitations of every command that came. silent: neither says anything any more.
    """

    def __init__(self, settings: BusSettings) -> None:
        robot = settings.make_driver().capabilities
        names = block_names(settings.robot)
        self.commands = SharedBlock.create(names[0], command_record(len(robot.muscles)), robot.muscles.hash)
        self.states = SharedBlock.create(names[1], state_record(robot), robot.muscles.hash)
        self.record, self.epoch = self.states.record, 7
        self.state, self.fault, self.text = GuardianState.ESTOP_CHAIN, GuardianFault.NONE, "ready to be armed"
        self.bus_fault, self.bus_muscle = 0, NO_MUSCLE
        self.asked: list[Request] = []
        self.taken: list[np.ndarray] = []
        self.silent, self._ended, self._lock = False, False, threading.Lock()
        self._measure(robot, np.array(settings.driver_settings.get("length_m", [np.nan] * len(robot.muscles))))
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        Path(settings.guardian).unlink(missing_ok=True)
        self._listener.bind(settings.guardian)
        self._listener.listen(4)
        self._listener.setblocking(False)
        self._links: list[socket.socket] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _measure(self, robot, lengths) -> None:
        record = self.record
        for name in ("joint_position", "joint_velocity", "root_position", "root_linear_velocity", "root_angular_velocity", "contact_force", "tension_n"):
            record[name] = 0.0
        record["pressure_pa"], record["length_m"], record["root_quaternion"] = 0.0, lengths, (1.0, 0.0, 0.0, 0.0)
        record["bank_state"], record["bank_fault_channel"], record["bank_temperature_c"], record["bank_supply_pa"] = BankState.ACTIVE, 255, 25.0, 8e5

    def __enter__(self) -> "Peers":
        self._thread.start()
        return self

    def __exit__(self, *error) -> None:
        self._ended = True
        self._thread.join(timeout=60.0)
        for link in (*self._links, self._listener):
            link.close()
        self.commands.close()
        self.states.close()

    def latch(self, fault, muscle: int = NO_MUSCLE) -> None:
        """The bus process latches a fault, and the guardian stops because of it."""
        with self._lock:
            self.bus_fault, self.bus_muscle = FAULTS.index(fault) + 1, muscle
            self.state, self.fault, self.text = GuardianState.FAULT, GuardianFault.BUS_FAULT, "the bus process has latched its fault"

    def press_stop(self) -> None:
        """Somebody presses the stop button."""
        with self._lock:
            self.state, self.fault, self.text = GuardianState.FAULT, GuardianFault.ESTOP, "the stop button was pressed, or its wire is open"

    def _run(self) -> None:
        while not self._ended:
            time.sleep(_STEP_S)
            if self.silent:
                continue
            with self._lock:
                self._serve()
                self._cycle()

    def _cycle(self) -> None:
        now, record = time.monotonic_ns(), self.record
        record["seq"], record["stamp_ns"], record["epoch"] = self.states.number + 1, now, self.epoch
        record["bank_stamp_ns"], record["fault"], record["fault_muscle"] = now, self.bus_fault, self.bus_muscle
        self.states.publish()
        if self.commands.fetch():
            self.taken.append(self.commands.record["values"].copy())
            if self.state is GuardianState.ARMED:
                self.state = GuardianState.ACTIVE

    def _serve(self) -> None:
        with contextlib.suppress(BlockingIOError):
            link, _ = self._listener.accept()
            link.setblocking(False)
            self._links.append(link)
        for link in list(self._links):
            try:
                self._hear(link)
                link.send(Status(state=self.state, permit=Permit.VENT, fault=self.fault, stamp_ns=time.monotonic_ns(), text=self.text).pack())
            except BlockingIOError:
                pass
            except OSError:
                self._links.remove(link)
                link.close()
        following = {
            GuardianState.SUPPLY_ON: GuardianState.PRECHARGE, GuardianState.PRECHARGE: GuardianState.ARMED,
            GuardianState.STOPPING: GuardianState.BOOT, GuardianState.BOOT: GuardianState.ESTOP_CHAIN,
        }  # fmt: skip
        self.state = following.get(self.state, self.state)

    def _hear(self, link: socket.socket) -> None:
        while True:
            try:
                packet = link.recv(wire.MAX_PACKET)
            except BlockingIOError:
                return
            if not packet:
                raise ConnectionResetError
            message = wire.unpack(packet)
            if isinstance(message, Ask):
                link.send(self._answer(Request(message.request)))

    def _answer(self, request: Request) -> bytes:
        self.asked.append(request)
        if request is Request.ARM:
            if self.state is not GuardianState.ESTOP_CHAIN:
                return Refused(reason=Refusal.WRONG_STATE, text="arming begins at ESTOP_CHAIN").pack()
            self.state, self.text = GuardianState.SUPPLY_ON, "supply rises"
        elif request is Request.DISARM and self.state in (GuardianState.ARMED, GuardianState.ACTIVE, GuardianState.PRECHARGE, GuardianState.SUPPLY_ON):
            self.state = GuardianState.STOPPING
        elif request is Request.ESTOP:
            self.state, self.fault, self.text = GuardianState.FAULT, GuardianFault.ESTOP_ASKED, "the emergency stop was asked for"
        elif request is Request.RESET and self.state is GuardianState.FAULT:
            self.state, self.fault, self.bus_fault, self.bus_muscle = GuardianState.BOOT, GuardianFault.NONE, 0, NO_MUSCLE
        return Done(request=request, text="done").pack()
