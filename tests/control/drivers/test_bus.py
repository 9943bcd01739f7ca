"""The bus process: shared memory, the check of commands, the loop with a made-up guardian, and the process itself."""

import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from kinesis_control.drivers.bus.authority import GuardianLink, wait_for_lease
from kinesis_control.drivers.bus.check import CommandRules, check
from kinesis_control.drivers.bus.client import BusClient, block_names
from kinesis_control.drivers.bus.intake import MOST_UNUSABLE
from kinesis_control.drivers.bus.loop import BusLoop, LoopConfig, Phase
from kinesis_control.drivers.bus.process import BusProcess
from kinesis_control.drivers.bus.records import command_record, state_record
from kinesis_control.drivers.bus.settings import BusSettings
from kinesis_control.drivers.bus.shared import SharedBlock
from kinesis_control.drivers.codecs import guardian
from kinesis_control.drivers.codecs.guardian import NO_MUSCLE, BusFlag, GuardianState, Heartbeat, Lease, LeaseRequest, Permit, Status
from kinesis_control.drivers.codecs.valve_bank import BankState, Control
from kinesis_control.drivers.dummy import DummyConfig, DummyDriver
from kinesis_control.drivers.frames import Mode
from kinesis_control.errors import ConfigurationError, LayoutError, UnavailableError, UnknownNameError
from kinesis_control.safety.faults import Fault, number_of
from kinesis_control.safety.robot_limits import RobotLimits

ROOT = Path(__file__).resolve().parents[3]
NAMES = tuple(f"m{i}" for i in range(24))
HASH = "0123456789abcdef"
FULL = 700e3
MS = 1_000_000


# -- shared memory ----------------------------------------------------------------------------------------------------


@pytest.fixture
def block_name():
    return f"kinesis-test-{os.getpid()}-{time.monotonic_ns()}"


def test_the_newest_record_and_never_a_torn_one(block_name):
    dtype = np.dtype([("number", "<u8"), ("values", "<f8", (400,))])
    writer = SharedBlock.create(block_name, dtype, HASH)
    reader = SharedBlock.attach(block_name, dtype, HASH)
    stop = threading.Event()

    def write():
        number = 0
        while not stop.is_set():
            number += 1
            writer.record["number"] = number
            writer.record["values"] = number
            writer.publish()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        seen, last, end = 0, 0, time.monotonic() + 60
        while seen < 100 and time.monotonic() < end:
            if reader.fetch():
                seen += 1
                assert (reader.record["values"] == reader.record["number"]).all(), "torn"
                assert reader.record["number"] > last
                last = int(reader.record["number"])
        assert seen == 100
    finally:
        stop.set()
        thread.join()
        reader.close()
        writer.close()


def test_a_writer_that_stops_in_the_middle_blocks_nobody(block_name):
    dtype = np.dtype([("number", "<u8")])
    writer = SharedBlock.create(block_name, dtype, HASH)
    reader = SharedBlock.attach(block_name, dtype, HASH)
    for number in (1, 2):
        writer.record["number"] = number
        writer.publish()
    writer._slot_heads[1][0] = 0  # the third write has begun: its slot is open, `newest` still says 2
    writer._slots[1][:] = bytes(8)
    assert reader.fetch() and reader.record["number"] == 2
    writer._head[4] = 3  # memory seen out of order: `newest` before the record
    assert not reader.fetch()
    writer._slot_heads[1][0] = 3  # and the number before the bytes: the CRC tells
    assert not reader.fetch() and reader.record["number"] == 2, "what was read before stays"
    reader.close()
    writer.close()


def test_what_does_not_fit_is_refused(block_name):
    dtype = np.dtype([("number", "<u8")])
    with pytest.raises(UnavailableError, match="not running"):
        SharedBlock.attach(block_name, dtype, HASH)
    writer = SharedBlock.create(block_name, dtype, HASH)
    with pytest.raises(LayoutError, match="and layout 0123456789abcdef"):
        SharedBlock.attach(block_name, dtype, "f" * 16)
    with pytest.raises(LayoutError, match="record size 8"):
        SharedBlock.attach(block_name, np.dtype([("number", "<u8", (2,))]), HASH)
    again = SharedBlock.create(block_name, dtype, HASH)  # what a killed process left
    again.close()
    writer._owner = False
    writer.close()


