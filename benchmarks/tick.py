"""Policy tick: from a body state in hand to a command in hand - observation, inference, limits."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.measure import Result, one_core, percentile
from benchmarks.synthetic import write_policy
from kinesis_control.body_state import BodyDescription, BodyState
from kinesis_control.policy import Policy
from kinesis_control.reference import ReferenceWindow
from kinesis_control.safety.limits import Command, Expected, Limits, Workspace, check_and_limit
from kinesis_sim.bodies import load_body

TARGETS = {"legs80": "(aim: p50 <= 0.35, p99 <= 1)", "legs_back290": "(aim: p50 <= 0.8)"}
TICKS, WARM_UP = 1000, 100


def run(shipped: Path | None, repeats: int = 5) -> Iterator[Result]:
    """p50 and p99 at 80 and 290 muscles. Where no policy is shipped for a body, one of the shipped one's size is made."""
    for name, target in TARGETS.items():
        body = load_body(name).description
        with tempfile.TemporaryDirectory() as folder:
            path = shipped
            if path is None or not path.stem.startswith(f"{name}-"):
                path = Path(folder) / f"{name}-synthetic.onnx"
                write_policy(path, body, control_rate_hz=40.0, physics_rate_hz=200.0, like=shipped)
            policy = Policy.load(path, body)
        with one_core():
            blocks = [tick_times_ms(policy, body) for _ in range(repeats)]
        for share, label in ((0.5, "p50"), (0.99, "p99")):
            values = tuple(percentile(block, share) for block in blocks)
            title = f"policy tick, {len(body.muscles)} muscles ({path.stem}), {label}"
            yield Result(name=title, unit="ms", target=target, values=values)


def tick_times_ms(policy: Policy, body: BodyDescription) -> list[float]:
    """Duration of each of TICKS ticks [ms]."""
    state, reference = made_up_state(body), ReferenceWindow.zeros(body, np.asarray(policy.contract.reference_offsets_s))
    dt = policy.contract.control_dt_s
    limits = Limits(n_muscles=len(body.muscles), layout_hash=body.muscles.hash, slew_per_s=policy.contract.action.slew_per_s, control_dt_s=dt)
    expected, work, applied = Expected(commander="bench"), Workspace(len(body.muscles)), np.zeros(len(body.muscles))
    policy.reset()
    times = []
    for seq in range(TICKS + WARM_UP):
        state.seq = reference.seq = expected.seq = seq
        state.stamp_ns = reference.stamp_ns = expected.stamp_ns = round(seq * dt * 1e9)
        begin = time.perf_counter_ns()
        values = policy.act(state, reference)
        command = Command(seq=seq, stamp_ns=state.stamp_ns, layout_hash=body.muscles.hash, commander="bench", values=values, valid_for_s=0.1)
        verdict = check_and_limit(command, limits, expected, applied, 1e-9 * state.stamp_ns, work)
        times.append(1e-6 * (time.perf_counter_ns() - begin))
        assert verdict.accepted, verdict.detail
        applied[:] = work.values
    return times[WARM_UP:]


def made_up_state(body: BodyDescription) -> BodyState:
    """A finite state with numbers in every array: zeros could be computed faster than what a body sends."""
    rng = np.random.default_rng(0)
    state = BodyState.zeros(body)
    for values in state.arrays().values():
        values[:] = 0.1 * rng.random(values.shape)
    state.root_quaternion[:] = (1.0, 0.0, 0.0, 0.0)
    return state
