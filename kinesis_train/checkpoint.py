"""Checkpoints: written so that neither a full disk nor a kill ever costs the last good one."""

import io
import logging
import os
from pathlib import Path
from typing import Any

import torch

from kinesis_control.errors import UnavailableError

log = logging.getLogger(__name__)


def save_checkpoint(path: Path, content: dict[str, Any], *, required: bool = False) -> bool:
    """Write beside the old file, to the disk, then rename.

    Args:
        required: raise where it cannot be written; otherwise the old file stays, a warning is logged, and training can go on.

    Returns:
        Whether the new content is in place.

    Raises:
        UnavailableError: it cannot be written, and is required.
    """
    memory = io.BytesIO()
    torch.save(content, memory)
    temporary = path.with_suffix(".tmp")
    try:
        with temporary.open("wb") as file:
            file.write(memory.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        _discard(temporary)
        kept = "the last one stays" if path.exists() else "there is none yet"
        message = f"checkpoint '{path}' cannot be written ({error.strerror or error}); {kept}"
        if required:
            raise UnavailableError(message) from error
        log.warning("%s; training goes on", message)
        return False
    return True


def _discard(temporary: Path) -> None:
    """Give the space of half a file back; a folder that is gone has none to give."""
    try:
        temporary.unlink(missing_ok=True)
    except OSError as error:
        log.debug("'%s' cannot be removed: %s", temporary, error)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Content of a checkpoint.

    Raises:
        UnavailableError: there is none, or it cannot be read.
    """
    try:
        return torch.load(path, weights_only=False, map_location="cpu")
    except FileNotFoundError as error:
        raise UnavailableError(f"no checkpoint at '{path}'") from error
    except Exception as error:  # torch and pickle raise many types on a damaged file
        raise UnavailableError(f"checkpoint '{path}' cannot be read: {error}") from error
