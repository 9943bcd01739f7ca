"""Make the policy of a hanging body: a network learns what the teacher of suspended.py answers, around references of the gait generator.

The teacher knows nothing but the present state and two frames of the reference, so it can be asked anywhere: nothing has to be simulated.
A sample's mirror image teaches, too. The finished file is tried on the emulated robot's own muscles, fluid and sensors (emulator/chain.py).
"""

import hashlib
import io
import itertools
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kinesis_control.body_state import BodyState
from kinesis_control.contract import ActionSpec, Contract, GoldenSample, ObservationTerm
from kinesis_control.errors import ConfigurationError, ContractError
from kinesis_control.motion.command import Abilities, MotionCommand
from kinesis_control.motion.generator import GaitGenerator
from kinesis_control.observation import ObservationBuilder, term_size
from kinesis_control.policy import Policy
from kinesis_sim.bodies import Body
from kinesis_sim.emulator.chain import Chain, ChainConfig, track
from kinesis_train.export import LICENCE, PROVENANCE, TOLERANCE, largest_error, revision, write_policy_file
from kinesis_train.suspended import OFFSETS_S, SuspendedTeacher, TeacherConfig
from kinesis_train.symmetry import Mirror

log = logging.getLogger(__name__)
Array = NDArray[np.float64]
CONTROL_HZ, SLEW_PER_S = 40.0, 24.0
TERMS = (("joint_position", 1.0), ("joint_velocity", 0.1), ("reference_joint_error", 1.0), ("reference_next_joint_velocity", 0.1))
TRIED_M_S = (0.0, 0.4, 0.8)
TRIED_S = 12.0
"""How the finished file is tried: at these speeds, so long each."""


@dataclass(frozen=True, kw_only=True)
class SuspendedTraining:
    """One training.

    Attributes:
        samples: answers of the teacher, at least 1000. steps, batch, rate: of Adam.
        hidden: widths of the network's hidden layers.
        max_speed, max_back, max_turn: of the references [m/s], [m/s], [rad/s]. offered_speed: what the policy says that it can do [m/s].
        spread_rad, spread_rad_s: how far states lie from the reference: largest standard deviation of a joint; each sample draws a share.
        seed: of references, states and network.
    """

    samples: int = 40_000
    steps: int = 4_000
    batch: int = 1024
    rate: float = 2e-3
    hidden: tuple[int, ...] = (256, 256)
    max_speed: float = 1.0
    offered_speed: float = 0.8
    max_back: float = 0.4
    max_turn: float = 0.4
    spread_rad: float = 0.25
    spread_rad_s: float = 2.0
    seed: int = 1
    teacher: TeacherConfig = field(default_factory=TeacherConfig)

    def __post_init__(self) -> None:
        if self.samples < 1000 or min(self.steps, self.batch, *self.hidden) < 1 or min(self.spread_rad, self.spread_rad_s, self.rate) <= 0.0:
            raise ConfigurationError("suspended training: expected at least 1000 samples, and steps, batch, widths, rate and spreads above 0")


