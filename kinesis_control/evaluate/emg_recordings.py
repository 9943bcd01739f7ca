"""Recordings of people's muscles over the gait cycle, and the files they come in: npz, CSV and JSON (OpenSim storage:
emg_trials.py).

npz     arrays "envelope" (people, electrodes, points), "muscles" (electrodes), "subjects" (people): the treadmill set
        of musclesyneRgies. The first half of the points is stance, the other half swing
CSV     a header "person,electrode,base,stance_share,0,1,...", then one line per person and electrode: base "plain" or
        "piecewise", stance share 0..1 or empty where it is not known, and one value per point. Lines that begin with #
        are remarks. Electrodes by name, code or alias (electrodes.py)
JSON    {set: {condition: {channel: {axis: [[percent, low, high], ...]}}}} as normative sets are kept, low and high
        being mean - SD and mean + SD; the middle is taken, one recording a condition. Channels whose name is no
        electrode (joint angles, moments) are passed over
"""

import csv
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import UnavailableError, UnknownNameError
from kinesis_control.evaluate.electrodes import find_electrode
from kinesis_control.evaluate.time_base import HUMAN_STANCE_SHARE, POINTS, TimeBase, rebase

Array = NDArray[np.float64]

LEAST_POINTS = 20


@dataclass(frozen=True, kw_only=True)
class EmgRecording:
    """Mean envelopes of one person, or of one condition of a set.

    Attributes:
        person: who, or which condition.
        electrodes: names as in the electrode table, each once.
        envelope: shape (n_electrodes, points), any scale.
        base: how the points lie in the cycle.
        stance_share: of the person's cycle; None where it is not known (then the usual share is taken to change the
            base).
        source: file and how the cycle was found.
    """

    person: str
    electrodes: tuple[str, ...]
    envelope: Array
    base: TimeBase
    stance_share: float | None = None
    source: str = ""

    def __post_init__(self) -> None:
        problem = ""
        if self.envelope.ndim != 2 or self.envelope.shape[0] != len(self.electrodes) or self.envelope.shape[1] < LEAST_POINTS:
            problem = f"an array of shape {self.envelope.shape} for {len(self.electrodes)} electrodes and at least {LEAST_POINTS} points"
        elif not np.isfinite(self.envelope).all():
            problem = f"values that are not finite at {[e for e, row in zip(self.electrodes, self.envelope, strict=True) if not np.isfinite(row).all()]}"
        elif len(set(self.electrodes)) < len(self.electrodes):
            problem = f"an electrode twice: {list(self.electrodes)}"
        elif self.base is TimeBase.PIECEWISE and self.envelope.shape[1] % 2:
            problem = f"{self.envelope.shape[1]} points; the piecewise base needs an even number"
        elif self.stance_share is not None and not 0.0 < self.stance_share < 1.0:
            problem = f"a stance share of {self.stance_share}, expected 0..1"
        if problem:
            raise UnavailableError(f"recording of '{self.person}' in {self.source or 'memory'}: got {problem}")

    def on(self, base: TimeBase) -> Array:
        """Envelopes on a time base, shape (n_electrodes, POINTS)."""
        return rebase(self.envelope, self.base, base, self.stance_share or HUMAN_STANCE_SHARE)


def read_recordings(path: Path | str) -> list[EmgRecording]:
    """Every recording of a file, by its ending.

    Raises:
        UnavailableError: the file is missing, of another kind, or damaged.
    """
    file = Path(path)
    readers = {".npz": _read_npz, ".csv": _read_csv, ".json": _read_json}
    if file.suffix == ".sto":
        raise UnavailableError(f"{file} holds a trial, not a cycle: give it with its events or with the coordinates of the same trial (emg_trials.read_trial)")
    if file.suffix not in readers:
        raise UnavailableError(f"{file}: got a file of kind '{file.suffix}', expected one of {', '.join(readers)}")
    try:
        recordings = readers[file.suffix](file)
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, csv.Error, UnknownNameError) as error:
        raise UnavailableError(f"{file} is no readable set of recordings: {type(error).__name__}: {error}") from error
    if not recordings:
        raise UnavailableError(f"{file} holds no recording of an electrode")
    return recordings


