"""The fencing epoch: a number that only rises, kept on disk so that a restart of the guardian does not hand one out twice."""

import os
from pathlib import Path

from kinesis_control.errors import ConfigurationError, UnavailableError

LARGEST = 0xFFFF_FFFF


class EpochFile:
    """Hands out epochs, each stored before it is used.

    Attributes:
        last: the newest one that was handed out; 0 before the first.
    """

    def __init__(self, path: Path) -> None:
        """Read the last epoch.

        Raises:
            ConfigurationError: the file is there and does not hold an epoch.
        """
        self._path, self.last = path, 0
        try:
            text = path.read_text(encoding="ascii")
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"epoch file '{path}' cannot be read: {error}") from error
        if not text.strip().isdigit() or not 0 < int(text) <= LARGEST:
            raise ConfigurationError(f"epoch file '{path}': got {text[:20]!r}, expected a number 1 to {LARGEST}; write the highest epoch of the banks into it")
        self.last = int(text)

    def next(self, floor: int) -> int:
        """An epoch above `floor` and above every earlier one.

        Raises:
            UnavailableError: it cannot be stored, or there is none left.
        """
        epoch = max(self.last, floor) + 1
        if epoch > LARGEST:
            raise UnavailableError(f"no epoch is left above {floor}; the robot key must be renewed")
        fresh = self._path.with_suffix(".new")
        try:
            with fresh.open("w", encoding="ascii") as file:
                file.write(f"{epoch}\n")
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError as error:
            raise UnavailableError(f"epoch {epoch} cannot be stored in '{self._path}': {error}") from error
        self.last = epoch
        return epoch
