"""The flight recorder: ring order, dump, exact replay, and files that are none."""

import numpy as np
import pytest

from kinesis_control.errors import KinesisError, UnavailableError
from kinesis_sim.flight_recorder import FlightRecorder, PhysicsError, replay


@pytest.fixture
def crashed(make_world, tmp_path):
    """A flight of 6 good ticks and a bad one: (positions after each good tick, path)."""
    world = make_world(flight_folder=tmp_path / "flights")
    positions = []
    for k in range(6):
        world.step(np.full(80, 0.1 * k))
        positions.append(world.data.qpos.copy())
    world.data.qvel[8] = 1e12
    with pytest.raises(PhysicsError) as caught:
        world.step(np.zeros(80))
    return np.array(positions), caught.value.dump


def test_replay_repeats_the_flight_to_the_bit(crashed):
    positions, path = crashed
    flight = replay(path)
    assert flight.first_bad == 6
    assert np.array_equal(flight.qpos[:6], positions)
    assert flight.time[1] == pytest.approx(0.025)


def test_the_ring_keeps_the_last_states_in_order(make_world, legs):
    world = make_world()
    recorder = FlightRecorder(legs, world.model, substeps=5, depth=4)
    for k in range(7):
        world.data.time = float(k)
        recorder.record(world.data)
        assert recorder.states()[:, 0].tolist() == [float(t) for t in range(max(0, k - 3), k + 1)]
    recorder.clear()
    assert len(recorder.states()) == 0


def test_a_foreign_file_is_refused(tmp_path):
    for content in (b"no archive", b""):
        (tmp_path / "x.npz").write_bytes(content)
        with pytest.raises(UnavailableError, match="not a flight record"):
            replay(tmp_path / "x.npz")
    np.savez(tmp_path / "other.npz", body="legs80")
    with pytest.raises(UnavailableError, match="not a flight record"):
        replay(tmp_path / "other.npz")


def test_a_record_of_another_model_is_refused(crashed, tmp_path):
    with np.load(crashed[1]) as record:
        np.savez(tmp_path / "old.npz", **{**{k: record[k] for k in record.files}, "model_hash": "0" * 16})
    with pytest.raises(KinesisError, match="0000000000000000"):
        replay(tmp_path / "old.npz")


def test_a_folder_that_cannot_be_written_does_not_hide_the_fault(make_world, tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    world = make_world(flight_folder=tmp_path / "file")
    world.data.qvel[8] = np.nan
    with pytest.raises(PhysicsError, match="no flight record") as caught:
        world.step(np.zeros(80))
    assert caught.value.dump is None
    assert "cannot write the flight record" in caplog.text
