"""Muscle activation over the gait cycle, with the band of people where there are recordings of people."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.evaluate.electrodes import ELECTRODES, Electrode, under
from kinesis_control.evaluate.emg import scaled
from kinesis_control.evaluate.emg_recordings import EmgRecording, people_of
from kinesis_control.evaluate.gait_cycles import LegGait
from kinesis_control.evaluate.plots import MEANT, REACHED, finish_grid, svg
from kinesis_control.evaluate.report_life import LifeReport
from kinesis_control.evaluate.time_base import POINTS, TimeBase

Array = NDArray[np.float64]

_BASE = TimeBase.PLAIN
_COLUMNS = 4
_COLOURS = {"right": REACHED, "left": MEANT}


def muscles(life: LifeReport, recordings: Sequence[EmgRecording]) -> str:
    """One small plot an electrode; empty without a gait cycle."""
    legs = [leg for leg in life.legs if leg.cycles]
    chosen = [e for e in ELECTRODES if any(under(e, leg.muscles, leg.mean[_BASE]) is not None for leg in legs)]
    if recordings:
        chosen = [e for e in chosen if any(e.name in r.electrodes for r in recordings)]
    if not legs or not chosen:
        return ""
    rows = -(-len(chosen) // _COLUMNS)

    def draw(canvas: Any) -> None:
        grid = np.atleast_1d(canvas.subplots(rows, _COLUMNS, sharex=True, sharey=bool(recordings))).ravel()
        for axes, electrode in zip(grid, chosen, strict=False):
            _one(axes, electrode, legs, recordings)
        finish_grid(grid, len(chosen), _COLUMNS)
        canvas.supxlabel("gait cycle [%], from heel strike", fontsize=9)
        canvas.supylabel("activity, scaled to 0..1" if recordings else "activation", fontsize=9)

    return svg(draw, width=7.2, height=0.5 + 1.2 * rows, name=f"muscles {life.source}")


def muscles_note(life: LifeReport, recordings: Sequence[EmgRecording]) -> str:
    """What the reader of `muscles` must know."""
    cycles = " and ".join(f"{leg.cycles} cycle{'s' * (leg.cycles > 1)} {leg.side}" for leg in life.legs if leg.cycles)
    colours = "Blue: right leg, orange: left leg, dotted: toe off."
    return f"{cycles}. {colours}" + (f" Grey band: {len(recordings)} people, mean and one standard deviation." if recordings else "")


def _one(axes: Any, electrode: Electrode, legs: Sequence[LegGait], recordings: Sequence[EmgRecording]) -> None:
    percent = 100.0 * np.arange(POINTS) / POINTS
    people = people_of(recordings, electrode.name, _BASE)[1] if recordings else np.zeros((0, POINTS))
    if len(people):
        human = scaled(people)
        middle, spread = np.nanmean(human, axis=0), np.nanstd(human, axis=0)
        axes.fill_between(percent, middle - spread, middle + spread, color="#8a8a8a", alpha=0.35, linewidth=0)
    for leg in legs:
        envelope = under(electrode, leg.muscles, leg.mean[_BASE])
        if envelope is None:
            continue
        axes.plot(percent, scaled(envelope) if recordings else envelope, color=_COLOURS[leg.side], linewidth=1.1)
        axes.axvline(100.0 * float(leg.stance_shares.mean()), color=_COLOURS[leg.side], linewidth=0.7, dashes=(1, 2))
    axes.set_title(electrode.name.replace("_", " "), fontsize=8)
    axes.set(xlim=(0.0, 100.0), ylim=(0.0, 1.15 if recordings else None))
