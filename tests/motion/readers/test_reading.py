"""Units, axes, sides, skeleton names, bad frames and sources, on files of a made-up walker."""

import json

import numpy as np
import pytest

from kinesis_control.errors import MotionFileError
from kinesis_control.motion.readers import find_motions, read_motion

LEG = 0.82
SKELETONS = {
    "mixamo": tuple("mixamorig:" + n for n in ("Hips", "Spine", "Head", "{Side}UpLeg", "{Side}Leg", "{Side}Foot", "{Side}ToeBase")),
    "biped": ("Bip01 Pelvis", "Bip01 Spine", "Bip01 Head", "Bip01 {S} Thigh", "Bip01 {S} Calf", "Bip01 {S} Foot", "Bip01 {S} Toe0"),
    "smpl": ("Pelvis", "Spine1", "Head", "{S}_Hip", "{S}_Knee", "{S}_Ankle", "{S}_Foot"),
    "smpl of amass": ("m_avg_Pelvis", "m_avg_Spine1", "m_avg_Head", "m_avg_{S}_Hip", "m_avg_{S}_Knee", "m_avg_{S}_Ankle", "m_avg_{S}_Foot"),
    "snake": ("pelvis", "spine1", "head", "{side}_hip", "{side}_knee", "{side}_ankle", "{side}_foot"),
    "segments": ("Pelvis", "L5", "Head", "{Side}UpperLeg", "{Side}LowerLeg", "{Side}Foot", "{Side}Toe"),
    "after": ("Hips", "Spine", "Head", "UpperLeg_{S}", "LowerLeg_{S}", "Foot_{S}", "Toes_{S}"),
    "motive": ("Hip", "Ab", "Head", "{S}Thigh", "{S}Shin", "{S}Foot", "{S}Toe"),
    "acclaim": ("root", "lowerback", "head", "{s}femur", "{s}tibia", "{s}foot", "{s}toes"),
    "biovision": ("Hips", "Chest", "Head", "{Side}Hip", "{Side}Knee", "{Side}Ankle", "{Side}Toe"),
    "an actor's": ("Anna_Hips", "Anna_Spine", "Anna_Head", "Anna_{Side}UpLeg", "Anna_{Side}Leg", "Anna_{Side}Foot", "Anna_{Side}ToeBase"),
    "numbered": ("pelvis", "spine_01", "head", "thigh_{s}", "calf_{s}", "foot_{s}", "ball_{s}"),
    "lafan": ("Hips", "Spine", "Head", "{Side}UpLeg", "{Side}Leg", "{Side}Foot", "{Side}Toe"),
}  # fmt: skip


def named(skeleton: tuple[str, ...]) -> dict[str, str]:
    keys = ("Hips", "Spine", "Head"), ("UpLeg", "Leg", "Foot", "ToeBase")
    names = dict(zip(keys[0], skeleton[:3], strict=True))
    for side in ("Left", "Right"):
        forms = {"Side": side, "side": side.lower(), "S": side[0], "s": side[0].lower()}
        names |= {side + part: name.format(**forms) for part, name in zip(keys[1], skeleton[3:], strict=True)}
    return names


@pytest.mark.parametrize("skeleton", SKELETONS)
def test_common_skeletons_are_known(write, made_up, skeleton: str) -> None:
    names = named(SKELETONS[skeleton])
    motion = read_motion(write(made_up.bvh(made_up.walk(), head=made_up.hierarchy(names))))
    parts = {"hip": "UpLeg", "knee": "Leg", "ankle": "Foot", "toe": "ToeBase"}
    expected = {f"{role}_{side[0].lower()}": names[side + part] for role, part in parts.items() for side in ("Left", "Right")}
    assert {r: motion.roles.get(r) for r in expected} == expected
    assert (motion.roles["pelvis"], motion.roles["head"]) == (names["Hips"], names["Head"])