class Student(nn.Module):
    """Observation -> excitations; normalisation is inside."""

    def __init__(self, size: int, muscles: int, hidden: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("scale", torch.ones(size))
        widths = (size, *hidden)
        layers = [layer for a, b in itertools.pairwise(widths) for layer in (nn.Linear(a, b), nn.ELU())]
        self.net = nn.Sequential(*layers, nn.Linear(widths[-1], muscles))

    def raw(self, x: Tensor) -> Tensor:
        """Before it is bounded."""
        out: Tensor = self.net((x - self.mean) / self.scale)
        return out

    def forward(self, x: Tensor) -> Tensor:
        return torch.clamp(self.raw(x), 0.0, 1.0)


def observation_terms(body: Body) -> tuple[ObservationTerm, ...]:
    """What the student looks at: joints and their reference, nothing else of the body."""
    return tuple(ObservationTerm(name=name, size=term_size(name, body.description, len(OFFSETS_S)), scale=scale) for name, scale in TERMS)


def collect(body: Body, run: SuspendedTraining, report: Callable[[int], None]) -> tuple[NDArray[np.float32], Array]:
    """Observations (samples, size) and the teacher's answers (samples, n_muscles)."""
    rng, terms, many = np.random.default_rng(run.seed), observation_terms(body), 256
    builder, teacher = ObservationBuilder(terms, body.description, len(OFFSETS_S)), SuspendedTeacher(body, run.teacher)
    generator = GaitGenerator(body.description, np.array(OFFSETS_S), batch=(many,))
    state = BodyState.zeros(body.description, (many,))
    state.root_quaternion[..., 0] = 1.0
    generator.reset(state)
    low, high = body.joint_range.T
    seen, answers = np.zeros((run.samples, builder.size), dtype=np.float32), np.zeros((run.samples, body.model.nu))
    previous, out = np.zeros((many, body.model.nu)), np.zeros((many, builder.size), dtype=np.float32)
    done, command = 0, _commands(rng, run, many)
    while done < run.samples:
        if rng.random() < 0.02:
            command = _commands(rng, run, many)
        window = generator.update(state, command, rng.uniform(0.01, 0.05))
        amount = rng.uniform(0.0, 1.0, (many, 1)) ** 2
        noise = rng.standard_normal((2, *state.joint_position.shape))
        state.joint_position[:] = np.clip(generator.joint_position + run.spread_rad * amount * noise[0], low, high)
        state.joint_velocity[:] = window.joint_velocity[:, 0] + run.spread_rad_s * amount * noise[1]
        builder.build(state, window, previous, out)
        for i in range(min(many, run.samples - done)):
            answers[done + i] = teacher.answer(state.joint_position[i], state.joint_velocity[i], window.joint_position[i], window.joint_velocity[i, 0])
        seen[done : done + many] = out[: run.samples - done]
        done = min(done + many, run.samples)
        report(done)
    return seen, answers


def _commands(rng: np.random.Generator, run: SuspendedTraining, many: int) -> MotionCommand:
    """A velocity for each member; a fifth of them stand."""
    moves = rng.random(many) > 0.2
    return MotionCommand(
        speed=moves * rng.uniform(-run.max_back, run.max_speed, many), lateral=np.zeros(many), yaw_rate=moves * rng.uniform(-run.max_turn, run.max_turn, many)
    )


def learn(body: Body, run: SuspendedTraining, seen: NDArray[np.float32], answers: Array) -> tuple[Student, float]:
    """The student, and its root mean square error of an excitation on a tenth that it did not learn from.

    Muscles count by what a wrong excitation turns a joint by. Below 0 the network may answer what it likes where the teacher wants nothing.
    """
    torch.manual_seed(run.seed)
    mirror, keep = Mirror(body, observation_terms(body)), len(seen) // 10
    x, y = torch.from_numpy(seen), torch.from_numpy(answers).float()
    student = Student(x.shape[1], y.shape[1], run.hidden)
    student.mean[:], student.scale[:] = x.mean(0), x.std(0) + 1e-3
    weight = torch.from_numpy(importance(body)).float()
    optimiser = torch.optim.Adam(student.parameters(), lr=run.rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, run.steps, eta_min=run.rate / 100)
    for _ in range(run.steps):
        pick = torch.randint(keep, len(x), (run.batch // 2,))
        seen_now, wanted = torch.cat([x[pick], mirror.observation(x[pick])]), torch.cat([y[pick], mirror.action(y[pick])])
        raw = student.raw(seen_now)
        error = torch.where((wanted <= 0.0) & (raw < 0.0), torch.zeros_like(raw), raw - wanted)
        loss = (weight * error.pow(2)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        return student.eval(), float((student(x[:keep]) - y[:keep]).pow(2).mean().sqrt())


def importance(body: Body) -> Array:
    """Peak force times lever over joint stiffness, the largest over the joints, squared, with a mean of 1; shape (n_muscles,)."""
    from kinesis_sim.emulator.kit import moment_arms
    from kinesis_sim.muscle_table import hill_table

    turned = np.abs(moment_arms(body)) / SuspendedTeacher(body).stiffness
    size = np.clip(hill_table(body.model).peak_force * turned.max(axis=1), 0.0, None) ** 2
    size = np.clip(size / size.mean(), 0.1, 10.0)
    return np.asarray(size / size.mean())


def export(student: Student, body: Body, run: SuspendedTraining, seen: NDArray[np.float32], facts: dict[str, Any], target: Path) -> Contract:
    """Write the student as ONNX with its contract.

    Raises:
        ContractError: torch and ONNX Runtime disagree by more than 1e-5.
    """
    buffer, sample = io.BytesIO(), torch.from_numpy(seen[:1])
    torch.onnx.export(student, (sample,), buffer, input_names=["observation"], output_names=["excitation"], opset_version=17, dynamo=False)
    error = largest_error(student, buffer.getvalue(), seen[:200])
    if error > TOLERANCE:
        raise ContractError(f"export: torch and ONNX Runtime differ by {error:.2e}, allowed {TOLERANCE:.0e}")
    with torch.no_grad():
        action = student(sample).numpy()[0]
    contract = Contract.for_body(
        body.description, name=target.stem, control_rate_hz=CONTROL_HZ, physics_rate_hz=round(1.0 / body.model.opt.timestep, 9),
        observation=observation_terms(body), reference_offsets_s=OFFSETS_S, action=ActionSpec(slew_per_s=SLEW_PER_S),
        training={
            "method": "inverse dynamics of the hanging body with the least fluid, learned by a network", "data": PROVENANCE, "licence": LICENCE,
            "seed": run.seed, "steps": run.samples, "torch_onnx_error": error, "posture": "gantry",
            "commands": {
                "min_speed": -run.max_back, "max_speed": run.offered_speed, "max_lateral": 0.0, "max_yaw_rate": run.max_turn, "max_turn_in_place": 0.0,
            },
            **{key: value for key, value in facts.items() if key != "scores"},
        },
        revision=revision(), scores=facts.get("scores", {}), golden=GoldenSample(observation=tuple(seen[0].astype(float)), action=tuple(action.astype(float))),
    )  # fmt: skip
    write_policy_file(onnx.load_from_string(buffer.getvalue()), contract, target)
    return contract


def try_out(policy: Policy, body: Body, *, seconds: float = TRIED_S, speeds: tuple[float, ...] = TRIED_M_S) -> dict[str, dict[str, float]]:
    """Joint errors on the emulated robot's chain at each speed [deg], and the fluid drawn [l/s]."""
    scores = {}
    for speed in speeds:
        got = track(Chain(body, ChainConfig()), policy, seconds=seconds, command=MotionCommand(speed=np.array(speed)))
        worst = int(np.argmax(got.by_joint_deg()))
        scores[f"hanging_{speed:g}"] = {
            "joint_rms_deg": round(got.rms_deg(), 2), "worst_joint_deg": round(float(got.by_joint_deg()[worst]), 2), "fluid_l_s": round(got.flow_l_s, 3),
        }  # fmt: skip
    return scores


def train(body: Body, run: SuspendedTraining, folder: Path, report: Callable[[str], None]) -> Path:
    """Collect, learn, try out, export; returns the ONNX file."""
    folder.mkdir(parents=True, exist_ok=True)
    began, target = time.monotonic(), folder / f"{body.description.name}-suspended.onnx"
    seen, answers = collect(body, run, lambda done: report(f"teacher: {done} of {run.samples} answers"))
    student, error = learn(body, run, seen, answers)
    report(f"student: {error:.4f} of excitation (root mean square) on samples that it did not learn from")
    facts: dict[str, Any] = {"student_error": round(error, 5)}
    export(student, body, run, seen, facts, target)
    facts["scores"] = try_out(Policy.load(target, body.description), body)
    facts["wall_seconds"] = round(time.monotonic() - began)
    report(json.dumps(facts["scores"]))
    contract, content = export(student, body, run, seen, facts, target), target.read_bytes()
    target.with_suffix(".md").write_text(card(contract, len(content), hashlib.sha256(content).hexdigest()), encoding="utf-8")
    return target


def card(contract: Contract, size_bytes: int, sha256: str) -> str:
    """Markdown text of the card beside the file."""
    t = contract.training
    rows = [f"| {name.removeprefix('hanging_')} | {s['joint_rms_deg']} | {s['worst_joint_deg']} | {s['fluid_l_s']} |" for name, s in contract.scores.items()]
    lines = [
        f"# {contract.name}",
        "",
        f"Moves body `{contract.body}` ({len(contract.muscle_names)} muscles) while it hangs from a gantry: the gait in the air. "
        f"It cannot stand or walk on the floor. On command: {Abilities.from_training(t).describe()}.",
        "",
        f"- data: {t['data']}",
        f"- licence: {t['licence']}",
        f"- method: {t['method']}",
        f"- training: {t['steps']:,} answers of the teacher, seed {t['seed']}, {t['wall_seconds'] / 60:.0f} minutes on a busy core; "
        "`kinesis train suspended`, see docs/robot/robot.md",
        f"- it looks at joint angles and joint velocities and at their reference, at nothing else; {contract.control_rate_hz:g} Hz control",
        f"- made for model {contract.model_hash}, muscle layout {contract.layout_hash}",
        f"- source revision {contract.revision}; torch against ONNX Runtime: {t['torch_onnx_error']:.1e}",
        f"- file: {size_bytes / 1e6:.2f} MB, SHA-256 {sha256}",
        "",
        "## Scores",
        "",
        "On the emulated robot's artificial muscles, with 0.3 of full pressure, its supply of 18 l/min, noise of all sensors and 8 ms from state "
        "to command: `python -m benchmarks.gantry`.",
        "",
        "| walking at [m/s] | joint RMS [deg] | worst joint [deg] | fluid [l/s] |",
        "|---|---|---|---|",
        *rows,
        "",
    ]
    return "\n".join(lines)
