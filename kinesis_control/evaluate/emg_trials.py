"""One walking trial of a person in OpenSim's storage format (.sto): muscle signals over time, cut into cycles by events
given or found.

Events are found in the joint angles of the same trial: a leg's heel strike is where its ankle is furthest in front of
the hip, its toe off where it is furthest behind (Zeni, Richards & Higginson 2008, Gait Posture 27:710, who take heel
and toe markers relative to the pelvis). The ankle comes from a planar leg of equal thigh and shank. A trial that holds
a single strike of the leg and one of the other leg gives one cycle by symmetry: a stride is two steps."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import ConfigurationError, UnavailableError, UnknownNameError
from kinesis_control.evaluate.electrodes import find_electrode
from kinesis_control.evaluate.emg_recordings import EmgRecording, read_recordings
from kinesis_control.evaluate.time_base import TimeBase, resample, sample_times

Array = NDArray[np.float64]

HIGH_PASS_HZ, LOW_PASS_HZ, ORDER = 50.0, 20.0, 4
RAW_SHARE = 0.1
"""A signal that goes this share of its peak below zero is raw; the ringing of a filter stays below."""
LEAST_EVENT_DISTANCE_S = 0.4
STORAGE = (".sto", ".mot")


@dataclass(frozen=True, kw_only=True)
class StepEvents:
    """Events of one leg. Attributes: heel_strikes, toe_offs [s], rising; note, how they were found."""

    heel_strikes: tuple[float, ...]
    toe_offs: tuple[float, ...]
    note: str = "events given"


def read_storage(path: Path | str) -> tuple[Array, dict[str, Array]]:
    """A .sto or .mot file: times, shape (T,) [s], and every other column by name; of a path such as
    "/jointset/hip_r/hip_flexion_r/value" the coordinate. Where the header says degrees, everything but translations is
    turned into radians.

    Raises:
        UnavailableError: the file is missing or not of this format.
    """
    file = Path(path)
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        head = next(i for i, line in enumerate(lines) if line.strip().lower() == "endheader")
        names = lines[head + 1].split()
        values = np.array([line.split() for line in lines[head + 2 :] if line.strip()], dtype=float)
    except (OSError, UnicodeDecodeError, StopIteration, IndexError, ValueError) as error:
        raise UnavailableError(f"{file} is no readable storage file: {type(error).__name__}: {error}") from error
    if values.ndim != 2 or values.shape[1] != len(names) or names[0] != "time" or len(values) < 2 or np.any(np.diff(values[:, 0]) <= 0.0):
        raise UnavailableError(f"{file}: got {len(names)} names and values of shape {values.shape}, expected rising 'time' and one column per name")
    short = [n.split("/")[-2] if n.startswith("/") and n.endswith(("/value", "/speed")) else n for n in names]
    degrees = any(line.replace(" ", "").lower() == "indegrees=yes" for line in lines[:head])
    scale = {n: np.pi / 180.0 for n in short if degrees and not n.endswith(("_tx", "_ty", "_tz"))}
    return values[:, 0], {n: values[:, i] * scale.get(n, 1.0) for i, n in enumerate(short) if i}


def read_trial(
    path: Path | str, *, events: StepEvents | None = None, coordinates: Path | str | None = None, side: str = "right", person: str = ""
) -> EmgRecording:
    """Mean envelopes over the cycles of a trial, on the plain base.

    Args:
        path: storage file of muscle signals, raw or envelopes; columns that are no electrode are passed over.
        events: of the leg that the electrodes are on; None to find them in the coordinates.
        coordinates: storage file of the joint angles of the same trial.
        side: "right" or "left", the leg that the electrodes are on.
        person: who; the file's name by default.

    Raises:
        UnavailableError: a file is not readable, or no cycle is found.
        ConfigurationError: neither events nor coordinates were given.
    """
    if events is None and coordinates is None:
        raise ConfigurationError(f"{path}: give heel strikes and toe offs, or the coordinates of the same trial to find them in")
    found = events if events is not None else find_events(*read_storage(coordinates or path), side)
    times, columns = read_storage(path)
    signals = _electrodes(columns)
    if not signals:
        raise UnavailableError(f"{path} has no column that is an electrode; it has: {', '.join(columns)}")
    values = np.stack([as_envelope(s, times) for s in signals.values()], axis=1)
    cycles, shares = [], []
    for start, end in zip(found.heel_strikes, found.heel_strikes[1:], strict=False):
        off = [t for t in found.toe_offs if start < t < end]
        if not off or start < times[0] or end > times[-1]:
            continue
        cycles.append(resample(times, values, start + (end - start) * sample_times(TimeBase.PLAIN, 0.5)))
        shares.append((off[0] - start) / (end - start))
    if not cycles:
        raise UnavailableError(f"{path}: no whole cycle of the {side} leg between {times[0]:.2f} and {times[-1]:.2f} s; {found.note}")
    return EmgRecording(
        person=person or Path(path).stem, electrodes=tuple(signals), envelope=np.mean(cycles, axis=0).T, base=TimeBase.PLAIN,
        stance_share=float(np.mean(shares)), source=f"{Path(path).name}: {len(cycles)} cycle(s), {found.note}",
    )  # fmt: skip


def read_people(files: Iterable[Path | str]) -> list[EmgRecording]:
    """Recordings of many files of any kind. A storage file of joint angles gives the events of the storage files of muscles beside it.

    Raises:
        UnavailableError: a file is not readable, holds no electrode, or there are angles of several trials or none for a trial.
    """
    paths = [Path(f) for f in files]
    storage = {p: read_storage(p)[1] for p in paths if p.suffix in STORAGE}
    angles = [p for p, columns in storage.items() if "pelvis_tilt" in columns]
    trials = [p for p in storage if p not in angles]
    if trials and len(angles) != 1:
        given = ", ".join(map(str, angles)) or "none"
        raise UnavailableError(f"{', '.join(map(str, trials))}: got joint angles of {given}, expected one file of the same trial to find its events in")
    recordings = [r for p in paths if p not in storage for r in read_recordings(p)]
    return recordings + [read_trial(p, coordinates=angles[0]) for p in trials]


def find_events(times: Array, coordinates: dict[str, Array], side: str) -> StepEvents:
    """Heel strikes and toe offs of a leg in joint angles [rad].

    Raises:
        UnavailableError: a coordinate that is needed is not there.
    """
    own, other = ("r", "l") if side == "right" else ("l", "r")
    ahead = {s: _ankle_ahead(coordinates, s) for s in (own, other)}
    strikes, offs = _peaks(times, ahead[own]), _peaks(times, -ahead[own])
    note = "events found in the joint angles"
    if len(strikes) == 1 and (across := _peaks(times, ahead[other])):
        step = min((t - strikes[0] for t in across), key=abs)
        strikes = sorted([strikes[0], strikes[0] + 2.0 * step])
        note += "; one strike of the leg was recorded, the other follows from symmetry"
    return StepEvents(heel_strikes=tuple(strikes), toe_offs=tuple(offs), note=note)


def as_envelope(signal: Array, times: Array) -> Array:
    """A signal as an envelope: raw ones are high-passed, rectified and low-passed without phase (50 and 20 Hz,
    Butterworth of order 4 to and fro).
    """
    if signal.min() > -RAW_SHARE * signal.max():
        return np.maximum(signal, 0.0)
    at = np.linspace(times[0], times[-1], len(times))
    even = np.interp(at, times, signal)
    rectified = np.abs(even - _low_passed(even, at, HIGH_PASS_HZ))
    return np.interp(times, at, np.maximum(_low_passed(rectified, at, LOW_PASS_HZ), 0.0))


def _low_passed(signal: Array, times: Array, cut_hz: float) -> Array:
    """Squared Butterworth response, which is what filtering to and fro gives, in the frequency domain; ends are mirrored."""
    padded = np.concatenate([signal[::-1], signal, signal[::-1]])
    frequency = np.fft.rfftfreq(len(padded), times[1] - times[0])
    gain = 1.0 / (1.0 + (frequency / cut_hz) ** (2 * ORDER))
    filtered: Array = np.fft.irfft(np.fft.rfft(padded) * gain, len(padded))[len(signal) : 2 * len(signal)]
    return filtered


def _ankle_ahead(coordinates: dict[str, Array], side: str) -> Array:
    """How far the ankle is in front of the hip, in thigh lengths; knee flexion counts as positive whatever sign the model gives it."""
    needed = ("pelvis_tilt", f"hip_flexion_{side}", f"knee_angle_{side}")
    missing = [n for n in needed if n not in coordinates]
    if missing:
        raise UnavailableError(f"coordinates {missing} are not there; got: {', '.join(coordinates)}")
    tilt, hip, knee = (coordinates[n] for n in needed)
    ahead: Array = np.sin(tilt + hip) + np.sin(tilt + hip - np.abs(knee))
    return ahead


def _peaks(times: Array, values: Array) -> list[float]:
    """Times of the maxima above the mean that are the largest within `LEAST_EVENT_DISTANCE_S` on both sides; the ends
    of the record are none.
    """
    result = []
    for i in range(1, len(values) - 1):
        near = np.abs(times - times[i]) <= LEAST_EVENT_DISTANCE_S
        if values[i] > values.mean() and values[i] >= values[near].max() and values[i] > values[i - 1]:
            result.append(float(times[i]))
    return result


def _electrodes(columns: dict[str, Array]) -> dict[str, Array]:
    result = {}
    for name, values in columns.items():
        try:
            result[find_electrode(name).name] = values
        except UnknownNameError:
            continue
    return result
