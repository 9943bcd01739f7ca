"""The port for tests: faults in, time in lock-step, and how the android really is. It exists only when it was asked for.

A Unix socket of type SOCK_SEQPACKET for this user only; every packet is one JSON object, answered by one:

    {"set": "pressure:soleus_r", "verb": "stuck", "value": 0.0, "seconds": 0.2}   break something; "seconds" mends it again
    {"advance": 20}                                                             lock-step: let so many ticks of 0.5 ms pass
    {"look": true}                                                              time, supply, bank states, highest pressure, joints
    {"mend": true}   {"components": true}   {"note": "TEXT"}   {"save": "PATH"}   mend everything; list; note an event; write the truth so far
"""

import json
import socket
from pathlib import Path
from typing import Any

from kinesis_control.drivers.codecs.valve_bank import TICK_S
from kinesis_control.drivers.service import require_local
from kinesis_control.errors import KinesisError, UnavailableError
from kinesis_sim.emulator.android import Android
from kinesis_sim.emulator.faults import VERBS, FaultPort
from kinesis_sim.emulator.safety_board import listen_at
from kinesis_sim.emulator.truth import TruthLog

_MAX_PACKET = 65536
_MOST_TICKS = 20_000


class TestPort:
    """Serves any number of clients, one packet at a time.

    Attributes:
        owed_ticks: in lock-step, ticks that were asked for and have not passed yet.
    """

    __test__ = False  # not a test case, whatever its name

    def __init__(self, android: Android, faults: FaultPort, log: TruthLog, path: Path, *, lockstep: bool) -> None:
        self._android, self._faults, self._log, self._path, self._lockstep = android, faults, log, path, lockstep
        self._listener = listen_at(path)
        self._clients: list[socket.socket] = []
        self._waiting: list[tuple[socket.socket, int]] = []
        self._timed: list[tuple[float, str]] = []
        self.owed_ticks = 0

    def poll(self) -> None:
        """Answer what waits; end faults whose time is over."""
        try:
            link, _ = self._listener.accept()
            link.setblocking(False)
            self._clients.append(link)
        except BlockingIOError:
            pass
        for link in list(self._clients):
            self._read(link)
        for entry in [e for e in self._timed if self._android.time_s >= e[0]]:
            self._timed.remove(entry)
            self._faults.set(entry[1], "ok")
            self._log.event("mended", component=entry[1])
        for link, until in [w for w in self._waiting if self._android.ticks >= w[1]]:
            self._waiting.remove((link, until))
            self._send(link, {"ok": True, "ticks": self._android.ticks})

    def _read(self, link: socket.socket) -> None:
        try:
            packet = link.recv(_MAX_PACKET)
        except BlockingIOError:
            return
        except OSError:
            packet = b""
        if not packet:
            self._clients.remove(link)
            self._waiting = [w for w in self._waiting if w[0] is not link]
            link.close()
            return
        try:
            answer = self._act(link, json.loads(packet))
        except (KinesisError, ValueError, KeyError, TypeError, OSError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        if answer is not None:
            self._send(link, answer)

    def _act(self, link: socket.socket, request: dict[str, Any]) -> dict[str, Any] | None:
        if "set" in request:
            component, verb, value = str(request["set"]), str(request["verb"]), float(request.get("value", 0.0))
            self._faults.set(component, verb, value)
            self._log.event("fault", component=component, verb=verb, value=value)
            if "seconds" in request:
                self._timed.append((self._android.time_s + float(request["seconds"]), component))
            return {"ok": True, "time": self._android.time_s}
        if "advance" in request:
            ticks = int(request["advance"])
            if not self._lockstep or not 0 < ticks <= _MOST_TICKS:
                return {"error": f"got {ticks} ticks; expected 1 to {_MOST_TICKS}, in lock-step only"}
            self.owed_ticks += ticks
            self._waiting.append((link, self._android.ticks + self.owed_ticks))
            return None
        if "look" in request:
            return self._look()
        if "mend" in request:
            self._faults.mend_all()
            self._log.event("mended", component="all")
            return {"ok": True}
        if "note" in request:
            self._log.event("note", text=str(request["note"]))
            return {"ok": True, "time": self._android.time_s}
        if "components" in request:
            return {"components": list(self._faults.components), "verbs": list(VERBS)}
        if "save" in request:
            self._log.save(Path(str(request["save"])))
            return {"ok": True}
        return {"error": "expected one of: set, advance, look, mend, note, components, save"}

    def _look(self) -> dict[str, Any]:
        android = self._android
        return {
            "time": android.time_s, "ticks": android.ticks, "tick_s": TICK_S, "supply_pa": android.plant.supply, "contactor": android.contactor,
            "dump_open": android.dump_open, "states": android.banks.state.tolist(), "faults": android.banks.faults.tolist(),
            "pressure_pa": android.plant.pressure.tolist(), "joints": android.skeleton.state.joint_position.tolist(),
            "height": float(android.skeleton.state.root_position[2]), "active": dict(self._faults.active),
        }  # fmt: skip

    def _send(self, link: socket.socket, answer: dict[str, Any]) -> None:
        try:
            link.send(json.dumps(answer).encode())
        except OSError:
            if link in self._clients:
                self._clients.remove(link)
                link.close()

    def close(self) -> None:
        """End every connection; the socket is removed."""
        for link in self._clients:
            link.close()
        self._listener.close()
        self._path.unlink(missing_ok=True)


class TestPortClient:
    """The other end, for tests and campaigns."""

    __test__ = False

    def __init__(self, path: Path, timeout_s: float = 10.0) -> None:
        """Connect.

        Raises:
            UnavailableError: nobody listens there.
        """
        self._link = require_local(path, "emulator with a test port", patience_s=timeout_s)
        self._link.settimeout(timeout_s)

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send one request and wait for its answer.

        Raises:
            UnavailableError: it was refused, or the emulator has ended.
        """
        try:
            self._link.send(json.dumps(request).encode())
            packet = self._link.recv(_MAX_PACKET)
        except OSError as error:
            raise UnavailableError(f"the emulator does not answer: {error}") from error
        answer: dict[str, Any] = json.loads(packet) if packet else {"error": "the emulator has ended"}
        if "error" in answer:
            raise UnavailableError(f"the emulator refuses: {answer['error']}")
        return answer

    def close(self) -> None:
        """Leave."""
        self._link.close()
