"""Errors of drivers; `kinesis_control.drivers.base` shows the tree."""

from kinesis_control.errors import KinesisError, UnavailableError


class DriverError(KinesisError):
    """Something about a robot or the way to it."""

    exit_code = 6


class LinkError(DriverError, UnavailableError):
    """The link cannot be opened: no port, no permission, nobody there, a package that is not installed."""

    exit_code = 5


class IdentityError(DriverError):
    """Another robot, layout, firmware, calibration or node map than the configuration says."""


class ProtocolError(DriverError):
    """The other side speaks, but not what was agreed."""


class ClosedError(DriverError):
    """A driver was used before `open` or after `close`."""
