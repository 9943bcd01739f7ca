"""What the tests of several rooms need."""

from contextlib import suppress

import pytest

with suppress(ImportError):  # the extra `dev` brings it; without it the tests that need it are skipped by themselves
    from hypothesis import HealthCheck, settings

    # How long an example takes is a matter of the machine, and machines that run tests are loaded.
    # And every run tries the same examples: whether a change is good must not depend on what was drawn.
    settings.register_profile("loaded", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("loaded")

from kinesis_control.body_state import BodyDescription
from kinesis_control.muscles import MuscleLayout


@pytest.fixture
def tripod() -> BodyDescription:
    """A made-up body of three muscles, so small that every number of it can be written down."""
    return BodyDescription(
        name="tripod",
        muscles=MuscleLayout(names=("flexor", "extensor", "rotator")),
        joint_names=("hip", "knee"),
        contact_names=("heel",),
        key_body_names=("pelvis",),
        model_hash="0123456789abcdef",
        mass=10.0,
        standing_height=0.9,
    )
