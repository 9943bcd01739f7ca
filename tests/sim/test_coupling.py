"""Joint coupling against MuJoCo's own equality residuals."""

import mujoco
import numpy as np
import pytest

from kinesis_sim.coupling import JointCoupling

NAMES = pytest.mark.parametrize("name", ["legs80", "legs_back290", "fullbody416"])
CHAIN = """
<mujoco>
  <compiler angle="radian"/>
  <worldbody>
    <body><joint name="first" axis="0 0 1"/><geom size=".1"/>
      <body><joint name="second" axis="0 0 1" ref="0.5"/><geom size=".1"/>
        <body><joint name="third" axis="0 0 1"/><geom size=".1"/>
          <body><joint name="held" axis="0 0 1"/><geom size=".1"/></body>
        </body>
      </body>
    </body>
  </worldbody>
  <equality>
    <joint joint1="third" joint2="second" polycoef="0 2 0 0 0"/>
    <joint joint1="second" joint2="first" polycoef="0.1 1 0.5 0 0.2"/>
    <joint joint1="held" polycoef="0.3 0 0 0 0"/>
    <joint joint1="first" joint2="held" polycoef="0 1 0 0 0" active="false"/>
  </equality>
</mujoco>
"""


def random_pose(body, rng):
    qpos = body.standing_qpos.copy()
    qpos[body.joint_qpos_adr] = rng.uniform(*body.joint_range.T)
    return qpos


@NAMES
def test_filled_pose_satisfies_every_equality(body_of, name):
    body, data = body_of(name), mujoco.MjData(body_of(name).model)
    rng = np.random.default_rng(0)
    for _ in range(3):
        data.qpos[:] = body.coupling.fill(random_pose(body, rng))
        mujoco.mj_forward(body.model, data)
        assert np.abs(data.efc_pos[: data.ne]).max() < 1e-12


@NAMES
def test_filled_velocity_stays_on_the_equalities(body_of, name):
    body, data = body_of(name), mujoco.MjData(body_of(name).model)
    rng = np.random.default_rng(1)
    data.qpos[:] = body.coupling.fill(random_pose(body, rng))
    data.qvel[body.joint_dof_adr] = rng.uniform(-2.0, 2.0, len(body.joint_ids))
    body.coupling.fill_velocity(data.qpos, data.qvel)
    mujoco.mj_forward(body.model, data)
    assert np.abs(data.efc_vel[: data.ne]).max() < 1e-10


def test_a_batch_is_filled_as_its_members_are(legs):
    rng = np.random.default_rng(2)
    poses = np.array([random_pose(legs, rng) for _ in range(4)])
    singly = np.array([legs.coupling.fill(q.copy()) for q in poses])
    assert np.array_equal(legs.coupling.fill(poses.copy()), singly)


def test_a_chain_in_the_wrong_order_a_reference_and_a_constant():
    model = mujoco.MjModel.from_xml_string(CHAIN)
    coupling = JointCoupling.from_model(model)
    names = [model.joint(j).name for j in coupling.dependent_joint_ids]
    assert names == ["third", "second", "held"], "an inactive equality couples nothing"
    qpos = coupling.fill(np.array([0.4, 0.0, 0.0, 0.0]))
    second = 0.5 + 0.1 + 0.4 + 0.5 * 0.4**2 + 0.2 * 0.4**4
    assert qpos == pytest.approx([0.4, second, 2.0 * (second - 0.5), 0.3])
    qvel = coupling.fill_velocity(qpos, np.array([1.0, 0.0, 0.0, 9.0]))
    slope = 1.0 + 0.4 + 0.8 * 0.4**3
    assert qvel == pytest.approx([1.0, slope, 2.0 * slope, 0.0])
