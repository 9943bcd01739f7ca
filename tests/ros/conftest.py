"""Graphs of real nodes, each in a domain of its own and on this machine alone."""

import pytest


@pytest.fixture(scope="session")
def legs80():
    pytest.importorskip("mujoco")
    from kinesis_sim.bodies import load_body

    return load_body("legs80").description


@pytest.fixture(scope="session")
def made_up(legs80, tmp_path_factory):
    """A policy that fits legs80 and does nothing of use."""
    pytest.importorskip("onnx")
    from made_up_policy import write_policy

    return write_policy(tmp_path_factory.mktemp("policy") / "made-up.onnx", legs80)


@pytest.fixture(scope="module")
def new_graph(tmp_path_factory):
    """Makes graphs, and ends every one of them with the module."""
    pytest.importorskip("rclpy")
    pytest.importorskip("kinesis_msgs.msg")
    from ros_domains import new_domain
    from ros_graph import Graph

    patch = pytest.MonkeyPatch()
    patch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    graphs = []

    def make():
        graphs.append(Graph(new_domain(), tmp_path_factory.mktemp("graph")))
        return graphs[-1]

    yield make
    for graph in graphs:
        graph.close()
    patch.undo()


@pytest.fixture
def graph_of_test(new_graph):
    """A graph that ends with the test; each node that still runs then must end well."""
    graph = new_graph()
    yield graph
    ended = graph.close()
    assert all(code in (0, 7, -9) for code in ended.values()), ended
