"""Way, energy, smoothness and skate against values computed by hand."""

from collections.abc import Callable

import numpy as np
import pytest

from kinesis_control.body_state import BodyDescription
from kinesis_control.evaluate.episode import Episode
from kinesis_control.evaluate.figure import Figure, by_name
from kinesis_control.evaluate.movement import MovementScore, Way, to_odom

DT = 0.025


def figures(e: Episode, chunk: int = 10_000) -> dict[str, Figure]:
    score = MovementScore(e.body)
    for piece in e.chunks(chunk):
        score.update(piece)
    return by_name(score.result())


@pytest.fixture
def walk(make_episode: Callable[..., Episode]) -> Episode:
    """4 s along x at 1 m/s with 2 cm of sway a tick; 81 ticks."""
    e = make_episode(81, joint_position=0.0, excitation=0.25)
    t = DT * np.arange(81)
    e.root_position[:] = np.stack([t * 2.0, 0.02 * (-1.0) ** np.arange(81), np.full(81, 0.9)], axis=1)
    return e


def test_way_does_not_count_sway(walk: Episode) -> None:
    """Two strides of 1 s; 40 ticks are an even number, so the sway is the same at their ends."""
    f = figures(walk)
    assert f["movement.distance"].value == pytest.approx(4.0)
    assert f["movement.speed"].value == pytest.approx(2.0)


@pytest.mark.parametrize("chunk", [1, 7, 40, 41])
def test_chunk_borders_change_nothing(walk: Episode, chunk: int) -> None:
    rng = np.random.default_rng(0)
    for name in ("joint_velocity", "muscle_tension", "muscle_velocity", "excitation", "reference_joint_position"):
        getattr(walk, name)[...] = rng.normal(size=getattr(walk, name).shape)
    walk.key_body_position[...] = rng.normal(size=(81, 3, 3))
    walk.contact_force[...] = rng.uniform(0.0, 20.0, size=(81, 4))
    walk.stamp_ns[50:] += 3_000_000_000
    whole, pieces = figures(walk), figures(walk, chunk)
    assert whole["energy.work_per_metre"].value is not None and whole["movement.foot_skate"].value is not None
    for name, figure in whole.items():
        assert pieces[name].n == figure.n and pieces[name].value == pytest.approx(figure.value), name


def test_energy_by_hand(walk: Episode) -> None:
    """One muscle shortens at 0.1 m/s under 50 N (5 W), the other lengthens at 0.1 m/s under 12 N (1.2 W); 10 kg at 2 m/s."""
    walk.muscle_tension[:] = (50.0, 12.0)
    walk.muscle_velocity[:] = (-0.1, 0.1)
    f = figures(walk)
    assert f["energy.positive_power"].value == pytest.approx(0.5)
    assert f["energy.work_per_metre"].value == pytest.approx(2.5)
    assert f["energy.mechanical_cost_of_transport"].value == pytest.approx(0.25)
    assert f["energy.metabolic_cost_of_transport"].value == pytest.approx((5.0 / 0.25 + 1.2 / 1.2) / 20.0)
    assert "proxy" in f["energy.metabolic_cost_of_transport"].note


def test_power_between_ticks_is_the_mean_of_both(make_episode: Callable[..., Episode]) -> None:
    """Positive power 0, 10, 0 W: two intervals of 5 W each. A signed mean first would lose what shortens against what lengthens."""
    e = make_episode(3, muscle_tension=100.0, muscle_velocity=0.0)
    e.muscle_velocity[1] = (-0.1, 0.0)
    assert figures(e)["energy.positive_power"].value == pytest.approx(0.5)


def test_lost_ticks_take_no_part_in_energy(walk: Episode) -> None:
    walk.muscle_tension[:], walk.muscle_velocity[:] = 10.0, -0.1
    before = figures(walk)["energy.positive_power"]
    walk.stamp_ns[40:] += 10_000_000_000
    after = figures(walk)["energy.positive_power"]
    assert after.value == pytest.approx(before.value)
    assert after.n == before.n - 1


def test_standing_has_no_cost_of_transport(make_episode: Callable[..., Episode]) -> None:
    e = make_episode(80, root_position=0.0, muscle_tension=10.0, muscle_velocity=-0.1)
    f = figures(e)
    assert f["energy.positive_power"].value == pytest.approx(0.2)
    assert "less than 1 m" in f["energy.mechanical_cost_of_transport"].missing
    e.root_position[:] = np.nan
    assert figures(e)["energy.work_per_metre"].missing == "root positions are not known"


