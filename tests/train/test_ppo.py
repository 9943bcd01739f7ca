"""kinesis_train/ppo.py, on_policy.py, checkpoint.py, parallel.py: resuming to the bit, and what must not break a run."""

import os
import signal
import subprocess
import sys
import time
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch

from kinesis_control.errors import ConfigurationError, UnavailableError
from kinesis_sim.bodies import Body
from kinesis_train.checkpoint import load_checkpoint, save_checkpoint
from kinesis_train.env import EnvConfig, WalkEnv
from kinesis_train.ppo import Ppo, PpoConfig
from kinesis_train.walk import build_policy

ROOT = Path(__file__).parents[2]
SMALL = {"horizon": 8, "minibatch": 32, "value_hidden": (16,)}

LEARNER = """
import sys, torch
from pathlib import Path
from kinesis_sim.bodies import load_body
from kinesis_train.checkpoint import save_checkpoint
from kinesis_train.env import EnvConfig, WalkEnv
from kinesis_train.parallel import Team
from kinesis_train.ppo import Ppo, PpoConfig
from kinesis_train.walk import build_policy
team = Team.join()
torch.manual_seed(4)
body = load_body("legs80")
env = WalkEnv(body, EnvConfig(envs=4, threads=1), seed=4 + team.rank)
learner = Ppo(build_policy(body, env, (8,)), env, PpoConfig(horizon=8, minibatch=32, value_hidden=(16,)), team)
torch.manual_seed(4 + team.rank)
"""


def small_learner(legs: Body, **config: object) -> Ppo:
    torch.manual_seed(4)
    env = WalkEnv(legs, EnvConfig(envs=4, threads=1), seed=4)
    learner = Ppo(build_policy(legs, env, (8,)), env, PpoConfig(**{**SMALL, **config}))  # type: ignore[arg-type]
    torch.manual_seed(4)
    return learner


def bits(learner: Ppo) -> bytes:
    """Everything that another round depends on."""
    weights = [*learner.policy.state_dict().values(), *learner.value.state_dict().values(), learner.log_std.data, learner.latent_log_std.data]
    moments = [t for o in (learner.optimiser, learner.value_optimiser) for s in o.state_dict()["state"].values() for t in s.values()]
    return b"".join(t.numpy().tobytes() for t in (*weights, *moments)) + learner.env.observation.tobytes() + learner.env.physics.full.tobytes()


@pytest.mark.parametrize("exploration", ["independent", "lattice"])
def test_six_rounds_are_three_a_checkpoint_and_three(legs: Body, tmp_path: Path, exploration: str) -> None:
    through = small_learner(legs, exploration=exploration)
    for _ in range(6):
        through.round()
    first = small_learner(legs, exploration=exploration)
    for _ in range(3):
        first.round()
    save_checkpoint(tmp_path / "c.pt", {"learner": first.state()})
    torch.manual_seed(77)  # whatever happened in between
    second = Ppo(build_policy(legs, WalkEnv(legs, EnvConfig(envs=4, threads=1), seed=50), (8,)), first.env, first.config)
    second.env = WalkEnv(legs, EnvConfig(envs=4, threads=1), seed=51)
    second.load(load_checkpoint(tmp_path / "c.pt")["learner"])
    assert bits(second) == bits(first)
    for _ in range(3):
        second.round()
    assert (second.steps, second.rounds) == (through.steps, through.rounds)
    assert bits(second) == bits(through)


def test_an_environment_goes_on_from_its_snapshot(legs: Body) -> None:
    env, other = (WalkEnv(legs, EnvConfig(envs=3, threads=1), seed=s) for s in (1, 2))
    for _ in range(5):
        env.step(np.full((3, 80), 0.1))
    other.restore(env.snapshot())
    for _ in range(20):  # long enough for falls and new commands
        for e in (env, other):
            _, failed, late = e.step(np.full((3, 80), 0.1))
            e.reset(np.flatnonzero(failed | late))
    assert env.observation.tobytes() == other.observation.tobytes()
    assert env.physics.full.tobytes() == other.physics.full.tobytes()


