"""The command lines of emulator, campaign and robot: what is refused before anything is started, and a short run."""

import json

import pytest

from kinesis_cli.main import main
from kinesis_control.drivers.bus.settings import BusSettings
from kinesis_sim.emulator.truth import Truth


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["emulator", "--bus", "ethercat"], "needs --interface"),
        (["emulator", "--cap", "0"], "above 0"),
        (["emulator", "--without", "trip"], "--without needs --faults"),
        (["emulator", "--body", "legs8"], "unknown body"),
        (["emulator", "--serial", "0"], "serial 0"),
        (["faults", "99"], "unknown case '99'"),
        (["faults", "1", "--body", "legs8"], "unknown body"),
        (["faults", "1", "--bus", "ethercat"], "needs --interface"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(words, text, capsys, tmp_path):
    extra = ["--folder", str(tmp_path)] if words[0] == "emulator" else []
    assert main([*words, *extra]) == 2
    told = capsys.readouterr().err
    assert text in told and told.count("\n") == 1


def test_an_android_lives_for_its_time_and_leaves_the_truth(tmp_path, capsys):
    truth = tmp_path / "truth.npz"
    assert main(["emulator", "--port", "0", "--folder", str(tmp_path / "r"), "--duration", "0.1", "--truth", str(truth)]) == 0
    assert "speaks udp at 127.0.0.1:" in capsys.readouterr().out
    assert len(Truth.load(truth).time) == 50 and BusSettings.read(tmp_path / "r" / "bus.json").driver == "udp"
    assert json.loads((tmp_path / "r" / "limits.json").read_text())["cap"] == 0.3
    assert not (tmp_path / "r" / "test").exists() and not (tmp_path / "r" / "board").exists()
