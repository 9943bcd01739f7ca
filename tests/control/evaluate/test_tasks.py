"""Goals, texts and falls on made-up episodes."""

from collections.abc import Callable

import numpy as np
import pytest

from kinesis_control.errors import ConfigurationError
from kinesis_control.evaluate.episode import Episode
from kinesis_control.evaluate.events import Goal, Push, Text
from kinesis_control.evaluate.figure import Figure, by_name
from kinesis_control.evaluate.goal_reaching import GoalConfig
from kinesis_control.evaluate.tasks import TaskScore

S = 1_000_000_000


def figures(e: Episode, chunk: int = 100_000, **config: float) -> dict[str, Figure]:
    score = TaskScore(GoalConfig(**config))
    for piece in e.chunks(chunk):
        score.update(piece)
    return by_name(score.result())


@pytest.fixture
def make_walk(make_episode: Callable[..., Episode]) -> Callable[..., Episode]:
    """Makes a walk of 10 s along x at 0.5 m/s from the origin, with goals."""

    def make(*goals: Goal, **known: object) -> Episode:
        e = make_episode(401, root_position=0.0, goals=goals, **known)
        e.root_position[:, 0] = 0.5 * 0.025 * np.arange(401)
        return e

    return make


def test_a_goal_that_is_walked_over(make_walk: Callable[..., Episode]) -> None:
    """Given at 1 s, 2 m ahead: within 0.1 m from 1.9 m on, at 3.8 s; 3 m beyond it at the end."""
    f = figures(make_walk(Goal(stamp_ns=S, x=2.0, y=0.0)))
    assert (f["goals.reached"].value, f["goals.reached"].n) == (1.0, 1)
    assert f["goals.time"].value == pytest.approx(2.8)
    assert f["goals.distance"].value == pytest.approx(3.0)


def test_distance_is_that_at_the_deadline(make_walk: Callable[..., Episode]) -> None:
    f = figures(make_walk(Goal(stamp_ns=S, x=4.0, y=0.0)), deadline_s=5.0)
    assert f["goals.reached"].value == 0.0
    assert f["goals.distance"].value == pytest.approx(1.0)


def test_a_goal_is_in_force_until_the_next(make_walk: Callable[..., Episode]) -> None:
    """The first is passed over only after the second was given."""
    f = figures(make_walk(Goal(stamp_ns=0, x=3.0, y=0.0), Goal(stamp_ns=4 * S, x=2.5, y=0.05)))
    assert (f["goals.reached"].value, f["goals.reached"].n) == (0.5, 2)
    assert f["goals.distance"].value == pytest.approx((1.0 + 0.025 / 2 + np.hypot(2.5, 0.05)) / 2, abs=0.01)


@pytest.mark.parametrize("chunk", [1, 7, 160, 161])
def test_chunk_borders_change_nothing(make_walk: Callable[..., Episode], chunk: int) -> None:
    goals = [
        Goal(stamp_ns=S, x=2.0, y=0.0),
        Goal(stamp_ns=4 * S, x=2.5, y=0.05, yaw=0.2),
        Goal(stamp_ns=4 * S, x=9.0, y=0.0),
        Goal(stamp_ns=9 * S, x=4.8, y=0.0),
    ]
    texts = (Text(stamp_ns=S, text="walk", understood=True, done_ns=3 * S), Text(stamp_ns=5 * S, text="dance", understood=False))
    e = make_walk(*goals, texts=texts, pushes=(Push(stamp_ns=5 * S, duration_s=0.1, force=(0.0, 9.0, 0.0)),), root_linear_velocity=0.1)
    e.fallen[390:] = True
    whole, pieces = figures(e), figures(e, chunk)
    for name, figure in whole.items():
        assert (pieces[name].n, pieces[name].missing, pieces[name].note) == (figure.n, figure.missing, figure.note), name
        assert pieces[name].value == pytest.approx(figure.value), name


def test_the_heading_must_fit_at_the_same_time(make_walk: Callable[..., Episode]) -> None:
    e = make_walk(Goal(stamp_ns=0, x=2.0, y=0.0, yaw=np.pi), Goal(stamp_ns=5 * S, x=3.0, y=0.0, yaw=0.1))
    f = figures(e)
    assert f["goals.reached"].value == 0.5
    assert f["goals.heading_error"].value == pytest.approx(0.1)


def test_a_recording_that_ends_before_the_deadline_cannot_tell(make_walk: Callable[..., Episode]) -> None:
    f = figures(make_walk(Goal(stamp_ns=8 * S, x=50.0, y=0.0), Goal(stamp_ns=20 * S, x=0.0, y=0.0)), deadline_s=5.0)
    assert f["goals.reached"].missing == "not known for 2 goal(s)"
    early = figures(make_walk(Goal(stamp_ns=8 * S, x=4.5, y=0.0)), deadline_s=5.0)
    assert early["goals.reached"].value == 1.0


def test_a_fall_ends_a_goal(make_walk: Callable[..., Episode]) -> None:
    e = make_walk(Goal(stamp_ns=0, x=4.0, y=0.0))
    e.fallen[200:] = True
    f = figures(e, deadline_s=60.0)
    assert f["goals.reached"].value == 0.0
    assert (f["falls.fell"].value, f["falls.upright_time"].value) == (1.0, pytest.approx(5.0))


def test_unknown_positions_are_not_a_goal_missed(make_episode: Callable[..., Episode]) -> None:
    f = figures(make_episode(100, goals=(Goal(stamp_ns=0, x=0.0, y=0.0),)))
    assert f["goals.reached"].missing == "not known for 1 goal(s)"
    assert (f["falls.fell"].value, f["falls.upright_time"].note) == (0.0, "until the end, without a fall")


def test_texts_by_hand(make_episode: Callable[..., Episode]) -> None:
    """Four texts: one done after 2 s, one given up, one refused, one without an answer."""
    texts = (
        Text(stamp_ns=0, text="walk 2 m", understood=True, done_ns=2 * S),
        Text(stamp_ns=S, text="walk 9 m", understood=True, ended="gave up after 40 s: walking; standing"),
        Text(stamp_ns=S, text="fly", understood=False),
        Text(stamp_ns=S, text="run"),
    )
    f = figures(make_episode(100, texts=texts))
    assert (f["texts.understood"].value, f["texts.understood"].n) == (pytest.approx(2 / 3), 3)
    assert f["texts.understood"].note == "1 without an answer"
    assert (f["texts.done"].value, f["texts.time"].value) == (0.5, 2.0)
    silent = figures(make_episode(100, texts=texts[1:]))
    assert (silent["texts.done"].value, silent["texts.time"].missing) == (0.0, "no text command was done")
    assert "no answer" in figures(make_episode(100, texts=texts[3:]))["texts.understood"].missing


def test_nothing_asked_nothing_scored(make_episode: Callable[..., Episode]) -> None:
    f = figures(make_episode(10))
    assert (f["goals.reached"].missing, f["texts.understood"].missing) == ("no goal was given", "no text command was given")
    assert by_name(TaskScore().result())["falls.fell"].missing == "the recording has no tick"


@pytest.mark.parametrize("wrong", [{"radius": 0.0}, {"heading_limit": -1.0}, {"deadline_s": 0.0}, {"radius": float("nan")}])
def test_limits_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="above 0"):
        GoalConfig(**wrong)
