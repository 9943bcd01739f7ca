"""When muscles are on in normal walking, from published tables, and how well a body's muscles keep to it: for the many
muscles nobody has recordings of at hand.

The times are those of fine-wire and surface recordings as reported in Perry & Burnfield, Gait Analysis: Normal and
Pathological Function, 2nd ed. (2010), rounded to 5 % of the cycle because reports differ by that much; the early-stance
burst of rectus femoris is what surface electrodes show (Winter 1991, The Biomechanics and Motor Control of Human Gait).
Points within 5 % of a switch in the table are not judged, for the same reason.

A muscle of the body is on where its activation is above 5 % (Perry's criterion: 5 % of a maximal contraction); bursts
and pauses shorter than 5 % of the cycle are closed. Agreement is the share of the judged points where body and table
say the same. A muscle that is always on agrees by chance with much of the table, so Cohen's kappa stands beside it: 1
is perfect, 0 is what chance gives, below 0 is worse than chance."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinesis_control.evaluate.figure import Figure
from kinesis_control.evaluate.gait_cycles import LegGait
from kinesis_control.evaluate.statistics import mean_figure
from kinesis_control.evaluate.time_base import POINTS, TimeBase

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

ON_ACTIVATION = 0.05
MARGIN = 0.05
LEAST_BURST = 0.05


@dataclass(frozen=True, kw_only=True)
class MuscleTiming:
    """When a muscle is on.

    Attributes: name; muscles of our bodies, without the side; on, bursts as (begin, end) in % of the cycle, over its
        end where end < begin.
    """

    name: str
    muscles: tuple[str, ...]
    on: tuple[tuple[float, float], ...]


TIMINGS: tuple[MuscleTiming, ...] = (
    MuscleTiming(name="gluteus_maximus", muscles=("glmax1", "glmax2", "glmax3"), on=((95, 15),)),
    MuscleTiming(name="gluteus_medius", muscles=("glmed1", "glmed2", "glmed3"), on=((95, 35),)),
    MuscleTiming(name="gluteus_minimus", muscles=("glmin1", "glmin2", "glmin3"), on=((10, 40),)),
    MuscleTiming(name="tensor_fasciae_latae", muscles=("tfl",), on=((25, 40),)),
    MuscleTiming(name="adductor_longus", muscles=("addlong",), on=((45, 70),)),
    MuscleTiming(name="gracilis", muscles=("grac",), on=((70, 80), (90, 100))),
    MuscleTiming(name="sartorius", muscles=("sart",), on=((65, 75),)),
    MuscleTiming(name="iliacus", muscles=("iliacus",), on=((60, 75),)),
    MuscleTiming(name="rectus_femoris", muscles=("recfem",), on=((95, 10), (50, 70))),
    MuscleTiming(name="vastus_medialis", muscles=("vasmed",), on=((90, 20),)),
    MuscleTiming(name="vastus_intermedius", muscles=("vasint",), on=((90, 20),)),
    MuscleTiming(name="vastus_lateralis", muscles=("vaslat",), on=((90, 20),)),
    MuscleTiming(name="biceps_femoris_long", muscles=("bflh",), on=((80, 5),)),
    MuscleTiming(name="biceps_femoris_short", muscles=("bfsh",), on=((65, 75),)),
    MuscleTiming(name="semimembranosus", muscles=("semimem",), on=((80, 10),)),
    MuscleTiming(name="semitendinosus", muscles=("semiten",), on=((85, 5),)),
    MuscleTiming(name="tibialis_anterior", muscles=("tibant",), on=((55, 15),)),
    MuscleTiming(name="extensor_digitorum_longus", muscles=("edl",), on=((55, 10),)),
    MuscleTiming(name="extensor_hallucis_longus", muscles=("ehl",), on=((60, 10),)),
    MuscleTiming(name="gastrocnemius", muscles=("gasmed", "gaslat"), on=((10, 50),)),
    MuscleTiming(name="soleus", muscles=("soleus",), on=((5, 50),)),
    MuscleTiming(name="tibialis_posterior", muscles=("tibpost",), on=((0, 50),)),
    MuscleTiming(name="flexor_digitorum_longus", muscles=("fdl",), on=((15, 55),)),
    MuscleTiming(name="flexor_hallucis_longus", muscles=("fhl",), on=((25, 55),)),
    MuscleTiming(name="peroneus_longus", muscles=("perlong",), on=((10, 50),)),
    MuscleTiming(name="peroneus_brevis", muscles=("perbrev",), on=((20, 50),)),
)


@dataclass(frozen=True, kw_only=True)
class TimingMatch:
    """One muscle of one side.

    Attributes: name; side; on, of the body, and table, shape (POINTS,); agreement, share; kappa, NaN where it is not
        defined.
    """

    name: str
    side: str
    on: Mask
    table: Mask
    agreement: float
    kappa: float


def table_mask(timing: MuscleTiming, points: int = POINTS) -> Mask:
    """Where the table says on, over the plain base; shape (points,)."""
    at = 100.0 * (np.arange(points) + 0.5) / points
    result = np.zeros(points, dtype=bool)
    for begin, end in timing.on:
        result |= (at >= begin) & (at < end) if begin < end else (at >= begin) | (at < end)
    return result


def body_mask(envelope: Array) -> Mask:
    """Where a muscle is on; an envelope over the plain base, shape (points,)."""
    on: Mask = envelope > ON_ACTIVATION
    least = round(LEAST_BURST * len(on))
    return ~_without_short(~_without_short(on, least), least)


def judge(name: str, side: str, envelope: Array, table: Mask) -> TimingMatch:
    """Compare a body's envelope with the table."""
    on = body_mask(envelope)
    margin = round(MARGIN * len(table))
    switches = np.flatnonzero(table != np.roll(table, 1))
    near = np.zeros(len(table), dtype=bool)
    for switch in switches:
        near[np.arange(switch - margin, switch + margin) % len(table)] = True
    a, b = on[~near], table[~near]
    agreement = float((a == b).mean())
    chance = float(a.mean() * b.mean() + (1.0 - a.mean()) * (1.0 - b.mean()))
    kappa = (agreement - chance) / (1.0 - chance) if chance < 1.0 else float("nan")
    return TimingMatch(name=name, side=side, on=on, table=table, agreement=agreement, kappa=kappa)


