"""Bones, sensors, faults and the truth, together."""

import numpy as np
import pytest

from kinesis_control.errors import ConfigurationError, UnknownNameError
from kinesis_sim.bodies import physics_hash
from kinesis_sim.emulator.android import Android, AndroidConfig
from kinesis_sim.emulator.faults import FaultPort
from kinesis_sim.emulator.sensors import SensorArray
from kinesis_sim.emulator.skeleton import GANTRY_HEIGHT_M, Skeleton
from kinesis_sim.emulator.truth import Truth, TruthLog


def test_the_body_of_the_registry_is_not_touched(legs80):
    before = physics_hash(legs80.model)
    skeleton = Skeleton(legs80)
    for _ in range(20):
        skeleton.step(np.full(80, 50.0))
    assert physics_hash(legs80.model) == before and legs80.model.dof_armature[0] != skeleton.model.dof_armature[0]


def test_at_the_gantry_the_root_stays_and_the_legs_swing(legs80):
    skeleton = Skeleton(legs80)
    start = skeleton.state.root_position.copy()
    tension = np.zeros(80)
    names = legs80.description.muscles.names
    tension[[i for i, name in enumerate(names) if name in ("bflh_r", "semiten_r", "bfsh_r")]] = 300.0
    for _ in range(200):
        skeleton.step(tension)
    knee = legs80.description.joint_names.index("knee_angle_r")
    assert skeleton.state.root_position == pytest.approx(start) and start[2] == pytest.approx(legs80.standing_qpos[2] + GANTRY_HEIGHT_M)
    assert skeleton.state.joint_position[knee] > 0.5 and skeleton.finite


def test_on_its_feet_without_pressure_it_sinks(legs80):
    skeleton = Skeleton(legs80, posture="feet")
    for _ in range(400):
        skeleton.step(np.zeros(80))
    assert skeleton.state.root_position[2] < 0.8 * legs80.standing_qpos[2]


def test_the_same_seed_gives_the_same_android(legs80):
    readings = []
    for _ in range(2):
        android = Android(legs80, AndroidConfig(seed=5), robot_key=bytes(32))
        android.contactor, android.dump_open = True, False
        android.advance(300)
        readings.append((android.measured_pa.copy(), android.plant.supply, android.skeleton.state.joint_position.copy()))
    for a, b in zip(*readings, strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize(
    ("verb", "value", "check"),
    [
        ("off", 0.0, lambda r: np.isnan(r).all()),
        ("stuck", 0.0, lambda r: np.ptp(r) == 0.0),
        ("garbage", 5e5, lambda r: np.ptp(r) > 4e5),
        ("wrong", 5e4, lambda r: abs(r.mean() - 1.5e5) < 2e3),
        ("delayed", 0.01, lambda r: abs(r[10]) < 2e3 and abs(r[-1] - 1e5) < 4e3),
        ("slow", 0.02, lambda r: r[5] < 5e4 and r[-1] > 9e4),
        ("intermittent", 0.5, lambda r: 0.2 < np.isnan(r).mean() < 0.8),
    ],
)
def test_every_verb_of_a_sensor_shows(verb, value, check):
    sensor = SensorArray(3, np.full(3, 500.0), np.random.Generator(np.random.PCG64(0)), step=100.0)
    sensor.sample(np.zeros(3))
    sensor.spoil(1, verb, value, 0.5e-3)
    readings = np.array([sensor.sample(np.full(3, 1e5)).copy() for _ in range(200)])
    assert check(readings[:, 1]) and readings[5:, 0] == pytest.approx(1e5, abs=5e3)
    sensor.mend(1)
    assert sensor.sample(np.full(3, 1e5))[1] == pytest.approx(1e5, abs=5e3)


@pytest.mark.parametrize(("component", "verb"), [("nothing", "off"), ("pressure:nobody", "off"), ("pressure:0", "explode"), ("bank:99", "off")])
def test_unknown_names_are_refused(driven, component, verb):
    with pytest.raises(UnknownNameError):
        FaultPort(driven.android).set(component, verb)


@pytest.mark.parametrize(("component", "verb"), [("pump", "garbage"), ("estop", "slow"), ("jam:0", "off")])
def test_verbs_that_do_not_fit_are_refused(driven, component, verb):
    with pytest.raises(ConfigurationError):
        FaultPort(driven.android).set(component, verb)


def test_everything_that_was_broken_can_be_mended(active):
    port = FaultPort(active.android)
    for component, verb, value in (
        ("inlet:1", "stuck", 0.0), ("outlet:2", "off", 0.0), ("valve:3", "slow", 8.0), ("muscle:4", "wrong", 50.0), ("bank:5", "wrong", 6.0),
        ("jam:2", "stuck", 0.0),
        ("pump", "off", 0.0), ("dump", "stuck", 0.0), ("estop_a", "off", 0.0), ("imu", "off", 0.0), ("link", "intermittent", 0.5),
        ("temperature:1", "wrong", 90.0),
    ):  # fmt: skip
        port.set(component, verb, value)
    assert len(port.active) == 12 and active.android.swapped == {5: 6, 6: 5}
    port.mend_all()
    plant = active.plant
    assert not port.active and not active.android.swapped and port.link.loss == 0.0 and active.android.stop.channel_a and active.android.inertial_works
    assert np.all(plant.opening_low == -1.0) and np.all(plant.opening_high == 1.0) and np.all(plant.sluggish == 1.0) and not plant.leak.any()
    assert plant.pump_share == 1.0 and plant.dump_works and not active.android.skeleton._jammed


def test_the_truth_is_on_no_disk_before_it_is_saved_and_comes_back_whole(active, tmp_path):
    log = TruthLog(active.android)
    log.event("fault", component="pump", verb="off")
    for _ in range(400):
        active.android.tick()
        log.tick()
    assert list(tmp_path.iterdir()) == []
    path = tmp_path / "truth.npz"
    log.save(path)
    truth = Truth.load(path)
    assert len(truth.time) == 100 and truth.pressure.shape == (100, 80) and truth.events[0]["component"] == "pump"
    assert path.stat().st_mode & 0o077 == 0 and truth.facts["body"] == "legs80"
    assert np.all(truth.pressure[1:] + 1.0 >= active.plant.pressure.min())
