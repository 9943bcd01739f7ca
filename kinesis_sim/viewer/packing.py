"""The two binary messages of the page: the scene (once) and a frame (each time the body has moved). Little endian.

Scene: uint32 length of the JSON text; the text, padded with spaces to whole 4 bytes; float32 vertices (n, 3); int8
normals (n, 4), the fourth unused; uint32 triangles (m, 3); uint8 slots (n,).

Frame: float64 time [s]; float64 number of the state; then float32: gait phase, 1 if fallen, 1 if there is a reference,
0, root position (3), root velocity in base_link (3), joints (J), reference joints (J), contact forces (C), contact
points (C, 3), bone poses (B, 7), ghost poses (B, 7), activations (M), tensions (M); then int16 muscle points (P, 3) in
units of POINT_UNIT_M from the root; then uint8 points of each muscle (M,). Poses are position and wxyz quaternion.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyState
from kinesis_sim.bodies import Body
from kinesis_sim.viewer.bones import Bones
from kinesis_sim.viewer.colours import ANCHORS
from kinesis_sim.viewer.pose import MusclePaths

Array = NDArray[np.float64]

POINT_UNIT_M = 1e-4
"""Resolution of muscle points [m]; with 16 bits they reach 3.2 m from the root."""


@dataclass(frozen=True, kw_only=True)
class ReferencePose:
    """The reference at one instant.

    Attributes:
        joint_position: independent joints; shape (n_joints,) [rad].
        transforms: bone poses; shape (n_slots, 7).
        phase: gait phase, 0..1.
    """

    joint_position: Array
    transforms: Array
    phase: float


def scene_message(body: Body, bones: Bones, facts: dict[str, Any]) -> bytes:
    """The constant part: names, numbers and the bones; `facts` are added to the JSON."""
    d = body.description
    header = {
        "body": d.name,
        "muscles": d.muscles.names,
        "joints": d.joint_names,
        "contacts": d.contact_names,
        "mass": d.mass,
        "height": d.standing_height,
        "slots": len(bones.body_ids),
        "vertices": len(bones.vertices),
        "triangles": len(bones.triangles),
        "point_unit": POINT_UNIT_M,
        "colours": ANCHORS,
        **facts,
    }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 4)
    normals = np.zeros((len(bones.normals), 4), dtype=np.int8)
    normals[:, :3] = np.round(bones.normals * 127.0)
    parts: Sequence[NDArray[Any]] = (bones.vertices.astype("<f4"), normals, bones.triangles.astype("<u4"), bones.slots)
    return len(text).to_bytes(4, "little") + text + b"".join(part.tobytes() for part in parts)


def frame_message(state: BodyState, transforms: Array, contact_points: Array, paths: MusclePaths, reference: ReferencePose | None) -> bytes:
    """What changes with every state. Without a reference its places hold the body's own values."""
    joints = state.joint_position if reference is None else reference.joint_position
    ghost = transforms if reference is None else reference.transforms
    numbers = (
        (0.0 if reference is None else reference.phase, float(state.fallen), float(reference is not None), 0.0),
        state.root_position, state.root_linear_velocity, state.joint_position, joints, state.contact_force, contact_points.reshape(-1),
        transforms.reshape(-1), ghost.reshape(-1), state.muscle_activation, state.muscle_tension,
    )  # fmt: skip
    steps = np.clip(np.round((paths.points - state.root_position) / POINT_UNIT_M), -32768, 32767)
    return b"".join(
        (
            np.array([1e-9 * state.stamp_ns, state.seq], dtype="<f8").tobytes(),
            np.concatenate(numbers).astype("<f4").tobytes(),
            steps.astype("<i2").tobytes(),
            np.minimum(paths.counts, 255).astype(np.uint8).tobytes(),
        )
    )
