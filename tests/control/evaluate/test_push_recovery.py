"""Pushes: recovered from, not recovered from, and not known."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from kinesis_control.evaluate.episode import Episode
from kinesis_control.evaluate.events import Push
from kinesis_control.evaluate.figure import Figure, by_name
from kinesis_control.evaluate.push_recovery import PushScore

DT = 0.025
PUSH = Push(stamp_ns=2_000_000_000, duration_s=0.1, force=(0.0, 60.0, 0.0))


def figures(e: Episode, chunk: int = 100_000) -> dict[str, Figure]:
    score = PushScore()
    for piece in e.chunks(chunk):
        score.update(piece)
    return by_name(score.result())


@pytest.fixture
def pushed(make_episode: Callable[..., Episode]) -> Episode:
    """10 s of standing; pushed at 2 s to 0.6 m/s sideways, which is back below 0.15 m/s 0.75 s later (0.6 - 0.6 t)."""
    t = DT * np.arange(401)
    e = make_episode(401, root_linear_velocity=0.0, velocity_command=0.0, pushes=(PUSH,))
    e.root_linear_velocity[:, 1] = np.where(t >= 2.0, np.maximum(0.6 - 0.6 * (t - 2.0), 0.0), 0.0)
    return e


@pytest.mark.parametrize("chunk", [100_000, 1, 33])
def test_time_to_return(pushed: Episode, chunk: int) -> None:
    f = figures(pushed, chunk)
    assert (f["push.recovered"].value, f["push.recovered"].n) == (1.0, 1)
    assert f["push.return_time"].value == pytest.approx(0.75, abs=0.026)


def test_a_second_lurch_within_the_second_counts(pushed: Episode) -> None:
    pushed.root_linear_velocity[130, 0] = 0.4  # at 3.25 s
    assert figures(pushed)["push.return_time"].value == pytest.approx(1.275, abs=1e-9)


def test_the_band_is_that_of_the_bodys_own_sway(pushed: Episode) -> None:
    """Sway of 0.4 m/s before the push allows 0.6 m/s: it never leaves it, and has returned when the push ends."""
    t = DT * np.arange(401)
    pushed.root_linear_velocity[:, 0] = 0.4 * np.sin(2.0 * np.pi * t)
    pushed.root_linear_velocity[:, 1] = 0.0
    assert figures(pushed)["push.return_time"].value == pytest.approx(0.1)


def test_a_fall_is_no_recovery(pushed: Episode) -> None:
    pushed.fallen[100:] = True
    f = figures(pushed)
    assert f["push.recovered"].value == 0.0
    assert f["push.return_time"].missing == "no push was recovered from"


@pytest.mark.parametrize("chunk", [100_000, 1, 33])
def test_a_fall_after_the_return_is_no_recovery_either(pushed: Episode, chunk: int) -> None:
    """It has returned at 3.75 s; what comes within the 5 s after the push at 2 s is still its doing."""
    pushed.fallen[280:] = True  # 7.0 s
    assert figures(pushed, chunk)["push.recovered"].value == 0.0
    pushed.fallen[280] = False  # 7.025 s
    assert figures(pushed, chunk)["push.recovered"].value == 1.0


def test_never_back_within_five_seconds_is_no_recovery(pushed: Episode) -> None:
    pushed.root_linear_velocity[80:, 1] = 0.5
    assert figures(pushed)["push.recovered"].value == 0.0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"stop": 120}, "the recording ends before the answer"),
        ({"only": 20_000_000_000}, "the recording ends before the push"),
        ({"command": 100}, "the command changed"),
        ({"unknown": 90}, "velocities after the push"),
        ({"unknown": 60}, "velocities of the second before"),
        ({"second": 2_500_000_000}, "another push came"),
    ],
)
def test_no_answer_has_a_reason(pushed: Episode, change: dict[str, int], said: str) -> None:
    if "command" in change:
        pushed.velocity_command[change["command"] :] = (0.5, 0.0, 0.0)
    if "unknown" in change:
        pushed.root_linear_velocity[change["unknown"]] = np.nan
    if "only" in change:
        pushed = replace(pushed, pushes=(replace(PUSH, stamp_ns=change["only"]),))
    if "second" in change:
        pushed = replace(pushed, pushes=(PUSH, replace(PUSH, stamp_ns=change["second"])))
        pushed.fallen[150:] = True
    f = figures(pushed.slice(0, change["stop"]) if "stop" in change else pushed)["push.recovered"]
    assert said in (f.note or f.missing)
    assert f.n == (1 if "second" in change else 0)


def test_no_push(make_episode: Callable[..., Episode]) -> None:
    assert figures(make_episode(5))["push.recovered"].missing == "no push was recorded while the body was upright"
