"""Success, coverage and MPJPE against values computed by hand on clips of a few ticks."""

from collections.abc import Callable

import numpy as np
import pytest

from kinesis_control.evaluate.episode import Episode
from kinesis_control.evaluate.figure import by_name
from kinesis_control.evaluate.imitation import ClipScore, ImitationScore, clip_figures, imitation_figures


@pytest.fixture
def clip(make_episode: Callable[..., Episode]) -> Callable[[list[list[float]]], Episode]:
    """Makes a clip whose three key bodies are off by so much along z at each tick [m]; the reference is at the origin."""

    def make(errors: list[list[float]]) -> Episode:
        e = make_episode(len(errors), key_body_position=0.0, reference_key_body_position=0.0)
        e.key_body_position[..., 2] = errors
        return e

    return make


def score(e: Episode, chunk: int = 1000, **arguments: object) -> ClipScore:
    scorer = ImitationScore("a clip", **arguments)  # type: ignore[arg-type]
    for piece in e.chunks(chunk):
        scorer.update(piece)
    return scorer.result()


def test_a_clip_that_is_tracked_by_hand(clip: Callable[..., Episode]) -> None:
    """World: (0.03 + 0.06 + 0 + 0.01 + 0.1 + 0.1)/6 = 50 mm; root-relative: (0 + 0.03 + 0.03 + 0 + 0.09 + 0.09)/6 = 40 mm."""
    s = score(clip([[0.03, 0.06, 0.0], [0.01, 0.1, 0.1]]))
    assert (s.success05, s.success015, s.coverage, s.ticks, s.mpjpe_ticks) == (True, True, 1.0, 2, 2)
    assert (s.mpjpe_world_mm, s.mpjpe_root_mm) == pytest.approx((50.0, 40.0))
    assert (s.worst_m, s.worst_body) == (pytest.approx(0.1), "toes_r")
    assert s.missing == ""


def test_the_mean_decides_one_success_and_the_single_body_the_other(clip: Callable[..., Episode]) -> None:
    far_foot = score(clip([[0.0, 0.0, 0.0], [0.0, 1.4, 0.0]]))
    assert (far_foot.success05, far_foot.success015) == (True, False)
    assert far_foot.coverage == 1.0
    exactly = score(clip([[0.15, 0.15, 0.15]])), score(clip([[0.5, 0.5, 0.5]]))
    assert (exactly[0].success015, exactly[1].success05) == (True, True)  # the limit itself is not exceeded


def test_frames_from_the_failure_on_are_left_out(clip: Callable[..., Episode]) -> None:
    """Fails at the third of five ticks, and comes back: coverage 2/5, MPJPE over the two ticks before."""
    s = score(clip([[0.1, 0.1, 0.1], [0.2, 0.2, 0.2], [0.6, 0.6, 0.6], [0.0, 0.0, 0.0], [9.0, 9.0, 9.0]]))
    assert (s.success05, s.success015, s.ticks_before_failure) == (False, False, 2)
    assert s.coverage == pytest.approx(0.4)
    assert s.mpjpe_world_mm == pytest.approx(150.0)
    assert s.worst_m == pytest.approx(0.6)


@pytest.mark.parametrize("chunk", [1, 2, 3, 7])
def test_chunk_borders_change_nothing(chunk: int, clip: Callable[..., Episode]) -> None:
    rng = np.random.default_rng(5)
    e = clip(rng.uniform(0.0, 0.3, size=(20, 3)).tolist())
    e.key_body_position[12:, :, 2] += 0.4
    e.key_body_position[4] = np.nan
    whole, pieces = score(e), score(e, chunk)
    assert whole.success05 is False and whole.unknown_ticks == 1
    for name, value in vars(whole).items():
        assert getattr(pieces, name) == (pytest.approx(value) if isinstance(value, float) else value), name


def test_a_clip_that_ends_early_has_failed_there(clip: Callable[..., Episode]) -> None:
    s = score(clip([[0.0] * 3] * 4), planned_ticks=10)
    assert (s.success05, s.success015) == (False, False)
    assert s.coverage == pytest.approx(0.4)


def test_a_short_hole_is_left_out_and_a_long_one_forbids_a_success(clip: Callable[..., Episode]) -> None:
    e = clip([[0.01] * 3] * 20)
    e.reference_key_body_position[5:8] = np.nan  # 100 ms from the last known tick to the next
    short = score(e)
    assert (short.success05, short.unknown_ticks, short.mpjpe_ticks) == (True, 3, 17)
    e.reference_key_body_position[8] = np.nan
    long = score(e)
    assert (long.success05, long.success015) == (None, None)
    assert np.isnan(long.coverage) and "more than 0.1 s on end" in long.missing
    assert long.mpjpe_world_mm == pytest.approx(10.0)


def test_ticks_that_were_lost_are_a_hole_too(clip: Callable[..., Episode]) -> None:
    e = clip([[0.01] * 3] * 20)
    e.stamp_ns[10:] += 100_000_000
    assert score(e).success05 is None
    assert score(e, chunk=10).success05 is None


@pytest.mark.parametrize("hole", [slice(0, 6), slice(14, 20)])
def test_holes_at_both_ends_count(hole: slice, clip: Callable[..., Episode]) -> None:
    e = clip([[0.01] * 3] * 20)
    e.key_body_position[hole] = np.nan
    assert score(e).success05 is None


def test_a_failure_that_was_seen_stays_one_whatever_is_missing_afterwards(clip: Callable[..., Episode]) -> None:
    e = clip([[0.0] * 3, [0.9] * 3, *([[0.0] * 3] * 20)])
    e.key_body_position[2:] = np.nan
    s = score(e)
    assert (s.success05, s.coverage) == (False, pytest.approx(1 / 22))


def test_nothing_known_is_missing_with_its_reason(make_episode: Callable[..., Episode]) -> None:
    s = score(make_episode(5))
    assert (s.success05, s.success015) == (None, None)
    figures = by_name(clip_figures(s))
    assert all(f.value is None and "not known at any tick" in f.missing for f in figures.values())
    assert "no tick" in score(make_episode(0)).missing


def test_a_clip_that_fails_at_once_has_no_mpjpe(clip: Callable[..., Episode]) -> None:
    s = score(clip([[1.0] * 3] * 3))
    assert s.coverage == 0.0
    assert by_name(clip_figures(s))["imitation.mpjpe_world"].missing == "the clip failed at its first tick"


def test_clips_count_the_same_whatever_their_length(clip: Callable[..., Episode], make_episode: Callable[..., Episode]) -> None:
    """A long clip at 10 mm and a short one at 40 mm: 25 mm, not the mean over frames."""
    clips = [score(clip([[0.01] * 3] * 30)), score(clip([[0.04] * 3] * 2)), score(make_episode(4))]
    figures = by_name(imitation_figures(clips))
    assert figures["imitation.mpjpe_world"].value == pytest.approx(25.0)
    assert (figures["imitation.success05"].value, figures["imitation.success05"].n) == (1.0, 2)
    assert "not known for: a clip" in figures["imitation.success05"].note
    assert "frame coverage 100.0 %" in figures["imitation.mpjpe_world"].note
    assert by_name(imitation_figures([]))["imitation.success05"].missing == "no clip was recorded"
