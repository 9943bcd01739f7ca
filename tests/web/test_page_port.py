"""Whether `kinesis sim` gets a page, and where."""

import argparse
import socket
from pathlib import Path

import pytest

from kinesis_cli import render, replay, robot, sim
from kinesis_cli.launcher import LaunchDescription
from kinesis_cli.sim_page import ANY_PORT, FIRST_PORT, LOOPBACK, TRIED, page_port, require_files
from kinesis_control.errors import ConfigurationError, UnavailableError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def taken():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


def test_a_port_that_is_in_use_is_refused_before_anything_starts(taken):
    with pytest.raises(UnavailableError, match=f"port {taken} is in use.*--web PORT.*--no-web"):
        page_port(taken, wanted=True, watched=True)


def test_without_a_wish_the_next_free_one_is_taken(monkeypatch):
    monkeypatch.setattr("kinesis_cli.sim_page._is_free", lambda port: port >= FIRST_PORT + 3)
    assert page_port(None, wanted=True, watched=True) == FIRST_PORT + 3
    monkeypatch.setattr("kinesis_cli.sim_page._is_free", lambda port: port >= FIRST_PORT + TRIED)
    assert page_port(None, wanted=True, watched=True) is None


def test_web_without_a_port_is_any_free_one_also_where_nobody_would_look(monkeypatch):
    monkeypatch.setattr("kinesis_cli.sim_page._is_free", lambda port: port >= FIRST_PORT + 2)
    assert page_port(ANY_PORT, wanted=True, watched=False) == FIRST_PORT + 2


@pytest.mark.parametrize("command", [sim, robot, replay])
def test_every_command_with_a_page_has_the_same_options(command):
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    words = [command.__name__.rpartition(".")[2], *(["bag"] if command is replay else [])]
    assert (parser.parse_args(words).web, parser.parse_args(words).web_host) == (None, LOOPBACK)
    asked = parser.parse_args([*words, "--web", "--web-host", "0.0.0.0"])
    assert (asked.web, asked.web_host) == (ANY_PORT, "0.0.0.0")
    assert parser.parse_args([*words, "--web", "9000"]).web == 9000


def test_when_there_is_no_page(taken, monkeypatch):
    assert page_port(None, wanted=False, watched=True) is None
    assert page_port(taken, wanted=False, watched=True) is None
    assert page_port(None, wanted=True, watched=False) is None
    monkeypatch.setattr("kinesis_cli.sim_page._is_free", lambda port: True)
    assert page_port(FIRST_PORT, wanted=True, watched=False) == FIRST_PORT


@pytest.mark.parametrize("port", [0, 65536])
def test_not_a_port(port):
    with pytest.raises(ConfigurationError, match="1 to 65535"):
        page_port(port, wanted=True, watched=True)


def test_sizes_of_a_film():
    assert render.size("640x360") == (640, 360)
    for text in ("640", "x", "-1x5", "640x360x2", "axb"):
        with pytest.raises(argparse.ArgumentTypeError, match="WIDTHxHEIGHT"):
            render.size(text)


def test_a_missing_file_is_said_before_anything_starts(tmp_path):
    require_files([])
    with pytest.raises(UnavailableError, match="there is no such file"):
        require_files([tmp_path / "none.npz"])
    with pytest.raises(UnavailableError, match="it is a folder"):
        require_files([tmp_path])


def test_library_and_people_reach_the_page(tmp_path):
    parser = argparse.ArgumentParser()
    sim.add_parser(parser.add_subparsers())
    args = parser.parse_args(["sim", "--library", "clips.h5", "--emg", "a.csv", "--emg", "b 'c'.npz", "--web-host", "0.0.0.0"])
    given = sim.launch_arguments(args, tmp_path / "p.onnx", 8080)
    assert given["library"].endswith("/clips.h5") and given["library"].startswith("/")
    launched = LaunchDescription.load(ROOT / "launch" / "sim.launch.yaml", {**given, "policy": "p.onnx"}).processes
    viewer = next(process for process in launched if process.node_name == "viewer_node")
    parameters = {name: value for part in viewer.parameters if isinstance(part, dict) for name, value in part.items()}
    assert parameters["library"] == given["library"] and (parameters["host"], parameters["token"]) == ("0.0.0.0", "")
    assert parameters["emg"] == [str(Path("a.csv").absolute()), str(Path("b 'c'.npz").absolute())]
