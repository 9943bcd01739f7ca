"""The layouts for RViz and Foxglove name topics and fields that there are."""

import json
import re
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[2]
MESSAGES = {"body_state": "BodyState", "control_status": "ControlStatus"}
OTHER_TOPICS = {"muscle_markers", "goal_pose", "odom", "text_command", "/diagnostics"}


def fields(message):
    """Names of the fields of one of our messages."""
    text = (ROOT / "msgs" / "msg" / f"{message}.msg").read_text(encoding="utf-8")
    found = (re.match(r"[\w/]+(?:\[\d*\])?\s+(\w+)\s*(?:#.*)?$", line) for line in text.splitlines())
    return {match[1] for match in found if match}


def texts(value, key):
    """Every text under a key, however deep."""
    if isinstance(value, dict):
        own = [value[key]] if isinstance(value.get(key), str) else []
        return own + [text for inner in value.values() for text in texts(inner, key)]
    return [text for inner in value for text in texts(inner, key)] if isinstance(value, list) else []


def test_foxglove_plots_what_the_messages_hold():
    layout = json.loads((ROOT / "launch" / "kinesis.foxglove.json").read_text(encoding="utf-8"))
    paths = [plot["value"] for panel in layout["configById"].values() for plot in panel.get("paths", [])]
    assert len(paths) >= 5
    for path in paths:
        topic, field = re.match(r"/(\w+)(?:\{[^}]*\})?\.(\w+)", path).groups()
        assert field in fields(MESSAGES[topic]), path
    panels = set(layout["configById"])
    assert panels == {panel for key in ("first", "second") for panel in texts(layout["layout"], key)}
    topics = {name.lstrip("/") for panel in layout["configById"].values() for name in panel.get("topics", {})}
    assert topics <= OTHER_TOPICS
    assert texts(layout, "serviceName") == ["/estop"] and texts(layout, "topicName") == ["/text_command"] and texts(layout, "poseTopic") == ["/goal_pose"]


def test_rviz_listens_as_the_nodes_send():
    manager = yaml.safe_load((ROOT / "launch" / "kinesis.rviz").read_text(encoding="utf-8"))["Visualization Manager"]
    displays = {display["Class"].rpartition("/")[2]: display for display in manager["Displays"]}
    assert displays["MarkerArray"]["Topic"]["Value"] == "muscle_markers"
    # A reliable listener hears nothing of a sender that is not.
    assert displays["Odometry"]["Topic"]["Value"] == "odom" and displays["Odometry"]["Topic"]["Reliability Policy"] == "Best Effort"
    assert manager["Global Options"]["Fixed Frame"] == "odom" and manager["Views"]["Current"]["Target Frame"] == "base_link"
    goal = next(tool for tool in manager["Tools"] if tool["Class"].endswith("SetGoal"))
    assert goal["Topic"]["Value"] == "goal_pose"