def test_a_checkpoint_from_before_environments_were_kept_still_loads(legs: Body) -> None:
    learner = small_learner(legs)
    learner.round()
    state = learner.state()
    here = state.pop("processes")[0]
    del state["latent_log_std"], state["poisoned"]
    state |= {"torch_rng": here["torch_rng"], "env_rng": learner.env.rng.bit_generator.state}
    other = small_learner(legs)
    other.load(state)
    assert other.steps == learner.steps and (other.env.age == 0).all()
    assert all(np.isfinite(v) for v in other.round().values())


class Poisoned(WalkEnv):
    """Member 1 gives a reward that is not a number at one tick, member 2 an observation that is not one at another."""

    ticks = 0

    def step(self, excitation):  # type: ignore[no-untyped-def]
        reward, failed, late = super().step(excitation)
        self.ticks += 1
        if self.ticks == 3:
            reward[1] = np.nan
        if self.ticks == 5:
            self.observation[2, 7] = np.inf
        return reward, failed, late


def test_what_is_not_finite_in_one_member_never_reaches_a_network(legs: Body) -> None:
    torch.manual_seed(4)
    env = Poisoned(legs, EnvConfig(envs=4, threads=1), seed=4)
    learner = Ppo(build_policy(legs, env, (8,)), env, PpoConfig(**SMALL))  # type: ignore[arg-type]
    batch, _ = learner._collect()
    lost = (batch["weight"] == 0.0).reshape(8, 4).nonzero().tolist()
    assert lost == [[2, 1], [4, 2]] and learner.poisoned == 2
    assert all(torch.isfinite(v).all() for v in batch.values())
    weight_free = {k: v.clone() for k, v in batch.items()}
    weight_free["return"][weight_free["weight"] == 0.0] = 1e6  # whatever such a sample says
    weight_free["advantage"][weight_free["weight"] == 0.0] = 1e6
    state, rng = deepcopy(learner.state()), torch.get_rng_state()
    learner._learn(batch)
    after = bits(learner)
    learner.load(state)
    torch.set_rng_state(rng)
    learner._learn(weight_free)
    assert bits(learner) == after
    assert np.isfinite(learner.policy.norm.mean.numpy()).all()


def test_a_gradient_that_is_not_finite_is_left_out(legs: Body) -> None:
    learner = small_learner(legs)
    before = bits(learner)
    weights = list(learner.value.parameters())
    learner._descend(learner.value_optimiser, weights[0].sum() * float("nan"), weights)
    assert bits(learner) == before and learner.poisoned == 1


def test_one_pass_uses_every_sample_and_its_mirror_image_once(legs: Body, monkeypatch: pytest.MonkeyPatch) -> None:
    learner = small_learner(legs, epochs=1)
    seen: list[torch.Tensor] = []
    likelihood = learner._log_probability
    monkeypatch.setattr(learner, "_log_probability", lambda x, action: (seen.append(action), likelihood(x, action))[1])
    batch, _ = learner._collect()
    learner._learn(batch)
    used = torch.cat(seen)
    everything = torch.cat([batch["action"], learner.mirror.action(batch["action"])])
    assert torch.equal(used[used[:, 0].argsort()], everything[everything[:, 0].argsort()])


def test_lattice_likelihood_is_that_of_the_multivariate_normal(legs: Body) -> None:
    learner = small_learner(legs, exploration="lattice")
    torch.nn.init.normal_(learner.policy.actor[-1].weight)
    with torch.no_grad():
        learner.log_std.uniform_(-2.0, -1.0)
        learner.latent_log_std.uniform_(-2.0, -1.0)
    w = learner.policy.actor[-1].weight
    covariance = torch.diag((2 * learner.log_std).exp()) + w @ torch.diag((2 * learner.latent_log_std).exp()) @ w.T
    mean, action = torch.randn(2, 5, 14)
    wanted = torch.distributions.MultivariateNormal(mean, covariance).log_prob(action)
    got = learner._likelihood(mean, action)
    torch.testing.assert_close(got - got[0], wanted - wanted[0], rtol=1e-4, atol=1e-4)
    x = torch.zeros(40_000, learner.trunk_size)
    drawn, _ = learner._choose(x)
    covariance = covariance.detach()
    torch.testing.assert_close(torch.cov(drawn.T), covariance, rtol=0.1, atol=0.1 * float(covariance.diagonal().max()))


