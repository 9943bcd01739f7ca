"""Trials in OpenSim's storage format: reading, finding events, making envelopes, cutting cycles."""

from pathlib import Path

import numpy as np
import pytest

from kinesis_control.errors import ConfigurationError, UnavailableError
from kinesis_control.evaluate.emg_trials import StepEvents, as_envelope, find_events, read_people, read_storage, read_trial

SHARED = Path(__file__).resolve().parents[4] / "shared/data/emg"


def write(path: Path, times: np.ndarray, columns: dict[str, np.ndarray], head: str = "inDegrees=no") -> Path:
    rows = ["\t".join(f"{v:.9g}" for v in row) for row in np.column_stack([times, *columns.values()])]
    path.write_text("\n".join(["A trial", head, f"nRows={len(times)}", "endheader", "\t".join(["time", *columns]), *rows]), encoding="utf-8")
    return path


def legs(times: np.ndarray, period: float = 1.0) -> dict[str, np.ndarray]:
    """Straight legs that swing: the right ankle is furthest ahead at whole periods, the left half a period later."""
    swing = 0.4 * np.cos(2.0 * np.pi * times / period)
    zero = np.zeros_like(times)
    return {"pelvis_tilt": zero, "hip_flexion_r": swing, "knee_angle_r": zero, "hip_flexion_l": -swing, "knee_angle_l": zero}


def test_coordinates_are_named_by_their_last_part_and_come_in_radians(tmp_path: Path) -> None:
    t = np.arange(5) * 0.1
    path = write(tmp_path / "a.sto", t, {"/jointset/hip_r/hip_flexion_r/value": t * 180.0, "pelvis_tx": t}, head="inDegrees = yes")
    times, columns = read_storage(path)
    assert times == pytest.approx(t)
    assert columns["hip_flexion_r"] == pytest.approx(np.pi * t, rel=1e-6)
    assert columns["pelvis_tx"] == pytest.approx(t)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no header", "StopIteration"),
        ("endheader", "IndexError"),
        ("endheader\ntime\ta\n0\t1\n1\n", "ValueError"),
        ("endheader\ntime\ta\n1\t1\n0\t1\n", "rising 'time'"),
        ("endheader\nt\ta\n0\t1\n1\t1\n", "rising 'time'"),
    ],
)
def test_what_is_no_storage_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "a.sto").write_text(text, encoding="utf-8")
    with pytest.raises(UnavailableError, match=said):
        read_storage(tmp_path / "a.sto")


def test_events_are_where_the_ankle_turns_round() -> None:
    t = np.arange(0.0, 3.3, 0.005) + 0.2
    right, left = find_events(t, legs(t), "right"), find_events(t, legs(t), "left")
    assert right.heel_strikes == pytest.approx((1.0, 2.0, 3.0))
    assert right.toe_offs == pytest.approx((0.5, 1.5, 2.5))
    assert left.heel_strikes == pytest.approx((0.5, 1.5, 2.5))


def test_a_missing_strike_follows_from_symmetry_and_is_said() -> None:
    t = np.arange(0.3, 1.4, 0.005)
    found = find_events(t, legs(t), "right")
    assert found.heel_strikes == pytest.approx((0.0, 1.0))
    assert "symmetry" in found.note


def test_events_need_their_coordinates() -> None:
    t = np.arange(10) * 0.1
    with pytest.raises(UnavailableError, match="knee_angle_r"):
        find_events(t, {"pelvis_tilt": t, "hip_flexion_r": t, "hip_flexion_l": t, "knee_angle_l": t}, "right")