@pytest.mark.parametrize(("units", "scale"), [("cm", 1.0), ("m", 0.01), ("mm", 10.0), ("inch", 1 / 2.54), ("ft", 1 / 30.48)])
def test_units_are_found_from_the_legs(write, made_up, units: str, scale: float) -> None:
    path = write(made_up.bvh(made_up.walk(scale=scale), head=made_up.hierarchy(scale=scale)))
    motion = read_motion(path)
    assert (motion.units, motion.up) == (units, "y")
    hip, knee, ankle = (motion.position[3, motion.joint(r)] for r in ("hip_l", "knee_l", "ankle_l"))
    assert np.linalg.norm(hip - knee) + np.linalg.norm(knee - ankle) == pytest.approx(LEG, abs=1e-6)
    np.testing.assert_allclose(motion.position[:, motion.joint("pelvis"), 2], 0.88, atol=1e-6)
    given = read_motion(path, units=units)
    np.testing.assert_array_equal(given.position, motion.position)
    np.testing.assert_allclose(read_motion(path, units=str(0.01 / scale)).position, motion.position, atol=1e-9)


def test_units_that_cannot_be_are_refused(write, made_up) -> None:
    path = write(made_up.bvh(made_up.walk(scale=0.05), head=made_up.hierarchy(scale=0.05)))
    with pytest.raises(MotionFileError, match=r"thigh and shank together measure 4\.1.*give the units"):
        read_motion(path)
    assert read_motion(path, units="0.2").units == "0.2"
    with pytest.raises(MotionFileError, match=r"with units 'cm' thigh and shank together are 0\.041 m long"):
        read_motion(path, units="cm")
    for wrong in ("parsec", "-1", "nan", "0"):
        with pytest.raises(MotionFileError, match=f"units: got '{wrong}', expected one of m, cm"):
            read_motion(path, units=wrong)


def test_the_walker_walks_forward_with_its_left_on_the_left(write, made_up) -> None:
    motion = read_motion(write(made_up.bvh(made_up.walk())))
    pelvis, left, right = (motion.position[:, motion.joint(r)] for r in ("pelvis", "hip_l", "hip_r"))
    # y up, z forward, x left becomes z up, -y forward, x left.
    np.testing.assert_allclose(pelvis[-1] - pelvis[0], [0.0, -1.2 * motion.duration_s, 0.0], atol=1e-6)
    np.testing.assert_allclose(left - right, np.broadcast_to([0.18, 0.0, 0.0], left.shape), atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(motion.rotation, axis=-1), 1.0, atol=1e-12)
    local = motion.rest_position[motion.joint("knee_l")] - motion.rest_position[motion.joint("hip_l")]
    np.testing.assert_allclose(local, [0.0, 0.0, -0.4], atol=1e-9)


def test_rotation_and_position_belong_together(write, made_up) -> None:
    from kinesis_control.motion.rotations import rotate

    motion = read_motion(write(made_up.bvh(made_up.walk())))
    for joint, parent in enumerate(motion.parents):
        if parent >= 0:
            bone = np.broadcast_to(motion.rest_position[joint] - motion.rest_position[parent], (motion.frames, 3))
            np.testing.assert_allclose(motion.position[:, joint], motion.position[:, parent] + rotate(motion.rotation[:, parent], bone), atol=1e-9)


@pytest.mark.parametrize("up", ["x", "z", "-y"])
def test_any_axis_may_point_up(write, made_up, up: str) -> None:
    """The same walk with its root turned so that another axis of the file points up."""
    turn = {"x": (-90.0, 0.0), "z": (0.0, 90.0), "-y": (180.0, 0.0)}[up]
    values = made_up.walk()
    values[:, 3:5] = turn  # Zrotation, Xrotation of the root
    values[:, 1:3] = 0.0
    motion = read_motion(write(made_up.bvh(values)))
    assert motion.up == up
    head, pelvis = (motion.position[:, motion.joint(r)] for r in ("head", "pelvis"))
    np.testing.assert_allclose(head - pelvis, np.broadcast_to([0.0, 0.0, 0.6], head.shape), atol=1e-9)
    assert read_motion(write(made_up.bvh(values)), up=up).up == up


def test_an_axis_that_cannot_be_told_is_asked_for(write, made_up) -> None:
    values = made_up.walk()
    values[:, 4] = 45.0
    with pytest.raises(MotionFileError, match=r"the up axis cannot be told.*give the up axis"):
        read_motion(write(made_up.bvh(values)))
    assert read_motion(write(made_up.bvh(values)), up="Y").up == "y"
    with pytest.raises(MotionFileError, match="up axis: got 'sky', expected one of x, y, z"):
        read_motion(write(made_up.bvh(values)), up="sky")


