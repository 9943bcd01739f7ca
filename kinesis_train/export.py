"""Checkpoint -> one ONNX file with its contract inside, checked against torch, and a card beside it."""

import io
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from kinesis_control.contract import ActionSpec, Contract, GoldenSample
from kinesis_control.errors import ContractError
from kinesis_sim.bodies import Body, load_body
from kinesis_train.checkpoint import load_checkpoint
from kinesis_train.env import REFERENCE_OFFSETS, EnvConfig, WalkEnv, observation_terms
from kinesis_train.gating import GATE, account, restore_mixture
from kinesis_train.mixture import ExpertMixture
from kinesis_train.mixture_export import mixture_graph
from kinesis_train.networks import MusclePolicy
from kinesis_train.walk import build_policy

TOLERANCE = 1e-5  # largest allowed difference between torch and ONNX Runtime, in excitation
PROVENANCE = "no motion data: the reference is procedural, from published gait figures and the body's own geometry"

STRUCTURED = "PPO on a structured action: joint offsets -> muscle lengths -> length servo + feed-forward"
METHODS = {
    "structured": f"{STRUCTURED}, folded into the graph",
    "residual": f"{STRUCTURED} + a residual for every muscle, folded into the graph",
    "direct": "PPO on excitations",
    "length": "PPO on target lengths of the muscles, their force-limited servo folded into the graph",
}
LICENCE = "Apache-2.0"
NO_COMMANDS = {"min_speed": 0.0, "max_speed": 0.0, "max_lateral": 0.0, "max_yaw_rate": 0.0, "max_turn_in_place": 0.0}


def restore_policy(stored: dict[str, Any]) -> tuple[MusclePolicy | ExpertMixture, WalkEnv, Body]:
    """The policy, or mixture of policies, of a checkpoint, with a small environment to draw observations from."""
    run = stored["run"]
    body = load_body(run["body"])
    env = WalkEnv(body, EnvConfig(envs=16, threads=1), seed=run["seed"])
    if stored.get("kind") == GATE:
        return restore_mixture(stored, env), env, body
    policy = build_policy(body, env, tuple(run["hidden"]), run.get("action", "structured"))
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
    write_policy_file(model, contract, target)
    return contract


def write_policy_file(model: onnx.ModelProto, contract: Contract, target: Path) -> None:
    """Put the contract into a checked graph and write it; a file that stood there is replaced whole or not at all."""
    for key, value in contract.to_metadata().items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.checker.check_model(model)
    temporary = target.with_suffix(".tmp")
    temporary.write_bytes(model.SerializeToString())
    temporary.replace(target)


@torch.no_grad()
def _observations(policy: nn.Module, env: WalkEnv) -> np.ndarray:
    """Observations met while walking, to compare and to keep one as the golden sample; float32 (n, size)."""
    rows = []
    for _ in range(20):
        rows.append(env.observation.copy())
        _, failed, _ = env.step(policy(torch.from_numpy(rows[-1])).numpy().astype(float))
        env.reset(np.flatnonzero(failed))
    return np.concatenate(rows[::-1])


def _to_onnx(policy: nn.Module, sample: np.ndarray) -> bytes:
    if isinstance(policy, ExpertMixture):
        muscles = policy(torch.from_numpy(sample)).shape[1]
        return mixture_graph(policy, sample.shape[1], muscles).SerializeToString()
    buffer = io.BytesIO()
    torch.onnx.export(policy, (torch.from_numpy(sample),), buffer, input_names=["observation"], output_names=["excitation"], opset_version=17, dynamo=False)
    return buffer.getvalue()


@torch.no_grad()
def largest_error(policy: nn.Module, content: bytes, observations: np.ndarray) -> float:
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
def _contract(stored: dict[str, Any], body: Body, name: str, policy: nn.Module, sample: np.ndarray, scores: dict[str, Any], error: float) -> Contract:
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
            **learned_from(stored),
            "seed": run["seed"],
            "steps": stored["learner"]["steps"] + sum(facts.get("expert_steps", ())),
            "wall_seconds": round(facts["seconds"]),
            "commands": commands(task) if run.get("generator_share", 1.0) > 0.0 else NO_COMMANDS,
            "decoder": {k: round(v, 6) for k, v in facts.items() if isinstance(v, float)},
            "torch_onnx_error": error,
            **({"distilled_from": facts["teacher"]} if "teacher" in facts else {}),
            **({"mixture": account(stored, policy)} if isinstance(policy, ExpertMixture) else {}),
        },
        revision=revision(),
        scores=scores,
        golden=GoldenSample(observation=tuple(sample.astype(float)), action=tuple(action.astype(float))),
    )


def learned_from(stored: dict[str, Any]) -> dict[str, Any]:
    """Method, data and licences of a checkpoint, in the words of a contract; every data set with its licence and credit."""
    facts, method = stored["facts"], METHODS[stored["run"].get("action", "structured")]
    sources = {tuple(sorted(s.items())): s for s in (*facts.get("sources", ()), *facts.get("start_from_data", ()))}
    if not sources:
        return {"method": method, "data": PROVENANCE, "licence": LICENCE}
    clips = list(facts.get("clips", ()))
    named = "; ".join(f"{s['dataset']} ({s['licence']})" for s in sources.values())
    return {
        "method": f"imitation of {len(clips)} clips and of commands, {method}",
        "data": f"recorded human motion: {named}; besides, procedural references without motion data",
        "licence": f"{LICENCE}, for the weights; the motion data keep their own licences",
        "motion_data": list(sources.values()),
        "clips": clips,
        "judged": {k: round(v, 4) for k, v in facts.get("judged", {}).items() if np.isfinite(v)},
        "started_from_steps": facts.get("start_from_steps", 0),
    }


def commands(task: dict[str, Any]) -> dict[str, float | list[float]]:
    """What a policy that practised a task (TaskConfig as a dict) can be asked for, in the words of Abilities."""
    return {
        "min_speed": -task["max_back"] if task["back_share"] else 0.0,
        "max_speed": task["max_speed"],
        "max_lateral": task["max_lateral"] if task["side_share"] else 0.0,
        "max_yaw_rate": task["max_turn"],
        "max_turn_in_place": task["max_spin"] if task["spin_share"] else 0.0,
        "creep": [float(v) for v in task["creep"]] if task.get("creep_share") else [0.0, 0.0, 0.0],
    }


def revision() -> str:
    """Short git revision of the source, with "+" when it was changed since; "unknown" outside a checkout."""
    try:
        name = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        changed = subprocess.run(["git", "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return name + ("+" if changed else "")
