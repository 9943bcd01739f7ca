"""The limits of a robot as a file: JSON with units in the names, ranges, a schema and a checksum.

    limits = read_limits(path, layout, serial=7)      # refuses another robot's, an unknown entry, a wrong range or checksum
    write_limits(path, document)                      # fills the checksum in

An entry for muscles is one number for all, or an object with "default" and the muscles that differ.
"""

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kinesis_control.errors import ConfigurationError, UnknownNameError
from kinesis_control.muscles import MuscleLayout
from kinesis_control.safety.robot_limits import NEW_ROBOT_CAP, Array, RobotLimits

FORMAT = "kinesis-robot-limits/1"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A number of the file: unit, range (both ends belong to it), what stands for it when it is missing, and what it is."""

    unit: str
    low: float
    high: float
    default: float
    text: str


MUSCLE_ENTRIES = {
    "full_pressure_pa": Entry(unit="Pa", low=1e3, high=1.3e6, default=700e3, text="pressure of full strength"),
    "slew_up_pa_s": Entry(unit="Pa/s", low=1e3, high=1e9, default=7e6, text="fastest rise"),
    "slew_down_pa_s": Entry(unit="Pa/s", low=1e3, high=1e9, default=7e6, text="fastest fall"),
    "max_tension_n": Entry(unit="N", low=0.1, high=1e5, default=1e5, text="largest tension"),
    "fill_l_per_pa": Entry(unit="l/Pa", low=0.0, high=1e-3, default=0.0, text="fluid that a rise of 1 Pa takes"),
}
ENTRIES = {
    "cap": Entry(unit="1", low=0.001, high=1.0, default=NEW_ROBOT_CAP, text="share of full pressure that may be used"),
    "guard_rad": Entry(unit="rad", low=0.01, high=1.5, default=0.15, text="distance from a stop at which the joint guard begins"),
    "guard_lookahead_s": Entry(unit="s", low=0.0, high=0.5, default=0.05, text="how far ahead a joint's velocity is followed"),
    "warm_c": Entry(unit="deg C", low=0.0, high=150.0, default=60.0, text="temperature at which derating begins"),
    "hot_c": Entry(unit="deg C", low=0.0, high=150.0, default=75.0, text="temperature at which nothing is left"),
    "blind": Entry(unit="1", low=0.0, high=1.0, default=0.3, text="share that is left where a needed sensor gives nothing"),
    "flow_l_s": Entry(unit="l/s", low=1e-6, high=1e6, default=1e6, text="fluid that the supply gives"),
}
_PARTS = ("format", "serial", "layout_hash", "groups", "joints", "checksum")


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the file; kinesis_control/drivers/data/robot_limits.schema.json is this."""

    def number(entry: Entry) -> dict[str, Any]:
        return {"type": "number", "minimum": entry.low, "maximum": entry.high}

    names = {"type": "array", "items": {"type": "string"}}
    group = {
        "type": "object", "additionalProperties": False, "required": ["name", "muscles", "mean"],
        "properties": {"name": {"type": "string"}, "muscles": names, "mean": {"type": "number", "exclusiveMinimum": 0, "maximum": 1}},
    }  # fmt: skip
    joint = {
        "type": "object", "additionalProperties": False, "required": ["name", "low_rad", "high_rad", "towards_low", "towards_high"],
        "properties": {"name": {"type": "string"}, "low_rad": {"type": "number"}, "high_rad": {"type": "number"}, "towards_low": names, "towards_high": names},
    }  # fmt: skip
    properties: dict[str, Any] = {
        "format": {"const": FORMAT},
        "serial": {"type": "integer", "minimum": 1, "description": "serial number of the robot"},
        "layout_hash": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
        "checksum": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$", "description": "of the file without this entry, keys sorted, no spaces"},
        "groups": {"type": "array", "items": group, "description": "muscles that must not all be strong at once; mean share of full pressure"},
        "joints": {"type": "array", "items": joint, "description": "stops, and the muscles that drive the joint towards each"},
    }
    for name, entry in ENTRIES.items():
        properties[name] = {**number(entry), "default": entry.default, "description": f"{entry.text} [{entry.unit}]"}
    for name, entry in MUSCLE_ENTRIES.items():
        each = {"type": "object", "required": ["default"], "additionalProperties": number(entry)}
        properties[name] = {"oneOf": [number(entry), each], "default": entry.default, "description": f"{entry.text}, per muscle [{entry.unit}]"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Limits of a robot", "type": "object",
        "required": ["format", "serial", "layout_hash", "checksum"], "additionalProperties": False, "properties": properties,
    }  # fmt: skip


