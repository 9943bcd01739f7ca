"""A made-up recording for the tests of the command line: legs80 glides along and moves no joint."""

from pathlib import Path
from typing import Any

import numpy as np

from kinesis_control.body_state import BodyState
from kinesis_control.reference import ReferenceWindow
from kinesis_sim.benchmark.bag import CaseBag
from kinesis_sim.benchmark.suites import Case
from kinesis_sim.bodies import load_body

SPEED = 0.8
POLICY_SHA256 = "c" * 64
"""Of a policy that nobody has."""


class _Contract:
    name = "made-up"


def write_glide(path: Path, *, first: int = 0, ticks: int = 80, seed: int = 1) -> Path:
    """States from number `first` on, 40 a second, along x at SPEED; returns the bag."""
    body = load_body("legs80").description
    case: Any = Case(suite="s", kind="k", seed=seed, seconds=0.025 * ticks)
    state, window = BodyState.zeros(body), ReferenceWindow.zeros(body, np.array([0.025]))
    with CaseBag(path, body, case, _Contract(), POLICY_SHA256) as writer:  # type: ignore[arg-type]
        for seq in range(first, first + ticks):
            state.seq = window.seq = seq
            state.stamp_ns = window.stamp_ns = seq * 25_000_000
            state.root_position[:] = 0.025 * SPEED * seq, 0.0, 0.9
            writer.write(state, window, np.full(len(body.muscles), 0.1))
    return path
