"""Motion libraries: round trips, windows, and everything that can befall the file."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kinesis_control.body_state import BodyDescription
from kinesis_control.errors import ConfigurationError, LayoutError, MotionFileError, UnavailableError, UnknownNameError
from kinesis_control.motion.clip import GaitEvent, MotionClip
from kinesis_control.motion.library import Library
from kinesis_control.motion.library_writer import LibraryWriter
from kinesis_control.motion.rotations import about_axis, slerp
from kinesis_control.muscles import MuscleLayout
from kinesis_control.reference import ReferenceWindow

h5py = pytest.importorskip("h5py")

BODY = BodyDescription(
    name="biped", muscles=MuscleLayout(names=("a", "b")), joint_names=("hip_r", "hip_l", "spine"), contact_names=("right_foot", "left_foot"),
    key_body_names=("pelvis", "toes_r", "toes_l"), model_hash="0123456789abcdef", mass=70.0, standing_height=0.9,
)  # fmt: skip
RATE = 50.0


def clip(name: str = "walk", frames: int = 101, body: BodyDescription = BODY, seed: int = 0) -> MotionClip:
    rng = np.random.default_rng(seed)
    t = np.arange(frames) / RATE
    return MotionClip(
        name=name,
        rate_hz=RATE,
        root_position=np.stack([1.2 * t, 0.02 * np.sin(6 * t), 0.9 + 0.01 * np.cos(12 * t)], axis=1),
        # The sign of every third quaternion is turned round: the same rotation, but not to be interpolated as it stands.
        root_quaternion=about_axis(2, 0.5 * t) * np.where(np.arange(frames) % 3 == 0, -1.0, 1.0)[:, None],
        root_linear_velocity=rng.normal(size=(frames, 3)),
        root_angular_velocity=rng.normal(size=(frames, 3)),
        joint_position=rng.normal(size=(frames, len(body.joint_names))),
        joint_velocity=rng.normal(size=(frames, len(body.joint_names))),
        key_body_position=rng.normal(size=(frames, len(body.key_body_names), 3)),
        contact=(rng.random((frames, len(body.contact_names))) > 0.5).astype(float),
        descriptors={"mean_speed": np.float32(1.25), "content": "walk"},
        report={"key_body_error_mm": 4.0},
        source={"file": f"{name}.bvh", "dataset": "made up", "licence": "CC0", "credit": "Zoë", "sha256": f"hash of {name}"},
        gait_events=tuple(GaitEvent(time_s=s, side=side, kind="heel_strike") for s, side in ((0.2, "r"), (0.7, "l"), (1.2, "r"))),
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lib.h5"


@pytest.fixture
def library(path: Path) -> Library:
    with LibraryWriter(path, BODY, created_with="kinesis 0.0") as writer:
        writer.add(clip())
        writer.add(clip("walk@mirror", frames=30, seed=1))
    return Library.open(path, BODY)


def window(body: BodyDescription = BODY) -> ReferenceWindow:
    return ReferenceWindow.zeros(body, np.array([0.025, 0.1, 0.2, 0.4, 0.6]), key_bodies=len(body.key_body_names))


def test_what_was_written_is_read(library: Library) -> None:
    original, read = clip(), library.clip("walk")
    assert library.names == ("walk", "walk@mirror")
    for name in ("root_position", "joint_position", "joint_velocity", "key_body_position", "contact", "root_linear_velocity", "root_angular_velocity"):
        np.testing.assert_allclose(getattr(read, name), getattr(original, name), atol=1e-6, err_msg=name)
    same = np.abs(np.einsum("fi,fi->f", read.root_quaternion, original.root_quaternion))
    np.testing.assert_allclose(same, 1.0, atol=1e-6)
    assert (np.einsum("fi,fi->f", read.root_quaternion[1:], read.root_quaternion[:-1]) > 0.99).all()
    assert read.descriptors == {"mean_speed": 1.25, "content": "walk"}
    assert (read.report, read.source, read.gait_events) == (original.report, original.source, original.gait_events)
    assert (read.rate_hz, read.mirrored, library.clip("walk@mirror").mirrored) == (RATE, False, True)
    assert [c.name for c in library] == list(library.names)


def test_the_file_explains_itself(library: Library) -> None:
    with h5py.File(library.path, "r") as file:
        assert file.attrs["body"] == "biped"
        assert list(file.attrs["joint_names"]) == list(BODY.joint_names)
        assert file.attrs["created_with"] == "kinesis 0.0"
        columns = [c.decode() for c in file["columns"][:]]
        frames = file["clips/walk/frames"]
        assert frames.shape == (101, len(columns))
        assert frames.chunks is None
        np.testing.assert_allclose(frames[:, columns.index("joint_position.spine [rad]")], clip().joint_position[:, 2], atol=1e-6)
        assert file["clips/walk"].attrs["licence"] == "CC0"


def test_a_window_on_a_frame_is_that_frame(library: Library) -> None:
    out, original = window(), clip()
    library.window("walk", 0.375, out)  # offsets 0.025 and 0.2 fall on the frames 20 and (not) 28.75
    assert out.motion == "walk"
    np.testing.assert_allclose(out.joint_position[0], original.joint_position[20], atol=1e-6)
    np.testing.assert_allclose(out.key_body_position[0], original.key_body_position[20], atol=1e-6)
    np.testing.assert_allclose(out.contact[0], original.contact[20], atol=1e-6)
    np.testing.assert_allclose(out.root_position[0], original.root_position[20], atol=1e-6)


def test_between_frames_values_run_straight_and_rotations_turn_evenly(library: Library) -> None:
    out, original = window(), clip()
    library.window("walk", 0.37, out)
    place = (0.37 + out.time_offsets) * RATE
    low = place.astype(int)
    share = place - low
    straight = original.joint_velocity[low] + share[:, None] * (original.joint_velocity[low + 1] - original.joint_velocity[low])
    np.testing.assert_allclose(out.joint_velocity, straight, atol=1e-6)
    turned = slerp(original.root_quaternion[low], original.root_quaternion[low + 1], share)
    np.testing.assert_allclose(np.abs(np.einsum("ki,ki->k", out.root_quaternion, turned)), 1.0, atol=1e-7)
    np.testing.assert_allclose(np.linalg.norm(out.root_quaternion, axis=1), 1.0, atol=1e-12)


@pytest.mark.parametrize(("time", "frame"), [(-5.0, 0), (100.0, 100)])
def test_beyond_the_ends_the_body_stands_still(library: Library, time: float, frame: int) -> None:
    out, original = window(), clip()
    library.window("walk", time, out)
    np.testing.assert_allclose(out.joint_position, np.repeat(original.joint_position[[frame]], 5, axis=0), atol=1e-6)
    for still in (out.joint_velocity, out.root_linear_velocity, out.root_angular_velocity):
        assert not still.any()


@pytest.mark.parametrize(("time", "phase"), [(0.2, 0.0), (0.7, 0.5), (1.1, 0.9), (1.3, 0.1), (0.1, 0.9)])
def test_the_phase_runs_from_right_heel_strike_to_the_next(library: Library, time: float, phase: float) -> None:
    out = window()
    library.window("walk", time, out)
    assert float(out.phase) == pytest.approx(phase, abs=1e-9)


def test_windows_for_another_body_and_unknown_clips_are_refused(library: Library) -> None:
    other = replace(BODY, joint_names=("hip_r", "hip_l"))
    with pytest.raises(LayoutError, match="window does not fit body 'biped'"):
        library.window("walk", 0.0, window(other))
    with pytest.raises(UnknownNameError, match="Did you mean 'walk'"):
        library.window("wolk", 0.0, window())
    with pytest.raises(UnknownNameError, match="unknown clip 'none'"):
        library.clip("none")


def test_a_window_may_come_without_key_bodies(library: Library) -> None:
    out = ReferenceWindow.zeros(BODY, np.array([0.1]))
    library.window("walk", 0.3, out)
    np.testing.assert_allclose(out.joint_position[0], clip().joint_position[20], atol=1e-6)


@pytest.mark.parametrize(("change", "message"), [
    ({"model_hash": "f" * 16}, "model_hash: expected ffffffffffffffff, got 0123456789abcdef"),
    ({"joint_names": ("hip_r", "hip_l", "knee")}, r"joint_names: missing \['knee'\], unexpected \['spine'\]"),
    ({"joint_names": ("hip_l", "hip_r", "spine")}, "joint_names: in another order"),
    ({"name": "other"}, "body: expected other, got biped"),
    ({"muscles": MuscleLayout(names=("b", "a"))}, "layout_hash: expected"),
])  # fmt: skip
def test_a_library_for_another_body_is_refused(library: Library, change: dict, message: str) -> None:
    with pytest.raises(MotionFileError, match=message):
        Library.open(library.path, replace(BODY, **change))
    with pytest.raises(MotionFileError, match="made for another body than"):
        LibraryWriter(library.path, replace(BODY, **change))
    assert len(Library.open(library.path)) == 2


def test_an_import_is_resumed(path: Path) -> None:
    with LibraryWriter(path, BODY) as writer:
        writer.add(clip("a"))
    with LibraryWriter(path, BODY) as writer:
        assert writer.has("a", "hash of a")
        assert not writer.has("a", "another hash")
        assert not writer.has("b", "hash of b")
        writer.add(clip("b"))
        writer.add(replace(clip("a", seed=5), source={"sha256": "new"}))
    library = Library.open(path, BODY)
    assert library.names == ("a", "b")
    np.testing.assert_allclose(library.clip("a").joint_position, clip(seed=5).joint_position, atol=1e-6)
    assert library.entry("a").source["sha256"] == "new"
    assert [p.name for p in path.parent.iterdir()] == ["lib.h5"]


KILLED = """
import sys
sys.path[:0] = [{root!r}, {here!r}]
from pathlib import Path
from test_library import BODY, clip
from kinesis_control.motion.library_writer import LibraryWriter
writer = LibraryWriter(Path({path!r}), BODY)
writer.add(clip("second"))
print("stored", flush=True)
sys.stdin.read()
"""


def test_a_killed_import_loses_nothing(path: Path) -> None:
    with LibraryWriter(path, BODY) as writer:
        writer.add(clip("first"))
    here = Path(__file__).parent
    code = KILLED.format(root=str(here.parents[1]), here=str(here), path=str(path))
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "stored\n"
        with pytest.raises(UnavailableError, match=r"another import is writing to lib\.h5"):
            LibraryWriter(path, BODY)
        process.send_signal(signal.SIGKILL)
    assert Library.open(path, BODY).names == ("first",)
    (path.parent / "lib.h5.parts" / "half.tmp").write_bytes(b"half a clip")
    with LibraryWriter(path, BODY) as writer:
        assert writer.names == ("first", "second")
    assert Library.open(path, BODY).names == ("first", "second")
    assert [p.name for p in path.parent.iterdir()] == ["lib.h5"]


def test_a_clip_that_cannot_be_stored_leaves_the_others(path: Path) -> None:
    bad = clip("bad")
    bad.joint_position[7, 1] = np.nan
    with LibraryWriter(path, BODY) as writer:
        writer.add(clip("good"))
        with pytest.raises(MotionFileError, match="'bad': joint_position holds a value that is not finite, first in frame 8"):
            writer.add(bad)
        with pytest.raises(LayoutError, match=r"'short': contact has shape \(101, 1\), body 'biped' needs 101 frames of 2 values"):
            writer.add(replace(clip("short"), contact=np.ones((101, 1))))
        with pytest.raises(MotionFileError, match="got 1 frames"):
            writer.add(clip("one", frames=1))
        for name in ("", "a/b", "..", "x\n", "y" * 300):
            with pytest.raises(ConfigurationError, match="clip name"):
                writer.add(clip(name))
    assert Library.open(path, BODY).names == ("good",)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_said_and_harms_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def full(self: Path, mode: str = "r", *rest: object):
        return opened(Path("/dev/full"), mode) if self.suffix == ".tmp" and "w" in mode else opened(self, mode, *rest)

    with LibraryWriter(path, BODY) as writer:
        writer.add(clip("first"))
        monkeypatch.setattr(Path, "open", full)
        with pytest.raises(MotionFileError, match="'second' cannot be stored: No space left on device; the 1 clips before it are intact"):
            writer.add(clip("second"))
        monkeypatch.undo()
    assert Library.open(path, BODY).names == ("first",)


def test_a_merge_that_fails_keeps_every_clip(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = LibraryWriter(path, BODY)
    writer.add(clip("first"))

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MotionFileError, match=r"No space left on device; all clips are kept in 'lib\.h5\.parts'"):
        writer.close()
    monkeypatch.undo()
    assert not path.exists()
    with LibraryWriter(path, BODY):
        pass
    assert Library.open(path, BODY).names == ("first",)


def test_a_merge_without_room_is_not_begun(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = LibraryWriter(path, BODY)
    writer.add(clip("first"))
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: SimpleNamespace(total=100, used=90, free=10))
    with pytest.raises(MotionFileError, match=r"MB needed, 0\.0 MB free; all clips are kept in 'lib\.h5\.parts'"):
        writer.close()
    monkeypatch.undo()
    assert not path.exists()
    with LibraryWriter(path, BODY):
        pass
    assert Library.open(path, BODY).names == ("first",)


def test_an_empty_library_can_be_read(path: Path) -> None:
    with LibraryWriter(path, BODY):
        pass
    assert Library.open(path, BODY).names == ()


def test_other_files_are_refused(tmp_path: Path, path: Path) -> None:
    with pytest.raises(MotionFileError, match=r"lib\.h5: no such file"):
        Library.open(path)
    path.write_bytes(b"")
    with pytest.raises(MotionFileError, match="not an HDF5 file"):
        Library.open(path)
    path.write_text("solid cube\n" * 100)
    with pytest.raises(MotionFileError, match="not an HDF5 file"):
        Library.open(path)
    foreign = tmp_path / "foreign.h5"
    with h5py.File(foreign, "w") as file:
        file["data"] = np.zeros(3)
    with pytest.raises(MotionFileError, match=r"foreign\.h5: not a motion library: an HDF5 file with the entries \['data'\]"):
        Library.open(foreign)
    with pytest.raises(MotionFileError, match="not a motion library"):
        LibraryWriter(foreign, BODY)


def test_a_newer_schema_and_changed_data_are_refused(library: Library) -> None:
    with h5py.File(library.path, "r+") as file:
        del file["clips/walk/frames"]
        file["clips/walk"].create_dataset("frames", data=np.zeros((5, 3), dtype="<f4"))
    with pytest.raises(MotionFileError, match=r"'/clips/walk': frames of shape \(5, 3\).*expected \(F, 30\) of float32"):
        Library.open(library.path)
    with h5py.File(library.path, "r+") as file:
        file.attrs["kinesis_library"] = 99
    with pytest.raises(MotionFileError, match="schema 99; this version reads schema 1"):
        Library.open(library.path)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_library_cut_anywhere_is_refused(library: Library, tmp_path: Path, data) -> None:
    whole = library.path.read_bytes()
    cut = tmp_path / "cut.h5"
    cut.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 17))])  # the last 16 bytes are only the seal
    with pytest.raises(MotionFileError, match=r"cut\.h5: "):
        Library.open(cut, BODY)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_library_with_changed_bytes_is_refused(library: Library, tmp_path: Path, data) -> None:
    changed = bytearray(library.path.read_bytes())
    changed[data.draw(st.integers(0, len(changed) - 17))] ^= data.draw(st.integers(1, 255))
    (tmp_path / "changed.h5").write_bytes(changed)
    with pytest.raises(MotionFileError, match=r"changed\.h5: (damaged|not an HDF5 file)"):
        Library.open(tmp_path / "changed.h5", BODY)
