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
STANDING = TABLE.joint[TABLE.standing][0]
DT, OFFSETS = 0.025, np.array([0.025, 0.1, 0.3, 0.6])


Command = tuple[float, float, float]
STAND: Command = (0.0, 0.0, 0.0)


def order(command: Command) -> MotionCommand:
    return MotionCommand(speed=np.array(command[0]), lateral=np.array(command[1]), yaw_rate=np.array(command[2]))


def followed(commands: list[tuple[float, Command]], offsets: np.ndarray = OFFSETS, dt: float = DT) -> tuple[GaitGenerator, dict[str, np.ndarray]]:
    """Run (seconds, command) pairs with a body that is always exactly on the first reference frame; what the first frame was."""
    generator, state = GaitGenerator(BODY, offsets), BodyState.zeros(BODY)
    generator.reset(state)
    rows: dict[str, list[np.ndarray]] = {name: [] for name in ("root_position", "root_quaternion", "joint_position", "joint_velocity", "contact")}
    rows["velocity"] = []
    for seconds, command in commands:
        for _ in range(round(seconds / dt)):
            window = generator.update(state, order(command), dt)
            for name, values in rows.items():
                values.append((generator.velocity if name == "velocity" else getattr(window, name)[0]).copy())
            state.root_position[:], state.root_quaternion[:] = window.root_position[0], window.root_quaternion[0]
    return generator, {name: np.array(values) for name, values in rows.items()}


@pytest.mark.parametrize("command", [(0.4, 0, 0), (0.85, 0, 0), (1.4, 0, 0), (2.5, 0, 0), (-0.6, 0, 0), (0, 0.3, 0), (0, -0.4, 0), (0.6, 0.2, 0)])
def test_the_reference_moves_at_the_commanded_velocity(command: Command) -> None:
    _, rows = followed([(16.0, command)])
    last = rows["root_position"][-320:]
    cycle = last[-1] - last[0]
    np.testing.assert_allclose(cycle[:2] / (319 * DT), command[:2], atol=0.03)  # the sway is part of the last step


@pytest.mark.parametrize("speed", [0.0, 0.8, 1.2])
@pytest.mark.parametrize("rate", [0.3, -np.pi / 2])
def test_it_turns_at_the_commanded_rate_in_place_and_while_walking(speed: float, rate: float) -> None:
    generator, rows = followed([(6.0, (speed, 0.0, rate)), (2.0, (speed, 0.0, rate))])
    turned = wrap(heading(rows["root_quaternion"][-1]) - heading(rows["root_quaternion"][-81]))
    assert float(wrap(turned - rate * 2.0)) == pytest.approx(0.0, abs=0.02)
    assert generator.velocity[2] == pytest.approx(rate)


@pytest.mark.parametrize("command", [(1.2, 0, 0.2), (-0.6, 0, 0), (0, 0.3, 0), (0, 0, 1.2), (2.5, 0, 0), (0.9, -0.2, -1.0)])
def test_positions_and_velocities_are_continuous_through_start_change_and_stop(command: Command) -> None:
    dt = 0.005
    _, rows = followed([(0.5, STAND), (4.0, command), (1.0, (0.3, 0.1, -0.3)), (5.0, STAND)], np.array([0.0]), dt)
    joints, velocity = rows["joint_position"], rows["joint_velocity"]
    difference = np.diff(joints, axis=0) / dt
    # Were a position to jump by 0.03 rad, or a velocity to be wrong, the difference quotient would be off by 10 rad/s.
    assert np.abs(difference - 0.5 * (velocity[1:] + velocity[:-1])).max() < 2.5
    assert np.abs(np.diff(velocity, axis=0)).max() < 6.0  # the toes at toe-off
    np.testing.assert_allclose(joints[-1], STANDING, atol=1e-6)  # back in the standing pose
    assert np.abs(velocity[-1]).max() == 0.0


def test_a_change_of_command_is_answered_within_half_a_gait_cycle() -> None:
    for before, after in (((0.6, 0, 0), (1.0, 0, 0)), ((1.2, 0, 0), (0.8, 0, 0)), ((0.8, 0, 0), (0.8, 0, 0.6)), ((0, 0, 0), (0, 0.2, 0))):
        _, rows = followed([(5.0, before), (0.6, after)])
        change = np.array(after) - np.array(before)
        k = int(np.abs(change).argmax())
        half_cycle = round(0.5 / 0.7 / DT)
        at = min(200 + half_cycle, len(rows["velocity"]) - 1)
        assert (rows["velocity"][at][k] - before[k]) / change[k] > 0.5, (before, after)


