"""How a body moved: way and speed, errors against the reference's velocities, smoothness, energy, foot skate. Up to the
first fall.

Definitions (dt between consecutive ticks; steps of more than `MAX_STEP_S` are lost ticks and take no part):
    distance            sum of the horizontal distances between root positions 1 s apart: sway within a stride is no way
    speed               distance / time
    root velocity error mean |v - v_ref|, both turned into odom
    joint errors        root mean square over ticks and independent joints
    joint jerk          root mean square over joints and ticks of the second difference of the recorded joint velocity /
                        dt^2. Jerk normalised by duration and length (LDLJ) is meant for one reach from rest to rest;
                        over many strides it grows with the recording, so it is not given
    command variation   mean over muscles of sum |u[t+1] - u[t]| / time: full scale to and fro once a second is 2 per
                        second
    effort              mean excitation over muscles and ticks
    positive work       W+ = sum over muscles of the integral of max(P, 0), P = -tension * lengthening velocity; W-
                        likewise of max(-P, 0)
    work per metre      W+ rate / speed [J/m]; mechanical cost of transport: W+ rate / (mass * speed) [J/(kg m)]
    metabolic estimate  (W+ / 0.25 + W- / 1.2) by the efficiencies of muscle that Margaria (1968, Int. Z. angew.
                        Physiol. 25:339) found for uphill and downhill walking. It knows no cost of holding a force
                        without movement, nor of resting: a proxy to compare policies on one body, not oxygen
    foot skate          mean horizontal speed of a toe segment while its toes stay loaded by more than 5 % of body
                        weight
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyDescription
from kinesis_control.evaluate.episode import Episode, concatenate
from kinesis_control.evaluate.figure import Figure

Array = NDArray[np.float64]

MAX_STEP_S = 0.1
STRIDE_NS = 1_000_000_000
LEAST_WAY_M = 1.0
"""Below this a figure per metre would be a figure about swaying on the spot."""
GRAVITY = 9.81
POSITIVE_EFFICIENCY, NEGATIVE_EFFICIENCY = 0.25, 1.2
LOADED_SHARE = 0.05
"""Share of body weight from which a foot region counts as loaded."""


@dataclass
class _Mean:
    """A weighted mean that grows."""

    total: float = 0.0
    weight: float = 0.0
    count: int = 0

    def add(self, values: Array, weights: Array | float = 1.0) -> None:
        """Add the finite ones of `values`, shape (n,), with weights of the same shape or one for all."""
        known = np.isfinite(values)
        weight = np.broadcast_to(np.asarray(weights, dtype=float), values.shape)[known]
        self.total += float((values[known] * weight).sum())
        self.weight += float(weight.sum())
        self.count += int(known.sum())

    @property
    def value(self) -> float:
        """The mean; NaN before anything was added."""
        return self.total / self.weight if self.weight else float("nan")


class MovementScore:
    """Takes in an episode chunk by chunk."""

    def __init__(self, body: BodyDescription) -> None:
        self._body = body
        self._way = Way()
        names = ("root_velocity", "joint_velocity", "joint_position", "jerk", "variation", "effort", "positive", "negative", "skate")
        self._means = {name: _Mean() for name in names}
        self._tail: Episode | None = None
        self._fallen = False
        self._toes = _toes(body)

    def update(self, chunk: Episode) -> None:
        """Take in the next ticks; nothing after the first fall."""
        if self._fallen or not len(chunk):
            return
        falls = np.flatnonzero(chunk.fallen)
        if falls.size:
            self._fallen, chunk = True, chunk.slice(0, int(falls[0]))
            if not len(chunk):
                return
        self._way.update(chunk.stamp_ns, chunk.root_position)
        self._ticks(chunk)
        joined = chunk if self._tail is None else concatenate([self._tail, chunk])
        self._steps(joined, 0 if self._tail is None else len(self._tail))
        self._tail = joined.slice(len(joined) - 2, len(joined))

    def result(self) -> list[Figure]:
        """Figures of everything taken in so far."""
        way, means = self._way, self._means
        after = "up to the fall" if self._fallen else ""
        unknown = "root positions are not known" if not way.count else "the recording has a single tick"
        figures = [
            Figure.of("movement.distance", way.metres, "m", n=way.count, note=after, why=unknown),
            Figure.of("movement.speed", way.metres / way.seconds if way.seconds else float("nan"), "m/s", n=way.count, note=after, why=unknown),
        ]
        reference = "the reference is not known at any tick"
        table = (
            ("movement.root_velocity_error", "root_velocity", 1.0, "m/s", reference),
            ("movement.joint_position_error", "joint_position", 0.5, "rad", reference),
            ("movement.joint_velocity_error", "joint_velocity", 0.5, "rad/s", reference),
            ("movement.joint_jerk", "jerk", 0.5, "rad/s^3", "joint velocities are not known at three ticks on end"),
            ("movement.command_variation", "variation", 1.0, "1/s", "commands are not known at two ticks on end"),
            ("movement.effort", "effort", 1.0, "share", "commands are not known at any tick"),
            ("movement.foot_skate", "skate", 1.0, "m/s", self._why_no_skate()),
        )
        for name, key, power, unit, why in table:
            figures.append(Figure.of(name, means[key].value ** power, unit, n=means[key].count, note=after, why=why))
        return figures + self._energy()

    def _energy(self) -> list[Figure]:
        positive, negative, mass = self._means["positive"].value, self._means["negative"].value, self._body.mass
        n, metres, seconds = self._means["positive"].count, self._way.metres, self._way.seconds
        speed = metres / seconds if seconds else float("nan")
        why_power = "muscle tensions and velocities are not known at two ticks on end"
        why = why_power if not n else "root positions are not known" if not self._way.count else ""
        if not why and metres < LEAST_WAY_M:
            speed, why = float("nan"), f"the body went less than {LEAST_WAY_M:g} m"
        metabolic = positive / POSITIVE_EFFICIENCY + negative / NEGATIVE_EFFICIENCY
        proxy = "proxy from muscle work alone (Margaria's efficiencies): no resting, no holding of force"
        return [
            Figure.of("energy.positive_power", positive / mass, "W/kg", n=n, why=why_power),
            Figure.of("energy.work_per_metre", positive / speed, "J/m", n=n, why=why),
            Figure.of("energy.mechanical_cost_of_transport", positive / (mass * speed), "J/(kg m)", n=n, why=why),
            Figure.of("energy.metabolic_cost_of_transport", metabolic / (mass * speed), "J/(kg m)", n=n, note=proxy, why=why),
        ]

    def _ticks(self, chunk: Episode) -> None:
        """What single ticks give."""
        means = self._means
        error = to_odom(chunk.root_quaternion, chunk.root_linear_velocity) - to_odom(chunk.reference_root_quaternion, chunk.reference_root_linear_velocity)
        means["root_velocity"].add(np.linalg.norm(error, axis=1))
        means["joint_position"].add(np.square(chunk.joint_position - chunk.reference_joint_position).mean(axis=1))
        means["joint_velocity"].add(np.square(chunk.joint_velocity - chunk.reference_joint_velocity).mean(axis=1))
        means["effort"].add(chunk.excitation.mean(axis=1))

    def _steps(self, e: Episode, old: int) -> None:
        """What two or three ticks on end give; those that end in the first `old` ticks were taken in before."""
        dt = 1e-9 * np.diff(e.stamp_ns)
        usable = (dt > 0.0) & (dt <= MAX_STEP_S)
        new = usable & (np.arange(1, len(e)) >= old)
        power = -e.muscle_tension * e.muscle_velocity
        positive, negative = np.maximum(power, 0.0).sum(axis=1), np.maximum(-power, 0.0).sum(axis=1)
        means = self._means
        means["positive"].add(0.5 * (positive[1:] + positive[:-1])[new], dt[new])
        means["negative"].add(0.5 * (negative[1:] + negative[:-1])[new], dt[new])
        means["variation"].add(np.abs(np.diff(e.excitation, axis=0)).mean(axis=1)[new] / dt[new], dt[new])
        self._skate(e, dt, new)
        if len(e) > 2:
            acceleration = np.diff(e.joint_velocity, axis=0) / np.where(usable, dt, np.nan)[:, None]
            jerk = np.diff(acceleration, axis=0) / (0.5 * (dt[1:] + dt[:-1]))[:, None]
            means["jerk"].add(np.square(jerk).mean(axis=1)[new[1:] & usable[:-1]])

    def _skate(self, e: Episode, dt: Array, new: NDArray[np.bool_]) -> None:
        least = LOADED_SHARE * GRAVITY * self._body.mass
        for body, region in self._toes:
            loaded = e.contact_force[:, region] > least
            step = np.linalg.norm(np.diff(e.key_body_position[:, body, :2], axis=0), axis=1)
            use = new & loaded[1:] & loaded[:-1]
            self._means["skate"].add(step[use] / dt[use], dt[use])

    def _why_no_skate(self) -> str:
        if not self._toes:
            return "the body has no toe segment among its key bodies with a contact region of its own"
        return "no toes were loaded at two ticks on end, or positions of the toes are not known"


class Way:
    """The way of the root over the ground, in strides of 1 s.

    Attributes:
        count: ticks whose position is known.
    """

    def __init__(self) -> None:
        self.count = 0
        self._metres = 0.0
        self._mark: tuple[int, Array] | None = None
        self._last: tuple[int, Array] | None = None
        self._first_ns = 0

    def update(self, stamps: NDArray[np.int64], position: Array) -> None:
        """Take in the next ticks; position has shape (T, 3), NaN where not known."""
        known = np.isfinite(position[:, :2]).all(axis=1)
        stamps, place = stamps[known], position[known, :2]
        if not len(stamps):
            return
        self.count += len(stamps)
        if self._mark is None:
            self._mark, self._first_ns = (int(stamps[0]), place[0]), int(stamps[0])
        while (i := int(np.searchsorted(stamps, self._mark[0] + STRIDE_NS))) < len(stamps):
            self._metres += float(np.linalg.norm(place[i] - self._mark[1]))
            self._mark = (int(stamps[i]), place[i])
        self._last = (int(stamps[-1]), place[-1])

    @property
    def metres(self) -> float:
        """Distance so far [m]; NaN when no position is known."""
        if self._mark is None or self._last is None:
            return float("nan")
        return self._metres + float(np.linalg.norm(self._last[1] - self._mark[1]))

    @property
    def seconds(self) -> float:
        """Time from the first known position to the last [s]."""
        return 1e-9 * (self._last[0] - self._first_ns) if self._last is not None else 0.0


def to_odom(quaternion: Array, vector: Array) -> Array:
    """Vectors in a body's frame, shape (T, 3), turned into odom by its quaternions, shape (T, 4), wxyz."""
    w, axis = quaternion[:, :1], quaternion[:, 1:]
    twice = 2.0 * np.cross(axis, vector)
    return vector + w * twice + np.cross(axis, twice)


def _toes(body: BodyDescription) -> list[tuple[int, int]]:
    """Pairs (index of a toe segment among the key bodies, index of its contact region)."""
    sides: Iterable[tuple[str, str]] = (("toes_r", "right_toes"), ("toes_l", "left_toes"))
    pairs = [(s, r) for s, r in sides if s in body.key_body_names and r in body.contact_names]
    return [(body.key_body_names.index(s), body.contact_names.index(r)) for s, r in pairs]