# -- the check --------------------------------------------------------------------------------------------------------

RULES = CommandRules(n_muscles=3, layout=7, mode=Mode.EXCITATION, high=1.0)
NOW = 10_000_000_000


def record(**changes):
    out = np.zeros((), command_record(3))
    values = {"seq": 5, "answers": 9, "stamp_ns": NOW - 5 * MS, "layout": 7, "epoch": 2, "mode": 0, "count": 3, "values": 0.5, **changes}
    for name, value in values.items():
        out[name] = value
    return out


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, None),
        ({"values": 1.0 + 1e-7}, None),
        ({"count": 4}, Fault.WRONG_LENGTH),
        ({"layout": 8}, Fault.WRONG_LAYOUT),
        ({"mode": 1}, Fault.WRONG_MODE),
        ({"values": [0.1, np.nan, 0.1]}, Fault.NON_FINITE_COMMAND),
        ({"values": [0.1, np.inf, 0.1]}, Fault.NON_FINITE_COMMAND),
        ({"values": [np.nan, -1.0, 9.0]}, Fault.NON_FINITE_COMMAND),
        ({"values": [0.1, 1.0001, 0.1]}, Fault.OUT_OF_RANGE),
        ({"values": [0.1, 1e30, 0.1]}, Fault.OUT_OF_RANGE),
        ({"values": [0.1, -1.0, 0.1]}, Fault.OUT_OF_RANGE),
        ({"epoch": 1}, Fault.STALE_EPOCH),
        ({"answers": 11}, Fault.FUTURE_COMMAND),
        ({"answers": 7}, Fault.REPLAYED_COMMAND),
        ({"seq": 4}, Fault.REPLAYED_COMMAND),
        ({"stamp_ns": NOW + 5 * MS}, Fault.WRONG_STAMP),
        ({"stamp_ns": NOW - 101 * MS}, Fault.COMMAND_TOO_OLD),
    ],
)
def test_each_refusal_by_its_name(change, fault):
    assert check(record(**change), RULES, epoch=2, last_seq=4, last_answered=8, state_seq=10, now_ns=NOW) is fault


# -- the loop ---------------------------------------------------------------------------------------------------------


class MadeUpGuardian:
    """An authority without a socket."""

    def __init__(self):
        self.lease, self.status, self.alive = Lease(epoch=3), Status(state=GuardianState.LEASE, epoch=3), True
        self.beats, self.closed = [], False

    def permit(self, permit, state=GuardianState.ARMED, **more):
        self.status = Status(state=state, permit=permit, epoch=3, **more)

    def poll(self, now_ns):
        return self.alive

    def request(self, request, now_ns):
        pass

    def beat(self, heartbeat):
        self.beats.append(heartbeat)

    def close(self):
        self.closed = True


