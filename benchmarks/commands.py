"""How exactly a policy goes where it is told: seeded goals and amounts, in closed loop with plan, reference and physics, without ROS.

Every share is of all trials, with its 95 % interval (Wilson); who falls, then or in the two seconds after, has not arrived.

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
from kinesis_control.evaluate.statistics import wilson_interval
from kinesis_control.motion.command import Abilities
from kinesis_control.motion.generator import GeneratorLimits, heading
from kinesis_control.motion.instruction import Understanding
from kinesis_control.motion.plan import Event, MotionPlan, PlanConfig
from kinesis_control.motion.plan.build import step_length
from kinesis_control.motion.sources import ReferenceSources
from kinesis_control.motion.words import parse
from kinesis_control.policy import Policy
from kinesis_sim.bodies import load_body
from kinesis_sim.world import World

SETTLE_S, AFTER_S = 1.0, 2.0
"""Standing before the command, and after its end: who falls then has not stopped well."""

HALF_SQUARE_M = 2.0
NOISE = 0.01

NEAR_M, ROUGHLY_M, NEAR_RAD, SOON_S = 0.1, 0.3, math.radians(10.0), 5.0
"""What counts as exact, as roughly there, as facing it, and as soon."""

TWO_STEPS_M = 2.0 * step_length(PlanConfig().back_speed)

TEXTS = {
    "walk forward 0.5 metres": (0.5, 0.0, 0.0),
    "walk forward 1 metre": (1.0, 0.0, 0.0),
    "walk forward 3 metres": (3.0, 0.0, 0.0),
    "walk forward 6 metres": (6.0, 0.0, 0.0),
    "turn right by 30 degrees": (0.0, 0.0, -30.0),
    "turn left by 90 degrees": (0.0, 0.0, 90.0),
    "turn right by 180 degrees": (0.0, 0.0, -180.0),
    "walk back 1 metre": (-1.0, 0.0, 0.0),
    "take two steps backwards": (-TWO_STEPS_M, 0.0, 0.0),
    "side step left 0.5 metres": (0.0, 0.5, 0.0),
}
"""Where each ends: forward and left [m] and turn [degrees] in the frame of the start."""


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
        soonest: from the command until the pelvis was first within NEAR_M of its end [s]; None: never.
        distance: of the pelvis from where it should be, at the end [m].
        heading_error: wanted heading less its own, then [rad]; 0 for a goal without one.
        way: forward and left in the frame of the start [m], turn [rad].
    """

    ending: str
    fell: bool
    seconds: float
    soonest: float | None
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
    plan.limit(sources.reach)
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
        if end is None and asked_at < math.inf:
            command.watch(state, now - asked_at)
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
        self._soonest: float | None = None
        rng = np.random.default_rng(trial.seed)
        self._offset, self._yaw = rng.uniform(-HALF_SQUARE_M, HALF_SQUARE_M, 2), float(rng.uniform(-math.pi, math.pi))

    def ask(self, plan: MotionPlan, state: BodyState) -> None:
        """Give it to the plan."""
        self._from, self._from_yaw = state.root_position[:2].copy(), float(heading(state.root_quaternion))
        if self._trial.text:
            forward, left, turn = TEXTS[self._trial.text]
            c, s = math.cos(self._from_yaw), math.sin(self._from_yaw)
            self._goal = self._from + np.array([c * forward - s * left, s * forward + c * left])
            self._yaw = self._from_yaw + math.radians(turn)
            self._reply = plan.say(_understood(self._trial.text))
            return
        self._goal = self._from + self._offset
        yaw = self._yaw if self._trial.heading else None
        self._reply, _ = plan.goal(float(self._goal[0]), float(self._goal[1]), yaw, state)

    def _distance(self, state: BodyState) -> float:
        return float(np.hypot(*(self._goal - state.root_position[:2])))

    def watch(self, state: BodyState, seconds: float) -> None:
        """Note when it comes near for the first time."""
        if self._soonest is None and not state.fallen and self._distance(state) <= NEAR_M:
            self._soonest = seconds

    def measure(self, state: BodyState, events: list[Event], seconds: float) -> Outcome:
        """Where the body is."""
        yaw = float(heading(state.root_quaternion))
        c, s = math.cos(self._from_yaw), math.sin(self._from_yaw)
        dx, dy = (state.root_position[:2] - self._from).tolist()
        off = math.remainder(self._yaw - yaw, math.tau) if self._trial.heading or self._trial.text else 0.0
        ended = next((e.ending.name for e in reversed(events) if e.ending is not None), "REFUSED" if "refused" in self._reply else "UNFINISHED")
        way = (c * dx + s * dy, c * dy - s * dx, math.remainder(yaw - self._from_yaw, math.tau))
        return Outcome(
            ending=ended, fell=state.fallen, seconds=seconds, soonest=self._soonest, distance=self._distance(state), heading_error=off, way=way
        )  # fmt: skip


