"""Bags are what `ros2 bag` expects, are the same for the same messages, and survive being cut off."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import Reader, StoragePlugin, Writer
from rosbags.rosbag2.enums import CompressionFormat, CompressionMode

from kinesis_control.errors import UnavailableError, UnknownNameError
from kinesis_control.evaluate.bag import BagWriter
from kinesis_control.evaluate.bag_repair import repair_bag
from kinesis_control.evaluate.bag_types import MessageTypes, stamp_of
from kinesis_control.evaluate.stream_open import Recording

ROOT = Path(__file__).resolve().parents[2]
FOREVER = QosTime(9223372036, 854775807)
LATCHED = Qos(QosHistory.KEEP_LAST, 1, QosReliability.RELIABLE, QosDurability.TRANSIENT_LOCAL, FOREVER, FOREVER, QosLiveliness.AUTOMATIC, FOREVER, False)
STATE = "kinesis_msgs/msg/BodyState"


@pytest.fixture(scope="module")
def types() -> MessageTypes:
    return MessageTypes()


def body_state(types: MessageTypes, stamp_ns: int) -> bytes:
    """A serialized BodyState of 80 muscles."""
    types.require(STATE)
    make = {name.rsplit("/", 1)[1]: cls for name, cls in types.store.types.items()}
    stamp = make["Time"](sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
    zero3 = make["Vector3"](x=0.0, y=0.0, z=0.0)
    pose = make["Pose"](position=make["Point"](x=0.0, y=0.0, z=0.9), orientation=make["Quaternion"](x=0.0, y=0.0, z=0.0, w=1.0))
    muscles = np.full(80, stamp_ns * 1e-9)
    message = make["BodyState"](
        header=make["Header"](stamp=stamp, frame_id="odom"),
        seq=stamp_ns // 25_000_000,
        episode=0,
        layout_hash="0123456789abcdef",
        fallen=False,
        root_pose=pose,
        root_twist=make["Twist"](linear=zero3, angular=zero3),
        joint_positions=np.zeros(13),
        joint_velocities=np.zeros(13),
        muscle_lengths=muscles,
        muscle_velocities=muscles,
        muscle_tensions=muscles,
        muscle_activations=muscles,
        contact_forces=np.zeros(4),
    )
    return types.canonical(STATE, message)


def write(path: Path, types: MessageTypes, count: int = 400, **options: object) -> Path:
    with BagWriter(path, types=types, **options) as bag:  # type: ignore[arg-type]
        bag.add_topic("/body_state", STATE, [LATCHED])
        bag.add_topic("/clock", "rosgraph_msgs/msg/Clock")
        for index in range(count):
            bag.write("/body_state", index * 25_000_000, body_state(types, index * 25_000_000))
    return path


def test_round_trip(tmp_path: Path, types: MessageTypes) -> None:
    with Recording(write(tmp_path / "bag", types)) as bag:
        assert (bag.count, bag.start_ns, bag.duration_s) == (400, 0, pytest.approx(399 * 0.025))
        assert {name: (t.type_name, t.count) for name, t in bag.topics.items()} == {
            "/body_state": (STATE, 400),
            "/clock": ("rosgraph_msgs/msg/Clock", 0),
        }
        assert bag.topics["/body_state"].qos == (LATCHED,)
        messages = list(bag.messages(["/body_state"]))
        state = bag.decode(messages[40])
        assert messages[40].stamp_ns == stamp_of(state) == 1_000_000_000
        assert state.seq == 40 and state.muscle_lengths.tolist() == [1.0] * 80
        assert list(bag.messages(["/body_stat"])) == []


@pytest.mark.parametrize("compress", [False, True])
def test_same_messages_give_the_same_files(tmp_path: Path, types: MessageTypes, compress: bool) -> None:
    first, second = (write(tmp_path / name, types, compress=compress) for name in ("one", "two"))
    for name in ("recording.mcap", "metadata.yaml"):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    assert sorted(p.name for p in first.iterdir()) == ["metadata.yaml", "recording.mcap"]


def test_metadata_has_what_ros2_bag_of_jazzy_reads(tmp_path: Path, types: MessageTypes) -> None:
    information = yaml.safe_load((write(tmp_path / "bag", types) / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert information["version"] == 9
    assert information["storage_identifier"] == "mcap"
    assert information["relative_file_paths"] == ["recording.mcap"]
    assert information["starting_time"] == {"nanoseconds_since_epoch": 0}
    assert information["duration"] == {"nanoseconds": 399 * 25_000_000}
    assert information["message_count"] == information["files"][0]["message_count"] == 400
    assert information["compression_format"] == information["compression_mode"] == ""
    topic = information["topics_with_message_count"][0]["topic_metadata"]
    assert (topic["name"], topic["type"], topic["serialization_format"]) == ("/body_state", STATE, "cdr")
    assert topic["offered_qos_profiles"][0]["durability"] == "transient_local"
    assert topic["type_description_hash"].startswith("RIHS01_")


def test_older_distributions_get_older_metadata(tmp_path: Path, types: MessageTypes) -> None:
    path = write(tmp_path / "bag", types, distro="humble")
    assert yaml.safe_load((path / "metadata.yaml").read_text())["rosbag2_bagfile_information"]["version"] == 8


@pytest.mark.parametrize(("sourced", "expected"), [("", "jazzy"), ("lyrical", "lyrical")])
def test_the_bag_names_its_distribution(tmp_path: Path, types: MessageTypes, monkeypatch: pytest.MonkeyPatch, sourced: str, expected: str) -> None:
    monkeypatch.setenv("ROS_DISTRO", sourced)
    bag = write(tmp_path / "bag", types, 10)
    assert yaml.safe_load((bag / "metadata.yaml").read_text())["rosbag2_bagfile_information"]["ros_distro"] == expected
    assert f"ros_distro: {expected}".encode() in (bag / "recording.mcap").read_bytes()


@pytest.mark.parametrize("name", ["BodyState", "ControlStatus", "MuscleCommand", "MuscleLayout", "ReferenceWindow"])
def test_type_hashes_are_those_of_the_built_messages(types: MessageTypes, name: str) -> None:
    kinesis_msgs = pytest.importorskip("kinesis_msgs")
    share = next(p for p in Path(kinesis_msgs.__file__).parents if (p / "share/kinesis_msgs").is_dir())
    built = json.loads((share / f"share/kinesis_msgs/msg/{name}.json").read_text())
    types.require(f"kinesis_msgs/msg/{name}")
    assert types.store.hash_rihs01(f"kinesis_msgs/msg/{name}") == built["type_hashes"][0]["hash_string"]


def test_unknown_type_topic_and_directory(tmp_path: Path, types: MessageTypes) -> None:
    with BagWriter(tmp_path / "bag", types=types) as bag:
        with pytest.raises(UnknownNameError, match="message type 'kinesis_msgs/msg/BodyStat'"):
            bag.add_topic("/x", "kinesis_msgs/msg/BodyStat")
        with pytest.raises(UnknownNameError, match="topic of the bag '/x'"):
            bag.write("/x", 0, b"")
    with pytest.raises(UnavailableError, match="exists already"):
        BagWriter(tmp_path / "bag")
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError, match=r"cannot record to .*Not a directory"):
        BagWriter(tmp_path / "file" / "bag")


@pytest.mark.parametrize("lost", [1, 30, 5000, 60_000])
def test_a_bag_that_was_cut_off_is_mended(tmp_path: Path, types: MessageTypes, lost: int) -> None:
    path = write(tmp_path / "bag", types)
    whole = list(Recording(path).messages())
    (path / "metadata.yaml").unlink()
    os.truncate(path / "recording.mcap", (path / "recording.mcap").stat().st_size - lost)
    with Recording(path) as bag:
        unmended = list(bag.messages())
    count = repair_bag(path)
    assert unmended == whole[:count]  # what evaluation reads of it is what mending saves
    with Recording(path) as bag:
        messages = list(bag.messages())
        assert len(messages) == bag.count == count >= 400 - 41 * (1 + lost // 100_000)
        assert messages == whole[:count]
        assert bag.topics["/body_state"].qos == (LATCHED,)
    information = yaml.safe_load((path / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert information["message_count"] == information["files"][0]["message_count"] == count


def test_repair_leaves_a_whole_bag_as_it_is(tmp_path: Path, types: MessageTypes) -> None:
    path = write(tmp_path / "bag", types)
    before = (path / "recording.mcap").read_bytes()
    assert repair_bag(path) == 400
    assert (path / "recording.mcap").read_bytes() == before
    with pytest.raises(UnavailableError, match="no MCAP file"):
        repair_bag(tmp_path)


def run_python(program: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)


WRITE_CLOCK = """
import os, resource, signal, sys
from kinesis_control.errors import UnavailableError
from kinesis_control.evaluate.bag import BagWriter
{before}
bag = BagWriter({path!r})
bag.add_topic("/clock", "rosgraph_msgs/msg/Clock")
try:
    for index in range(100000):
        bag.write("/clock", index * 1000000, bytes(12))
        {during}
