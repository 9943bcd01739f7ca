"""kinesis_control/motion/plan/route.py: shortest ways of arcs and straights."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kinesis_control.motion.plan.route import STEP, WORDS, Follower, _lengths, _walk, shortest

place = st.floats(-4.0, 4.0)
angle = st.floats(-math.pi, math.pi)


@given(place, place, angle, angle, st.floats(0.4, 2.5))
@settings(max_examples=100, deadline=None)
def test_every_word_that_exists_leads_to_the_goal(x, y, start, end, radius):
    bearing, d = math.atan2(y, x), math.hypot(x, y) / radius
    for word in WORDS:
        parts = _lengths(word, start - bearing, end - bearing, d)
        if parts is not None:
            points = _walk((0.0, 0.0, start), word, parts, radius)
            np.testing.assert_allclose(points[-1], (x, y), atol=1e-6)


@given(place, place, angle, angle)
@settings(max_examples=60, deadline=None)
def test_a_free_heading_is_never_longer_and_nothing_is_shorter_than_straight(x, y, start, end):
    bound, free = (shortest((0.0, 0.0, start), (x, y, yaw), 0.6) for yaw in (end, None))
    assert free.length >= math.hypot(x, y) - 1e-6
    if math.hypot(x, y) > 2.4 * 0.6:  # outside of both turning circles an arc and its tangent are the shortest
        assert free.length <= bound.length + 1e-6
    assert np.linalg.norm(np.diff(bound.points, axis=0), axis=1).max() <= STEP + 1e-9


def test_straight_ahead_is_straight():
    assert math.isclose(shortest((1.0, 2.0, 0.5), (1.0 + 3 * math.cos(0.5), 2.0 + 3 * math.sin(0.5), 0.5), 1.0).length, 3.0, rel_tol=1e-6)


def test_the_follower_counts_down_past_the_end_and_never_goes_back():
    follower = Follower(shortest((0.0, 0.0, 0.0), (2.0, 0.0, 0.0), 1.0))
    lefts = [follower.left(x, 0.1)[0] for x in (0.0, 0.5, 1.0, 0.9, 2.0, 2.2)]
    assert np.allclose(lefts, [2.0, 1.5, 1.0, 1.0, 0.0, -0.2], atol=0.06)
    assert follower.curvature(1.0, 0.3, 0.0) < 0.0 < follower.curvature(1.0, -0.3, 0.0)
