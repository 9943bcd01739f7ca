"""Shared memory between the bus process and the node: one writer, any readers, the newest value, never a torn one.

A block is a head of 64 bytes and two slots. Offsets in bytes:

     0  u64  magic                          32  u64  newest: number of the last finished write, 0 before the first
     8  u64  size of a record               64  slot 0, then slot 1, each: u64 number, u64 CRC-32, record
    16  u64  layout hash of the muscles

Write k goes to slot k % 2: number 0, record, CRC, number k, newest k. A reader copies the slot of `newest` and believes it when
the number is still k and the CRC fits. So it never waits for a writer, not even for one that was stopped in the middle; a copy
that was overtaken is taken again; and on processors that reorder writes the CRC tells what the numbers alone would not.
"""

import mmap
import os
import tempfile
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from kinesis_control.errors import LayoutError, UnavailableError

_MAGIC = 0x31535542_4B4E4953
_HEAD, _SLOT_HEAD, _TRIES = 64, 16, 8
_FOLDER = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(tempfile.gettempdir())


class SharedBlock:
    """One direction.

    Attributes:
        record: what the writer fills in before `publish`, and what `fetch` filled in; a structured scalar array, shape ().
        number: of the record in `record`; 0 before the first.
    """

    def __init__(self, path: Path, memory: mmap.mmap, dtype: np.dtype, *, owner: bool) -> None:
        self._path, self._memory, self._owner = path, memory, owner
        size = dtype.itemsize
        view = memoryview(memory)
        self._head = np.frombuffer(view, "<u8", count=_HEAD // 8)
        stride = _SLOT_HEAD + size
        self._slots = [view[_HEAD + k * stride + _SLOT_HEAD : _HEAD + (k + 1) * stride] for k in (0, 1)]
        self._slot_heads = [np.frombuffer(view, "<u8", count=2, offset=_HEAD + k * stride) for k in (0, 1)]
        view.release()
        self._bytes, self._copy = memoryview(bytearray(size)), memoryview(bytearray(size))
        self.record = np.frombuffer(self._bytes, dtype).reshape(())
        self.number = 0

    @classmethod
    def create(cls, name: str, dtype: np.dtype, layout_hash: str) -> "SharedBlock":
        """Make a block; what a killed process left under the name is removed. For this user only."""
        padded, path = _padded(dtype), _FOLDER / name
        path.unlink(missing_ok=True)
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.ftruncate(number, _HEAD + 2 * (_SLOT_HEAD + padded.itemsize))
            block = cls(path, mmap.mmap(number, 0), padded, owner=True)
        finally:
            os.close(number)
        block._head[1], block._head[2] = padded.itemsize, int(layout_hash, 16)
        block._head[0] = _MAGIC
        return block

    @classmethod
    def attach(cls, name: str, dtype: np.dtype, layout_hash: str) -> "SharedBlock":
        """Open a block that another process has made.

        Raises:
            UnavailableError: there is none, or it is not ready yet.
            LayoutError: it is for another muscle layout, or of another version.
        """
        padded, path = _padded(dtype), _FOLDER / name
        try:
            number = os.open(path, os.O_RDWR)
        except OSError as error:
            raise UnavailableError(f"no shared memory '{path}' ({error}): the bus process is not running") from error
        try:
            if os.fstat(number).st_size < _HEAD:
                raise UnavailableError(f"shared memory '{path}' is not ready: the bus process has only just begun")
            memory = mmap.mmap(number, 0)
        finally:
            os.close(number)
        magic, size, layout = np.frombuffer(memory[:24], "<u8").tolist()
        if magic == 0:
            memory.close()
            raise UnavailableError(f"shared memory '{path}' is not ready: the bus process has only just begun")
        if (magic, size, layout) != (_MAGIC, padded.itemsize, int(layout_hash, 16)):
            memory.close()
            raise LayoutError(f"shared memory '{path}': got record size {size} and layout {layout:016x}, expected {padded.itemsize} and {layout_hash}")
        return cls(path, memory, padded, owner=False)

    def publish(self) -> None:
        """Hand `record` to the readers."""
        self.number += 1
        slot, head = self._slots[self.number % 2], self._slot_heads[self.number % 2]
        head[0] = 0
        slot[:] = self._bytes
        head[1] = crc32(self._bytes)
        head[0] = self.number
        self._head[4] = self.number

    def fetch(self) -> bool:
        """Copy the newest record into `record`; True when it is another one than before; otherwise
        `record` stays as it was."""
        for _ in range(_TRIES):
            number = int(self._head[4])
            if number == self.number or number == 0:
                return False
            slot, head = self._slots[number % 2], self._slot_heads[number % 2]
            self._copy[:] = slot
            if int(head[0]) == number and int(head[1]) == crc32(self._copy):
                self._bytes[:] = self._copy
                self.number = number
                return True
        return False

    def close(self) -> None:
        """Let go; the owner removes the block."""
        del self._head, self._slot_heads
        for slot in self._slots:
            slot.release()
        self._memory.close()
        if self._owner:
            self._path.unlink(missing_ok=True)


def _padded(dtype: np.dtype) -> np.dtype:
    """The same record, of a size that is a multiple of 8."""
    size = -(-dtype.itemsize // 8) * 8
    fields: dict[str, Any] = dict(dtype.fields or {})
    return np.dtype({"names": list(fields), "formats": [f[0] for f in fields.values()], "offsets": [f[1] for f in fields.values()], "itemsize": size})
