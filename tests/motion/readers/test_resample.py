"""Another frame rate: same speed, same bones, no aliasing."""

import numpy as np
import pytest

from kinesis_control.errors import ConfigurationError
from kinesis_control.motion.readers import read_motion
from kinesis_control.motion.resample import cubic, low_pass, resample


@pytest.fixture
def motion(write, made_up):
    return read_motion(write(made_up.bvh(made_up.walk(frames=241, rate=120.0), rate=120.0)))


@pytest.mark.parametrize("rate", [24.0, 30.0, 40.0, 50.0, 60.0, 100.0, 119.88, 200.0, 250.0])
def test_speed_and_duration_stay(motion, rate: float) -> None:
    other = resample(motion, rate)
    assert other.rate_hz == rate
    assert 0.0 <= motion.duration_s - other.duration_s < 1.0 / rate
    path = other.position[:, other.joint("pelvis"), 1]
    np.testing.assert_allclose(np.diff(path) * rate, -1.2, rtol=1e-4)
    times = np.arange(other.frames) / rate
    knee = motion.position[:, motion.joint("knee_l")]
    expected = np.stack([np.interp(times, np.arange(motion.frames) / 120.0, knee[:, i]) for i in range(3)], axis=1)
    np.testing.assert_allclose(other.position[:, other.joint("knee_l")], expected, atol=2e-3)


@pytest.mark.parametrize("rate", [30.0, 77.0, 240.0])
def test_bones_keep_their_lengths(motion, rate: float) -> None:
    other = resample(motion, rate)
    shank = np.linalg.norm(other.position[:, other.joint("knee_l")] - other.position[:, other.joint("ankle_l")], axis=1)
    np.testing.assert_allclose(shank, 0.42, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(other.rotation, axis=-1), 1.0, atol=1e-12)


def test_the_same_rate_changes_nothing(motion) -> None:
    assert resample(motion, 120.0) is motion


def test_up_and_down_again_gives_the_motion_back(motion) -> None:
    np.testing.assert_allclose(resample(resample(motion, 360.0), 120.0).position[3:-3], motion.position[3:-3], atol=1e-4)


def test_what_the_new_rate_cannot_hold_is_filtered_out(write, made_up) -> None:
    """A tremor of 27 Hz, sampled at 30 Hz without a filter, would look like one of 3 Hz."""
    values = made_up.walk(frames=361, rate=120.0)
    t = np.arange(361) / 120.0
    values[:, 0] = 2.0 * np.sin(2.0 * np.pi * 27.0 * t)
    other = resample(read_motion(write(made_up.bvh(values, rate=120.0))), 30.0)
    assert np.abs(other.position[3:-3, other.joint("pelvis"), 0]).max() < 0.0005


def test_slow_movement_passes_the_filter_without_delay() -> None:
    t = np.arange(600) / 120.0
    wave = np.sin(2.0 * np.pi * 4.0 * t)[:, None]
    np.testing.assert_allclose(low_pass(wave, 12.0, 120.0)[30:-30], wave[30:-30], atol=0.01)
    line = np.linspace(2.0, 5.0, 40)[:, None]
    np.testing.assert_allclose(low_pass(line, 12.0, 120.0), line, atol=1e-12)


def test_cubic_is_exact_for_constant_acceleration() -> None:
    frames = np.linspace(0.0, 9.0, 50)
    np.testing.assert_allclose(cubic(np.arange(10.0)[:, None] ** 2, frames)[:, 0], frames**2, atol=1e-9)
    np.testing.assert_allclose(cubic(np.array([[1.0], [3.0]]), np.array([0.0, 0.5, 1.0]))[:, 0], [1.0, 2.0, 3.0])


@pytest.mark.parametrize("rate", [0.0, -30.0, np.nan, np.inf, 0.1])
def test_rates_that_make_no_sense_are_refused(motion, rate: float) -> None:
    with pytest.raises(ConfigurationError, match="expected one that leaves two frames"):
        resample(motion, rate)
