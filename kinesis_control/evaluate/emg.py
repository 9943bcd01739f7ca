"""Muscle activity of a body against people's: correlation, error, lag, what people reach among themselves, and a check
against chance.

Both sides of the body are compared with each person, electrode by electrode, on the mean envelope over the gait cycle.
    r           Pearson correlation of two envelopes
    RMSE        root mean square difference after each envelope was moved and scaled to 0..1 over the cycle
    lag         circular shift at which the body's envelope correlates best with the person's, -50..50 % of the cycle,
                positive when the body is late; on the plain base only, for the piecewise one has no even time
    ceiling     mean r between pairs of people, by the same code: what a body would reach that walks like one more
                person. A body that walked like the mean of all people would reach more ("ceiling_of_mean": each person
                against the mean of the others)
    shift test  r of the mean over people, electrodes and legs when all of the body's envelopes are shifted around the
                cycle together: p is the share of the 200 shifts (with none among them) whose r is at least that of no
                shift. Envelopes are smooth, so neighbours of zero count too: p near 0.05 is a sharp fit
The mean over electrodes is taken for each person, then over people; its interval is that over people, for this one body
and this one recording of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinesis_control.evaluate.electrodes import ELECTRODES, Electrode, under
from kinesis_control.evaluate.emg_recordings import EmgRecording, people_of
from kinesis_control.evaluate.figure import Figure
from kinesis_control.evaluate.gait_cycles import LegGait
from kinesis_control.evaluate.statistics import mean_figure
from kinesis_control.evaluate.time_base import TimeBase

Array = NDArray[np.float64]

FLAT = 1e-3
"""An envelope whose range is below this (activation 0..1) has no shape to compare."""


@dataclass(frozen=True, kw_only=True)
class MuscleMatch:
    """One electrode on one side of the body against everybody who has it.

    Attributes:
        electrode: name in the electrode table.
        side: "right" or "left".
        people: who, in the order of the arrays.
        envelope: of the body, shape (POINTS,); empty when missing.
        human: of the people, shape (people, POINTS).
        r, rmse: shape (people,).
        lag: shape (people,) [% of the cycle], positive when the body is late; NaN on the piecewise base.
        shifted_r: mean r over people at each shift of the body's envelope, shape (POINTS,).
        missing: why there is nothing to compare; empty when there is.
    """

    electrode: str
    side: str
    people: tuple[str, ...]
    envelope: Array
    human: Array
    r: Array
    rmse: Array
    lag: Array
    shifted_r: Array
    missing: str = ""


@dataclass(frozen=True, kw_only=True)
class EmgComparison:
    """A body against recordings on one time base. Attributes: base; matches, by electrode, then side; recordings, against which."""

    base: TimeBase
    matches: tuple[MuscleMatch, ...]
    recordings: tuple[EmgRecording, ...]

    def of(self, electrode: str) -> list[MuscleMatch]:
        """The sides of an electrode that could be compared."""
        return [m for m in self.matches if m.electrode == electrode and not m.missing]

    @property
    def electrodes(self) -> list[str]:
        """Electrodes of the recordings, in the order of the table."""
        return list(dict.fromkeys(m.electrode for m in self.matches))


def compare(legs: Iterable[LegGait], recordings: Sequence[EmgRecording], base: TimeBase) -> EmgComparison:
    """Compare both legs with every recording on one time base."""
    wanted = [e for e in ELECTRODES if any(e.name in r.electrodes for r in recordings)]
    sides = list(legs)
    matches = [_match(electrode, leg, recordings, base) for electrode in wanted for leg in sides]
    return EmgComparison(base=base, matches=tuple(matches), recordings=tuple(recordings))


def _match(electrode: Electrode, leg: LegGait, recordings: Sequence[EmgRecording], base: TimeBase) -> MuscleMatch:
    people, human = people_of(recordings, electrode.name, base)
    envelope = under(electrode, leg.muscles, leg.mean[base]) if leg.cycles else None
    missing = leg.why_none if not leg.cycles else "the body has no muscle under this electrode" if envelope is None else ""
    if envelope is not None and np.ptp(envelope) < FLAT:
        missing = f"the body's envelope is flat: it stays within {np.ptp(envelope):.1g} of activation"
    nothing = np.full(len(people), np.nan)
    if envelope is None or missing:
        return MuscleMatch(
            electrode=electrode.name, side=leg.side, people=tuple(people), envelope=np.zeros(0) if envelope is None else envelope, human=human,
            r=nothing, rmse=nothing, lag=nothing, shifted_r=np.zeros(0), missing=missing,
        )  # fmt: skip
    shifted = shifted_correlations(envelope, human)
    return MuscleMatch(
        electrode=electrode.name, side=leg.side, people=tuple(people), envelope=envelope, human=human,
        r=shifted[0], rmse=np.sqrt(np.square(scaled(envelope) - scaled(human)).mean(axis=-1)),
        lag=best_lag(shifted) if base is TimeBase.PLAIN else nothing, shifted_r=np.nanmean(shifted, axis=1),
    )  # fmt: skip


def standardised(envelopes: Array) -> Array:
    """Mean 0 and length 1 over the last axis, so that products are correlations; NaN where an envelope is constant."""
    centred = envelopes - envelopes.mean(axis=-1, keepdims=True)
    length = np.linalg.norm(centred, axis=-1, keepdims=True)
    result: Array = centred / np.where(length > 1e-12, length, np.nan)
    return result


def scaled(envelopes: Array) -> Array:
    """Moved and scaled to 0..1 over the last axis; NaN where an envelope is constant."""
    low, extent = envelopes.min(axis=-1, keepdims=True), np.ptp(envelopes, axis=-1, keepdims=True)
    result: Array = (envelopes - low) / np.where(extent > 1e-12, extent, np.nan)
    return result


def shifted_correlations(envelope: Array, human: Array) -> Array:
    """Pearson r at every circular shift: row s has the body's envelope moved s points EARLIER; shapes (points,),
    (people, points) -> (points, people).
    """
    points = len(envelope)
    shifts = (np.arange(points)[None, :] + np.arange(points)[:, None]) % points
    result: Array = standardised(envelope)[shifts] @ standardised(human).T
    return result


def best_lag(shifted: Array) -> Array:
    """Shift of the best correlation [% of the cycle], -50..50, from `shifted_correlations`; shape (people,)."""
    points = len(shifted)
    best = np.nan_to_num(shifted, nan=-2.0).argmax(axis=0)
    lag: Array = 100.0 / points * np.where(best > points // 2, best - points, best)
    return np.where(np.isnan(shifted[0]), np.nan, lag)


def shift_p(shifted_r: Array) -> float:
    """Share of the shifts whose r is at least that of none; 1/points at best. The first entry is no shift."""
    return float((shifted_r >= shifted_r[0] - 1e-12).mean())


def pair_correlations(recordings: Sequence[EmgRecording], electrode: str, base: TimeBase) -> tuple[list[str], Array]:
    """Correlation of everybody with everybody, NaN on the diagonal; shape (people, people)."""
    people, human = people_of(recordings, electrode, base)
    if not people:
        return people, np.zeros((0, 0))
    unit = standardised(human)
    result: Array = unit @ unit.T
    np.fill_diagonal(result, np.nan)
    return people, result


def mean_of_others(recordings: Sequence[EmgRecording], electrode: str, base: TimeBase) -> Array:
    """Correlation of each person with the mean envelope of the others, shape (people,); NaN for one alone."""
    people, human = people_of(recordings, electrode, base)
    if len(people) < 2:
        return np.full(len(people), np.nan)
    others = (human.sum(axis=0) - human) / (len(people) - 1)
    result: Array = (standardised(human) * standardised(others)).sum(axis=-1)
    return result


def comparison_figures(c: EmgComparison) -> list[Figure]:
    """Figures of one time base: the means, then every electrode."""
    prefix = f"emg.{c.base.value}"
    figures = [_mean_over_people(f"{prefix}.r", c), *_ceilings(prefix, c), _shift_figure(f"{prefix}.shift_p", c, c.electrodes)]
    for electrode in c.electrodes:
        figures.extend(_electrode_figures(prefix, c, electrode))
    return figures


def _electrode_figures(prefix: str, c: EmgComparison, electrode: str) -> list[Figure]:
    matches = c.of(electrode)
    why = next((m.missing for m in c.matches if m.electrode == electrode and m.missing), "")
    note = "" if len(matches) != 1 else f"{matches[0].side} side only: {why}"

    def figure(name: str, key: str, unit: str) -> Figure:
        values = np.nanmean([getattr(m, key) for m in matches], axis=0) if matches else np.zeros(0)
        return mean_figure(f"{prefix}.{name}.{electrode}", values, unit, note=note, why=why)

    figures = [figure("r", "r", "r"), figure("rmse", "rmse", "share of range")]
    if c.base is TimeBase.PLAIN:
        figures.append(_lag_figure(f"{prefix}.lag.{electrode}", matches, why))
    figures.append(_ceiling(f"{prefix}.ceiling.{electrode}", c, [electrode]))
    return [*figures, _shift_figure(f"{prefix}.shift_p.{electrode}", c, [electrode])]


def _lag_figure(name: str, matches: Sequence[MuscleMatch], why: str) -> Figure:
    """The shift at which r, averaged over people and sides, is best. Lags of single people go around the cycle, so
    their plain mean would mean nothing.
    """
    if not matches:
        return Figure.absent(name, "% of cycle", why)
    lag = float(best_lag(np.mean([m.shifted_r for m in matches], axis=0)[:, None])[0])
    apart = np.concatenate([(m.lag - lag + 50.0) % 100.0 - 50.0 for m in matches])
    near = int((np.abs(apart) <= 5.0).sum())
    return Figure(name=name, value=lag, unit="% of cycle", n=len(matches[0].people), note=f"{near} of {apart.size} single lags within 5 % of it")


def _mean_over_people(name: str, c: EmgComparison) -> Figure:
    """Mean over electrodes and sides for each person, then over people."""
    by_person: dict[str, list[float]] = {}
    compared = [m for m in c.matches if not m.missing]
    for match in compared:
        for person, r in zip(match.people, match.r.tolist(), strict=True):
            by_person.setdefault(person, []).append(r)
    values = np.array([np.nanmean(v) for v in by_person.values()])
    electrodes, sides = {m.electrode for m in compared}, {m.side for m in compared}
    note = f"{len(electrodes)} of {len(c.electrodes)} electrodes, {' and '.join(sorted(sides))} side, over {len(values)} people"
    why = next((m.missing for m in c.matches), "the recordings have no electrode that is known")
    return mean_figure(name, values, "r", note=note, why=why)


def _ceilings(prefix: str, c: EmgComparison) -> list[Figure]:
    mean = np.array([np.nanmean(v) for e in c.electrodes if np.isfinite(v := mean_of_others(c.recordings, e, c.base)).any()])
    note = "each person against the mean of the others"
    value = float(mean.mean()) if mean.size else float("nan")
    of_mean = Figure.of(f"{prefix}.ceiling_of_mean", value, "r", n=mean.size, note=note, why="a ceiling needs two people")
    return [_ceiling(f"{prefix}.ceiling", c, c.electrodes), of_mean]


def _ceiling(name: str, c: EmgComparison, electrodes: Sequence[str]) -> Figure:
    """Mean over pairs of people for each electrode, then over electrodes; pairs share people, so an interval is not given."""
    pairs = [pair_correlations(c.recordings, e, c.base)[1] for e in electrodes]
    means = [float(np.nanmean(p)) for p in pairs if np.isfinite(p).any()]
    value = float(np.mean(means)) if means else float("nan")
    return Figure.of(name, value, "r", n=len(c.recordings), note="between pairs of people", why="a ceiling needs two people")


def _shift_figure(name: str, c: EmgComparison, electrodes: Sequence[str]) -> Figure:
    curves = [m.shifted_r for e in electrodes for m in c.of(e)]
    if not curves:
        return Figure.absent(name, "p", next((m.missing for m in c.matches if m.electrode in electrodes), "nothing was compared"))
    mean = np.mean(curves, axis=0)
    best = float(best_lag(mean[:, None])[0])
    note = f"r {mean[0]:.2f} without shift, at best {mean.max():.2f} with the body {abs(best):g} % of the cycle {'earlier' if best >= 0 else 'later'}"
    return Figure(name=name, value=shift_p(mean), unit="p", n=len(curves), note=note)
