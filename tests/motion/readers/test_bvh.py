"""BVH files: channel orders, spellings, and every way in which a file can be broken."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kinesis_control.errors import MotionFileError
from kinesis_control.motion.readers import read_motion
from kinesis_control.motion.readers.bvh import read_bvh

ARM = """HIERARCHY
ROOT Base
{{
  OFFSET 1 2 3
  CHANNELS {root}
  JOINT Tip
  {{
    OFFSET 10 0 0
    CHANNELS {tip}
    End Site
    {{
      OFFSET 0 5 0
    }}
  }}
}}
MOTION
Frames: 2
Frame Time: 0.008333
{first}
{first}
"""


def matrix(axis: int, degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    a, b = [(1, 2), (2, 0), (0, 1)][axis]
    result = np.eye(3)
    result[a, a] = result[b, b] = c
    result[a, b], result[b, a] = -s, s
    return result


def turned(quaternion: np.ndarray) -> np.ndarray:
    from transforms3d.quaternions import quat2mat

    return quat2mat(quaternion)


@pytest.mark.parametrize("order", ["ZXY", "XYZ", "YZX", "ZYX", "XZY", "YXZ", "ZX", "Y"])
def test_rotations_are_multiplied_in_the_order_of_the_channels(write, order: str) -> None:
    angles = dict(zip(order, (30.0, -50.0, 70.0), strict=False))
    channels = f"{len(order)} " + " ".join(f"{a}rotation" for a in order)
    raw = read_bvh(write(ARM.format(root=channels, tip="1 Xrotation", first=" ".join(map(str, angles.values())) + " 0")))
    expected = np.eye(3)
    for axis in order:
        expected = expected @ matrix("XYZ".index(axis), angles[axis])
    np.testing.assert_allclose(turned(raw.local_rotation[0, 0]), expected, atol=1e-12)
    assert raw.rate_hz == 120.0
    np.testing.assert_allclose(raw.local_position[0, 0], [1, 2, 3])  # no position channel: the OFFSET


def test_position_channels_take_the_place_of_the_offset(write) -> None:
    channels = "6 Zposition Xposition Yposition Zrotation Xrotation Yrotation"
    raw = read_bvh(write(ARM.format(root=channels, tip="1 Xrotation", first="30 10 20 0 0 0 0")))
    np.testing.assert_allclose(raw.local_position[0], [[10, 20, 30], [10, 0, 0], [0, 5, 0]])
    assert raw.names == ("Base", "Tip", "Tip_end")
    assert list(raw.parents) == [-1, 0, 1]


def test_positions_of_inner_joints_replace_the_offset_or_add_to_it(write) -> None:
    tip = "4 Xposition Yposition Zposition Xrotation"
    whole = read_bvh(write(ARM.format(root="1 Xrotation", tip=tip, first="0 11 1 0 0")))
    np.testing.assert_allclose(whole.local_position[0, 1], [11, 1, 0])
    shift = read_bvh(write(ARM.format(root="1 Xrotation", tip=tip, first="0 0.5 0 0 0")))
    np.testing.assert_allclose(shift.local_position[0, 1], [10.5, 0, 0])
    assert "displacements" in shift.notes[0]


def test_the_same_file_in_other_spellings(write, made_up) -> None:
    text = made_up.bvh(made_up.walk())
    plain = read_motion(write(text))
    spellings = {
        "crlf": text.replace("\n", "\r\n"),
        "mac": text.replace("\n", "\r"),
        "tabs": text.replace("  ", "\t").replace("Frames: ", "Frames:\t"),
        "mark": "\ufeff" + text,
        "braces": text.replace("\n{", " {"),
        "case": text.replace("HIERARCHY", "hierarchy").replace("JOINT", "Joint").replace("Xrotation", "XROTATION"),
        "blank lines": text + "\n\n  \n",
    }
    for name, other in spellings.items():
        np.testing.assert_allclose(read_motion(write(other)).position, plain.position, atol=1e-12, err_msg=name)
    rows = made_up.walk()
    scientific = text.split("Frame Time")[0] + "Frame Time: 3.33333e-02\n" + "\n".join(" ".join(f"{v:.9e}" for v in row) for row in rows) + "\n"
    np.testing.assert_allclose(read_motion(write(scientific)).position, plain.position, atol=1e-6)


def broken(made_up) -> dict[str, tuple[str, str]]:
    """What is wrong -> (text, part of the message)."""
    text = made_up.bvh(made_up.walk())
    head, motion = text.split("MOTION")
    last = text.rstrip().rsplit("\n", 1)[0]
    return {
        "empty": ("", "the file is empty"),
        "blank": ("  \n", "the file is empty"),
        "other format": ("solid cube\n", "expected HIERARCHY"),
        "binary": ("\x00\x01\x7fELF", "expected HIERARCHY"),
        "no motion": (head, "no MOTION section"),
        "unclosed": (head.rstrip().rstrip("}") + "\nMOTION" + motion, "a brace is not closed"),
        "two people": (head + head.replace("HIERARCHY", "") + "MOTION" + motion, "several ROOTs"),
        "nested root": (text.replace("JOINT Spine", "ROOT Spine"), "inside a joint"),
        "no offset": (text.replace("    OFFSET 0 15.0 0\n", "", 1), "'Spine' has no OFFSET"),
        "bad offset": (text.replace("OFFSET 0 15.0 0", "OFFSET 0 15.0", 1), "expected three finite numbers"),
        "infinite offset": (text.replace("OFFSET 0 15.0 0", "OFFSET 0 inf 0", 1), "expected three finite numbers"),
        "bad channel": (text.replace("Zrotation", "Wrotation", 1), "CHANNELS of joint 'Hips'"),
        "channel count": (text.replace("CHANNELS 6", "CHANNELS 5"), "CHANNELS of joint 'Hips'"),
        "comma": (text.replace("88.000000", "88,000000"), "not a comma"),
        "word": (text.replace("88.000000", "high", 1), "got 'high', expected a number"),
        "missing value": (text.replace(" 88.000000", "", 1), "frame 1 has 35 values, the skeleton has 36 channels"),
        "cut inside": (text[:-40], "the last line: the file is truncated"),
        "cut between": (last + "\n", "'Frames: 60', but 59 frames follow: the file is truncated"),
        "too many": (text.replace("Frames: 60", "Frames: 59"), "'Frames: 59', but 60 frames follow"),
        "frames": (text.replace("Frames: 60", "Frames: many"), "got 'many', expected a number"),
        "no frame time": (text.replace("Frame Time", "Time"), "expected 'Frames: N' and 'Frame Time: SECONDS'"),
        "zero time": (text.replace("0.0333333", "0"), "expected a positive time"),
        "negative time": (text.replace("0.0333333", "-0.03"), "expected a positive time"),
        "nan time": (text.replace("0.0333333", "nan"), "expected a positive time"),
        "absurd time": (text.replace("0.0333333", "33.3"), "frames per second; expected 5 to 2000"),
        "one frame": (made_up.bvh(made_up.walk()[:1]), "holds 1 usable frames"),
        "no frame": (made_up.bvh(made_up.walk()[:0]), "holds 0 usable frames"),
    }


def test_every_kind_of_damage_has_its_message(write, made_up) -> None:
    for what, (text, message) in broken(made_up).items():
        with pytest.raises(MotionFileError) as caught:
            read_motion(write(text))
        assert message in str(caught.value), what
        assert str(caught.value).startswith("walker.bvh: "), what


def test_a_rate_that_is_given_goes_before_the_one_in_the_file(write, made_up) -> None:
    zero = made_up.bvh(made_up.walk()).replace("0.0333333", "0")
    assert read_motion(write(zero), rate_hz=50.0).rate_hz == 50.0


@pytest.mark.parametrize(("time", "rate"), [("0.0333333", 30.0), ("0.0333", 30.0), ("0.00833333", 120.0), ("0.033367", 30 / 1.001), ("0.01", 100.0)])
def test_the_usual_frame_rates_are_meant(write, made_up, time: str, rate: float) -> None:
    assert read_motion(write(made_up.bvh(made_up.walk()).replace("0.0333333", time))).rate_hz == pytest.approx(rate, rel=1e-12)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_cut_or_changed_anywhere_is_read_or_refused(write, made_up, data) -> None:
    text = made_up.bvh(made_up.walk(frames=12))
    place = data.draw(st.integers(0, len(text) - 1))
    changed = text[:place] + data.draw(st.sampled_from(["", "{", "}", " nan ", "1e400", "\x00", "-", "JOINT ", "End Site", "\n", "9" * 400]))
    if data.draw(st.booleans()):
        changed += text[place + data.draw(st.integers(0, 20)) :]
    try:
        motion = read_motion(write(changed))
    except MotionFileError:
        return
    assert np.isfinite(motion.position).all()
    assert np.isfinite(motion.rotation).all()
