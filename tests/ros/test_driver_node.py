"""The driver node on a real graph, with a bus process and a guardian that keep no deadlines: a busy machine changes nothing."""

import json
import time

import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("kinesis_msgs.msg")
pytest.importorskip("mujoco")

import ros_graph
from kinesis_msgs.msg import ControlStatus
from robot_peers import Peers

from kinesis_control.drivers.body_file import write_body
from kinesis_control.drivers.bus.settings import BusSettings
from kinesis_control.drivers.codecs.guardian import GuardianState, Request
from kinesis_control.drivers.muscle_model import McKibbenBundle
from kinesis_control.safety.faults import Fault

ros_graph.MODULES.setdefault("driver", "without_deadlines")


class Robot:
    """Files, peers and graph of a made-up robot."""

    def __init__(self, folder, graph, description, table, policy):
        self.folder, self.processes, self.probe, self.policy = folder, graph.processes, graph.probe, policy
        table.save(folder / "muscles.npz")
        write_body(folder / "body.json", description)
        self.lengths = 0.5 * (table.length_low + table.length_high) - McKibbenBundle.for_table(table).tendon_length
        self.settings = BusSettings(
            robot=f"node-{time.monotonic_ns()}", driver="dummy", guardian=str(folder / "guardian"), muscle_table=str(folder / "muscles.npz"),
            driver_settings={"muscles": list(description.muscles.names), "joints": list(description.joint_names), "length_m": self.lengths.tolist()},
        )  # fmt: skip

    def start_driver(self, *parameters):
        self.settings.write(self.folder / "bus.json")
        files = (f"settings:='{self.folder / 'bus.json'}'", f"body_file:='{self.folder / 'body.json'}'", f"policy:='{self.policy}'")
        return self.processes.start("driver", *files, "autostart:=true", "chain:=['policy_node']", *parameters)

    def start(self, *parameters):
        """Everything, armed by the supervisor."""
        self.start_driver(*parameters)
        self.processes.start("policy", f"policy:='{self.policy}'", "clock:=realtime", "layout_timeout_s:=50.0")
        self.processes.start("motion", f"policy:='{self.policy}'")
        self.processes.start("supervisor", "auto_arm:=true", "expect_observer:=true", "sim_name:=driver_node", "startup_timeout_s:=110.0")

    def wait_state(self, state):
        def there():
            status = self.probe.status("driver_node")
            return status is not None and status.state == state

        self.probe.wait(there, f"the driver node in state {state}")


@pytest.fixture
def robot(tmp_path, graph_of_test, legs80):
    pytest.importorskip("onnx")
    from made_up_policy import write_policy

    from kinesis_sim.bodies import load_body
    from kinesis_sim.muscle_table import hill_table

    # Ten commands a second: late ones are a matter of the machine, not of the node.
    policy = write_policy(tmp_path / "slow.onnx", legs80, control_rate_hz=10.0)
    return Robot(tmp_path, graph_of_test, legs80, hill_table(load_body("legs80").model), policy)


def test_armed_through_the_guardian_stopped_by_a_fault_and_brought_back(robot):
    with Peers(robot.settings) as peers:
        robot.start()
        probe = robot.probe
        robot.wait_state(ControlStatus.ACTIVE)
        assert peers.asked == [Request.ARM]
        probe.wait(lambda: peers.taken, "an excitation at the bus process")
        assert np.isfinite(peers.taken[-1]).all() and len(peers.taken[-1]) == 80
        np.testing.assert_allclose(probe.last_state().joint_positions, 0.0)

        peers.latch(Fault.SENSOR_LOST, muscle=3)
        robot.wait_state(ControlStatus.FAULT)
        probe.wait(lambda: getattr(probe.diagnostics.get("policy_node"), "message", "") == "inactive", "the policy node to be deactivated")
        name = robot.settings.driver_settings["muscles"][3]
        status = probe.wait(lambda: (s := probe.status("driver_node")).mode.startswith("SENSOR_LOST") and s, "the fault in words")
        assert name in status.mode and "SENSOR_LOST" in status.fault_names
        entry = probe.wait(lambda: (e := probe.diagnostics.get(f"driver_node/muscle {name}")) and e.level == b"\x02" and e, "the muscle on /diagnostics")
        assert entry.message == Fault.SENSOR_LOST.meaning
        assert not probe.trigger("arm").success

        probe.wait(lambda: probe.trigger("reset_estop").success, "the reset")
        count = len(probe.raw_states)
        probe.wait(lambda: len(probe.raw_states) > count + 5, "states after the reset")
        probe.wait(lambda: getattr(probe.diagnostics.get("policy_node"), "message", "") == "active", "the policy node to be activated")
        robot.wait_state(ControlStatus.DISARMED)  # a reset never arms
        assert peers.asked.count(Request.ARM) == 1
        probe.wait(lambda: probe.trigger("arm").success, "to be armed again")
        robot.wait_state(ControlStatus.ACTIVE)

        assert probe.trigger("estop").success
        assert peers.asked[-1] is Request.ESTOP
        robot.wait_state(ControlStatus.ESTOPPED)
        count = len(probe.raw_states)
        probe.wait(lambda: len(probe.raw_states) > count + 5, "states after the emergency stop, which is no error of the chain")


def test_a_run_of_limited_time_ends_vented_with_its_account(robot):
    with Peers(robot.settings) as peers:
        robot.start("duration:=0.5")
        assert robot.processes.wait("driver") == 0, robot.processes.log("driver")
        assert Request.DISARM in peers.asked and peers.state in (GuardianState.BOOT, GuardianState.ESTOP_CHAIN)
        account = json.loads(robot.probe.wait(lambda: robot.probe.summaries, "the account")[-1])
        assert account["active"] and account["disarmed"] and not account["stopped_by"] and account["active_seconds"] >= 0.5
        assert account["not_measured"] == []


def test_what_the_link_does_not_measure_is_refused_by_name(robot):
    del robot.settings.driver_settings["length_m"]
    with Peers(robot.settings):
        robot.start_driver()
        robot.processes.running.pop("driver").wait(timeout=ros_graph.PATIENCE_S)
        log = robot.processes.log("driver")
    assert "driver 'dummy' does not measure muscle_length, which the policy looks at" in log


def test_every_bank_and_every_muscle_is_diagnosed_worst_first(robot):
    with Peers(robot.settings) as peers:
        robot.start_driver()
        probe = robot.probe
        probe.wait(lambda: "driver_node/bank 7" in probe.diagnostics, "the banks")
        assert sum(name.startswith("driver_node/muscle ") for name in probe.diagnostics) == 80
        peers.record["bank_faults"][2] = 1
        probe.wait(lambda: _bank_faults(probe, 2) != "none" and probe.diagnostics["driver_node/bank 2"].level == b"\x02", "the bad bank")


def _bank_faults(probe, bank):
    return {v.key: v.value for v in probe.diagnostics[f"driver_node/bank {bank}"].values}["faults"]


def test_nobody_at_the_bus_is_said(robot):
    robot.start_driver("startup_timeout_s:=0.5")
    assert robot.processes.running.pop("driver").wait(timeout=60.0) == 5
    assert "the bus process is not running" in robot.processes.log("driver")
