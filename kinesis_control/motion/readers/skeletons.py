"""Which joint is the left knee: names of the common skeletons, checked against how the joints hang on each other.

Joints are looked up by names stripped of prefixes, signs and case. The words for a side stand before or after:
"LeftUpLeg", "lfemur", "UpperLeg_L", "Bip01 L Thigh", "mixamorig:LeftUpLeg", "L_Hip", "m_avg_L_Hip".
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from kinesis_control.errors import MotionFileError
from kinesis_control.motion.source_motion import ROLES

REQUIRED = ("pelvis", "hip_l", "knee_l", "ankle_l", "hip_r", "knee_r", "ankle_r")

# In order of preference: where a skeleton has both "LeftFoot" and "LeftAnkle", the ankle is the latter.
SIDED: dict[str, tuple[str, ...]] = {
    "hip": ("upleg", "upperleg", "thigh", "femur", "uleg", "hip", "hipjoint"),
    "knee": ("knee", "lowerleg", "lowleg", "shin", "calf", "tibia", "shank", "lleg", "leg"),
    "ankle": ("ankle", "foot", "talus"),
    "toe": ("toebase", "toe", "toes", "toe0", "ball", "toejoint", "mtp", "foot"),
    "shoulder": ("arm", "uparm", "upperarm", "uarm", "humerus", "glenohumeral", "shoulder"),
    "elbow": ("elbow", "forearm", "lowerarm", "lowarm", "farm", "radius", "ulna"),
    "wrist": ("wrist", "hand"),
}
CENTRAL: dict[str, tuple[str, ...]] = {
    "pelvis": ("pelvis", "hips", "hip", "root", "lowertorso"),
    "spine": ("spine", "lowerback", "spine0", "spine1", "abdomen", "ab", "l5", "torso", "tospine"),
    "chest": ("chest", "thorax", "upperchest", "spine3", "spine2", "spine1", "upperback", "t8", "chest2", "uppertorso"),
    "neck": ("neck", "neck0", "neck1", "lowerneck"),
    "head": ("head",),
}
PREFIX = re.compile(r"^(mixamorig\d*|bip\d+|[mf]_avg|joint|jnt|jt|skel|xsens|character\d*|b|smpl|smplx)(?=[ _\-.])[ _\-.]*", re.IGNORECASE)


def plain(name: str) -> str:
    """A joint's name without namespace, prefix, signs and case: "mixamorig:LeftUpLeg" -> "leftupleg"."""
    name = re.split(r"[:|]", name)[-1].strip()
    while PREFIX.match(name) and PREFIX.sub("", name):
        name = PREFIX.sub("", name)
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _without_actor(names: Sequence[str]) -> list[str]:
    """Names without a first word that nearly all of them share, such as the actor's: "Anna_LeftUpLeg" -> "LeftUpLeg"."""
    first = [re.match(r"([^ _.\-]+)[ _.\-]+(?=.)", name) for name in names]
    words = [m[1] for m in first if m]
    common = max(set(words), key=words.count, default="")
    if words.count(common) < 0.8 * len(names):
        return list(names)
    return [name[m.end() :] if m and m[1] == common else name for name, m in zip(names, first, strict=True)]


def find_roles(file: str, names: Sequence[str], parents: NDArray[np.int64], mapping: Path | None = None) -> dict[str, str]:
    """Role -> joint name, by name where the skeleton is a common one, and by a mapping file before that.

    Raises:
        MotionFileError: hips, knees, ankles or pelvis are not found; the mapping file is wrong; joints do not hang on each
            other as these roles do.
    """
    given = read_mapping(mapping, names) if mapping is not None else {}
    chain = _chains(parents)
    index = {plain(n): i for known in (_without_actor(names), names) for i, n in reversed(list(enumerate(known)))}
    found = {role: names.index(joint) for role, joint in given.items()}
    for role in (r for r in ROLES if r not in found):
        candidate = _by_name(role, index, found)
        if candidate is not None:
            found[role] = candidate
    if "hip_l" in found and "hip_r" in found and "pelvis" not in given:
        _set(found, "pelvis", _pelvis(found, chain))
    missing = [role for role in REQUIRED if role not in found]
    if missing:
        raise MotionFileError(
            f"{file}: no joint known for {', '.join(missing)}. Joints of the file: {', '.join(names)}. Give a mapping file, JSON or YAML, "
            f"of role: joint lines, for example 'hip_l: {names[min(1, len(names) - 1)]}'; roles: {', '.join(ROLES)}"
        )
    _check(file, found, chain, names)
    _drop_misplaced(found, chain, set(given))
    return {role: names[found[role]] for role in ROLES if role in found}


