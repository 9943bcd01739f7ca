"""The guardian's socket: who may connect, who holds the lease, who hears what."""

import contextlib
import logging
import os
import selectors
import socket
import struct
from dataclasses import dataclass, field
from pathlib import Path

from kinesis_control.drivers.codecs import guardian as wire
from kinesis_control.drivers.codecs.guardian import (
    MAX_PACKET,
    NO_TOKEN,
    Ask,
    Done,
    Heartbeat,
    Hello,
    Lease,
    LeaseRequest,
    Refusal,
    Refused,
    Release,
    Request,
    Role,
    Status,
    StopCategory,
)
from kinesis_control.drivers.codecs.protection import arm_token, newer, session_key
from kinesis_control.drivers.guardian.epochs import EpochFile
from kinesis_control.drivers.guardian.settings import GuardianSettings
from kinesis_control.drivers.service import listen_locally
from kinesis_control.errors import UnavailableError

_LOG = logging.getLogger("kinesis.guardian")
_PEER = struct.Struct("3i")  # pid, uid, gid
_MOST_CLIENTS = 16
_HELLO_NS = 1_000_000_000
_MOST_LOST = 100  # status packets that a client may miss before it is let go


@dataclass(eq=False)
class Client:
    """One connection. `role` is None until its Hello."""

    link: socket.socket
    since_ns: int
    role: Role | None = None
    name: str = ""
    lost: int = 0
    heartbeat: Heartbeat | None = None
    heartbeat_ns: int = 0
    asks: list[Ask] = field(default_factory=list)


