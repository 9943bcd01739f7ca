"""Retargeting: a person made from the body's own gait must come back as that gait, with feet that stay where they are planted."""

from dataclasses import replace

import numpy as np
import pytest

from kinesis_control.errors import ConfigurationError, LayoutError, MotionFileError
from kinesis_control.motion.resample import resample
from kinesis_sim.retarget import ContactThresholds, RetargetConfig, Retargeter, clip_poses, gather
from kinesis_sim.retarget.contacts import contact_labels
from kinesis_sim.retarget.person import knee_points, scale_person
from kinesis_sim.retarget.quality import tendon_jumps, trace
from kinesis_sim.retarget.reach import not_too_near
from kinesis_sim.retarget.signals import about_z


@pytest.fixture(scope="module")
def retargeter(body_of):
    return Retargeter.of(body_of("legs80"))


@pytest.fixture(scope="module")
def walk(retargeter, walking_person):
    return retargeter.retarget(walking_person(retargeter.body))


def test_a_walk_stays_within_the_figures(walk):
    figures = walk.report
    assert figures["key_body_error_mm"] < 10.0
    assert figures["foot_skate_mm_s"] < 10.0
    assert figures["penetration_mm"] < 2.0
    assert figures["float_mm"] < 3.0
    assert figures["limit_hits"] == 0.0
    assert figures["tendon_jumps"] < 0.03
    assert figures["scale"] == pytest.approx(0.99 / 1.2, rel=0.01), "the person is 1.2 times as large as the body"


def test_joint_angles_come_back(retargeter, walk, walking_person):
    """What the person was made from: the same gait, on legs that are stretched a little less."""
    body, names = retargeter.body, retargeter.body.description.joint_names
    person = walking_person(body, size=1.0, turned=0.0)
    own = retargeter.retarget(person)
    for joint, most in (("hip_flexion_r", 6.0), ("knee_angle_l", 12.0), ("ankle_angle_r", 8.0)):
        i = names.index(joint)
        assert np.degrees(np.abs(own.joint_position[:, i] - walk.joint_position[: own.frames, i])).mean() < 2.0, "size and joint frames do not matter"
        assert np.degrees(np.ptp(own.joint_position[:, i])) > most


def test_both_feet_are_planted_in_turn(walk):
    right, left = walk.contact[:, :2].any(axis=1), walk.contact[:, 2:].any(axis=1)
    assert 0.5 < right.mean() < 0.8 and 0.5 < left.mean() < 0.8
    assert (right | left).all(), "a walk has no flight"
    strikes = [e for e in walk.gait_events if e.kind == "heel_strike"]
    assert len(strikes) >= 4 and {e.side for e in strikes} == {"l", "r"}


def test_a_sloping_floor_is_levelled(retargeter, walking_person):
    clip = retargeter.retarget(walking_person(retargeter.body, slope=0.02))
    assert clip.report["penetration_mm"] < 2.0
    assert np.ptp(clip.root_position[:, 2]) < 0.08, "over 3 m of walk the slope alone would lift the root by 0.06 m more than its bobbing"
    assert abs(np.polyfit(clip.root_position[:, 0], clip.root_position[:, 2], 1)[0]) < 0.006


def test_coupled_joints_follow_exactly(retargeter, walk):
    body = retargeter.body
    poses = clip_poses(body, walk)
    assert np.array_equal(body.coupling.fill(poses.copy()), poses)
    found = trace(body, poses, walk.rate_hz).key_bodies
    assert np.abs(found - walk.key_body_position).max() < 1e-9, "the clip is what was solved"


def test_velocities_belong_to_positions(walk):
    step = (walk.joint_position[2:] - walk.joint_position[:-2]) * walk.rate_hz / 2.0
    assert np.allclose(step, walk.joint_velocity[1:-1])
    assert walk.root_linear_velocity[:, 0].mean() == pytest.approx(walk.descriptors["mean_speed"], rel=0.05)


@pytest.mark.parametrize("name", ["legs_abs86", "fullbody416"])
def test_other_bodies(body_of, name, walking_person):
    clip = Retargeter.of(body_of(name), RetargetConfig(rate_hz=40.0)).retarget(walking_person(body_of("legs80"), seconds=1.5))
    assert clip.report["key_body_error_mm"] < 12.0
    assert clip.report["foot_skate_mm_s"] < 20.0
    assert clip.joint_position.shape == (clip.frames, len(body_of(name).joint_ids))


def test_a_leaning_leg_turns_a_flat_foot(retargeter):
    geometry = retargeter.geometry
    turn, lean = geometry._flat_turn(0.06)
    upright = geometry._flat_turn(0.0)[1]
    assert np.allclose(turn, geometry.neutral_turn + geometry.turn_per_lean * (lean - upright), atol=0.005)
    assert np.all(np.abs(geometry.turn_per_lean) > 0.5), "the subtalar axis lies obliquely"


def test_a_heel_comes_no_nearer_than_the_knee_bends(retargeter):
    geometry = retargeter.geometry
    hip = np.tile([[[0.0, -0.1, 1.0], [0.0, 0.1, 1.0]]], (3, 1, 1))
    length = np.array([0.1, 0.4, 0.7])[:, None, None]
    wanted = hip - length * np.array([0.6, 0.0, 0.8])
    knee = knee_points(hip, wanted, np.tile([1.0, 0.0, 0.0], (3, 2, 1)), geometry)
    ankle = not_too_near(hip, knee, wanted, geometry)
    span = np.linalg.norm(ankle - hip, axis=-1)
    assert (span >= geometry.shortest_leg).all()
    assert np.allclose(np.linalg.norm(ankle - knee, axis=-1), geometry.shank), "the thigh stays, the shank turns about the knee"
    assert np.allclose(span[2], 0.7, atol=1e-3), "where there is room nothing moves"


