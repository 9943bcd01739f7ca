"""Acclaim files: the skeleton in an ASF file, the frames in AMC files.

A bone starts where its parent ends; `axis` C gives its own axes, and the values of its `dof` turn it by M about them:
the bone's rotation is that of its parent times C M C^-1. Orders are applied first to last: "XYZ" means Rz Ry Rx.
A joint here carries the name of the bone that starts at it: the joint "ltibia" is the left knee.
"""

import csv
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import MotionFileError
from kinesis_control.motion.readers.raw import RawMotion, checked_rate, numbers, read_text, shown
from kinesis_control.motion.rotations import IDENTITY, about_axis, conjugate, multiply

Array = NDArray[np.float64]
USUAL_RATE_HZ = 120.0  # of the CMU collection, whose files do not say it
LONGEST_GAP = 10_000  # frame numbers that may be missing before the file is called damaged


@dataclass(kw_only=True)
class _Bone:
    name: str = ""
    direction: Array = field(default_factory=lambda: np.zeros(3))
    length: float = 0.0
    axis: Array = field(default_factory=lambda: np.zeros(3))
    axis_order: str = "xyz"
    dof: tuple[str, ...] = ()


@dataclass(kw_only=True)
class _Skeleton:
    file: str
    bones: dict[str, _Bone]
    parent: dict[str, str]
    length: float = 1.0
    degrees: bool = True
    root: _Bone


def skeleton_of(amc: Path) -> Path:
    """The ASF file of an AMC file: NN.asf for NN_MM.amc, one of the same stem, or the only one in the folder.

    Raises:
        MotionFileError: none fits.
    """
    here = sorted(p for p in amc.parent.glob("*") if p.suffix.lower() == ".asf")
    by_stem = {p.stem.lower(): p for p in here}
    for stem in (amc.stem.lower(), amc.stem.lower().rpartition("_")[0]):
        if stem in by_stem:
            return by_stem[stem]
    if len(here) == 1:
        return here[0]
    wanted = " or ".join(f"{stem}.asf" for stem in (amc.stem.rpartition("_")[0], amc.stem) if stem)
    raise MotionFileError(f"{amc.name}: no skeleton: looked for {wanted} beside it; found {[p.name for p in here] or 'no .asf'}")


def read_asf_amc(amc: Path, rate_hz: float | None = None) -> RawMotion:
    """Parse a pair of files; `rate_hz` goes before what the files or a list of trials say.

    Raises:
        MotionFileError: one of them is damaged, or they do not belong together.
    """
    skeleton = _read_asf(skeleton_of(amc))
    notes: list[str] = []
    values, stated = _read_amc(amc, skeleton, notes)
    if rate_hz is None:
        stated = stated or _rate_in_trials(amc)
        if stated is None:
            notes.append(f"the file gives no frame rate: {USUAL_RATE_HZ:g} Hz taken")
    rate = checked_rate(amc.name, rate_hz or stated or USUAL_RATE_HZ, "the frame rate given" if rate_hz else "the frame rate found")
    return _motion(skeleton, values, rate, notes)


def _read_asf(path: Path) -> _Skeleton:
    lines = [line.split("#")[0].strip() for line in read_text(path).splitlines()]
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    for line in filter(None, lines):
        if line.startswith(":"):
            word, _, rest = line[1:].partition(" ")
            current = sections.setdefault(word.lower(), [])
            current += [rest.strip()] if rest.strip() else []
        else:
            current.append(line)
    for needed in ("bonedata", "hierarchy"):
        if needed not in sections:
            raise MotionFileError(f"{path.name}: not a whole ASF file: no ':{needed}' section; it has {sorted(sections) or 'none'}")
    units = {line.split()[0].lower(): line.split()[1:] for line in sections.get("units", []) if len(line.split()) > 1}
    length = _one(path.name, units.get("length", ["1"]), "length unit")
    angle = units.get("angle", ["deg"])[0].lower()
    if not length > 0.0 or angle[:3] not in ("deg", "rad"):
        raise MotionFileError(f"{path.name}: units: got length {length:g} and angle '{shown(angle)}', expected a positive length and deg or rad")
    bones = _bones(path.name, sections["bonedata"])
    root = _root(path.name, sections.get("root", []))
    parent = _hierarchy(path.name, sections["hierarchy"], bones)
    return _Skeleton(file=path.name, bones=bones, parent=parent, length=length, degrees=angle.startswith("deg"), root=root)


