"""kinesis_train/clips.py, clip_reference.py, clip_sampling.py, clip_check.py: the reference of training is that of the motion node."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kinesis_control.body_state import BodyState
from kinesis_control.errors import ConfigurationError, MotionFileError, UnknownNameError
from kinesis_control.motion.clip import MotionClip
from kinesis_control.motion.clip_player import ClipPlayer
from kinesis_control.motion.frames import FIELDS, Alignment, Frames, Inertia
from kinesis_control.motion.library_writer import LibraryWriter
from kinesis_control.observation import ObservationBuilder
from kinesis_control.reference import ReferenceWindow
from kinesis_sim.bodies import Body
from kinesis_train.clip_check import CheckLimits, check_clips
from kinesis_train.clip_reference import ClipTask
from kinesis_train.clip_sampling import SegmentSampler
from kinesis_train.clips import ClipBank, read_clips
from kinesis_train.env import REFERENCE_OFFSETS, EnvConfig, observation_terms
from kinesis_train.imitate_env import ImitationEnv

DT = 0.025
Walk = Callable[..., MotionClip]


@pytest.fixture(scope="session")
def clips(walk: Walk) -> list[MotionClip]:
    return [walk("ahead"), walk("curve", 0.8, 0.4, seconds=2.5, content="turn")]


def bank_of(legs: Body, clips: list[MotionClip]) -> ClipBank:
    activations = [np.full((round(c.duration_s / DT) + 1, 80), 0.05) for c in clips]
    return ClipBank.of(legs, clips, activations, dt=DT, offsets=REFERENCE_OFFSETS)


def env_of(legs: Body, clips: list[MotionClip], task: ClipTask, envs: int = 6) -> ImitationEnv:
    return ImitationEnv(legs, EnvConfig(envs=envs, threads=1), 2, bank_of(legs, clips), task, generator_share=0.34)


def single_state(env: ImitationEnv, member: int) -> BodyState:
    state = BodyState.zeros(env.body.description)
    for name, array in state.arrays().items():
        array[...] = getattr(env.state, name)[member]
    return state


@pytest.mark.parametrize("anchored", [0.0, 1.0])
def test_window_is_the_one_that_the_motion_node_plays(legs: Body, clips: list[MotionClip], anchored: float) -> None:
    """ClipPlayer, laid where training laid its clip, gives the same frames over a whole clip and beyond its end."""
    env = env_of(legs, clips, ClipTask(anchored_share=anchored, from_start=1.0))
    part, walkers = env.clips, env.config.envs - len(env.clips.clip)
    clip, offsets = clips[part.clip[0]], np.r_[0.0, REFERENCE_OFFSETS]
    made, before = (ReferenceWindow.zeros(legs.description, offsets, key_bodies=7) for _ in range(2))
    laid = Alignment(part.yaw[0], *part.place[0])
    Frames(clip).fill(offsets, before)
    laid.apply(before)
    player = ClipPlayer(clip, 1.0, Inertia())
    player.update(single_state(env, walkers), 0.0, 0, made, before, 0.0)
    rng = np.random.default_rng(0)
    for tick in range(1, part.bank.ticks[part.clip[0]] + 1):
        env.step(rng.uniform(0.0, 0.2, (6, 80)))
        player.update(single_state(env, walkers), tick * DT, 0, made, before, DT)
        if not anchored:  # the node always follows the body; laid down for good, a clip is only moved
            Frames(clip).fill(tick * DT + offsets, made)
            laid.apply(made)
        for name in FIELDS:
            if name != "key_body_position":
                np.testing.assert_allclose(getattr(env.reference.window, name)[walkers], getattr(made, name)[1:], atol=1e-9, err_msg=name)
        np.testing.assert_allclose(part.target().position[0], made.key_body_position[0], atol=1e-9)
    assert part.over(env.age[walkers:], DT)[0]


def test_observation_with_a_clip_is_that_of_the_robot(legs: Body, clips: list[MotionClip]) -> None:
    """The batch observation equals, bit for bit, what the policy's own builder makes of each single state and window."""
    env = env_of(legs, clips, ClipTask())
    env.step(np.full((6, 80), 0.1))
    builder, window = ObservationBuilder(observation_terms(legs), legs.description, len(REFERENCE_OFFSETS)), env.reference.window
    for i in range(6):
        single = {k: (v[i] if isinstance(v, np.ndarray) and k != "time_offsets" else v) for k, v in vars(window).items()}
        row = builder.build(single_state(env, i), ReferenceWindow(**single), env.excitation[i], np.zeros(builder.size, np.float32))
        assert row.tobytes() == env.observation[i].tobytes()


