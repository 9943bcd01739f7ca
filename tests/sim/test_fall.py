"""The fall detector: each criterion, the latch, and agreement of the batch."""

import numpy as np
import pytest

from kinesis_control.body_state import BodyState
from kinesis_control.errors import ConfigurationError
from kinesis_sim.fall import FallDetector, FallLimits


@pytest.fixture
def standing(legs):
    state = BodyState.zeros(legs.description)
    state.root_position[2] = legs.description.standing_height
    state.contact_force[:] = 200.0
    return state


def tilted(angle, axis):
    quaternion = np.zeros(4)
    quaternion[0], quaternion[1 + axis] = np.cos(angle / 2), np.sin(angle / 2)
    return quaternion


def test_standing_is_not_a_fall(legs, standing):
    assert not FallDetector(legs.description).update(standing, 800.0)


@pytest.mark.parametrize(("fraction", "expected"), [(0.61, False), (0.59, True)])
def test_height(legs, standing, fraction, expected):
    standing.root_position[2] = fraction * legs.description.standing_height
    assert FallDetector(legs.description).update(standing, 800.0) is expected


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(("degrees", "expected"), [(59, False), (-59, False), (61, True), (-61, True), (180, True)])
def test_tilt_to_any_side(legs, standing, axis, degrees, expected):
    standing.root_quaternion[:] = tilted(np.radians(degrees), axis)
    assert FallDetector(legs.description).update(standing, 800.0) is expected


def test_heading_does_not_matter(legs, standing):
    standing.root_quaternion[:] = tilted(3.0, 2)
    assert not FallDetector(legs.description).update(standing, 800.0)


@pytest.mark.parametrize(("other", "expected"), [(19.0, False), (21.0, True)])
def test_support_by_anything_but_the_feet(legs, standing, other, expected):
    assert FallDetector(legs.description).update(standing, 800.0 + other) is expected


def test_a_fall_latches_until_reset(legs, standing):
    detector = FallDetector(legs.description)
    standing.root_position[2] = 0.1
    detector.update(standing, 800.0)
    standing.root_position[2] = legs.description.standing_height
    assert detector.update(standing, 800.0)
    detector.reset()
    assert not detector.update(standing, 800.0)


def test_a_batch_is_judged_as_its_members_are(legs):
    rng, n = np.random.default_rng(0), 200
    batch = BodyState.zeros(legs.description, (n,))
    batch.root_position[:, 2] = rng.uniform(0.3, 1.0, n)
    batch.root_quaternion[:] = [tilted(a, i % 2) for i, a in enumerate(rng.uniform(-1.5, 1.5, n))]
    floor = rng.uniform(0.0, 30.0, n)
    down = FallDetector(legs.description).down(batch, floor)
    assert 0 < down.sum() < n
    for i in range(n):
        single = BodyState.zeros(legs.description)
        for name, value in single.arrays().items():
            value[:] = batch.arrays()[name][i]
        assert FallDetector(legs.description).update(single, floor[i]) == down[i]


@pytest.mark.parametrize("wrong", [{"height_fraction": 1.1}, {"tilt": 0.0}, {"other_support": -1.0}, {"tilt": float("nan")}])
def test_limits_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigurationError, match="fall limits"):
        FallLimits(**wrong)
