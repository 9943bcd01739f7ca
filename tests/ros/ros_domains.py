"""ROS domains of the tests: whoever starts a graph takes one that no other test has, so that a graph which still ends disturbs nobody."""

import itertools
import os

_LAST = 101
"""Beyond it the ports of DDS lie among those that Linux hands out to others."""

_numbers = itertools.count(os.getpid())  # two runs of the tests on one machine begin apart


def new_domain() -> int:
    """From 1 to 101; none comes twice in a run of the tests that takes no more."""
    return 1 + next(_numbers) % _LAST
