"""The recorder on a real graph: everything wanted arrives in the bag, and lock-step bags are alike bit for bit."""

import difflib
import os
import random
import signal
import subprocess
import sys
import time
from array import array
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

rclpy = pytest.importorskip("rclpy")
messages = pytest.importorskip("kinesis_msgs.msg")

from rclpy.duration import Duration  # noqa: E402
from rclpy.node import Node  # noqa: E402
from rclpy.qos import DurabilityPolicy, QoSProfile  # noqa: E402
from ros_domains import new_domain  # noqa: E402
from rosgraph_msgs.msg import Clock  # noqa: E402
from std_msgs.msg import String  # noqa: E402

from kinesis_control.evaluate.stream_open import Recording  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = new_domain()
SPACE = f"/recorder_{os.getpid()}"  # two runs of these tests on one machine must not hear each other
REMAPS = ("-r", f"__ns:={SPACE}", "-r", "/clock:=clock", "-r", "/tf:=tf")
PATIENCE_S = 60.0
TICK_NS = 25_000_000
DEEP = 1000
"""Nothing is overwritten before a recorder that the machine holds up has it."""
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    """A node of a context of its own."""
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=DOMAIN)
    node = rclpy.create_node("publishers", context=context, namespace=SPACE)
    yield node
    node.destroy_node()
    rclpy.shutdown(context=context)


