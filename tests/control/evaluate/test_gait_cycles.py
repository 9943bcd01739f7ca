"""Cycles cut from made-up walks whose envelopes are known."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from kinesis_control.evaluate.episode import Episode
from kinesis_control.evaluate.figure import by_name
from kinesis_control.evaluate.gait_cycles import GaitCycleConfig, GaitCycles, LegGait, gait_figures, sides_of
from kinesis_control.evaluate.time_base import TimeBase, rebase, resample, sample_times

PLAIN, PIECEWISE = TimeBase.PLAIN, TimeBase.PIECEWISE


def cut(e: Episode, chunk: int = 100_000, **config: object) -> tuple[LegGait, LegGait]:
    cycles = GaitCycles(e.body, GaitCycleConfig(**config))  # type: ignore[arg-type]
    for piece in e.chunks(chunk):
        cycles.update(piece)
    return cycles.result()


@pytest.fixture
def walk(make_episode: Callable[..., Episode]) -> Callable[..., Episode]:
    """Makes a walk of cycles of given lengths in ticks of 25 ms, 60 % stance; both legs step together; activation is the share of the cycle."""

    def make(lengths: Sequence[int]) -> Episode:
        phases = np.concatenate([np.linspace(0.5, 1.0, 20, endpoint=False), *(np.arange(n) / n for n in lengths), np.zeros(20)])
        e = make_episode(len(phases), root_linear_velocity=0.0, contact_force=0.0)
        e.root_linear_velocity[:, 0] = 1.0
        e.contact_force[:, [0, 2]] = np.where(phases < 0.6, 40.0, 0.0)[:, None]
        e.contact_force[:20] = 0.0
        e.muscle_activation[:] = np.stack([phases, 1.0 - phases], axis=1)
        e.excitation[:] = 0.5
        return e

    return make


def test_envelopes_over_both_time_bases(walk: Callable[..., Episode]) -> None:
    """The activation of the right muscle is the share of the cycle itself, up to the tick where it falls back to 0."""
    right, left = cut(walk([40] * 10))
    assert (right.cycles, right.outliers, right.rejected, right.muscles) == (10, 0, {}, ("soleus",))
    assert right.mean[PLAIN][0, :195] == pytest.approx(np.arange(195) / 200, abs=1e-9)
    # Beyond the last tick (0.975) the cycle goes on to the first tick of the next one (0).
    assert right.mean[PLAIN][0, 199] == pytest.approx(0.2 * 0.975, abs=1e-9)
    expected = np.concatenate([0.6 * np.arange(100) / 100, 0.6 + 0.4 * np.arange(100) / 100])
    assert right.mean[PIECEWISE][0, :190] == pytest.approx(expected[:190], abs=1e-9)
    assert left.mean[PLAIN][0, :195] == pytest.approx(1.0 - np.arange(195) / 200, abs=1e-9)
    assert right.stance_shares == pytest.approx(np.full(10, 0.6))
    assert right.durations_s == pytest.approx(np.ones(10))
    assert right.deviation[PLAIN].max() < 1e-6


@pytest.mark.parametrize("chunk", [1, 13, 40, 57])
def test_chunk_borders_change_nothing(walk: Callable[..., Episode], chunk: int) -> None:
    e = walk([40, 41, 39, 40, 60, 40, 44])
    e.muscle_activation[:] += np.random.default_rng(0).normal(scale=0.1, size=e.muscle_activation.shape)
    for whole, pieces in zip(cut(e), cut(e, chunk), strict=True):
        assert (whole.cycles, whole.outliers, whole.rejected) == (pieces.cycles, pieces.outliers, pieces.rejected)
        for base in TimeBase:
            np.testing.assert_allclose(whole.mean[base], pieces.mean[base], atol=1e-12)
            np.testing.assert_allclose(whole.deviation[base], pieces.deviation[base], atol=1e-7)


def test_outliers_of_duration_are_dropped_and_counted(walk: Callable[..., Episode]) -> None:
    """Twelve cycles of 1 s and one of 2 s: mean 1.077, SD 0.277; 2 s is outside."""
    e = walk([40] * 6 + [80] + [40] * 6)
    e.muscle_activation[20 + 241 : 20 + 320] = 100.0
    right, _ = cut(e)
    assert (right.cycles, right.outliers) == (12, 1)
    assert right.mean[PLAIN].max() < 2.0
    figure = by_name(gait_figures(cut(e)))["gait.cycles.right"]
    assert (figure.value, figure.note) == (12.0, "left out: 1 outside 2 SD of duration")


def test_deviation_between_cycles_by_hand(walk: Callable[..., Episode]) -> None:
    """Activation 0, 0, 3 in three cycles: mean 1, sample SD sqrt(3)."""
    e = walk([40] * 3)
    e.muscle_activation[:100] = 0.0
    e.muscle_activation[100:] = 3.0
    right, _ = cut(e)
    assert right.mean[PLAIN][0, 50] == pytest.approx(1.0)
    assert right.deviation[PLAIN][0, 50] == pytest.approx(np.sqrt(3.0))


@pytest.mark.parametrize(("lengths", "reason"), [([40, 120, 40], "longer than 2.5 s"), ([40, 14, 40], "shorter than 0.4 s")])
def test_what_is_no_cycle_is_counted_by_reason(walk: Callable[..., Episode], lengths: list[int], reason: str) -> None:
    right, _ = cut(walk(lengths))
    assert (right.cycles, right.rejected) == (2, {reason: 1})


def test_a_pause_longer_than_any_cycle_is_no_cycle_in_chunks_either(walk: Callable[..., Episode]) -> None:
    right, _ = cut(walk([40, 400, 40, 40]), chunk=30)
    assert (right.cycles, right.rejected) == (3, {"longer than 2.5 s": 1})


def test_stepping_on_the_spot_does_not_count(walk: Callable[..., Episode]) -> None:
    e = walk([40] * 4)
    e.root_linear_velocity[:] = 0.1
    right, _ = cut(e)
    assert (right.cycles, right.rejected) == (0, {"slower than 0.2 m/s": 4})
    assert "slower than" in by_name(gait_figures(cut(e)))["gait.cycle_duration"].missing


def test_cycles_with_unknown_muscles_or_load_do_not_count(walk: Callable[..., Episode]) -> None:
    e = walk([40] * 4)
    e.muscle_activation[70, 0] = np.nan  # in the second cycle
    e.contact_force[130, 0] = np.nan  # in the third
    right, left = cut(e)
    assert right.cycles == 2
    assert right.rejected == {"with unknown muscles": 1, "interrupted by lost ticks or an unknown load": 1}
    assert left.cycles == 4


def test_nothing_counts_after_the_fall(walk: Callable[..., Episode]) -> None:
    e = walk([40] * 6)
    e.fallen[20 + 90 :] = True
    for chunk in (1000, 7):
        assert cut(e, chunk)[0].cycles == 2


def test_excitation_can_be_taken_instead(walk: Callable[..., Episode]) -> None:
    assert cut(walk([40] * 3), signal="excitation")[0].mean[PLAIN] == pytest.approx(0.5)


def test_no_load_no_cycle_and_why(make_episode: Callable[..., Episode]) -> None:
    figures = by_name(gait_figures(cut(make_episode(100))))
    assert figures["gait.stance_share"].missing.startswith("the load under the right foot is not known")
    assert figures["gait.cycles.left"].value == 0.0


def test_sides_of_names_with_and_without_a_suffix() -> None:
    assert sides_of(("soleus_r", "DELT1", "soleus_l", "DELT1_l", "diaphragm")) == {"right": {"soleus": 0, "DELT1": 1}, "left": {"soleus": 2, "DELT1": 3}}


def test_resampling_is_linear_and_reaches_the_ends() -> None:
    values = resample(np.array([0.0, 1.0, 3.0]), np.array([[0.0], [1.0], [5.0]]), np.array([0.0, 0.5, 1.0, 2.0, 3.0]))
    assert values[:, 0].tolist() == [0.0, 0.5, 1.0, 3.0, 5.0]


def test_changing_the_base_there_and_back() -> None:
    """A smooth envelope survives both changes; a burst at the end of stance moves to point 99 of the piecewise base."""
    t = sample_times(PLAIN, 0.7)
    smooth = 1.0 + np.cos(2.0 * np.pi * t)
    back = rebase(rebase(smooth, PLAIN, PIECEWISE, 0.7), PIECEWISE, PLAIN, 0.7)
    assert back == pytest.approx(smooth, abs=2e-3)
    burst = np.exp(-((t - 0.7) ** 2) / 1e-3)
    assert int(rebase(burst, PLAIN, PIECEWISE, 0.7).argmax()) == 100
    coarse = np.sin(2.0 * np.pi * np.arange(51) / 51)
    assert rebase(coarse, PLAIN, PLAIN, 0.6) == pytest.approx(np.sin(2.0 * np.pi * t), abs=3e-3)
