"""The electrode table against the compiled bodies: every muscle exists, and its weight is the body's own peak force."""

import numpy as np
import pytest

from kinesis_control.evaluate.electrodes import ELECTRODES, under
from kinesis_control.evaluate.gait_cycles import sides_of
from kinesis_sim.bodies import load_body

TRUNK = {"legs80": set(), "legs_abs86": {"erector_spinae", "external_oblique"}}
ALL_TRUNK = {"erector_spinae", "external_oblique", "rectus_abdominis"}


@pytest.mark.parametrize("name", ["legs80", "legs_abs86", "legs_back290", "fullbody416"])
def test_muscles_and_forces_are_those_of_the_body(name: str) -> None:
    model = load_body(name).model
    names = tuple(model.actuator(i).name for i in range(model.nu))
    checked = set()
    for columns in sides_of(names).values():
        for electrode in ELECTRODES:
            choice = next((c for c in electrode.muscles if set(c) <= columns.keys()), None)
            for muscle, force in (choice or {}).items():
                # The sides of the trunk differ by up to 2 %; the table has their mean.
                assert float(model.actuator_gainprm[columns[muscle], 2]) == pytest.approx(force, rel=0.01), (electrode.name, muscle)
                checked.add(electrode.name)
    legs = {e.name for e in ELECTRODES} - ALL_TRUNK
    assert checked == legs | TRUNK.get(name, ALL_TRUNK)


def test_every_body_with_legs_has_all_thirteen_electrodes_of_the_treadmill_recordings() -> None:
    model = load_body("legs80").model
    right = sides_of(tuple(model.actuator(i).name for i in range(model.nu)))["right"]
    envelopes = np.ones((len(right), 200))
    assert sum(under(e, tuple(right), envelopes) is not None for e in ELECTRODES if e.code) == 13