def _one(file: str, words: list[str], what: str) -> float:
    value = float(numbers(file, words[:1] or [""], what)[0])
    if not np.isfinite(value):
        raise MotionFileError(f"{file}: {what}: got '{shown(words[0])}', expected a finite number")
    return value


def _vector(file: str, words: list[str], what: str) -> Array:
    values = numbers(file, words[:3], what)
    if len(values) != 3 or not np.isfinite(values).all():
        raise MotionFileError(f"{file}: {what}: got '{shown(' '.join(words))}', expected three finite numbers")
    return values


def _order(file: str, word: str, what: str) -> str:
    order = word.lower()
    if sorted(order) != ["x", "y", "z"]:
        raise MotionFileError(f"{file}: {what}: got axis order '{shown(word)}', expected the letters X, Y and Z, each once")
    return order


def _root(file: str, lines: list[str]) -> _Bone:
    fields = {line.split()[0].lower(): line.split()[1:] for line in lines}
    dof = tuple(w.lower() for w in fields.get("order", ["TX", "TY", "TZ", "RX", "RY", "RZ"]))
    if sorted(dof) != ["rx", "ry", "rz", "tx", "ty", "tz"]:
        raise MotionFileError(f"{file}: root order: got '{shown(' '.join(dof))}', expected TX TY TZ RX RY RZ in some order")
    order = _order(file, (fields.get("axis") or ["XYZ"])[0], "root axis")
    return _Bone(name="root", dof=dof, axis=_vector(file, fields.get("orientation", ["0"] * 3), "root orientation"), axis_order=order)


def _bones(file: str, lines: list[str]) -> dict[str, _Bone]:
    bones: dict[str, _Bone] = {}
    bone: _Bone | None = None
    for line in lines:
        words = line.split()
        key = words[0].lower()
        if key == "begin":
            bone = _Bone()
        elif key == "end" and bone is not None:
            if not bone.name or bone.name in bones or bone.name == "root":
                raise MotionFileError(f"{file}: bonedata: bone '{shown(bone.name)}' has no name of its own")
            bones[bone.name], bone = bone, None
        elif bone is not None:
            _bone_field(file, bone, key, words[1:])
    if bone is not None or not bones:
        raise MotionFileError(f"{file}: bonedata: {'a bone without end: the file is truncated' if bone else 'no bone'}")
    return bones


def _bone_field(file: str, bone: _Bone, key: str, words: list[str]) -> None:
    where = f"bone '{shown(bone.name)}' {key}"
    if key == "name":
        bone.name = words[0] if words else ""
    elif key == "direction":
        bone.direction = _vector(file, words, where)
    elif key == "length":
        bone.length = _one(file, words, where)
    elif key == "axis":
        bone.axis = _vector(file, words, where)
        bone.axis_order = _order(file, words[3] if len(words) > 3 else "XYZ", where)
    elif key == "dof":
        bone.dof = tuple(w.lower() for w in words)
        if not set(bone.dof) <= {"rx", "ry", "rz"}:
            raise MotionFileError(f"{file}: {where}: got '{shown(' '.join(words))}', expected some of rx, ry, rz")


def _hierarchy(file: str, lines: list[str], bones: dict[str, _Bone]) -> dict[str, str]:
    """Parent of each bone, parents first."""
    children = {line.split()[0]: line.split()[1:] for line in lines if line.lower() not in ("begin", "end")}
    parent: dict[str, str] = {}
    queue = ["root"]
    for name in queue:
        for child in children.get(name, []):
            if child not in bones or child in parent:
                raise MotionFileError(f"{file}: hierarchy: '{shown(child)}' {'is not a bone' if child not in bones else 'is there twice'}")
            parent[child] = name
            queue.append(child)
    lost = sorted(set(bones) - set(parent))
    if lost:
        raise MotionFileError(f"{file}: hierarchy: bones {shown(', '.join(lost), 120)} hang on nothing: the file is truncated")
    return parent


