"""The readout against MuJoCo's own values, in a batch, and against mujoco.rollout."""

import mujoco
import numpy as np
import pytest
from mujoco import rollout

from kinesis_control.body_state import BodyState
from kinesis_sim.readout import StateReadout


@pytest.fixture(params=["legs80", "fullbody416"])
def moving(request, body_of):
    """A body in the middle of a fall with some muscles active, and data consistent with it."""
    body = body_of(request.param)
    data, rng = mujoco.MjData(body.model), np.random.default_rng(3)
    data.qpos[:] = body.standing_qpos
    data.qpos[3:7] = body.root_quaternion_from_base(np.array([0.8, 0.1, -0.2, 0.55]) / np.linalg.norm([0.8, 0.1, -0.2, 0.55]))
    data.qvel[:6] = rng.normal(size=6)
    data.ctrl[:] = rng.uniform(0.0, 1.0, body.model.nu)
    mujoco.mj_step(body.model, data, 20)
    mujoco.mj_forward(body.model, data)
    return body, data


def read(body, data):
    state = BodyState.zeros(body.description)
    return StateReadout(body).read(data.qpos, data.qvel, data.act, data.sensordata, state)


def test_root_pose_and_twist_against_mujoco(moving):
    body, data = moving
    state, root = read(body, data), 1
    expected_rotation, base_rotation, yaw = data.xmat[root].reshape(3, 3), np.zeros(9), np.zeros(9)
    mujoco.mju_quat2Mat(yaw, body.base_yaw_quaternion)
    mujoco.mju_quat2Mat(base_rotation, state.root_quaternion)
    yaw, base_rotation = yaw.reshape(3, 3), base_rotation.reshape(3, 3)
    assert base_rotation == pytest.approx(expected_rotation @ yaw, abs=1e-12)
    assert np.linalg.norm(state.root_quaternion) == pytest.approx(1.0, abs=1e-12)
    assert state.root_position == pytest.approx(data.xpos[root], abs=1e-12)
    twist = np.zeros(6)
    mujoco.mj_objectVelocity(body.model, data, mujoco.mjtObj.mjOBJ_XBODY, root, twist, 1)
    assert state.root_angular_velocity == pytest.approx(yaw.T @ twist[:3], abs=1e-10)
    assert state.root_linear_velocity == pytest.approx(yaw.T @ twist[3:], abs=1e-10)


def test_muscles_joints_and_key_bodies_against_mujoco(moving):
    body, data = moving
    state = read(body, data)
    assert np.array_equal(state.muscle_length, data.actuator_length)
    assert np.array_equal(state.muscle_velocity, data.actuator_velocity)
    assert np.array_equal(state.muscle_tension, -data.actuator_force)
    assert np.array_equal(state.muscle_activation, data.act)
    assert state.muscle_tension.min() >= 0.0 and state.muscle_tension.max() > 10.0, "muscles pull"
    for i, name in enumerate(body.description.joint_names):
        assert state.joint_position[i] == data.joint(name).qpos[0]
        assert state.joint_velocity[i] == data.joint(name).qvel[0]
    assert np.array_equal(StateReadout(body).key_body_position(data.sensordata), data.xpos[body.key_body_ids])


def test_contact_regions_against_the_contact_list(body_of):
    body = body_of("legs80")
    m, data = body.model, mujoco.MjData(body.model)
    data.qpos[:] = body.standing_qpos
    data.qpos[2] -= 0.01  # every foot geom presses on the floor
    mujoco.mj_forward(m, data)
    expected, wrench = np.zeros(4), np.zeros(6)
    bodies = [m.body(b).id for _, b in body.entry.contact_regions]
    for i in range(data.ncon):
        mujoco.mj_contactForce(m, data, i, wrench)
        foot = next(int(m.geom_bodyid[g]) for g in data.contact[i].geom if m.geom(int(g)).name != "floor")
        expected[bodies.index(foot)] += wrench[0]
    state = read(body, data)
    assert np.all(expected > 1.0)
    assert state.contact_force == pytest.approx(expected)
    assert StateReadout(body).floor_force(data.sensordata) == pytest.approx(expected.sum())


def test_a_batch_gives_the_bits_of_its_members(body_of):
    body, rng = body_of("legs80"), np.random.default_rng(4)
    m, batch = body.model, (3, 2)
    arrays = [rng.normal(size=(*batch, n)) for n in (m.nq, m.nv, m.na, m.nsensordata)]
    readout = StateReadout(body)
    together = readout.read(*arrays, BodyState.zeros(body.description, batch))
    for i in np.ndindex(batch):
        alone = readout.read(*(a[i] for a in arrays), BodyState.zeros(body.description))
        for name, value in alone.arrays().items():
            assert np.array_equal(value, together.arrays()[name][i]), name
        assert np.array_equal(readout.key_body_position(arrays[3])[i], readout.key_body_position(arrays[3][i]))


def test_world_and_rollout_give_the_same_bits(make_world):
    world = make_world()
    world.reset(seed=5, perturbation=1.0)
    m, full = world.model, mujoco.mjtState.mjSTATE_FULLPHYSICS
    start = np.zeros((1, mujoco.mj_stateSize(m, full)))
    mujoco.mj_getState(m, world.data, start[0], full)
    rng, ticks = np.random.default_rng(6), 12
    excitation = rng.uniform(0.0, 0.1, (ticks, m.nu))
    states, sensors = rollout.rollout(m, mujoco.MjData(m), start, np.repeat(excitation, 5, axis=0)[None])
    lags = np.zeros((ticks, 2))
    for k in range(ticks):
        state = world.step(excitation[k])
        last = 5 * (k + 1) - 1
        _, qpos, qvel, act = np.split(states[0, last], np.cumsum([1, m.nq, m.nv]))
        rolled = world.readout.read(qpos, qvel, act, sensors[0, last], BodyState.zeros(world.body.description))
        for name in ("root_position", "root_quaternion", "root_linear_velocity", "joint_position", "joint_velocity",
                     "muscle_activation", "muscle_tension", "contact_force"):  # fmt: skip
            assert np.array_equal(getattr(rolled, name), getattr(state, name)), (k, name)
        lags[k, 0] = np.abs(rolled.muscle_length - state.muscle_length).mean()
        world.readout.advance(rolled, m.opt.timestep)
        lags[k, 1] = np.abs(rolled.muscle_length - state.muscle_length).mean()
    # Lengths lag by one physics step in a rollout; the correction leaves what the velocity changed in that step.
    assert lags[:, 0].min() > 0.0 and lags[:, 1].mean() < 0.5 * lags[:, 0].mean()
