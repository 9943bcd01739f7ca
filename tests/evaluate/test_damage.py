"""Damage of every kind: a report of what can be said, never an exception, never a number from what was not read."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinesis_control.evaluate.report_evaluation import Evaluation, evaluate_recordings
from kinesis_control.evaluate.report_json import to_json


def problems(evaluation: Evaluation) -> str:
    return "\n".join(p for r in evaluation.recordings for p in r.problems)


@pytest.fixture
def full(recorded: Any) -> Any:
    """120 ticks with every topic that is looked at."""
    from tests.evaluate.test_stream_ball import put_kick
    from tests.evaluate.test_stream_texts import put_text

    recorded.layout().status(0, clock="realtime").ticks(0, 120)
    for seq in (20, 40, 60):
        recorded.status(seq, clock="realtime", misses=seq, faults={"STATE_STALE": seq})
    put_text(recorded, "text_command", 10, "walk 1 m")
    put_text(recorded, "text_reply", 11, "walking 1.00 m at 0.80 m/s")
    put_kick(recorded, 100)
    return recorded


@pytest.mark.parametrize("seed", range(12))
def test_messages_with_any_bytes(full: Any, tmp_path: Path, seed: int) -> None:
    """Every fourth message is cut, filled up or changed at one place."""
    chance = random.Random(seed)
    rows = []
    for topic, kind, log_ns, data in full.rows:
        if chance.random() < 0.25:
            at = chance.randrange(4, len(data))
            data = chance.choice((data[:at], data + bytes(5), data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]))
        rows.append((topic, kind, log_ns, data))
    full.rows = rows
    evaluation = evaluate_recordings([full.save(tmp_path / "bag")])
    to_json(evaluation)
    assert problems(evaluation)


def test_one_state_that_is_cut_off_costs_itself_alone(full: Any, tmp_path: Path) -> None:
    row = next(i for i, r in enumerate(full.rows) if r[0] == "/body_state" and r[2] == 50 * 25_000_000)
    topic, kind, log_ns, data = full.rows[row]
    full.rows[row] = (topic, kind, log_ns, data[:-30])
    evaluation = evaluate_recordings([full.save(tmp_path / "bag")])
    assert sum(life.ticks for life in evaluation.lives) == 119
    assert "unreadable messages" in problems(evaluation) and evaluation.figures["timing.loss.body_state"].value == 1.0


@pytest.mark.parametrize("topic", ["/body_state", "/muscle_command", "/reference", "/muscle_layout", "/control_status"])
def test_a_topic_that_is_missing_is_named_and_its_figures_have_no_value(full: Any, tmp_path: Path, topic: str) -> None:
    full.rows = [r for r in full.rows if r[0] != topic]
    evaluation = evaluate_recordings([full.save(tmp_path / "bag")])
    assert topic.strip("/") in evaluation.recordings[0].missing
    gone = {
        "/muscle_command": "movement.effort", "/reference": "movement.joint_position_error", "/control_status": "timing.reported_misses",
        "/body_state": "movement.speed", "/muscle_layout": "movement.speed",
    }[topic]  # fmt: skip
    figure = evaluation.figures.get(gone)
    assert figure is None or (figure.value is None and figure.missing)


def test_a_walk_without_a_step_has_no_gait_figure(full: Any, tmp_path: Path) -> None:
    figures = evaluate_recordings([full.save(tmp_path / "bag")]).figures
    assert figures["gait.cycles.right"].value == 0.0
    assert figures["gait.cycle_duration"].value is None and figures["muscle_timing.agreement"].value is None
    assert "no gait cycle" in figures["gait.cycle_duration"].missing


@pytest.mark.parametrize("jump_s", [-2.0, 3.0, 3600.0])
def test_a_clock_that_jumps(recorded: Any, tmp_path: Path, jump_s: float) -> None:
    """The stamps go on elsewhere after half of the ticks: speed and loss stay what they are."""
    import struct

    recorded.layout().status(0).ticks(0, 160)
    rows = []
    for topic, kind, log_ns, data in recorded.rows:
        if log_ns >= 80 * 25_000_000:
            stamp = log_ns + round(1e9 * jump_s)
            data = data[:4] + struct.pack("<iI", *divmod(stamp, 10**9)) + data[12:]
        rows.append((topic, kind, log_ns, data))
    recorded.rows = rows
    evaluation = evaluate_recordings([recorded.save(tmp_path / "bag")])
    speeds = [life.figures["movement.speed"].value for life in evaluation.lives]
    assert "jump" in problems(evaluation)
    assert np.allclose([s for s in speeds if s is not None], 0.4, atol=0.03), speeds
    assert evaluation.figures["timing.loss.body_state"].value == 0.0
