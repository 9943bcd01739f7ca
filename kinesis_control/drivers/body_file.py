"""The constant facts of a robot's body in a file: what the driver node tells the graph, without a physical model at hand."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kinesis_control.body_state import BodyDescription
from kinesis_control.errors import ConfigurationError
from kinesis_control.muscles import MuscleLayout

FORMAT = "kinesis-body-1"


def write_body(path: Path, body: BodyDescription) -> None:
    """Write a description as JSON."""
    document: dict[str, Any] = {"format": FORMAT, **asdict(body), "muscles": list(body.muscles.names), "layout_hash": body.muscles.hash}
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def read_body(path: Path) -> BodyDescription:
    """Read what `write_body` wrote.

    Raises:
        ConfigurationError: unreadable, of another format, incomplete, or its hash is not that of its names.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document.pop("format", None) != FORMAT:
            raise ValueError(f"expected the format '{FORMAT}'")
        layout_hash = document.pop("layout_hash")
        values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in document.items()}
        values["muscles"] = MuscleLayout(names=values["muscles"])
        body = BodyDescription(**values)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"body file '{path}' cannot be read: {error}") from error
    if body.muscles.hash != layout_hash:
        raise ConfigurationError(f"body file '{path}': got layout hash '{layout_hash}', its names give '{body.muscles.hash}'")
    return body
