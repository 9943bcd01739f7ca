"""What can go wrong in a set-up. Each kind has an exit code of its own and a message of one line that says what to do."""

from __future__ import annotations

from enum import IntEnum

from kinesis_control.errors import KinesisError


class Failure(IntEnum):
    """Exit codes of the set-up. 10 is also returned by the `kinesis` script itself, which finds the interpreter."""

    WRONG_PYTHON = 10
    WRONG_MACHINE = 11
    NO_COMPILER = 12
    NO_NETWORK = 13
    DISK_FULL = 14
    READ_ONLY = 15
    BAD_PACKAGE = 16
    BUILD_FAILED = 17
    NO_VENV_MODULE = 18
    INTERRUPTED = 130


class SetupError(KinesisError):
    """A set-up that cannot go on.

    Attributes:
        failure: kind of failure.
        exit_code: its value, what the command line returns.
    """

    def __init__(self, failure: Failure, message: str) -> None:
        super().__init__(message)
        self.failure = failure
        self.exit_code = int(failure)
