"""Goals whose ends were recorded: what they end, what says nothing, and what is still under way."""

from collections.abc import Callable

import numpy as np
import pytest

from kinesis_control.evaluate.episode import Episode
from kinesis_control.evaluate.events import Goal, GoalEnd
from kinesis_control.evaluate.figure import Figure, by_name
from kinesis_control.evaluate.goal_reaching import GoalConfig, GoalScore

S = 1_000_000_000


def figures(e: Episode, chunk: int = 100_000, **config: float) -> dict[str, Figure]:
    score = GoalScore(GoalConfig(**config))
    for piece in e.chunks(chunk):
        score.note(piece)
        score.update(piece)
    return by_name(score.result())


@pytest.fixture
def walk(make_episode: Callable[..., Episode]) -> Callable[..., Episode]:
    """A walk of 10 s along x at 0.5 m/s from the origin."""

    def make(*events: Goal | GoalEnd) -> Episode:
        goals = tuple(e for e in events if isinstance(e, Goal))
        ends = tuple(e for e in events if isinstance(e, GoalEnd))
        e = make_episode(401, root_position=0.0, goals=goals, goal_ends=ends)
        e.root_position[:, 0] = 0.5 * 0.025 * np.arange(401)
        return e

    return make


def goal(at_s: float, x: float, ticket: int) -> Goal:
    return Goal(stamp_ns=round(at_s * S), x=x, y=0.0, ticket=ticket)


def end(at_s: float, ticket: int, ending: str) -> GoalEnd:
    return GoalEnd(stamp_ns=round(at_s * S), ticket=ticket, ending=ending)


def test_a_goal_ends_where_the_motion_side_ends_it(walk: Callable[..., Episode]) -> None:
    """Given at 1 s, 2 m ahead: within 0.1 m from 3.8 s on; it ends at 4 s, at 2.0 m."""
    f = figures(walk(goal(1.0, 2.0, 7), end(4.0, 7, "succeeded")))
    assert (f["goals.reached"].value, f["goals.time"].value) == (1.0, pytest.approx(2.8))
    assert f["goals.distance"].value == pytest.approx(0.0, abs=1e-9)


def test_a_goal_given_up_is_not_reached_later(walk: Callable[..., Episode]) -> None:
    """The body comes by at 8 s, when nobody wants it there any more."""
    for ending in ("missed", "timed_out", "stopped", "succeeded"):
        f = figures(walk(goal(1.0, 4.0, 7), end(5.0, 7, ending)))
        assert (f["goals.reached"].value, f["goals.reached"].n) == (0.0, 1), ending
        assert f["goals.distance"].value == pytest.approx(1.5)


def test_what_is_called_off_says_nothing_unless_it_was_reached(walk: Callable[..., Episode]) -> None:
    f = figures(walk(goal(0.0, 9.0, 1), end(2.0, 1, "canceled"), goal(2.0, 9.0, 2), end(3.5, 2, "canceled"), goal(4.0, 3.0, 3), end(7.0, 3, "preempted")))
    assert (f["goals.reached"].value, f["goals.reached"].n) == (1.0, 1)
    assert f["goals.reached"].note == "2 called off before the end"
    only = figures(walk(goal(0.0, 9.0, 1), end(2.0, 1, "canceled")))
    assert only["goals.reached"].missing == only["goals.time"].missing == "1 called off before the end"


def test_one_that_is_still_under_way_is_not_known(walk: Callable[..., Episode]) -> None:
    assert figures(walk(goal(1.0, 9.0, 4)))["goals.reached"].missing == "not known for 1 goal(s)"
    assert figures(walk(goal(1.0, 9.0, 0)))["goals.reached"].value == 0.0  # without ends nobody can tell


def test_a_deadline_before_the_end_decides(walk: Callable[..., Episode]) -> None:
    f = figures(walk(goal(0.0, 4.0, 1), end(6.0, 1, "canceled")), deadline_s=5.0)
    assert (f["goals.reached"].value, f["goals.distance"].value) == (0.0, pytest.approx(1.5))


def test_a_fall_is_no_calling_off(walk: Callable[..., Episode]) -> None:
    e = walk(goal(0.0, 4.0, 1))
    score = GoalScore()
    score.note(e)
    score.update(e.slice(0, 100))
    score.fall()
    assert by_name(score.result())["goals.reached"].value == 0.0


@pytest.mark.parametrize("chunk", [1, 7, 160, 161])
def test_chunk_borders_change_nothing(walk: Callable[..., Episode], chunk: int) -> None:
    e = walk(goal(0.0, 9.0, 1), end(2.0, 1, "canceled"), goal(2.0, 2.0, 2), end(4.5, 2, "succeeded"), goal(5.0, 4.0, 3), end(6.0, 3, "missed"))
    assert figures(e, chunk) == figures(e)
