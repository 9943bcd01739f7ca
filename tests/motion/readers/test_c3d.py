"""C3D files that the tests write with ezc3d: a standing person whose joints are known."""

import sys

import numpy as np
import pytest

from kinesis_control.errors import MotionFileError, UnavailableError
from kinesis_control.motion.readers import read_motion

# Markers in mm, z up, facing +x, left is +y; pelvis 240 wide, 160 deep.
MARKERS = {
    "LASI": (80, 120, 950), "RASI": (80, -120, 950), "LPSI": (-80, 40, 950), "RPSI": (-80, -40, 950),
    "LKNE": (30, 147, 470), "RKNE": (30, -147, 470), "LANK": (0, 132, 80), "RANK": (0, -132, 80), "LTOE": (160, 90, 30), "RTOE": (160, -90, 30),
    "C7": (-60, 0, 1450), "CLAV": (60, 0, 1380), "LSHO": (0, 190, 1420), "RSHO": (0, -190, 1420),
    "LFHD": (90, 60, 1650), "RFHD": (90, -60, 1650), "LBHD": (-90, 60, 1640), "RBHD": (-90, -60, 1640),
}  # fmt: skip
HARRINGTON = (80 - 0.24 * 160 - 9.9, 0.33 * 240 + 7.3, 950 - 0.30 * 240 - 10.9)


@pytest.fixture
def write_c3d(tmp_path):
    ezc3d = pytest.importorskip("ezc3d")

    def to_file(markers=MARKERS, *, speed=1200.0, frames=60, rate=100.0, prefix="", change=None, units="mm"):
        points = np.ones((4, len(markers), frames))
        points[:3] = np.array(list(markers.values()), dtype=float).T[:, :, None]
        points[0] += speed * np.arange(frames) / rate
        if change is not None:
            change(points, list(markers))
        content = ezc3d.c3d()
        content["parameters"]["POINT"]["RATE"]["value"] = [rate]
        content["parameters"]["POINT"]["UNITS"]["value"] = [units]
        content["parameters"]["POINT"]["LABELS"]["value"] = [prefix + name for name in markers]
        content["data"]["points"] = points
        path = tmp_path / "trial.c3d"
        content.write(str(path))
        return path

    return to_file


def test_joint_centres_from_markers(write_c3d) -> None:
    motion = read_motion(write_c3d(prefix="Anna:"))
    at = {role: motion.position[0, motion.joint(role)] * 1000 for role in motion.roles}
    for side, sign in (("l", 1), ("r", -1)):
        np.testing.assert_allclose(at[f"hip_{side}"], np.array(HARRINGTON) * [1, sign, 1], atol=1e-3)
        np.testing.assert_allclose(at[f"knee_{side}"], [30, sign * 90, 470], atol=1e-3)
        np.testing.assert_allclose(at[f"ankle_{side}"], [0, sign * 90, 80], atol=1e-3)
        np.testing.assert_allclose(at[f"toe_{side}"], [160, sign * 90, 30], atol=1e-3)
    np.testing.assert_allclose(at["pelvis"], np.array(HARRINGTON) * [1, 0, 1], atol=1e-3)
    np.testing.assert_allclose(at["head"], [0, 0, 1645], atol=1e-3)
    assert (motion.units, motion.up, motion.rate_hz) == ("mm", "z", 100.0)
    assert "its width taken as 100 mm" in motion.problems[0]
    assert motion.position[-1, 0, 0] - motion.position[0, 0, 0] == pytest.approx(1.2 * 0.59, abs=1e-6)
    np.testing.assert_allclose(np.abs(motion.rotation[:, motion.joint("pelvis"), 0]), 1.0, atol=1e-6)  # upright, facing +x


def test_medial_markers_and_centres_of_a_model_go_first(write_c3d) -> None:
    medial = {"LKNM": (30, 43, 470), "RKNM": (30, -43, 470), "LMED": (0, 52, 80), "RMED": (0, -52, 80)}
    motion = read_motion(write_c3d({**MARKERS, **medial}))
    assert not motion.problems
    np.testing.assert_allclose(motion.position[0, motion.joint("knee_l")], [0.03, 0.095, 0.47], atol=1e-6)
    centres = {f"{s}{c}": (0, y, z) for s, y in (("L", 80), ("R", -80)) for c, z in (("HJC", 900), ("KJC", 480), ("AJC", 70))}
    motion = read_motion(write_c3d({**centres, "LTOE": (150, 80, 20), "RTOE": (150, -80, 20)}))
    np.testing.assert_allclose(motion.position[0, motion.joint("hip_l")], [0.0, 0.08, 0.9], atol=1e-6)


def test_another_laboratory_axis(write_c3d) -> None:
    turned = {name: (y, z, x) for name, (x, y, z) in MARKERS.items()}  # facing +z, y up
    motion = read_motion(write_c3d(turned, speed=0.0))
    straight = read_motion(write_c3d(speed=0.0))
    assert motion.up == "z"
    for role in straight.roles:
        np.testing.assert_allclose(
            motion.position[0, motion.joint(role)] * [1, 1, 1], straight.position[0, straight.joint(role)][[1, 0, 2]] * [1, -1, 1], atol=1e-6
        )


def test_short_gaps_are_filled_and_long_ones_said(write_c3d) -> None:
    def hide(frames):
        def change(points, names):
            points[:3, names.index("LKNE"), frames] = np.nan

        return change

    whole, mended = read_motion(write_c3d()), read_motion(write_c3d(change=hide(slice(20, 25))))
    np.testing.assert_allclose(mended.position, whole.position, atol=1e-6)
    with pytest.raises(MotionFileError, match="no numbers in 20 frames from frame 21"):
        read_motion(write_c3d(change=hide(slice(20, 40))))
    with pytest.raises(MotionFileError, match="in no frame are all the markers of"):
        read_motion(write_c3d(change=hide(slice(0, 60))))


def test_missing_markers_are_named(write_c3d) -> None:
    for gone, message in (("LKNE", "knee cannot be placed: it needs the markers LKNE, or the joint centre LKJC"), ("LASI", "LASI, RASI and LPSI")):
        with pytest.raises(MotionFileError, match=message):
            read_motion(write_c3d({n: p for n, p in MARKERS.items() if n != gone}))


def test_damaged_files_are_refused(write_c3d) -> None:
    path = write_c3d()
    whole = path.read_bytes()
    for cut in (0, 100, 700):
        path.write_bytes(whole[:cut])
        with pytest.raises(MotionFileError, match=r"trial\.c3d: not a"):
            read_motion(path)
    path.write_bytes(b"solid cube" * 200)
    with pytest.raises(MotionFileError, match="not a C3D file"):
        read_motion(path)


def test_the_package_to_install_is_named(tmp_path, monkeypatch) -> None:
    path = tmp_path / "trial.c3d"
    path.write_bytes(b"\x02\x50" + bytes(600))
    monkeypatch.setitem(sys.modules, "ezc3d", None)  # makes the import fail, whether or not the package is there
    with pytest.raises(UnavailableError, match="C3D files need the package ezc3d"):
        read_motion(path)
