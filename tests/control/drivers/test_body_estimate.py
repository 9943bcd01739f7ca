"""What is known of a robot's body: measured, derived from what is measured, or not known."""

import numpy as np
import pytest

from kinesis_control.body_state import BodyDescription
from kinesis_control.drivers.body_estimate import NEEDS, BodyEstimate, needed_fields
from kinesis_control.drivers.body_file import read_body, write_body
from kinesis_control.drivers.bus.records import state_record
from kinesis_control.drivers.dummy import DummyConfig, DummyDriver
from kinesis_control.drivers.muscle_model import ExcitationToPressure, HillTable, McKibbenBundle
from kinesis_control.errors import ConfigurationError, LayoutError
from kinesis_control.muscles import MuscleLayout
from kinesis_control.observation import TERMS

NAMES, FULL_PA = ("a", "b", "c", "d"), 700e3


def description(joints=("hip", "knee")):
    return BodyDescription(
        name="made-up", muscles=MuscleLayout(names=NAMES), joint_names=joints, contact_names=("heel", "toes"), key_body_names=("pelvis",),
        model_hash="0" * 16, mass=70.0, standing_height=0.9,
    )  # fmt: skip


@pytest.fixture
def table():
    n = len(NAMES)
    values = {"peak_force": np.array([300.0, 900.0, 1500.0, 60.0]), "optimal_length": np.full(n, 0.08), "tendon_length": np.full(n, 0.2)}
    values |= {"lmin": np.full(n, 0.5), "lmax": np.full(n, 1.6), "vmax": np.full(n, 10.0), "fpmax": np.full(n, 1.3), "fvmax": np.full(n, 1.2)}
    return HillTable(layout_hash=MuscleLayout(names=NAMES).hash, length_low=np.full(n, 0.25), length_high=np.full(n, 0.32), **values)


def made(table, *, length=True, joints=("hip", "knee")):
    robot = DummyDriver(DummyConfig(muscles=NAMES, joints=joints, length_m=(0.1,) * 4 if length else ())).capabilities
    record = np.zeros((), state_record(robot))
    record["root_quaternion"] = (1.0, 0.0, 0.0, 0.0)
    return BodyEstimate(description(), robot, table, full_pressure_pa=FULL_PA), record


def test_activation_is_the_inverse_of_excitation_to_pressure(table):
    estimate, record = made(table)
    bundle = McKibbenBundle.for_table(table, full_pressure_pa=FULL_PA)
    converter, excitation = ExcitationToPressure(table, bundle), np.array([0.1, 0.3, 0.5, 0.2])
    length = np.array([0.27, 0.275, 0.28, 0.29])
    record["length_m"], record["pressure_pa"] = length - bundle.tendon_length, converter.convert(excitation, length, np.zeros(4))
    assert not converter.saturated.any()
    for stamp in (1, 2):
        record["stamp_ns"] = stamp * 25_000_000
        state = estimate.update(record)
    np.testing.assert_allclose(state.muscle_velocity, 0.0)
    np.testing.assert_allclose(state.muscle_length, length)
    np.testing.assert_allclose(state.muscle_activation, excitation, atol=1e-9)


def test_velocity_is_the_difference_of_two_lengths_and_not_known_after_one(table):
    estimate, record = made(table)
    record["length_m"], record["stamp_ns"] = 0.1, 1_000_000_000
    assert np.isnan(estimate.update(record).muscle_velocity).all()
    record["length_m"], record["stamp_ns"] = 0.101, 1_025_000_000
    np.testing.assert_allclose(estimate.update(record).muscle_velocity, 0.04)


def test_what_is_not_measured_stays_unknown(table):
    estimate, record = made(table, length=False, joints=("knee",))
    record["joint_position"], record["root_position"] = 0.3, np.nan
    state = estimate.update(record)
    assert np.isnan(state.joint_position[0]) and state.joint_position[1] == 0.3
    unknown = estimate.unknown(state.arrays())
    assert set(unknown) == {"root_position", "joint_position", "joint_velocity", "muscle_length", "muscle_velocity", "muscle_activation"}
    view, missing = estimate.known_view()
    assert set(missing) == set(unknown) and view.first_non_finite() is None
    record["contact_force"] = np.nan
    estimate.update(record)
    assert view.first_non_finite() == "contact_force", "a sensor that once gave something is missed"


def test_another_muscle_order_is_refused(table):
    robot = DummyDriver(DummyConfig(muscles=NAMES[::-1])).capabilities
    with pytest.raises(LayoutError, match="another order"):
        BodyEstimate(description(), robot, table, full_pressure_pa=FULL_PA)


def test_every_term_that_looks_at_the_state_is_listed():
    assert set(NEEDS) <= set(TERMS)
    rest = [name for name in TERMS if name not in NEEDS]
    assert all(name.startswith("reference_") or name == "previous_action" for name in rest)
    assert needed_fields(("root_up", "root_linear_velocity", "reference_next_contact")) == ("root_quaternion", "root_linear_velocity")


def test_body_file_returns_what_was_written_and_notices_a_change(tmp_path):
    path = tmp_path / "body.json"
    write_body(path, description())
    assert read_body(path) == description()
    path.write_text(path.read_text().replace('"a"', '"z"'))
    with pytest.raises(ConfigurationError, match="layout hash"):
        read_body(path)
    path.write_text("{}")
    with pytest.raises(ConfigurationError, match="format"):
        read_body(path)