def check_timing(legs: Iterable[LegGait]) -> list[TimingMatch]:
    """Every muscle of the table that a body has, on both sides; a muscle in several parts is on where any part is."""
    result = []
    for leg in legs:
        for timing in TIMINGS:
            rows = [leg.muscles.index(m) for m in timing.muscles if m in leg.muscles]
            if rows and leg.cycles:
                result.append(judge(timing.name, leg.side, leg.mean[TimeBase.PLAIN][rows].max(axis=0), table_mask(timing)))
    return result


def timing_figures(legs: Iterable[LegGait]) -> list[Figure]:
    """Mean agreement and kappa over muscles and sides, then those of each muscle."""
    sides = list(legs)
    matches = check_timing(sides)
    why = next((leg.why_none for leg in sides if leg.why_none), "the body has no muscle of the table")
    names = dict.fromkeys(m.name for m in matches)
    both = {n: [m for m in matches if m.name == n] for n in names}
    agreement = np.array([np.mean([m.agreement for m in both[n]]) for n in names])
    kappa = np.array([np.mean([m.kappa for m in both[n]]) for n in names])
    note = f"mean over {len(names)} muscles; interval over muscles"
    figures = [
        mean_figure("muscle_timing.agreement", agreement, "share", note=note, why=why),
        mean_figure("muscle_timing.kappa", kappa, "kappa", note=note, why=why),
    ]
    for timing in TIMINGS:
        name = f"muscle_timing.agreement.{timing.name}"
        found = both.get(timing.name, [])
        if found:
            share, k = (float(np.mean([getattr(m, what) for m in found])) for what in ("agreement", "kappa"))
            figures.append(Figure.of(name, share, "share", n=len(found), note=f"kappa {k:.2f}" if np.isfinite(k) else "kappa is not defined"))
        elif any(m in leg.muscles for leg in sides for m in timing.muscles):
            figures.append(Figure.absent(name, "share", why))
    return figures


def markdown_table() -> str:
    """The table as it stands in docs/emg.md."""
    lines = ["| muscle | muscles of the model | on [% of the cycle] |", "|---|---|---|"]
    for t in TIMINGS:
        lines.append(f"| {t.name} | {', '.join(t.muscles)} | {', '.join(f'{a:g} to {b:g}' for a, b in t.on)} |")
    return "\n".join(lines)


def _without_short(mask: Mask, least: int) -> Mask:
    """A circular mask without the stretches of True that are shorter than `least`."""
    if mask.all() or not mask.any():
        return mask
    start = int(np.flatnonzero(~mask)[0])
    turned = np.roll(mask, -start)  # begins with a False, so no stretch lies across the end
    edges = np.flatnonzero(np.diff(np.concatenate([[False], turned, [False]]).astype(int)))
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        if end - begin < least:
            turned[begin:end] = False
    return np.roll(turned, start)