class Bench:
    """A loop over a dummy robot, with a clock of its own for the rules; the dummy's pressures take the real one."""

    def __init__(self, name, **config):
        self.guardian = MadeUpGuardian()
        self.driver = DummyDriver(DummyConfig(muscles=NAMES, lag_s=0.0, command_timeout_s=100.0))
        self.driver.open()
        robot = self.driver.capabilities
        self.layout = robot.muscles.hash
        self.blocks = [SharedBlock.create(name + "c", command_record(24), self.layout), SharedBlock.create(name + "s", state_record(robot), self.layout)]
        self.commands = SharedBlock.attach(name + "c", command_record(24), self.layout)
        rules = CommandRules(n_muscles=24, layout=int(self.layout, 16), mode=Mode.PRESSURE, high=FULL)
        limits = RobotLimits.uniform(24, full_pressure_pa=FULL, slew_pa_s=2.8e6)
        self.loop = BusLoop(
            driver=self.driver, identity=self.driver.identify(), authority=self.guardian, limits=limits, rules=rules,
            config=LoopConfig(rate_hz=500.0, bank_timeout_s=0.5, **config), commands=self.blocks[0], states=self.blocks[1],
        )  # fmt: skip
        self.seq, self.now = 0, time.monotonic_ns()

    @property
    def state(self):
        return self.blocks[1].record

    def cycle(self, count=1):
        for _ in range(count):
            self.now += 2 * MS
            self.loop.cycle(self.now)

    def send(self, value, **changes):
        self.seq += 1
        values = {
            "seq": self.seq, "answers": int(self.state["seq"]), "stamp_ns": self.now, "layout": int(self.layout, 16), "epoch": 3,
            "mode": Mode.PRESSURE, "count": 24, "values": value, "length": np.nan,
        }  # fmt: skip
        for name, item in {**values, **changes}.items():
            self.commands.record[name] = item
        self.commands.publish()

    def arm(self):
        self.cycle(2)
        self.guardian.permit(Permit.ARM, arm_count=1)
        self.cycle(2)
        assert (self.state["bank_state"] == BankState.ARMED).all()
        self.guardian.permit(Permit.FOLLOW)
        self.cycle()

    def close(self):
        self.loop.close()
        self.commands.close()
        for block in self.blocks:
            block.close()


@pytest.fixture
def bench(block_name):
    made = []

    def make(**config):
        made.append(Bench(f"{block_name}-{len(made)}", **config))
        return made[-1]

    yield make
    for each in made:
        each.close()
        assert each.guardian.closed


def test_follows_within_cap_and_slew(bench):
    robot = bench(blend_s=0.0)
    robot.arm()
    assert robot.loop.phase is Phase.HOLDING and robot.loop.control is Control.HOLD
    robot.send(FULL)
    robot.cycle()
    assert robot.loop.phase is Phase.FOLLOWING
    np.testing.assert_allclose(robot.state["sent_pa"], 2.8e6 * 0.002)
    for _ in range(60):
        robot.send(FULL)
        robot.cycle()
    np.testing.assert_allclose(robot.state["sent_pa"], 0.3 * FULL)
    assert int(robot.state["limited"][1]) == 24 and robot.guardian.beats[-1].flags & BusFlag.FOLLOWING


def test_the_first_commands_are_blended_in(bench):
    robot = bench(blend_s=5.0)
    robot.arm()
    for _ in range(3):
        robot.send(FULL)
        robot.cycle()
    assert 0.0 <= robot.state["sent_pa"][0] < 0.05 * FULL, "the first command is close to the present"


def test_refused_commands_change_nothing_and_are_counted(bench):
    robot = bench(blend_s=0.0)
    robot.send(1e4)
    robot.cycle()
    assert robot.loop.counts[Fault.STALE_EPOCH] + robot.loop.counts[Fault.NOT_ARMED] == 1
    robot.arm()
    robot.send(1e4)
    robot.cycle(3)
    before = robot.state["sent_pa"].copy()
    for change, fault in (
        ({"values": np.nan}, Fault.NON_FINITE_COMMAND),
        ({"mode": Mode.EXCITATION}, Fault.WRONG_MODE),
        ({"epoch": 2}, Fault.STALE_EPOCH),
        ({"seq": 1}, Fault.REPLAYED_COMMAND),
    ):
        robot.send(1e5, **change)
        robot.cycle()
        assert robot.loop.counts[fault] >= 1, fault
    np.testing.assert_array_equal(robot.state["sent_pa"], before)
    assert robot.loop.fault is None


@pytest.mark.parametrize(
    ("change", "muscle"),
    [({"values": [1e4, np.nan] + 22 * [1e4]}, 1), ({"values": [1e4, 1e4, 1e9] + 21 * [1e4]}, 2), ({"mode": Mode.EXCITATION}, NO_MUSCLE)],
)
def test_a_commander_that_sends_nothing_usable_is_stopped_at_the_third_command(bench, change, muscle):
    robot = bench(blend_s=0.0)
    robot.arm()
    robot.send(1e4)
    robot.cycle()
    for k in range(MOST_UNUSABLE):
        assert robot.loop.fault is None, k
        robot.send(1e4, **change)
        robot.cycle()
    assert (robot.loop.fault, robot.loop.fault_muscle) == (Fault.REPEATED_REFUSAL, muscle)