def checksum_of(document: dict[str, Any]) -> str:
    """SHA-256 of the document without its checksum, keys sorted, no spaces."""
    rest = {key: value for key, value in document.items() if key != "checksum"}
    return "sha256:" + hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def write_limits(path: Path, document: dict[str, Any]) -> None:
    """Write a document, with its checksum."""
    path.write_text(json.dumps({**document, "checksum": checksum_of(document)}, indent=2) + "\n", encoding="utf-8")


def read_limits(path: Path, layout: MuscleLayout, joint_names: tuple[str, ...], *, serial: int) -> RobotLimits:
    """The limits in a file, for arrays in the order of `layout` and `joint_names`.

    Raises:
        ConfigurationError: unreadable, changed without a new checksum, of another robot or layout, or out of range.
        UnknownNameError: an entry, muscle or joint that there is not.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"limits '{path}' cannot be read: {error}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ConfigurationError(f"limits '{path}': expected an object with format '{FORMAT}'")
    known = (*_PARTS, *ENTRIES, *MUSCLE_ENTRIES)
    for name in document:
        if name not in known:
            raise UnknownNameError("entry of the limits", name, known)
    if document.get("checksum") != checksum_of(document):
        raise ConfigurationError(f"limits '{path}': got {document.get('checksum')}, expected {checksum_of(document)}: changed since it was checked")
    if document.get("serial") != serial or document.get("layout_hash") != layout.hash:
        raise ConfigurationError(
            f"limits '{path}' are for robot {document.get('serial')}, layout {document.get('layout_hash')}; expected robot {serial}, layout {layout.hash}"
        )
    return from_document(document, layout, joint_names)


def from_document(document: dict[str, Any], layout: MuscleLayout, joint_names: tuple[str, ...]) -> RobotLimits:
    """Limits from the entries of a document; its header is not looked at.

    Raises:
        ConfigurationError: a value of the wrong type or out of its range.
        UnknownNameError: a muscle or joint that there is not.
    """
    groups, means = _groups(document.get("groups", []), layout)
    drives, low, high = _joints(document.get("joints", []), layout, joint_names)
    muscle: dict[str, Any] = {name: _per_muscle(name, entry, document.get(name, entry.default), layout) for name, entry in MUSCLE_ENTRIES.items()}
    whole: dict[str, Any] = {name: _number(name, entry, document.get(name, entry.default)) for name, entry in ENTRIES.items()}
    return RobotLimits(groups=groups, group_mean=means, drives=drives, joint_low=low, joint_high=high, **muscle, **whole)


def _number(name: str, entry: Entry, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or not entry.low <= value <= entry.high:
        raise ConfigurationError(f"{name}: got {value!r}, expected {entry.low:g} to {entry.high:g} {entry.unit}")
    return float(value)


def _per_muscle(name: str, entry: Entry, value: Any, layout: MuscleLayout) -> Array:
    if not isinstance(value, dict):
        return np.full(len(layout), _number(name, entry, value))
    if "default" not in value:
        raise ConfigurationError(f"{name}: an object needs the entry 'default'")
    out = np.full(len(layout), _number(name, entry, value["default"]))
    for muscle, own in value.items():
        if muscle != "default":
            out[_index("muscle", muscle, layout.names)] = _number(f"{name} of {muscle}", entry, own)
    return out


def _index(kind: str, name: Any, names: tuple[str, ...]) -> int:
    if name not in names:
        raise UnknownNameError(kind, str(name), names)
    return names.index(name)


def _groups(entries: Any, layout: MuscleLayout) -> tuple[np.ndarray, Array]:
    groups, means = np.zeros((len(entries), len(layout)), dtype=bool), np.zeros(len(entries))
    for k, group in enumerate(entries):
        try:
            for muscle in group["muscles"]:
                groups[k, _index("muscle", muscle, layout.names)] = True
            means[k] = float(group["mean"])
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(f"group {k} of the limits: got {group!r}, expected name, muscles and mean ({error})") from error
    return groups, means


def _joints(entries: Any, layout: MuscleLayout, joint_names: tuple[str, ...]) -> tuple[Array, Array, Array]:
    """Rows for every joint of the robot; one that the file does not name is not guarded."""
    drives = np.zeros((len(joint_names), len(layout)))
    low, high = np.full(len(joint_names), -np.inf), np.full(len(joint_names), np.inf)
    for k, joint in enumerate(entries):
        try:
            row = _index("joint", joint["name"], joint_names)
            low[row], high[row] = float(joint["low_rad"]), float(joint["high_rad"])
            for sign, side in ((1.0, "towards_high"), (-1.0, "towards_low")):
                for muscle in joint[side]:
                    drives[row, _index("muscle", muscle, layout.names)] = sign
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(f"joint {k} of the limits: got {joint!r}, expected the entries of the schema ({error})") from error
    return drives, low, high
