"""SMPL motions with a made-up body model of 22 joints, one vertex each."""

import numpy as np
import pytest

from kinesis_control.errors import MotionFileError
from kinesis_control.motion.readers import find_motions, read_motion
from kinesis_control.motion.readers.smpl import JOINTS

# y up, facing +z, left is +x [m]
REST = {
    "pelvis": (0, 0, 0), "left_hip": (0.08, -0.09, 0), "right_hip": (-0.08, -0.09, 0), "spine1": (0, 0.1, 0), "left_knee": (0.1, -0.48, 0),
    "right_knee": (-0.1, -0.48, 0), "spine2": (0, 0.23, 0), "left_ankle": (0.1, -0.88, 0), "right_ankle": (-0.1, -0.88, 0), "spine3": (0, 0.29, 0),
    "left_foot": (0.1, -0.94, 0.13), "right_foot": (-0.1, -0.94, 0.13), "neck": (0, 0.5, 0), "left_collar": (0.08, 0.4, 0), "right_collar": (-0.08, 0.4, 0),
    "head": (0, 0.6, 0), "left_shoulder": (0.18, 0.44, 0), "right_shoulder": (-0.18, 0.44, 0), "left_elbow": (0.44, 0.44, 0),
    "right_elbow": (-0.44, 0.44, 0), "left_wrist": (0.69, 0.44, 0), "right_wrist": (-0.69, 0.44, 0),
}  # fmt: skip
PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "models" / "body.npz"
    path.parent.mkdir()
    vertices = np.array([REST[j] for j in JOINTS])
    shapes = np.zeros((22, 3, 10))
    shapes[:, :, 0] = 0.05 * vertices  # the first shape parameter is size
    tree = np.array([[2**32 - 1, *PARENTS[1:]], range(22)], dtype=np.uint32)
    np.savez(path, J_regressor=np.eye(22), v_template=vertices, shapedirs=shapes, kintree_table=tree)
    return path


def motion_file(path, *, standing=True, **changes):
    frames = 40
    poses = np.zeros((frames, 156))
    poses[:, 0] = np.pi / 2 if standing else 0.0  # y up becomes z up
    poses[:, 3 * JOINTS.index("left_knee")] = 0.5
    trans = np.zeros((frames, 3))
    trans[:, 1] = -0.02 * np.arange(frames)
    content = {"poses": poses, "trans": trans, "betas": np.zeros(16), "mocap_framerate": 60.0, **changes}
    np.savez(path, **{k: v for k, v in content.items() if v is not None})
    return path


def test_poses_become_positions(tmp_path, model) -> None:
    motion = read_motion(motion_file(tmp_path / "walk.npz"), body_model=model)
    at = {role: motion.position[0, motion.joint(role)] for role in motion.roles}
    assert (motion.units, motion.up, motion.rate_hz) == ("m", "z", 60.0)
    assert (motion.roles["ankle_l"], motion.roles["toe_l"]) == ("left_ankle", "left_foot")
    np.testing.assert_allclose(at["head"], [0, 0, 0.6], atol=1e-9)
    np.testing.assert_allclose(at["ankle_r"], [-0.1, 0, -0.88], atol=1e-9)
    # The left knee is bent by 0.5 rad: the shank of 0.4 m swings back, which is +y.
    np.testing.assert_allclose(at["ankle_l"], [0.1, 0.4 * np.sin(0.5), -0.48 - 0.4 * np.cos(0.5)], atol=1e-9)
    np.testing.assert_allclose(motion.position[-1, 0] - motion.position[0, 0], [0, -0.78, 0], atol=1e-9)
    np.testing.assert_allclose(np.abs(motion.rotation[:, 0, 0]), 1.0, atol=1e-9)  # upright is rest
    np.testing.assert_allclose(motion.rest_position[motion.joint("head")], [0, 0, 0.6], atol=1e-9)


def test_the_shape_of_the_body_counts(tmp_path, model) -> None:
    betas = np.zeros(16)
    betas[0] = 2.0
    motion = read_motion(motion_file(tmp_path / "walk.npz", betas=betas), body_model=model)
    shank = motion.position[:, motion.joint("knee_r")] - motion.position[:, motion.joint("ankle_r")]
    np.testing.assert_allclose(np.linalg.norm(shank, axis=1), 0.44, atol=1e-9)


def test_a_file_with_y_up_is_read_alike(tmp_path, model) -> None:
    trans = np.zeros((40, 3))
    trans[:, 2] = 0.02 * np.arange(40)
    flat = read_motion(motion_file(tmp_path / "flat.npz", standing=False, trans=trans), body_model=model)
    up = read_motion(motion_file(tmp_path / "up.npz"), body_model=model)
    assert flat.up == "y"
    np.testing.assert_allclose(flat.position, up.position, atol=1e-9)
    np.testing.assert_allclose(np.abs(np.einsum("fji,fji->fj", flat.rotation, up.rotation)), 1.0, atol=1e-9)


def test_what_is_missing_is_said(tmp_path, model) -> None:
    path = motion_file(tmp_path / "walk.npz")
    with pytest.raises(MotionFileError, match=r"give the body model file \(NPZ\)"):
        read_motion(path)
    with pytest.raises(MotionFileError, match=r"body model walk\.npz: expected an NPZ file with J_regressor"):
        read_motion(path, body_model=path)
    with pytest.raises(MotionFileError, match=r"body model absent\.npz: expected an NPZ file"):
        read_motion(path, body_model=tmp_path / "absent.npz")
    with pytest.raises(MotionFileError, match="no frame rate"):
        read_motion(motion_file(path, mocap_framerate=None), body_model=model)
    with pytest.raises(MotionFileError, match=r"got poses of shape \(40, 9\)"):
        read_motion(motion_file(path, poses=np.zeros((40, 9))), body_model=model)
    with pytest.raises(MotionFileError, match="no frame without values that are no numbers"):
        read_motion(motion_file(path, trans=np.full((40, 3), np.nan)), body_model=model)
    path.write_bytes(motion_file(path).read_bytes()[:300])
    with pytest.raises(MotionFileError, match="not a whole SMPL motion"):
        read_motion(path, body_model=model)


def test_other_npz_files_are_passed_over(tmp_path, model) -> None:
    walk = motion_file(tmp_path / "walk.npz")
    np.savez(tmp_path / "shape.npz", betas=np.zeros(16))
    assert find_motions(tmp_path) == [walk]
