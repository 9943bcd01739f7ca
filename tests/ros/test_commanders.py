"""Commanders that cannot be trusted: one that gives NaN, one that dies, and one made for another body."""

import json
import math
import signal

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("onnx")

from kinesis_msgs.msg import ControlStatus as Status
from made_up_policy import write_policy


def activations(probe):
    return [value for state in probe.states() for value in state.muscle_activations]


def test_nan_of_a_policy_is_counted_and_never_reaches_the_body(graph_of_test, legs80, tmp_path):
    graph, probe = graph_of_test, graph_of_test.probe
    policy = write_policy(tmp_path / "nan.onnx", legs80, nan_below=0.97 * legs80.standing_height)
    graph.start(policy, sim=("duration:=1.5",))
    assert graph.processes.wait("sim") == 0
    probe.wait(lambda: (s := probe.status()) is not None and s.mode == "finished", "the last status")
    faults = probe.faults()
    assert faults["NON_FINITE_COMMAND"] >= 1 and ("REPEATED_REFUSAL" in faults or "LOST_COMMANDER" in faults)
    assert any("NON_FINITE_COMMAND" in s.last_rejection for s in probe.statuses)
    probe.wait(lambda: probe.faults("policy_node").get("NON_FINITE_POLICY"), "the policy node to name its fault")
    values = activations(probe)
    assert values and all(math.isfinite(v) for v in values)


def test_a_policy_for_another_model_is_refused_with_the_difference(graph_of_test, legs80, tmp_path):
    graph = graph_of_test
    graph.start(write_policy(tmp_path / "foreign.onnx", legs80, model_hash="0" * 16))
    assert graph.processes.wait("supervisor") == 7
    assert "model hash" in graph.processes.log("supervisor") and legs80.model_hash in graph.processes.log("supervisor")
    assert not graph.probe.raw_states


@pytest.mark.parametrize("clock", ["lockstep", "realtime"])
def test_a_killed_policy_leaves_a_body_that_fades(graph_of_test, made_up, clock):
    graph = graph_of_test
    # So slow that a body which the machine keeps waiting for its first command has not fallen by then.
    slow = ("real_time_factor:=0.1",) if clock == "realtime" else ()
    graph.start(made_up, clock=clock, sim=("answer_timeout_s:=0.5", *slow))
    probe = graph.probe
    probe.wait_until_was(Status.ACTIVE)
    graph.processes.running["policy"].kill()
    status = probe.wait_state(Status.FAULT)
    assert {"LOST_COMMANDER", "FALLEN"} & set(status.fault_names)
    seq = probe.last_state().seq
    probe.wait(lambda: probe.last_state().seq > seq + 20, "the clock to go on")
    assert max(probe.last_state().muscle_activations) < 0.05
    if clock == "lockstep":  # once: discovery gives up a dead node only after 20 s
        probe.wait(lambda: "'policy_node' has left" in graph.processes.log("supervisor"), "the supervisor to notice")
    graph.processes.running["sim"].send_signal(signal.SIGINT)
    assert graph.processes.wait("sim") == 0
    summary = json.loads(probe.wait(lambda: probe.summaries, "the last word of an interrupted run")[-1])
    assert not summary["finished"] and summary["state"] == "fault" and summary["ticks"] > 20
