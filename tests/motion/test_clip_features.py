"""Gait events, descriptors and mirrored copies of made-up clips."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from kinesis_control.errors import LayoutError
from kinesis_control.motion.clip import MotionClip
from kinesis_control.motion.clip_features import descriptors, gait_events, with_features
from kinesis_control.motion.clip_mirror import mirror
from kinesis_control.motion.rotations import about_axis

RATE = 100.0
CONTACTS = ("right_heel", "right_toes", "left_heel", "left_toes")


def gait(speed: float = 1.2, yaw_rate: float = 0.0, seconds: float = 6.0, *, direction: float = 0.0, stance: float = 0.62, height: float = 0.95) -> MotionClip:
    """A clip that moves at `speed` in `direction` from its heading [rad], one gait cycle a second; 0 is standing."""
    t = np.arange(round(seconds * RATE) + 1) / RATE
    yaw = yaw_rate * t
    velocity = speed * np.stack([np.cos(yaw + direction), np.sin(yaw + direction)], axis=1)
    position = np.concatenate([np.zeros((1, 2)), np.cumsum(velocity[1:], axis=0) / RATE])
    contact = np.ones((len(t), 4))
    if speed:
        right, left = t % 1.0, (t + 0.5) % 1.0
        # The heel lands first and leaves early, the toes follow.
        contact = np.stack([right < 0.6 * stance, (right > 0.1) & (right < stance), left < 0.6 * stance, (left > 0.1) & (left < stance)], axis=1).astype(float)
    rng = np.random.default_rng(0)
    return MotionClip(
        name="made-up",
        rate_hz=RATE,
        root_position=np.column_stack([position[:, 0], position[:, 1] + 0.0 * t, np.full(len(t), height)]),
        root_quaternion=about_axis(2, yaw),
        root_linear_velocity=rng.normal(size=(len(t), 3)),
        root_angular_velocity=rng.normal(size=(len(t), 3)),
        joint_position=rng.normal(size=(len(t), 3)),
        joint_velocity=rng.normal(size=(len(t), 3)),
        key_body_position=rng.normal(size=(len(t), 3, 3)),
        contact=contact,
    )


def test_events_are_the_first_and_last_contact_of_each_foot() -> None:
    events = gait_events(gait(seconds=3.0), CONTACTS)
    assert [(e.side, e.kind) for e in events[:4]] == [("l", "toe_off"), ("l", "heel_strike"), ("r", "toe_off"), ("r", "heel_strike")]
    strikes = [e.time_s for e in events if (e.side, e.kind) == ("r", "heel_strike")]
    assert strikes == pytest.approx([1.0, 2.0, 3.0])
    assert [e.time_s for e in events if (e.side, e.kind) == ("r", "toe_off")] == pytest.approx([0.62, 1.62, 2.62])
    assert all(a.time_s <= b.time_s for a, b in pairwise(events))


def test_flicker_is_no_event() -> None:
    clean = gait()
    flicker = gait()
    flicker.contact[30:33, :2] = 0.0  # the right foot is off for 0.03 s in mid-stance
    flicker.contact[80:83, 0] = 1.0  # and touches for 0.03 s in mid-swing
    assert gait_events(flicker, CONTACTS) == gait_events(clean, CONTACTS)


def test_standing_has_no_event() -> None:
    assert gait_events(gait(0.0), CONTACTS) == ()


def test_contacts_must_fit_the_names() -> None:
    with pytest.raises(LayoutError, match="has 4 contacts, got 1 names"):
        gait_events(gait(), ("right_heel",))


@pytest.mark.parametrize(("clip", "content"), [
    (gait(0.0), "stand"),
    (gait(1.2), "walk"),
    (gait(1.0, 0.3), "turn"),
    (gait(0.0, 0.6), "turn"),
    (gait(3.0, stance=0.35), "run"),
    (gait(2.0, stance=0.35), "run"),
    (gait(2.0), "walk"),
    (gait(0.8, direction=np.pi), "backward"),
    (gait(0.5, direction=np.pi / 2), "sidestep"),
    (gait(0.5, direction=-np.pi / 2), "sidestep"),
])  # fmt: skip
def test_content(clip: MotionClip, content: str) -> None:
    assert with_features(clip, CONTACTS).descriptors["content"] == content


def joined(*clips: MotionClip) -> MotionClip:
    arrays = {}
    for name in ("root_quaternion", "root_linear_velocity", "root_angular_velocity", "joint_position", "joint_velocity", "key_body_position", "contact"):
        arrays[name] = np.concatenate([getattr(c, name) for c in clips])
    places, start = [], np.zeros(3)
    for c in clips:
        places.append(c.root_position * [1, 1, 0] + start + c.root_position * [0, 0, 1])
        start = places[-1][-1] * [1, 1, 0]
    return MotionClip(name="joined", rate_hz=RATE, root_position=np.concatenate(places), **arrays)


def test_standing_then_walking_is_a_transition() -> None:
    assert descriptors(joined(gait(0.0, seconds=2.0), gait(1.2, seconds=3.0)))["content"] == "transition"


def test_backward_then_forward_is_a_transition() -> None:
    assert descriptors(joined(gait(0.8, seconds=3.0, direction=np.pi), gait(1.0, seconds=3.0)))["content"] == "transition"


def test_crouching_is_neither() -> None:
    assert descriptors(joined(gait(1.2, seconds=2.0), gait(0.0, seconds=2.0, height=0.5)))["content"] == "other"


def test_figures_of_a_walk() -> None:
    figures = with_features(gait(1.2, seconds=8.0), CONTACTS).descriptors
    assert figures["duration_s"] == pytest.approx(8.0)
    assert figures["distance_m"] == pytest.approx(9.6, rel=0.01)
    assert figures["mean_speed"] == pytest.approx(1.2, rel=0.01)
    assert figures["max_speed"] == pytest.approx(1.2, rel=0.01)
    assert figures["cadence"] == pytest.approx(120.0)
    assert figures["step_length"] == pytest.approx(0.6, rel=0.01)
    assert (figures["heading_change"], figures["backward_share"], figures["sidestep_share"]) == (0.0, 0.0, 0.0)


def test_figures_of_other_ways() -> None:
    assert descriptors(gait(1.0, 0.5))["heading_change"] == pytest.approx(3.0)
    assert descriptors(gait(1.0, 1.5))["heading_change"] == pytest.approx(9.0)  # more than a whole turn
    assert descriptors(gait(0.8, direction=np.pi))["backward_share"] == 1.0
    assert descriptors(gait(0.5, direction=np.pi / 2))["sidestep_share"] == 1.0


def test_short_clips_have_figures_too() -> None:
    figures = descriptors(gait(1.2, seconds=0.02))
    assert all(np.isfinite(v) for v in figures.values() if not isinstance(v, str))


@dataclass
class Swap:
    joints = np.array([1, 0, 2])
    joint_sign = np.array([1.0, 1.0, -1.0])
    contacts = np.array([2, 3, 0, 1])
    key_bodies = np.array([0, 2, 1])


def test_a_mirrored_clip_turns_the_other_way() -> None:
    clip = with_features(gait(1.0, 0.3), CONTACTS)
    other = mirror(clip, Swap())
    assert other.name == "made-up@mirror"
    recomputed = with_features(other, CONTACTS)
    assert other.descriptors == pytest.approx(recomputed.descriptors)
    assert other.descriptors["heading_change"] == pytest.approx(-clip.descriptors["heading_change"])
    assert other.gait_events == recomputed.gait_events
    np.testing.assert_allclose(other.root_position * [1, -1, 1], clip.root_position)
    np.testing.assert_allclose(other.key_body_position[:, 1], clip.key_body_position[:, 2] * [1, -1, 1])
    np.testing.assert_allclose(other.joint_position[:, 2], -clip.joint_position[:, 2])
    np.testing.assert_allclose(other.root_angular_velocity * [-1, 1, -1], clip.root_angular_velocity)


def test_mirrored_twice_is_the_clip() -> None:
    clip = with_features(gait(1.0, 0.3), CONTACTS)
    again = mirror(mirror(clip, Swap()), Swap())
    assert (again.name, again.gait_events, again.descriptors) == (clip.name, clip.gait_events, clip.descriptors)
    for name in ("root_position", "root_quaternion", "root_linear_velocity", "root_angular_velocity", "joint_position", "key_body_position", "contact"):
        np.testing.assert_array_equal(getattr(again, name), getattr(clip, name))
