"""Suites: the same seed gives the same figures, in this process, in another one, and out of the bag."""

from dataclasses import replace
from pathlib import Path

import pytest

from kinesis_control.errors import ConfigurationError, UnavailableError, UnknownNameError
from kinesis_control.evaluate.replay import replay_policy
from kinesis_control.evaluate.report_evaluation import Knowledge, evaluate_recordings
from kinesis_control.evaluate.report_life import LifeReport
from kinesis_control.evaluate.stream_graph import graphs_of
from kinesis_control.evaluate.stream_open import Recording
from kinesis_sim.benchmark.pool import Job, case_key, run_case, run_cases
from kinesis_sim.benchmark.suites import SUITES, Case, cases_of
from kinesis_sim.bodies import Body
from kinesis_sim.kinematics import KeyBodyKinematics
from kinesis_sim.lockstep import ScheduledPush
from kinesis_sim.resimulate import RunFacts, resimulate

PUSHED = Case(
    suite="push", kind="short", seed=5, seconds=0.75, velocity=(0.6, 0.0, 0.0), pushes=(ScheduledPush(at_s=0.3, newton=60.0, degree=90.0, duration_s=0.1),)
)


@pytest.fixture(scope="module")
def policy(legs: Body, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnx")
    from made_up_policy import write_policy

    return write_policy(tmp_path_factory.mktemp("policy") / "made-up.onnx", legs.description)


@pytest.fixture(scope="module")
def pushed(policy: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[LifeReport, Path]:
    """A case and its bag."""
    folder = tmp_path_factory.mktemp("bags")
    return run_case(Job(policy=str(policy), body="legs80", bags=str(folder)), PUSHED), folder / PUSHED.name


def test_cases_follow_from_their_seeds() -> None:
    for name, suite in SUITES.items():
        clips = [("b", 2.0), ("a", 1.0)] if suite.per_clip else []
        cases = cases_of(name, [3, 4], clips)
        assert cases == cases_of(name, [3, 4], clips[::-1])
        assert len({c.name for c in cases}) == len(cases) and all(c.seed in (3, 4) for c in cases)
    assert cases_of("goals", [3])[0].goal != cases_of("goals", [4])[0].goal
    assert all(abs(v) <= 2.0 for c in cases_of("goals", range(100)) for v in c.goal or ())


def test_what_cannot_be_run_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="walking"):
        cases_of("waking", [1])
    with pytest.raises(ConfigurationError, match="library"):
        cases_of("imitation", [1])
    with pytest.raises(ConfigurationError, match="seed"):
        cases_of("walking", [])


def test_the_bag_of_a_case_gives_the_figures_of_the_case(pushed: tuple[LifeReport, Path], legs: Body) -> None:
    life, bag = pushed
    evaluation = evaluate_recordings([bag], Knowledge(kinematics=lambda name, model: KeyBodyKinematics(legs)))
    (recorded,) = evaluation.lives
    assert recorded.policy_sha256 == life.policy_sha256 and recorded.seed == life.seed
    assert recorded.figures == {n: f for n, f in life.figures.items() if not n.startswith("suite.")}
    assert recorded.pushes == life.pushes and len(life.pushes) == 1


def test_a_case_is_kept_and_another_policy_is_not_taken_for_it(policy: Path, tmp_path: Path, pushed: tuple[LifeReport, Path]) -> None:
    job = Job(policy=str(policy), body="legs80")
    told: list[str] = []
    cases = [PUSHED, replace(PUSHED, kind="plain", pushes=())]
    first = run_cases(job, cases, folder=tmp_path, processes=1, on_done=lambda case, done, total: told.append(case.kind))
    again = run_cases(job, cases, folder=tmp_path, processes=1, on_done=lambda case, done, total: told.append("again"))
    assert told == ["short", "plain"]
    assert [life.figures for life in first] == [life.figures for life in again]
    assert first[0].figures == pushed[0].figures
    assert case_key(job, PUSHED) != case_key(job, cases[1])


def test_a_case_that_other_code_kept_is_run_again(policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(policy=str(policy), body="legs80")
    before = case_key(job, PUSHED)
    assert before == case_key(job, PUSHED)
    monkeypatch.setattr("kinesis_sim.benchmark.pool.code_fingerprint", lambda: "another")
    assert case_key(job, PUSHED) != before


def test_a_ray_cluster_gives_the_same_figures(policy: Path, pushed: tuple[LifeReport, Path]) -> None:
    pytest.importorskip("ray", reason="needs Ray: pip install 'ray>=2.40,<3'")
    cases = [PUSHED, replace(PUSHED, kind="plain", pushes=())]
    try:
        lives = run_cases(Job(policy=str(policy), body="legs80"), cases, ray_address="local")
    except UnavailableError as error:
        pytest.skip(f"Ray does not start on this machine: {error}")
    assert [life.figures for life in lives] == [pushed[0].figures, run_case(Job(policy=str(policy), body="legs80"), cases[1]).figures]


def test_the_policy_gives_the_recorded_commands_again(policy: Path, pushed: tuple[LifeReport, Path]) -> None:
    with Recording(pushed[1]) as recording:
        result = replay_policy(recording, graphs_of(recording.topics)[0], lambda sha256: policy)
    assert result.compared == 30 and result.largest <= 1e-6


def test_the_recorded_commands_give_the_recorded_states_again(policy: Path, pushed: tuple[LifeReport, Path]) -> None:
    with Recording(pushed[1]) as recording:
        graph, facts = graphs_of(recording.topics)[0], RunFacts.of(recording.custom)
        same = resimulate(recording, graph, facts, lambda sha256: policy)
        other = resimulate(recording, graph, replace(facts, seed=6), lambda sha256: policy)
        unpushed = resimulate(recording, replace(graph, push=""), facts, lambda sha256: policy)
    assert (same.compared, same.first_difference, same.ended) == (30, None, "")
    assert other.first_difference == 0
    assert unpushed.first_difference == 13  # the first state after the push began
