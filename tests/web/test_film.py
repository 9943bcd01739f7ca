"""Films: what they show, and what goes wrong with them."""

import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("mujoco")
from kinesis_control.errors import ConfigurationError, UnavailableError
from kinesis_sim.viewer import film

SMALL = film.FilmConfig(width=64, height=64, rate_hz=20.0)


def encoder():
    try:
        return film.find_encoder()
    except UnavailableError:
        pytest.skip("no ffmpeg on this machine")


@pytest.mark.parametrize("wrong", [{"width": 63}, {"width": 101}, {"height": 5000}, {"rate_hz": 0.0}, {"rate_hz": float("nan")}, {"distance": 0.1}])
def test_settings_out_of_range(wrong):
    with pytest.raises(ConfigurationError):
        film.FilmConfig(**wrong)


def states(monkeypatch, times):
    """Times of the states that a film at 20 pictures a second shows."""

    def read(message, out):
        out.stamp_ns = round(1e9 * message)
        out.root_position[0] = np.nan if message == 0.35 else message
        return out

    monkeypatch.setattr(film, "ticks_of", lambda recording, graph: (SimpleNamespace(state=t) for t in times))
    monkeypatch.setattr(film, "read_state", read)
    body = SimpleNamespace(description=SimpleNamespace(muscles=(), joint_names=(), contact_names=()))
    return [round(1e-9 * state.stamp_ns, 3) for state in film.film_states(None, None, body, 20.0)]


def test_a_film_keeps_recorded_time_whatever_the_rate_of_the_states(monkeypatch):
    assert states(monkeypatch, [0.0, 0.01, 0.04, 0.05, 0.06, 0.1]) == [0.0, 0.05, 0.1]  # faster: left out
    assert states(monkeypatch, [1.0, 1.2]) == [1.0] + 4 * [1.2]  # slower: shown for longer
    assert states(monkeypatch, [5.0, 5.05, 0.0, 0.05]) == [5.0, 5.05, 0.0, 0.05]  # a clock that starts again
    assert states(monkeypatch, [0.3, 0.35, 0.4]) == [0.3, 0.4, 0.4]  # a state that is not finite is not drawn
    assert states(monkeypatch, [0.0, 1e6]) == [0.0, 1e6]  # a gap of days is not a million pictures


def test_pictures_become_a_film(tmp_path):
    program, path = encoder(), tmp_path / "film.mp4"
    with film.Mp4Writer(path, SMALL) as writer:
        for k in range(10):
            writer.write(np.full((64, 64, 3), 25 * k, dtype=np.uint8))
    said = subprocess.run([program, "-i", str(path), "-f", "null", "-"], capture_output=True, text=True).stderr
    assert "64x64" in said and "h264" in said and "00:00:00.5" in said


def test_a_film_that_was_broken_off_or_cannot_be_written_leaves_nothing(tmp_path):
    encoder()
    path = tmp_path / "film.mp4"
    with pytest.raises(RuntimeError), film.Mp4Writer(path, SMALL) as writer:
        writer.write(np.zeros((64, 64, 3), dtype=np.uint8))
        raise RuntimeError
    assert not path.exists()
    with pytest.raises(UnavailableError, match="does not exist"):
        film.Mp4Writer(tmp_path / "none" / "film.mp4", SMALL)
    folder = tmp_path / "folder.mp4"
    folder.mkdir()
    with pytest.raises(UnavailableError, match="it is a folder"):
        film.Mp4Writer(folder, SMALL)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_said(tmp_path):
    encoder()
    link = tmp_path / "film.mp4"
    link.symlink_to("/dev/full")
    with pytest.raises(UnavailableError, match="could not write"), film.Mp4Writer(link, SMALL) as writer:
        for _ in range(50):
            writer.write(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))


def test_without_an_encoder_it_is_said_how_to_get_one(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(UnavailableError, match="apt-get install ffmpeg"):
        film.find_encoder()


def test_a_picture_shows_bones_and_muscles_by_their_activation():
    """In a process of its own: MuJoCo chooses at its import what draws."""
    code = """
import numpy as np, sys
from kinesis_control.errors import UnavailableError
from kinesis_sim.viewer.backend import choose_backend
try:
    choose_backend()
except UnavailableError:
    sys.exit(77)
from kinesis_control.body_state import BodyState
from kinesis_sim.bodies import load_body
from kinesis_sim.viewer import film
body = load_body("legs80")
camera = film.FilmCamera(body, film.FilmConfig(width=320, height=320))
state, qpos = BodyState.zeros(body.description), body.standing_qpos
state.root_position[:], state.joint_position[:] = qpos[:3], qpos[body.joint_qpos_adr]
relaxed = camera.picture(state).astype(int)
state.muscle_activation[:] = 1.0
active = camera.picture(state).astype(int)
blue = lambda p: ((p[..., 2] > p[..., 0] + 40) & (p[..., 2] > 60)).sum()
yellow = lambda p: ((p[..., 0] > p[..., 2] + 40) & (p[..., 0] > 120)).sum()
bones = (active.min(axis=-1) > 90).sum()
assert blue(relaxed) > 200 > 4 * blue(active) and yellow(active) > 3 * yellow(relaxed) and bones > 300
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).resolve().parents[2])
    if done.returncode == 77:
        pytest.skip("nothing to draw with on this machine")
    assert done.returncode == 0, done.stderr[-800:]
