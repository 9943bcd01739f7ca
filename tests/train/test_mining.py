"""kinesis_train/trials.py, mining.py, gating.py, clip_trials.py: what is left is trained on, and the mixture ships."""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kinesis_cli.policy import summary
from kinesis_control.contract import read_contract
from kinesis_control.errors import ConfigurationError, UnknownNameError
from kinesis_control.motion.clip import MotionClip
from kinesis_control.policy import Policy
from kinesis_sim.bodies import Body
from kinesis_train.checkpoint import load_checkpoint, save_checkpoint
from kinesis_train.clip_reference import ClipTask
from kinesis_train.clip_trials import ClipTrials
from kinesis_train.clips import ClipBank
from kinesis_train.env import REFERENCE_OFFSETS, EnvConfig
from kinesis_train.export import export_policy, restore_policy
from kinesis_train.gating import GateConfig, train_gate
from kinesis_train.journal import read_rows
from kinesis_train.mining import MiningConfig, Stage, mine, read_stages
from kinesis_train.on_policy import LearnConfig
from kinesis_train.ppo import Ppo, PpoConfig
from kinesis_train.status import describe, look
from kinesis_train.task import TaskConfig
from kinesis_train.trials import CommandTrials, HeldCommand, Outcome, examine
from kinesis_train.walk import WalkTraining

WALK = HeldCommand(name="walk", speed=0.8)
STAND = HeldCommand(name="stand")
SIDE = HeldCommand(name="side", lateral=0.2)


class NoFit(CommandTrials):
    """The decoder stays as it was made: fitting takes longer than all the rest."""

    def prepare(self, env, policy, seed):  # type: ignore[no-untyped-def]
        return {"fitted": 0.0}


@pytest.fixture(scope="module")
def trials(legs: Body) -> CommandTrials:
    torch.set_num_threads(1)
    return NoFit(legs, TaskConfig(), (STAND, WALK, SIDE), seconds=1.0)


SMALL = EnvConfig(envs=4, threads=1)


class Rest(torch.nn.Module):
    """No muscle does anything."""

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        return torch.zeros(len(observation), 80)


def test_a_body_that_does_nothing_falls_and_the_outcome_is_the_same_twice(trials: CommandTrials) -> None:
    longer = CommandTrials(trials.body, TaskConfig(), (STAND, WALK), seconds=3.0)
    first, second = (examine(Rest(), longer, longer.names, SMALL) for _ in range(2))
    assert first == second
    assert not any(o.managed for o in first.values())
    assert all(0.05 < o.coverage < 0.9 for o in first.values())


def test_practice_asks_for_the_named_trials_alone(trials: CommandTrials) -> None:
    env = trials.practice(["side", "stand"], replace(SMALL, envs=40), seed=3)
    command = env.commands.command
    assert set(command.lateral) == {0.0, 0.2} and not command.speed.any()
    env.commands.draw(np.arange(40), stand_share=0.0)
    assert set(command.lateral) == {0.2}
    alone = trials.practice(["stand"], SMALL, seed=3)
    assert not alone.generator.velocity.any()


def test_an_exam_begins_every_trial_in_its_place_without_noise(trials: CommandTrials) -> None:
    env = trials.exam(["walk", "stand", "side"], replace(SMALL, envs=3))
    np.testing.assert_array_equal(env.commands.command.speed, [0.8, 0.0, 0.0])
    np.testing.assert_array_equal(env.commands.command.lateral, [0.0, 0.0, 0.2])
    assert env.config.task.excitation_noise == 0.0 and env.config.task.push_speed == 0.0


def test_unknown_trials_and_none_are_refused(trials: CommandTrials) -> None:
    with pytest.raises(UnknownNameError, match="stand, walk, side"):
        examine(Rest(), trials, ["wlak"], SMALL)
    with pytest.raises(ConfigurationError, match="at least one"):
        examine(Rest(), trials, [], SMALL)


