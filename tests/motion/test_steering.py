"""kinesis_control/motion/steering.py and clip_path.py: a clip turned about the foot it stands on."""

import numpy as np
import pytest
from made_up_clips import made_up_clip

from kinesis_control.motion.clip_path import ClipPath, smooth
from kinesis_control.motion.frames import Alignment, Frames
from kinesis_control.motion.rotations import rotate
from kinesis_control.motion.steering import Steering
from kinesis_control.reference import ReferenceWindow

OFFSETS = np.array([0.0, 0.1, 0.3, 0.6])


@pytest.fixture(scope="module")
def body():
    pytest.importorskip("mujoco")
    from kinesis_sim.bodies import load_body

    return load_body("legs80").description


@pytest.fixture(scope="module")
def walk(body):
    return made_up_clip(body, "walk", 0.9)


def turning(turn: float, rate: float = 1.0) -> Steering:
    return Steering(warp=0.25, most=0.4, settle=0.15, turn=turn, rate=rate)


def test_aim_makes_up_for_speed_and_turn_inside_its_bounds():
    steering = turning(0.0)
    steering.aim(np.array([0.9, 0.0, 0.3]), np.array([0.8, 0.0, 0.1]), 10.0)
    assert steering.rate == pytest.approx(1.125) and steering.turn == pytest.approx(0.3 - 1.125 * 0.1)
    steering.aim(np.array([2.0, 0.0, -2.0]), np.array([1.0, 0.0, 0.0]), 10.0)
    assert (steering.rate, steering.turn) == (pytest.approx(1.25), pytest.approx(-0.4))
    steering.aim(np.array([0.0, 0.0, 1.0]), np.zeros(3), 10.0)
    assert (steering.rate, steering.turn) == (pytest.approx(1.0), pytest.approx(0.0))  # who stands is not turned


def test_the_point_that_is_stood_on_stays(body, walk):
    path, steering, window = ClipPath(walk, body), turning(0.4), ReferenceWindow.zeros(body, OFFSETS, key_bodies=len(body.key_body_names))
    path.pivot[:] = 1.0, -2.0
    Frames(walk).fill(1.0 + OFFSETS, window)
    window.key_body_position[:, 0] = 1.0, -2.0, 0.0
    plain = window.root_position.copy()
    steering.bend(window, path, 1.0)
    np.testing.assert_allclose(window.key_body_position[:, 0], np.tile([1.0, -2.0, 0.0], (4, 1)), atol=1e-4)
    assert np.linalg.norm(window.root_position[3] - plain[3]) > 0.05


def test_the_window_is_bent_to_where_steering_leads(body, walk):
    path, steering, frames = ClipPath(walk, body), turning(0.4, 1.2), Frames(walk)
    ahead, later = (ReferenceWindow.zeros(body, OFFSETS) for _ in range(2))
    frames.fill(1.0 + 1.2 * OFFSETS, ahead, 1.2)
    steering.bend(ahead, path, 1.0)
    alignment, steps = Alignment(), 60
    for k in range(steps):
        alignment.move_clip(*steering.moved(path.at(path.pivot, 1.0 + 1.2 * 0.6 * (k + 0.5) / steps), 0.6 / steps))
    frames.fill(1.0 + 1.2 * (0.6 + OFFSETS), later, 1.2)
    steering.bend(later, path, 1.0 + 1.2 * 0.6)
    alignment.apply(later)
    np.testing.assert_allclose(ahead.root_position[3], later.root_position[0], atol=2e-3)
    np.testing.assert_allclose(ahead.root_quaternion[3], later.root_quaternion[0], atol=1e-6)
    np.testing.assert_allclose(ahead.root_linear_velocity[3], later.root_linear_velocity[0], atol=1e-6)


def test_a_bent_velocity_is_the_slope_of_the_bent_position(body, walk):
    path, steering, dt = ClipPath(walk, body), turning(0.4), 0.01
    window = ReferenceWindow.zeros(body, np.array([0.29, 0.3, 0.31]))
    Frames(walk).fill(1.0 + window.time_offsets, window)
    steering.bend(window, path, 1.0)
    slope = (window.root_position[2] - window.root_position[0]) / (2.0 * dt)
    np.testing.assert_allclose(rotate(window.root_quaternion[1], window.root_linear_velocity[1])[:2], slope[:2], atol=0.02)


def test_the_path_has_neither_sway_nor_a_lag(body, walk):
    path = ClipPath(walk, body)
    np.testing.assert_allclose(path.velocity[:, 0], 0.9, atol=0.03)
    raw = np.abs(np.gradient(walk.root_position[:, 1], 1.0 / walk.rate_hz)).max()
    assert np.abs(path.velocity[40:-40, 1]).max() < 0.5 * raw and np.abs(path.velocity[:, 2]).max() < 1e-6
    ramp = np.arange(50.0)
    np.testing.assert_allclose(smooth(ramp, 8.0), ramp, atol=1e-9)
    assert path.at(path.heading, 1e9) == path.heading[-1]
