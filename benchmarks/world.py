"""What the world costs beyond bare physics: `world.step` against `mj_step` over the same states, interleaved in one run."""

import time

import mujoco
import numpy as np

from benchmarks.measure import Result, one_core
from kinesis_sim.bodies import load_body
from kinesis_sim.world import World

CONTROL_DT, TICKS, CHUNK = 0.025, 400, 8
"""Ten seconds a repeat: the body sinks down under a weak excitation and lies, the same way in both. The two take turns
every CHUNK ticks, so that whatever else the machine does meets both alike."""


def run(repeats: int = 7) -> list[Result]:
    """Speed of `world.step` as a share of bare `mj_step`, and the speed itself."""
    body = load_body("legs80")
    world = World(body, control_dt=CONTROL_DT, physics_dt=body.entry.physics_dt, seed=0)
    excitation = np.full(len(body.description.muscles), 0.05)
    with one_core():
        times = [race(world, excitation) for _ in range(repeats + 1)][1:]  # the first one warms the caches up
    shares = tuple(100.0 * bare / ours for ours, bare in times)
    factors = tuple(TICKS * CONTROL_DT / ours for ours, _ in times)
    return [
        Result(name="world.step, share of bare mj_step speed", unit="%", target="(aim: >= 90)", values=shares),
        Result(name="world.step alone, 80 muscles, one core", unit="x", target="real time", values=factors),
    ]


def race(world: World, excitation: np.ndarray) -> tuple[float, float]:
    """Processor seconds for TICKS ticks from the standing pose: through the world, and with nothing around the physics."""
    world.reset()
    bare = mujoco.MjData(world.model)
    mujoco.mj_copyData(bare, world.model, world.data)
    bare.ctrl[:] = excitation
    substeps = round(world.control_dt / world.physics_dt)
    ours = theirs = 0.0
    for _ in range(TICKS // CHUNK):
        begin = time.thread_time()
        for _ in range(CHUNK):
            world.step(excitation)
        between = time.thread_time()
        for _ in range(CHUNK):
            mujoco.mj_step(world.model, bare, substeps)
        ours += between - begin
        theirs += time.thread_time() - between
    assert np.array_equal(bare.qpos, world.data.qpos), "the two ran apart: they were not doing the same work"
    return ours, theirs
