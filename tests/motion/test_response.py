"""kinesis_control/motion/response.py: the closed form against small steps of the differential equation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinesis_control.motion.response import respond

speeds = st.floats(-3.0, 3.0)


@given(ramp=speeds, velocity=speeds, command=speeds, t=st.floats(0.0, 3.0))
def test_it_solves_the_ramp_and_lag(ramp: float, velocity: float, command: float, t: float) -> None:
    limit, lag, n = 0.8, 0.15, 3000
    r, v, x = ramp, velocity, 0.0
    for _ in range(n):
        dt = t / n
        r_next = r + float(np.clip(command - r, -limit * dt, limit * dt))
        v_next = v + dt / lag * (0.5 * (r + r_next) - v)
        x += 0.5 * (v + v_next) * dt
        r, v = r_next, v_next
    got = respond(np.array(ramp), np.array(velocity), np.array(command), limit=np.array(limit), lag=lag, t=t)
    assert float(got.ramp) == pytest.approx(r, abs=1e-6)
    assert float(got.velocity) == pytest.approx(v, abs=5e-3)
    assert float(got.travelled) == pytest.approx(x, abs=5e-3)
    assert float(got.acceleration) == pytest.approx((r - v) / lag, abs=5e-2)


def test_two_short_times_are_one_long_time() -> None:
    limit = np.array(0.8)
    first = respond(np.array(0.1), np.array(0.3), np.array(1.0), limit=limit, lag=0.15, t=0.7)
    second = respond(first.ramp, first.velocity, np.array(1.0), limit=limit, lag=0.15, t=0.9)
    whole = respond(np.array(0.1), np.array(0.3), np.array(1.0), limit=limit, lag=0.15, t=1.6)
    assert float(second.velocity) == pytest.approx(float(whole.velocity), abs=1e-12)
    assert float(first.travelled + second.travelled) == pytest.approx(float(whole.travelled), abs=1e-12)


def test_a_command_that_is_reached_is_kept() -> None:
    got = respond(np.array(0.5), np.array(0.5), np.array(0.5), limit=np.array(0.8), lag=0.15, t=2.0)
    assert (float(got.ramp), float(got.velocity), float(got.travelled)) == (0.5, 0.5, 1.0)
