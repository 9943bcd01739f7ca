"""Message definitions for bags: those of ROS 2 Jazzy, those of kinesis_msgs, and any other package that is installed."""

import os
import sys
from pathlib import Path

from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from kinesis_control.errors import UnknownNameError

_SOURCE_MESSAGES = Path(__file__).resolve().parents[2] / "msgs" / "msg"


class MessageTypes:
    """Looks up message types by name, and turns messages into objects and back.

    Attributes:
        store: the rosbags type store; it grows as types are asked for.
    """

    def __init__(self) -> None:
        self.store: Typestore = get_typestore(Stores.ROS2_JAZZY)

    def require(self, name: str) -> None:
        """Make a type, for example "kinesis_msgs/msg/BodyState", and everything it is made of known.

        Raises:
            UnknownNameError: no definition of the type is installed.
        """
        if name in self.store.fielddefs:
            return
        path = _definition_file(name)
        if path is None:
            raise UnknownNameError("message type", name, sorted(self.store.fielddefs))
        types = get_types_from_msg(path.read_text(encoding="utf-8"), name)
        for _, fields in types.values():
            for part in _names_in(fields):
                if part not in types:
                    self.require(part)
        self.store.register(types)

    def decode(self, name: str, data: bytes) -> object:
        """A serialized message as an object whose fields are named as in the definition."""
        self.require(name)
        return self.store.deserialize_cdr(data, name)

    def canonical(self, name: str, message: object) -> bytes:
        """A message as bytes that depend on its values alone.

        The bytes that travel have gaps for alignment, and a sender leaves whatever was in its memory there.
        """
        return bytes(self.store.serialize_cdr(message, name))


def stamp_of(message: object) -> int | None:
    """When a message says it was made [ns]: its header, the time of a clock, or the header of its first element."""
    header = getattr(message, "header", None)
    stamp = getattr(header, "stamp", None) or getattr(message, "clock", None)
    if stamp is None:
        elements = getattr(message, "transforms", None) or getattr(message, "markers", None)
        stamp = elements[0].header.stamp if elements else None
    return None if stamp is None else int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def _names_in(value: object) -> list[str]:
    """Every message type named anywhere inside a field description of rosbags."""
    if isinstance(value, str):
        return [value] if value.count("/") == 2 else []
    if isinstance(value, (list, tuple)):
        return [name for item in value for name in _names_in(item)]
    return []


def _definition_file(name: str) -> Path | None:
    package, _, message = name.partition("/msg/")
    prefixes = [Path(p) for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
    candidates = [p / "share" / package / "msg" / f"{message}.msg" for p in (*prefixes, Path(sys.prefix))]
    if package == "kinesis_msgs":
        candidates.append(_SOURCE_MESSAGES / f"{message}.msg")
    return next((c for c in candidates if c.is_file()), None)
