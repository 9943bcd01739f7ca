"""`kinesis evaluate`: exit codes and files."""

import json
from pathlib import Path

import pytest
from made_up_bag import write_glide

from kinesis_cli.evaluate import CONDITION_FAILED, FIGURE_MISSING, NOTHING_READ
from kinesis_cli.main import main


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds."""
    return write_glide(tmp_path_factory.mktemp("bags") / "glide")


def test_figures_go_to_the_file(bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(bag), "--json", str(tmp_path / "o.json"), "--fail-if", "movement.speed<0.5"]) == 0
    written = json.loads((tmp_path / "o.json").read_text())
    assert written["figures"]["movement.speed"]["value"] == pytest.approx(0.8)
    assert written["recordings"][0]["facts"]["seed"] == "1" and written["episodes"][0]["seed"] == 1
    assert "movement.speed<0.5: ok" in capsys.readouterr().out


def test_what_a_script_sees(bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(bag), "--fail-if", "movement.speed<0.9"]) == CONDITION_FAILED
    assert main(["evaluate", str(bag), "--fail-if", "timing.latency.p99>0.01"]) == FIGURE_MISSING
    assert main(["evaluate", str(bag), "--fail-if", "no.such.figure<1"]) == 2
    assert main(["evaluate", str(tmp_path / "nothing")]) == 5
    assert "there is no bag" in capsys.readouterr().err


def test_a_bag_without_states_is_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from kinesis_control.evaluate.bag import BagWriter

    BagWriter(tmp_path / "empty").close()
    assert main(["evaluate", str(tmp_path / "empty")]) == NOTHING_READ
    assert "the recording is empty" in capsys.readouterr().out


def test_an_older_result_stands_beside(bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["evaluate", str(bag), "--json", str(tmp_path / "o.json")])
    capsys.readouterr()
    assert main(["evaluate", str(bag), "--against", str(tmp_path / "o.json")]) == 0
    assert "against 0.8" in capsys.readouterr().out


def test_a_misspelt_condition_is_said_before_the_work_and_a_wrong_name_lists_what_there_is(
    bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(bag), "--fail-if", "speed = 1", "--json", str(tmp_path / "o.json")]) == 2
    assert "'speed = 1'" in capsys.readouterr().err and not (tmp_path / "o.json").exists()
    assert main(["evaluate", str(bag), "--fail-if", "sped<1", "--json", str(tmp_path / "o.json")]) == 2
    assert "movement.speed" in capsys.readouterr().err and (tmp_path / "o.json").exists()  # the result of the work is kept
    assert main(["evaluate", str(bag), "--fail-if", "speed<1"]) == 2  # movement.speed or gait.speed


def test_another_bag_stands_beside_and_what_is_no_evaluation_is_refused(bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = write_glide(tmp_path / "other", ticks=120)
    assert main(["evaluate", str(bag), "--against", str(other), "-o", str(tmp_path / "report")]) == 0
    assert "against 2.38" in capsys.readouterr().out  # distance of the other one: 119 steps of 0.02 m
    assert "other" in (tmp_path / "report" / "index.html").read_text()
    (tmp_path / "x.json").write_text("{}")
    assert main(["evaluate", str(bag), "--against", str(tmp_path / "x.json")]) == 5
    assert main(["evaluate", str(bag), "--against", str(tmp_path / "nothing")]) == 5


def test_many_bags_give_means_with_intervals_and_name_the_worst(bag: Path, tmp_path: Path) -> None:
    bags = [str(bag), *(str(write_glide(tmp_path / f"b{n}", ticks=n, seed=n)) for n in (60, 100))]
    assert main(["evaluate", *bags, "--json", str(tmp_path / "o.json")]) == 0
    written = json.loads((tmp_path / "o.json").read_text())
    distance = written["figures"]["movement.distance"]
    # 0.02 m times 59, 79 and 99 steps: mean 1.58 m, standard deviation 0.4 m; t(2) = 4.3027.
    assert distance["value"] == pytest.approx(1.58) and distance["n"] == 3
    assert distance["interval_95"] == pytest.approx([1.58 - 4.30265 * 0.4 / 3**0.5, 1.58 + 4.30265 * 0.4 / 3**0.5], rel=1e-4)
    assert written["groups"][0]["worst"]["falls.upright_time"]["where"] == "b60, episode 0"
