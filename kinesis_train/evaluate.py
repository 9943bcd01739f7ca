"""Scores of an exported policy in closed loop: the robot's own code path, seeded starts, noise on every excitation."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyState
from kinesis_control.contract import read_contract
from kinesis_control.motion.command import MotionCommand
from kinesis_control.motion.generator import GaitGenerator, heading, wrap
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
        yaw_rate: commanded turn rate [rad/s].
        seconds: length under the command [s].
        noise: standard deviation of the noise on every excitation.
        seed: of start and noise.
    """

    speed: float
    yaw_rate: float = 0.0
    seconds: float = 20.0
    noise: float = 0.02
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a trial.

    Attributes:
        survived: no fall to the end.
        lived_s: time until the fall, or the whole [s].
        mean_speed: along the heading, after the start-up [m/s]; 0 where the trial ended before.
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

    def __init__(self, state: BodyState) -> None:
        self.start, self.speeds = state.root_position[:2].copy(), []  # type: tuple[Array, list[float]]
        self.turned = self.effort = 0.0
        self.ticks, self._yaw = 0, float(heading(state.root_quaternion))

    def note(self, state: BodyState, excitation: Array, *, moving: bool, measuring: bool) -> None:
        """Take in one tick."""
        now = float(heading(state.root_quaternion))
        if moving:
            self.turned += float(wrap(np.array(now - self._yaw)))
        if measuring:
            self.speeds.append(float(state.root_linear_velocity[0]))
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
    track, applied, largest = Track(state), np.zeros(body.model.nu), contract.action.slew_per_s * dt
    for tick in range(round((SETTLE_S + trial.seconds) / dt)):
        moving = tick * dt >= SETTLE_S
        command = MotionCommand(speed=np.array(trial.speed * moving), yaw_rate=np.array(trial.yaw_rate * moving))
        action = policy.act(state, generator.update(state, command, dt if tick else 0.0))
        applied = np.clip(action, applied - largest, applied + largest)
        state = world.step(applied)
        track.note(state, applied, moving=moving, measuring=tick * dt > SETTLE_S + MEASURE_AFTER_S)
        if world.fallen:
            break
    return _outcome(trial, track, max(track.ticks * dt - SETTLE_S, 0.0), state, fallen=world.fallen)


def _outcome(trial: Trial, track: Track, lived: float, state: BodyState, *, fallen: bool) -> Outcome:
    mean = float(np.mean(track.speeds)) if track.speeds else 0.0
    return Outcome(
        survived=not fallen, lived_s=round(lived, 3), mean_speed=mean, speed_error=abs(mean - trial.speed),
        heading_error=abs(track.turned - trial.yaw_rate * lived),
        drift=float(np.linalg.norm(state.root_position[:2] - track.start)), effort=track.effort / track.ticks,
    )  # fmt: skip


def wilson(successes: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share by Wilson's score (1927)."""
    p = successes / n
    centre, half = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return float((centre - half) / (1 + z * z / n)), float((centre + half) / (1 + z * z / n))


def summarise(outcomes: list[Outcome]) -> dict[str, Any]:
    """Shares and means over trials of one kind; speeds, headings and drift are those of the trials without a fall."""
    stayed = [o for o in outcomes if o.survived]
    ok = len(stayed)
    low, high = wilson(ok, len(outcomes))
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


def evaluate(
    policy: Path, *, seeds: int, first_seed: int = 1000, workers: int = 2, speeds: tuple[float, ...] = (0.6, 0.9, 1.2), quick: bool = False
) -> dict[str, Any]:
    """The fixed suite: standing 60 s, walking 20 s at each speed, turning both ways; all with 2 % noise."""
    stand_s, walk_s = (10.0, 5.0) if quick else (60.0, 20.0)
    kinds = {"stand": Trial(speed=0.0, seconds=stand_s)}
    kinds |= {f"walk_{v:g}": Trial(speed=v, seconds=walk_s) for v in speeds}
    kinds |= {f"turn_{side}": Trial(speed=0.8, yaw_rate=rate, seconds=walk_s) for side, rate in (("left", 0.3), ("right", -0.3))}
    jobs = [(name, Trial(**{**asdict(t), "seed": first_seed + s})) for name, t in kinds.items() for s in range(seeds)]
    with ProcessPoolExecutor(workers) as pool:
        outcomes = list(pool.map(run_trial, [policy] * len(jobs), [t for _, t in jobs]))
    grouped = {name: [o for (n, _), o in zip(jobs, outcomes, strict=True) if n == name] for name in kinds}
    return {name: summarise(group) | {"seconds": kinds[name].seconds} for name, group in grouped.items()}
