"""kinesis_control/motion: the reference is continuous, follows the command, and is the same alone and in a batch."""

from dataclasses import replace

import numpy as np
import pytest

from kinesis_control.body_state import BodyDescription, BodyState
from kinesis_control.errors import LayoutError, UnknownNameError
from kinesis_control.motion.command import MotionCommand
from kinesis_control.motion.gait_table import GaitTable
from kinesis_control.motion.generator import GaitGenerator, heading, wrap
from kinesis_control.muscles import MuscleLayout

TABLE = GaitTable.load("legs80")
BODY = BodyDescription(
    name="legs80", muscles=MuscleLayout(names=("any",)), joint_names=TABLE.joint_names, contact_names=("a", "b", "c", "d"),
    key_body_names=(), model_hash="0", mass=75.0, standing_height=0.94,
)  # fmt: skip
DT, OFFSETS = 0.025, np.array([0.025, 0.1, 0.3, 0.6])


def followed(generator: GaitGenerator, speed: float, yaw_rate: float, seconds: float) -> tuple[BodyState, list[np.ndarray], list[np.ndarray]]:
    """Run with a body that is always exactly on the first reference frame; positions and joints of each tick."""
    state = BodyState.zeros(BODY)
    generator.reset(state)
    command = MotionCommand(speed=np.array(speed), yaw_rate=np.array(yaw_rate))
    positions, joints = [], []
    for _ in range(round(seconds / DT)):
        window = generator.update(state, command, DT)
        positions.append(window.root_position[0].copy())
        joints.append(window.joint_position[0].copy())
        state.root_position[:], state.root_quaternion[:] = window.root_position[0], window.root_quaternion[0]
    return state, positions, joints


@pytest.mark.parametrize("speed", [0.4, 0.85, 1.3])
def test_the_reference_walks_at_the_commanded_speed(speed: float) -> None:
    state, positions, _ = followed(GaitGenerator(BODY, OFFSETS), speed, 0.0, 12.0)
    last = np.array(positions[-160:])
    assert np.linalg.norm(last[-1, :2] - last[0, :2]) / (159 * DT) == pytest.approx(speed, rel=0.04)
    assert abs(state.root_position[1]) < 0.06


def test_it_turns_at_the_commanded_rate() -> None:
    state, _, _ = followed(GaitGenerator(BODY, OFFSETS), 0.8, 0.3, 8.0)
    turned = 0.3 * (8.0 - 0.3 / 2)  # the rate ramps up at 1 rad/s^2
    assert float(wrap(heading(state.root_quaternion) - turned)) == pytest.approx(0.0, abs=0.05)


def test_joints_are_continuous_through_start_walk_and_stop() -> None:
    generator, state = GaitGenerator(BODY, OFFSETS), BodyState.zeros(BODY)
    generator.reset(state)
    previous, largest = None, 0.0
    for tick in range(600):
        speed = 0.0 if tick < 40 or tick > 400 else 1.2
        window = generator.update(state, MotionCommand(speed=np.array(speed), yaw_rate=np.array(0.2)), DT)
        if previous is not None:
            largest = max(largest, float(np.abs(window.joint_position[0] - previous).max()))
        previous = window.joint_position[0].copy()
        state.root_position[:], state.root_quaternion[:] = window.root_position[0], window.root_quaternion[0]
    assert largest < 10.0 * DT  # 10 rad/s, the fastest joint of the table at 1.4 m/s
    np.testing.assert_allclose(previous, TABLE.joint[0, 0], atol=1e-6)  # back in the standing pose


def test_velocities_are_the_derivatives_of_positions() -> None:
    generator = GaitGenerator(BODY, np.array([0.0, 1e-3]))
    followed(generator, 0.9, 0.0, 6.0)
    w = generator.window
    slope = (w.joint_position[1] - w.joint_position[0]) / 1e-3
    np.testing.assert_allclose(slope, w.joint_velocity[0], atol=0.25)


def test_batch_and_single_agree() -> None:
    single, batch = GaitGenerator(BODY, OFFSETS), GaitGenerator(BODY, OFFSETS, batch=(3,))
    one, many = BodyState.zeros(BODY), BodyState.zeros(BODY, (3,))
    single.reset(one)
    batch.reset(many)
    for _ in range(100):
        a = single.update(one, MotionCommand(speed=np.array(0.9), yaw_rate=np.array(0.1)), DT)
        b = batch.update(many, MotionCommand(speed=np.full(3, 0.9), yaw_rate=np.full(3, 0.1)), DT)
    np.testing.assert_allclose(b.joint_position[2], a.joint_position, atol=1e-12)
    np.testing.assert_allclose(b.root_position[0], a.root_position, atol=1e-12)


def test_the_reference_never_runs_away_from_a_body_that_stands_still() -> None:
    generator, state = GaitGenerator(BODY, OFFSETS), BodyState.zeros(BODY)
    generator.reset(state)
    for _ in range(400):
        generator.update(state, MotionCommand(speed=np.array(1.2), yaw_rate=np.array(0.4)), DT)
        assert np.linalg.norm(generator.position) < generator.limits.max_lead + 0.06  # and the sway
        assert abs(float(wrap(generator.yaw))) <= generator.limits.max_turn_lead + 1e-9


def test_commands_out_of_range_are_clipped() -> None:
    generator = GaitGenerator(BODY, OFFSETS)
    followed(generator, 50.0, -9.0, 5.0)
    assert float(generator.speed) == pytest.approx(generator.limits.max_speed)
    assert float(generator.yaw_rate) == pytest.approx(-generator.limits.max_yaw_rate)


def test_a_body_without_table_and_another_joint_order_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="legs80"):
        GaitGenerator(replace(BODY, name="legs81"), OFFSETS)
    with pytest.raises(LayoutError, match="joints"):
        GaitGenerator(replace(BODY, joint_names=TABLE.joint_names[::-1]), OFFSETS)
