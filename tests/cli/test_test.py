"""`kinesis test` hands everything to pytest and keeps the tests on a graph of their own."""

import argparse
from pathlib import Path

import pytest

from kinesis_cli import test as command


def parse(*words: str) -> list[str]:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    return parser.parse_args(["test", *words]).arguments


def test_options_are_left_to_pytest() -> None:
    assert parse("-k", "arming", "--lf", "-q") == ["-k", "arming", "--lf", "-q"]


def test_without_a_path_all_tests_run() -> None:
    assert command.pytest_arguments(["-q"])[-1] == str(command.ROOT / "tests")


def test_a_path_is_taken_instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "test_a.py").write_text("")
    assert command.pytest_arguments(["-q", "test_a.py::test_b"])[-1] == "test_a.py::test_b"


def test_a_domain_is_chosen_unless_there_is_one() -> None:
    assert command.test_environment({"ROS_DOMAIN_ID": "7"}, 1)["ROS_DOMAIN_ID"] == "7"
    chosen = {int(command.test_environment({}, pid)["ROS_DOMAIN_ID"]) for pid in range(200)}
    assert min(chosen) == 42 and max(chosen) == 99
    assert command.test_environment({}, 1)["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
