"""A ball, a goal and a keeper out of a bag."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinesis_control.evaluate.report_evaluation import evaluate_recordings
from kinesis_control.evaluate.stream_ball import at_ticks


def put_kick(bag: Any, ticks: int, *, keeper: str = "block") -> None:
    """A ball that goes at 8 m/s from tick 40 on, seen 100 times a second, between two posts 6 m ahead."""
    make, kinds = bag.maker()._make, bag.types.store.types

    def odometry(stamp_ns: int, x: float, child: str) -> Any:
        pose = make(
            "geometry_msgs/msg/Pose",
            position=make("geometry_msgs/msg/Point", x=x, y=0.0, z=0.11),
            orientation=kinds["geometry_msgs/msg/Quaternion"](x=0.0, y=0.0, z=0.0, w=1.0),
        )
        zero = make("geometry_msgs/msg/Vector3", x=0.0, y=0.0, z=0.0)
        return kinds["nav_msgs/msg/Odometry"](
            header=bag.maker()._header(stamp_ns), child_frame_id=child,
            pose=make("geometry_msgs/msg/PoseWithCovariance", pose=pose, covariance=np.zeros(36)),
            twist=make("geometry_msgs/msg/TwistWithCovariance", twist=make("geometry_msgs/msg/Twist", linear=zero, angular=zero), covariance=np.zeros(36)),
        )  # fmt: skip

    point = kinds["geometry_msgs/msg/Point32"]
    corners = [point(x=6.0, y=1.0, z=0.0), point(x=6.0, y=-1.0, z=0.0), point(x=6.0, y=-1.0, z=1.5), point(x=6.0, y=1.0, z=1.5)]
    frame = kinds["geometry_msgs/msg/PolygonStamped"](header=bag.maker()._header(0), polygon=kinds["geometry_msgs/msg/Polygon"](points=corners))
    bag.put("goal_frame", "geometry_msgs/msg/PolygonStamped", bag.wall_ns, frame)
    bag.put("keeper", "nav_msgs/msg/Odometry", bag.wall_ns, odometry(0, 6.0, keeper))
    for i in range(ticks * 5 // 2):
        stamp_ns = i * 10_000_000 + 3_000_000
        bag.put("ball", "nav_msgs/msg/Odometry", bag.wall_ns + stamp_ns, odometry(stamp_ns, max(0.0, 8e-9 * (stamp_ns - 10**9)), "ball"))


@pytest.mark.parametrize("chunk", [1024, 30])
def test_a_kick_is_read(recorded: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    from kinesis_control.evaluate import stream

    monkeypatch.setattr(stream, "CHUNK_TICKS", chunk)
    put_kick(recorded.layout().status(0).ticks(0, 120), 120)
    f = evaluate_recordings([recorded.save(tmp_path / "bag")]).figures
    assert (f["kicks.attempts"].value, f["kicks.goals.block"].value) == (1.0, 1.0)
    assert f["kicks.ball_speed"].value == pytest.approx(8.0)


def test_a_goal_frame_that_is_none_is_counted_and_kicks_are_not_decided(recorded: Any, tmp_path: Path) -> None:
    put_kick(recorded.layout().status(0).ticks(0, 120), 120)
    kinds = recorded.types.store.types
    empty = kinds["geometry_msgs/msg/PolygonStamped"](header=recorded.maker()._header(0), polygon=kinds["geometry_msgs/msg/Polygon"](points=[]))
    recorded.rows = [r for r in recorded.rows if r[0] != "/goal_frame"]
    recorded.put("goal_frame", "geometry_msgs/msg/PolygonStamped", 0, empty)
    evaluation = evaluate_recordings([recorded.save(tmp_path / "bag")])
    assert evaluation.figures["kicks.goals"].value is None and evaluation.figures["kicks.ball_speed"].value == pytest.approx(8.0)
    assert any("got 0 points" in p for p in evaluation.recordings[0].problems)


def test_places_between_messages() -> None:
    stamps, places = np.array([0, 100, 200, 10**9]), np.array([[0.0, 0, 0], [1.0, 0, 0], [3.0, 0, 0], [9.0, 0, 0]])
    found = at_ticks(stamps, places, np.array([-1, 0, 50, 100, 150, 200, 300, 10**9, 2 * 10**9]))[:, 0]
    assert np.allclose(found, [np.nan, 0.0, 0.5, 1.0, 2.0, 3.0, np.nan, 9.0, np.nan], equal_nan=True)