@pytest.mark.parametrize("rate", [0.0, -30.0, float("nan"), 1e6])
def test_frame_rates_that_cannot_be_are_refused(write, made_up, rate: float) -> None:
    with pytest.raises(MotionFileError, match=r"the frame rate given means .* frames per second; expected 5 to 2000"):
        read_motion(write(made_up.bvh(made_up.walk())), rate_hz=rate)


def test_mirrored_data_is_refused(write, made_up) -> None:
    with pytest.raises(MotionFileError, match="left and right are changed: in 100 % of the frames 'LeftUpLeg'"):
        read_motion(write(made_up.bvh(made_up.walk(), head=made_up.hierarchy(mirrored=True))))


ODD = {k: f"part{i}" for i, k in enumerate(("Hips", "Spine", "Head", *(s + p for s in ("Left", "Right") for p in ("UpLeg", "Leg", "Foot", "ToeBase"))))}
MAPPING = {
    "hip_l": "part3", "knee_l": "part4", "ankle_l": "part5", "toe_l": "part6",
    "hip_r": "part7", "knee_r": "part8", "ankle_r": "part9", "toe_r": "part10", "head": "part2",
}  # fmt: skip


def test_an_unknown_skeleton_needs_a_mapping_file(write, made_up, tmp_path) -> None:
    path = write(made_up.bvh(made_up.walk(), head=made_up.hierarchy(ODD)))
    with pytest.raises(MotionFileError, match=r"no joint known for pelvis, hip_l, knee_l.*part3.*Give a mapping file.*'hip_l: part1'"):
        read_motion(path)
    for name, text in (("m.json", json.dumps(MAPPING)), ("m.yaml", "roles:\n" + "".join(f"  {r}: {j}\n" for r, j in MAPPING.items()))):
        (tmp_path / name).write_text(text)
        motion = read_motion(path, mapping=tmp_path / name)
        assert motion.roles == {**MAPPING, "pelvis": "part0"}


def test_wrong_mapping_files_are_refused(write, made_up, tmp_path) -> None:
    path, mapping = write(made_up.bvh(made_up.walk(), head=made_up.hierarchy(ODD))), tmp_path / "m.json"
    swapped = {r[:-1] + {"l": "r", "r": "l"}[r[-1]] if r != "head" else r: j for r, j in MAPPING.items()}
    cases = {
        json.dumps({**MAPPING, "hip_l": "part99"}): r"joints \['part99'\] are not in the file, which has: part0",
        json.dumps({**MAPPING, "hip": "part3"}): r"unknown roles \['hip'\]; known: pelvis",
        json.dumps({**MAPPING, "hip_l": "part4"}): "joints with two roles: part4",
        json.dumps({**MAPPING, "hip_l": "part4", "knee_l": "part3"}): r"knee_l \('part3'\) does not hang on hip \('part4'\)",
        json.dumps(swapped): "left and right are changed",
        "[1, 2": "cannot be read",
        "": "expected lines 'role: joint'",
        "just words": "expected lines 'role: joint'",
    }
    for text, message in cases.items():
        mapping.write_text(text)
        with pytest.raises(MotionFileError, match=message):
            read_motion(path, mapping=mapping)
    with pytest.raises(MotionFileError, match=r"absent\.json: cannot be read"):
        read_motion(path, mapping=tmp_path / "absent.json")


def test_missing_values_are_filled_when_few(write, made_up) -> None:
    values = made_up.walk()
    whole = read_motion(write(made_up.bvh(values)))
    values[20:22, 7] = np.nan
    values[40, 2] = np.inf
    mended = read_motion(write(made_up.bvh(values)))
    assert "values that are no numbers in frame 21 (0.67 s) and 1 more: filled" in mended.problems
    assert mended.frames == whole.frames
    np.testing.assert_allclose(mended.position, whole.position, atol=0.02)
    values[20:26, 7] = np.nan
    with pytest.raises(MotionFileError, match=r"no numbers in 6 frames from frame 21 \(0\.67 s\) on; at most 3 can be filled"):
        read_motion(write(made_up.bvh(values)))
    values[:, 7] = np.nan
    with pytest.raises(MotionFileError, match="no numbers in 60 of 60 frames"):
        read_motion(write(made_up.bvh(values)))


