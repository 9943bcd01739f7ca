"""`kinesis replay` and `kinesis benchmark`: what they refuse, and with which exit code."""

from pathlib import Path

import pytest
from made_up_bag import write_glide

from kinesis_cli.main import main


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three ticks that begin with state 5, under a policy that nobody has."""
    return write_glide(tmp_path_factory.mktemp("bags") / "three", first=5, ticks=3)


def test_an_unknown_policy_is_asked_for(bag: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(bag)]) == 5
    assert "cccccccccccccccc" in capsys.readouterr().err


def test_a_recording_without_its_start_is_not_simulated_again(bag: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(bag), "--resimulate", "--policy", "legs80-stand-walk"]) == 9
    assert "begins with state 5" in capsys.readouterr().out


def test_a_window_that_the_policy_does_not_read_is_left_out(bag: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(bag), "--policy", "legs80-stand-walk"]) == 9
    assert "other frames than the policy reads (3)" in capsys.readouterr().out


def test_what_is_no_recording_of_a_body(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(tmp_path / "nothing")]) == 5
    assert "there is no bag" in capsys.readouterr().err


def test_options_of_a_benchmark_that_do_not_go_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["benchmark", "walking", "--bags"]) == 2
    assert main(["benchmark", "imitation", "--seeds", "1", "--policy", "legs80-stand-walk"]) == 2
    assert "--library" in capsys.readouterr().err
    assert main(["benchmark", "walking", "--body", "legs_abs86", "--policy", "legs80-stand-walk"]) == 4
