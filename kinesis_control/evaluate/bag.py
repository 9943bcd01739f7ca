"""Writing bags: MCAP as `ros2 bag` writes and reads it. Reading them: stream_open.Recording.

BagWriter keeps what it has written readable whatever happens: a chunk is finished every second of recorded time, space
for the end of the file is set aside at the start, and a bag that was cut off is mended by `repair_bag`.
"""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from rosbags.interfaces import Connection, Qos
from rosbags.rosbag2 import ReaderError, StoragePlugin, Writer
from rosbags.rosbag2.enums import CompressionFormat, CompressionMode

from kinesis_control.errors import UnavailableError, UnknownNameError
from kinesis_control.evaluate.bag_repair import repair_bag, sourced_distro
from kinesis_control.evaluate.bag_types import MessageTypes

_CHUNK_NS = 1_000_000_000
_FILE_NAME = "recording.mcap"
_RESERVE_NAME = ".reserve"
_RESERVE_BYTES = 256 * 1024


@dataclass(frozen=True, kw_only=True)
class BagMessage:
    """One recorded message.

    Attributes:
        topic: topic name.
        type_name: for example "kinesis_msgs/msg/BodyState".
        stamp_ns: when it was received, on the clock of the recording [ns].
        data: CDR bytes.
    """

    topic: str
    type_name: str
    stamp_ns: int
    data: bytes


@dataclass(frozen=True, kw_only=True)
class BagTopic:
    """What a bag holds of one topic: its type, number of messages, and the QoS that its publishers offered."""

    name: str
    type_name: str
    count: int
    qos: tuple[Qos, ...]


class BagWriter:
    """Writes a new bag.

    Attributes:
        path: directory of the bag.
        counts: messages written so far, by topic.
        types: message definitions.
    """

    def __init__(self, path: Path | str, *, distro: str | None = None, compress: bool = False, types: MessageTypes | None = None) -> None:
        """Create the directory and the file.

        Args:
            path: a directory that does not exist yet.
            distro: ROS 2 distribution that shall read it, by default the sourced one, or else jazzy; humble and iron get the
                older metadata.
            compress: compress chunks with zstd.
            types: message definitions; by default those that are installed.

        Raises:
            UnavailableError: the directory exists, or cannot be written.
        """
        self.path = Path(path)
        self.counts: dict[str, int] = {}
        self.types = types or MessageTypes()
        self._connections: dict[str, Connection] = {}
        self._chunk_start: int | None = None
        self._failure: UnavailableError | None = None
        self._distro = distro or sourced_distro()
        version: Literal[8, 9] = 8 if self._distro in ("humble", "iron") else 9
        if self.path.exists():
            raise UnavailableError(f"{self.path} exists already; a recording needs a new directory")
        self._writer = Writer(self.path, version=version, storage_plugin=StoragePlugin.MCAP)
        self._writer.set_compression(CompressionMode.STORAGE if compress else CompressionMode.NONE, CompressionFormat.ZSTD)
        try:
            self._writer.open()
            # rosbags names the file after the directory, and the name stands in the file: the same recording in another
            # directory would differ.
            self._storage.path = self._storage.path.rename(self.path / _FILE_NAME)
            self._storage.bio.flush()
            _reserve(self.path / _RESERVE_NAME)
        except OSError as error:
            raise UnavailableError(f"cannot record to {self.path}: {error.strerror}") from error

    def add_topic(self, topic: str, type_name: str, qos: Iterable[Qos] = ()) -> None:
        """Announce a topic; one that is known already is left as it is.

        Raises:
            UnknownNameError: no definition of the type is installed.
        """
        if topic in self._connections:
            return
        self.types.require(type_name)
        self._connections[topic] = self._writer.add_connection(topic, type_name, typestore=self.types.store, offered_qos_profiles=list(qos))
        self.counts[topic] = 0

    def describe(self, facts: Mapping[str, str]) -> None:
        """State facts of the run, name -> value; they go into the metadata when the bag is closed."""
        for name, value in facts.items():
            self._writer.set_custom_data(name, value)

    def write(self, topic: str, stamp_ns: int, data: bytes) -> None:
        """Append one serialized message.

        Args:
            topic: a topic that was announced.
            stamp_ns: time of reception [ns].
            data: CDR bytes.

        Raises:
            UnknownNameError: the topic was not announced.
            UnavailableError: the disk is full or gone; what was written before stays readable.
        """
        if self._failure is not None:
            raise self._failure
        if topic not in self._connections:
            raise UnknownNameError("topic of the bag", topic, self._connections)
        try:
            self._writer.write(self._connections[topic], stamp_ns, data)
            # Chunk ends follow recorded time, never the wall clock: the same messages always give the same file.
            if self._chunk_start is None:
                self._chunk_start = stamp_ns
            elif stamp_ns - self._chunk_start >= _CHUNK_NS:
                self.flush()
        except OSError as error:
            raise self._give_up(error) from error
        self.counts[topic] += 1

    def flush(self) -> None:
        """Hand everything written so far to the operating system."""
        if self._storage.chunk.bio.tell():
            self._storage.close_chunk()
        self._storage.bio.flush()
        self._chunk_start = None

    def close(self) -> None:
        """Finish the bag; may be called again.

        Raises:
            UnavailableError: the end could not be written; the messages stay readable.
        """
        if self._writer.storage is None:
            return
        (self.path / _RESERVE_NAME).unlink(missing_ok=True)
        # rosbags puts its own name where the name of the ROS 2 distribution belongs, in the file and beside it.
        storage, metadata_file = self._storage, self.path / "metadata.yaml"
        close_storage = storage.close
        storage.close = lambda version, metadata: close_storage(version, self._with_distro(metadata))
        try:
            self._writer.close()
            metadata_file.write_text(self._with_distro(metadata_file.read_text("utf8")), "utf8")
        except OSError as error:
            raise self._give_up(error) from error

    def _with_distro(self, metadata: str) -> str:
        return metadata.replace("ros_distro: rosbags", f"ros_distro: {self._distro}")

    def __enter__(self) -> "BagWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def _storage(self) -> Any:
        """The MCAP storage of rosbags; its chunk and file have no public way to be flushed."""
        return self._writer.storage

    def _give_up(self, error: OSError) -> UnavailableError:
        with suppress(OSError):
            self._writer.abort()
        (self.path / _RESERVE_NAME).unlink(missing_ok=True)
        kept = "nothing recorded is readable"
        with suppress(OSError, ReaderError):
            kept = f"{repair_bag(self.path)} messages recorded before are readable"
        self._failure = UnavailableError(f"cannot write to {self.path}: {error.strerror}; {kept}")
        return self._failure


def _reserve(path: Path) -> None:
    """Set disk space aside that close() can use when the disk has become full."""
    with path.open("xb") as file:
        os.posix_fallocate(file.fileno(), 0, _RESERVE_BYTES)
