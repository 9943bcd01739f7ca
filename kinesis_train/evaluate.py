"""Scores of an exported policy in closed loop: the robot's own code path, seeded starts, noise on every excitation."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyState
from kinesis_control.contract import read_contract
from kinesis_control.evaluate.statistics import wilson_interval
from kinesis_control.motion.command import Abilities, MotionCommand
from kinesis_control.motion.generator import GaitGenerator, heading, wrap
from kinesis_control.observation import rotation_entries
from kinesis_control.policy import Policy
from kinesis_sim.bodies import load_body
from kinesis_sim.world import World

Array = NDArray[np.float64]

SETTLE_S = 1.0  # standing before the command comes
MEASURE_AFTER_S = 4.0  # mean speed is taken from here on: the start-up is not part of it


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One seeded start.

    Attributes:
        speed: commanded speed [m/s]; 0 to stand.
        lateral: commanded sideways speed, left positive [m/s].
        yaw_rate: commanded turn rate [rad/s].
        seconds: length of the trial after settling [s].
        stop_at: from here on the command is to stand [s].
        noise: standard deviation of the noise on every excitation.
        seed: of start and noise.
    """

    speed: float = 0.0
    lateral: float = 0.0
    yaw_rate: float = 0.0
    seconds: float = 20.0
    stop_at: float = np.inf
    noise: float = 0.02
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a trial.

    Attributes:
        survived: no fall to the end.
        lived_s: time until the fall, or the whole [s].
        mean_speed: along the commanded direction, after the start-up [m/s]; 0 where the trial ended before.
        speed_error: |mean speed - command| [m/s].
        heading_error: |turn of the body - turn of the command| at the end [rad].
        drift: horizontal distance from the start, for standing [m].
        effort: mean excitation.
    """

    survived: bool
    lived_s: float
    mean_speed: float
    speed_error: float
    heading_error: float
    drift: float
    effort: float


class Track:
    """What is noted of a trial while it runs."""

    def __init__(self, state: BodyState, direction: tuple[float, float]) -> None:
        self.direction = direction
        self.start, self.speeds = state.root_position[:2].copy(), []  # type: tuple[Array, list[float]]
        self.turned = self.effort = 0.0
        self.ticks, self._yaw = 0, float(heading(state.root_quaternion))

    def note(self, state: BodyState, excitation: Array, *, moving: bool, measuring: bool) -> None:
        """Take in one tick."""
        now = float(heading(state.root_quaternion))
        if moving:
            self.turned += float(wrap(np.array(now - self._yaw)))
        if measuring:
            self.speeds.append(velocity_along(state, self.direction))
        self._yaw = now
        self.effort += float(excitation.mean())
        self.ticks += 1


def run_trial(policy_path: Path, trial: Trial) -> Outcome:
    """Run one trial with the exported policy on a fresh world."""
    body = load_body(read_contract(policy_path).body)
    policy = Policy.load(policy_path, body.description)
    contract = policy.contract
    dt = contract.control_dt_s
    world = World(body, control_dt=dt, physics_dt=1.0 / contract.physics_rate_hz, seed=trial.seed, excitation_noise=trial.noise)
    generator = GaitGenerator(body.description, np.array(contract.reference_offsets_s))
    state = world.reset(seed=trial.seed, perturbation=1.0)
    generator.reset(state)
    # What stands or turns in place is judged along its heading.
    direction = (trial.speed, trial.lateral) if trial.speed or trial.lateral else (1.0, 0.0)
    track, applied, largest = Track(state, direction), np.zeros(body.model.nu), contract.action.slew_per_s * dt
    for tick in range(round((SETTLE_S + trial.seconds) / dt)):
        since = tick * dt - SETTLE_S
        moving = 0.0 <= since < trial.stop_at
        command = MotionCommand(speed=np.array(trial.speed * moving), lateral=np.array(trial.lateral * moving), yaw_rate=np.array(trial.yaw_rate * moving))
        action = policy.act(state, generator.update(state, command, dt if tick else 0.0))
        applied = np.clip(action, applied - largest, applied + largest)
        state = world.step(applied)
        track.note(state, applied, moving=moving, measuring=moving and since > MEASURE_AFTER_S)
        if world.fallen:
            break
    return _outcome(trial, track, max(track.ticks * dt - SETTLE_S, 0.0), state, fallen=world.fallen)


def _outcome(trial: Trial, track: Track, lived: float, state: BodyState, *, fallen: bool) -> Outcome:
    mean = float(np.mean(track.speeds)) if track.speeds else 0.0
    wanted = float(np.hypot(trial.speed, trial.lateral))
    under_way = min(lived, trial.stop_at)
    return Outcome(
        survived=not fallen, lived_s=round(lived, 3), mean_speed=mean, speed_error=abs(mean - wanted),
        heading_error=abs(track.turned - trial.yaw_rate * under_way),
        drift=float(np.linalg.norm(state.root_position[:2] - track.start)), effort=track.effort / track.ticks,
    )  # fmt: skip


def velocity_along(state: BodyState, direction: tuple[float, float]) -> float:
    """Velocity of the root in a direction (ahead, left) of its heading [m/s]."""
    entries, v = rotation_entries(state.root_quaternion), state.root_linear_velocity
    x, y = (sum(entries[i][k] * v[k] for k in range(3)) for i in range(2))
    yaw = float(heading(state.root_quaternion))
    ahead, left = np.cos(yaw) * x + np.sin(yaw) * y, np.cos(yaw) * y - np.sin(yaw) * x
    return float((ahead * direction[0] + left * direction[1]) / np.hypot(*direction))


def summarise(outcomes: list[Outcome]) -> dict[str, Any]:
    """Shares and means over trials of one kind; speeds, headings and drift are those of the trials without a fall."""
    stayed = [o for o in outcomes if o.survived]
    ok = len(stayed)
    low, high = wilson_interval(ok, len(outcomes))
    return {
        "survived": ok, "of": len(outcomes), "interval_95": [round(low, 3), round(high, 3)],
        "mean_lived_s": round(float(np.mean([o.lived_s for o in outcomes])), 2),
        "mean_speed": _mean([o.mean_speed for o in stayed]), "mean_speed_error": _mean([o.speed_error for o in stayed]),
        "mean_heading_error": _mean([o.heading_error for o in stayed]), "mean_drift": _mean([o.drift for o in stayed]),
        "mean_effort": round(float(np.mean([o.effort for o in outcomes])), 4),
    }  # fmt: skip


def _mean(values: list[float]) -> float | None:
    """Rounded mean; None where there is nothing to average."""
    return round(float(np.mean(values)), 3) if values else None


def suite(abilities: Abilities, *, quick: bool = False) -> dict[str, Trial]:
    """What a policy is tried at: what it was trained to follow, all with 2 % noise."""
    stand_s, walk_s = (10.0, 5.0) if quick else (60.0, 20.0)
    kinds = {"stand": Trial(seconds=stand_s)}
    kinds |= {f"walk_{v:g}": Trial(speed=v, seconds=walk_s) for v in (0.4, 0.6, 0.9, 1.2, 1.4) if v <= abilities.max_speed}
    kinds |= {f"turn_{side}": Trial(speed=0.8, yaw_rate=rate, seconds=walk_s) for side, rate in (("left", 0.3), ("right", -0.3))}
    kinds |= {f"stop_{v:g}": Trial(speed=v, seconds=walk_s, stop_at=0.4 * walk_s) for v in (0.6, 1.1)}
    if abilities.min_speed < 0.0:
        kinds["back"] = Trial(speed=0.8 * abilities.min_speed, seconds=walk_s)
    if abilities.max_lateral > 0.0:
        kinds |= {f"side_{side}": Trial(lateral=0.8 * sign * abilities.max_lateral, seconds=walk_s) for side, sign in (("left", 1), ("right", -1))}
    if abilities.max_turn_in_place > 0.0:
        kinds |= {f"spin_{side}": Trial(yaw_rate=0.8 * sign * abilities.max_turn_in_place, seconds=walk_s) for side, sign in (("left", 1), ("right", -1))}
    return kinds


def evaluate(policy: Path, *, seeds: int, first_seed: int = 1000, workers: int = 2, quick: bool = False) -> dict[str, Any]:
    """Run the suite of what the policy's contract says it can do."""
    kinds = suite(Abilities.from_training(read_contract(policy).training), quick=quick)
    jobs = [(name, replace(t, seed=first_seed + s)) for name, t in kinds.items() for s in range(seeds)]
    with ProcessPoolExecutor(workers) as pool:
        outcomes = list(pool.map(run_trial, [policy] * len(jobs), [t for _, t in jobs]))
    grouped = {name: [o for (n, _), o in zip(jobs, outcomes, strict=True) if n == name] for name in kinds}
    return {name: summarise(group) | {"seconds": kinds[name].seconds} for name, group in grouped.items()}