def test_lattice_learns_and_an_unknown_exploration_is_refused(legs: Body) -> None:
    learner = small_learner(legs, exploration="lattice")
    start = learner.latent_log_std.detach().clone()
    learner.round()
    assert not torch.equal(learner.latent_log_std, start)
    with pytest.raises(ConfigurationError, match="independent, lattice"):
        PpoConfig(exploration="latice")


def test_a_full_disk_keeps_the_last_good_checkpoint(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "checkpoint.pt"
    assert save_checkpoint(path, {"round": 1})
    full = Path("/dev/full")  # every write to it ends in ENOSPC
    if not full.exists():
        pytest.skip("no /dev/full here")
    path.with_suffix(".tmp").symlink_to(full)
    assert not save_checkpoint(path, {"round": 2})
    assert "No space left" in caplog.text and "the last one stays" in caplog.text
    assert load_checkpoint(path) == {"round": 1}
    assert full.exists() and not path.with_suffix(".tmp").is_symlink()
    path.with_suffix(".tmp").symlink_to(full)
    with pytest.raises(UnavailableError, match="No space left"):
        save_checkpoint(path, {"round": 2}, required=True)
    assert save_checkpoint(path, {"round": 3}) and load_checkpoint(path) == {"round": 3}


def environment(**more: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | more


def test_killed_at_any_moment_it_goes_on_to_the_bit(legs: Body, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    script = LEARNER + f"path = Path({str(path)!r})\nwhile True:\n    learner.round()\n    save_checkpoint(path, {{'learner': learner.state()}})\n"
    process = subprocess.Popen([sys.executable, "-c", script], env=environment())
    try:
        give_up = time.monotonic() + 240.0
        while not path.exists():
            assert process.poll() is None and time.monotonic() < give_up
            time.sleep(0.02)
        time.sleep(0.3)  # into some later round, or into the middle of a checkpoint
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    stored = load_checkpoint(path)["learner"]
    through = small_learner(legs)
    for _ in range(stored["rounds"] + 1):
        through.round()
    resumed = small_learner(legs)
    resumed.load(stored)
    resumed.round()
    assert bits(resumed) == bits(through)


def test_two_processes_learn_one_policy(tmp_path: Path) -> None:
    script = LEARNER + f"""
p = torch.nn.Parameter(torch.zeros(3))
p.grad = torch.full((3,), 1.0 + team.rank)
team.average_gradients([p])
assert p.grad.tolist() == [1.5, 1.5, 1.5] and team.mean(dict(a=float(team.rank))) == dict(a=0.5)
for _ in range(2):
    figures = learner.round()
state = learner.state()
again = Ppo(build_policy(body, env, (8,)), env, learner.config, team)
again.load(state)
torch.save(dict(state=state, figures=figures, seen=env.observation, count=learner.norm.count), Path({str(tmp_path)!r}) / f"rank{{team.rank}}.pt")
team.leave()
"""  # fmt: skip
    (tmp_path / "worker.py").write_text(script)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(tmp_path / "worker.py")]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=480)
    assert done.returncode == 0, done.stderr[-2000:]
    one, two = (load_checkpoint(tmp_path / f"rank{i}.pt") for i in range(2))
    for part in ("policy", "value"):
        for name, weights in one["state"][part].items():
            assert torch.equal(weights, two["state"][part][name]), f"{part} {name}"
    assert not np.array_equal(one["seen"], two["seen"])
    assert one["figures"] == two["figures"]
    assert one["state"]["steps"] == 2 * 2 * 8 * 4  # rounds, processes, ticks, bodies
    assert float(one["count"]) == pytest.approx(2 * 4 * (1 + 2), abs=0.01)  # observations of both, at the start and once a round
    kept = [p["environment"]["observation"] for p in one["state"]["processes"]]
    assert np.array_equal(kept[0], one["seen"]) and np.array_equal(kept[1], two["seen"])
