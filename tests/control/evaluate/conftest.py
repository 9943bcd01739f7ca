"""Small made-up bodies and episodes for the tests of the metrics."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kinesis_control.body_state import BodyDescription
from kinesis_control.evaluate.episode import EVENTS, Episode
from kinesis_control.muscles import MuscleLayout

TICK_NS = 25_000_000


def _body(muscles: tuple[str, ...] = ("soleus_r", "soleus_l"), key_bodies: tuple[str, ...] = ("pelvis", "toes_r", "toes_l")) -> BodyDescription:
    return BodyDescription(
        name="made-up", muscles=MuscleLayout(names=muscles), joint_names=("hip", "knee"), contact_names=("right_heel", "right_toes", "left_heel", "left_toes"),
        key_body_names=key_bodies, model_hash="0123456789abcdef", mass=10.0, standing_height=0.9,
    )  # fmt: skip


@pytest.fixture
def make_body() -> Callable[..., BodyDescription]:
    """Makes a body of 10 kg with two feet, of named muscles and key bodies."""
    return _body


@pytest.fixture
def make_episode() -> Callable[..., Episode]:
    """Makes so many ticks at 40 Hz of an upright body that nothing else is known of, but what is given by name."""

    def make(ticks: int, body: BodyDescription | None = None, **known: Any) -> Episode:
        result = Episode.blank(body or _body(), ticks)
        result.stamp_ns[:] = TICK_NS * np.arange(ticks)
        result.seq[:] = np.arange(ticks)
        result.root_quaternion[:] = (1.0, 0.0, 0.0, 0.0)
        for name in known.keys() - set(EVENTS):
            getattr(result, name)[...] = known[name]
        return replace(result, **{name: known[name] for name in known.keys() & set(EVENTS)})

    return make
