"""Velocity commands followed in made-up ways."""

from collections.abc import Callable

import numpy as np
import pytest

from kinesis_control.evaluate.episode import Episode
from kinesis_control.evaluate.figure import Figure, by_name
from kinesis_control.evaluate.velocity_following import VelocityScore, hann, heading_velocity

DT = 0.025


def figures(e: Episode, chunk: int = 100_000) -> dict[str, Figure]:
    score = VelocityScore()
    for piece in e.chunks(chunk):
        score.update(piece)
    return by_name(score.result())


@pytest.fixture
def run(make_episode: Callable[..., Episode]) -> Episode:
    """10 s under 1 m/s ahead, with the velocity 2 s of a ramp behind and 0.2 m/s of sway to the sides."""
    t = DT * np.arange(401)
    e = make_episode(401, root_linear_velocity=0.0)
    e.velocity_command[:] = (1.0, 0.0, 0.0)
    e.root_linear_velocity[:, 0] = np.minimum(t / 2.0, 1.0)
    e.root_linear_velocity[:, 1] = 0.2 * np.sin(2.0 * np.pi * t)
    return e


def test_sway_is_in_the_error_but_not_in_the_mean_error(run: Episode) -> None:
    """Without the ramp: the error is the mean of |0.2 sin|, 0.2 * 2/pi; of means over 2.5 s a fortieth of the sway is left."""
    run.root_linear_velocity[:, 0] = 1.0
    f = figures(run)
    assert f["velocity.error"].value == pytest.approx(0.2 * 2.0 / np.pi, rel=1e-2)
    assert f["velocity.mean_error"].value == pytest.approx(0.0, abs=0.2 / 40)
    assert f["velocity.mean_error"].n == 4
    assert f["velocity.heading_error"].value == 0.0


def test_settling_of_a_ramp(run: Episode) -> None:
    """The ramp reaches 0.9 m/s at 1.8 s and ends at 2 s; a mean around these times is pulled down by the ramp: just before 2 s."""
    f = figures(run)["velocity.settling"]
    assert (f.value, f.n) == (pytest.approx(1.95, abs=0.05), 1)
    run.root_linear_velocity[240:280, 0] = 0.6  # a stumble from 6 to 7 s
    late = figures(run)["velocity.settling"].value
    assert late is not None and 6.5 < late < 7.5


def test_settled_from_the_start(run: Episode) -> None:
    run.root_linear_velocity[:] = (1.0, 0.0, 0.0)
    assert figures(run)["velocity.settling"].value == 0.0


@pytest.mark.parametrize("stride_s", [0.9, 1.0, 1.2])
def test_the_mean_takes_out_the_sway_of_usual_strides(stride_s: float) -> None:
    t = DT * np.arange(100)
    assert abs(hann(np.arange(100) + 0.5, 50.0) @ np.cos(2.0 * np.pi * t / stride_s)) < 0.05
    assert hann(t, 10.0).sum() == pytest.approx(1.0)
    assert hann(np.array([-1.0, 1.0, 3.0]), 1.0).tolist() == [0.0, 1.0, 0.0]


def test_a_command_that_is_never_reached_is_counted(run: Episode) -> None:
    run.root_linear_velocity[:] = (0.5, 0.0, 0.0)
    assert figures(run)["velocity.settling"].missing == "none of 1 command(s) settled"
    run.velocity_command[:200] = (0.5, 0.0, 0.0)
    f = figures(run)["velocity.settling"]
    assert (f.n, f.note) == (1, "1 command(s) never settled")


def test_short_commands_are_not_judged_for_settling(run: Episode) -> None:
    run.velocity_command[:, 0] = np.repeat(np.arange(5), 100)[:401]
    assert figures(run.slice(0, 399))["velocity.settling"].missing == "no command lasted 4 s"


def test_velocity_is_taken_along_the_heading_not_along_a_tilted_pelvis(make_episode: Callable[..., Episode]) -> None:
    """Pelvis pitched by 0.4 rad and turned by 90 degrees: 1 m/s along world y is ahead."""
    e = make_episode(3)
    yaw, pitch = np.pi / 2, 0.4
    cy, sy, cp, sp = np.cos(yaw / 2), np.sin(yaw / 2), np.cos(pitch / 2), np.sin(pitch / 2)
    e.root_quaternion[:] = (cy * cp, -sy * sp, cy * sp, sy * cp)
    e.root_linear_velocity[:] = (np.cos(pitch), 0.0, np.sin(pitch))
    velocity, heading = heading_velocity(e)
    assert velocity[0] == pytest.approx([1.0, 0.0], abs=1e-12)
    assert heading[0] == pytest.approx(yaw)


def test_heading_error_against_the_yaw_rate_integrated(make_episode: Callable[..., Episode]) -> None:
    """Asked for 0.5 rad/s, turned at 0.4 rad/s for 8 s, more than half a turn: the error grows to 0.8 rad, its mean is 0.4."""
    t = DT * np.arange(321)
    e = make_episode(321, root_linear_velocity=0.0)
    e.velocity_command[:] = (0.0, 0.0, 0.5)
    e.root_quaternion[:] = np.stack([np.cos(0.2 * t + 1.5), 0 * t, 0 * t, np.sin(0.2 * t + 1.5)], axis=1)
    assert figures(e)["velocity.heading_error"].value == pytest.approx(0.4)


@pytest.mark.parametrize("chunk", [1, 17, 200])
def test_chunk_borders_change_nothing(run: Episode, chunk: int) -> None:
    run.velocity_command[150:] = (0.8, 0.1, 0.2)
    run.velocity_command[300:310] = np.nan
    whole, pieces = figures(run), figures(run, chunk)
    for name, figure in whole.items():
        assert pieces[name].value == pytest.approx(figure.value), name
        assert pieces[name].n == figure.n


def test_without_commands_everything_is_missing(make_episode: Callable[..., Episode]) -> None:
    assert {f.missing for f in figures(make_episode(50)).values()} == {
        "no velocity was commanded while the body's own velocity was known",
        "no command lasted 2.5 s",
    }


def test_lost_ticks_begin_a_new_stretch(run: Episode) -> None:
    run.stamp_ns[200:] += 2_000_000_000
    run.velocity_command[:] = (1.0, 0.0, 1.0)
    before = figures(run.slice(0, 200))["velocity.heading_error"].value
    assert figures(run)["velocity.heading_error"].value == pytest.approx(before, rel=0.02)
