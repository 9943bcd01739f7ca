"""Kicks on made-up balls."""

from collections.abc import Callable

import numpy as np
import pytest

from kinesis_control.errors import LayoutError
from kinesis_control.evaluate.direction import direction
from kinesis_control.evaluate.episode import Episode
from kinesis_control.evaluate.events import GoalFrame
from kinesis_control.evaluate.figure import Figure, by_name
from kinesis_control.evaluate.kicks import KickScore, crossing

GOAL = GoalFrame(left=(11.0, 3.66), right=(11.0, -3.66), height=2.44)
DT = 0.025


def figures(e: Episode, chunk: int = 100_000) -> dict[str, Figure]:
    score = KickScore()
    for piece in e.chunks(chunk):
        score.update(piece)
    return by_name(score.result())


@pytest.fixture
def make_kick(make_episode: Callable[..., Episode]) -> Callable[..., Episode]:
    """Makes a ball that rests for 1 s at the origin and then goes at a velocity (x, y, z) until it is stopped after some seconds."""

    def make(velocity: tuple[float, float, float], *, stops_s: float = 9.0, ticks: int = 400, **known: object) -> Episode:
        e = make_episode(ticks, **known)
        moving = np.clip(e.time_s - 1.0, 0.0, stops_s)[:, None]
        e.ball_position[:] = np.array([0.0, 0.0, 0.11]) + moving * np.array(velocity)
        return e

    return make


def with_goal(e: Episode, keeper: str = "") -> Episode:
    from dataclasses import replace

    return replace(e, goal_frame=GOAL, keeper=keeper)


def test_a_goal_by_hand(make_kick: Callable[..., Episode]) -> None:
    """10 m/s straight on: the whole ball is over the line after 11.11 m."""
    f = figures(with_goal(make_kick((10.0, 1.0, 0.0))))
    assert (f["kicks.attempts"].value, f["kicks.goals"].value, f["kicks.goals"].n) == (1.0, 1.0, 1)
    assert f["kicks.ball_speed"].value == pytest.approx(np.hypot(10.0, 1.0))
    assert f["kicks.goals.no_keeper"].value == 1.0


@pytest.mark.parametrize(
    ("velocity", "stops_s"),
    [((10.0, 4.0, 0.0), 9.0), ((10.0, 0.0, 2.4), 9.0), ((10.0, 0.0, 0.0), 1.105), ((5.0, 0.0, 0.0), 2.0), ((-10.0, 0.0, 0.0), 9.0), ((1.05, 0.0, 0.0), 9.0)],
)
def test_no_goals(make_kick: Callable[..., Episode], velocity: tuple[float, float, float], stops_s: float) -> None:
    """Past the post; over the bar; on the line but not over it; held; backwards; too slow to be in within 10 s."""
    f = figures(with_goal(make_kick(velocity, stops_s=stops_s, ticks=600)))
    assert (f["kicks.goals"].value, f["kicks.goals"].n) == (0.0, 1), f["kicks.goals"]


@pytest.mark.parametrize("chunk", [1, 7, 41])
def test_chunk_borders_change_nothing(make_kick: Callable[..., Episode], chunk: int) -> None:
    e = with_goal(make_kick((10.0, 1.0, 0.0)))
    assert figures(e, chunk) == figures(e)


def test_each_keeper_has_its_own_share(make_kick: Callable[..., Episode]) -> None:
    score = KickScore()
    second_ns = 20_000_000_000
    score.update(with_goal(make_kick((10.0, 0.0, 0.0)), "random"))
    back = with_goal(make_kick((10.0, 3.9, 0.0)), "static")
    back.stamp_ns[:] += second_ns  # after a pause: the ball was put back
    score.update(back)
    f = by_name(score.result())
    assert (f["kicks.goals"].value, f["kicks.goals"].n) == (0.5, 2)
    assert (f["kicks.goals.random"].value, f["kicks.goals.static"].value) == (1.0, 0.0)
    assert direction("kicks.goals.static") == 1


def test_what_cannot_be_decided_says_why(make_kick: Callable[..., Episode], make_episode: Callable[..., Episode]) -> None:
    assert figures(make_episode(50))["kicks.attempts"].missing == "no topic carries a ball"
    assert figures(with_goal(make_kick((0.0, 0.0, 0.0))))["kicks.goals"].missing == "the ball was not kicked"
    early = figures(with_goal(make_kick((5.0, 0.0, 0.0), ticks=80)))
    assert early["kicks.goals"].missing == "not decided for 1: the recording ends first" and early["kicks.ball_speed"].value == pytest.approx(5.0)
    nowhere = figures(make_kick((5.0, 0.0, 0.0), stops_s=1.0))
    assert nowhere["kicks.goals"].missing == "not decided for 1: where the goal is, is not in the recording"
    moved = with_goal(make_kick((5.0, 0.0, 0.0)))
    moved.ball_position[60:] = (0.0, 0.0, 0.11)
    assert figures(moved)["kicks.goals"].missing == "not decided for 1: the ball was put somewhere else"
    hidden = with_goal(make_kick((5.0, 0.0, 0.0)))
    hidden.ball_position[60:80] = np.nan
    assert figures(hidden)["kicks.goals"].missing == "not decided for 1: the ball was lost from sight"


def test_a_ball_that_rolls_when_the_recording_begins_was_not_kicked(make_kick: Callable[..., Episode]) -> None:
    e = with_goal(make_kick((10.0, 0.0, 0.0)).slice(45, 400))
    assert figures(e)["kicks.attempts"].value == 0.0


def test_a_goal_has_a_front() -> None:
    before, after = np.array([10.9, 0.0, 0.1]), np.array([11.3, 0.0, 0.1])
    assert crossing(GOAL, before, after) is True
    assert crossing(GOAL, after, before) is None
    assert crossing(GoalFrame(left=GOAL.right, right=GOAL.left, height=2.44), after, before) is None
    assert crossing(GoalFrame(left=(0.0, 0.0), right=(2.0, 0.0), height=2.0), np.array([1.0, -0.5, 0.1]), np.array([1.0, 0.5, 0.1])) is True


@pytest.mark.parametrize("wrong", [{"left": (11.0, -3.66)}, {"height": 0.0}, {"left": (float("nan"), 0.0)}])
def test_a_goal_that_is_none_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(LayoutError, match="two posts"):
        GoalFrame(**{"left": GOAL.left, "right": GOAL.right, "height": GOAL.height, **wrong})  # type: ignore[arg-type]
