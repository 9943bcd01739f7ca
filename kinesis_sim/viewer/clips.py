"""The clips of a motion library, as the page lists them."""

from pathlib import Path
from typing import Any

from kinesis_control.errors import KinesisError
from kinesis_control.motion.library import read_index

MOST_CLIPS = 5000
"""A page lists no more than this; the rest can still be played by name."""


def clip_facts(library: str) -> dict[str, Any]:
    """Names, lengths [s] and contents of the clips, ready for JSON; `problem` says why there are none.

    Args:
        library: HDF5 file, or "" for none.
    """
    if not library:
        return {"list": [], "problem": "No motion library is loaded; start with --library FILE to play its clips."}
    try:
        _, entries = read_index(Path(library))
    except KinesisError as error:
        return {"list": [], "problem": f"The clips cannot be listed: {error}"}
    rows = [(name, *_told(entry.descriptors)) for name, entry in list(entries.items())[:MOST_CLIPS]]
    return {"list": rows, "problem": "" if rows else "The library holds no clip."}


def _told(descriptors: Any) -> tuple[float, str]:
    """Length of a clip [s], and what it shows."""
    return round(float(descriptors.get("duration_s", 0.0)), 2), str(descriptors.get("content", ""))[:80]
