"""Who permits what: the bus process's side of the guardian's socket, and the interface that the loop sees."""

import socket
import time
from pathlib import Path
from typing import Protocol

from kinesis_control.drivers.codecs import guardian
from kinesis_control.drivers.codecs.guardian import HEARTBEAT_TIMEOUT_S, MAX_PACKET, Heartbeat, Hello, Lease, LeaseRequest, Refused, Release, Role, Status
from kinesis_control.drivers.service import connect_local

_RETRY_NS = 500_000_000
_TIMEOUT_NS = int(1e9 * HEARTBEAT_TIMEOUT_S)


class Authority(Protocol):
    """What the loop needs of a guardian.

    Attributes:
        lease: the last one granted, or None.
        status: the last one heard, or None.
    """

    lease: Lease | None
    status: Status | None

    def poll(self, now_ns: int) -> bool:
        """Read what has come; False when the guardian is silent for too long or gone."""
        ...

    def request(self, request: LeaseRequest, now_ns: int) -> None:
        """Ask for a lease; not more often than every half second."""
        ...

    def beat(self, heartbeat: Heartbeat) -> None:
        """Send a heartbeat."""
        ...

    def close(self) -> None:
        """Give the lease back and leave."""
        ...


class GuardianLink:
    """The socket to the guardian; never blocks, connects again by itself.

    Attributes:
        refusal: text of the last refusal; empty when there was none since the last lease.
    """

    def __init__(self, path: Path, name: str = "bus") -> None:
        self.lease: Lease | None = None
        self.status: Status | None = None
        self.refusal = ""
        self._path, self._name = path, name
        self._socket: socket.socket | None = None
        self._heard_ns = self._tried_ns = self._asked_ns = -(1 << 62)

    def poll(self, now_ns: int) -> bool:
        """Connect if needed and read everything that waits."""
        if self._socket is None and not self._connect(now_ns):
            return False
        while self._socket is not None:
            try:
                packet = self._socket.recv(MAX_PACKET + 1)
            except BlockingIOError:
                break
            except OSError:
                self._drop()
                break
            if not packet:
                self._drop()
                break
            self._take(guardian.unpack(packet), now_ns)
        return self._socket is not None and now_ns - self._heard_ns <= _TIMEOUT_NS

    def _take(self, message: guardian.Message | None, now_ns: int) -> None:
        if isinstance(message, Status):
            self.status, self._heard_ns = message, now_ns
        elif isinstance(message, Lease):
            self.lease, self.refusal = message, ""
        elif isinstance(message, Refused):
            self.refusal = message.text

    def request(self, request: LeaseRequest, now_ns: int) -> None:
        """Ask for a lease."""
        if now_ns - self._asked_ns >= _RETRY_NS:
            self._asked_ns = now_ns
            self._send(request)

    def beat(self, heartbeat: Heartbeat) -> None:
        """Send a heartbeat."""
        self._send(heartbeat)

    def close(self) -> None:
        """Give the lease back and leave."""
        if self.lease is not None:
            self._send(Release(epoch=self.lease.epoch))
        self._drop()

    def _connect(self, now_ns: int) -> bool:
        if now_ns - self._tried_ns < _RETRY_NS:
            return False
        self._tried_ns = now_ns
        link = connect_local(self._path)
        if link is None:
            return False
        self._socket, self._heard_ns = link, now_ns
        self._send(Hello(role=Role.BUS, name=self._name))
        return True

    def _send(self, message: guardian.Message) -> None:
        if self._socket is None:
            return
        try:
            self._socket.send(message.pack())
        except BlockingIOError:
            pass  # the guardian does not read: its silence is judged by `poll`
        except OSError:
            self._drop()

    def _drop(self) -> None:
        """A lease does not outlive its connection."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self.lease, self.status = None, None, None


def wait_for_lease(authority: Authority, request: LeaseRequest, timeout_s: float) -> Lease | None:
    """Ask until it is granted; None when it is not."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        now = time.monotonic_ns()
        if authority.poll(now):
            authority.request(request, now)
        if authority.lease is not None:
            return authority.lease
        time.sleep(0.002)
    return None
