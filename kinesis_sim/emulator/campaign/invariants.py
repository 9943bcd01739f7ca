"""What must hold whatever happens, judged on the ground truth alone.

    I1  pressure at most the banks' largest + 2 %         I6  nothing armed again by itself after a stop
    I2  rise over 10 ms at most 1.5 times the slew limit  I7  joints inside their hard limits, + 0.1 rad for their softness
    I3  no rise above 5 kPa in a bank that is not armed   I8  no bank takes commands of an epoch below the highest one
    I4  all below 0.5 bar in the stated time              I9  after a stop contactor open, dump valve open, supply below 0.5 bar within 0.5 s
    I5  latched and published in the stated time          I10 safe after every process has ended

I4 and I5 need to know when; the case says it, and I5 is the one thing that is asked of the stack itself.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinesis_control.drivers.codecs.valve_bank import CHANNELS, BankState
from kinesis_sim.emulator.truth import Truth

SAFE_PA = 50e3
_ROW_S = 0.002
_RISE_ROWS = 5
_UNARMED_RISE_PA = 5e3
_JOINT_RAD = 0.1
_DUMP_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Of one invariant: whether it held, and the number that decided."""

    name: str
    held: bool
    detail: str


def judge(truth: Truth, *, stopped_s: float | None, safe_s: float, ended_s: float | None, refused: bool = False, held_s: float | None = None) -> list[Finding]:
    """Every invariant but I5.

    Args:
        stopped_s: time of the android at which it must have begun to stop; None where it had to go on.
        safe_s: how long it may take from there until all muscles are vented [s].
        ended_s: time by which every process but the android had ended; None when they had not.
        refused: nothing may have been armed at all, from the begin on.
        held_s: time from which no bank may follow any more, judged as part of I4; None where that is not asked.
    """
    found = [_pressure(truth), _rise(truth), _unarmed(truth), _joints(truth), _epochs(truth)]
    if stopped_s is not None:
        found += [_safe(truth, stopped_s + safe_s), _rearm(truth, stopped_s + safe_s), _dumped(truth, stopped_s + safe_s)]
    if held_s is not None:
        found.append(_held(truth, held_s))
    if refused:
        found.append(_rearm(truth, 0.0))
    if ended_s is not None:
        found.append(_ended(truth))
    return sorted(found, key=lambda finding: int(finding.name[1:]))


def _pressure(truth: Truth) -> Finding:
    top, most = float(truth.pressure.max(initial=0.0)), 1.02 * float(truth.facts["max_pressure_pa"])
    return Finding(name="I1", held=top <= most, detail=f"{top / 1e5:.2f} of {most / 1e5:.2f} bar")


def _rise(truth: Truth) -> Finding:
    rise = truth.pressure[_RISE_ROWS:] - truth.pressure[:-_RISE_ROWS]
    rate, most = float(rise.max(initial=0.0)) / (_RISE_ROWS * _ROW_S), 1.5 * float(truth.facts["slew_pa_s"])
    return Finding(name="I2", held=rate <= most, detail=f"{rate / 1e5:.0f} of {most / 1e5:.0f} bar/s")


def _unarmed(truth: Truth) -> Finding:
    window = 10
    rise = truth.pressure[window:] - truth.pressure[:-window]
    live = (truth.state >= BankState.ARMED) & (truth.state <= BankState.RAMP)
    unarmed = ~_any_in(live, window)
    by_bank = np.repeat(unarmed, CHANNELS, axis=1)[:, : rise.shape[1]]
    worst = float(rise[by_bank].max(initial=0.0))
    return Finding(name="I3", held=worst <= _UNARMED_RISE_PA, detail=f"{worst / 1e3:.1f} kPa")


def _any_in(flags: NDArray[np.bool_], window: int) -> NDArray[np.bool_]:
    """For each row k whether a flag is set in rows k..k+window."""
    total = np.cumsum(np.vstack([np.zeros((1, flags.shape[1]), dtype=int), flags]), axis=0)
    return (total[window + 1 :] - total[: -window - 1]) > 0


def _safe(truth: Truth, by_s: float) -> Finding:
    after = truth.pressure[truth.time >= by_s]
    worst = float(after.max(initial=0.0)) if len(after) else float("inf")
    return Finding(name="I4", held=worst < SAFE_PA, detail=f"{worst / 1e5:.2f} bar from {by_s:.2f} s on")


def _held(truth: Truth, by_s: float) -> Finding:
    late = truth.time[(truth.time >= by_s) & (truth.state == BankState.ACTIVE).any(axis=1)]
    return Finding(name="I4", held=not len(late), detail=f"{len(late)} rows of a bank that still follows from {by_s:.3f} s on")


def _rearm(truth: Truth, after_s: float) -> Finding:
    states = truth.state[truth.time >= after_s]
    live = int(((states == BankState.ARMED) | (states == BankState.ACTIVE)).sum())
    powered = int(truth.contactor[truth.time >= after_s].sum())
    return Finding(name="I6", held=live == 0 and powered == 0, detail=f"{live} armed states, {powered} rows with the pump's contactor closed")


def _dumped(truth: Truth, after_s: float) -> Finding:
    rows = truth.time >= after_s + _DUMP_S
    supply = float(truth.supply[rows].max(initial=0.0))
    held = bool(rows.any() and supply < SAFE_PA and truth.dump_open[rows].all() and not truth.contactor[rows].any())
    return Finding(name="I9", held=held, detail=f"supply {supply / 1e5:.2f} bar")


def _joints(truth: Truth) -> Finding:
    low, high = np.array(truth.facts["joint_range"]).T
    beyond = float(np.maximum(truth.joint - high, low - truth.joint).max(initial=0.0))
    return Finding(name="I7", held=beyond <= _JOINT_RAD, detail=f"{beyond:.3f} rad beyond")


def _epochs(truth: Truth) -> Finding:
    epoch = truth.epoch.astype(np.int64)
    # A bank that lost its power begins at 0 again; among those that act none may follow an epoch below the highest one.
    active = truth.state == BankState.ACTIVE
    highest = epoch.max(axis=1, keepdims=True)
    stale = int((active & (epoch < highest)).sum())
    return Finding(name="I8", held=stale <= 10 * active.shape[1], detail=f"{stale} rows of a bank that acts on a lower epoch")


def _ended(truth: Truth) -> Finding:
    last = truth.pressure[-10:]
    worst, supply = float(last.max(initial=0.0)), float(truth.supply[-1])
    return Finding(
        name="I10", held=worst < SAFE_PA and supply < SAFE_PA and not truth.contactor[-1], detail=f"{worst / 1e5:.2f} bar, supply {supply / 1e5:.2f}"
    )
