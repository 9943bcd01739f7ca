"""The policy of a hanging body: what its teacher asks of the muscles, and that a small student can be made, exported and run."""

import mujoco
import numpy as np
import pytest

from kinesis_control.drivers.muscle_model import hill_force
from kinesis_control.errors import ConfigurationError
from kinesis_control.policy import Policy
from kinesis_sim.muscle_table import hill_table
from kinesis_train.suspended import SuspendedTeacher, TeacherConfig
from kinesis_train.suspended_run import TERMS, SuspendedTraining, collect, export, learn


@pytest.fixture(scope="module")
def teacher(legs):
    return SuspendedTeacher(legs)


@pytest.fixture(scope="module")
def standing(legs):
    return legs.standing_qpos[legs.joint_qpos_adr].copy()


def torques(body, position, excitation):
    """What muscles at these excitations do to the independent joints of a body at rest; shape (n_joints,) [N m]."""
    model, data, teacher = body.model, mujoco.MjData(body.model), SuspendedTeacher(body)
    p = teacher._pose(position, np.zeros(len(position)))
    data.qpos[:] = teacher._data.qpos
    mujoco.mj_fwdPosition(model, data)
    moment = np.zeros((model.nu, model.nv))
    mujoco.mju_sparse2dense(moment, data.actuator_moment.reshape(-1), data.moment_rownnz, data.moment_rowadr, data.moment_colind.reshape(-1))
    force = hill_force(hill_table(model), excitation, data.actuator_length, np.zeros(model.nu))
    return -(moment @ p).T @ force


def answer(teacher, position, reference):
    rest = np.zeros(len(position))
    return teacher.answer(position, rest, np.tile(reference, (2, 1)), rest)


@pytest.mark.parametrize("joint", ["hip_flexion_r", "knee_angle_r", "ankle_angle_l"])
@pytest.mark.parametrize("way", [-0.15, 0.15])
def test_muscles_are_asked_to_turn_a_joint_towards_its_reference(legs, teacher, standing, joint, way):
    j = legs.description.joint_names.index(joint)
    bent = standing.copy()
    bent[j] = 0.5 * (legs.joint_range[j].sum()) if joint.startswith("knee") else standing[j]
    reference = bent.copy()
    reference[j] += way
    change = torques(legs, bent, answer(teacher, bent, reference)) - torques(legs, bent, answer(teacher, bent, bent))
    assert change[j] * way > 0.0
    assert abs(change[j] - teacher.stiffness[j] * way) < 0.5 * teacher.stiffness[j] * abs(way)


def test_excitations_are_in_range_and_little_is_used_to_hang_still(teacher, standing):
    still = answer(teacher, standing, standing)
    assert still.min() >= 0.0 and still.max() <= 1.0 and still.mean() < 0.05


def test_wrong_settings_are_refused():
    with pytest.raises(ConfigurationError, match="share above 0 to 1"):
        TeacherConfig(share=0.0)
    with pytest.raises(ConfigurationError, match="at least 1000 samples"):
        SuspendedTraining(samples=10)


def test_a_student_learns_and_is_exported_with_its_contract(legs, tmp_path):
    run = SuspendedTraining(samples=1000, steps=150, batch=128, hidden=(64,))
    seen, answers = collect(legs, run, lambda done: None)
    student, error = learn(legs, run, seen, answers)
    assert error < 0.8 * answers.std()
    contract = export(student, legs, run, seen, {"student_error": error}, tmp_path / "legs80-suspended.onnx")
    assert contract.training["posture"] == "gantry"
    policy = Policy.load(tmp_path / "legs80-suspended.onnx", legs.description)  # its golden sample is replayed
    assert sorted(term.name for term in policy.contract.observation) == sorted(name for name, _ in TERMS)
