"""Where a recording comes from and under which licence: only what is written beside it, never guessed."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from kinesis_control.errors import MotionFileError

FIELDS = ("dataset", "licence", "credit")
SIDECAR = "source.json"


def source_of(path: Path, parts: Sequence[Path]) -> dict[str, str]:
    """Facts about a recording: "file", "dataset", "licence", "credit", each "unknown" where nothing says it, and "sha256".

    They are read from `source.json` in the recording's folder or the one above it; failing a licence there, the first line
    of a LICENSE or LICENCE file in the same folder is taken.

    Args:
        path: the recording.
        parts: every file that it consists of; the hash goes over all of them.

    Raises:
        MotionFileError: a `source.json` that is not an object of texts.
    """
    facts = {"file": path.name, **dict.fromkeys(FIELDS, "unknown")}
    sidecar = next((p / SIDECAR for p in (path.parent, path.parent.parent) if (p / SIDECAR).is_file()), None)
    if sidecar is not None:
        facts.update(_read(sidecar))
    if facts["licence"] == "unknown":
        facts["licence"] = _licence_beside(path.parent)
    facts["sha256"] = file_hash(parts)
    return facts


def file_hash(parts: Sequence[Path]) -> str:
    """SHA-256 over the contents of the files, in hexadecimal digits."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.read_bytes())
    return digest.hexdigest()


def _read(sidecar: Path) -> dict[str, str]:
    try:
        content = json.loads(sidecar.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MotionFileError(f"{sidecar.name}: cannot be read: {error}") from error
    if not isinstance(content, dict) or not all(isinstance(content.get(f, ""), str) for f in FIELDS):
        raise MotionFileError(f"{sidecar.name}: expected an object with the texts {', '.join(FIELDS)}")
    return {f: content[f] for f in FIELDS if content.get(f)}


def _licence_beside(folder: Path) -> str:
    """First line of the licence files of a folder; their names where they differ."""
    files = sorted(p for p in folder.iterdir() if p.is_file() and p.name.upper().startswith(("LICENSE", "LICENCE")))
    first = {next((line.strip() for line in p.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()), "") for p in files}
    if not files:
        return "unknown"
    return first.pop()[:200] or "unknown" if len(first) == 1 else "see " + ", ".join(p.name for p in files)
