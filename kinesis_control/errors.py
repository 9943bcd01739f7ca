"""The exception tree of the stack: every error says what was got, what was expected and which names exist.

KinesisError
 +-- UnknownNameError     a name that no registry, layout or graph knows
 +-- LayoutError          arrays or names that do not fit the body they were sent to
 +-- ContractError        a policy file that is broken, or made for another body, rate or schema
 +-- ConfigurationError   a value outside its stated range or of the wrong type
 +-- UnavailableError     a port, folder, domain, package or device that cannot be used now
 +-- MotionFileError      a recorded motion or a motion library that cannot be used
"""

from collections.abc import Iterable
from difflib import get_close_matches


class KinesisError(Exception):
    """Base of every error that this stack raises on purpose; `exit_code` is what the command line returns."""

    exit_code = 1


class UnknownNameError(KinesisError):
    """A name that is not known; the message lists the known ones and the nearest match."""

    exit_code = 2

    def __init__(self, kind: str, got: str, known: Iterable[str]) -> None:
        names = list(known)
        near = get_close_matches(got, names, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        super().__init__(f"unknown {kind} '{got}'; known: {', '.join(names) or 'none'}.{hint}")
        self.kind, self.got, self.known = kind, got, names


class LayoutError(KinesisError):
    """Names or array lengths that do not belong to the body."""

    exit_code = 3


class ContractError(KinesisError):
    """A policy file that must not run: corrupt, incomplete, or made for something else."""

    exit_code = 4


class ConfigurationError(KinesisError):
    """A configuration value that is out of its range or of the wrong type."""

    exit_code = 2


class UnavailableError(KinesisError):
    """Something outside the program that cannot be used: a port, a folder, a package, a device."""

    exit_code = 5


class MotionFileError(KinesisError):
    """A recorded motion or a motion library that cannot be used: damaged, of an unknown skeleton, or made for another body."""

    exit_code = 6
