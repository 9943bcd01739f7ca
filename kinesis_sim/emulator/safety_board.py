"""The emulated safety board: stop channels, reset button and supply sensor to the guardian, contactor and dump valve from it."""

import socket
from pathlib import Path

from kinesis_control.drivers.guardian.board import INPUT_PERIOD_S, OUTPUT_TIMEOUT_S, BoardInputs, pack_inputs, unpack_outputs
from kinesis_control.drivers.service import listen_locally
from kinesis_control.errors import UnavailableError
from kinesis_sim.emulator.android import Android


def listen_at(path: Path) -> socket.socket:
    """A listening SOCK_SEQPACKET socket for this user only; what a crashed process left at the path is removed.

    Raises:
        UnavailableError: the path cannot be used, or somebody listens there.
    """
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        probe.connect(str(path))
    except OSError:
        pass
    else:
        raise UnavailableError(f"another process listens at '{path}'")
    finally:
        probe.close()
    link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        listen_locally(link, path, 2)
    except OSError as error:
        link.close()
        raise UnavailableError(f"socket '{path}' cannot be used: {error}") from error
    link.setblocking(False)
    return link


class SafetyBoard:
    """Serves one guardian at a time; the outputs fall off when it is silent."""

    def __init__(self, android: Android, path: Path) -> None:
        self._android, self._path = android, path
        self._listener = listen_at(path)
        self._peer: socket.socket | None = None
        self._sent_ns = self._heard_ns = -(1 << 62)
        self._sequence = 0
        self._last: tuple[bool, ...] = ()

    def poll(self) -> None:
        """Read outputs, send inputs; to be called about every millisecond."""
        now = self._android.clock()
        self._accept()
        self._read(now)
        android = self._android
        if now - self._heard_ns > 1e9 * OUTPUT_TIMEOUT_S:
            android.contactor, android.dump_open = False, True
        inputs = self._inputs()
        changed = (inputs.channel_a, inputs.channel_b, inputs.reset_pressed, inputs.contactor, inputs.dump_open)
        if self._peer is not None and (changed != self._last or now - self._sent_ns >= 1e9 * INPUT_PERIOD_S):
            self._last, self._sent_ns = changed, now
            self._sequence += 1
            self._send(pack_inputs(self._sequence, inputs))

    def _inputs(self) -> BoardInputs:
        android, stop = self._android, self._android.stop
        return BoardInputs(
            channel_a=stop.channel_a, channel_b=stop.channel_b, reset_pressed=stop.reset_pressed,
            contactor=android.contactor and android.contactor_works, dump_open=android.dump_open, supply_pa=float(android.supply_sensor.reading[0]),
        )  # fmt: skip

    def _accept(self) -> None:
        try:
            link, _ = self._listener.accept()
        except BlockingIOError:
            return
        link.setblocking(False)
        if self._peer is not None:
            link.close()  # one guardian at a time; a second one must not get at the outputs
            return
        self._peer = link

    def _read(self, now_ns: int) -> None:
        while self._peer is not None:
            try:
                packet = self._peer.recv(64)
            except BlockingIOError:
                return
            except OSError:
                packet = b""
            if not packet:
                self._leave()
                return
            outputs = unpack_outputs(packet)
            if outputs is not None:
                self._android.contactor, self._android.dump_open = outputs
                self._heard_ns = now_ns

    def _send(self, packet: bytes) -> None:
        assert self._peer is not None
        try:
            self._peer.send(packet)
        except BlockingIOError:
            pass
        except OSError:
            self._leave()

    def _leave(self) -> None:
        if self._peer is not None:
            self._peer.close()
        self._peer, self._heard_ns = None, -(1 << 62)

    def close(self) -> None:
        """Outputs off; the socket is removed."""
        self._leave()
        self._android.contactor, self._android.dump_open = False, True
        self._listener.close()
        self._path.unlink(missing_ok=True)
