"""Gate and guardian as one: each way of arming, of stopping, and of coming back."""

import time

import numpy as np
import pytest
import without_deadlines
from robot_peers import Peers

from kinesis_control.drivers.bus.client import BusClient
from kinesis_control.drivers.bus.settings import BusSettings
from kinesis_control.drivers.codecs.guardian import GuardianState, Request
from kinesis_control.drivers.robot_account import RobotRun
from kinesis_control.drivers.robot_control import BUS_SILENT_S, RobotControl
from kinesis_control.safety.arming import Arming, ArmingConfig, ControlState
from kinesis_control.safety.faults import Fault
from kinesis_control.safety.gate import CommandGate
from kinesis_control.safety.limits import Command, Limits

MUSCLES = ("soleus_r", "tibant_r", "vasti_r")
ACCEPTED = Arming.command_accepted


class Robot:
    """A control with made-up peers; its clock is that of the machine."""

    def __init__(self, peers, client, layout_hash):
        limits = Limits(n_muscles=3, layout_hash=layout_hash, slew_per_s=100.0, control_dt_s=0.025, max_age_s=1e6)
        self.gate = CommandGate(limits, ArmingConfig(fade_s=0.05, arm_timeout_s=60.0))
        self.peers, self.client = peers, client
        self.control = RobotControl(self.gate, peers_path(peers), muscles=MUSCLES)
        self.layout_hash = layout_hash
        self.control.begin(time.monotonic())

    def tick(self):
        now = time.monotonic()
        self.control.poll(self.client.state, fresh=self.client.fetch(), now_s=now)
        self.gate.output(now)

    def until(self, condition):
        end = time.monotonic() + 60.0
        while not condition():
            assert time.monotonic() < end, (self.control.guardian_state, self.gate.state, self.control.error)
            self.tick()
            time.sleep(0.002)

    def arm(self):
        self.until(lambda: self.control.guardian_state is not None)
        self.until(lambda: self.control.arm(time.monotonic()).success)
        self.until(lambda: self.gate.state is ControlState.ARMED)

    def move(self):
        self.arm()
        self.gate._expected.seq += 1  # a state was sent; how states are made is not what is tested here
        command = Command(seq=self.gate._expected.seq, stamp_ns=0, layout_hash=self.layout_hash, commander="/policy", values=np.full(3, 0.5), valid_for_s=0.5)
        assert self.gate.submit(command, time.monotonic()).accepted
        assert self.gate.state is ControlState.ACTIVE


def peers_path(peers):
    return peers._listener.getsockname()


@pytest.fixture
def robot(tmp_path, monkeypatch):
    """Without deadlines: a test that is about one puts it back."""
    without_deadlines.lift(monkeypatch.setattr)
    settings = BusSettings(robot=f"peer-{time.monotonic_ns()}", driver="dummy", guardian=str(tmp_path / "guardian"), driver_settings={"muscles": list(MUSCLES)})
    with Peers(settings) as peers:
        capabilities = settings.make_driver().capabilities
        client = BusClient(settings.robot, capabilities)
        made = Robot(peers, client, capabilities.muscles.hash)
        made.until(lambda: made.client.state["seq"] > 0)
        yield made
        made.control.close()
        client.close()


def test_the_gate_is_armed_only_behind_the_guardian(robot):
    robot.until(lambda: robot.control.guardian_state is not None)
    assert robot.control.arm(time.monotonic()).success
    assert robot.gate.state is ControlState.DISARMED and robot.control.arming
    robot.until(lambda: robot.gate.state is ControlState.ARMED)
    assert robot.peers.asked == [Request.ARM] and robot.control.guardian_state.name == "ARMED"


def test_disarm_fades_out_before_the_guardian_is_asked(robot):
    robot.move()
    assert robot.control.disarm(time.monotonic()).success
    assert robot.gate.state is ControlState.FADING and Request.DISARM not in robot.peers.asked
    robot.until(lambda: robot.control.safe and Request.DISARM in robot.peers.asked)
    assert robot.gate.state is ControlState.DISARMED and not robot.control.error