def test_a_good_command_between_unusable_ones_is_forgiven(bench):
    robot = bench(blend_s=0.0)
    robot.arm()
    for k in range(3 * MOST_UNUSABLE):
        robot.send(1e4, **({"values": np.nan} if k % MOST_UNUSABLE else {}))
        robot.cycle()
    assert robot.loop.fault is None and robot.loop.counts[Fault.NON_FINITE_COMMAND] == 3 * (MOST_UNUSABLE - 1)


def test_an_overdue_command_holds_and_a_lost_commander_stops(bench):
    robot = bench(blend_s=0.0, command_period_s=0.02, hold_after_s=0.02, vent_after_s=0.3)
    robot.arm()
    robot.send(1e5)
    now = robot.now
    robot.loop.cycle(now)
    assert robot.loop.control is Control.FOLLOW
    robot.loop.cycle(now + 39 * MS)
    assert robot.loop.control is Control.FOLLOW
    robot.loop.cycle(now + 41 * MS)
    assert robot.loop.control is Control.HOLD and robot.loop.fault is None
    robot.loop.cycle(now + 299 * MS)
    assert robot.loop.fault is None
    robot.loop.cycle(now + 301 * MS)
    assert robot.loop.fault is Fault.LOST_COMMANDER
    robot.loop.cycle(now + 303 * MS)
    assert robot.loop.control is Control.RAMP and robot.loop.phase is Phase.STOPPED
    robot.loop.cycle(now + 900 * MS)
    assert robot.loop.control is Control.VENT
    robot.now = now + 1000 * MS
    robot.send(1e5)
    robot.cycle()
    assert robot.loop.control in (Control.RAMP, Control.VENT), "latched"
    assert int(robot.state["fault"]) == number_of(Fault.LOST_COMMANDER)
    # A reset leads back to idle, never to armed.
    robot.guardian.permit(Permit.VENT, GuardianState.BOOT)
    robot.loop.cycle(now + 1100 * MS)
    assert robot.loop.fault is None and robot.loop.control is Control.RESET
    robot.loop.cycle(now + 2000 * MS)
    assert robot.loop.control is Control.VENT and robot.loop.phase is Phase.IDLE


@pytest.mark.parametrize(("permit", "control"), [(Permit.VENT, Control.VENT), (Permit.RAMP, Control.RAMP), (Permit.HOLD, Control.HOLD)])
def test_the_guardian_has_the_last_word(bench, permit, control):
    robot = bench(blend_s=0.0)
    robot.arm()
    robot.send(1e5)
    robot.cycle()
    robot.guardian.permit(permit, GuardianState.STOPPING)
    robot.send(1e5)
    robot.cycle()
    assert robot.loop.control is control


def test_a_silent_guardian_stops_the_robot(bench):
    robot = bench(blend_s=0.0)
    robot.arm()
    robot.send(1e5)
    robot.cycle()
    robot.guardian.alive = False
    robot.cycle()
    assert robot.loop.fault is Fault.GUARDIAN_LOST and robot.loop.control is Control.RAMP


def test_another_lease_is_a_new_beginning(bench):
    robot = bench(blend_s=0.0)
    robot.arm()
    robot.guardian.lease, robot.guardian.status = Lease(epoch=9), Status(state=GuardianState.LEASE, epoch=9)
    robot.cycle(2)
    assert robot.loop.epoch == 9 and int(robot.state["epoch"]) == 9
    assert robot.loop.control in (Control.VENT, Control.RAMP)


