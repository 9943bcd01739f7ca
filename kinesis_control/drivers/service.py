"""What the processes beside the graph share: settings in a JSON file, and a life that ends in order.

Both the bus process and the guardian are services: read the settings, open, run until SIGTERM or SIGINT, close whatever happens.
"""

import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Protocol, TypeVar

from kinesis_control.errors import ConfigurationError, KinesisError, UnavailableError, UnknownNameError

_LOG = logging.getLogger("kinesis")
_USAGE_EXIT = 2
S = TypeVar("S", bound="SettingsFile")


def connect_local(path: Path) -> socket.socket | None:
    """A connection of packets to a local socket, which never blocks; None where nobody listens."""
    try:
        return require_local(path, "process")
    except UnavailableError:
        return None


def require_local(path: Path, whom: str, *, patience_s: float = 0.0) -> socket.socket:
    """A connection of packets to a local socket, which never blocks.

    Args:
        whom: who should listen there, for the message. patience_s: how long a busy listener is waited for [s].

    Raises:
        UnavailableError: nobody listens there.
    """
    link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    link.settimeout(patience_s)
    try:
        link.connect(str(path))
    except OSError as error:
        link.close()
        raise UnavailableError(f"no {whom} at '{path}': {error}") from error
    link.setblocking(False)
    return link


def listen_locally(link: socket.socket, path: Path, backlog: int) -> None:
    """Bind a socket to a path, for this user only. The path is there only once somebody can connect: whoever waits for it is never refused.

    Raises:
        OSError: the path cannot be used.
    """
    unready = path.with_name(path.name + "~")
    unready.unlink(missing_ok=True)
    before = os.umask(0o177)
    try:
        link.bind(str(unready))
    finally:
        os.umask(before)
    link.listen(backlog)
    unready.replace(path)


def require_robot_name(name: str) -> None:
    """Names that can be part of files, sockets and shared memory.

    Raises:
        ConfigurationError: it holds something else than letters, digits, '-' and '_'.
    """
    if not name or not all(c.isalnum() or c in "-_" for c in name):
        raise ConfigurationError(f"robot: got '{name}', expected letters, digits, '-' and '_'")


class SettingsFile:
    """Base of a settings dataclass that is kept as JSON; lists stand for tuples where the dataclass has tuples."""

    @classmethod
    def read(cls: type[S], path: Path) -> S:
        """Settings from a file.

        Raises:
            ConfigurationError: unreadable, incomplete or out of range.
            UnknownNameError: an entry that there is not.
        """
        try:
            values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"settings '{path}' cannot be read: {error}") from error
        if not isinstance(values, dict):
            raise ConfigurationError(f"settings '{path}': got {type(values).__name__}, expected an object with names and values")
        known = [f.name for f in fields(cls)]  # type: ignore[arg-type]  # the subclasses are dataclasses
        for name in values:
            if name not in known:
                raise UnknownNameError(f"setting of {cls.__name__}", name, known)
        try:
            return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})
        except TypeError as error:
            raise ConfigurationError(f"settings '{path}': {error}") from error

    def write(self, path: Path) -> None:
        """Write them; readable for this user only."""
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")  # type: ignore[call-overload]


class Service(Protocol):
    """What `run_service` runs; `stopping` ends `run`."""

    stopping: bool

    def open(self) -> None: ...
    def run(self) -> None: ...
    def close(self) -> None: ...


def run_service(make: Callable[[Path], Service], arguments: list[str] | None) -> int:
    """Entry point of such a process: its exit status.

    Args:
        make: the service from the path of its settings.
        arguments: the path; None takes the command line.
    """
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    words = sys.argv[1:] if arguments is None else arguments
    if len(words) != 1:
        _LOG.error("got %d arguments, expected the path of a settings file", len(words))
        return _USAGE_EXIT
    service: Service | None = None
    try:
        service = owner = make(Path(words[0]))

        def stop(number: int, frame: object) -> None:
            owner.stopping = True

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        service.open()
        service.run()
    except KinesisError as error:
        _LOG.error(error)
        return error.exit_code
    finally:
        if service is not None:
            service.close()
    return 0