def _read_npz(file: Path) -> list[EmgRecording]:
    with np.load(file, allow_pickle=False) as data:
        envelope, muscles, people = np.asarray(data["envelope"], dtype=float), data["muscles"].tolist(), data["subjects"].tolist()
    if envelope.shape[:2] != (len(people), len(muscles)):
        raise ValueError(f"got envelopes of shape {envelope.shape} for {len(people)} people and {len(muscles)} electrodes")
    names = tuple(find_electrode(str(m)).name for m in muscles)
    return [EmgRecording(person=str(p), electrodes=names, envelope=e, base=TimeBase.PIECEWISE, source=file.name) for p, e in zip(people, envelope, strict=True)]


def _read_csv(file: Path) -> list[EmgRecording]:
    fixed = ["person", "electrode", "base", "stance_share"]
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(line for line in stream if line.strip() and not line.startswith("#")))
    if not rows or [c.strip() for c in rows[0][:4]] != fixed:
        raise ValueError(f"got the header {rows[0][:4] if rows else []}, expected {fixed} and one column per point")
    people: dict[str, list[list[str]]] = {}
    for row in rows[1:]:
        if len(row) != len(rows[0]):
            raise ValueError(f"line of '{row[0]}': got {len(row)} columns, expected {len(rows[0])}")
        people.setdefault(row[0].strip(), []).append(row)
    return [_person(file, person, lines) for person, lines in people.items()]


def _person(file: Path, person: str, rows: list[list[str]]) -> EmgRecording:
    bases, shares = {r[2].strip() for r in rows}, {r[3].strip() for r in rows}
    if len(bases) > 1 or len(shares) > 1:
        raise ValueError(f"'{person}' has more than one base or stance share: {sorted(bases)}, {sorted(shares)}")
    share = shares.pop()
    return EmgRecording(
        person=person, electrodes=tuple(find_electrode(r[1]).name for r in rows), envelope=np.array([[float(v) for v in r[4:]] for r in rows]),
        base=TimeBase(bases.pop()), stance_share=float(share) if share else None, source=file.name,
    )  # fmt: skip


def _read_json(file: Path) -> list[EmgRecording]:
    found, passed_over = [], set()
    for name, conditions in json.loads(file.read_text(encoding="utf-8")).items():
        for condition, channels in conditions.items():
            envelopes: dict[str, Array] = {}
            for channel, axes in channels.items():
                try:
                    envelopes[find_electrode(channel).name] = _middle(axes)
                except UnknownNameError:
                    passed_over.add(channel)
            if envelopes:
                rows = np.stack(list(envelopes.values()))
                found.append(EmgRecording(person=f"{name} {condition}", electrodes=tuple(envelopes), envelope=rows, base=TimeBase.PLAIN, source=file.name))
    if not found:
        raise UnavailableError(f"{file} has no channel that is an electrode; it has: {', '.join(sorted(passed_over)) or 'none'}")
    return found


def _middle(axes: Any) -> Array:
    """Mean of low and high of the first axis that is not all zero; the last point, which is the next cycle's first, is left out."""
    series = [np.array(rows, dtype=float) for rows in (axes.values() if isinstance(axes, dict) else [axes])]
    rows = next((s for s in series if np.any(s[:, 1:])), series[0])
    if rows.shape[1] != 3 or np.any(np.diff(rows[:, 0]) <= 0.0):
        raise ValueError(f"expected lines of rising percent, low and high; got an array of shape {rows.shape}")
    result: Array = rows[:, 1:].mean(axis=1)
    return result[:-1] if rows[-1, 0] >= 100.0 else result


def people_of(recordings: Sequence[EmgRecording], electrode: str, base: TimeBase) -> tuple[list[str], Array]:
    """Who has an electrode, and the envelopes: shape (people, POINTS)."""
    having = [r for r in recordings if electrode in r.electrodes]
    rows = [r.on(base)[r.electrodes.index(electrode)] for r in having]
    return [r.person for r in having], np.array(rows).reshape(len(rows), POINTS)
