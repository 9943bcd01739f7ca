"""Opens recordings in whatever state they are: whole, cut off, without metadata, with a part missing.

Nothing is changed on the disk. What was wrong is said in `Recording.problems`, and what is readable is read.
"""

import heapq
import io
from collections.abc import Collection, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from rosbags.highlevel import AnyReader, AnyReaderError
from rosbags.interfaces import Connection
from rosbags.rosbag2 import ReaderError
from rosbags.rosbag2.storage_mcap import McapReader

from kinesis_control.errors import UnavailableError, UnknownNameError
from kinesis_control.evaluate import bag_repair
from kinesis_control.evaluate.bag import BagMessage, BagTopic
from kinesis_control.evaluate.bag_types import MessageTypes

_KINDS = (".mcap", ".db3")
_MEND = bag_repair.DATA_END + bag_repair.FOOTER
_DISORDER_NS = 2_000_000_000
"""How far behind others a message may stand in a file without an index [ns]."""
_BROKEN = (AnyReaderError, ReaderError, OSError, EOFError, ValueError, KeyError, IndexError)
"""What the readers raise on files that are not what they should be; zstd and lz4 errors are ValueErrors or OSErrors."""


class Recording:
    """Messages of one bag in the order of their recording times.

    Attributes:
        path: as given: a directory, or a single .mcap or .db3 file.
        topics: what it holds, by topic name; counts are 0 where a cut-off file cannot say.
        problems: what is wrong with it, in words.
        custom: what the recorder wrote about the run, from the metadata.
    """

    def __init__(self, path: Path | str) -> None:
        """Open it.

        Raises:
            UnavailableError: there is nothing, or nothing that can be read as a bag.
        """
        self.path = Path(path)
        self.problems: list[str] = []
        self._types = MessageTypes()
        for name in ("BodyState", "MuscleCommand", "MuscleLayout", "ReferenceWindow", "ControlStatus", "Activity", "AppliedPush"):
            with suppress(UnknownNameError):
                self._types.require(f"kinesis_msgs/msg/{name}")
        if not self.path.exists():
            raise UnavailableError(f"there is no bag {self.path}")
        self._reader = self._open()
        self.topics = {name: _summarize(name, info.connections) for name, info in self._reader.topics.items()}
        self.custom = {str(k): str(v) for reader in self._reader.readers for k, v in (_metadata_of(reader).custom or {}).items()}

    @property
    def count(self) -> int:
        """Number of messages, as far as the files say."""
        return int(self._reader.message_count)

    @property
    def start_ns(self) -> int:
        """Recording time of the first message [ns]; 0 for an empty bag."""
        return int(self._reader.start_time) if self.count else 0

    @property
    def duration_s(self) -> float:
        """Time from the first message to the last [s]."""
        return 1e-9 * max(0, self._reader.duration - 1) if self.count else 0.0

    @property
    def definitions(self) -> Any:
        """Field definitions of the recorded types, by type name."""
        return self._reader.typestore.fielddefs

    def messages(self, topics: Collection[str] | None = None) -> Iterator[BagMessage]:
        """Messages of these topics (None: all), as far as the bag has them; a file that breaks on the way ends the iteration, and `problems` says so."""
        topics = set(self.topics if topics is None else topics)
        connections = [c for c in self._reader.connections if c.topic in topics]
        if not connections:
            return
        expected, got = sum(self.topics[t].count for t in topics if t in self.topics), 0
        try:
            for connection, stamp_ns, data in self._reader.messages(connections):
                got += 1
                yield BagMessage(topic=connection.topic, type_name=connection.msgtype, stamp_ns=stamp_ns, data=data)
        except Exception as error:  # sqlite, zstd and lz4 each raise their own; the caller's errors do not pass here
            self.problems.append(f"reading stopped before the end: {type(error).__name__}: {error}")
        if got < expected:
            self.problems.append(f"{expected - got} of {expected} messages could not be read; the file is damaged")

    def decode(self, message: BagMessage) -> Any:
        """A message as an object with the fields of its definition."""
        return self._reader.deserialize(message.data, message.type_name)

    def close(self) -> None:
        """Close the files."""
        self._reader.close()

    def __enter__(self) -> "Recording":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self) -> AnyReader:
        """The bag as its metadata describes it, else the files that are there."""
        files = sorted(p for p in self.path.iterdir() if p.suffix in _KINDS) if self.path.is_dir() else [self.path]
        whole = all(_is_whole(f) for f in files)
        if self.path.is_file():
            if self.path.suffix not in _KINDS:
                raise UnavailableError(f"{self.path} is not a bag: expected a directory, or a file that ends in {' or '.join(_KINDS)}")
        elif (self.path / "metadata.yaml").exists():
            if whole:
                try:
                    return self._reader_of([self.path])
                except _BROKEN as error:
                    self.problems.append(f"metadata.yaml does not fit the files: {error}")
        elif files:
            self.problems.append("metadata.yaml is missing; the files were read without it")
        if not files:
            hint = "; compressed files need their metadata.yaml" if any(self.path.glob("*.zstd")) else ""
            raise UnavailableError(f"{self.path} is not a bag: it holds no .mcap and no .db3 file{hint}")
        return self._open_files(files)

    def _open_files(self, files: list[Path]) -> AnyReader:
        sources: list[Any] = []
        for file in files:
            source = file if _is_whole(file) else self._mended(file)
            try:
                self._reader_of([source]).close()
                sources.append(source)
            except _BROKEN as error:
                self.problems.append(f"{file.name} cannot be read: {error}")
        if not sources:
            raise UnavailableError(f"{self.path} is not a readable bag: " + "; ".join(self.problems))
        return self._reader_of(sources)

    def _mended(self, file: Path) -> "Path | _MendedPath":
        """A view of a cut-off file that ends after its last whole record."""
        with file.open("rb") as stream:
            if not bag_repair.begins_with(stream, 0, bag_repair.MAGIC):
                return file
            end = bag_repair.end_of_whole_records(stream)
        self.problems.append(f"{file.name} was cut off; read up to its last whole record, byte {end}")
        return _MendedPath(file, end)

    def _reader_of(self, sources: list[Any]) -> AnyReader:
        reader = AnyReader(sources, default_typestore=self._types.store)
        reader.open()
        for part in reader.readers:
            for storage in getattr(part.storage, "storages", [part.storage]):  # a folder has one a file
                if isinstance(storage, McapReader) and not storage.chunks:
                    storage.messages = partial(_in_order, storage)
        return reader