def read_mapping(path: Path, names: Sequence[str]) -> dict[str, str]:
    """Role -> joint from a JSON or YAML file, either at its top or under "roles".

    Raises:
        MotionFileError: it cannot be read, or names a role or a joint that does not exist.
    """
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise MotionFileError(f"mapping file {path.name}: cannot be read: {str(error).splitlines()[0]}") from error
    if isinstance(content, Mapping) and isinstance(content.get("roles"), Mapping):
        content = content["roles"]
    if not isinstance(content, Mapping) or not content:
        raise MotionFileError(f"mapping file {path.name}: expected lines 'role: joint', for example 'hip_l: LeftUpLeg'")
    mapping = {str(role): str(joint) for role, joint in content.items()}
    roles, joints = [r for r in mapping if r not in ROLES], [j for j in mapping.values() if j not in names]
    if roles or joints:
        wrong = f"unknown roles {roles}; known: {', '.join(ROLES)}" if roles else f"joints {joints} are not in the file, which has: {', '.join(names)}"
        raise MotionFileError(f"mapping file {path.name}: {wrong}")
    twice = sorted({j for j in mapping.values() if list(mapping.values()).count(j) > 1})
    if twice:
        raise MotionFileError(f"mapping file {path.name}: joints with two roles: {', '.join(twice)}")
    return mapping


def _set(found: dict[str, int], role: str, joint: int | None) -> None:
    if joint is not None:
        found[role] = joint


def _by_name(role: str, index: Mapping[str, int], found: Mapping[str, int]) -> int | None:
    taken = set(found.values())
    base, _, side = role.rpartition("_") if role[-2:] in ("_l", "_r") else (role, "", "")
    words = SIDED[base] if side else CENTRAL[base]
    sides = {"l": ("left", "l"), "r": ("right", "r")}.get(side, ("",))
    for word in words:
        for form in [form for s in sides for form in ((s + word, word + s) if s else (word,))]:
            if form in index and index[form] not in taken:
                return index[form]
    return None


def _chains(parents: NDArray[np.int64]) -> list[list[int]]:
    """For each joint, itself and its ancestors up to the root."""
    chains: list[list[int]] = []
    for joint, parent in enumerate(parents):
        chains.append([joint, *(chains[parent] if parent >= 0 else [])])
    return chains


def _pelvis(found: Mapping[str, int], chains: list[list[int]]) -> int | None:
    """The joint named so if both hips hang on it, else the nearest one that both hang on."""
    shared = [j for j in chains[found["hip_l"]][1:] if j in chains[found["hip_r"]][1:]]
    return found["pelvis"] if found.get("pelvis") in shared else shared[0] if shared else None


def _check(file: str, found: Mapping[str, int], chains: list[list[int]], names: Sequence[str]) -> None:
    for side in "lr":
        for upper, lower in (("pelvis", "hip"), ("hip", "knee"), ("knee", "ankle")):
            up, low = found[upper if upper == "pelvis" else f"{upper}_{side}"], found[f"{lower}_{side}"]
            if up not in chains[low][1:]:
                raise MotionFileError(
                    f"{file}: roles do not fit the skeleton: {lower}_{side} ('{names[low]}') does not hang on {upper} ('{names[up]}'); give a mapping file"
                )


def _drop_misplaced(found: dict[str, int], chains: list[list[int]], given: set[str]) -> None:
    """Optional roles that a name suggested but the hierarchy denies are left out; the chest is where the arms branch off."""
    for side in "lr":
        for upper, lower in (("ankle", "toe"), ("shoulder", "elbow"), ("elbow", "wrist")):
            up, low = f"{upper}_{side}", f"{lower}_{side}"
            if low in found and low not in given and (up not in found or found[up] not in chains[found[low]][1:]):
                del found[low]
    if "shoulder_l" in found and "shoulder_r" in found and "chest" not in given:
        shared = [j for j in chains[found["shoulder_l"]] if j in chains[found["shoulder_r"]]]
        if shared and shared[0] not in {i for r, i in found.items() if r != "chest"}:
            found["chest"] = shared[0]
    legs = {found[f"hip_{s}"] for s in "lr"}
    for role in ("spine", "chest", "neck", "head"):
        wrong = role in found and (found["pelvis"] not in chains[found[role]][1:] or legs & set(chains[found[role]]))
        if wrong and role not in given:
            del found[role]
