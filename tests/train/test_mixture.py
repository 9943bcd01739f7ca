"""kinesis_train/mixture.py, mixture_export.py, gate.py: the chosen expert's answer, the chosen expert's cost, and a gate that learns."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from kinesis_control.errors import ConfigurationError
from kinesis_control.onnx_file import require_finite_weights
from kinesis_train.env import EnvConfig, WalkEnv
from kinesis_train.gate import GatePpo
from kinesis_train.mixture import ExpertMixture
from kinesis_train.mixture_export import mixture_graph
from kinesis_train.networks import DecoderGains, MuscleDecoder, MusclePolicy
from kinesis_train.on_policy import LearnConfig

JOINTS, MUSCLES, CONTEXT, TRUNK = 3, 5, 2, 9
SIZE = TRUNK + 2 * MUSCLES + 2 * JOINTS


def expert(seed: int, decoder: MuscleDecoder | None = None, hidden: tuple[int, ...] = (16, 8)) -> MusclePolicy:
    torch.manual_seed(seed)
    policy = MusclePolicy(SIZE, decoder or MuscleDecoder(JOINTS, MUSCLES, CONTEXT, DecoderGains()), CONTEXT, hidden)
    nn.init.normal_(policy.actor[-1].weight)
    policy.norm.update(torch.randn(50, TRUNK) * 2 + seed)
    return policy


def mixture(count: int, *, shared: bool = False, hidden: tuple[int, ...] = (16, 8)) -> ExpertMixture:
    first = expert(0, hidden=hidden)
    result = ExpertMixture([first] + [expert(k, first.decoder if shared else None, hidden) for k in range(1, count)], TRUNK, (12,))
    torch.manual_seed(99)
    nn.init.normal_(result.gate.net[-1].weight)  # every expert is chosen somewhere
    return result.eval()


def session(model: onnx.ModelProto, *, profile: Path | None = None) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    if profile is not None:
        options.enable_profiling, options.profile_file_prefix = True, str(profile)
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("count", [1, 2, 5])
@torch.no_grad()
def test_the_graph_answers_as_the_chosen_expert_alone(count: int) -> None:
    torch_mixture = mixture(count)
    model = mixture_graph(torch_mixture, SIZE, MUSCLES)
    onnx.checker.check_model(model, full_check=True)
    require_finite_weights(model.SerializeToString())
    run = session(model)
    rows = torch.randn(100, SIZE)
    choice = torch_mixture.choice(rows)
    assert len(choice.unique()) == count
    for row, k in zip(rows, choice.tolist(), strict=True):
        got = run.run(["excitation"], {"observation": row[None].numpy()})[0]
        np.testing.assert_allclose(got, torch_mixture.experts[k](row[None]).numpy(), atol=1e-5)


@torch.no_grad()
def test_a_batch_is_answered_row_by_row() -> None:
    torch_mixture = mixture(3)
    rows = torch.randn(40, SIZE)
    alone = torch.cat([torch_mixture(row[None]) for row in rows])
    torch.testing.assert_close(torch_mixture(rows), alone)


@torch.no_grad()
def test_what_is_run_does_not_grow_with_the_number_of_experts(tmp_path: Path) -> None:
    """ONNX Runtime's own profile: matrix products of the gate and of one expert, whichever is chosen and however many there are."""
    counts = {}
    for experts in (2, 6):
        torch_mixture = mixture(experts)
        rows = torch.randn(60, SIZE)
        run = session(mixture_graph(torch_mixture, SIZE, MUSCLES), profile=tmp_path / f"{experts}")
        for row in rows:
            run.run(["excitation"], {"observation": row[None].numpy()})
        events = [e for e in json.loads(Path(run.end_profiling()).read_text()) if e.get("cat") == "Node"]
        products = [e["name"] for e in events if e["args"].get("op_name") in ("Gemm", "MatMul", "FusedGemm", "FusedMatMul")]
        run_by = Counter(name.split("/")[0] for name in products if name.startswith("expert_"))
        one = max(run_by.values()) // max(Counter(torch_mixture.choice(rows).tolist()).values())
        assert sum(run_by.values()) == one * len(rows)
        assert run_by == {f"expert_{k}": one * n for k, n in Counter(torch_mixture.choice(rows).tolist()).items()}
        counts[experts] = len(products)
    assert counts[2] == counts[6]


def test_weights_that_experts_share_are_stored_once() -> None:
    alone, shared, apart = (len(mixture_graph(mixture(n, shared=s), SIZE, MUSCLES).SerializeToString()) for n, s in ((1, False), (3, True), (3, False)))
    decoder = sum(p.numel() for p in expert(0).decoder.parameters()) * 4
    assert apart - shared > 1.9 * decoder
    assert shared < alone + decoder


def test_a_mixture_of_nobody_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least one"):
        ExpertMixture([], TRUNK, (8,))


class OneOrTheOther(WalkEnv):
    """Rewards a strong first muscle while the body is asked to walk, a weak one while it is asked to stand; nothing ever ends."""

    def step(self, excitation):  # type: ignore[no-untyped-def]
        walks = self.commands.command.speed > 0.0
        _, failed, _ = super().step(np.full_like(excitation, 0.1))
        return np.where(walks, excitation[:, 0], 1.0 - excitation[:, 0]), np.zeros_like(failed), np.zeros_like(failed)


class Constant(nn.Module):
    """An expert with one answer."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        return self.value.expand(len(observation), 80)


def test_the_gate_learns_to_tell_who_acts_and_the_experts_stay(legs) -> None:  # type: ignore[no-untyped-def]
    torch.manual_seed(0)
    env = OneOrTheOther(legs, EnvConfig(envs=16, threads=1), seed=1)
    torch_mixture = ExpertMixture([Constant(0.0), Constant(1.0)], env.builder.slices["muscle_length"].start, (16,))
    learner = GatePpo(torch_mixture, env, LearnConfig(horizon=16, minibatch=128, rate=1e-3, target_kl=0.1, value_hidden=(16,)))
    first = learner.round()["reward"]
    for _ in range(5):
        last = learner.round()["reward"]
    assert first == pytest.approx(0.5, abs=0.15)
    assert last > first + 0.15
    assert [float(e.value) for e in torch_mixture.experts] == [0.0, 1.0]
    state = learner.state()
    other = GatePpo(ExpertMixture([Constant(0.5), Constant(0.5)], torch_mixture.gate.trunk_size, (16,)), env, learner.config)
    other.load(state)
    assert torch.equal(other.mixture(torch.from_numpy(env.observation)), torch_mixture(torch.from_numpy(env.observation)))