def test_a_bank_with_a_fault_and_a_dead_sensor_name_the_muscle(bench):
    for spoil, fault, muscle in (
        (lambda s: (s.bank_faults.__setitem__(1, 4), s.bank_fault_channel.__setitem__(1, 3)), Fault.BANK_FAULT, 13),
        (lambda s: s.pressure_pa.__setitem__(17, np.nan), Fault.SENSOR_LOST, 17),
        (lambda s: s.bank_stamp_ns.__setitem__(2, 0), Fault.BANK_SILENT, 20),
        (lambda s: s.bank_lag.__setitem__(1, 400), Fault.BANK_SILENT, 10),
    ):
        robot = bench(blend_s=0.0)
        robot.arm()
        exchange = robot.driver._exchange

        def spoiled(command, state, deadline, exchange=exchange, spoil=spoil):
            exchange(command, state, deadline)
            spoil(state)

        robot.driver._exchange = spoiled
        robot.cycle()
        assert (robot.loop.fault, robot.loop.fault_muscle) == (fault, muscle)
        assert (robot.guardian.beats[-1].fault, robot.guardian.beats[-1].muscle) == (number_of(fault), muscle)


def test_a_driver_that_raises_stops_the_robot(bench):
    robot = bench(blend_s=0.0)
    robot.arm()

    def broken(command, state, deadline):
        raise RuntimeError("cable on fire")

    robot.driver._exchange = broken
    robot.cycle()
    assert robot.loop.fault is Fault.DRIVER_ERROR and "cable on fire" in robot.driver.last_error


def test_the_loop_keeps_no_memory(bench):
    robot = bench(blend_s=0.0)
    robot.arm()
    for _ in range(20):
        robot.send(1e5)
        robot.cycle()
    robot.guardian.beats.clear()
    robot.guardian.beat = lambda heartbeat: None
    tracemalloc.start()
    try:
        robot.cycle(5)
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        robot.cycle(50)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 2000, "nothing grows"
    assert peak - before < 8 * 1024, "no array larger than a few muscles' worth comes and goes"


def test_excitations_need_a_muscle_model(bench):
    robot = bench()
    with pytest.raises(ConfigurationError, match="muscle model"):
        BusLoop(
            driver=robot.driver, identity=robot.driver.identify(), authority=robot.guardian, limits=RobotLimits.uniform(24), config=LoopConfig(),
            rules=CommandRules(n_muscles=24, layout=1, mode=Mode.EXCITATION, high=1.0), commands=robot.blocks[0], states=robot.blocks[1],
        )  # fmt: skip


# -- the guardian's socket and the process ----------------------------------------------------------------------------


class GuardianServer:
    """The other end of the socket: grants a lease, says STATUS, keeps heartbeats."""

    def __init__(self, path):
        self.permit, self.state, self.epoch, self.beats, self.running = Permit.VENT, GuardianState.LEASE, 0, [], True
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(path))
        self._listener.listen(1)
        self._listener.settimeout(0.05)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while self.running:
            try:
                link, _ = self._listener.accept()
            except TimeoutError:
                continue
            link.settimeout(0.005)
            with link:
                self._talk(link)

    def _talk(self, link):
        while self.running:
            try:
                packet = link.recv(512)
                if not packet:
                    return
                message = guardian.unpack(packet)
                if isinstance(message, LeaseRequest):
                    self.epoch += 1
                    link.send(Lease(epoch=self.epoch).pack())
                elif isinstance(message, Heartbeat):
                    self.beats.append(message)
            except TimeoutError:
                pass
            except OSError:
                return
            try:
                link.send(Status(state=self.state, permit=self.permit, epoch=self.epoch, arm_count=1).pack())
            except OSError:
                return

    def close(self):
        self.running = False
        self._thread.join()
        self._listener.close()


@pytest.fixture
def guardian_server(tmp_path):
    server = GuardianServer(tmp_path / "guardian")
    server.path = tmp_path / "guardian"
    yield server
    server.close()


def test_a_lease_over_the_socket(guardian_server, tmp_path):
    link = GuardianLink(guardian_server.path)
    assert wait_for_lease(link, LeaseRequest(serial=1, layout_hash=HASH, epoch_floor=0), 60.0).epoch == 1
    link.close()
    assert not GuardianLink(tmp_path / "nobody").poll(time.monotonic_ns())


