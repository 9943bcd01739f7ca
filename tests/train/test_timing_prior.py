"""The prior is on when published tables say so, on the right leg, and only in walking."""

import numpy as np
import pytest

pytest.importorskip("torch")

from kinesis_train.timing_prior import stride_phase, timing_prior, usual_activity

LEVEL = 0.3
MUSCLES = ("soleus_r", "soleus_l", "tibant_r", "vaslat_l", "made_up_r", "ercspn")


def test_a_burst_over_the_end_of_the_cycle():
    on = usual_activity(np.array([0.05, 0.5, 0.97]))["vaslat"]
    assert on[0] == 1.0 and on[1] == 0.0 and on[2] == 1.0


def test_each_leg_has_its_own_phase():
    prior = timing_prior(MUSCLES, np.array([0.3]), np.array([0.8]), np.array([1.5]), LEVEL)
    assert prior.shape == (1, 6)
    assert prior[0, 0] == pytest.approx(LEVEL) and prior[0, 1] == 0.0
    assert not prior[0, 4:].any()


def test_slower_is_less_and_no_walk_is_nothing():
    phases = np.array([0.3, 0.3, np.nan])
    prior = timing_prior(MUSCLES, phases, phases, np.array([1.2, 0.6, 1.2]), LEVEL)
    assert prior[1, 0] == pytest.approx(0.5 * prior[0, 0]) and not prior[2].any()


def test_phase_between_strikes():
    phase = stride_phase(np.array([0.0, 0.5, 1.0, 1.75, 5.0]), (0.5, 1.5, 2.5, 9.0))
    assert np.isnan(phase[[0, 4]]).all()
    np.testing.assert_allclose(phase[1:4], (0.0, 0.5, 0.25))
