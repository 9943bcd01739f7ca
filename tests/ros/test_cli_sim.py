"""`kinesis sim` from the command line to the exit code, over the real graph."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ros_domains import new_domain

pytest.importorskip("rclpy")
pytest.importorskip("kinesis_msgs")
pytest.importorskip("mujoco")

ROOT = Path(__file__).resolve().parents[2]
POLICY = ROOT / "models" / "legs80-stand-walk.onnx"
pytestmark = pytest.mark.skipif(not POLICY.is_file(), reason="no policy is shipped")


def start(domain, *arguments):
    environment = {**os.environ, "ROS_DOMAIN_ID": str(domain), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "kinesis_cli", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(domain, *arguments):
    process = start(domain, *arguments)
    try:
        out, error = process.communicate(timeout=180)
    finally:
        process.kill()
    return process.returncode, out, error


def wait_until_armed(domain):
    """Until the body was armed once."""
    deadline = time.monotonic() + 120.0
    while time.monotonic() < deadline:
        code, out, _ = run(domain, "status", "--json")
        if code == 0 and json.loads(out).get("sim_node", {}).get("state", "disarmed") != "disarmed":
            return
    raise AssertionError("the body was not armed within two minutes")


def test_lockstep_run_writes_its_summary(tmp_path):
    path = tmp_path / "run.json"
    code, out, error = run(new_domain(), "sim", "--clock", "lockstep", "--duration", "2", "--seed", "5", "--say", "walk", "--json", str(path))
    assert code == 0, error
    result = json.loads(path.read_text())
    assert (result["seconds_simulated"], result["body"], result["seed"]) == (2.0, "legs80", 5)
    assert len(result["policy_sha256"]) == 64 and result["ticks"] == 80 and result["deadline_misses"] == 0
    assert 0.0 < result["latency_us"]["p50"] <= result["latency_us"]["p99"] <= result["latency_us"]["max"]
    assert result["real_time_factor"] > 0.0
    assert "2.00 s simulated" in out


def test_talk_to_it_see_a_second_one_refused_and_end_it(tmp_path):
    path, domain = tmp_path / "run.json", new_domain()
    # In lock-step: a body that the machine keeps waiting in real time falls, and takes no words any more.
    process = start(domain, "sim", "--stand", "--clock", "lockstep", "--json", str(path))
    try:
        wait_until_armed(domain)
        code, out, error = run(domain, "say", "walk")
        assert code == 0 and "walking" in out, error
        code, _, error = run(domain, "sim")
        assert code == 5 and f"another simulation runs in ROS domain {domain}," in error
        assert run(domain, "estop")[0] == 0
        assert run(domain, "arm")[0] == 6
    finally:
        process.send_signal(signal.SIGINT)
        try:
            _, error = process.communicate(timeout=90)
        finally:
            process.kill()
    assert process.returncode == 130, error
    assert json.loads(path.read_text())["faults"]["ESTOP"] == 1


def test_a_node_that_refuses_ends_the_run_with_its_reason(tmp_path):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a policy")
    code, _, error = run(new_domain(), "sim", "--policy", str(broken), "--duration", "1")
    assert code == 4
    assert "broken.onnx" in error
