"""Real recordings, where the folder with them is present: each is read, and shows a person of plausible size."""

from pathlib import Path

import numpy as np
import pytest

from kinesis_control.motion.readers import find_motions, read_motion
from kinesis_control.motion.resample import resample

FOLDER = Path(__file__).parents[4] / "shared" / "data" / "motion"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="no recordings in ../shared/data/motion")


@pytest.mark.parametrize(("folder", "files"), [("accad", 42), ("bandai", 63), ("cmu_kick", 1), ("cmu_run", 1)])
def test_every_recording_is_read_without_a_problem(folder: str, files: int) -> None:
    paths = find_motions(FOLDER / folder)
    assert len(paths) == files
    for path in paths:
        motion = read_motion(path)
        assert not motion.problems, path.name
        assert_is_a_person(motion)


def test_every_cmu_walk_is_read() -> None:
    for path in find_motions(FOLDER / "cmu_walk"):
        motion = read_motion(path)
        assert (motion.units, motion.up, motion.rate_hz) == ("inch", "y", 120.0), path.name
        assert_is_a_person(motion)


def assert_is_a_person(motion) -> None:
    at = {role: motion.position[:, motion.joint(role)] for role in ("pelvis", "head", *(f"{r}_{s}" for r in ("hip", "knee", "ankle", "toe") for s in "lr"))}
    for s in "lr":
        thigh = np.linalg.norm(at[f"hip_{s}"] - at[f"knee_{s}"], axis=1)
        shank = np.linalg.norm(at[f"knee_{s}"] - at[f"ankle_{s}"], axis=1)
        assert 0.3 < np.median(thigh) < 0.5, motion.name
        assert 0.3 < np.median(shank) < 0.55, motion.name
        assert np.ptp(thigh) < 1e-3, motion.name
        assert np.median(at[f"ankle_{s}"][:, 2]) < np.median(at[f"knee_{s}"][:, 2]) < np.median(at[f"hip_{s}"][:, 2]), motion.name
        assert -0.12 < at[f"toe_{s}"][:, 2].min() < 0.12, motion.name
    assert 0.5 < np.median(at["pelvis"][:, 2]) < 1.2, motion.name
    assert np.median(at["head"][:, 2]) > np.median(at["pelvis"][:, 2]) + 0.1, motion.name
    assert 0.1 < np.median(np.linalg.norm(at["hip_l"] - at["hip_r"], axis=1)) < 0.35, motion.name


@pytest.mark.parametrize("path", ["accad/Male1_B3_Walk.bvh", "cmu_walk/07/07_01.amc"])
def test_resampling_keeps_the_speed(path: str) -> None:
    motion = read_motion(FOLDER / path)
    for rate in (40.0, 100.0):
        other = resample(motion, rate)
        frames = min(other.frames - 1, int((motion.frames - 1) / motion.rate_hz * rate))
        time = frames / rate
        ends = [m.position[[0, round(time * m.rate_hz)], m.joint("pelvis"), :2] for m in (motion, other)]
        speeds = [float(np.linalg.norm(e[1] - e[0])) / time for e in ends]
        assert speeds[1] == pytest.approx(speeds[0], rel=0.01)
