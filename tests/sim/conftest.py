"""Bodies are compiled once for all tests of the room."""

from collections.abc import Callable
from functools import lru_cache

import pytest

from kinesis_sim.bodies import Body, load_body
from kinesis_sim.world import World

_load = lru_cache(maxsize=None)(load_body)


@pytest.fixture(scope="session")
def body_of() -> Callable[[str], Body]:
    """Compiled body by name."""
    return _load


@pytest.fixture(scope="session")
def legs() -> Body:
    return _load("legs80")


@pytest.fixture
def make_world(legs: Body) -> Callable[..., World]:
    """A world of legs80 at 40 Hz; keyword arguments override."""

    def make(**options: object) -> World:
        settings: dict = {"control_dt": 0.025, "physics_dt": 0.005, "seed": 0, **options}
        return World(settings.pop("body", legs), **settings)

    return make
