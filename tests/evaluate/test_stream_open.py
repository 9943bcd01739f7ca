"""Bags in every state that users have them in."""

from pathlib import Path
from typing import Any

import pytest
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2.enums import CompressionMode

from kinesis_control.errors import UnavailableError
from kinesis_control.evaluate.stream_open import Recording


def count(path: Path) -> tuple[int, list[str]]:
    with Recording(path) as recording:
        return sum(1 for _ in recording.messages(set(recording.topics))), recording.problems


@pytest.mark.parametrize(
    ("plugin", "mode"),
    [
        (StoragePlugin.SQLITE3, CompressionMode.NONE),
        (StoragePlugin.SQLITE3, CompressionMode.FILE),
        (StoragePlugin.SQLITE3, CompressionMode.MESSAGE),
        (StoragePlugin.MCAP, CompressionMode.FILE),
        (StoragePlugin.MCAP, CompressionMode.STORAGE),
    ],
)
def test_every_storage_is_read(recorded: Any, tmp_path: Path, plugin: StoragePlugin, mode: CompressionMode) -> None:
    path = recorded.layout().status(0).ticks(0, 20).save(tmp_path / "bag", plugin=plugin, mode=mode)
    assert count(path) == (62, [])


def test_a_single_file_is_read(whole_bag: Path) -> None:
    (file,) = whole_bag.glob("*.mcap")
    assert count(file)[0] == 602


def test_metadata_may_be_missing(whole_bag: Path) -> None:
    (whole_bag / "metadata.yaml").unlink()
    read, problems = count(whole_bag)
    assert read == 602 and problems == ["metadata.yaml is missing; the files were read without it"]


def test_what_is_whole_of_a_bag_that_was_cut_off_is_read_and_nothing_is_changed(tmp_path: Path, tripod: Any) -> None:
    from kinesis_sim.benchmark.bag import CaseBag
    from kinesis_sim.benchmark.suites import Case
    from tests.evaluate.conftest import tick

    class Contract:
        name = "made-up"

    bag = CaseBag(tmp_path / "cut", tripod, Case(suite="s", kind="k", seed=1, seconds=1.0), Contract(), "a" * 64)  # type: ignore[arg-type]
    for seq in range(200):  # five seconds: several chunks
        bag.write(*tick(tripod, seq))
    bag._writer.flush()
    file = tmp_path / "cut" / "recording.mcap"
    file.write_bytes(file.read_bytes()[:-20_000])
    before = file.read_bytes()
    read, problems = count(tmp_path / "cut")
    assert 300 < read < 602 and any("cut off" in p for p in problems)
    assert file.read_bytes() == before and not (tmp_path / "cut" / "metadata.yaml").exists()


def test_messages_of_a_cut_off_bag_that_are_not_in_order_are_put_into_order(recorded: Any, tmp_path: Path) -> None:
    """Each command is recorded after the next state, and written before it."""
    from kinesis_control.evaluate.bag import BagWriter
    from kinesis_control.evaluate.bag_repair import repair_bag

    recorded.latency_ns = 30_000_000
    recorded.layout().status(0).ticks(0, 200)
    with BagWriter(tmp_path / "bag") as bag:
        for topic, kind, log_ns, data in recorded.rows:
            bag.add_topic(topic, kind)
            bag.write(topic, log_ns, data)
    with Recording(tmp_path / "bag") as whole:
        expected = [(m.topic, m.stamp_ns) for m in whole.messages()]
    file = tmp_path / "bag" / "recording.mcap"
    file.write_bytes(file.read_bytes()[:-10])
    (tmp_path / "bag" / "metadata.yaml").unlink()
    for mend in (False, True):
        if mend:
            repair_bag(tmp_path / "bag")
        with Recording(tmp_path / "bag") as cut:
            stamps = [m.stamp_ns for m in cut.messages()]
        assert stamps == sorted(stamps) and stamps == [stamp for _, stamp in expected]
        assert not any("reading stopped" in p for p in cut.problems)


def test_a_damaged_bag_says_how_much_is_lost(whole_bag: Path) -> None:
    (file,) = whole_bag.glob("*.mcap")
    data = bytearray(file.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 5000] = bytes(5000)
    file.write_bytes(bytes(data))
    read, problems = count(whole_bag)
    assert read < 602 and problems


@pytest.mark.parametrize(("name", "content"), [("x.txt", b"hello"), ("x.mcap", b""), ("x.mcap", b"hello" * 50), ("x.db3", b"hello" * 50)])
def test_what_is_no_bag_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnavailableError, match="bag"):
        Recording(tmp_path / name)


def test_an_empty_folder_and_nothing_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="holds no"):
        Recording(tmp_path)
    with pytest.raises(UnavailableError, match="there is no bag"):
        Recording(tmp_path / "nothing")
