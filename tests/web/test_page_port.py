"""Whether `kinesis sim` gets a page, and where."""

import argparse
import socket

import pytest

from kinesis_cli import render
from kinesis_cli.sim_page import FIRST_PORT, TRIED, page_port
from kinesis_control.errors import ConfigurationError, UnavailableError


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


def test_when_there_is_no_page(taken):
    assert page_port(None, wanted=False, watched=True) is None
    assert page_port(taken, wanted=False, watched=True) is None
    assert page_port(None, wanted=True, watched=False) is None
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        free = holder.getsockname()[1]
    assert page_port(free, wanted=True, watched=False) == free


@pytest.mark.parametrize("port", [0, 65536])
def test_not_a_port(port):
    with pytest.raises(ConfigurationError, match="1 to 65535"):
        page_port(port, wanted=True, watched=True)


def test_sizes_of_a_film():
    assert render.size("640x360") == (640, 360)
    for text in ("640", "x", "-1x5", "640x360x2", "axb"):
        with pytest.raises(argparse.ArgumentTypeError, match="WIDTHxHEIGHT"):
            render.size(text)
