"""The muscle model of the control side is MuJoCo's, and the pressure that it asks for gives the same force."""

import mujoco
import numpy as np
import pytest

from kinesis_control.drivers.muscle_model import STROKE, TUBE_RADIUS_M, ExcitationToPressure, HillTable, McKibbenBundle, hill_force
from kinesis_control.errors import ConfigurationError, LayoutError
from kinesis_control.muscles import MuscleLayout
from kinesis_sim.bodies import load_body
from kinesis_sim.muscle_table import hill_table


@pytest.fixture(scope="module")
def legs():
    body = load_body("legs80")
    return body, hill_table(body.model)


@pytest.mark.parametrize("seed", range(5))
def test_force_is_mujocos(legs, seed):
    body, table = legs
    rng = np.random.default_rng(seed)
    data = mujoco.MjData(body.model)
    data.qpos[:] = body.standing_qpos
    low, high = body.joint_range.T
    data.qpos[body.joint_qpos_adr] = rng.uniform(low, high)
    body.coupling.fill(data.qpos)
    data.qvel[:] = rng.normal(scale=4.0, size=body.model.nv)
    data.act[:] = rng.random(body.model.na)
    mujoco.mj_forward(body.model, data)
    force = hill_force(table, data.act, data.actuator_length, data.actuator_velocity)
    np.testing.assert_allclose(force, -data.actuator_force, atol=1e-8)
    assert force.max() > 100.0


def test_equal_force_within_reach_and_a_named_shortfall_beyond(legs):
    _, table = legs
    bundle = McKibbenBundle.for_table(table)
    convert = ExcitationToPressure(table, bundle)
    n = len(table.peak_force)
    length = table.length_high - 0.5 * (table.length_high - table.length_low)
    for excitation in (0.0, 0.2, 0.6, 1.0):
        pressure = convert.convert(np.full(n, excitation), length, np.zeros(n))
        assert (pressure >= 0.0).all() and (pressure <= bundle.full_pressure_pa).all()
        wanted = hill_force(table, np.full(n, excitation), length, np.zeros(n))
        given = pressure * bundle.force_per_pa(length)
        np.testing.assert_allclose(given[~convert.saturated], wanted[~convert.saturated], rtol=1e-9, atol=1e-6)
        np.testing.assert_allclose(wanted - given, convert.shortfall * table.peak_force, atol=1e-6)
    too_short = table.length_high - 1.5 * (table.length_high - table.length_low)
    convert.convert(np.ones(n), too_short, np.zeros(n))
    assert (convert.force_per_pa == 0.0).all()
    wanted = hill_force(table, np.ones(n), too_short, np.zeros(n))
    np.testing.assert_array_equal(convert.saturated, wanted > 1e-6 * table.peak_force)


def test_one_tube_is_the_published_one():
    tube = McKibbenBundle(rest_length=np.array([0.2]), tendon_length=np.zeros(1), area=np.array([np.pi * TUBE_RADIUS_M**2]), full_pressure_pa=np.array([700e3]))
    for contraction, newton in ((0.0, 51.0), (0.1, 31.0), (0.2, 14.0)):
        assert 700e3 * tube.force_per_pa(np.array([0.2 * (1.0 - contraction)]))[0] == pytest.approx(newton, abs=0.6)
    assert pytest.approx(0.29, abs=0.005) == STROKE
    assert tube.force_per_pa(np.array([0.2 * (1.0 - STROKE)]))[0] == pytest.approx(0.0, abs=1e-12)


def test_a_table_travels_as_a_file(legs, tmp_path):
    body, table = legs
    path = tmp_path / "legs80.npz"
    table.save(path)
    found = HillTable.load(path, body.description.muscles)
    np.testing.assert_array_equal(found.peak_force, table.peak_force)
    with pytest.raises(LayoutError):
        HillTable.load(path, MuscleLayout(names=("a", "b")))
    path.write_bytes(b"no")
    with pytest.raises(ConfigurationError):
        HillTable.load(path, body.description.muscles)