def _read_amc(path: Path, skeleton: _Skeleton, notes: list[str]) -> tuple[dict[str, Array], float | None]:
    """Values of each bone, shape (F, dofs), angles in radians; and the frame rate where the file says it."""
    expected = {"root": 6} | {b.name: len(b.dof) for b in skeleton.bones.values() if b.dof}
    columns: dict[str, list[list[str]]] = {name: [] for name in expected}
    degrees, rate, frame_numbers = skeleton.degrees, None, []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0].startswith(":"):
            degrees = {":degrees": True, ":radians": False}.get(words[0].lower(), degrees)
            if words[0].lower() == ":samples-per-second":
                rate = _one(path.name, words[1:], "samples per second")
        elif len(words) == 1 and re.fullmatch("[0-9]+", words[0]):
            frame_numbers.append(int(words[0][:12]))
        elif words[0] not in columns or not frame_numbers or len(words) - 1 != expected[words[0]] or len(columns[words[0]]) >= len(frame_numbers):
            raise MotionFileError(_bad_line(path.name, number, words, skeleton, expected, bool(frame_numbers)))
        else:
            rows = columns[words[0]]
            if len(rows) < len(frame_numbers) - 1:
                raise MotionFileError(f"{path.name}: frame {len(rows) + 1} has no values of '{words[0]}'")
            rows.append(words[1:])
    values = _columns(path.name, columns, expected, frame_numbers, notes)
    if degrees:
        for name, array in values.items():
            turning = [i for i, d in enumerate(skeleton.root.dof) if d[0] == "r"] if name == "root" else slice(None)
            array[:, turning] = np.radians(array[:, turning])
    return values, rate


def _bad_line(file: str, number: int, words: list[str], skeleton: _Skeleton, expected: dict[str, int], started: bool) -> str:
    name = shown(words[0])
    if not started:
        return f"{file}: line {number}: got '{name}' before the first frame number: not an AMC file, or its start is missing"
    if words[0] not in expected:
        return f"{file}: line {number}: bone '{name}' does not move in {skeleton.file}; its moving bones: {', '.join(expected)}"
    if len(words) - 1 != expected[words[0]]:
        return f"{file}: line {number}: '{name}' has {len(words) - 1} values, {skeleton.file} gives it {expected[words[0]]} degrees of freedom"
    return f"{file}: line {number}: '{name}' is there twice in one frame, or a frame number is missing"


def _columns(file: str, columns: dict[str, list[list[str]]], expected: dict[str, int], frames: list[int], notes: list[str]) -> dict[str, Array]:
    """Arrays of each bone with NaN where frame numbers are skipped."""
    if not frames:
        raise MotionFileError(f"{file}: no frame: not an AMC file, or truncated")
    still = [name for name, rows in columns.items() if not rows]
    if "root" in still:
        raise MotionFileError(f"{file}: no values of 'root'")
    if still:
        notes.append(f"no values of {', '.join(still)}: held at rest")
    short = [name for name, rows in columns.items() if rows and len(rows) != len(frames)]
    if short:
        raise MotionFileError(f"{file}: frame {len(columns[short[0]]) + 1} has no values of '{short[0]}': the file is truncated")
    steps = np.diff(frames)
    if (steps < 1).any() or frames[-1] - frames[0] - len(frames) > LONGEST_GAP:
        at = int(np.argmax((steps < 1) | (steps > LONGEST_GAP)))
        raise MotionFileError(f"{file}: frame number {frames[at + 1]} follows {frames[at]}; expected {frames[at] + 1}")
    place = np.array(frames) - frames[0]
    if place[-1] + 1 > len(frames):
        notes.append(f"{place[-1] + 1 - len(frames)} frame numbers are skipped in the file")
    values = {}
    for name, rows in columns.items():
        array = np.full((place[-1] + 1, expected[name]), np.nan if rows else 0.0)
        if rows:
            flat = [word for row in rows for word in row]
            array[place] = numbers(file, flat, f"values of '{name}'").reshape(len(rows), expected[name])
        values[name] = array
    return values


