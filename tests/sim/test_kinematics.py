"""Key bodies from the pose alone."""

import numpy as np
import pytest

from kinesis_sim.bodies import load_body
from kinesis_sim.kinematics import KeyBodyKinematics
from kinesis_sim.world import World


@pytest.mark.parametrize("name", ["legs80", "legs_back290"])
def test_key_bodies_are_where_the_world_senses_them(name: str) -> None:
    body = load_body(name)
    world = World(body, control_dt=0.025, physics_dt=0.005, seed=3)
    world.reset(seed=3, perturbation=1.0)
    kinematics = KeyBodyKinematics(body)
    for _ in range(3):
        state = world.step(np.full(body.model.nu, 0.1))
        found = kinematics(state.root_position[None], state.root_quaternion[None], state.joint_position[None])[0]
        # The couplings of the simulation are soft: its dependent joints stray by up to 2 mm at the head.
        assert np.abs(found - world.key_body_position()).max() < 3e-3
