"""How well a policy goes where it is told: seeded goals and amounts, in closed loop with plan, reference and physics, without ROS.

python -m benchmarks.commands --policy models/legs80-stand-walk.onnx --seeds 40
"""

import argparse
import json
import math
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from kinesis_control.body_state import BodyState
from kinesis_control.contract import read_contract
from kinesis_control.motion.command import Abilities
from kinesis_control.motion.generator import GeneratorLimits, heading
from kinesis_control.motion.instruction import Understanding
from kinesis_control.motion.plan import Event, MotionPlan, PlanConfig
from kinesis_control.motion.sources import ReferenceSources
from kinesis_control.motion.words import parse
from kinesis_control.policy import Policy
from kinesis_sim.bodies import load_body
from kinesis_sim.world import World

SETTLE_S, AFTER_S = 1.0, 2.0
"""Standing before the command, and after its end: who falls then has not stopped well."""

HALF_SQUARE_M = 2.0
NOISE = 0.01

TEXTS = (
    "walk forward 1 metre", "walk forward 3 metres", "walk forward 6 metres", "turn left by 90 degrees", "turn right by 180 degrees",
    "walk back 1 metre", "side step left 0.5 metres",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One command after a seeded start.

    Attributes:
        text: what is said; empty for a goal drawn in the square around the body.
        heading: whether the goal has one.
        seed: of start, noise and goal.
        limit_s: end of the trial [s].
    """

    text: str = ""
    heading: bool = False
    seed: int = 0
    limit_s: float = 60.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of it.

    Attributes:
        ending: why the command ended, in the plan's words.
        fell: before or after that.
        seconds: from the command to its end.
        distance: of the pelvis from the goal at the end [m]; 0 for a text.
        heading_error: of a goal with a heading [rad].
        way: forward and left in the frame of the start [m], turn [rad].
    """

    ending: str
    fell: bool
    seconds: float
    distance: float
    heading_error: float
    way: tuple[float, float, float]


def run_trial(policy_path: Path, trial: Trial) -> Outcome:
    """Run one trial on a fresh world."""
    contract = read_contract(policy_path)
    body = load_body(contract.body)
    policy, dt = Policy.load(policy_path, body.description), contract.control_dt_s
    world = World(body, control_dt=dt, physics_dt=1.0 / contract.physics_rate_hz, seed=trial.seed, excitation_noise=NOISE)
    lim = GeneratorLimits()
    config = PlanConfig(acceleration=lim.acceleration, lateral_acceleration=lim.lateral_acceleration, yaw_acceleration=lim.yaw_acceleration, lag=lim.lag)
    plan = MotionPlan(Abilities.from_training(contract.training), config)
    sources = ReferenceSources(body.description, np.array(contract.reference_offsets_s))
    state = world.reset(seed=trial.seed, perturbation=1.0)
    sources.reset(state)
    applied, largest = np.zeros(body.model.nu), contract.action.slew_per_s * dt
    command, asked_at, end = _Command(trial), math.inf, None
    for tick in range(round(trial.limit_s / dt)):
        now = tick * dt
        events = plan.update(state, now, sources.stop_wait)
        if now >= SETTLE_S and asked_at == math.inf:
            asked_at = now
            command.ask(plan, state)
        elif now > asked_at and end is None and (plan.idle or world.fallen):
            end = command.measure(state, events, now - asked_at)
        if world.fallen or (end is not None and now - asked_at > end.seconds + AFTER_S):
            break
        window = sources.update(state, plan.command, plan.playing, now, dt if tick else 0.0)
        applied = np.clip(policy.act(state, window), applied - largest, applied + largest)
        state = world.step(applied)
    end = end or command.measure(state, plan.update(state, now), now - asked_at)
    return Outcome(**{**asdict(end), "fell": world.fallen})


class _Command:
    """A goal or a text, and how far it was fulfilled."""

    def __init__(self, trial: Trial) -> None:
        self._trial, self._reply = trial, ""
        rng = np.random.default_rng(trial.seed)
        self._offset, self._yaw = rng.uniform(-HALF_SQUARE_M, HALF_SQUARE_M, 2), float(rng.uniform(-math.pi, math.pi))

    def ask(self, plan: MotionPlan, state: BodyState) -> None:
        """Give it to the plan."""
        self._from, self._from_yaw = state.root_position[:2].copy(), float(heading(state.root_quaternion))
        if self._trial.text:
            self._reply = plan.say(_understood(self._trial.text))
            return
        self._goal = self._from + self._offset
        yaw = self._yaw if self._trial.heading else None
        self._reply, _ = plan.goal(float(self._goal[0]), float(self._goal[1]), yaw, state)

    def measure(self, state: BodyState, events: list[Event], seconds: float) -> Outcome:
        """Where the body is."""
        yaw = float(heading(state.root_quaternion))
        c, s = math.cos(self._from_yaw), math.sin(self._from_yaw)
        dx, dy = (state.root_position[:2] - self._from).tolist()
        distance, off = 0.0, 0.0
        if not self._trial.text:
            distance = float(np.hypot(*(self._goal - state.root_position[:2])))
            off = math.remainder(self._yaw - yaw, math.tau) if self._trial.heading else 0.0
        ended = next((e.ending.name for e in reversed(events) if e.ending is not None), "REFUSED" if "refused" in self._reply else "UNFINISHED")
        way = (c * dx + s * dy, c * dy - s * dx, math.remainder(yaw - self._from_yaw, math.tau))
        return Outcome(ending=ended, fell=state.fallen, seconds=seconds, distance=distance, heading_error=off, way=way)


def _understood(text: str) -> Understanding:
    asked = parse(text)
    if not asked.understood:
        raise ValueError(f"'{text}' is not understood: {asked.reply}")
    return asked


def main() -> None:
    """Run the suite and write one line a kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policy", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    kinds = {"goal": Trial(), "goal with heading": Trial(heading=True)} | {text: Trial(text=text) for text in TEXTS}
    jobs = [(name, Trial(**{**asdict(t), "seed": s})) for name, t in kinds.items() for s in (seeds if not t.text else seeds[: max(args.seeds // 5, 1)])]
    with ProcessPoolExecutor(args.workers) as pool:
        outcomes = list(pool.map(run_trial, [args.policy] * len(jobs), [t for _, t in jobs]))
    rows = {name: [o for (n, _), o in zip(jobs, outcomes, strict=True) if n == name] for name in kinds}
    for name, group in rows.items():
        sys.stdout.write(summary(name, group) + "\n")
    if args.json:
        args.json.write_text(json.dumps({name: [asdict(o) for o in group] for name, group in rows.items()}, indent=1))


def summary(name: str, group: list[Outcome]) -> str:
    """One line: shares, and medians over the trials that succeeded."""
    done = [o for o in group if o.ending == "SUCCEEDED"]
    stood = sum(not o.fell for o in done)
    line = f"{name:<26} {len(done)}/{len(group)} done, {stood} of them stood after"
    if not done:
        return line + f" ({', '.join(sorted({o.ending for o in group}))})"
    seconds = float(np.median([o.seconds for o in done]))
    if name.startswith("goal"):
        within = sum(o.distance <= 0.1 for o in done)
        off = math.degrees(float(np.median([abs(o.heading_error) for o in done])))
        return f"{line}; {within} within 0.1 m, median {np.median([o.distance for o in done]):.3f} m, {off:.0f} degrees, {seconds:.1f} s"
    forward, left, turn = (float(np.median([o.way[i] for o in done])) for i in range(3))
    spread = [float(np.std([o.way[i] for o in done])) for i in range(3)]
    return (
        f"{line}; forward {forward:.2f} m (sd {spread[0]:.2f}), left {left:.2f} m (sd {spread[1]:.2f}), "
        f"turned {math.degrees(turn):.0f} degrees (sd {math.degrees(spread[2]):.0f}), {seconds:.1f} s"
    )


if __name__ == "__main__":
    main()
