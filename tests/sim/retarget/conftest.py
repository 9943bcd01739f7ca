"""A made-up person for the tests of retargeting: a body's own gait as somebody else's recording, and as a BVH file."""

from collections.abc import Callable
from pathlib import Path

import mujoco
import numpy as np
import pytest

pytest.importorskip("scipy", reason="scipy is not installed (extra: motions)")
for module in ("mink", "daqp", "h5py", "matplotlib", "tqdm"):
    pytest.importorskip(module, reason=f"{module} is not installed (extra: motions)")

from scipy.spatial.transform import Rotation  # noqa: E402

from kinesis_control.motion.gait_table import GaitTable  # noqa: E402
from kinesis_control.motion.source_motion import SourceMotion  # noqa: E402
from kinesis_sim.bodies import Body  # noqa: E402
from kinesis_sim.retarget.signals import quaternions  # noqa: E402

JOINTS = (
    ("pelvis", "pelvis", -1), ("hip_r", "femur_r", 0), ("knee_r", "tibia_r", 1), ("ankle_r", "talus_r", 2), ("toe_r", "toes_r", 3),
    ("hip_l", "femur_l", 0), ("knee_l", "tibia_l", 5), ("ankle_l", "talus_l", 6), ("toe_l", "toes_l", 7), ("chest", "torso", 0), ("neck", "head", 9),
)  # fmt: skip
"""Role, model body and parent of each joint."""


def _walking_person(
    body: Body, *, size: float = 1.2, speed: float = 1.0, seconds: float = 3.0, rate_hz: float = 60.0, slope: float = 0.0, turned: float = 0.7
) -> SourceMotion:
    """The body's tabulated gait as a recording of a person `size` times as large, on a floor that slopes along x, with joint
    frames that are turned by `turned` about an odd axis, as those of a file are."""
    table, m, data = GaitTable.load(body.entry.name), body.model, mujoco.MjData(body.model)
    row = (int(np.argmin(np.abs(table.speed - speed))), int(np.argmin(np.abs(table.lateral))), int(np.argmin(np.abs(table.turn))))
    pace, rate = float(table.speed[row[0]]), float(table.cycle_rate[row])
    frames = round(seconds * rate_hz) + 1
    time = np.arange(frames) / rate_hz
    channels = np.concatenate([table.joint[row], table.root_sway[row][:, None], table.root_height[row][:, None]], axis=1)
    places = np.arange(len(channels)) / len(channels)
    values = np.stack([np.interp(time * rate, places, column, period=1.0) for column in channels.T], axis=1)
    n = len(body.description.joint_names)
    position, rotation = np.zeros((frames, len(JOINTS), 3)), np.zeros((frames, len(JOINTS), 3, 3))
    odd = np.zeros(4)
    mujoco.mju_axisAngle2Quat(odd, np.array([0.6, 0.0, 0.8]), turned)
    frame = np.zeros(9)
    mujoco.mju_quat2Mat(frame, odd)
    ids = [m.body(name).id for _, name, _ in JOINTS]
    for t in range(frames):
        qpos = body.standing_qpos.copy()
        qpos[:3] = (pace * time[t], values[t, n], values[t, n + 1])
        qpos[body.joint_qpos_adr] = values[t, :n]
        data.qpos[:] = body.coupling.fill(qpos)
        mujoco.mj_kinematics(m, data)
        position[t], rotation[t] = data.xpos[ids], data.xmat[ids].reshape(-1, 3, 3)
    position *= size
    position[..., 2] += slope * position[..., 0]
    parents = np.array([p for _, _, p in JOINTS])
    quaternion = np.stack([quaternions(rotation[:, j] @ frame.reshape(3, 3)) for j in range(len(JOINTS))], axis=1)
    roles = {role: role for role, _, _ in JOINTS}
    return SourceMotion(
        name="made_up_walk",
        rate_hz=rate_hz,
        joint_names=tuple(roles),
        parents=parents,
        position=position,
        rotation=quaternion,
        rest_position=position[0] - position[0, 0],
        roles=roles,
    )


@pytest.fixture(scope="session")
def walking_person() -> Callable[..., SourceMotion]:
    """Makes a person out of a body's gait; see `_walking_person`."""
    return _walking_person


BVH_NAMES = {
    "pelvis": "Hips", "hip_r": "RightUpLeg", "knee_r": "RightLeg", "ankle_r": "RightFoot", "toe_r": "RightToeBase", "hip_l": "LeftUpLeg",
    "knee_l": "LeftLeg", "ankle_l": "LeftFoot", "toe_l": "LeftToeBase", "chest": "Spine1", "neck": "Neck",
}  # fmt: skip


def bvh_of(motion: SourceMotion, path: Path) -> None:
    """Writes a motion as a BVH file in centimetres, z up, every joint with six channels."""
    turn = Rotation.from_quat(motion.rotation.reshape(-1, 4)[:, [1, 2, 3, 0]]).as_matrix().reshape(*motion.rotation.shape[:2], 3, 3)
    columns, lines = [], ["HIERARCHY"]

    def add(joint: int, depth: int) -> None:
        parent, pad = int(motion.parents[joint]), "  " * depth
        place, local = motion.position[:, joint], turn[:, joint]
        if parent >= 0:
            back = turn[:, parent].transpose(0, 2, 1)
            place, local = np.einsum("fij,fj->fi", back, place - motion.position[:, parent]), back @ local
        angles = Rotation.from_matrix(local).as_euler("ZYX", degrees=True)
        columns.append(np.hstack([100.0 * place, angles]))
        offset = " ".join(f"{100.0 * v:.6f}" for v in place[0]) if parent >= 0 else "0 0 0"
        lines.extend([f"{pad}{'JOINT' if depth else 'ROOT'} {BVH_NAMES[motion.joint_names[joint]]}", f"{pad}{{", f"{pad}  OFFSET {offset}"])
        lines.append(f"{pad}  CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation")
        children = [j for j in range(len(motion.parents)) if motion.parents[j] == joint]
        for child in children:
            add(child, depth + 1)
        if not children:
            lines.extend([f"{pad}  End Site", f"{pad}  {{", f"{pad}    OFFSET 5 0 0", f"{pad}  }}"])
        lines.append(f"{pad}}}")

    add(0, 0)
    rows = [" ".join(f"{v:.5f}" for v in row) for row in np.hstack(columns)]
    lines += ["MOTION", f"Frames: {motion.frames}", f"Frame Time: {1.0 / motion.rate_hz:.8f}", *rows]
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="session")
def write_bvh() -> Callable[[SourceMotion, Path], None]:
    """See `bvh_of`."""
    return bvh_of
