"""The guardian as a process: sockets, machine and outputs in one loop.

    python -m kinesis_control.drivers.guardian.process SETTINGS.json

It ends with SIGTERM or SIGINT; pump and dump valve fall off when it does, however it ends.
"""

import logging
import selectors
import time
from pathlib import Path

from kinesis_control.drivers.bus.realtime import become_real_time
from kinesis_control.drivers.codecs.guardian import STATUS_PERIOD_S, Permit, Request, Status, StopCategory
from kinesis_control.drivers.guardian.board import Board
from kinesis_control.drivers.guardian.epochs import EpochFile
from kinesis_control.drivers.guardian.golem_pump import GolemPump
from kinesis_control.drivers.guardian.machine import Machine
from kinesis_control.drivers.guardian.seen import Seen
from kinesis_control.drivers.guardian.server import GuardianServer
from kinesis_control.drivers.guardian.settings import GuardianSettings
from kinesis_control.drivers.service import run_service

_LOG = logging.getLogger("kinesis.guardian")
_WAIT_S = 0.002
_OUTPUT_NS = 10_000_000
_OPERATOR_NS = round(1e9 * STATUS_PERIOD_S)


class GuardianProcess:
    """Owns the socket, the board and the machine.

    Attributes:
        machine: the decisions.
        server: the socket.
        stopping: set to end `run`.
    """

    def __init__(self, settings: GuardianSettings) -> None:
        """Read key and epoch; opens nothing.

        Raises:
            ConfigurationError: the key or the epoch file cannot be used.
        """
        folder = Path(settings.state_folder)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.settings, self.stopping = settings, False
        self.machine = Machine(settings)
        self.server = GuardianServer(settings, settings.robot_key(), EpochFile(folder / f"{settings.robot}.epoch"))
        self._board = Board(Path(settings.io))
        self._pump = GolemPump(settings.golem) if settings.golem else None
        self._told: tuple[object, ...] = ()
        self._told_ns = self._wrote_ns = -(1 << 62)
        self._written: tuple[bool, bool] | None = None
        self._sequence = 0

    def open(self) -> None:
        """Listen.

        Raises:
            UnavailableError: another guardian does.
        """
        self.server.open()

    def run(self) -> None:
        """Cycle until `stopping`: whenever something comes in, and every 2 ms."""
        _, statement = become_real_time(priority=self.settings.priority, core=None)
        if statement:
            _LOG.warning(statement)
        waited_on = None
        while not self.stopping:
            if self._board.link is not waited_on:
                if waited_on is not None:
                    self.server.selector.unregister(waited_on)
                waited_on = self._board.link
                if waited_on is not None:
                    self.server.selector.register(waited_on, selectors.EVENT_READ)
            self.server.selector.select(_WAIT_S)
            self.cycle(time.monotonic_ns())

    def cycle(self, now_ns: int) -> None:
        """Read everything, decide, tell."""
        heard = self._board.poll(now_ns)
        asks = self.server.poll(now_ns)
        beat, beat_ns = self.server.heartbeat()
        seen = Seen(now_ns=now_ns, board=self._board.inputs if heard else None, epoch=self.server.epoch, heartbeat=beat, heartbeat_ns=beat_ns)
        machine = self.machine
        before = machine.state
        machine.step(seen)
        for client, ask in asks:
            refusal, text = machine.ask(Request(ask.request), StopCategory(ask.category), seen)
            self.server.answer(client, ask.request, refusal, text)
        self._write(now_ns)
        if machine.state is not before:
            _LOG.info("%s: %s", machine.state.name, machine.text)
        self._tell(seen)

    def _write(self, now_ns: int) -> None:
        outputs = (self.machine.pump_on, self.machine.dump_open)
        if outputs != self._written or now_ns - self._wrote_ns >= _OUTPUT_NS:
            self._written, self._wrote_ns = outputs, now_ns
            self._board.write(pump=outputs[0], dump_open=outputs[1])
        if self._pump is not None:
            self._pump.set(running=outputs[0])

    def _tell(self, seen: Seen) -> None:
        """Everyone, every 10 ms and at once on a change."""
        machine, board = self.machine, seen.board
        estop = 0
        if board is not None:
            estop = board.channel_a | board.channel_b << 1 | machine.chain.latched << 2 | board.reset_pressed << 3
        supply = machine.pump_on | machine.dump_open << 1
        told = (machine.state, machine.permit, machine.category, self.server.epoch, estop, supply, machine.fault, machine.text, machine.arm_count)
        if told == self._told and seen.now_ns - self._told_ns < _OPERATOR_NS:
            return
        self._told, self._told_ns = told, seen.now_ns
        self._sequence = (self._sequence + 1) & 0xFFFFFFFF
        self.server.send_status(
            Status(
                state=machine.state, permit=machine.permit, category=machine.category, epoch=self.server.epoch, sequence=self._sequence, stamp_ns=seen.now_ns,
                estop=estop, supply=supply, fault=machine.fault, muscle=machine.muscle, arm_count=machine.arm_count if machine.permit is Permit.ARM else 0,
                text=machine.text.encode()[:80].decode(errors="ignore"),
            )
        )  # fmt: skip

    def close(self) -> None:
        """Outputs off, everything closed."""
        self._board.write(pump=False, dump_open=True)
        self._board.close()
        if self._pump is not None:
            self._pump.close()
        self.server.close()


def main(arguments: list[str] | None = None) -> int:
    """Entry point of the process."""
    return run_service(lambda path: GuardianProcess(GuardianSettings.read(path)), arguments)


if __name__ == "__main__":
    raise SystemExit(main())