def test_episodes_start_on_the_clip_and_move_with_it(legs: Body, clips: list[MotionClip]) -> None:
    env = env_of(legs, clips, ClipTask(), envs=12)
    env.practise(replace(env.config.task, start_noise=0.0))
    for _ in range(3):
        env.reset(np.arange(12))
        errors, worst, upright = env._errors()
        assert worst[4:].max() < 0.003 and upright[4:].min() > 0.9999
        assert errors["tilt"][4:].max() < 1e-3
        speed = np.linalg.norm(env.state.root_linear_velocity[4:, :2], axis=1)
        assert speed.min() > 0.5


def test_a_run_goes_on_from_a_snapshot_to_the_bit(legs: Body, clips: list[MotionClip]) -> None:
    env, ends = env_of(legs, clips, ClipTask(key_error=0.1)), []
    for _ in range(5):
        env.step(np.full((6, 80), 0.1))
    kept = env.snapshot()
    seen = env.observation.tobytes()
    for going_on in (env, env_of(legs, clips, ClipTask(key_error=0.1))):  # the same, and one in another process
        env = going_on
        env.restore(kept)
        assert env.observation.tobytes() == seen
        rng = np.random.default_rng(1)
        for _ in range(12):
            _, failed, over = env.step(rng.uniform(0.0, 0.3, (6, 80)))
            env.reset(np.flatnonzero(failed | over))
        ends.append((env.observation.tobytes(), env.clips.sampler.rate.tobytes()))
    assert ends[0] == ends[1]


def test_limits_loose_and_strict_members(legs: Body, clips: list[MotionClip]) -> None:
    env = env_of(legs, clips, ClipTask(key_error=0.15, loose_share=0.5, loose_error=0.4))
    np.testing.assert_allclose(env.clips.key_error(), [0.4, 0.4, 0.15, 0.15])


def test_the_limit_gets_strict_where_little_fails_and_loose_again_where_much_does(legs: Body, clips: list[MotionClip]) -> None:
    part = env_of(legs, clips, ClipTask(key_error=0.3, strict_error=0.15)).clips
    for rate, expected in ((0.05, 0.15), (0.2, 0.15), (0.6, 0.3)):
        part.sampler.rate[:] = rate
        for _ in range(200):
            part.adapt()
        assert part.limit == pytest.approx(expected)
        assert part.key_error()[-1] == part.limit


def test_hard_segments_are_drawn_more_often_and_easy_ones_still(legs: Body) -> None:
    sampler = SegmentSampler(np.array([80, 200]), DT, forget=0.2)
    assert list(sampler.clip) == [0, 0, 1, 1, 1, 1, 1] and sampler.high[-1] == 200
    for _ in range(60):  # clip 0 always fails in its second half, clip 1 never
        sampler.note(np.array([0, 1]), np.array([0, 0]), np.array([60, 200]), np.array([True, False]))
    assert sampler.rate[1] > 0.99 and sampler.rate[2:].max() < 0.01 and sampler.rate[0] < 0.01
    clip, tick = sampler.draw(4000, np.random.default_rng(0), from_start=0.0, floor=0.3)
    hard = (clip == 0).mean()
    assert hard == pytest.approx(0.7 + 0.3 * 80 / 280, abs=0.03)
    assert (tick < np.array([80, 200])[clip]).all() and len(np.unique(tick[clip == 1])) > 100
    assert (sampler.draw(50, np.random.default_rng(0), from_start=1.0, floor=0.3)[1] == 0).all()
    sampler.allow([1])
    assert (sampler.draw(200, np.random.default_rng(0), from_start=0.2, floor=0.3)[0] == 1).all()


def test_what_always_fails_is_practised_less_than_what_fails_half_of_the_time() -> None:
    sampler = SegmentSampler(np.array([40, 40, 40]), DT, forget=0.2)
    sampler.rate[:] = 0.02, 0.6, 1.0
    weights = sampler.weights(0.0)
    assert weights[1] > 1.5 * weights[2] > 5.0 * weights[0] > 0.0