def test_estop_goes_to_the_guardian_at_once_and_needs_reset_then_arm(robot):
    robot.move()
    assert robot.control.estop(time.monotonic()).success
    assert robot.peers.asked[-1] is Request.ESTOP
    robot.until(lambda: robot.gate.state is ControlState.ESTOPPED)
    assert not robot.control.arm(time.monotonic()).success and not robot.control.error
    robot.until(lambda: robot.control.guardian_state is GuardianState.FAULT)
    assert robot.control.reset(time.monotonic()).success
    assert robot.gate.state is ControlState.DISARMED
    robot.until(lambda: robot.control.safe)
    for _ in range(20):
        robot.tick()
    assert robot.gate.state is ControlState.DISARMED, "neither a reset nor what the guardian said before it does anything else"
    robot.arm()


def test_the_stop_button_stops_the_gate(robot):
    robot.move()
    robot.peers.press_stop()
    robot.until(lambda: robot.gate.state is ControlState.ESTOPPED)
    assert robot.gate.cause is Fault.ESTOP and "ESTOP" in robot.control.guardian_fault


def test_a_fault_of_the_bus_process_is_named_with_its_muscle(robot):
    robot.move()
    robot.peers.latch(Fault.SENSOR_LOST, muscle=1)
    robot.until(lambda: robot.gate.state is ControlState.FAULT)
    assert robot.control.error.startswith("SENSOR_LOST") and "tibant_r" in robot.control.error
    assert not robot.control.arm(time.monotonic()).success
    robot.until(lambda: robot.control.reset(time.monotonic()).success)
    robot.until(lambda: robot.control.safe)
    assert not robot.control.error and robot.gate.state is ControlState.DISARMED


def test_silence_is_a_fault(robot, monkeypatch):
    robot.move()
    robot.peers.silent = True
    monkeypatch.undo()
    robot.until(lambda: bool(robot.control.error))
    assert robot.control.error.split(":")[0] in ("DRIVER_ERROR", "GUARDIAN_LOST") and BUS_SILENT_S <= 1.0
    robot.until(lambda: robot.gate.state is ControlState.FAULT)


def test_a_lost_commander_brings_the_robot_down(robot, monkeypatch):
    monkeypatch.setattr(Arming, "command_accepted", ACCEPTED)
    robot.move()
    robot.until(lambda: robot.gate.state is ControlState.FAULT)
    assert robot.gate.cause is Fault.LOST_COMMANDER
    robot.until(lambda: Request.DISARM in robot.peers.asked and robot.control.safe)
    assert robot.peers.asked.count(Request.DISARM) == 1


def test_disarmed_by_somebody_else_while_arming(robot):
    robot.until(lambda: robot.control.guardian_state is not None)
    assert robot.control.arm(time.monotonic()).success
    robot.control.disarm(time.monotonic())
    robot.until(lambda: robot.control.safe)
    assert robot.gate.state is ControlState.DISARMED and not robot.control.arming


def test_a_run_of_limited_time_disarms_and_is_accounted(robot):
    run = RobotRun(robot.control, 0.02)
    assert not run.follow(time.monotonic())
    robot.move()
    over = []
    robot.until(lambda: bool(over) or (over.append(1) if run.follow(time.monotonic()) else None) is not None)
    account = run.close()
    assert account.armed and account.active and account.active_s >= 0.02
    assert account.disarmed, (robot.control.guardian_state, robot.gate.state)


def test_a_run_that_was_stopped_is_over_but_not_disarmed_in_order(robot):
    run = RobotRun(robot.control, 60.0)
    robot.move()
    assert not run.follow(time.monotonic())
    robot.peers.latch(Fault.BANK_FAULT)
    robot.until(lambda: run.follow(time.monotonic()))
    assert not run.close().disarmed
