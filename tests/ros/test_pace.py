"""Simulated time that passes slower or faster than real time, changed while the body moves."""

import time

import pytest

pytest.importorskip("rclpy")

from kinesis_msgs.msg import ControlStatus as Status
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters


def set_factor(probe, factor, kind=ParameterType.PARAMETER_DOUBLE):
    client = probe.node.create_client(SetParameters, "sim_node/set_parameters")
    probe.wait(client.service_is_ready, "the parameters of sim_node")
    field = "double_value" if kind == ParameterType.PARAMETER_DOUBLE else "integer_value"
    value = ParameterValue(type=kind, **{field: factor})
    request = SetParameters.Request(parameters=[Parameter(name="real_time_factor", value=value)])
    return probe.ask(client, request).results[0]


def stamp_s(state):
    return state.header.stamp.sec + 1e-9 * state.header.stamp.nanosec


def test_slower_and_faster_in_real_time(graph_of_test, made_up):
    graph = graph_of_test
    graph.start(made_up, clock="realtime", sim=("real_time_factor:=0.5",))
    probe = graph.probe
    probe.wait_state(Status.ACTIVE)
    assert set_factor(probe, 0.1).successful
    seq = probe.last_state().seq
    probe.wait(lambda: probe.last_state().seq > seq, "a step at the new pace")
    first, begun = stamp_s(probe.last_state()), time.monotonic()
    seq = probe.last_state().seq
    probe.wait(lambda: probe.last_state().seq >= seq + 5, "five steps")
    passed, wall = stamp_s(probe.last_state()) - first, time.monotonic() - begun
    assert passed <= 0.1 * wall + 2 * 0.025  # a busy machine may be slower, never faster
    for wrong in (0.0, 5.0, float("nan")):
        result = set_factor(probe, wrong)
        assert not result.successful and result.reason
    assert not set_factor(probe, 2, ParameterType.PARAMETER_INTEGER).successful
    assert set_factor(probe, 4.0).successful
    seq = probe.last_state().seq
    probe.wait(lambda: probe.last_state().seq > seq + 20, "steps at four times real time")


def test_in_lock_step_the_answers_set_the_pace(graph_of_test, made_up):
    graph = graph_of_test
    graph.start(made_up, clock="lockstep")
    graph.probe.wait_state(Status.ACTIVE)
    result = set_factor(graph.probe, 0.5)
    assert not result.successful and "lock-step" in result.reason
