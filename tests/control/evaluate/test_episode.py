"""Episodes: shapes, slices, chunks, kinematics."""

from collections.abc import Callable

import numpy as np
import pytest

from kinesis_control.errors import LayoutError
from kinesis_control.evaluate.episode import Episode, concatenate, runs, shapes
from kinesis_control.evaluate.events import Goal, StatusEvent

TICK_NS = 25_000_000


def test_blank_is_unknown_everywhere(make_body: Callable[..., object]) -> None:
    e = Episode.blank(make_body(), 4, source="a bag")  # type: ignore[arg-type]
    assert (len(e), e.source, e.seed) == (4, "a bag", None)
    for name, shape in shapes(e.body, 4).items():
        value = getattr(e, name)
        assert value.shape == shape
        if value.dtype == np.float64:
            assert np.isnan(value).all(), name
    assert e.motion.tolist() == [""] * 4 and not e.fallen.any()


def test_arrays_that_do_not_fit_are_named(make_episode: Callable[..., Episode]) -> None:
    body = make_episode(3).body
    with pytest.raises(LayoutError, match=r"excitation: got \(3, 5\), expected \(3, 2\)"):
        Episode.blank(body, 3, excitation=np.zeros((3, 5)))


def test_slices_take_the_events_of_their_time(make_episode: Callable[..., Episode]) -> None:
    """What came before the first tick belongs to the first slice, what comes after the last one to the last."""
    stamps = [-1, 4 * TICK_NS - 1, 4 * TICK_NS, 6 * TICK_NS, 99 * TICK_NS]
    e = make_episode(10, goals=tuple(Goal(stamp_ns=s, x=0.0, y=0.0) for s in stamps), events=(StatusEvent(stamp_ns=0, kind="mode", name="walk"),))
    pieces = list(e.chunks(4))
    assert [len(p) for p in pieces] == [4, 4, 2]
    assert [[g.stamp_ns for g in p.goals] for p in pieces] == [stamps[:2], stamps[2:4], stamps[4:]]
    assert [len(p.events) for p in pieces] == [1, 0, 0]
    assert e.slice(4, 8).seq.tolist() == [4, 5, 6, 7]


def test_chunks_make_up_the_whole(make_episode: Callable[..., Episode]) -> None:
    e = make_episode(11, goals=(Goal(stamp_ns=5 * TICK_NS, x=1.0, y=2.0),))
    e.muscle_tension[:] = np.random.default_rng(0).normal(size=(11, 2))
    again = concatenate(list(e.chunks(3)))
    for name in shapes(e.body, 11):
        np.testing.assert_array_equal(getattr(again, name), getattr(e, name))
    assert again.goals == e.goals


def test_only_chunks_of_one_body_go_together(make_body: Callable[..., object], make_episode: Callable[..., Episode]) -> None:
    other = make_episode(3, make_body(muscles=("a_r", "b_r", "c_r")))
    with pytest.raises(LayoutError, match="chunks of one body"):
        concatenate([make_episode(3), other])
    with pytest.raises(LayoutError, match="chunks of one body"):
        concatenate([])


def test_every_other_tick(make_episode: Callable[..., Episode]) -> None:
    e = make_episode(9).downsample(4)
    assert e.seq.tolist() == [0, 4, 8]
    assert e.time_s.tolist() == pytest.approx([0.0, 0.1, 0.2])


def test_runs_of_motion_names() -> None:
    assert runs(np.array(["a", "a", "", "b"])) == [("a", 0, 2), ("", 2, 3), ("b", 3, 4)]
    assert runs(np.array([], dtype="U4")) == []


def test_kinematics_fill_what_is_unknown_and_keep_what_was_recorded(make_episode: Callable[..., Episode]) -> None:
    asked = []

    def kinematics(root: np.ndarray, quaternion: np.ndarray, joints: np.ndarray) -> np.ndarray:
        asked.append(len(root))
        return np.repeat(root[:, None], 3, axis=1) + joints[:, :1, None]

    e = make_episode(5, root_position=1.0, joint_position=2.0, reference_root_position=5.0, reference_joint_position=0.0)
    e.reference_root_quaternion[:] = (1.0, 0.0, 0.0, 0.0)
    e.key_body_position[0] = 7.0
    e.joint_position[3] = np.nan
    e.reference_root_position[4] = np.nan
    filled = e.with_kinematics(kinematics)
    assert filled.key_body_position[:, 0, 0] == pytest.approx([7.0, 3.0, 3.0, np.nan, 3.0], nan_ok=True)
    assert filled.reference_key_body_position[:, 1, 2] == pytest.approx([5.0, 5.0, 5.0, 5.0, np.nan], nan_ok=True)
    assert asked == [3, 4]
    assert np.isnan(e.key_body_position[1:]).all()