def test_a_run_is_planted_too(retargeter, walking_person):
    clip = retargeter.retarget(walking_person(retargeter.body, speed=2.5, rate_hz=30.0))
    figures = clip.report
    assert clip.descriptors["mean_speed"] > 2.0
    assert (clip.contact.sum(axis=1) == 0).any(), "a run has flight"
    assert figures["key_body_error_mm"] < 10.0
    assert figures["foot_skate_mm_s"] < 30.0
    assert figures["penetration_mm"] < 2.0


def test_a_squat_deeper_than_the_knees_bend_raises_the_hips_and_keeps_the_feet(retargeter, walking_person):
    """The person's knees bend by 140 degrees with flat feet: knees and ankles of the body bend less."""
    person = walking_person(retargeter.body, seconds=1.0)
    place = np.repeat(person.position[:1], 61, axis=0)
    thigh, shank = 1.2 * retargeter.geometry.thigh, 1.2 * retargeter.geometry.shank
    leg = np.sqrt(thigh**2 + shank**2 - 2.0 * thigh * shank * np.cos(np.radians(40.0)))
    for side in "rl":
        hip, knee, ankle = (person.joint(f"{r}_{side}") for r in ("hip", "knee", "ankle"))
        place[:, hip] = place[:, ankle] + [-0.2, 0.0, np.sqrt(leg**2 - 0.04)]
        bend = np.tile([1.0, 0.0, 0.0], (61, 1, 1))
        scaled = knee_points(place[:, [hip]] / 1.2, place[:, [ankle]] / 1.2, bend, retargeter.geometry)
        place[:, knee] = 1.2 * scaled[:, 0]
    hips = 0.5 * (place[:, person.joint("hip_r")] + place[:, person.joint("hip_l")])
    for role in ("pelvis", "chest", "neck"):
        place[:, person.joint(role)] += hips - 0.5 * (person.position[:1, person.joint("hip_r")] + person.position[:1, person.joint("hip_l")])
    samples = [gather(resample(person, retargeter.config.rate_hz))]
    still = replace(person, position=place, rotation=np.repeat(person.rotation[:1], 61, axis=0))
    clip = retargeter.retarget(still, retargeter.calibrate(samples))
    assert clip.report["beyond_limits"] == 1.0
    assert clip.report["foot_skate_mm_s"] < 1.0 and clip.report["penetration_mm"] < 2.0
    assert clip.contact.any(axis=1).all(), "it stands all the time"
    names = list(retargeter.body.entry.key_bodies)
    hips_up = clip.root_position[:, 2].mean() - clip.key_body_position[:, [names.index("talus_r"), names.index("talus_l")], 2].max()
    assert hips_up > retargeter.geometry.shortest_leg.min() - 0.15, "the person's are 0.25 m above the ankles, scaled"


def test_a_heel_strike_counts_although_the_foot_still_turns(retargeter, walking_person):
    person = scale_person(*_resampled(retargeter, walking_person), retargeter.geometry, retargeter.config)
    thresholds = retargeter.config.contact
    before = contact_labels(person, retargeter.geometry, thresholds)[:, 0]
    turn = about_z(np.where(person.foot[:, 0, 2, 0] > 0.06, 0.02, 0.0).cumsum())  # 1.6 rad/s while the toes are up
    spun = replace(person, foot=np.stack([person.foot[:, 0] @ turn, person.foot[:, 1]], axis=1))
    after = contact_labels(spun, retargeter.geometry, thresholds)[:, 0]
    toes_up = person.foot[:, 0, 2, 0] > 0.08
    assert (before & toes_up).any(), "the gait comes down on its heels"
    assert (after & toes_up).sum() >= 0.7 * (before & toes_up).sum()


def _resampled(retargeter, walking_person):
    motion = resample(walking_person(retargeter.body), retargeter.config.rate_hz)
    return motion, retargeter.calibrate([gather(motion)])


def test_wrong_units_are_refused(retargeter, walking_person):
    person = walking_person(retargeter.body, seconds=1.0)
    inches = replace(person, position=person.position * 39.37)
    with pytest.raises(LayoutError, match=r"--units"):
        retargeter.retarget(inches)


def test_a_clip_of_a_few_frames_is_refused(retargeter, walking_person):
    person = walking_person(retargeter.body, seconds=0.05)
    with pytest.raises(MotionFileError, match="lasts"):
        retargeter.retarget(person)


def test_someone_who_only_stands(retargeter, walking_person):
    person = walking_person(retargeter.body, seconds=1.0)
    still = replace(person, position=np.repeat(person.position[:1], 61, axis=0), rotation=np.repeat(person.rotation[:1], 61, axis=0))
    clip = retargeter.retarget(still)
    assert np.isfinite(clip.joint_position).all()
    assert np.abs(clip.joint_velocity).max() < 0.2
    assert clip.report["tendon_jumps"] == 0.0


def test_tendon_jumps_counts_a_jump_and_not_a_fast_smooth_motion():
    smooth = 0.3 + 0.05 * np.sin(np.linspace(0.0, 20.0, 400))[:, None]
    assert tendon_jumps(smooth) == 0.0
    jumped = smooth.copy()
    jumped[200:] += 0.05
    assert tendon_jumps(jumped) == pytest.approx(1 / 399)


@pytest.mark.parametrize("wrong", [{"rate_hz": 5.0}, {"cutoff_hz": 0.0}, {"leg_stretch": 1.2}, {"iterations": 0}])
def test_settings_out_of_range(wrong):
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        RetargetConfig(**wrong)


def test_contact_thresholds_that_cross():
    with pytest.raises(ConfigurationError, match="height"):
        RetargetConfig(contact=ContactThresholds(height=(0.1, 0.05)))
