"""Gait cycles of an episode and the muscle envelopes over them, in bounded memory.

A cycle goes from heel strike to the next heel strike of the same leg. The muscles of a side go with the leg of that
side, those of the trunk and the arms too. Cycles whose duration lies more than 2 standard deviations from the mean of
their leg are outliers; they are dropped and counted. That can only be known at the end, so sums are kept for each
duration (in steps of 10 ms) rather than for all cycles together, and no cycle has to be stored."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyDescription
from kinesis_control.errors import ConfigurationError
from kinesis_control.evaluate.episode import Episode
from kinesis_control.evaluate.figure import Figure
from kinesis_control.evaluate.gait_events import FootContact, GaitEvent, GaitEventConfig, GaitEventKind
from kinesis_control.evaluate.statistics import mean_figure
from kinesis_control.evaluate.time_base import POINTS, TimeBase, resample, sample_times

Array = NDArray[np.float64]

SIDES = ("right", "left")
DURATION_STEP_S = 0.01
OUTLIER_SD = 2.0


@dataclass(frozen=True, kw_only=True)
class GaitCycleConfig:
    """Which cycles count.

    Attributes:
        events: when a foot is down.
        least_s, longest_s: duration of a cycle [s]; 0 < least < longest.
        least_speed: mean horizontal speed of the root below which a cycle is stepping on the spot [m/s]; at least 0.
        signal: "activation", what the muscle does, or "excitation", what was commanded.
    """

    events: GaitEventConfig = field(default_factory=GaitEventConfig)
    least_s: float = 0.4
    longest_s: float = 2.5
    least_speed: float = 0.2
    signal: str = "activation"

    def __post_init__(self) -> None:
        if not (0.0 < self.least_s < self.longest_s and self.least_speed >= 0.0 and self.signal in ("activation", "excitation")):
            raise ConfigurationError(f"gait cycles need 0 < least_s < longest_s, least_speed >= 0 and signal 'activation' or 'excitation'; got {self}")


@dataclass(frozen=True, kw_only=True)
class LegGait:
    """What came of one leg.

    Attributes:
        side: "right" or "left".
        muscles: names without the side, in the order of the envelopes.
        cycles: cycles that count.
        outliers: cycles dropped for their duration.
        rejected: how many stretches between heel strikes were no cycle, by reason.
        problem: why the leg cannot be judged at all; empty when it can.
        durations_s, stance_shares, speeds: of the cycles that count, shape (cycles,).
        mean, deviation: envelope over the cycles and its standard deviation between cycles, by time base; shape
            (n_muscles, POINTS), empty without cycles.
    """

    side: str
    muscles: tuple[str, ...]
    cycles: int
    outliers: int
    rejected: Mapping[str, int]
    problem: str = ""
    durations_s: Array
    stance_shares: Array
    speeds: Array
    mean: Mapping[TimeBase, Array]
    deviation: Mapping[TimeBase, Array]

    @property
    def why_none(self) -> str:
        """Why there is no cycle; empty when there is one."""
        if self.cycles:
            return ""
        if self.problem:
            return self.problem
        reasons = ", ".join(f"{count} {reason}" for reason, count in self.rejected.items())
        return f"no gait cycle of the {self.side} leg" + (f" ({reasons})" if reasons else "")


class GaitCycles:
    """Takes in an episode chunk by chunk."""

    def __init__(self, body: BodyDescription, config: GaitCycleConfig | None = None) -> None:
        self.config = config or GaitCycleConfig()
        self._legs = [_Leg(body, side, self.config) for side in SIDES]
        self._fallen = False

    def update(self, chunk: Episode) -> None:
        """Take in the next ticks; nothing after the first fall."""
        falls = np.flatnonzero(chunk.fallen)
        upright = chunk.slice(0, int(falls[0])) if falls.size else chunk
        if not self._fallen and len(upright):
            for leg in self._legs:
                leg.update(upright)
        self._fallen |= bool(falls.size)

    def result(self) -> tuple[LegGait, LegGait]:
        """Right and left leg."""
        right, left = (leg.result() for leg in self._legs)
        return right, left


def sides_of(names: tuple[str, ...]) -> dict[str, dict[str, int]]:
    """Muscles of each side: side -> name without the side -> index.

    Left muscles end in "_l"; right ones in "_r", or in nothing where there is a left one of the name. Others belong to
    no side."""
    left = {n[:-2]: i for i, n in enumerate(names) if n.endswith("_l")}
    right = {n.removesuffix("_r"): i for i, n in enumerate(names) if n.endswith("_r") or n in left}
    return {"right": right, "left": left}


def gait_figures(legs: tuple[LegGait, LegGait]) -> list[Figure]:
    """Cycles, durations and stance of both legs."""
    why = "; ".join(leg.why_none for leg in legs if leg.why_none)
    figures = [Figure(name=f"gait.cycles.{leg.side}", value=float(leg.cycles), unit="cycles", n=leg.cycles, note=_dropped(leg)) for leg in legs]
    figures.append(mean_figure("gait.cycle_duration", np.concatenate([leg.durations_s for leg in legs]), "s", why=why))
    figures.append(mean_figure("gait.stance_share", np.concatenate([leg.stance_shares for leg in legs]), "share", why=why))
    return [*figures, mean_figure("gait.speed", np.concatenate([leg.speeds for leg in legs]), "m/s", why=why or "root velocities are not known")]


def _dropped(leg: LegGait) -> str:
    parts = [f"{leg.outliers} outside 2 SD of duration"] if leg.outliers else []
    parts += [f"{count} {reason}" for reason, count in leg.rejected.items()]
    return "left out: " + ", ".join(parts) if parts else ""


@dataclass
class _Sums:
    """Of the cycles of one duration: their number, and sums of envelopes and of their squares by time base."""

    count: int
    total: dict[TimeBase, Array]
    square: dict[TimeBase, Array]


class _Leg:
    """One leg while it walks."""

    def __init__(self, body: BodyDescription, side: str, config: GaitCycleConfig) -> None:
        self._side, self._config = side, config
        self._regions = [i for i, name in enumerate(body.contact_names) if name.startswith(f"{side}_")]
        columns = sides_of(body.muscles.names)[side]
        self._names, self._columns = tuple(columns), list(columns.values())
        self._contact = FootContact(body.mass, config.events)
        self._load_known = False
        self._strike: tuple[int, int] | None = None
        self._toe_off: GaitEvent | None = None
        self._interrupted = False
        self._first = 0  # number of the first tick in the buffers
        self._stamps = np.zeros(0, dtype=np.int64)
        self._values, self._speeds = np.zeros((0, len(columns))), np.zeros(0)
        self._rejected: Counter[str] = Counter()
        self._facts: list[tuple[float, float, float]] = []  # duration, stance share, speed
        self._sums: dict[int, _Sums] = {}

    def update(self, chunk: Episode) -> None:
        signal = chunk.muscle_activation if self._config.signal == "activation" else chunk.excitation
        self._stamps = np.concatenate([self._stamps, chunk.stamp_ns])
        self._values = np.concatenate([self._values, signal[:, self._columns]])
        self._speeds = np.concatenate([self._speeds, np.linalg.norm(chunk.root_linear_velocity[:, :2], axis=1)])
        load = chunk.contact_force[:, self._regions].sum(axis=1) if self._regions else np.full(len(chunk), np.nan)
        self._load_known |= bool(np.isfinite(load).any())
        for stamp_ns, force in zip(chunk.stamp_ns.tolist(), load.tolist(), strict=True):
            event = self._contact.update(stamp_ns, force)
            if event is not None:
                self._take(event)
        self._trim()

    def _take(self, event: GaitEvent) -> None:
        if event.kind is GaitEventKind.BREAK:
            self._interrupted |= self._strike is not None
            self._strike = self._toe_off = None
        elif event.kind is GaitEventKind.TOE_OFF:
            self._toe_off = event
        else:
            if self._strike is not None:
                reason = self._cut(self._strike, event)
                self._rejected.update([reason] if reason else [])
            elif self._interrupted:
                self._rejected.update(["interrupted by lost ticks or an unknown load"])
            self._strike, self._toe_off, self._interrupted = (event.tick, event.stamp_ns), None, False

    def _cut(self, strike: tuple[int, int], end: GaitEvent) -> str:
        """Take in the cycle; the reason when it is none."""
        config, duration = self._config, 1e-9 * (end.stamp_ns - strike[1])
        if not config.least_s <= duration <= config.longest_s:
            return f"shorter than {config.least_s} s" if duration < config.least_s else f"longer than {config.longest_s} s"
        if self._toe_off is None:
            return "without a toe off"
        ticks = slice(strike[0] - self._first, end.tick - self._first + 1)
        values, speed = self._values[ticks], float(self._speeds[ticks].mean())
        if speed < config.least_speed:
            return f"slower than {config.least_speed} m/s"
        if not np.isfinite(values).all():
            return "with unknown muscles"
        times = np.asarray(self._stamps[ticks] - strike[1], dtype=np.float64) * (1e-9 / duration)
        stance = 1e-9 * (self._toe_off.stamp_ns - strike[1]) / duration
        self._add(duration, stance, speed, {base: resample(times, values, sample_times(base, stance)).T for base in TimeBase})
        return ""

    def _add(self, duration: float, stance: float, speed: float, envelopes: dict[TimeBase, Array]) -> None:
        key = round(duration / DURATION_STEP_S)
        self._facts.append((key * DURATION_STEP_S, stance, speed))
        if key not in self._sums:
            zeros = {base: np.zeros((len(self._names), POINTS)) for base in TimeBase}
            self._sums[key] = _Sums(0, zeros, {base: z.copy() for base, z in zeros.items()})
        sums = self._sums[key]
        sums.count += 1
        for base, envelope in envelopes.items():
            sums.total[base] += envelope
            sums.square[base] += np.square(envelope)

    def _trim(self) -> None:
        """Forget ticks that no cycle can need any more."""
        candidate = self._contact.first_open_tick
        keep = candidate if self._strike is None else min(candidate, self._strike[0])
        if self._strike is not None and 1e-9 * (int(self._stamps[-1]) - self._strike[1]) > self._config.longest_s + 1.0:
            keep = candidate  # too long for a cycle already
        drop = keep - self._first
        self._stamps, self._values, self._speeds = self._stamps[drop:], self._values[drop:], self._speeds[drop:]
        self._first = keep

    def result(self) -> LegGait:
        facts = np.array(self._facts).reshape(-1, 3)
        durations = facts[:, 0]
        spread = OUTLIER_SD * float(durations.std(ddof=1)) if len(facts) > 2 else np.inf
        centre = float(durations.mean()) if len(facts) else 0.0
        # The sums are by duration, so all cycles of a duration are in or out; a hair's breadth keeps rounding out of it.
        keep = np.abs(durations - centre) <= spread + 1e-9
        kept = [s for key, s in self._sums.items() if abs(key * DURATION_STEP_S - centre) <= spread + 1e-9]
        count = sum(s.count for s in kept)
        mean, deviation = {}, {}
        for base in TimeBase if count else ():
            mean[base] = sum((s.total[base] for s in kept), np.zeros((len(self._names), POINTS))) / count
            square = sum((s.square[base] for s in kept), np.zeros((len(self._names), POINTS))) / count
            deviation[base] = np.sqrt(np.maximum(square - np.square(mean[base]), 0.0) * count / max(count - 1, 1))
        problem = "" if self._load_known else f"the load under the {self._side} foot is not known"
        return LegGait(
            side=self._side, muscles=self._names, cycles=count, outliers=int((~keep).sum()), rejected=dict(self._rejected), problem=problem,
            durations_s=durations[keep], stance_shares=facts[keep, 1], speeds=facts[keep, 2], mean=mean, deviation=deviation,
        )  # fmt: skip
