"""Muscles and supply behave as the published figures say."""

from dataclasses import replace

import numpy as np
import pytest

from kinesis_control.drivers.muscle_model import TUBE_RADIUS_M, McKibbenBundle
from kinesis_control.errors import ConfigurationError
from kinesis_sim.emulator.plant import Plant, PlantConfig

N = 40


def plant(**config):
    bundle = McKibbenBundle(rest_length=np.ones(N), tendon_length=np.zeros(N), area=np.full(N, np.pi * TUBE_RADIUS_M**2), full_pressure_pa=np.full(N, 700e3))
    made = Plant(bundle, PlantConfig(**config), dt_s=0.5e-3, seed=1)
    made.pump_on, made.dump_open, made.supply = True, False, 850e3
    return made


def run(plant, command, seconds, length=1.0, velocity=0.0):
    for _ in range(round(seconds / 0.5e-3)):
        plant.step(np.full(N, float(command)), np.full(N, length), np.full(N, velocity))
    return plant


@pytest.mark.parametrize(("contraction", "force"), [(0.0, 51.0), (0.1, 31.0), (0.2, 14.0), (0.3, 0.0)])
def test_a_tube_of_1_6_mm_at_7_bar(contraction, force):
    made = plant(coulomb=0.0, viscous_s_m=0.0)
    made.pressure[:] = 700e3
    made._tensions(np.full(N, 1.0 - contraction), np.zeros(N))
    assert made.tension == pytest.approx(force, abs=1.0)


def test_friction_helps_against_lengthening_and_costs_while_shortening():
    made = plant()
    made.pressure[:] = 500e3
    forces = []
    for velocity in (-0.1, 0.0, 0.1):
        made._tensions(np.ones(N), np.full(N, velocity))
        forces.append(made.tension[0])
    assert forces[0] < 0.95 * forces[1] and forces[2] > 1.05 * forces[1]


def test_a_muscle_fills_in_the_time_of_its_own_and_vents_slower():
    made = run(plant(), 1.0, 0.3)
    assert made.pressure.min() > 0.8 * made.supply
    filled = made.pressure.copy()
    while made.opening.max() > -0.999:
        run(made, -1.0, 0.0005)
    begin = made.pressure.copy()
    run(made, -1.0, 0.02)
    tau = -0.02 / np.log(made.pressure / begin)
    assert np.all(filled > begin) and tau == pytest.approx(made.vent_s, rel=0.05) and np.all(made.vent_s > made.fill_s)


def test_the_supply_sags_under_a_large_demand_and_comes_back():
    big = plant()
    big.capacity *= 200.0
    run(big, 1.0, 0.15)
    sagged = big.supply
    run(big, 0.0, 4.0)
    assert sagged < 600e3 < big.supply


def test_the_dump_valve_empties_the_supply_in_its_time():
    made = plant()
    made.pump_on, made.dump_open = False, True
    assert run(made, 0.0, 0.3).supply < 10e3
    made.supply, made.dump_works = 850e3, False
    assert run(made, 0.0, 0.3).supply == pytest.approx(850e3)


def test_a_closed_valve_keeps_the_pressure_and_a_leak_does_not():
    made = run(plant(), 1.0, 0.2)
    run(made, 0.0, 0.1)
    kept = made.pressure.copy()
    made.leak[3] = 20.0
    run(made, 0.0, 0.2)
    assert np.delete(made.pressure, 3) == pytest.approx(np.delete(kept, 3), rel=1e-3) and made.pressure[3] < 0.1 * kept[3]


@pytest.mark.parametrize("change", [{"fill_s": (0.0, 0.1)}, {"coulomb": 0.9}, {"relief_pa": 1.0}, {"valve_s": (0.01, 0.001)}])
def test_values_out_of_range_are_refused(change):
    with pytest.raises(ConfigurationError):
        replace(PlantConfig(), **change)
