"""The guardian whole: sockets, board and machine in its own loop, and the pump of a golem robot."""

import socket
import threading
import time

import pytest

from kinesis_control.drivers.codecs.golem import LOOSE, START_PUMP, STOP_PUMP, Reply
from kinesis_control.drivers.codecs.guardian import GuardianState, Refusal, Request, Role
from kinesis_control.drivers.errors import LinkError
from kinesis_control.drivers.guardian.board import BoardInputs, pack_inputs, pack_outputs, unpack_inputs, unpack_outputs
from kinesis_control.drivers.guardian.golem_pump import GolemPump
from kinesis_control.drivers.guardian.operator import Operator
from kinesis_control.drivers.guardian.process import GuardianProcess
from kinesis_control.drivers.guardian.settings import GuardianFault
from kinesis_control.errors import UnavailableError

CLOSED = BoardInputs(channel_a=True, channel_b=True, reset_pressed=False, contactor=False, dump_open=True, supply_pa=0.0)


class MadeUpBoard(threading.Thread):
    """Tells the same inputs every 2 ms, and keeps the outputs that it was told."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(path)
        self.listener.listen(1)
        self.outputs, self.running = [], True

    def run(self):
        link, _ = self.listener.accept()
        link.setblocking(False)
        while self.running:
            try:
                self.outputs.append(unpack_outputs(link.recv(64)))
            except BlockingIOError:
                pass
            except OSError:
                return
            try:
                link.send(pack_inputs(1, CLOSED))
            except BlockingIOError:
                pass
            except OSError:
                return
            time.sleep(0.002)


@pytest.fixture
def guardian(settings):
    board = MadeUpBoard(settings.io)
    board.start()
    process = GuardianProcess(settings)
    process.open()
    thread = threading.Thread(target=process.run, daemon=True)
    thread.start()
    yield settings, board
    process.stopping = True
    thread.join(timeout=60.0)
    process.close()
    board.running = False
    board.join(timeout=10.0)
    board.listener.close()


def test_an_operator_hears_the_state_stops_and_resets(guardian):
    settings, board = guardian
    operator = Operator(settings.socket)
    try:
        status = operator.wait_for(GuardianState.SELFTEST, timeout_s=60.0)
        assert status.epoch == 0 and status.fault == 0
        assert operator.ask(Request.ARM, timeout_s=60.0)[0] is Refusal.WRONG_STATE
        assert operator.ask(Request.ESTOP, timeout_s=60.0)[0] is Refusal.NONE
        assert operator.wait_for(GuardianState.FAULT, timeout_s=60.0).fault == GuardianFault.ESTOP_ASKED
        until = time.monotonic() + 60.0
        while operator.ask(Request.RESET, timeout_s=60.0)[0] is not Refusal.NONE:  # refused for as long as the board is late
            assert time.monotonic() < until
        operator.wait_for(GuardianState.BOOT, GuardianState.SELFTEST, timeout_s=60.0)
    finally:
        operator.close()
    assert board.outputs and set(board.outputs) == {(False, True)}


def test_a_monitor_may_not_ask(guardian):
    settings, _ = guardian
    monitor = Operator(settings.socket, role=Role.MONITOR)
    try:
        refusal, _ = monitor.ask(Request.ESTOP, timeout_s=60.0)
        assert refusal is Refusal.ROLE
        with pytest.raises(UnavailableError):
            monitor.wait_for(GuardianState.FAULT, timeout_s=5.0)
    finally:
        monitor.close()


def test_packets_of_the_board_come_back_as_they_were():
    assert unpack_inputs(pack_inputs(7, CLOSED)) == CLOSED
    assert unpack_outputs(pack_outputs(7, pump=True, dump_open=False)) == (True, False)
    for packet in (b"", b"KIO1", pack_inputs(1, CLOSED)[:-1], b"X" + pack_inputs(1, CLOSED)[1:]):
        assert unpack_inputs(packet) is None and unpack_outputs(packet) is None


class MadeUpServer:
    """A golem client whose server fails as often as it is told."""

    calls, failures = [], {}

    def __init__(self, *_):
        pass

    def command(self, method):
        self.calls.append(method)
        if self.failures.get(method, 0):
            self.failures[method] -= 1
            raise LinkError("no answer")
        return Reply(success=True)

    def close(self):
        pass


@pytest.fixture
def server(monkeypatch):
    client = pytest.importorskip("kinesis_control.drivers.golem_client")
    monkeypatch.setattr(client, "GolemClient", MadeUpServer)
    MadeUpServer.calls, MadeUpServer.failures = [], {}
    return MadeUpServer


def test_a_golem_pump_follows_and_the_muscles_are_let_loose_until_the_server_agrees(server):
    server.failures = {STOP_PUMP: 2, LOOSE: 1}
    pump = GolemPump("unix:nowhere")
    until = time.monotonic() + 60.0
    while pump.agreed is not False:
        assert time.monotonic() < until
        time.sleep(0.01)
    assert server.calls == [STOP_PUMP, LOOSE] * 3  # LOOSE too where STOP failed
    pump.set(running=True)
    while pump.agreed is not True:
        assert time.monotonic() < until
        time.sleep(0.01)
    assert set(server.calls[6:]) == {START_PUMP}
    pump.close()
    while server.calls[-2:] != [STOP_PUMP, LOOSE]:  # `close` does not wait for ever
        assert time.monotonic() < until
        time.sleep(0.01)
