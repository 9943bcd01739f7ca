"""Mends a bag whose recording was cut off: by a kill, a crash, a power cut or a full disk.

An MCAP file is a row of records (one byte of kind, eight bytes of length, content). What was cut off is the last record
and the end of the file; everything before is whole.
"""

import os
from io import StringIO
from pathlib import Path
from typing import Any, BinaryIO

from rosbags.rosbag2.metadata import dump_qos_v9
from rosbags.rosbag2.storage_mcap import McapReader
from ruamel.yaml import YAML

from kinesis_control.errors import UnavailableError

MAGIC = b"\x89MCAP0\r\n"
DATA_END = b"\x0f" + (4).to_bytes(8, "little") + bytes(4)
# A footer of zeros says that there is no summary; readers then scan the records.
FOOTER = b"\x02" + (20).to_bytes(8, "little") + bytes(20) + MAGIC
_HEADER_KIND, _DATA_END_KIND, _LAST_KIND = 0x01, 0x0F, 0x0F


def sourced_distro() -> str:
    """Name of the ROS 2 distribution that is sourced; where none is, jazzy, which the installed packages are of."""
    return os.environ.get("ROS_DISTRO") or "jazzy"


def repair_bag(path: Path) -> int:
    """Cut a bag back to its last whole record, end it properly, and write its metadata.

    Returns:
        Number of messages that are readable.

    Raises:
        UnavailableError: there is no MCAP file of which anything can be saved.
    """
    files = _mcap_files(path)
    if not files:
        raise UnavailableError(f"{path} has no MCAP file to repair")
    for file in files:
        if not has_end(file):
            _end_properly(file)
    summaries = [_summarize(file) for file in files]
    if path.is_dir():
        (path / ".reserve").unlink(missing_ok=True)
        _write_metadata(path, summaries)
    return sum(int(s["message_count"]) for s in summaries)


def _mcap_files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(path.glob("*.mcap"))
    return [path] if path.suffix == ".mcap" else []


def has_end(file: Path) -> bool:
    """Whether an MCAP file ends as it should."""
    with file.open("rb") as stream:
        size = stream.seek(0, 2)
        if size < len(MAGIC) * 2:
            return False
        stream.seek(-len(FOOTER), 2)
        return stream.read()[:1] == FOOTER[:1] and begins_with(stream, size - len(MAGIC), MAGIC)


def begins_with(stream: BinaryIO, position: int, expected: bytes) -> bool:
    """Whether these bytes stand at a position."""
    stream.seek(position)
    return stream.read(len(expected)) == expected


def _end_properly(file: Path) -> None:
    with file.open("r+b") as stream:
        if not begins_with(stream, 0, MAGIC + bytes([_HEADER_KIND])):
            raise UnavailableError(f"{file} does not start like an MCAP file; nothing can be saved")
        end = end_of_whole_records(stream)
        stream.truncate(end)
        stream.seek(end)
        stream.write(DATA_END + FOOTER)


def end_of_whole_records(stream: BinaryIO) -> int:
    """Where the last whole record of an MCAP file ends [bytes]."""
    size = stream.seek(0, 2)
    position = len(MAGIC)
    while True:
        stream.seek(position)
        head = stream.read(9)
        if len(head) < 9 or not _HEADER_KIND <= head[0] <= _LAST_KIND or head[0] == _DATA_END_KIND:
            return position
        end = position + 9 + int.from_bytes(head[1:], "little")
        if end > size:
            return position
        position = end


def _summarize(file: Path) -> dict[str, Any]:
    """Count what a file holds, in the words of the metadata of a bag."""
    reader = McapReader(file)
    reader.open()
    found = reader.metadata
    topics = [
        {
            "topic_metadata": {
                "name": c.topic,
                "type": c.msgtype,
                "serialization_format": "cdr",
                "offered_qos_profiles": dump_qos_v9(getattr(c.ext, "offered_qos_profiles", [])),
                "type_description_hash": c.digest,
            },
            "message_count": c.msgcount,
        }
        for c in reader.connections
    ]
    reader.close()
    count = found.message_count
    return {
        "path": file.name,
        "starting_time": {"nanoseconds_since_epoch": found.start_time if count else 0},
        "duration": {"nanoseconds": max(0, found.duration - 1)},
        "message_count": count,
        "topics": topics,
    }


def _write_metadata(path: Path, summaries: list[dict[str, Any]]) -> None:
    topics: dict[str, dict[str, Any]] = {}
    for topic in [t for s in summaries for t in s.pop("topics")]:
        known = topics.setdefault(topic["topic_metadata"]["name"], {**topic, "message_count": 0})
        known["message_count"] += topic["message_count"]
    filled = [s for s in summaries if s["message_count"]] or summaries
    start = min(s["starting_time"]["nanoseconds_since_epoch"] for s in filled)
    end = max(s["starting_time"]["nanoseconds_since_epoch"] + s["duration"]["nanoseconds"] for s in filled)
    information = {
        "version": 9,
        "storage_identifier": "mcap",
        "relative_file_paths": [s["path"] for s in summaries],
        "duration": {"nanoseconds": end - start},
        "starting_time": {"nanoseconds_since_epoch": start},
        "message_count": sum(s["message_count"] for s in summaries),
        "topics_with_message_count": list(topics.values()),
        "compression_format": "",
        "compression_mode": "",
        "files": summaries,
        "custom_data": None,
        "ros_distro": sourced_distro(),
    }
    stream = StringIO()
    yaml = YAML(typ="safe")
    yaml.default_flow_style = False
    yaml.dump({"rosbag2_bagfile_information": information}, stream)
    (path / "metadata.yaml").write_text(stream.getvalue(), encoding="utf-8")
