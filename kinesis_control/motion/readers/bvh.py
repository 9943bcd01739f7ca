"""BVH files: a skeleton in text, then one line of channel values a frame.

A joint's rotation is the product of its rotation channels in the order in which they are listed: "Zrotation Xrotation
Yrotation" means Rz Rx Ry, in degrees. Position channels take the place of the joint's OFFSET.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import MotionFileError
from kinesis_control.motion.readers.raw import RawMotion, checked_rate, numbers, read_text, shown
from kinesis_control.motion.rotations import IDENTITY, about_axis, multiply

Array = NDArray[np.float64]
CHANNELS = {f"{axis}{kind}".lower(): (kind, i) for i, axis in enumerate("XYZ") for kind in ("position", "rotation")}
HEADER = re.compile(r"^\s*MOTION\s*$", re.MULTILINE | re.IGNORECASE)


@dataclass
class _Joint:
    name: str
    parent: int
    offset: list[float] | None = None
    channels: list[tuple[str, int]] = field(default_factory=list)
    end: bool = False


def read_bvh(path: Path, rate_hz: float | None = None) -> RawMotion:
    """Parse a file.

    Raises:
        MotionFileError: it is not a whole BVH file of one skeleton.
    """
    text = read_text(path).replace("\r\n", "\n").replace("\r", "\n")
    split = HEADER.search(text)
    if not re.match(r"\s*HIERARCHY\b", text, re.IGNORECASE):
        raise MotionFileError(f"{path.name}: not a BVH file: it starts with '{shown(text.strip())}', expected HIERARCHY")
    if split is None:
        raise MotionFileError(f"{path.name}: no MOTION section: the file is truncated")
    joints, notes = _skeleton(path.name, text[: split.start()])
    values, rate = _frames(path.name, text[split.end() :], sum(len(j.channels) for j in joints), rate_hz)
    return _motion(joints, values, rate, notes)


def _skeleton(file: str, text: str) -> tuple[list[_Joint], list[str]]:
    joints: list[_Joint] = []
    notes: list[str] = []
    open_joints: list[int] = []
    awaiting: int | None = None  # declared, its "{" not yet seen
    for line in re.sub(r"([{}])", r"\n\1\n", text).splitlines():
        words = line.split()
        if not words or words[0].upper() == "HIERARCHY":
            continue
        key = words[0].upper()
        if key == "{" and awaiting is not None:
            open_joints.append(awaiting)
            awaiting = None
        elif key == "}" and open_joints and awaiting is None:
            _closed(file, joints[open_joints.pop()])
        elif key in ("ROOT", "JOINT", "END") and awaiting is None:
            joints.append(_declared(file, key, line.strip(), joints, open_joints, notes))
            awaiting = len(joints) - 1
        elif key in ("OFFSET", "CHANNELS") and open_joints and awaiting is None:
            _property(file, key, words[1:], joints[open_joints[-1]])
        else:
            raise MotionFileError(f"{file}: skeleton: '{shown(line.strip())}' is not expected there")
    if open_joints or awaiting is not None or not joints:
        raise MotionFileError(f"{file}: skeleton: {'no ROOT' if not joints else 'a brace is not closed'}: the file is truncated")
    return joints, notes


def _declared(file: str, key: str, line: str, joints: list[_Joint], open_joints: list[int], notes: list[str]) -> _Joint:
    if (key == "ROOT") != (not open_joints):
        raise MotionFileError(f"{file}: skeleton: '{shown(line)}' {'inside a joint' if key == 'ROOT' else 'outside of a ROOT'}")
    if key == "ROOT" and joints:
        raise MotionFileError(f"{file}: several ROOTs ('{joints[0].name}', '{shown(line[4:].strip())}'): one person a file is read; split the file")
    parent = open_joints[-1] if open_joints else -1
    name = line[len(key) :].strip() if key != "END" else f"{joints[parent].name}_end"
    if not name:
        raise MotionFileError(f"{file}: skeleton: a {key} without a name")
    known = {j.name for j in joints}
    if name in known:
        notes += [f"joint '{name}' is there more than once; the later ones got a number"] if key != "END" else []
        name = next(f"{name}#{i}" for i in range(2, len(joints) + 3) if f"{name}#{i}" not in known)
    return _Joint(name, parent, end=key == "END")


def _property(file: str, key: str, words: list[str], joint: _Joint) -> None:
    where = f"joint '{shown(joint.name)}'"
    if key == "OFFSET":
        offset = numbers(file, words, f"OFFSET of {where}")
        if len(offset) != 3 or not np.isfinite(offset).all() or joint.offset is not None:
            raise MotionFileError(f"{file}: OFFSET of {where}: got {shown(' '.join(words))}, expected three finite numbers, once")
        joint.offset = [float(v) for v in offset]
        return
    channels = [CHANNELS.get(w.lower()) for w in words[1:]]
    known = [c for c in channels if c is not None]
    positions = [i for kind, i in known if kind == "position"]
    if not words or words[0] != str(len(channels)) or len(known) != len(channels) or len(set(positions)) != len(positions) or joint.channels:
        raise MotionFileError(f"{file}: CHANNELS of {where}: got '{shown(' '.join(words), 80)}', expected a count and as many of {', '.join(CHANNELS)}")
    joint.channels = known


def _closed(file: str, joint: _Joint) -> None:
    if joint.offset is None:
        raise MotionFileError(f"{file}: joint '{shown(joint.name)}' has no OFFSET")


def _frames(file: str, text: str, channels: int, rate_hz: float | None) -> tuple[Array, float]:
    head = re.match(r"\s*Frames\s*:\s*(\S+)\s+Frame\s+Time\s*:\s*(\S+)[^\S\n]*(?:\n|$)", text, re.IGNORECASE)
    if head is None:
        raise MotionFileError(f"{file}: MOTION: got '{shown(text.strip())}', expected 'Frames: N' and 'Frame Time: SECONDS'")
    count, frame_time = (float(numbers(file, [head[i]], what)[0]) for i, what in ((1, "Frames"), (2, "Frame Time")))
    if not (np.isfinite(count) and count >= 0 and count == int(count)):
        raise MotionFileError(f"{file}: Frames: got {head[1]}, expected a whole number")
    if rate_hz is None and not frame_time > 0.0:
        raise MotionFileError(f"{file}: Frame Time: got {head[2]} s, expected a positive time; give the frame rate")
    rate = checked_rate(file, rate_hz or 1.0 / frame_time, "the frame rate given" if rate_hz else f"Frame Time {head[2]} s")
    if channels == 0:
        raise MotionFileError(f"{file}: no joint has CHANNELS: nothing moves")
    body = text[head.end() :]
    words = body.split()
    if len(words) != int(count) * channels:
        raise MotionFileError(f"{file}: {_miscount(body, int(count), channels)}")
    return numbers(file, words, "MOTION").reshape(int(count), channels), rate


def _miscount(body: str, count: int, channels: int) -> str:
    """What is wrong when the number of values is not frames times channels."""
    lines = [line for line in body.split("\n") if line.strip()]
    for i, line in enumerate(lines):
        if len(line.split()) != channels:
            end = " (the last line: the file is truncated)" if i == len(lines) - 1 else ""
            comma = "; values must be separated by blanks, and decimals written with a point" if "," in line else ""
            return f"frame {i + 1} has {len(line.split())} values, the skeleton has {channels} channels{end}{comma}"
    return f"'Frames: {count}', but {len(lines)} frames follow{': the file is truncated' if len(lines) < count else ''}"


def _motion(joints: list[_Joint], values: Array, rate: float, notes: list[str]) -> RawMotion:
    frames = len(values)
    rest = np.array([j.offset for j in joints], dtype=float)
    position = np.broadcast_to(rest, (frames, len(joints), 3)).copy()
    rotation = np.broadcast_to(IDENTITY, (frames, len(joints), 4)).copy()
    column, added = 0, []
    for i, joint in enumerate(joints):
        moved = np.zeros((frames, 3))
        for kind, axis in joint.channels:
            if kind == "rotation":
                rotation[:, i] = multiply(rotation[:, i], about_axis(axis, np.radians(values[:, column])))
            else:
                moved[:, axis] = values[:, column]
            column += 1
        placed = [axis for kind, axis in joint.channels if kind == "position"]
        if placed and joint.parent >= 0 and _are_displacements(moved, rest[i]):
            position[:, i] += moved
            added.append(joint.name)
        else:
            position[:, i, placed] = moved[:, placed]
    if added:
        notes.append(f"positions of {len(added)} joints (first '{added[0]}') read as displacements from their OFFSET")
    keep = [i for i, joint in enumerate(joints) if not joint.end or np.linalg.norm(rest[i]) > 0.0]
    index = {old: new for new, old in enumerate(keep)}
    return RawMotion(
        names=tuple(joints[i].name for i in keep),
        parents=np.array([index.get(joints[i].parent, -1) for i in keep], dtype=np.int64),
        rest_offset=rest[keep],
        rest_rotation=np.broadcast_to(IDENTITY, (len(keep), 4)).copy(),
        local_position=position[:, keep],
        local_rotation=rotation[:, keep],
        rate_hz=rate,
        notes=notes,
    )


def _are_displacements(moved: Array, offset: Array) -> bool:
    """Some programs write for a joint how far it is from its OFFSET: numbers near zero where the OFFSET is not."""
    length, far = float(np.linalg.norm(offset)), np.linalg.norm(moved, axis=1)
    known = far[np.isfinite(far)]
    return length > 0.0 and len(known) > 0 and bool(np.median(known) < 0.2 * length)