def test_the_process_from_start_to_end(guardian_server, tmp_path):
    settings = BusSettings(
        robot=f"test{os.getpid()}", driver="dummy", driver_settings={"muscles": NAMES, "lag_s": 0.0, "command_timeout_s": 50.0}, mode="pressure",
        guardian=str(guardian_server.path), loop={"rate_hz": 100.0, "bank_timeout_s": 0.5, "blend_s": 0.0, "command_period_s": 0.1, "hold_after_s": 0.1},
        priority=0,
    )  # fmt: skip
    settings.write(tmp_path / "bus.json")
    assert BusSettings.read(tmp_path / "bus.json").robot == settings.robot
    command = [sys.executable, "-m", "kinesis_control.drivers.bus.process", str(tmp_path / "bus.json")]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True)
    client = None
    try:
        capabilities = settings.make_driver().capabilities
        end = time.monotonic() + 60

        def wait(condition, what):
            while not condition():
                assert process.poll() is None, process.stderr.read()
                assert time.monotonic() < end, what
                time.sleep(0.01)

        while client is None:
            assert time.monotonic() < end and process.poll() is None
            try:
                client = BusClient(settings.robot, capabilities)
            except UnavailableError:
                time.sleep(0.05)
        wait(lambda: guardian_server.beats and guardian_server.beats[-1].flags & BusFlag.LINK_OK, "link")

        def follows():
            """What a busy machine has stopped meanwhile is reset, armed and commanded again, as guardian and operator would."""
            armed, fresh, state = guardian_server.beats[-1].flags & BusFlag.BANKS_ARMED, client.fetch(), client.state
            guardian_server.state = GuardianState.BOOT if state["fault"] else GuardianState.ARMED
            guardian_server.permit = Permit.VENT if state["fault"] else Permit.FOLLOW if armed else Permit.ARM
            if fresh:
                values = np.full(24, 5e4)
                client.send(values, Mode.PRESSURE, answers=int(state["seq"]), stamp_ns=int(state["stamp_ns"]), epoch=int(state["epoch"]))
            return np.allclose(client.state["pressure_pa"], 5e4)

        wait(follows, "follow")
        second = BusProcess(settings)
        with pytest.raises(UnavailableError, match="another bus process"):
            second.open()
        second.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0, process.stderr.read()
        with pytest.raises(UnavailableError):
            BusClient(settings.robot, capabilities)
    finally:
        if client is not None:
            client.close()
        process.kill()
        process.wait()
        process.stderr.close()
    assert not any((Path("/dev/shm") / name).exists() for name in block_names(settings.robot))


def test_settings_say_what_is_wrong(tmp_path):
    with pytest.raises(ConfigurationError, match="robot"):
        BusSettings(robot="a/b", driver="dummy", guardian="")
    with pytest.raises(UnknownNameError, match="excitation"):
        BusSettings(robot="a", driver="dummy", guardian="", mode="length")
    (tmp_path / "bus.json").write_text('{"robot": "a", "colour": 1}')
    with pytest.raises(UnknownNameError, match="colour"):
        BusSettings.read(tmp_path / "bus.json")
    (tmp_path / "bus.json").write_text('{"robot": "a"}')
    with pytest.raises(ConfigurationError, match="driver"):
        BusSettings.read(tmp_path / "bus.json")


def test_guardian_messages_survive_the_wire_and_garbage_is_none():
    messages = [
        guardian.Hello(role=1, name="bus"),
        LeaseRequest(serial=1, layout_hash=HASH, epoch_floor=3),
        Heartbeat(epoch=1, sequence=2, stamp_ns=-1, flags=5, supply_pa=1.0, highest_pa=2.0),
        guardian.Ask(request=1),
        guardian.Release(epoch=3),
        Lease(epoch=1, key=bytes(range(32))),
        Status(state=1, text="next: arm", arm_token=b"12345678"),
        guardian.Done(request=2, text="disarmed"),
        guardian.Refused(reason=7, text="e-stop is open"),
    ]
    for message in messages:
        packet = message.pack()
        assert guardian.unpack(packet) == message and len(packet) <= guardian.MAX_PACKET
        assert guardian.unpack(packet[:-1]) is None and guardian.unpack(packet + b"\0") is None
    assert guardian.unpack(b"") is None and guardian.unpack(struct.pack("<B9s", 200, b"")) is None
