"""Steps a second of the training environment and of PPO as a whole, on the processors that are there: `python -m benchmarks.training`.

The environment does all that training does, observation, reward and new episodes for bodies that fall, under a weak constant
excitation; PPO adds the policy and its updates. Bodies without a gait table follow a clip that stands still.
"""

import argparse
import time
from collections.abc import Callable

import mujoco
import numpy as np
import torch

from benchmarks.measure import Result
from kinesis_control.motion.clip import MotionClip
from kinesis_control.motion.gait_table import TABLES
from kinesis_sim.bodies import Body, load_body
from kinesis_train.clip_check import clip_poses
from kinesis_train.clip_reference import ClipReference, ClipTask
from kinesis_train.clips import ClipBank
from kinesis_train.env import REFERENCE_OFFSETS, EnvConfig, TrackingEnv, WalkEnv
from kinesis_train.ppo import Ppo, PpoConfig
from kinesis_train.walk import build_policy

TARGETS = {("environment", 80): ">= 5,000", ("environment", 290): ">= 1,800", ("PPO", 80): ">= 4,000"}
"""Aims on two cores."""


def standing_clip(body: Body, seconds: float = 4.0, rate_hz: float = 40.0) -> MotionClip:
    """The standing pose, held."""
    n, d = round(seconds * rate_hz) + 1, body.description
    level = np.tile([1.0, 0.0, 0.0, 0.0], (n, 1))
    clip = MotionClip(
        name="stand", rate_hz=rate_hz, root_position=np.tile(body.standing_qpos[:3], (n, 1)), root_quaternion=level,
        root_linear_velocity=np.zeros((n, 3)), root_angular_velocity=np.zeros((n, 3)),
        joint_position=np.tile(body.standing_qpos[body.joint_qpos_adr], (n, 1)), joint_velocity=np.zeros((n, len(d.joint_names))),
        key_body_position=np.zeros((n, len(d.key_body_names), 3)), contact=np.ones((n, len(d.contact_names))),
    )  # fmt: skip
    data = mujoco.MjData(body.model)
    data.qpos[:] = clip_poses(body, clip)[0]
    mujoco.mj_kinematics(body.model, data)
    clip.key_body_position[:] = data.xpos[body.key_body_ids]
    return clip


def clip_env(body: Body, config: EnvConfig) -> TrackingEnv:
    """An environment that follows `standing_clip`."""
    clip = standing_clip(body)
    activation = np.full((round(clip.duration_s / config.control_dt) + 1, body.model.nu), 0.05)
    bank = ClipBank.of(body, [clip], [activation], dt=config.control_dt, offsets=REFERENCE_OFFSETS)
    return TrackingEnv(body, config, 0, lambda env, window: ClipReference(bank, window, ClipTask(), env.rng))


def environments(body: Body, config: EnvConfig) -> dict[str, Callable[[], TrackingEnv]]:
    """What can be practised with a body."""
    walk: dict[str, Callable[[], TrackingEnv]] = {"commands": lambda: WalkEnv(body, config, 0)}
    return (walk if (TABLES / f"{body.description.name}.npz").is_file() else {}) | {"a clip": lambda: clip_env(body, config)}


def environment_pace(env: TrackingEnv, ticks: int) -> float:
    """Steps of single bodies a second."""
    excitation = np.full(env.excitation.shape, 0.05)
    begun = time.perf_counter()
    for _ in range(ticks):
        _, failed, over = env.step(excitation)
        env.reset(np.flatnonzero(failed | over))
    return ticks * len(excitation) / (time.perf_counter() - begun)


def ppo_pace(learner: Ppo, rounds: int) -> float:
    """The same with policy and updates."""
    steps, begun = learner.steps, time.perf_counter()
    for _ in range(rounds):
        learner.round()
    return (learner.steps - steps) / (time.perf_counter() - begun)


def run(bodies: tuple[str, ...], *, envs: int = 64, threads: int = 2, ticks: int = 80, repeats: int = 3) -> list[Result]:
    """Measure every body."""
    config, results = EnvConfig(envs=envs, threads=threads), []
    for name in bodies:
        body = load_body(name)
        for kind, make in environments(body, config).items():
            env, muscles = make(), body.model.nu
            environment_pace(env, 8)  # warms the caches up
            paces = tuple(environment_pace(env, ticks) for _ in range(repeats))
            label = f"{muscles} muscles, {kind}, {threads} threads"
            results.append(Result(name=f"environment, {label}", unit="/s", target=TARGETS.get(("environment", muscles), ""), values=paces))
            torch.manual_seed(0)
            learner = Ppo(build_policy(body, env, (256, 128)), env, PpoConfig())
            learner.round()
            rounds = max(1, ticks // learner.config.horizon)
            paces = tuple(ppo_pace(learner, rounds) for _ in range(repeats))
            results.append(Result(name=f"PPO, {label}", unit="/s", target=TARGETS.get(("PPO", muscles), ""), values=paces))
    return results


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bodies", default="legs80,legs_back290", help="names, separated by commas (default %(default)s)")
    parser.add_argument("--envs", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--ticks", type=int, default=80, help="control ticks a repeat (default %(default)s)")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    for result in run(tuple(args.bodies.split(",")), envs=args.envs, threads=args.threads, ticks=args.ticks, repeats=args.repeats):
        print(result.row())


if __name__ == "__main__":
    main()