except UnavailableError as error:
    print(error)
    bag.close()
    sys.exit(error.exit_code)
"""


def test_a_full_disk_is_a_clear_error_and_the_bag_stays_readable(tmp_path: Path) -> None:
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (400000, 400000))"
    done = run_python(WRITE_CLOCK.format(path=str(tmp_path / "bag"), before=limit, during=""))
    assert done.returncode == UnavailableError.exit_code, done.stderr
    assert f"cannot write to {tmp_path / 'bag'}: File too large; " in done.stdout and "messages recorded before are readable" in done.stdout
    with Recording(tmp_path / "bag") as bag:
        assert bag.count > 4000
        assert [m.stamp_ns for m in bag.messages()] == [index * 1_000_000 for index in range(bag.count)]


def test_a_killed_recording_loses_one_second_at_most(tmp_path: Path) -> None:
    kill = "if index == 10500: os.kill(os.getpid(), signal.SIGKILL)"
    assert run_python(WRITE_CLOCK.format(path=str(tmp_path / "bag"), before="", during=kill)).returncode == -9
    assert repair_bag(tmp_path / "bag") >= 9500
    with Recording(tmp_path / "bag") as bag:
        assert bag.count >= 9500
    assert sorted(p.name for p in (tmp_path / "bag").iterdir()) == ["metadata.yaml", "recording.mcap"]


@pytest.mark.parametrize("storage", list(StoragePlugin))
@pytest.mark.parametrize("mode", [CompressionMode.NONE, CompressionMode.FILE, CompressionMode.MESSAGE])
def test_reads_every_storage_and_compression(tmp_path: Path, types: MessageTypes, storage: StoragePlugin, mode: CompressionMode) -> None:
    writer = Writer(tmp_path / "bag", version=9, storage_plugin=storage)
    writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer:
        types.require(STATE)
        connection = writer.add_connection("/body_state", STATE, typestore=types.store)
        writer.write(connection, 5, body_state(types, 5))
    with Recording(tmp_path / "bag") as bag:
        (message,) = bag.messages()
        assert (message.topic, message.stamp_ns, bag.decode(message).layout_hash) == ("/body_state", 5, "0123456789abcdef")


def test_plain_rosbags_reader_agrees(tmp_path: Path, types: MessageTypes) -> None:
    with Reader(write(tmp_path / "bag", types)) as reader:
        assert reader.message_count == 400
        assert [stamp for _, stamp, _ in reader.messages()] == [index * 25_000_000 for index in range(400)]
