"""The driver interface: one class per link to a robot.

    with load_driver("ethercat")(config) as driver:      # opens; leaves the robot safe at the end, whatever happens
        identity = driver.identify()                     # which robot, checked against the configuration
        command, state = driver.frames()                 # allocated once
        while running:
            status = driver.exchange(command, state, deadline_ns)   # never raises

Public methods check, count and catch; a driver fills in the protected hooks `_open`, `_identify`, `_exchange`, `_safe_state`
and `_close`, and says in `_capabilities` what the robot can do. How to write one: docs/how-to/add-a-driver.md.

Errors, and when they come:

DriverError (KinesisError)
 +-- LinkError        open: nobody at the address, no permission for a raw socket, an extra that is not installed
 +-- IdentityError    identify: another serial, muscle order, firmware, limits or calibration than configured
 +-- ProtocolError    open, identify: the other side answers what the protocol does not have
 +-- ClosedError      any use before `open` or after `close`
UnknownNameError      load_driver: no driver of that name; the message lists those there are
ConfigurationError    a value of the configuration is out of its range

Nothing of this comes from `exchange`: in the loop, trouble is a `LinkStatus`, and the loop decides.
"""

import time
from abc import ABC, abstractmethod
from dataclasses import fields, is_dataclass
from types import TracebackType
from typing import Any, ClassVar, Literal, TypeVar

from kinesis_control.drivers.errors import ClosedError, DriverError, IdentityError, LinkError, ProtocolError
from kinesis_control.drivers.frames import Capabilities, CommandFrame, Identity, LinkFault, LinkStatus, StateFrame
from kinesis_control.errors import ConfigurationError, UnknownNameError

__all__ = ["ClosedError", "DriverError", "IdentityError", "LinkError", "MuscleDriver", "ProtocolError", "SafeState"]

SafeState = Literal["vent", "hold"]
D = TypeVar("D", bound="MuscleDriver")


class MuscleDriver(ABC):
    """A link to one robot.

    Attributes:
        config_type: frozen dataclass of the driver's configuration.
        status: how the last exchange went; the same object every time.
        last_error: text of the last exception that a hook raised in the loop; empty when there was none.
    """

    config_type: ClassVar[type]

    def __init__(self, config: Any) -> None:
        """Keep the configuration; touches no device.

        Raises:
            ConfigurationError: `config` is not of `config_type`.
        """
        if not isinstance(config, self.config_type):
            raise ConfigurationError(f"{type(self).__name__}: got a configuration of type {type(config).__name__}, expected {self.config_type.__name__}")
        self.config = config
        self.status = LinkStatus()
        self.last_error = ""
        self._is_open = False

    @classmethod
    def from_mapping(cls: type[D], values: dict[str, Any]) -> D:
        """A driver from the entries of a configuration file.

        Raises:
            UnknownNameError: an entry that this driver does not have.
            ConfigurationError: an entry is missing or out of range.
        """
        assert is_dataclass(cls.config_type)
        known = [f.name for f in fields(cls.config_type)]
        for name in values:
            if name not in known:
                raise UnknownNameError(f"setting of {cls.__name__}", name, known)
        try:
            return cls(cls.config_type(**values))
        except TypeError as error:
            raise ConfigurationError(f"{cls.__name__}: {error}; its settings are {', '.join(known)}") from error

    @property
    def is_open(self) -> bool:
        """Whether the link is there to be used."""
        return self._is_open

    @property
    def capabilities(self) -> Capabilities:
        """What the robot can do, as far as is known before it was opened; `probe` asks the robot."""
        return self._capabilities()

    def probe(self) -> Capabilities:
        """Open if needed, and say what the robot at the other end can do.

        Raises:
            DriverError: it cannot be reached or is not what was configured.
        """
        was_open = self._is_open
        if not was_open:
            self.open()
        try:
            self.identify()
            return self._capabilities()
        finally:
            if not was_open:
                self.close()

    def frames(self) -> tuple[CommandFrame, StateFrame]:
        """A command that vents and a state in which nothing is known, of the right size."""
        return CommandFrame.for_robot(self.capabilities), StateFrame.for_robot(self.capabilities)

    def open(self) -> None:
        """Open the link; the robot is vented afterwards. Does nothing when it is open.

        Raises:
            LinkError: nobody is there, or this process may not.
            ProtocolError: somebody else is there.
        """
        if self._is_open:
            return
        try:
            self._open()
        except BaseException:
            self._quietly(self._close)
            raise
        self._is_open = True
        self.safe_state("vent")

    def identify(self) -> Identity:
        """Ask which robot this is, and check it against the configuration.

        Raises:
            IdentityError: another one than configured.
            ClosedError: not open.
        """
        self._require_open()
        return self._identify()

    def lease(self, epoch: int, key: bytes) -> None:
        """Take over epoch and key of a lease; nothing to do on links without protection."""
        self._require_open()
        self._lease(epoch, key)

    def exchange(self, command: CommandFrame, state: StateFrame, deadline_ns: int) -> LinkStatus:
        """Send `command`, take what the robot has said, and be back by `deadline_ns` (CLOCK_MONOTONIC) [ns].

        Never raises: a failure of the driver is LinkFault.INTERNAL, and `last_error` holds its text.
        """
        self.status.clear()
        if not self._is_open:
            self.status.note(LinkFault.DOWN)
            return self.status
        try:
            self._exchange(command, state, deadline_ns)
        except Exception as error:
            self.last_error = f"{type(error).__name__}: {error}"
            self.status.note(LinkFault.INTERNAL)
        if time.monotonic_ns() > deadline_ns:
            self.status.note(LinkFault.LATE)
        return self.status

    def safe_state(self, kind: SafeState) -> bool:
        """Bring the robot into a safe state, whatever the link is in; as often as wanted.

        Returns:
            whether the order left this machine; the supply and the bank's own deadline act when it did not.
        """
        if not self._is_open:
            return False
        return self._quietly(self._safe_state, kind)

    def close(self) -> None:
        """Vent, then close the link. Does nothing when it is closed."""
        if not self._is_open:
            return
        self.safe_state("vent")
        self._is_open = False
        self._quietly(self._close)

    def __enter__(self: D) -> D:
        self.open()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _quietly(self, hook: Any, *args: Any) -> bool:
        """Run a hook that must not stop what comes after it."""
        try:
            hook(*args)
        except Exception as error:
            self.last_error = f"{type(error).__name__}: {error}"
            return False
        return True

    def _require_open(self) -> None:
        if not self._is_open:
            raise ClosedError(f"{type(self).__name__} is not open; call open() or use it in a with statement")

    @abstractmethod
    def _capabilities(self) -> Capabilities:
        """What the robot can do."""

    @abstractmethod
    def _open(self) -> None:
        """Open the link; raise LinkError or ProtocolError."""

    @abstractmethod
    def _identify(self) -> Identity:
        """Ask the robot; raise IdentityError where it differs from the configuration."""

    def _lease(self, epoch: int, key: bytes) -> None:  # noqa: B027 - most links have nothing to do here
        """Take epoch and key, where the link is protected."""

    @abstractmethod
    def _exchange(self, command: CommandFrame, state: StateFrame, deadline_ns: int) -> None:
        """One cycle: send, receive into `state`, note what happened in `self.status`. Allocate nothing large."""

    @abstractmethod
    def _safe_state(self, kind: SafeState) -> None:
        """Vent or hold, whatever state the link is in."""

    @abstractmethod
    def _close(self) -> None:
        """Free what `_open` took, also when it took only a part."""
