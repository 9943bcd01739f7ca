"""AMASS and other SMPL motions: an NPZ file of joint angles, and the body model that the user has a licence for.

The motion file holds `poses` (axis-angle of every joint), `trans`, `betas` and the frame rate; the lengths of the bones are
in the model file, which is read as NPZ: J_regressor, v_template, shapedirs, kintree_table. No model ships with the stack.
"""

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import MotionFileError
from kinesis_control.motion.readers import measures
from kinesis_control.motion.readers.raw import Given, RawMotion, checked_rate, shown
from kinesis_control.motion.rotations import IDENTITY, conjugate, forward_kinematics, multiply

Array = NDArray[np.float64]
JOINTS = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle", "spine3",
    "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist",
)  # fmt: skip
"""Joints of the body, which are the first of every model of the family; hands and face are left out."""
RATE_KEYS = ("mocap_framerate", "mocap_frame_rate", "fps")
NOT_READABLE = (OSError, ValueError, KeyError, TypeError, IndexError, EOFError, zipfile.BadZipFile, MemoryError, OverflowError)


def holds_poses(path: Path) -> bool:
    """Whether an NPZ file holds a motion; folders of AMASS hold others, too."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "poses.npy" in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return True  # so that a damaged file is reported, not passed over


def read_smpl(path: Path, given: Given) -> RawMotion:
    """Read a motion with the body model that the user gives.

    Raises:
        MotionFileError: no body model is given, or one of the two files is damaged or of another kind.
    """
    if given.body_model is None:
        raise MotionFileError(f"{path.name}: SMPL motions hold joint angles only: give the body model file (NPZ) that they were made with")
    poses, trans, betas, rate = _motion(path, given.rate_hz)
    rest, parents = _skeleton(given.body_model, betas)
    offset = rest - np.where((parents >= 0)[:, None], rest[parents], 0.0)
    position = np.broadcast_to(offset, (len(poses), *offset.shape)).copy()
    position[:, 0] += trans
    rotation = _quaternions(poses)
    world, _ = forward_kinematics(parents, position, rotation)
    at = {"pelvis": 0, "head": JOINTS.index("head"), "ankle_l": JOINTS.index("left_ankle"), "ankle_r": JOINTS.index("right_ankle")}
    whole = np.isfinite(world).all(axis=(1, 2))
    if not whole.any():
        raise MotionFileError(f"{path.name}: no frame without values that are no numbers")
    up = measures.up_axis(path.name, world[whole], at, given.up)
    # At rest the model's y points up. Joint frames are turned so that at rest they are those of a file whose own axis points up.
    turn = multiply(conjugate(measures.to_z_up(up)), measures.to_z_up("y"))
    offset, position[:, 1:] = measures.turned(turn, offset), measures.turned(turn, position[:, 1:])
    every = np.broadcast_to(turn, rotation.shape)
    rotation[:, 1:] = multiply(multiply(every[:, 1:], rotation[:, 1:]), conjugate(every[:, 1:]))
    rotation[:, 0] = multiply(rotation[:, 0], conjugate(every[:, 0]))
    return RawMotion(
        names=JOINTS,
        parents=parents,
        rest_offset=offset,
        rest_rotation=np.broadcast_to(IDENTITY, (len(JOINTS), 4)).copy(),
        local_position=position,
        local_rotation=rotation,
        rate_hz=rate,
        units="m",
        up=up,
    )


def _motion(path: Path, rate_hz: float | None) -> tuple[Array, Array, Array, float]:
    """Axis-angles (F, 22, 3), translation (F, 3), shape (B,), frames per second."""
    try:
        with np.load(path, allow_pickle=False) as file:
            poses, trans = np.asarray(file["poses"], dtype=float), np.asarray(file["trans"], dtype=float)
            betas = np.asarray(file["betas"], dtype=float).reshape(-1) if "betas" in file else np.zeros(0)
            stated = next((float(file[k]) for k in RATE_KEYS if k in file), None)
    except NOT_READABLE as error:
        raise MotionFileError(f"{path.name}: not a whole SMPL motion, which holds poses, trans and a frame rate: {_said(error)}") from error
    if poses.ndim != 2 or poses.shape[1] < 3 * len(JOINTS) or trans.shape != (len(poses), 3):
        raise MotionFileError(f"{path.name}: got poses of shape {poses.shape} and trans of shape {trans.shape}, expected (F, >= {3 * len(JOINTS)}) and (F, 3)")
    if rate_hz is None and stated is None:
        raise MotionFileError(f"{path.name}: no frame rate ({', '.join(RATE_KEYS)}); give it")
    rate = checked_rate(path.name, rate_hz or stated or 0.0, "the frame rate given" if rate_hz else "the frame rate found")
    return poses[:, : 3 * len(JOINTS)].reshape(-1, len(JOINTS), 3), trans, betas, rate


def _skeleton(model: Path, betas: Array) -> tuple[Array, NDArray[np.int64]]:
    """Joints at rest for a body shape, shape (22, 3), y up [m], and their parents."""
    try:
        with np.load(model, allow_pickle=False) as file:
            regressor, template = np.asarray(file["J_regressor"], dtype=float), np.asarray(file["v_template"], dtype=float)
            shapes, tree = np.asarray(file["shapedirs"], dtype=float), np.asarray(file["kintree_table"]).astype(np.int64)
        used = min(len(betas), shapes.shape[2])
        rest = (regressor @ (template + shapes[:, :, :used] @ betas[:used]))[: len(JOINTS)]
    except NOT_READABLE as error:
        raise MotionFileError(
            f"body model {model.name}: expected an NPZ file with J_regressor, v_template, shapedirs and kintree_table as plain arrays: {_said(error)}"
        ) from error
    parents = tree[0, : len(JOINTS)].copy()
    parents[0] = -1
    if rest.shape != (len(JOINTS), 3) or not np.isfinite(rest).all() or (parents[1:] < 0).any() or (parents >= np.arange(len(parents))).any():
        raise MotionFileError(f"body model {model.name}: its joints are not those of an SMPL body")
    return rest, parents


def _quaternions(poses: Array) -> Array:
    """Axis-angle vectors, shape (..., 3) [rad], as quaternions."""
    angle = np.linalg.norm(poses, axis=-1, keepdims=True)
    # sin(a/2) / a, which is 1/2 at 0
    share = 0.5 * np.sinc(angle / (2.0 * np.pi))
    return np.concatenate([np.cos(0.5 * angle), share * poses], axis=-1)


def _said(error: BaseException) -> str:
    return shown(str(error) or type(error).__name__, 120)