def test_missing_values_at_the_ends_are_dropped(write, made_up) -> None:
    values = made_up.walk()
    values[:4, 7] = values[-5:, 7] = np.nan
    motion = read_motion(write(made_up.bvh(values)))
    assert motion.frames == 51
    assert "at the ends: 9 frames dropped" in motion.problems[0]


@pytest.mark.parametrize(("what", "frames", "column", "change"), [
    ("teleport of the root", slice(30, 31), 2, 300.0),
    ("teleport of two frames", slice(30, 32), 2, 300.0),
    ("flipped hip", slice(30, 31), 3 * 4 + 0, 180.0),
])  # fmt: skip
def test_jumps_that_come_back_are_filled(write, made_up, what: str, frames: slice, column: int, change: float) -> None:
    values = made_up.walk()
    whole = read_motion(write(made_up.bvh(values)))
    values[frames, column] += change
    mended = read_motion(write(made_up.bvh(values)))
    assert any("joints that jump in frame 31" in p for p in mended.problems), what
    np.testing.assert_allclose(mended.position, whole.position, atol=0.02)


def test_a_jump_that_stays_is_refused(write, made_up) -> None:
    values = made_up.walk()
    values[30:, 2] += 300.0
    with pytest.raises(MotionFileError, match=r"jumps by 3\.11 m at frame 31 \(1\.00 s\) and stays there: cut it in two"):
        read_motion(write(made_up.bvh(values)))


def test_noise_everywhere_is_refused(write, made_up) -> None:
    values = made_up.walk()
    values[::2, 2] += 300.0
    with pytest.raises(MotionFileError, match="no stretch of the recording is usable"):
        read_motion(write(made_up.bvh(values)))


@pytest.mark.parametrize("rate", [30.0, 120.0])
def test_a_calibration_pose_in_front_is_dropped(write, made_up, rate: float) -> None:
    values = made_up.walk(frames=round(2 * rate) + 1, rate=rate)
    values[:, 6 + 4] = 20.0  # so that no joint but in the first frame is at rest
    values[0, :] = 0.0
    values[0, 1] = 88.0
    values[1:, 2] += 40.0
    motion = read_motion(write(made_up.bvh(values, rate=rate)))
    assert any("calibration pose" in p or "at the ends" in p for p in motion.problems)
    assert motion.frames == round(2 * rate)


def test_a_fast_start_is_no_calibration_pose(write, made_up) -> None:
    assert not read_motion(write(made_up.bvh(made_up.walk(speed=700.0)))).problems


def test_a_source_is_read_and_never_guessed(write, made_up, tmp_path) -> None:
    path = write(made_up.bvh(made_up.walk()))
    facts = read_motion(path).source
    assert facts == {"file": "walker.bvh", "dataset": "unknown", "licence": "unknown", "credit": "unknown", "sha256": facts["sha256"]}
    assert len(facts["sha256"]) == 64
    (tmp_path / "LICENSE").write_text("\nCC BY 4.0 International\nmore\n")
    assert read_motion(path).source["licence"] == "CC BY 4.0 International"
    (tmp_path / "source.json").write_text(json.dumps({"dataset": "made up", "licence": "CC0", "credit": "nobody", "other": 3}))
    facts = read_motion(path).source
    assert (facts["dataset"], facts["licence"], facts["credit"]) == ("made up", "CC0", "nobody")
    (tmp_path / "source.json").write_text("[1]")
    with pytest.raises(MotionFileError, match=r"source\.json: expected an object with the texts"):
        read_motion(path)


def test_files_are_found_in_any_folder(write, made_up, tmp_path) -> None:
    text = made_up.bvh(made_up.walk(frames=10))
    (tmp_path / "b" / ".hidden").mkdir(parents=True)
    for name in ("b/two.BVH", "one.bvh", "b/.hidden/three.bvh", "notes.txt", "01.asf"):
        (tmp_path / name).write_text(text)
    assert [p.name for p in find_motions(tmp_path)] == ["two.BVH", "one.bvh"]
    with pytest.raises(MotionFileError, match="is not a folder"):
        find_motions(tmp_path / "absent")
    with pytest.raises(MotionFileError, match=r"notes\.txt: got a '\.txt' file; motions are read from \.bvh, \.amc, \.c3d, \.npz"):
        read_motion(tmp_path / "notes.txt")
    with pytest.raises(MotionFileError, match=r"absent\.bvh: no such file"):
        read_motion(tmp_path / "absent.bvh")
