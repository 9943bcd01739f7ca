"""Real recordings, where the folder with them is present: a walk and a run, each calibrated on itself alone."""

from pathlib import Path

import pytest

from kinesis_control.motion.readers import read_motion
from kinesis_sim.retarget import Retargeter

DATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "motion"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no recordings in ../shared/data/motion")


@pytest.mark.parametrize(("path", "error_mm", "skate_mm_s"), [("cmu_walk/07/07_01.amc", 12.0, 15.0), ("cmu_run/02/02_03.amc", 10.0, 30.0)])
def test_a_recorded_step_is_planted(body_of, path: str, error_mm: float, skate_mm_s: float) -> None:
    clip = Retargeter.of(body_of("legs80")).retarget(read_motion(DATA / path))
    assert clip.report["key_body_error_mm"] < error_mm
    assert clip.report["foot_skate_mm_s"] < skate_mm_s
    assert clip.report["penetration_mm"] < 5.0
    assert clip.report["tendon_jumps"] < 0.03