@pytest.fixture
def record() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts recorders; whatever still runs at the end of a test is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(path: Path, *parameters: str) -> subprocess.Popen[str]:
        words = [word for value in (f"output:='{path}'", *parameters) for word in ("-p", value)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "ROS_DOMAIN_ID": str(DOMAIN)}
        command = [sys.executable, "-m", "kinesis_control.nodes.recorder_node", "--ros-args", *REMAPS, *words]
        started.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def wait_until_matched(publishers: Iterable[Any], recorder: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + PATIENCE_S
    while any(p.get_subscription_count() != 1 for p in publishers):
        assert recorder.poll() is None, recorder.communicate()[0]
        assert time.monotonic() < deadline, "the recorder never subscribed to everything"
        time.sleep(0.02)


def end(recorder: "subprocess.Popen[str]", publishers: Iterable[Any] = ()) -> str:
    """Stop a recorder with Ctrl-C when it has everything; what it wrote."""
    assert all(p.wait_for_all_acked(Duration(seconds=PATIENCE_S)) for p in publishers)
    recorder.send_signal(signal.SIGINT)
    output, _ = recorder.communicate(timeout=PATIENCE_S)
    assert recorder.returncode == 0, output
    return output


def stamped(kind: Any, tick: int, **fields: Any) -> Any:
    message = kind(**fields)
    stamp = message.clock if kind is Clock else message.header.stamp
    stamp.sec, stamp.nanosec = divmod(tick * TICK_NS, 1_000_000_000)
    return message


def test_real_time_recording(node: Node, record: Callable[..., Any], tmp_path: Path) -> None:
    layout = node.create_publisher(messages.MuscleLayout, "muscle_layout", LATCHED)
    layout.publish(messages.MuscleLayout(body="legs80"))
    state = node.create_publisher(messages.BodyState, "body_state", 100)
    text = node.create_publisher(String, "text_command", 10)
    recorder = record(tmp_path / "bag", "topics:=[body_state, muscle_layout, text_command, nobody]")
    wait_until_matched((layout, state, text), recorder)
    for tick in range(50):
        state.publish(stamped(messages.BodyState, tick, seq=tick, muscle_lengths=array("d", [0.5] * 80)))
    text.publish(String(data="walk"))
    assert f"never appeared: {SPACE}/nobody" in end(recorder, (layout, state, text))
    with Recording(tmp_path / "bag") as bag:
        assert {name.removeprefix(SPACE): topic.count for name, topic in bag.topics.items()} == {"/body_state": 50, "/muscle_layout": 1, "/text_command": 1}
        assert [bag.decode(m).seq for m in bag.messages([f"{SPACE}/body_state"])] == list(range(50))
        assert bag.topics[f"{SPACE}/muscle_layout"].qos[0].durability.name == "TRANSIENT_LOCAL"
        assert abs(bag.start_ns * 1e-9 - time.time()) < PATIENCE_S * 2


def run_lockstep(node: Node, record: Callable[..., Any], path: Path, seed: int) -> bytes:
    """Publish the same ticks, in another order within each few ticks for another seed; the bytes of the bag."""
    shuffler = random.Random(seed)
    kinds = {"body_state": messages.BodyState, "muscle_command": messages.MuscleCommand, "clock": Clock}
    publishers = {name: node.create_publisher(kind, name, DEEP) for name, kind in kinds.items()}
    statuses = [node.create_publisher(messages.ControlStatus, "control_status", DEEP) for _ in range(2)]
    text = node.create_publisher(String, "text_command", 10)
    everyone = [*publishers.values(), *statuses, text]
    recorder = record(path, "clock:=lockstep", "topics:=[body_state, muscle_command, /clock, control_status, text_command]")
    wait_until_matched(everyone, recorder)
    for _ in range(shuffler.randrange(1, 5)):
        statuses[0].publish(stamped(messages.ControlStatus, 0, node="waiting"))
    text.publish(String(data="walk"))
    for start in range(0, 400, 8):
        sending = [(publishers[name], stamped(kind, tick)) for tick in range(start, start + 8) for name, kind in kinds.items()]
        sending += [(p, stamped(messages.ControlStatus, tick, node=f"n{i}")) for tick in range(start, start + 8) for i, p in enumerate(statuses)]
        delay = {publisher: shuffler.randrange(-8, 8) for publisher in everyone}
        sending.sort(key=lambda item: delay[item[0]] + (item[1].clock if isinstance(item[1], Clock) else item[1].header.stamp).nanosec // TICK_NS % 8)
        for publisher, message in sending:
            if hasattr(message, "layout_hash"):
                message.layout_hash = "0123456789abcdef"
            publisher.publish(message)
        time.sleep(0.001)
    output = end(recorder, everyone)
    assert f"left out, no simulated time in the messages: {SPACE}/text_command" in output
    assert "LOST" not in output and "too late" not in output
    for publisher in everyone:
        node.destroy_publisher(publisher)
    return (path / "recording.mcap").read_bytes() + (path / "metadata.yaml").read_bytes()


def differences(first: Path, second: Path) -> list[str]:
    with Recording(first) as one, Recording(second) as two:
        left, right = ([f"{m.stamp_ns} {m.topic} {m.data!r}" for m in bag.messages()] for bag in (one, two))
    return list(difflib.unified_diff(left, right, lineterm="", n=1))[:20]


def test_lockstep_recordings_are_alike_bit_for_bit(node: Node, record: Callable[..., Any], tmp_path: Path) -> None:
    first, second = (run_lockstep(node, record, tmp_path / name, seed) for seed, name in enumerate(("one", "two")))
    assert first == second, differences(tmp_path / "one", tmp_path / "two")
    with Recording(tmp_path / "one") as bag:
        # The last tick is left out: whether all answers to it still arrive depends on who is stopped first.
        counts = {name.removeprefix(SPACE): topic.count for name, topic in bag.topics.items()}
        assert counts == {"/body_state": 399, "/muscle_command": 399, "/clock": 399, "/control_status": 2 * 399 + 1}
        assert [m.stamp_ns for m in bag.messages([f"{SPACE}/body_state"])] == [tick * TICK_NS for tick in range(399)]


@pytest.mark.parametrize(
    ("parameters", "code", "message"),
    [
        (["output:=''"], 2, "'output' is empty"),
        (["clock:=sundial"], 2, "unknown clock 'sundial'; known: realtime, lockstep"),
        ([], 5, "exists already"),
    ],
)
def test_refused_before_anything_is_recorded(record: Callable[..., Any], tmp_path: Path, parameters: list[str], code: int, message: str) -> None:
    target = tmp_path if not parameters else tmp_path / "bag"
    recorder = record(target, *parameters)
    output, _ = recorder.communicate(timeout=PATIENCE_S)
    assert recorder.returncode == code and message in output
    assert list(tmp_path.iterdir()) == []
