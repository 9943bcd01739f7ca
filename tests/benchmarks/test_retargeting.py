"""benchmarks/retargeting.py: which recording belongs to which row of the table."""

from pathlib import Path

import pytest

pytest.importorskip("mink", reason="mink is not installed (extra: motions)")

from benchmarks.retargeting import GROUPS, group_of, spread


@pytest.mark.parametrize(
    ("path", "group"),
    [
        ("accad/Male1_B3_Walk.bvh", "ACCAD: walks"), ("accad/Male1_B16_WalkTrunChange.bvh", "ACCAD: walks"), ("accad/Male1_C03_Run.bvh", "ACCAD: runs"),
        ("accad/Male1_C26_RunToCrouch.bvh", "ACCAD: skips"), ("cmu_walk/35/35_02.amc", "CMU: walks"), ("cmu_run/02/02_03.amc", "CMU: run"),
        ("cmu_kick/11_01.amc", "CMU: kick"), ("bandai/dataset-2_walk-turn-left_normal_001.bvh", "Bandai Namco: walks"),
        ("bandai/dataset-1_dash_normal_001.bvh", "Bandai Namco: runs"),
    ],
)  # fmt: skip
def test_every_recording_has_its_row(path: str, group: str) -> None:
    found = group_of(Path("data") / path)
    assert found is not None and GROUPS[found][0].startswith(group)


def test_other_files_have_none() -> None:
    assert group_of(Path("data/mine/hop.bvh")) is None


def test_a_few_are_taken_evenly() -> None:
    paths = [Path(f"{i}.bvh") for i in range(10)]
    assert spread(paths, 3) == [paths[0], paths[4], paths[9]]
    assert spread(paths, 20) == paths
