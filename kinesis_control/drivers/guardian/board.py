"""The safety board: two stop channels and a reset button in, pump contactor and dump valve out.

Over a local socket of type SOCK_SEQPACKET, little-endian, the board listening:

    board -> guardian   "KIO1", u32 sequence, u8 bits (0 channel A closed, 1 channel B closed, 2 reset pressed, 3 contactor closed,
                        4 dump valve open), f32 supply pressure [Pa]; every 2 ms and at once on a change
    guardian -> board   "KIO1", u32 sequence, u8 bits (0 close the contactor, 1 close the dump valve); every 10 ms and on a change

Both outputs fall off, which stops the pump and dumps the supply, OUTPUT_TIMEOUT_S after the last packet: a dead guardian
leaves a robot without supply.
"""

import socket
import struct
from dataclasses import dataclass
from pathlib import Path

from kinesis_control.drivers.service import connect_local

INPUT_PERIOD_S, OUTPUT_TIMEOUT_S, INPUT_TIMEOUT_S = 0.002, 0.05, 0.05
CHANNEL_A, CHANNEL_B, RESET, CONTACTOR, DUMP_OPEN = 1, 2, 4, 8, 16
PUMP_ON, DUMP_CLOSED = 1, 2

_MAGIC = b"KIO1"
_INPUTS, _OUTPUTS = struct.Struct("<4sIBf"), struct.Struct("<4sIB")
_RETRY_NS = 200_000_000


@dataclass(frozen=True, kw_only=True)
class BoardInputs:
    """One sample of the board.

    Attributes:
        channel_a, channel_b: whether the channel is closed, which is the good state.
        reset_pressed: the reset button.
        contactor, dump_open: what the outputs really do.
        supply_pa: pressure of the supply [Pa]; NaN when its sensor is dead.
    """

    channel_a: bool
    channel_b: bool
    reset_pressed: bool
    contactor: bool
    dump_open: bool
    supply_pa: float


def pack_inputs(sequence: int, inputs: BoardInputs) -> bytes:
    """A packet of the board."""
    flags = (inputs.channel_a, inputs.channel_b, inputs.reset_pressed, inputs.contactor, inputs.dump_open)
    return _INPUTS.pack(_MAGIC, sequence & 0xFFFFFFFF, sum(flag << bit for bit, flag in enumerate(flags)), inputs.supply_pa)


def unpack_inputs(packet: bytes) -> BoardInputs | None:
    """The sample in a packet; None when it is none."""
    if len(packet) != _INPUTS.size or packet[:4] != _MAGIC:
        return None
    _, _, bits, supply = _INPUTS.unpack(packet)
    return BoardInputs(
        channel_a=bool(bits & CHANNEL_A), channel_b=bool(bits & CHANNEL_B), reset_pressed=bool(bits & RESET),
        contactor=bool(bits & CONTACTOR), dump_open=bool(bits & DUMP_OPEN), supply_pa=supply,
    )  # fmt: skip


def pack_outputs(sequence: int, *, pump: bool, dump_open: bool) -> bytes:
    """A packet of the guardian."""
    return _OUTPUTS.pack(_MAGIC, sequence & 0xFFFFFFFF, PUMP_ON * pump | DUMP_CLOSED * (not dump_open))


def unpack_outputs(packet: bytes) -> tuple[bool, bool] | None:
    """Pump on and dump valve open; None when the packet is none."""
    if len(packet) != _OUTPUTS.size or packet[:4] != _MAGIC:
        return None
    bits = packet[8]
    return bool(bits & PUMP_ON), not bits & DUMP_CLOSED


class Board:
    """The guardian's end; never blocks, connects again by itself.

    Attributes:
        inputs: the newest sample, or None before the first.
        heard_ns: when it came [ns].
    """

    def __init__(self, path: Path) -> None:
        self.inputs: BoardInputs | None = None
        self.heard_ns = -(1 << 62)
        self._path = path
        self._link: socket.socket | None = None
        self._tried_ns = -(1 << 62)
        self._sequence = 0

    @property
    def link(self) -> socket.socket | None:
        """The socket to wait on; None while there is none."""
        return self._link

    def poll(self, now_ns: int) -> bool:
        """Read what waits; True while the board is heard."""
        if self._link is None:
            self._connect(now_ns)
        while self._link is not None:
            try:
                packet = self._link.recv(64)
            except BlockingIOError:
                break
            except OSError:
                packet = b""
            if not packet:
                self.close()
                break
            sample = unpack_inputs(packet)
            if sample is not None:
                self.inputs, self.heard_ns = sample, now_ns
        return now_ns - self.heard_ns <= 1e9 * INPUT_TIMEOUT_S

    def write(self, *, pump: bool, dump_open: bool) -> None:
        """Set the outputs; a packet that does not leave is followed by the board's own time-out."""
        if self._link is None:
            return
        self._sequence += 1
        try:
            self._link.send(pack_outputs(self._sequence, pump=pump, dump_open=dump_open))
        except BlockingIOError:
            pass
        except OSError:
            self.close()

    def close(self) -> None:
        """Let go; the outputs fall off."""
        if self._link is not None:
            self._link.close()
            self._link = None

    def _connect(self, now_ns: int) -> None:
        if now_ns - self._tried_ns < _RETRY_NS:
            return
        self._tried_ns = now_ns
        self._link = connect_local(self._path)
