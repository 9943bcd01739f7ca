"""Writing a motion library so that neither a kill nor a full disk can harm it.

Each clip becomes a small file of its own in the folder `NAME.h5.parts`, put in place by renaming. `close` merges the
library and its parts into a new file and puts that in place by renaming, too. A writer that was killed left the library
as it was and its parts complete; the next one takes them up.
"""

import fcntl
import hashlib
import os
import shutil
import zlib
from pathlib import Path
from types import TracebackType
from typing import IO

from kinesis_control.body_state import BodyDescription
from kinesis_control.errors import ConfigurationError, MotionFileError, UnavailableError
from kinesis_control.motion.clip import MotionClip
from kinesis_control.motion.library import read_index
from kinesis_control.motion.library_format import Header, crc_of, hdf5, seal, write_clip, write_header


class LibraryWriter:
    """Adds clips to a library; used as a context manager, so that it is merged even when an import is broken off.

    Attributes:
        path: the library file.
        header: facts of the body.
    """

    def __init__(self, path: Path, body: BodyDescription, *, created_with: str = "kinesis") -> None:
        """Open a new library or one for the same body.

        Raises:
            MotionFileError: the file exists and is no library, or one for another body.
            UnavailableError: the folder cannot be written, or another writer is at work.
        """
        self.path, self.header, self._created_with = path, Header.of(body), created_with
        self._parts = path.with_name(path.name + ".parts")
        hdf5()
        self._known: dict[str, str] = {}
        if path.exists():
            self._known.update(self._hashes(path))
        self._lock = self._locked()
        try:
            for unfinished in self._parts.glob("*.tmp"):
                unfinished.unlink()
            for part in self._part_files():
                self._known.update(self._hashes(part))
        except BaseException:
            self._lock.close()
            raise

    def __enter__(self) -> "LibraryWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the clips that are safely stored."""
        return tuple(sorted(self._known))

    def has(self, name: str, sha256: str) -> bool:
        """Whether this clip is there already, made from a file of this hash."""
        return self._known.get(name) == sha256

    def add(self, clip: MotionClip) -> None:
        """Store a clip; one of the same name is replaced. When this returns, the clip survives a kill.

        Raises:
            ConfigurationError: a name that no clip can have.
            LayoutError: the clip does not fit the body.
            MotionFileError: values that are not finite, or the disk is full; clips stored before are intact.
        """
        if not clip.name or len(clip.name) > 200 or not clip.name.isprintable() or "/" in clip.name or set(clip.name) == {"."}:
            raise ConfigurationError(f"clip name: got {clip.name[:60]!r}, expected 1 to 200 printable characters without '/'")
        # HDF5 on a full disk may leave a file open and half written: it writes to memory here, and Python writes the bytes.
        with hdf5().File("part", "w", driver="core", backing_store=False) as file:
            write_header(file, self.header, self._created_with)
            write_clip(file, clip, self.header)
            file.flush()
            image = file.id.get_file_image()
        part = self._parts / f"{hashlib.sha256(clip.name.encode()).hexdigest()[:24]}.h5"
        temporary = part.with_suffix(".tmp")
        try:
            with temporary.open("wb") as stream:
                stream.write(image + seal(zlib.crc32(image)))
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(part)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            kept = f"the {len(self._known)} clips before it are intact"
            raise MotionFileError(f"{self.path.name}: clip '{clip.name}' cannot be stored: {error.strerror}; {kept}") from error
        self._known[clip.name] = clip.source.get("sha256", "unknown")

    def close(self) -> None:
        """Merge the parts into the library. Calling it again does nothing.

        Raises:
            MotionFileError: the disk is full; library and parts are as they were, and the next writer merges them.
        """
        if self._lock.closed:
            return
        try:
            parts = self._part_files()
            if parts or not self.path.exists():
                self._merge(parts)
            for part in parts:
                part.unlink()
            Path(self._lock.name).unlink(missing_ok=True)
            self._parts.rmdir()
        finally:
            self._lock.close()

    def _merge(self, parts: list[Path]) -> None:
        h5py = hdf5()
        temporary = self.path.with_name(self.path.name + ".tmp")
        self._require_room([*parts, self.path])
        try:
            with h5py.File(temporary, "w") as file:
                write_header(file, self.header, self._created_with)
                for source in [*parts, *([self.path] if self.path.exists() else [])]:  # a part replaces what has its name
                    with h5py.File(source, "r") as other:
                        for name in sorted(set(other["clips"]) - set(file["clips"])):
                            other.copy(other["clips"][name], file["clips"], name=name)
            end = seal(crc_of(temporary))
            with temporary.open("ab") as stream:
                stream.write(end)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(self.path)
        except (OSError, RuntimeError) as error:
            temporary.unlink(missing_ok=True)
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise MotionFileError(f"{self.path.name}: cannot be written: {reason}; all clips are kept in '{self._parts.name}' for the next import") from error

    def _require_room(self, sources: list[Path]) -> None:
        """Refuse before HDF5 fills the disk: it then cannot close its file, and the process dies when it ends."""
        needed = sum(source.stat().st_size for source in sources if source.exists())
        free = shutil.disk_usage(self.path.parent).free
        if free < needed:
            raise MotionFileError(
                f"{self.path.name}: cannot be written: {needed / 1e6:.1f} MB needed, {free / 1e6:.1f} MB free; "
                f"all clips are kept in '{self._parts.name}' for the next import"
            )

    def _part_files(self) -> list[Path]:
        return sorted(self._parts.glob("*.h5"))

    def _hashes(self, path: Path) -> dict[str, str]:
        header, entries = read_index(path)
        difference = self.header.difference(header)
        if difference:
            raise MotionFileError(f"{path.name}: made for another body than '{self.header.body}': {difference}; give another file name")
        return {name: entry.source["sha256"] for name, entry in entries.items()}

    def _locked(self) -> IO[bytes]:
        """The open lock file; the system releases it however this process ends."""
        try:
            self._parts.mkdir(parents=True, exist_ok=True)
            lock = (self._parts / "lock").open("ab")
        except OSError as error:
            raise UnavailableError(f"'{self._parts}' cannot be written: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise UnavailableError(f"another import is writing to {self.path.name}") from error
        return lock
