"""What nodes say about each other can be read by people."""

from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("kinesis_msgs.msg")

from kinesis_control.ros.reporting import names_of


def endpoint(space: str, name: str) -> SimpleNamespace:
    return SimpleNamespace(node_namespace=space, node_name=name)


def test_names_of_endpoints() -> None:
    assert names_of([]) == ""
    assert names_of([endpoint("/b", "policy"), endpoint("/", "policy")]) == "/b/policy, /policy"


def test_nodes_of_one_name_are_counted() -> None:
    assert names_of([endpoint("/", "policy"), endpoint("/", "other"), endpoint("/", "policy")]) == "/other, /policy (2 nodes of this name)"
