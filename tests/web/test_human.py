"""What people do, as the page gets it."""

import json

import numpy as np
import pytest

from kinesis_control.evaluate.emg_recordings import EmgRecording
from kinesis_control.evaluate.emg_timing import TIMINGS
from kinesis_control.evaluate.time_base import TimeBase
from kinesis_sim.viewer.human import BAND_POINTS, human_facts

MUSCLES = ("soleus_r", "soleus_l", "gasmed_r", "gasmed_l", "glmax2_r", "glmax2_l", "abdomen")


def person(name, *electrodes, shift=0.0):
    """A bump in mid-cycle on every electrode, later by a share of the cycle."""
    bump = np.exp(-200.0 * (np.arange(200) / 200 - 0.5 - shift) ** 2)
    return EmgRecording(person=name, electrodes=electrodes, envelope=np.tile(3.0 * bump + 1.0, (len(electrodes), 1)), base=TimeBase.PLAIN)


def test_without_recordings_there_are_published_times_alone():
    facts = human_facts(MUSCLES)
    assert facts["sides"] == ["right", "left"] * 3 + [""]
    assert facts["bands"] == [] and facts["band_of"] == [-1] * 7
    names = [TIMINGS[i].name if i >= 0 else "" for i in facts["timing_of"]]
    assert names == ["soleus"] * 2 + ["gastrocnemius"] * 2 + ["gluteus_maximus"] * 2 + [""]
    assert facts["timings"][facts["timing_of"][0]]["on"] == next(t.on for t in TIMINGS if t.name == "soleus")


def test_a_band_is_the_mean_of_people_scaled_to_their_own_range():
    facts = human_facts(MUSCLES, [person("a", "soleus"), person("b", "soleus", "gastrocnemius_medialis", shift=0.1)])
    band = facts["bands"][facts["band_of"][0]]
    assert facts["band_of"][0] == facts["band_of"][1] and band["name"] == "soleus" and band["people"] == 2
    assert len(band["middle"]) == len(band["spread"]) == BAND_POINTS
    assert 50 <= 100 * int(np.argmax(band["middle"])) / BAND_POINTS <= 60
    assert max(band["middle"]) < 1.0 and max(band["spread"]) > 0.1
    assert facts["bands"][facts["band_of"][2]]["people"] == 1
    json.dumps(facts, allow_nan=False)


def test_an_electrode_over_one_muscle_goes_before_one_over_several():
    both, own = person("a", "gastrocnemius"), person("b", "gastrocnemius_medialis")
    facts = human_facts(MUSCLES, [both, own])
    assert facts["bands"][facts["band_of"][2]]["name"] == "gastrocnemius_medialis"
    facts = human_facts(MUSCLES, [both])
    assert facts["bands"][facts["band_of"][2]]["name"] == "gastrocnemius"


def test_a_silent_channel_gives_no_band():
    silent = EmgRecording(person="a", electrodes=("soleus",), envelope=np.full((1, 200), 0.2), base=TimeBase.PLAIN)
    assert human_facts(MUSCLES, [silent])["bands"] == []


@pytest.mark.parametrize("name", ["soleus_r", "glmax2_l"])
def test_the_muscles_of_the_shipped_body_are_known(name):
    pytest.importorskip("mujoco")
    from kinesis_sim.bodies import load_body

    names = load_body("legs80").description.muscles.names
    facts = human_facts(names, [person("a", "soleus", "gluteus_maximus")])
    assert facts["band_of"][names.index(name)] >= 0 and facts["timing_of"][names.index(name)] >= 0
