"""ASF/AMC pairs: known poses, units and rates, and broken files."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kinesis_control.errors import MotionFileError
from kinesis_control.motion.readers import find_motions, read_motion

UNIT = 0.0254 / 0.45


@pytest.fixture
def pair(write, asf, amc):
    """Writes 07.asf and 07_01.amc and returns the latter."""

    def make(amc_text: str | None = None, asf_text: str | None = None):
        write(asf if asf_text is None else asf_text, "07.asf")
        return write(amc() if amc_text is None else amc_text, "07_01.amc")

    return make


def test_lengths_axes_and_rate(pair) -> None:
    motion = read_motion(pair())
    assert (motion.units, motion.up, motion.rate_hz) == ("inch", "y", 120.0)
    assert "120 Hz taken" in motion.problems[0]
    assert motion.roles["knee_l"] == "ltibia"
    root, knee, ankle = (motion.position[0, motion.joint(r)] for r in ("pelvis", "knee_l", "ankle_l"))
    np.testing.assert_allclose(root, [0.0, 0.0, 15 * UNIT], atol=1e-9)
    # x stays, y becomes z, z becomes -y
    np.testing.assert_allclose(knee, [1.6 * UNIT, 0.0, 8 * UNIT], atol=1e-9)
    np.testing.assert_allclose(ankle, [1.6 * UNIT, 0.0, 1 * UNIT], atol=1e-9)
    np.testing.assert_allclose(motion.position[50, motion.joint("pelvis")] - root, [0.0, -UNIT, 0.0], atol=1e-9)
    assert "lfoot_end" in motion.joint_names


def test_a_bone_turns_about_its_own_axes(pair, amc) -> None:
    # The left femur's x axis points along the world's y, so "rx" turns the hanging leg about itself: the knee stays.
    still = read_motion(pair(amc(lfemur="40 0 0")))
    np.testing.assert_allclose(still.position[0, still.joint("knee_l"), 2], 8 * UNIT, atol=1e-9)
    # Its y axis points along the world's -x: +30 degrees about -x takes a leg along -y towards +z of the file, forward.
    swung = read_motion(pair(amc(lfemur="0 30 0")))
    hip, knee = (swung.position[0, swung.joint(r)] for r in ("hip_l", "knee_l"))
    np.testing.assert_allclose(knee - hip, 7 * UNIT * np.array([0.0, -np.sin(np.pi / 6), -np.cos(np.pi / 6)]), atol=1e-9)


def test_orders_are_applied_first_to_last(pair, amc) -> None:
    # Root turned by 90 degrees about x, then 90 about y: the file's y goes to z and then to x.
    motion = read_motion(pair(amc(root="0 15 0 90 90 0")), up="y")
    spine = motion.position[0, motion.joint_names.index("head")] - motion.position[0, motion.joint("pelvis")]
    np.testing.assert_allclose(spine, [5 * UNIT, 0.0, 0.0], atol=1e-9)


def test_radians_and_rate_in_the_file(pair, amc, asf) -> None:
    degrees = read_motion(pair(amc(lfemur="0 30 0")))
    radians = read_motion(pair(amc(mode=":RADIANS\n:SAMPLES-PER-SECOND 60", lfemur=f"0 {np.pi / 6:.9f} 0")))
    np.testing.assert_allclose(radians.position, degrees.position, atol=1e-7)
    assert radians.rate_hz == 60.0
    assert not radians.problems
    own_axes = asf.replace("angle deg", "angle rad").replace("axis 0 0 90 XYZ", f"axis 0 0 {np.pi / 2:.9f} XYZ")
    np.testing.assert_allclose(read_motion(pair(amc(lfemur="0 30 0"), own_axes)).position, degrees.position, atol=1e-7)


def test_the_rate_comes_from_the_argument_then_a_list_of_trials(pair, tmp_path) -> None:
    (tmp_path / "cmu_trials.csv").write_text('"Subject","Trial #","Motion Description","framerate"\n7,1,"walk",60\n')
    assert read_motion(pair()).rate_hz == 60.0
    assert read_motion(pair(), rate_hz=100.0).rate_hz == 100.0


def test_bones_without_values_stay_at_rest(pair, amc) -> None:
    motion = read_motion(pair(amc().replace("head 0\n", "")))
    assert any("no values of head" in p for p in motion.problems)


def test_skipped_frame_numbers_are_filled_when_few(pair, amc) -> None:
    text = amc()
    start, end = text.index("\n31\n"), text.index("\n33\n")
    whole, mended = read_motion(pair(text)), read_motion(pair(text[:start] + text[end:]))
    assert any("2 frame numbers are skipped" in p for p in mended.problems)
    np.testing.assert_allclose(mended.position, whole.position, atol=1e-9)
    with pytest.raises(MotionFileError, match="in 20 frames from frame 31"):
        read_motion(pair(text[:start] + text[text.index("\n51\n") :]))


def test_damage_has_its_message(pair, amc, asf) -> None:
    text = amc()
    cases = {
        "no frame": (text[: text.index("1\nroot")], None, "no frame"),
        "not an amc": ("hello world\n", None, "before the first frame number"),
        "unknown bone": (text.replace("ltibia", "tail", 1), None, "bone 'tail' does not move in 07.asf"),
        "values": (text.replace("ltibia 0", "ltibia 0 0", 1), None, "'ltibia' has 2 values, 07.asf gives it 1"),
        "word": (text.replace("ltibia 0", "ltibia zero", 1), None, "got 'zero', expected a number"),
        "comma": (text.replace("ltibia 0", "ltibia 0,5", 1), None, "not a comma"),
        "cut": (text[: text.rindex("rtibia")], None, "the file is truncated"),
        "backwards": (text.replace("\n31\n", "\n3\n"), None, "frame number 3 follows 30"),
        "twice": (text.replace("ltibia 0", "ltibia 0\nltibia 0", 1), None, "twice in one frame"),
        "no bones": (text, ":version 1.10\n:hierarchy\n", "no ':bonedata' section"),
        "cut skeleton": (text, asf[: asf.index("lhipjoint lfemur")], "hang on nothing"),
        "bad dof": (text, asf.replace("dof rx ry rz", "dof l", 1), "expected some of rx, ry, rz"),
        "bad axis": (text, asf.replace("XYZ", "XXZ"), "expected the letters X, Y and Z"),
        "bad unit": (text, asf.replace("length 0.45", "length 0", 1), "expected a positive length"),
        "loop": (text, asf.replace("ltibia lfoot", "ltibia lfoot lhipjoint"), "is there twice"),
    }
    for what, (amc_text, asf_text, message) in cases.items():
        with pytest.raises(MotionFileError) as caught:
            read_motion(pair(amc_text, asf_text))
        assert message in str(caught.value), what


def test_a_missing_skeleton_is_said(write, amc) -> None:
    with pytest.raises(MotionFileError, match=r"looked for 07\.asf or 07_01\.asf beside it"):
        read_motion(write(amc(), "07_01.amc"))


def test_a_skeleton_alone_is_no_motion(pair, tmp_path) -> None:
    path = pair()
    assert find_motions(tmp_path) == [path]
    with pytest.raises(MotionFileError, match=r"give the \.amc file"):
        read_motion(tmp_path / "07.asf")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_files_cut_or_changed_anywhere_are_read_or_refused(pair, amc, asf, data) -> None:
    texts = [amc(frames=30), asf]
    which = data.draw(st.integers(0, 1))
    text = texts[which]
    place = data.draw(st.integers(0, len(text) - 1))
    texts[which] = text[:place] + data.draw(st.sampled_from(["", ":", "begin", " nan ", "1e400", "\x00", "\n", "²"]))
    if data.draw(st.booleans()):
        texts[which] += text[place + data.draw(st.integers(0, 9)) :]
    try:
        motion = read_motion(pair(*texts))
    except MotionFileError:
        return
    assert np.isfinite(motion.position).all()