def test_check_finds_a_floating_and_a_sliding_clip_and_passes_a_walk(legs: Body, walk: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    good = walk("good", seconds=0.7)
    up = np.array([0.0, 0.0, 0.037])
    floating = replace(good, name="floating", root_position=good.root_position + up, key_body_position=good.key_body_position + up)
    slide = 0.8 * np.arange(good.frames)[:, None] / good.rate_hz * np.array([1.0, 0.0, 0.0])
    sliding = replace(good, name="sliding", root_position=good.root_position + slide)
    short = replace(good, name="short", **{f: getattr(good, f)[:20] for f in FIELDS})
    checks, activations = check_clips(legs, [good, floating, sliding, short], window_s=0.6, limits=CheckLimits(residual=5.0), dt=DT)
    found = {c.name: c.complaint for c in checks}
    assert found["good"] == ""
    assert "37 mm high" in found["floating"] or "38 mm high" in found["floating"]
    assert "slip" in found["sliding"] and "shorter than the 0.6 s" in found["short"]
    assert activations[0].shape == (29, 80) and activations[0].min() >= 0.0 and activations[0].max() <= 1.0
    assert activations[0].max() > 0.05
    again, _ = check_clips(legs, [good], window_s=0.6, limits=CheckLimits(residual=1e-4), dt=DT)
    assert "body weights of help" in again[0].complaint
    assert len(list(tmp_path.rglob("*.npz"))) == 3  # the short one needs none, and the second look found what the first had kept


def test_mirrored_copies_take_the_mirror_image(legs: Body, walk: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    good = walk("good", seconds=0.7)
    _, (own, copy) = check_clips(legs, [good, replace(good, name="good@mirror")], window_s=0.6, limits=CheckLimits(), dt=DT)
    assert np.array_equal(copy, own[:, legs.mirror.muscles]) and not np.array_equal(copy, own)


def test_clips_that_cannot_be_laid_out_are_refused(legs: Body, clips: list[MotionClip]) -> None:
    short = replace(clips[0], **{f: getattr(clips[0], f)[:20] for f in FIELDS})
    with pytest.raises(ConfigurationError, match=r"'ahead' lasts 0\.24 s, expected at least the 0\.6 s"):
        bank_of(legs, [short])
    with pytest.raises(ConfigurationError, match="got no clip"):
        bank_of(legs, [])
    with pytest.raises(ConfigurationError, match="multiples of the control period"):
        ClipBank.of(legs, clips, [np.zeros((1, 80))] * 2, dt=0.04, offsets=REFERENCE_OFFSETS)
    with pytest.raises(ConfigurationError, match="at least one left for clips"):
        ImitationEnv(legs, EnvConfig(envs=4, threads=1), 0, bank_of(legs, clips), ClipTask(), generator_share=1.0)
    with pytest.raises(ConfigurationError, match="clip task: got"):
        ClipTask(from_start=1.5)


def test_libraries_of_other_bodies_and_empty_ones_are_refused(legs: Body, clips: list[MotionClip], tmp_path: Path) -> None:
    pytest.importorskip("h5py", reason="h5py is not installed")
    own, other, empty = (tmp_path / f"{name}.h5" for name in ("own", "other", "empty"))
    with LibraryWriter(own, legs.description) as writer:
        for clip in clips:
            writer.add(clip)
    with LibraryWriter(other, replace(legs.description, model_hash="another")) as writer:
        writer.add(clips[0])
    with LibraryWriter(empty, legs.description):
        pass
    assert [c.name for c in read_clips([own], legs)] == ["ahead", "curve"]
    assert [c.name for c in read_clips([own], legs, "cu*, none")] == ["curve"]
    with pytest.raises(MotionFileError, match="made for another body"):
        read_clips([other], legs)
    with pytest.raises(MotionFileError, match="holds no clip"):
        read_clips([empty], legs)
    with pytest.raises(UnknownNameError, match="ahead, curve"):
        read_clips([own], legs, "run*")
    with pytest.raises(MotionFileError, match="same name in several libraries: ahead, curve"):
        read_clips([own, own], legs)