@pytest.mark.parametrize("command", [(1.0, 0, 0), (-0.6, 0, 0), (0, 0.3, 0), (0.8, 0, 0.8), (0, 0, 1.2)])
def test_planted_feet_stay_where_they_are(command: Command) -> None:
    """Over the whole stance the ankle of the reference, found by the tables' own geometry, moves less than 1 cm a frame allows."""
    body = pytest.importorskip("kinesis_sim.bodies").load_body("legs80")
    import mujoco

    _, rows = followed([(5.0, command)], np.array([0.0]), 0.01)
    data, ankles = mujoco.MjData(body.model), []
    for k in range(300, 500):
        qpos = body.standing_qpos.copy()
        yaw = float(heading(rows["root_quaternion"][k])) - body.entry.forward_yaw
        qpos[:3], qpos[3:7] = rows["root_position"][k], (np.cos(yaw / 2), 0, 0, np.sin(yaw / 2))
        qpos[body.joint_qpos_adr] = rows["joint_position"][k]
        data.qpos[:] = body.coupling.fill(qpos)
        mujoco.mj_kinematics(body.model, data)
        ankles.append([data.xpos[body.model.body(f"talus_{s}").id].copy() for s in "rl"])
    speed = np.linalg.norm(np.diff(np.array(ankles), axis=0)[..., :2], axis=2) / 0.01
    flat = np.stack([rows["contact"][300:499, 2 * i : 2 * i + 2].min(axis=1) > 0.99 for i in range(2)], axis=1)  # heel and toes loaded
    assert flat.mean() > 0.2
    assert speed[flat].mean() < 0.06


def test_batch_and_single_agree() -> None:
    single, batch = GaitGenerator(BODY, OFFSETS), GaitGenerator(BODY, OFFSETS, batch=(3,))
    one, many = BodyState.zeros(BODY), BodyState.zeros(BODY, (3,))
    single.reset(one)
    batch.reset(many)
    for _ in range(100):
        a = single.update(one, order((0.9, -0.1, 0.1)), DT)
        b = batch.update(many, MotionCommand(speed=np.full(3, 0.9), lateral=np.full(3, -0.1), yaw_rate=np.full(3, 0.1)), DT)
    for name in ("joint_position", "joint_velocity", "root_position", "root_linear_velocity", "contact"):
        np.testing.assert_allclose(getattr(b, name)[2], getattr(a, name), atol=1e-12)


def test_left_and_right_are_mirror_images() -> None:
    body = pytest.importorskip("kinesis_sim.bodies").load_body("legs80")
    m, half = body.mirror, TABLE.joint.shape[3] // 2
    mirrored = (m.joint_sign * TABLE.joint[..., m.joints])[:, ::-1, ::-1]
    np.testing.assert_allclose(np.roll(mirrored, -half, axis=3), TABLE.joint, atol=3e-3)  # the solver stops there


def test_the_reference_never_runs_away_from_a_body_that_stands_still() -> None:
    generator, state = GaitGenerator(BODY, OFFSETS), BodyState.zeros(BODY)
    generator.reset(state)
    for _ in range(400):
        generator.update(state, order((1.2, 0.2, 0.4)), DT)
        assert np.linalg.norm(generator.position) < generator.limits.max_lead + 0.12  # and the sway
        assert abs(float(wrap(generator.yaw))) <= generator.limits.max_turn_lead + 1e-9


def test_commands_out_of_range_are_clipped() -> None:
    generator, _ = followed([(8.0, (50.0, 7.0, -9.0))])
    np.testing.assert_allclose(generator.velocity, (2.5, 0.4, -1.6), atol=1e-6)


def test_a_body_without_table_and_another_joint_order_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="legs80"):
        GaitGenerator(replace(BODY, name="legs81"), OFFSETS)
    with pytest.raises(LayoutError, match="joints"):
        GaitGenerator(replace(BODY, joint_names=TABLE.joint_names[::-1]), OFFSETS)
