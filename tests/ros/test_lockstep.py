"""A lock-step run over DDS: every tick is there, two runs are equal byte for byte, and it ends at the asked time."""

import itertools
import json

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("kinesis_msgs.msg")

from kinesis_msgs.msg import ControlStatus as Status


def run(new_graph, policy):
    graph = new_graph()
    script = "script:=['0.25 walk at 0.8 m/s', '0.5 turn left', '0.6 sing']"
    graph.start(policy, sim=("duration:=2.0", "seed:=7", "perturbation:=1.0", "excitation_noise:=0.02"), motion=(script,))
    code = graph.processes.wait("sim")
    probe = graph.probe
    probe.wait(lambda: probe.summaries and len(probe.raw_states) >= 81 and len(probe.replies) >= 3 and probe.status().mode == "finished", "the end")
    ended = graph.close()
    return graph.probe, code, ended


@pytest.fixture(scope="module")
def runs(new_graph, made_up):
    return [run(new_graph, made_up) for _ in range(2)]


def test_ends_by_itself_and_everyone_ends_well(runs):
    for _, code, ended in runs:
        assert code == 0
        assert ended == {"sim": 0, "policy": 0, "motion": 0, "supervisor": 0}


def test_no_tick_is_lost_or_doubled(runs):
    for probe, _, _ in runs:
        states = probe.states()
        assert [s.seq for s in states] == list(range(81))
        assert [s.header.stamp.sec * 1000 + s.header.stamp.nanosec // 1_000_000 for s in states] == list(range(0, 2001, 25))


def of_the_edge(probe):
    """Every status of the body's edge in its run. Signs of life come by the wall clock: before the start, and as repetitions."""
    told = [str(s) for s in probe.statuses if s.node == "sim_node" and s.state != Status.DISARMED]
    return [status for status, _ in itertools.groupby(told)]


def test_two_runs_are_equal_byte_for_byte(runs):
    (first, _, _), (second, _, _) = runs
    assert first.raw_states == second.raw_states
    assert first.replies == second.replies
    assert of_the_edge(first) == of_the_edge(second)


def test_the_script_was_followed(runs):
    replies = runs[0][0].replies
    assert "walking at 0.80 m/s" in replies[0]
    assert "left" in replies[1]
    assert replies[2].startswith("refused")


def test_the_last_words(runs):
    probe = runs[0][0]
    status = probe.status()
    # The made-up policy cannot stand: what it sends after the fall is refused, and every answer is one or the other.
    assert (status.mode, status.ticks, status.accepted + status.rejected) == ("finished", 80, 80)
    assert (status.latency_max, status.rate_hz, status.deadline_misses) == (0.0, 0.0, 0)
    summary = json.loads(probe.summaries[-1])
    assert (summary["seconds_simulated"], summary["ticks"], summary["body"], summary["seed"]) == (2.0, 80, "legs80", 7)
    assert summary["finished"] and summary["fell"] and 0.0 < summary["fall_time"] < 2.0
    assert summary["faults"]["NOT_ARMED"] == status.rejected and "LOST_COMMANDER" not in summary["faults"]