def small(**more: object) -> MiningConfig:
    ppo = PpoConfig(horizon=8, minibatch=32, value_hidden=(8,))
    return MiningConfig(**{"steps": 64, "next_steps": 32, "hidden": (8,), "env": SMALL, "ppo": ppo, "judge_every": 32, **more})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def run(trials: CommandTrials, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three experts, where expert k manages trial k alone, and a gate on top."""
    folder = tmp_path_factory.mktemp("mine")
    with pytest.MonkeyPatch.context() as patch:
        calls: list[tuple[str, ...]] = []

        def judged(policy, of, names, config):  # type: ignore[no-untyped-def]
            full = tuple(names) == of.names
            calls.append(tuple(names))
            number = len(read_stages(folder))
            return {n: Outcome(managed=full and n == of.names[min(number, 2)], coverage=0.5) for n in names}

        patch.setattr("kinesis_train.mining.examine", judged)
        mine(trials, small(), folder, lambda figures: None)
    gate = GateConfig(steps=64, hidden=(8,), env=SMALL, ppo=LearnConfig(horizon=8, minibatch=32, value_hidden=(8,)), judge_every=1_000)
    train_gate(trials, gate, folder, lambda figures: None)
    return folder


def test_each_expert_learns_what_is_left_and_starts_from_the_last(run: Path) -> None:
    stages = read_stages(run)
    assert [s.trained_on for s in stages] == [("stand", "walk", "side"), ("walk", "side"), ("side",)]
    assert [s.left for s in stages] == [("walk", "side"), ("side",), ()]
    stored = [load_checkpoint(run / f"expert{k}" / "checkpoint.pt") for k in range(3)]
    assert [s["learner"]["steps"] for s in stored] == [64, 32, 32]
    assert [s["run"]["trials"] for s in stored] == [list(s.trained_on) for s in stages]
    assert stored[1]["facts"]["inherited_steps"] == 64
    first, second = (s["learner"]["policy"] for s in stored[:2])
    decoder = [k for k in first if k.startswith("decoder")]
    assert decoder and all(torch.equal(first[k], second[k]) for k in decoder)
    assert not torch.equal(first["actor.0.weight"], second["actor.0.weight"])


def test_a_finished_mining_run_does_nothing_more(run: Path, trials: CommandTrials) -> None:
    before = (run / "expert2" / "checkpoint.pt").read_bytes()
    stages = mine(trials, small(), run, lambda figures: pytest.fail("nothing is to be trained"))
    assert len(stages) == 3 and (run / "expert2" / "checkpoint.pt").read_bytes() == before


def test_a_run_on_other_trials_is_refused(run: Path, legs: Body) -> None:
    with pytest.raises(ConfigurationError, match="other trials"):
        mine(NoFit(legs, TaskConfig(), (STAND, HeldCommand(name="hop", speed=2.0))), small(), run, lambda figures: None)


def test_mining_stops_where_a_stage_was_cut_off_and_goes_on_there(trials: CommandTrials, tmp_path: Path) -> None:
    seen: list[float] = []

    def stop(figures: dict[str, float]) -> None:
        seen.append(figures["steps"])
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mine(trials, small(experts=1, steps=128), tmp_path, stop)
    mine(trials, small(experts=1, steps=128), tmp_path, lambda figures: seen.append(figures["steps"]))
    assert load_checkpoint(tmp_path / "expert0" / "checkpoint.pt")["learner"]["steps"] == 128
    logged = [row["steps"] for row in read_rows(tmp_path / "expert0" / "log.csv")]
    assert logged[:-1] == sorted(set(logged)) and logged[-1] == 128  # the last row is the last evaluation


def test_the_mixture_is_one_file_that_says_how_many_experts_it_has(run: Path, legs: Body, tmp_path: Path) -> None:
    target = tmp_path / "mixture.onnx"
    contract = export_policy(run / "gate" / "checkpoint.pt", target)
    assert contract.training["mixture"]["experts"] == 3
    assert contract.training["mixture"]["expert_steps"] == [64, 32, 32]
    policy = Policy.load(target, legs.description)
    assert policy.contract == contract == read_contract(target)
    assert '"experts": 3' in summary(contract)
    mixture, env, _ = restore_policy(load_checkpoint(run / "gate" / "checkpoint.pt"))
    with torch.no_grad():
        choice = int(mixture.choice(torch.from_numpy(env.observation[:1])))
        wanted = mixture.experts[choice](torch.from_numpy(env.observation[:1]))[0].numpy()
    policy._observation[0] = env.observation[0]
    policy._run()
    np.testing.assert_allclose(policy._output[0], wanted, atol=1e-5)


def test_status_tells_of_every_training_in_the_folder(run: Path) -> None:
    found = look(run)
    assert [p.folder.name for p in found] == ["expert0", "expert1", "expert2", "gate"]
    assert {p.state for p in found} == {"finished"} and found[-1].about["kind"] == "gate"
    text = describe(found[0])
    assert "of 0.00 M steps (100 %)" in text and "reward" in text


def test_a_stage_survives_its_file(tmp_path: Path) -> None:
    from kinesis_train.mining import _write

    stage = Stage(trained_on=("a",), managed={"a": True}, coverage={"a": 1.0}, left=())
    _write(tmp_path, [stage])
    assert read_stages(tmp_path) == [stage]


@pytest.fixture(scope="module")
def clip_trials(legs: Body, walk: Callable[..., MotionClip]) -> ClipTrials:
    clips = [walk("ahead", seconds=0.8), walk("curve", 0.8, 0.4, seconds=1.6, content="turn")]
    activations = [np.full((round(c.duration_s / 0.025) + 1, 80), 0.05) for c in clips]
    bank = ClipBank.of(legs, clips, activations, dt=0.025, offsets=REFERENCE_OFFSETS)
    return ClipTrials(legs, bank, TaskConfig(), ClipTask(), generator_share=0.25)


def test_clips_are_trials_too(clip_trials: ClipTrials) -> None:
    assert clip_trials.names == ("ahead", "curve")
    assert clip_trials.ticks(["curve", "ahead"], 0.025).tolist() == [64, 32]
    env = clip_trials.practice(["curve"], SMALL, seed=1)
    assert env.clips.bank.names == ("curve",) and len(env.clips.clip) == 3 and env.walk is not None
    first, second = (examine(Rest(), clip_trials, ["curve", "ahead"], SMALL) for _ in range(2))
    assert first == second and list(first) == ["curve", "ahead"]
    assert all(0.0 < o.coverage <= 1.0 for o in first.values()) and not first["curve"].managed
    with pytest.raises(ConfigurationError, match="train imitate"):
        clip_trials.prepare(env, clip_trials.build(env, (8,), "structured"), 0)


def test_experts_for_clips_start_from_a_policy_and_keep_the_account_of_its_data(clip_trials: ClipTrials, tmp_path: Path) -> None:
    torch.manual_seed(0)
    env = clip_trials.practice(clip_trials.names, SMALL, seed=1)
    policy = clip_trials.build(env, (8,), "direct")
    facts = {"sources": [{"dataset": "made up", "licence": "CC0", "credit": "nobody"}], "clips": ["ahead", "curve"], "seconds": 1.0}
    learner = Ppo(policy, env, small().ppo)
    save_checkpoint(tmp_path / "first.pt", {"learner": learner.state(), "facts": facts, "run": asdict(WalkTraining(hidden=(8,), action="direct"))})
    stages = mine(clip_trials, small(experts=2), tmp_path / "run", lambda figures: None, first=tmp_path / "first.pt")
    assert len(stages) == 2 and stages[0].trained_on == ("ahead", "curve") and "curve" in stages[1].trained_on
    stored = load_checkpoint(tmp_path / "run" / "expert1" / "checkpoint.pt")
    assert stored["facts"]["sources"] == facts["sources"] and stored["run"]["action"] == "direct"
    assert stored["learner"]["steps"] == 32