def test_cycles_are_cut_and_averaged(tmp_path: Path) -> None:
    """Two cycles of a signal that is the share of the cycle, the second one twice as high; what is no electrode is passed over."""
    t = np.arange(0.0, 3.0, 0.002)
    share = t % 1.0
    path = write(tmp_path / "emg.sto", t, {"soleus_r": share * np.where(t < 1.5, 1.0, 2.0), "trigger": share})
    events = StepEvents(heel_strikes=(0.5, 1.5, 2.5), toe_offs=(1.1, 2.1))
    trial = read_trial(path, events=events, person="ann")
    assert (trial.person, trial.electrodes, trial.stance_share) == ("ann", ("soleus",), pytest.approx(0.6))
    assert "2 cycle(s), events given" in trial.source
    assert trial.envelope[0, 0] == pytest.approx((0.5 + 1.0) / 2.0, abs=1e-2)
    assert trial.envelope[0, 60] == pytest.approx((0.8 + 1.6) / 2.0, abs=1e-2)


def test_a_trial_without_events_or_cycles_is_refused(tmp_path: Path) -> None:
    t = np.arange(0.0, 1.0, 0.01)
    path = write(tmp_path / "emg.sto", t, {"soleus": t})
    with pytest.raises(ConfigurationError, match="give heel strikes"):
        read_trial(path)
    with pytest.raises(UnavailableError, match="no whole cycle"):
        read_trial(path, events=StepEvents(heel_strikes=(0.5, 1.5), toe_offs=(1.1,)))
    other = write(tmp_path / "other.sto", t, {"trigger": t})
    with pytest.raises(UnavailableError, match="it has: trigger"):
        read_trial(other, events=StepEvents(heel_strikes=(0.1, 0.9), toe_offs=(0.5,)))


def test_many_files_share_the_angles_beside_them(tmp_path: Path) -> None:
    t = np.arange(0.2, 3.3, 0.005)
    angles = write(tmp_path / "angles.mot", t, legs(t))
    emg = write(tmp_path / "emg.sto", t, {"soleus": t % 1.0})
    columns = ",".join(map(str, range(20)))
    (tmp_path / "more.csv").write_text(f"person,electrode,base,stance_share,{columns}\nann,soleus,plain,,{columns}\n", encoding="utf-8")
    found = read_people([emg, tmp_path / "more.csv", angles])
    assert [r.person for r in found] == ["ann", "emg"]
    assert found[1].envelope[0, 100] == pytest.approx(0.5, abs=1e-2)
    with pytest.raises(UnavailableError, match="got joint angles of none, expected one"):
        read_people([emg])


def test_raw_signals_become_envelopes_and_envelopes_stay() -> None:
    """Noise whose strength rises and falls twice: the envelope follows the strength; movement of the cable below 50 Hz is gone."""
    t = np.arange(0.0, 4.0, 0.001)
    strength = 1.0 + np.sin(2.0 * np.pi * 0.5 * t)
    raw = strength * np.random.default_rng(0).normal(size=t.size) + 5.0 * np.sin(2.0 * np.pi * 2.0 * t)
    envelope = as_envelope(raw, t)
    assert envelope.min() >= 0.0
    assert np.corrcoef(envelope, strength)[0, 1] > 0.9
    assert abs(np.corrcoef(envelope, np.abs(np.sin(2.0 * np.pi * 2.0 * t)))[0, 1]) < 0.1
    ready = strength - 0.05
    assert as_envelope(ready, t) == pytest.approx(np.maximum(ready, 0.0))


@pytest.mark.skipif(not (SHARED / "moco_coordinates.sto").exists(), reason="the walking trial is not in ../shared/data/emg")
def test_a_recorded_trial_gives_the_cycle_of_a_person() -> None:
    """Ten muscles of one person: stance near 62 %, soleus late in stance, tibialis anterior at heel strike."""
    trial = read_trial(SHARED / "moco_example3DWalking_electromyography.sto", coordinates=SHARED / "moco_coordinates.sto")
    assert len(trial.electrodes) == 10 and "symmetry" in trial.source
    assert trial.stance_share == pytest.approx(0.62, abs=0.02)
    peak = {e: int(row.argmax()) / 2 for e, row in zip(trial.electrodes, trial.envelope, strict=True)}
    assert 40 < peak["soleus"] < 60 and 35 < peak["gastrocnemius"] < 55
    assert peak["tibialis_anterior"] < 15 and peak["vastus_lateralis"] < 25