def _turn(order: str, angles: Array) -> Array:
    """Rotation by angles, shape (..., n), about the axes of `order`, the first axis first; shape (..., 4)."""
    result = np.broadcast_to(IDENTITY, (*angles.shape[:-1], 4))
    for i, axis in enumerate(order):
        result = multiply(about_axis("xyz".index(axis), angles[..., i]), result)
    return result


def _axes(bone: _Bone, degrees: bool) -> Array:
    """The bone's own axes at rest; shape (4,)."""
    angles = np.radians(bone.axis) if degrees else bone.axis
    return _turn(bone.axis_order, np.array([angles["xyz".index(a)] for a in bone.axis_order]))


def _motion(skeleton: _Skeleton, values: dict[str, Array], rate: float, notes: list[str]) -> RawMotion:
    names = ["root", *skeleton.parent]
    leaves = [n for n in skeleton.parent if n not in skeleton.parent.values() and skeleton.bones[n].length > 0.0]
    everything = names + [f"{n}_end" for n in leaves]
    frames = len(values["root"])
    end = {n: b.direction / max(float(np.linalg.norm(b.direction)), 1e-12) * b.length for n, b in skeleton.bones.items()}
    offset = np.array([end.get(skeleton.parent.get(n, ""), np.zeros(3)) for n in names] + [end[n] for n in leaves])
    rest = np.broadcast_to(IDENTITY, (len(everything), 4)).copy()
    position = np.broadcast_to(offset, (frames, len(everything), 3)).copy()
    rotation = np.broadcast_to(IDENTITY, (frames, len(everything), 4)).copy()
    for i, name in enumerate(names):
        bone = skeleton.root if name == "root" else skeleton.bones[name]
        rest[i] = _axes(bone, skeleton.degrees)
        if bone.dof:
            turning = [(d[1], k) for k, d in enumerate(bone.dof) if d[0] == "r"]
            if name == "root":  # values are named by `order`, applied by `axis`
                turning.sort(key=lambda pair: bone.axis_order.index(pair[0]))
            turn = _turn("".join(a for a, _ in turning), values[name][:, [k for _, k in turning]])
            rotation[:, i] = multiply(multiply(rest[i], turn), conjugate(rest[i]))
    for k, dof in enumerate(skeleton.root.dof):
        if dof[0] == "t":
            position[:, 0, "xyz".index(dof[1])] = values["root"][:, k]
    rest[len(names) :] = rest[[names.index(n) for n in leaves]] if leaves else rest[len(names) :]
    parents = [-1] + [names.index(skeleton.parent[n]) for n in names[1:]] + [names.index(n) for n in leaves]
    return RawMotion(
        names=tuple(everything),
        parents=np.array(parents, dtype=np.int64),
        rest_offset=offset,
        rest_rotation=rest,
        local_position=position,
        local_rotation=rotation,
        rate_hz=rate,
        scale=1.0 / skeleton.length,
        notes=notes,
    )


def _rate_in_trials(amc: Path) -> float | None:
    """Frame rate of this trial in a `cmu_trials.csv` up to three folders above; None where there is none."""
    trial = re.fullmatch(r"([0-9]+)_([0-9]+)", amc.stem)
    table = next((p / "cmu_trials.csv" for p in list(amc.resolve().parents)[:4] if (p / "cmu_trials.csv").is_file()), None)
    if trial is None or table is None:
        return None
    for row in csv.reader(read_text(table).splitlines()):
        if len(row) > 3 and row[0].isdecimal() and row[1].isdecimal() and (int(row[0]), int(row[1])) == (int(trial[1]), int(trial[2])):
            return float(row[3]) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", row[3]) else None
    return None
