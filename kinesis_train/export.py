"""Checkpoint -> one ONNX file with its contract inside, checked against torch, and a card beside it."""

import io
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch

from kinesis_control.contract import ActionSpec, Contract, GoldenSample
from kinesis_control.errors import ContractError, UnavailableError
from kinesis_sim.bodies import Body, load_body
from kinesis_train.env import REFERENCE_OFFSETS, EnvConfig, WalkEnv, observation_terms
from kinesis_train.networks import MusclePolicy
from kinesis_train.walk import build_policy

TOLERANCE = 1e-5  # largest allowed difference between torch and ONNX Runtime, in excitation
PROVENANCE = "no motion data: the reference is procedural, from published gait figures and the body's own geometry"


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Content of a checkpoint.

    Raises:
        UnavailableError: there is none, or it cannot be read.
    """
    try:
        return torch.load(path, weights_only=False, map_location="cpu")
    except FileNotFoundError as error:
        raise UnavailableError(f"no checkpoint at '{path}'") from error
    except Exception as error:  # torch and pickle raise many types on a damaged file
        raise UnavailableError(f"checkpoint '{path}' cannot be read: {error}") from error


def restore_policy(stored: dict[str, Any]) -> tuple[MusclePolicy, WalkEnv, Body]:
    """The policy of a checkpoint, with a small environment to draw observations from."""
    run = stored["run"]
    body = load_body(run["body"])
    env = WalkEnv(body, EnvConfig(envs=16, threads=1), seed=run["seed"])
    policy = build_policy(body, env, tuple(run["hidden"]))
    policy.load_state_dict(stored["learner"]["policy"])
    return policy.eval(), env, body


def export_policy(checkpoint: Path, target: Path, scores: dict[str, Any] | None = None) -> Contract:
    """Write the policy of a checkpoint as ONNX with its contract.

    Raises:
        ContractError: torch and ONNX Runtime disagree by more than 1e-5.
    """
    stored = load_checkpoint(checkpoint)
    policy, env, body = restore_policy(stored)
    observations = _observations(policy, env)
    model = onnx.load_from_string(_to_onnx(policy, observations[:1]))
    error = largest_error(policy, model.SerializeToString(), observations)
    if error > TOLERANCE:
        raise ContractError(f"export: torch and ONNX Runtime differ by {error:.2e}, allowed {TOLERANCE:.0e}")
    contract = _contract(stored, body, target.stem, policy, observations[0], scores or {}, error)
    for key, value in contract.to_metadata().items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.checker.check_model(model)
    temporary = target.with_suffix(".tmp")
    temporary.write_bytes(model.SerializeToString())
    temporary.replace(target)
    return contract


@torch.no_grad()
def _observations(policy: MusclePolicy, env: WalkEnv) -> np.ndarray:
    """Observations met while walking, to compare and to keep one as the golden sample; float32 (n, size)."""
    rows = []
    for _ in range(20):
        rows.append(env.observation.copy())
        _, failed, _ = env.step(policy(torch.from_numpy(rows[-1])).numpy().astype(float))
        env.reset(np.flatnonzero(failed))
    return np.concatenate(rows[::-1])


def _to_onnx(policy: MusclePolicy, sample: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    torch.onnx.export(
        policy, (torch.from_numpy(sample),), buffer, input_names=["observation"], output_names=["excitation"], opset_version=17, dynamo=False
    )
    return buffer.getvalue()


@torch.no_grad()
def largest_error(policy: MusclePolicy, content: bytes, observations: np.ndarray) -> float:
    """Largest difference of one excitation between torch and ONNX Runtime over the observations."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    worst = 0.0
    for row in observations:
        got = session.run(["excitation"], {"observation": row[None]})[0]
        worst = max(worst, float(np.abs(got - policy(torch.from_numpy(row[None])).numpy()).max()))
    return worst


@torch.no_grad()
def _contract(stored: dict[str, Any], body: Body, name: str, policy: MusclePolicy, sample: np.ndarray, scores: dict[str, Any], error: float) -> Contract:
    run, facts = stored["run"], stored["facts"]
    task = run["curriculum"][-1][1]
    action = policy(torch.from_numpy(sample[None])).numpy()[0]
    dt = run["env"]["control_dt"]
    return Contract.for_body(
        body.description,
        name=name,
        control_rate_hz=round(1.0 / dt, 9),
        physics_rate_hz=round(1.0 / body.model.opt.timestep, 9),
        observation=observation_terms(body),
        reference_offsets_s=REFERENCE_OFFSETS,
        action=ActionSpec(slew_per_s=task["slew_per_s"]),
        training={
            "method": "PPO on a structured action: joint offsets -> muscle lengths -> length servo + feed-forward, folded into the graph",
            "data": PROVENANCE,
            "licence": "Apache-2.0",
            "seed": run["seed"],
            "steps": stored["learner"]["steps"],
            "wall_seconds": round(facts["seconds"]),
            "commands": commands(task),
            "decoder": {k: round(v, 6) for k, v in facts.items() if isinstance(v, float)},
            "torch_onnx_error": error,
        },
        revision=revision(),
        scores=scores,
        golden=GoldenSample(observation=tuple(sample.astype(float)), action=tuple(action.astype(float))),
    )


def commands(task: dict[str, Any]) -> dict[str, float]:
    """What a policy that practised a task (TaskConfig as a dict) can be asked for, in the words of Abilities."""
    return {
        "min_speed": -task["max_back"] if task["back_share"] else 0.0,
        "max_speed": task["max_speed"],
        "max_lateral": task["max_lateral"] if task["side_share"] else 0.0,
        "max_yaw_rate": task["max_turn"],
        "max_turn_in_place": task["max_spin"] if task["spin_share"] else 0.0,
    }


def revision() -> str:
    """Short git revision of the source, with "+" when it was changed since; "unknown" outside a checkout."""
    try:
        name = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        changed = subprocess.run(["git", "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return name + ("+" if changed else "")
