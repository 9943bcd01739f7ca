"""Options of `kinesis sim` and what is refused before anything starts."""

import argparse
import json

import pytest

from kinesis_cli import sim, sim_checks
from kinesis_cli.main import main
from kinesis_control.errors import UnavailableError, UnknownNameError


def parse(*argv):
    parser = argparse.ArgumentParser()
    sim.add_parser(parser.add_subparsers())
    return parser.parse_args(["sim", *argv])


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A models folder with two policy files."""
    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("legs80-stand-walk", "legs_back290-stand"):
        (folder / f"{name}.onnx").touch()
    monkeypatch.setattr(sim_checks, "models_directory", lambda: folder)
    return folder


def test_every_flag_of_the_interface_is_accepted():
    args = parse(
        "--body", "legs80", "--policy", "p", "--clock", "lockstep", "--duration", "2", "--seed", "7", "--record", "d",
        "--noise", "0.02", "--headless", "--web", "8080", "--json", "f",
    )  # fmt: skip
    assert (args.duration, args.seed, args.noise, args.web) == (2.0, 7, 0.02, 8080)
    assert parse("--no-web").no_web


def test_a_newcomer_sees_it_walk():
    assert sim.script_of(parse().say, parse().stand) == ["3.0 walk"]


def test_words_get_their_times_in_order():
    assert sim.script_of(["5 stop", "walk"], stand=False) == ["1.0 walk", "5.0 stop"]
    assert sim.script_of(None, stand=True) == []
    assert sim.script_of(["nan walk"], stand=False) == ["1.0 nan walk"]


def test_launch_arguments_name_only_what_was_asked_for(models, tmp_path):
    policy = models / "legs80-stand-walk.onnx"
    given = sim.launch_arguments(parse("--stand"), policy)
    assert not {"script", "duration", "record"} & set(given)
    given = sim.launch_arguments(parse("--say", 'walk "fast"', "--duration", "2", "--record", "bag"), policy)
    assert json.loads(given["script"]) == ['1.0 walk "fast"']
    assert given["record"].startswith("/") and given["duration"] == "2.0"


def test_policies_by_name_by_path_and_by_body(models, tmp_path):
    assert sim_checks.resolve_policy("legs80-stand-walk", "legs80") == models / "legs80-stand-walk.onnx"
    assert sim_checks.resolve_policy(None, "legs_back290") == models / "legs_back290-stand.onnx"
    own = tmp_path / "own.onnx"
    own.touch()
    assert sim_checks.resolve_policy(str(own), "legs80") == own
    with pytest.raises(UnknownNameError, match=r"legs80-stand-walk, legs_back290-stand.*Did you mean 'legs80-stand-walk'"):
        sim_checks.resolve_policy("legs80-stand-wlk", "legs80")
    with pytest.raises(UnavailableError, match="no policy is shipped for body 'fullbody416'"):
        sim_checks.resolve_policy(None, "fullbody416")


def test_unknown_body_lists_the_known(capsys):
    pytest.importorskip("mujoco")
    assert main(["sim", "--body", "legs81"]) == 2
    assert "known: legs80" in capsys.readouterr().err


def test_one_simulation_a_domain_and_namespace(tmp_path, monkeypatch):
    monkeypatch.setattr(sim_checks.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setenv("ROS_DOMAIN_ID", "76")
    with sim_checks.hold_domain(""):
        with pytest.raises(UnavailableError, match="ROS domain 76"), sim_checks.hold_domain(""):
            pass
        with sim_checks.hold_domain("other/place"):
            pass
    with sim_checks.hold_domain(""):
        pass


def test_a_bag_is_never_overwritten(models, tmp_path, capsys):
    pytest.importorskip("mujoco")
    (tmp_path / "bag").mkdir()
    assert main(["sim", "--record", str(tmp_path / "bag")]) == 5
    assert "exists already" in capsys.readouterr().err
    assert main(["sim", "--record", str(tmp_path / "no" / "bag")]) == 5
    assert main(["sim", "--json", str(tmp_path / "no" / "x.json")]) == 5
