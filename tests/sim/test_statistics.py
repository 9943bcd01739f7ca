"""Way, falls and times of a made-up run."""

import numpy as np
import pytest

from kinesis_sim.statistics import RunStatistics

DT = 0.25


class State:
    """The fields that the account looks at."""

    def __init__(self, tick, x, *, episode=0, fallen=False):
        self.stamp_ns, self.episode, self.fallen = round(tick * DT * 1e9), episode, fallen
        self.root_position = np.array([x, 0.0, 0.9])


def test_sway_within_a_stride_is_no_way():
    account = RunStatistics(DT)
    for tick in range(9):
        account.see(State(tick, 0.1 * (tick % 2)))
    assert account.distance_m == 0.0
    for tick in range(9, 13):
        account.see(State(tick, tick - 8))
    assert account.distance_m == pytest.approx(4.0)
    assert account.seconds == 12 * DT


def test_a_reset_is_no_way_and_no_step_of_the_episode():
    account = RunStatistics(DT)
    for tick in range(3):
        account.see(State(tick, 0.0))
    account.see(State(3, 50.0, episode=1))
    account.see(State(4, 50.5, episode=1))
    assert account.distance_m == pytest.approx(0.5)
    assert account.resets == 1


def test_way_before_a_reset_is_kept():
    account = RunStatistics(DT)
    for tick in range(3):
        account.see(State(tick, 0.2 * tick))
    account.see(State(3, 0.0, episode=1))
    assert account.distance_m == pytest.approx(0.4)


def test_the_first_fall_is_the_one_that_is_told():
    account = RunStatistics(DT)
    fallen = [False, False, True, True]
    for tick, down in enumerate(fallen):
        account.see(State(tick, 0.0, fallen=down))
    account.see(State(4, 0.0, episode=1))
    account.see(State(5, 0.0, episode=1, fallen=True))
    assert (account.falls, account.fall_time_s) == (2, 2 * DT)
    assert account.as_dict()["fell"]


def test_nothing_seen_yet():
    account = RunStatistics(DT).as_dict()
    assert (account["seconds_simulated"], account["distance_m"], account["mean_speed"], account["fell"]) == (0.0, 0.0, 0.0, False)