class GuardianServer:
    """Listens at a Unix socket of type SOCK_SEQPACKET; nothing of it can be reached from another machine.

    Attributes:
        epoch: of the lease in force; 0 for none.
        holder: who has it.
        refusals: how often somebody was refused, by reason.
    """

    def __init__(self, settings: GuardianSettings, robot_key: bytes, epochs: EpochFile) -> None:
        self._settings, self._key, self._epochs = settings, robot_key, epochs
        self._uids = {os.getuid(), *settings.extra_uids}
        self._clients: list[Client] = []
        self._listener: socket.socket | None = None
        self.selector = selectors.DefaultSelector()
        self.epoch = 0
        self.holder: Client | None = None
        self.refusals: dict[Refusal, int] = dict.fromkeys(Refusal, 0)

    def open(self) -> None:
        """Listen.

        Raises:
            UnavailableError: another guardian listens there, or the path cannot be used.
        """
        path = Path(self._settings.socket)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if _answers(path):
                raise UnavailableError(f"another guardian listens at '{path}'")
            listen_locally(listener, path, _MOST_CLIENTS)
        except OSError as error:
            listener.close()
            raise UnavailableError(f"guardian socket '{path}' cannot be used: {error}") from error
        except UnavailableError:
            listener.close()
            raise
        listener.setblocking(False)
        self._listener = listener
        self.selector.register(listener, selectors.EVENT_READ, self._accept)

    def close(self) -> None:
        """End every connection and the socket."""
        for client in list(self._clients):
            self._drop(client)
        if self._listener is not None:
            self.selector.unregister(self._listener)
            self._listener.close()
            Path(self._settings.socket).unlink(missing_ok=True)
            self._listener = None
        self.selector.close()

    def poll(self, now_ns: int) -> list[tuple[Client, Ask]]:
        """Read everything that waits; what operators asked for, for the machine to decide."""
        if self._listener is not None:
            self._accept(now_ns)
        asks: list[tuple[Client, Ask]] = []
        for client in list(self._clients):
            self._read(client, now_ns)
            asks += [(client, ask) for ask in client.asks]
            client.asks.clear()
            if client.role is None and now_ns - client.since_ns > _HELLO_NS:
                self._drop(client)
        holder = self.holder
        if holder is not None and now_ns - holder.heartbeat_ns > 1e9 * wire.HEARTBEAT_TIMEOUT_S:
            _LOG.warning("'%s' was silent for %.0f ms: its lease %d ends", holder.name, 1e-6 * (now_ns - holder.heartbeat_ns), self.epoch)
            self._drop(holder)  # its lease ends with its connection: it must come back with a new one
        return asks

    def heartbeat(self) -> tuple[Heartbeat | None, int]:
        """The newest heartbeat: of the holder, or before there is one of a bus process that wants to be it."""
        source = self.holder or next((c for c in self._clients if c.role is Role.BUS and c.heartbeat is not None), None)
        return (source.heartbeat, source.heartbeat_ns) if source is not None else (None, 0)

    def send_status(self, status: Status) -> None:
        """Tell everyone; only the holder of the lease gets the arm token."""
        plain = status.pack()
        secret = plain
        if status.arm_count:
            token = arm_token(self._key, status.epoch, status.arm_count)
            plain = _with_token(status, 0, NO_TOKEN)
            secret = _with_token(status, status.arm_count, token)
        for client in list(self._clients):
            if client.role is not None:
                self._send(client, secret if client is self.holder else plain)

    def answer(self, client: Client, request: int, refusal: Refusal, text: str) -> None:
        """Tell an operator what became of his request."""
        if refusal is not Refusal.NONE:
            self._refuse(client, refusal, text)
        else:
            self._send(client, Done(request=request, text=_short(text)).pack())

    def _accept(self, now_ns: int) -> None:
        assert self._listener is not None
        while True:
            try:
                link, _ = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            link.setblocking(False)
            client = Client(link, now_ns)
            _, uid, _ = _PEER.unpack(link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
            if uid not in self._uids or len(self._clients) >= _MOST_CLIENTS:
                self._refuse(client, Refusal.PEER, f"user id {uid} may not connect" if uid not in self._uids else "too many connections")
                link.close()
                continue
            self._clients.append(client)
            self.selector.register(link, selectors.EVENT_READ, client)

    def _read(self, client: Client, now_ns: int) -> None:
        while client in self._clients:
            try:
                packet = client.link.recv(MAX_PACKET + 1)
            except BlockingIOError:
                return
            except OSError:
                packet = b""
            message = wire.unpack(packet)
            if message is None or not self._take(client, message, now_ns):
                self._drop(client)

    def _take(self, client: Client, message: wire.Message, now_ns: int) -> bool:
        """Act on a message; False ends the connection."""
        if client.role is None:
            return isinstance(message, Hello) and self._greet(client, message)
        if isinstance(message, Ask) and client.role is Role.OPERATOR:
            if message.request in tuple(Request) and message.category in tuple(StopCategory):
                client.asks.append(message)
                return True
            return False
        if client.role is Role.BUS:
            if isinstance(message, Heartbeat):
                self._beat(client, message, now_ns)
                return True
            if isinstance(message, LeaseRequest):
                self._request(client, message, now_ns)
                return True
            if isinstance(message, Release):
                if client is self.holder and message.epoch == self.epoch:
                    self.holder, self.epoch = None, 0
                return True
        self._refuse(client, Refusal.ROLE, "this role may not send that")
        return False

    def _greet(self, client: Client, hello: Hello) -> bool:
        if hello.version != wire.VERSION:
            self._refuse(client, Refusal.VERSION, f"got version {hello.version}, expected {wire.VERSION}")
            return False
        if hello.role not in tuple(Role):
            self._refuse(client, Refusal.ROLE, f"no role {hello.role}")
            return False
        client.role, client.name = Role(hello.role), hello.name
        return True

    def _beat(self, client: Client, beat: Heartbeat, now_ns: int) -> None:
        """Only fresh ones in rising order and of the epoch in force count as life."""
        expected = self.epoch if client is self.holder else 0
        stale = not 0 <= now_ns - beat.stamp_ns <= 1e9 * wire.HEARTBEAT_TIMEOUT_S
        known = client.heartbeat
        if stale or (known is not None and not newer(beat.sequence, known.sequence)):
            return
        # The first heartbeats after the grant may still be of the time before it.
        if beat.epoch == expected or (client is self.holder and beat.epoch == 0 and known is not None and known.epoch == 0):
            client.heartbeat, client.heartbeat_ns = beat, now_ns

    def _request(self, client: Client, request: LeaseRequest, now_ns: int) -> None:
        settings = self._settings
        if self.holder is not None:
            self._refuse(client, Refusal.LEASE_HELD, f"'{self.holder.name}' has the lease")
        elif (settings.serial and request.serial != settings.serial) or (settings.layout_hash and request.layout_hash != settings.layout_hash):
            text = f"got robot {request.serial}, layout {request.layout_hash}; expected {settings.serial}, {settings.layout_hash or 'any'}"
            self._refuse(client, Refusal.WRONG_ROBOT, text)
        else:
            try:
                self.epoch = self._epochs.next(request.epoch_floor)
            except UnavailableError as error:
                self._refuse(client, Refusal.STALE_EPOCH, str(error))
                return
            self.holder, client.heartbeat_ns = client, now_ns
            self._send(client, Lease(epoch=self.epoch, key=session_key(self._key, self.epoch)).pack())

    def _refuse(self, client: Client, reason: Refusal, text: str) -> None:
        self.refusals[reason] += 1
        self._send(client, Refused(reason=reason, text=_short(text)).pack())

    def _send(self, client: Client, packet: bytes) -> None:
        try:
            client.link.send(packet)
            client.lost = 0
        except BlockingIOError:
            client.lost += 1
            if client.lost > _MOST_LOST and client in self._clients:
                self._drop(client)
        except OSError:
            if client in self._clients:
                self._drop(client)

    def _drop(self, client: Client) -> None:
        if client is self.holder:
            self.holder, self.epoch = None, 0
        self._clients.remove(client)
        with contextlib.suppress(KeyError):
            self.selector.unregister(client.link)
        client.link.close()


def _with_token(status: Status, count: int, token: bytes) -> bytes:
    values = {name: getattr(status, name) for name in status.__dataclass_fields__ if name not in ("KIND", "FORMAT")}
    return Status(**{**values, "arm_count": count, "arm_token": token}).pack()


def _answers(path: Path) -> bool:
    """Whether somebody listens at a socket."""
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        probe.connect(str(path))
    except OSError:
        return False
    finally:
        probe.close()
    return True


def _short(text: str) -> str:
    return text.encode()[:80].decode(errors="ignore")
