"""Simulated time that passes slower or faster than real time, changed while the body moves."""

import time

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("kinesis_msgs.msg")
pytest.importorskip("mujoco")

from kinesis_msgs.msg import BodyState
from kinesis_msgs.msg import ControlStatus as Status
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters

from kinesis_control.ros import qos
from kinesis_sim.nodes.sim_node import CATCH_UP_S


def set_factor(probe, factor, kind=ParameterType.PARAMETER_DOUBLE):
    client = probe.client(SetParameters, "sim_node/set_parameters")
    field = "double_value" if kind == ParameterType.PARAMETER_DOUBLE else "integer_value"
    value = ParameterValue(type=kind, **{field: factor})
    request = SetParameters.Request(parameters=[Parameter(name="real_time_factor", value=value)])
    return probe.ask(client, request).results[0]


def stamp_s(state):
    return state.header.stamp.sec + 1e-9 * state.header.stamp.nanosec


def test_slower_and_faster_in_real_time(graph_of_test, made_up):
    graph = graph_of_test
    graph.start(made_up, clock="realtime", sim=("real_time_factor:=0.25",))
    probe = graph.probe
    sent = []  # simulated time of each state, and the wall time at which it was published [s]
    probe.node.create_subscription(BodyState, "body_state", lambda m, info: sent.append((stamp_s(m), 1e-9 * info["source_timestamp"])), qos.LOOP)
    probe.wait_until_was(Status.ACTIVE)
    assert set_factor(probe, 0.1).successful
    now = time.time()
    probe.wait(lambda: sum(wall > now for _, wall in list(sent)) > 10, "ten steps at the new pace")
    (first, begun), *_, (last, ended) = [entry for entry in list(sent) if entry[1] > now][:11]
    # A busy machine may be slower, never faster, but for what a short delay before has left to be caught up with.
    assert last - first <= 0.1 * (ended - begun + CATCH_UP_S) + 2 * 0.025
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
    graph.probe.wait_until_was(Status.ACTIVE)
    result = set_factor(graph.probe, 0.5)
    assert not result.successful and "lock-step" in result.reason
