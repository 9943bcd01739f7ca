"""The front door: what is imported, what is refused, and with which exit code."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from kinesis_cli import main as front
from kinesis_cli.main import INTERRUPTED, main, overview, version
from kinesis_cli.registry import BY_NAME, COMMANDS
from kinesis_control.errors import ContractError, UnavailableError


def use_command(monkeypatch, run):
    """Put `run` in the place of the file of `say`."""
    module = SimpleNamespace(add_parser=lambda subparsers: subparsers.add_parser("say"), run=run)
    monkeypatch.setattr(front, "import_module", lambda name: module)


def raiser(error):
    def run(args):
        raise error

    return run


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from kinesis_cli.main import main; assert main(['--help']) == 0; "
        "heavy = {'numpy', 'rclpy', 'mujoco', 'onnxruntime', 'torch', 'yaml'} & set(sys.modules); assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_names_every_command():
    text = overview()
    assert all(f"  {command.name}" in text for command in COMMANDS)
    assert len(BY_NAME) == len(COMMANDS)


def test_unknown_command_lists_the_known_and_the_nearest(capsys):
    assert main(["simm"]) == 2
    error = capsys.readouterr().err
    assert "unknown command 'simm'" in error and "'sim'?" in error and "doctor" in error


def test_no_command_shows_help_and_fails(capsys):
    assert main([]) == 2
    assert "usage: kinesis" in capsys.readouterr().out


def test_unknown_option_before_the_command(capsys):
    assert main(["--verson"]) == 2
    assert "'--version'?" in capsys.readouterr().err


def test_version_is_that_of_the_package(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"kinesis {version()}"


@pytest.mark.parametrize(("error", "code"), [(ContractError("wrong hash"), 4), (UnavailableError("port taken"), 5), (KeyboardInterrupt(), INTERRUPTED)])
def test_errors_become_exit_codes(monkeypatch, capsys, error, code):
    use_command(monkeypatch, raiser(error))
    assert main(["say"]) == code
    shown = capsys.readouterr().err
    assert shown == (f"kinesis: {error}\n" if str(error) else "")


def test_a_missing_package_is_named(monkeypatch, capsys):
    use_command(monkeypatch, raiser(ModuleNotFoundError("No module named 'torch'", name="torch")))
    assert main(["say"]) == 5
    assert "'torch'" in capsys.readouterr().err


def test_an_unknown_error_is_not_hidden(monkeypatch):
    use_command(monkeypatch, raiser(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        main(["say"])


def test_exit_code_of_the_command_is_passed_on(monkeypatch):
    use_command(monkeypatch, lambda args: 7)
    assert main(["say"]) == 7


@pytest.mark.parametrize(
    "argv",
    [
        ["goto", "1"],
        ["goto", "nan", "0"],
        ["drive", "inf"],
        ["drive", "1", "--for", "0"],
        ["sim", "--seed", "-1"],
        ["sim", "--noise", "2"],
        ["sim", "--clock", "warp"],
        ["sim", "--say", "walk", "--stand"],
        ["status", "--namespace", "a//b"],
        ["say"],
    ],
)
def test_wrong_arguments_exit_2(argv, capsys):
    assert main(argv) == 2
    assert f"kinesis {argv[0]}: error:" in capsys.readouterr().err
