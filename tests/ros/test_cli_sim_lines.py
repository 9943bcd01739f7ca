"""Lines of nodes as `kinesis sim` shows them."""

import pytest

pytest.importorskip("rclpy")

from kinesis_cli.sim_run import shortened


def test_plain_news_keep_the_node_and_the_words():
    assert shortened("sim_node-1", "[INFO] [1795274323.82] [sim_node]: 80 muscles, [40 Hz]: on") == "sim_node: 80 muscles, [40 Hz]: on"


def test_warnings_say_so():
    assert shortened("sim_node-1", "[ERROR] [17.5] [robot.sim_node]: no answer") == "robot.sim_node: ERROR: no answer"


def test_anything_else_is_left_as_it_is():
    assert shortened("sim_node-1", "Traceback (most recent call last):") == "sim_node-1: Traceback (most recent call last):"