def test_velocity_errors_are_taken_in_the_world(make_episode: Callable[..., Episode]) -> None:
    """Body and reference both go along world y at 1 m/s, one of them turned by 90 degrees: no error."""
    e = make_episode(5, reference_joint_position=0.0, reference_joint_velocity=0.0)
    e.root_quaternion[:] = (np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5))
    e.root_linear_velocity[:] = (1.0, 0.0, 0.0)
    e.reference_root_quaternion[:] = (1.0, 0.0, 0.0, 0.0)
    e.reference_root_linear_velocity[:] = (0.0, 1.0, 0.0)
    assert figures(e)["movement.root_velocity_error"].value == pytest.approx(0.0, abs=1e-12)
    e.reference_root_linear_velocity[:] = (0.3, 1.4, 0.0)
    assert figures(e)["movement.root_velocity_error"].value == pytest.approx(0.5)
    e.joint_position[:], e.joint_velocity[:] = (3.0, 4.0), (0.0, 2.0)
    assert figures(e)["movement.joint_position_error"].value == pytest.approx(np.sqrt(12.5))
    assert figures(e)["movement.joint_velocity_error"].value == pytest.approx(np.sqrt(2.0))


def test_turning_a_vector_by_a_quaternion() -> None:
    half = np.array([[np.cos(0.3), 0.0, 0.0, np.sin(0.3)]])
    assert to_odom(half, np.array([[1.0, 0.0, 2.0]])) == pytest.approx(np.array([[np.cos(0.6), np.sin(0.6), 2.0]]))


def test_jerk_of_a_parabola_of_velocity(make_episode: Callable[..., Episode]) -> None:
    """v = 3 t^2 has the second derivative 6 rad/s^3 in one joint; the other rests: RMS sqrt(36/2)."""
    e = make_episode(20, joint_velocity=0.0)
    e.joint_velocity[:, 0] = 3.0 * (DT * np.arange(20)) ** 2
    assert figures(e)["movement.joint_jerk"].value == pytest.approx(np.sqrt(18.0))
    assert figures(e)["movement.joint_jerk"].n == 18


def test_command_variation_and_effort(make_episode: Callable[..., Episode]) -> None:
    """One of two muscles switches between 0 and 1 at each of 40 ticks a second: 40/2 a second."""
    e = make_episode(41, excitation=0.0)
    e.excitation[1::2, 0] = 1.0
    f = figures(e)
    assert f["movement.command_variation"].value == pytest.approx(20.0)
    assert f["movement.effort"].value == pytest.approx(20 / 41 / 2)


def test_skate_counts_loaded_toes_only(make_episode: Callable[..., Episode]) -> None:
    """Right toes slide at 0.4 m/s all the time but carry 5 % of the 10 kg in two intervals only; left toes stand still unloaded."""
    e = make_episode(10, key_body_position=0.0, contact_force=0.0)
    e.key_body_position[:, 1, 0] = 0.4 * DT * np.arange(10)
    e.contact_force[3:6, 1] = 5.0
    f = figures(e)["movement.foot_skate"]
    assert (f.value, f.n) == (pytest.approx(0.4), 2)


def test_a_body_without_toes_says_so(make_body: Callable[..., BodyDescription], make_episode: Callable[..., Episode]) -> None:
    body = make_body(key_bodies=("pelvis",))
    assert "no toe segment" in figures(make_episode(4, body))["movement.foot_skate"].missing


def test_nothing_after_the_fall_counts(walk: Episode) -> None:
    walk.fallen[41:] = True
    walk.root_position[41:] = 100.0
    for chunk in (10_000, 41, 13):
        f = figures(walk, chunk)["movement.distance"]
        assert (f.value, f.note) == (pytest.approx(2.0), "up to the fall")


def test_a_recording_of_nothing_names_every_figure_as_missing(make_episode: Callable[..., Episode]) -> None:
    f = figures(make_episode(30))
    assert len(f) == 13
    assert all(figure.value is None and figure.missing for figure in f.values())


def test_way_without_ticks_is_unknown() -> None:
    way = Way()
    assert np.isnan(way.metres) and way.seconds == 0.0