def _understood(text: str) -> Understanding:
    asked = parse(text)
    if not asked.understood:
        raise ValueError(f"'{text}' is not understood: {asked.reply}")
    return asked


def main() -> None:
    """Run the suite and write what came of each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policy", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path)
    kinds = {"goal": Trial(), "goal with heading": Trial(heading=True)} | {text: Trial(text=text) for text in TEXTS}
    parser.add_argument("--kinds", nargs="+", choices=list(kinds), default=list(kinds), metavar="KIND", help="which of: " + ", ".join(kinds))
    args = parser.parse_args()
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    chosen = {name: kinds[name] for name in args.kinds}
    jobs = [(name, Trial(**{**asdict(t), "seed": s})) for name, t in chosen.items() for s in (seeds if not t.text else seeds[: max(args.seeds // 4, 1)])]
    with ProcessPoolExecutor(args.workers) as pool:
        outcomes = list(pool.map(run_trial, [args.policy] * len(jobs), [t for _, t in jobs]))
    rows = {name: [o for (n, _), o in zip(jobs, outcomes, strict=True) if n == name] for name in chosen}
    for name, group in rows.items():
        sys.stdout.write(summary(name, group) + "\n")
    if args.json:
        args.json.write_text(json.dumps({name: [asdict(o) for o in group] for name, group in rows.items()}, indent=1))


def summary(name: str, group: list[Outcome]) -> str:
    """What came of one kind: shares of all trials, then medians over those that stood at their end."""
    stood = [o for o in group if not o.fell]
    endings = ", ".join(f"{sum(o.ending == ending for o in group)} {ending}" for ending in sorted({o.ending for o in group}))
    facing = [abs(o.heading_error) <= NEAR_RAD for o in stood]
    shares = {
        f"within {NEAR_M:g} m": sum(o.distance <= NEAR_M for o in stood),
        f"within {ROUGHLY_M:g} m": sum(o.distance <= ROUGHLY_M for o in stood),
        f"within {math.degrees(NEAR_RAD):.0f} degrees": sum(facing),
        f"within {NEAR_M:g} m and {math.degrees(NEAR_RAD):.0f} degrees": sum(o.distance <= NEAR_M and f for o, f in zip(stood, facing, strict=True)),
        f"within {NEAR_M:g} m in the first {SOON_S:g} s": sum(o.soonest is not None and o.soonest <= SOON_S for o in group),
        "fell": len(group) - len(stood),
    }
    if name == "goal":  # any heading is right
        shares = {what: count for what, count in shares.items() if "degrees" not in what}
    lines = [f"{name}: {len(group)} trials, {endings}", *(f"  {what:<32} {_share(count, len(group))}" for what, count in shares.items())]
    if stood:
        distance, off, seconds = (float(np.median(v)) for v in zip(*((o.distance, abs(o.heading_error), o.seconds) for o in stood), strict=True))
        lines.append(f"  median {distance:.3f} m, {math.degrees(off):.1f} degrees, {seconds:.1f} s; longest {max(o.seconds for o in stood):.1f} s")
    return "\n".join(lines)


def _share(count: int, n: int) -> str:
    low, high = wilson_interval(count, n)
    return f"{count}/{n} ({low:.2f} to {high:.2f})"


if __name__ == "__main__":
    main()
