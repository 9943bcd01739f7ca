"""Every comparison with people, one by one, for the JSON file."""

import json
from types import SimpleNamespace
from typing import Any

import numpy as np

from kinesis_control.evaluate.emg_recordings import EmgRecording
from kinesis_control.evaluate.emg_table import emg_table
from kinesis_control.evaluate.gait_cycles import LegGait
from kinesis_control.evaluate.time_base import POINTS, TimeBase

WAVE = 0.5 + 0.5 * np.sin(2.0 * np.pi * np.arange(POINTS) / POINTS)


def leg(side: str, cycles: int) -> LegGait:
    mean = {base: np.stack([WAVE, np.zeros(POINTS)]) for base in TimeBase} if cycles else {}
    ones = np.full(cycles, 1.0)
    return LegGait(
        side=side, muscles=("soleus", "tibant"), cycles=cycles, outliers=0, rejected={}, durations_s=ones, stance_shares=0.6 * ones, speeds=ones, mean=mean,
        deviation=mean,
    )  # fmt: skip


def person(name: str, envelope: Any) -> EmgRecording:
    return EmgRecording(person=name, electrodes=("soleus", "tibialis_anterior"), envelope=np.stack([envelope, WAVE]), base=TimeBase.PLAIN)


def test_each_person_and_side_stands_for_itself() -> None:
    life: Any = SimpleNamespace(source="walk", legs=(leg("right", 3), leg("left", 0)))
    table = emg_table([life], [person("same", WAVE), person("late", np.roll(WAVE, POINTS // 4)), person("opposite", 1.0 - WAVE)])
    json.dumps(table, allow_nan=False)
    assert len(table) == 2 * 2 * 2  # bases, electrodes, sides
    by = {(e["base"], e["electrode"], e["side"]): e for e in table}
    soleus = by["plain", "soleus", "right"]
    assert soleus["people"] == ["same", "late", "opposite"]
    assert np.allclose(soleus["r"], [1.0, 0.0, -1.0], atol=1e-6) and soleus["lag"] == [0.0, -25.0, 50.0]
    assert soleus["rmse"][0] == 0.0
    assert by["piecewise", "soleus", "right"]["lag"] == [None] * 3
    assert "no gait cycle" in by["plain", "soleus", "left"]["missing"]
    assert "flat" in by["plain", "tibialis_anterior", "right"]["missing"]
    assert emg_table([life], []) == []
