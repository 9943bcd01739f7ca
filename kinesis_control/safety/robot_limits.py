"""What pressures a robot may get: one pure function, the last before the wire.

Order, each step on the result of the one before:

    caps            pressure (times the cap of the robot), tension, thermal derating, joint guard: upper bounds a muscle
    slew            within +- slew_pa_s * dt of what was sent last
    co-contraction  muscles of a group rise less, so that their mean share of full pressure stays below the group's limit
    flow            all rises together need no more fluid than the supply gives
    clamp           0 to the cap of the robot, whatever came before

Every step keeps order in its own muscle (more asked for is never less given) and changes nothing when it is applied again.
A share of a rise is taken as r' = r min(1, room / sum r): with room for the sum, exactly what was asked for.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import ConfigurationError

Array = NDArray[np.float64]

_NO_FORCE_N_PER_PA = 1e-9
"""Below, a muscle gives no tension worth a limit at any pressure."""

NEW_ROBOT_CAP = 0.3
"""Share of full pressure that a robot gets until its configuration says otherwise."""


@dataclass(frozen=True, kw_only=True)
class RobotLimits:
    """Limits of one robot, as arrays; `robot_limits_file` reads them from a configuration.

    Attributes:
        full_pressure_pa: pressure of full strength; shape (n,), above 0 [Pa].
        cap: share of it that may be used, above 0 to 1.
        slew_up_pa_s, slew_down_pa_s: largest change; shape (n,), above 0 [Pa/s].
        max_tension_n: largest tension; shape (n,), above 0; infinite for none [N].
        groups: members of each co-contraction group; shape (n_groups, n).
        group_mean: largest mean share of full pressure in each group; shape (n_groups,), above 0 to 1.
        drives: +1 where a muscle drives a joint towards its upper stop, -1 to its lower one, 0 else; shape (n_joints, n).
        joint_low, joint_high: stops; shape (n_joints,) [rad].
        guard_rad: distance from a stop at which the guard begins, above 0 [rad].
        guard_lookahead_s: how far ahead a joint's velocity is followed, 0 to 0.5 [s].
        warm_c, hot_c: temperatures at which derating begins and at which nothing is left [deg C].
        blind: share of the cap that is left where a needed sensor gives nothing, 0 to 1.
        fill_l_per_pa: fluid that a muscle takes for a rise of 1 Pa; shape (n,), at least 0 [l/Pa].
        flow_l_s: what the supply gives, above 0; infinite for none [l/s].
    """

    full_pressure_pa: Array
    cap: float = NEW_ROBOT_CAP
    slew_up_pa_s: Array
    slew_down_pa_s: Array
    max_tension_n: Array
    groups: NDArray[np.bool_]
    group_mean: Array
    drives: Array
    joint_low: Array
    joint_high: Array
    guard_rad: float = 0.15
    guard_lookahead_s: float = 0.05
    warm_c: float = 60.0
    hot_c: float = 75.0
    blind: float = 0.3
    fill_l_per_pa: Array
    flow_l_s: float = np.inf

    def __post_init__(self) -> None:
        n, joints, groups = len(self.full_pressure_pa), len(self.joint_low), len(self.group_mean)
        shapes = {
            "slew_up_pa_s": (n,), "slew_down_pa_s": (n,), "max_tension_n": (n,), "fill_l_per_pa": (n,), "groups": (groups, n),
            "drives": (joints, n), "joint_high": (joints,),
        }  # fmt: skip
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ConfigurationError(f"{name}: got shape {getattr(self, name).shape}, expected {shape}")
        for name in ("full_pressure_pa", "slew_up_pa_s", "slew_down_pa_s"):
            values = getattr(self, name)
            if not (np.isfinite(values).all() and (values > 0.0).all()):
                raise ConfigurationError(f"{name}: expected finite values above 0")
        checks = {
            "cap above 0 to 1": 0.0 < self.cap <= 1.0,
            "max_tension_n above 0": bool((self.max_tension_n > 0.0).all()),
            "group_mean above 0 to 1": bool(((self.group_mean > 0.0) & (self.group_mean <= 1.0)).all()),
            "joint_low below joint_high": bool((self.joint_low < self.joint_high).all()),
            "guard_rad above 0, guard_lookahead_s 0 to 0.5": self.guard_rad > 0.0 and 0.0 <= self.guard_lookahead_s <= 0.5,
            "warm_c below hot_c": self.warm_c < self.hot_c,
            "blind 0 to 1": 0.0 <= self.blind <= 1.0,
            "fill_l_per_pa finite, at least 0, flow_l_s above 0": bool((self.fill_l_per_pa >= 0.0).all() and np.isfinite(self.fill_l_per_pa).all())
            and self.flow_l_s > 0.0,
        }
        wrong = [text for text, ok in checks.items() if not ok]
        if wrong:
            raise ConfigurationError(f"limits of the robot: expected {'; '.join(wrong)}")

    @classmethod
    def uniform(cls, n: int, *, full_pressure_pa: float = 700e3, slew_pa_s: float = 7e6, cap: float = NEW_ROBOT_CAP) -> "RobotLimits":
        """The same for every muscle, no groups, no guarded joints."""
        return cls(
            full_pressure_pa=np.full(n, full_pressure_pa), cap=cap, slew_up_pa_s=np.full(n, slew_pa_s), slew_down_pa_s=np.full(n, slew_pa_s),
            max_tension_n=np.full(n, np.inf), groups=np.zeros((0, n), dtype=bool), group_mean=np.zeros(0), drives=np.zeros((0, n)),
            joint_low=np.zeros(0), joint_high=np.zeros(0), fill_l_per_pa=np.zeros(n),
        )  # fmt: skip


class LimitCounts(NamedTuple):
    """How many muscles each step held back; `finite` False when nothing could be limited and the last values stay."""

    finite: bool
    capped: int = 0
    tension: int = 0
    thermal: int = 0
    joint: int = 0
    slewed: int = 0
    cocontracted: int = 0
    starved: int = 0


@dataclass(slots=True)
class LimitWork:
    """Arrays that `limit_pressures` writes.

    Attributes:
        out: the limited pressures; shape (n,) [Pa].
        cap: upper bound of each muscle before slew; shape (n,) [Pa].
    """

    limits: RobotLimits
    out: Array = field(init=False)
    cap: Array = field(init=False)
    highest: Array = field(init=False)
    room: Array = field(init=False)
    floor: Array = field(init=False)
    members: Array = field(init=False)
    by_group: Array = field(init=False)
    by_joint: Array = field(init=False)
    towards_high: NDArray[np.bool_] = field(init=False)
    towards_low: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        limits, n = self.limits, len(self.limits.full_pressure_pa)
        self.out, self.cap, self.room, self.floor = (np.zeros(n) for _ in range(4))
        self.highest = limits.cap * limits.full_pressure_pa
        sizes = np.maximum(limits.groups.sum(axis=1, keepdims=True), 1)
        self.members = limits.groups / (sizes * limits.full_pressure_pa)  # group mean share = members @ pressures
        self.by_group, self.by_joint = np.ones((len(limits.group_mean), n)), np.ones((len(limits.joint_low), n))
        self.towards_high, self.towards_low = limits.drives > 0.0, limits.drives < 0.0


class Sensed(NamedTuple):
    """What the limits look at; NaN where a sensor gives nothing.

    Attributes:
        tension_n: shape (n,) [N].
        temperature_c: of each muscle's bank; shape (n,) [deg C].
        joint_position, joint_velocity: of the guarded joints; shape (n_joints,) [rad], [rad/s].
        force_per_pa: static force of each muscle at its length, per pressure; shape (n,) [N/Pa]; NaN where the length is unknown.
    """

    tension_n: Array
    temperature_c: Array
    joint_position: Array
    joint_velocity: Array
    force_per_pa: Array


def limit_pressures(wanted: Array, previous: Array, sensed: Sensed, limits: RobotLimits, dt_s: float, work: LimitWork) -> LimitCounts:
    """Write what may be sent into `work.out`.

    Args:
        wanted: pressures asked for; shape (n,) [Pa]. A value that is not finite leaves all muscles at `previous`, capped.
        previous: what was sent last, finite, within 0 to the cap of the robot; shape (n,) [Pa].
        dt_s: time since then, above 0 [s].
    """
    out = work.out
    if not np.isfinite(wanted.sum()) and not np.isfinite(wanted).all():
        np.minimum(previous, work.highest, out=out)
        return LimitCounts(finite=False)
    np.copyto(work.cap, work.highest)
    capped = int(np.count_nonzero(wanted > work.cap))
    tension = _cap_tension(previous, sensed, limits, work)
    thermal = _cap_thermal(sensed, limits, work)
    joint = _cap_joints(sensed, limits, work)
    np.minimum(wanted, work.cap, out=out)
    np.maximum(out, 0.0, out=out)
    slewed = _slew(previous, limits, dt_s, work)
    together = _cocontraction(limits, work)
    starved = _flow(previous, limits, dt_s, work)
    np.minimum(out, work.highest, out=out)
    np.maximum(out, 0.0, out=out)
    return LimitCounts(True, capped, tension, thermal, joint, slewed, together, starved)


def _cap_tension(previous: Array, sensed: Sensed, limits: RobotLimits, work: LimitWork) -> int:
    """By the model, p <= T_max / (F/p at this length); by the sensor, p <= p_sent T_max / T once T is above T_max."""
    bound = np.full_like(previous, np.inf)
    by_model = sensed.force_per_pa > _NO_FORCE_N_PER_PA
    np.divide(limits.max_tension_n, sensed.force_per_pa, out=bound, where=by_model)
    over = sensed.tension_n > limits.max_tension_n
    if over.any():
        bound[over] = np.minimum(bound[over], previous[over] * limits.max_tension_n[over] / sensed.tension_n[over])
    return _lower(work.cap, bound)


def _cap_thermal(sensed: Sensed, limits: RobotLimits, work: LimitWork) -> int:
    """Straight from all at `warm_c` to none at `hot_c`."""
    share = np.clip((limits.hot_c - sensed.temperature_c) / (limits.hot_c - limits.warm_c), 0.0, 1.0)
    share[~np.isfinite(sensed.temperature_c)] = limits.blind
    return _lower(work.cap, share * work.highest)


def _cap_joints(sensed: Sensed, limits: RobotLimits, work: LimitWork) -> int:
    """Straight from all at `guard_rad` before a stop to none at the stop, for the muscles that drive the joint there."""
    if not len(limits.joint_low):
        return 0
    ahead = sensed.joint_position + limits.guard_lookahead_s * sensed.joint_velocity
    unknown = ~np.isfinite(ahead)
    to_high = np.clip((limits.joint_high - np.maximum(ahead, sensed.joint_position)) / limits.guard_rad, 0.0, 1.0)
    to_low = np.clip((np.minimum(ahead, sensed.joint_position) - limits.joint_low) / limits.guard_rad, 0.0, 1.0)
    to_high[unknown] = to_low[unknown] = limits.blind
    np.copyto(work.by_joint, to_high[:, None], where=work.towards_high)  # elsewhere it stays 1
    np.copyto(work.by_joint, to_low[:, None], where=work.towards_low)
    work.by_joint.min(axis=0, out=work.room)
    work.room *= work.highest
    return _lower(work.cap, work.room)


def _lower(cap: Array, bound: Array) -> int:
    """cap = min(cap, bound); how many it lowered."""
    count = int(np.count_nonzero(bound < cap))
    np.minimum(cap, bound, out=cap)
    return count


def _slew(previous: Array, limits: RobotLimits, dt_s: float, work: LimitWork) -> int:
    out, room, floor = work.out, work.room, work.floor
    np.multiply(limits.slew_down_pa_s, -dt_s, out=floor)
    floor += previous
    np.maximum(floor, 0.0, out=floor)
    np.multiply(limits.slew_up_pa_s, dt_s, out=room)
    room += previous
    held = int(np.count_nonzero((out > room) | (out < floor)))
    np.minimum(out, room, out=out)
    np.maximum(out, floor, out=out)
    return held


def _cocontraction(limits: RobotLimits, work: LimitWork) -> int:
    """What each member has above the lowest that slew allows is scaled so that the group's mean stays below its limit."""
    if not len(limits.group_mean):
        return 0
    out, floor = work.out, work.floor
    mean, lowest = work.members @ out, work.members @ floor
    above = mean - lowest
    share = np.ones_like(mean)
    over = mean > limits.group_mean
    np.divide(np.maximum(limits.group_mean - lowest, 0.0), above, out=share, where=over & (above > 0.0))
    np.copyto(work.by_group, share[:, None])
    work.by_group[~limits.groups] = 1.0
    least = work.by_group.min(axis=0)
    held = int(np.count_nonzero((least < 1.0) & (out > floor)))
    np.subtract(out, floor, out=out)
    out *= least
    out += floor
    return held


def _flow(previous: Array, limits: RobotLimits, dt_s: float, work: LimitWork) -> int:
    rise = np.maximum(work.out - previous, 0.0, out=work.room)
    need = float(limits.fill_l_per_pa @ rise)
    room = limits.flow_l_s * dt_s
    if need <= room:
        return 0
    held = int(np.count_nonzero((rise > 0.0) & (limits.fill_l_per_pa > 0.0)))
    rise *= np.where(limits.fill_l_per_pa > 0.0, 1.0 - room / need, 0.0)
    work.out -= rise
    return held
