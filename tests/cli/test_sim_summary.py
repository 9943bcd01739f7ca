"""The summary of a run, from made-up messages of a graph."""

import json
import math

import pytest
from made_up_messages import odom, status

from kinesis_cli.sim_summary import RunSummary, require_writable, write_json
from kinesis_control.errors import UnavailableError

KEYS = {
    "seconds_simulated", "wall_seconds", "real_time_factor", "fell", "fall_time", "distance_m", "mean_speed", "ticks",
    "deadline_misses", "latency_us", "faults", "policy_sha256", "body", "seed",
}  # fmt: skip


@pytest.fixture
def summary():
    return RunSummary(body="legs80", seed=3, policy_sha256="ab" * 32)


def walk(summary, seconds, speed, sway=0.0):
    """Odometry at 40 Hz, eight times as fast as the wall clock, with a stride's sway of one hertz."""
    for tick in range(int(seconds * 40) + 1):
        t = tick / 40
        summary.on_odom(odom(t, speed * t, sway * math.sin(2 * math.pi * t)), wall_s=100.0 + t / 8)


def test_keys_are_those_of_the_interface_even_before_anything_came(summary):
    result = summary.as_dict()
    assert set(result) == KEYS
    assert set(result["latency_us"]) == {"p50", "p99", "max"}
    assert json.loads(json.dumps(result)) == result
    assert result["fell"] is False and result["fall_time"] is None and result["mean_speed"] == 0.0


def test_way_speed_and_real_time_factor(summary):
    walk(summary, seconds=10.5, speed=1.2)
    result = summary.as_dict()
    assert result["seconds_simulated"] == 10.5
    assert result["distance_m"] == pytest.approx(12.6, abs=1e-3)
    assert result["mean_speed"] == pytest.approx(1.2, abs=1e-3)
    assert result["real_time_factor"] == pytest.approx(8.0)


def test_sway_is_not_way(summary):
    walk(summary, seconds=10.0, speed=1.0, sway=0.05)
    assert summary.as_dict()["distance_m"] == pytest.approx(10.0, rel=0.01)


def test_start_up_does_not_count(summary):
    summary.on_odom(odom(5.0, 2.0), wall_s=50.0)
    summary.on_odom(odom(6.0, 3.0), wall_s=51.0)
    result = summary.as_dict()
    assert (result["seconds_simulated"], result["wall_seconds"], result["distance_m"]) == (1.0, 1.0, 1.0)


def test_the_first_fall_is_kept(summary):
    summary.on_status(status("sim_node", 4.0))
    assert not summary.as_dict()["fell"]
    summary.on_status(status("sim_node", 7.25, fault_names=["FALLEN"], fault_counts=[1]))
    summary.on_status(status("sim_node", 9.0, fault_names=["FALLEN"], fault_counts=[1]))
    result = summary.as_dict()
    assert result["fell"] is True and result["fall_time"] == 7.25


def test_ticks_and_misses_are_those_of_the_edge_of_the_body(summary):
    summary.on_status(status("policy_node", ticks=77, deadline_misses=0))
    summary.on_status(status("sim_node", ticks=80, deadline_misses=2))
    result = summary.as_dict()
    assert (result["ticks"], result["deadline_misses"], result["policy_sha256"]) == (80, 2, "ab" * 32)


def test_a_fault_seen_by_two_nodes_counts_once(summary):
    summary.on_status(status("policy_node", fault_names=["NON_FINITE_COMMAND"], fault_counts=[3]))
    summary.on_status(status("sim_node", fault_names=["NON_FINITE_COMMAND", "STALE_COMMAND"], fault_counts=[2, 1]))
    assert summary.as_dict()["faults"] == {"NON_FINITE_COMMAND": 3, "STALE_COMMAND": 1}


def test_the_account_of_the_simulator_is_preferred(summary):
    walk(summary, seconds=2.0, speed=1.0)
    summary.on_status(status("policy_node", fault_names=["NON_FINITE_POLICY"], fault_counts=[1]))
    summary.on_final(json.dumps({"seconds_simulated": 2.025, "ticks": 81, "fell": True, "fall_time": 1.5, "falls": 1, "faults": {"FALLEN": 1}}))
    result = summary.as_dict()
    assert set(result) == KEYS
    assert (result["seconds_simulated"], result["ticks"], result["fell"], result["fall_time"]) == (2.025, 81, True, 1.5)
    assert result["faults"] == {"FALLEN": 1, "NON_FINITE_POLICY": 1} and result["distance_m"] == pytest.approx(2.0)


def test_json_is_replaced_whole(tmp_path, summary):
    path = tmp_path / "run.json"
    path.write_text("old")
    write_json(path, summary.as_dict())
    assert set(json.loads(path.read_text())) == KEYS
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path, summary):
    (tmp_path / "run.json").mkdir()
    (tmp_path / "run.json" / "kept").touch()
    with pytest.raises(UnavailableError, match="could not write"):
        write_json(tmp_path / "run.json", summary.as_dict())
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]


def test_unwritable_places_are_refused_before_the_run(tmp_path):
    with pytest.raises(UnavailableError, match="does not exist"):
        require_writable(tmp_path / "missing" / "x.json")
    with pytest.raises(UnavailableError, match="is a folder"):
        require_writable(tmp_path)
    require_writable(tmp_path / "x.json")
    assert list(tmp_path.iterdir()) == []
