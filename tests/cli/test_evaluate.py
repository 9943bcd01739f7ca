"""`kinesis evaluate`: exit codes and files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinesis_cli.evaluate import CONDITION_FAILED, FIGURE_MISSING, NOTHING_READ
from kinesis_cli.main import main
from kinesis_control.body_state import BodyState
from kinesis_control.reference import ReferenceWindow
from kinesis_sim.benchmark.bag import CaseBag
from kinesis_sim.benchmark.suites import Case
from kinesis_sim.bodies import load_body


class _Contract:
    name = "made-up"


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a body that glides along without moving a joint."""
    path = tmp_path_factory.mktemp("bags") / "glide"
    body = load_body("legs80").description
    case: Any = Case(suite="s", kind="k", seed=1, seconds=2.0)
    state, window = BodyState.zeros(body), ReferenceWindow.zeros(body, np.array([0.025]))
    with CaseBag(path, body, case, _Contract(), "c" * 64) as writer:  # type: ignore[arg-type]
        for seq in range(80):
            state.seq = window.seq = seq
            state.stamp_ns = window.stamp_ns = seq * 25_000_000
            state.root_position[:] = 0.02 * seq, 0.0, 0.9
            writer.write(state, window, np.full(len(body.muscles), 0.1))
    return path


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
