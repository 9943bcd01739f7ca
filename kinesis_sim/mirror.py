"""Left-right symmetry of a body: who changes places with whom, and which joint angles change sign."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyDescription
from kinesis_control.errors import LayoutError

Array = NDArray[np.float64]
Index = NDArray[np.intp]
_SIDES = {"r": "l", "l": "r", "right": "left", "left": "right"}


@dataclass(frozen=True, kw_only=True)
class MirrorMap:
    """Mirroring through the sagittal plane y = 0; applying it twice changes nothing.

    Attributes:
        muscles: mirrored[..., i] = muscle[..., muscles[i]]; shape (n_muscles,).
        joints, joint_sign: mirrored[..., i] = joint_sign[i] * joint[..., joints[i]]; shapes (n_joints,).
        contacts: as `muscles`, for contact regions; shape (n_contacts,).
        key_bodies: as `muscles`, for key bodies (whose y changes sign too); shape (n_key_bodies,).
    """

    muscles: Index
    joints: Index
    joint_sign: Array
    contacts: Index
    key_bodies: Index


def partners(names: Sequence[str]) -> Index:
    """Index of the name on the other side for each name; a name without a side is its own partner; shape (len(names),).

    Sides are the words r, l, right, left set off by underscores. Some right-hand names of the published models carry no side
    ("DELT1" against "DELT1_l"), so a bare name pairs with its left-sided form where that exists.

    Raises:
        LayoutError: a sided name without its partner.
    """
    position = {name: i for i, name in enumerate(names)}
    result = np.array([position[_partner(name, position)] for name in names], dtype=np.intp)
    lonely = [names[i] for i in range(len(names)) if result[result[i]] != i]
    if lonely:
        raise LayoutError(f"these names have no partner on the other side: {', '.join(lonely)}")
    return result


def _partner(name: str, known: dict[str, int]) -> str:
    words = re.split("(_)", name)
    if not any(w in _SIDES for w in words):
        return f"{name}_l" if f"{name}_l" in known else name
    swapped = "".join(_SIDES.get(w, w) for w in words)
    if swapped in known:
        return swapped
    bare = name[: -len("_l")]
    if name.endswith("_l") and bare in known:
        return bare
    raise LayoutError(f"'{name}' has no partner: neither '{swapped}' nor '{bare}' exists")


def mirror_of(model: mujoco.MjModel, description: BodyDescription, joint_ids: Index, standing_qpos: Array) -> MirrorMap:
    """Mirror map of a body whose standing pose is symmetric and faces +x.

    The sign of a joint follows from geometry. Mirroring through y = 0 turns a rotation about (x, y, z) into one about
    (-x, y, -z) and a slide along (x, y, z) into one along (x, -y, z); the partner's own axis is the same or its negative.

    Raises:
        LayoutError: a name without a partner, or partners whose axes are not mirror images of each other.
    """
    data = mujoco.MjData(model)
    data.qpos[:] = standing_qpos
    mujoco.mj_kinematics(model, data)
    joints = partners(description.joint_names)
    axes = data.xaxis[joint_ids]
    slides = model.jnt_type[joint_ids] == int(mujoco.mjtJoint.mjJNT_SLIDE)
    reflected = np.where(slides[:, None], axes * [1.0, -1.0, 1.0], axes * [-1.0, 1.0, -1.0])
    alignment = np.einsum("ij,ij->i", reflected[joints], axes)
    skewed = [description.joint_names[i] for i in np.flatnonzero(np.abs(alignment) < 0.98)]
    if skewed:
        raise LayoutError(f"body '{description.name}': axes of {', '.join(skewed)} are not mirror images")
    return MirrorMap(
        muscles=partners(description.muscles.names),
        joints=joints,
        joint_sign=np.sign(alignment),
        contacts=partners(description.contact_names),
        key_bodies=partners(description.key_body_names),
    )