def _in_order(storage: McapReader, connections: Collection[Connection], start: int | None = None, stop: int | None = None) -> Iterator[Any]:
    """Messages of a file without an index, which a cut-off one is even after it was mended, by their recording times.

    rosbags refuses such a file at the first message that is older than the one before; recorders write them in the order in which
    they were taken from their queues.
    """
    heap: list[tuple[int, int, Connection, bytes]] = []
    newest = 0
    for number, (connection, stamp_ns, data) in enumerate(storage.messages_scan(connections, start, stop)):
        heapq.heappush(heap, (stamp_ns, number, connection, data))
        newest = max(newest, stamp_ns)
        while heap[0][0] <= newest - _DISORDER_NS:
            yield _unpacked(heapq.heappop(heap))
    while heap:
        yield _unpacked(heapq.heappop(heap))


def _unpacked(entry: tuple[int, int, Connection, bytes]) -> tuple[Connection, int, bytes]:
    stamp_ns, _, connection, data = entry
    return connection, stamp_ns, data


class _MendedPath:
    """What rosbags asks of a path, for the readable part of a file followed by a proper end."""

    def __init__(self, path: Path, end: int) -> None:
        self._path, self._end = path, end
        self.suffix = path.suffix

    def exists(self) -> bool:
        return True

    def is_dir(self) -> bool:
        return False

    def open(self, _mode: str) -> "_MendedFile":
        return _MendedFile(self._path, self._end)

    def __str__(self) -> str:
        return str(self._path)


class _MendedFile(io.RawIOBase):
    """Read-only: the first `end` bytes of a file, then the end of an MCAP file without a summary."""

    def __init__(self, path: Path, end: int) -> None:
        self._file, self._end, self._at = path.open("rb"), end, 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        size = self._end + len(_MEND)
        self._at = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: size}[whence] + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            size = self._end + len(_MEND) - self._at
        self._file.seek(self._at)
        data = self._file.read(min(size, max(self._end - self._at, 0)))
        if len(data) < size:
            start = max(self._at + len(data) - self._end, 0)
            data += _MEND[start : start + size - len(data)]
        self._at += len(data)
        return data

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()


def _is_whole(file: Path) -> bool:
    return file.suffix != ".mcap" or bag_repair.has_end(file)


def _metadata_of(reader: Any) -> Any:
    """What rosbags read from metadata.yaml; it has no public name there."""
    return reader.storage.metadata


def _summarize(name: str, connections: list[Connection]) -> BagTopic:
    qos = [profile for c in connections for profile in getattr(c.ext, "offered_qos_profiles", [])]
    return BagTopic(name=name, type_name=connections[0].msgtype, count=sum(c.msgcount for c in connections), qos=tuple(qos))
