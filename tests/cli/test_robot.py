"""`kinesis robot`: options, the account of a run, and one whole run with the dummy."""

import json
import os
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path

import pytest
from ros_domains import new_domain

from kinesis_cli import robot
from kinesis_cli.robot_parts import RobotFiles, RobotParts, start_emulator
from kinesis_cli.robot_summary import RobotSummary
from kinesis_control.drivers.codecs.guardian import GuardianState, Status
from kinesis_control.errors import ConfigurationError, UnavailableError, UnknownNameError

ROOT = Path(__file__).resolve().parents[2]
POLICY = ROOT / "models" / "legs80-stand-walk.onnx"


def parsed(*words):
    parser = ArgumentParser()
    robot.add_parser(parser.add_subparsers())
    return parser.parse_args(["robot", *words])


@pytest.mark.parametrize(
    ("words", "error", "text"),
    [
        (("--driver", "etherkat"), UnknownNameError, "Did you mean 'ethercat'"),
        (("--body", "leg80"), UnknownNameError, "Did you mean 'legs80'"),
        (("--driver", "golem"), ConfigurationError, "--emulate for an emulated one"),
        (("--driver", "udp", "--emulate", "--settings", "x.json"), ConfigurationError, "emulated or real"),
        (("--driver", "udp", "--emulate", "--cap", "0"), ConfigurationError, "--cap"),
        (("--check",), ConfigurationError, "--check needs a robot"),
        (("--driver", "udp", "--check", "--settings", "x.json"), ConfigurationError, "say so with --arm"),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_starts(words, error, text):
    pytest.importorskip("mujoco")
    with pytest.raises(error, match=text):
        robot.run(parsed(*words))


def test_words_with_and_without_a_time():
    assert robot.script_of(None) == [(2.0, "walk")]
    assert robot.script_of(["5 stop", "walk slowly"]) == [(1.0, "walk slowly"), (5.0, "stop")]


def test_settings_need_the_guardian_beside_them(tmp_path):
    (tmp_path / "bus.json").write_text("{}")
    with pytest.raises(ConfigurationError, match=r"guardian\.json"):
        RobotFiles.beside(tmp_path / "bus.json", tmp_path)


def test_a_process_that_does_not_start_is_told_with_its_words_and_nothing_is_left():
    with RobotParts() as parts:
        with pytest.raises(UnavailableError, match=r"the guardian did not start: .*cannot be read"):
            parts.start("guardian", ["-m", "kinesis_control.drivers.guardian.process", "/nowhere.json"], lambda: False)
        with pytest.raises(ConfigurationError, match="no emulated robot"):
            start_emulator(parts, "pamy2", "legs80", seed=0, cap=0.3)
        folder = parts.folder
    assert not folder.exists()


def summary_after(*states):
    summary = RobotSummary(body="legs80", driver="dummy", policy_sha256="")
    return summary, [summary.on_guardian(Status(state=state, text=state.name)) for state in states]


def test_each_step_is_told_once():
    states = GuardianState
    summary, lines = summary_after(states.ESTOP_CHAIN, states.ESTOP_CHAIN, states.SUPPLY_ON, states.ARMED, states.ACTIVE, states.ARMED, states.ACTIVE)
    assert [bool(line) for line in lines] == [True, False, True, True, True, False, False]
    again = [bool(summary.on_guardian(Status(state=state, text=""))) for state in (states.BOOT, states.SUPPLY_ON, states.ARMED, states.ACTIVE, states.ARMED)]
    assert again == [True, True, True, True, False]
    assert summary.steps[:6] == ["ESTOP_CHAIN", "SUPPLY_ON", "ARMED", "ACTIVE", "ARMED", "ACTIVE"]


@pytest.mark.parametrize(
    ("change", "good"),
    [({}, True), ({"active": False}, False), ({"disarmed": False}, False), ({"stopped_by": {"ESTOP": 1}}, False), ({"guardian_fault": "IO_LOST: x"}, False)],
)
def test_only_a_run_without_fault_from_arming_to_disarming_is_good(change, good):
    summary, _ = summary_after()
    assert not summary.good, "no account, no success"
    account = {"active": True, "armed": True, "disarmed": True, "stopped_by": {}, "guardian_fault": "", "error": "", "not_measured": []}
    summary.on_final(json.dumps(account | {"active_seconds": 4.0, "states": 160, "accepted": 158} | change))
    assert summary.good is good and summary.as_dict()["good"] is good
    assert "4.0 s in motion" in summary.closing()


LATE = {
    "LOST_COMMANDER", "GUARDIAN_STOP", "GUARDIAN_LOST", "DRIVER_ERROR", "BANK_SILENT",
    "LEASE_LOST", "HEARTBEAT_LOST", "IO_LOST", "LINK_LOST", "BUS_FAULT", "ARMING_TIMEOUT",
}  # fmt: skip
"""Stops of gate and guardian because somebody came too late: a robot's deadlines are milliseconds, and this machine may have other work."""
ATTEMPTS = 6


def run_dummy(folder):
    """How a run ended, and its account."""
    environment = {**os.environ, "ROS_DOMAIN_ID": str(new_domain()), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "kinesis_cli", "robot", "--driver", "dummy", "--duration", "1", "--say", "0.2 walk", "--json", str(folder / "run.json")]
    ended = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=240, check=False)
    return ended, json.loads((folder / "run.json").read_text())


@pytest.mark.skipif(not POLICY.is_file(), reason="no policy is shipped")
def test_the_dummy_is_armed_runs_and_is_disarmed(tmp_path):
    for name in ("rclpy", "kinesis_msgs", "mujoco"):
        pytest.importorskip(name)
    for _ in range(ATTEMPTS):
        ended, account = run_dummy(tmp_path)
        stops = {*account.get("stopped_by", ()), *filter(None, [account.get("guardian_fault", "").split(":")[0]])}
        if not ended.returncode or not stops or not stops <= LATE:
            break
    loop = account.get("bus", {})
    if ended.returncode and loop.get("overruns", 0) > 0.05 * loop.get("cycles", 1):
        pytest.skip(f"this machine is too busy for a robot: {loop['overruns']} of {loop['cycles']} periods were missed; {account['error']}")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert account["good"] and account["active_seconds"] >= 1.0
    order = [account["steps"].index(name) for name in ("ESTOP_CHAIN", "SUPPLY_ON", "PRECHARGE", "ARMED", "ACTIVE", "STOPPING")]
    assert order == sorted(order)
    assert 'said: "walk"' in ended.stdout
