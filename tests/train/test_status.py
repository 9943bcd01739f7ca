"""kinesis_train/status.py, journal.py and the command line of trainings: what a run writes, and what is said of it."""

import argparse
import logging
import os
import sys
import time
from pathlib import Path

import pytest

from kinesis_cli.main import main
from kinesis_cli.train_mixture import recall, remember
from kinesis_control.errors import ConfigurationError, UnavailableError
from kinesis_train.journal import Journal, read_rows, write_run
from kinesis_train.status import curve, describe, look


def write_log(folder: Path, rows: int = 10) -> None:
    journal = Journal(folder, ("steps", "seconds", "steps_per_s", "reward", "walk_s"))
    for i in range(1, rows + 1):
        journal.write({"steps": 1000 * i, "seconds": float(i), "steps_per_s": 500.0, "reward": 0.1 * i, **({"walk_s": float(i)} if i % 5 == 0 else {})})
    journal.close()


def test_a_journal_reads_back_as_it_was_written(tmp_path: Path) -> None:
    write_log(tmp_path)
    rows = read_rows(tmp_path / "log.csv")
    assert [r["steps"] for r in rows] == [1000.0 * i for i in range(1, 11)]
    assert rows[4]["walk_s"] == 5.0 and "walk_s" not in rows[3]


def test_rows_that_a_kill_undid_are_taken_out_and_a_cut_line_is_no_row(tmp_path: Path) -> None:
    write_log(tmp_path)
    with (tmp_path / "log.csv").open("a") as file:
        file.write("11")
    journal = Journal(tmp_path, ("steps", "seconds", "steps_per_s", "reward", "walk_s"), steps=7000)
    journal.write({"steps": 7500, "seconds": 7.0, "steps_per_s": 1.0, "reward": 0.0})
    assert [r["steps"] for r in read_rows(tmp_path / "log.csv")][-2:] == [7000.0, 7500.0]


def test_a_folder_belongs_to_one_training_at_a_time(tmp_path: Path) -> None:
    first = Journal(tmp_path, ("steps", "reward"))
    first.write({"steps": 10, "reward": 0.5})
    with pytest.raises(ConfigurationError, match="another training"):
        Journal(tmp_path, ("steps", "reward"))
    first.close()
    assert [r["steps"] for r in read_rows(tmp_path / "log.csv")] == [10.0]
    Journal(tmp_path, ("steps", "reward"), steps=10).close()


def test_events_stand_beside_the_csv(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    write_log(tmp_path)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(e.step, round(e.value, 3)) for e in events.Scalars("reward")] == [(1000 * i, round(0.1 * i, 3)) for i in range(1, 11)]


def test_without_tensorboard_one_line_says_so_and_the_csv_is_written(tmp_path: Path, monkeypatch, caplog) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with caplog.at_level(logging.INFO):
        write_log(tmp_path)
    assert len([r for r in caplog.records if "tensorboard" in r.message]) == 1
    assert len(read_rows(tmp_path / "log.csv")) == 10 and not (tmp_path / "tensorboard").exists()


def test_a_curve_rises_where_its_figures_rise() -> None:
    assert curve(range(8)) == "▁▂▃▄▅▆▇█"
    assert curve([1.0] * 5) == "▁" * 5 and curve([]) == "" and curve([float("nan")]) == ""
    assert len(curve(range(1000), width=40)) == 40


def test_status_says_how_far_and_how_long(tmp_path: Path) -> None:
    write_log(tmp_path)
    write_run(tmp_path, kind="walk", steps=40_000, body="legs80", seed=3)
    (progress,) = look(tmp_path)
    assert progress.state == "running" and progress.left_s == pytest.approx(60.0)
    text = describe(progress)
    assert "walk legs80, seed 3, running" in text and "0.01 M of 0.04 M steps (25 %)" in text and "60 s left" in text
    assert "reward" in text and "▁" in text and "steps_per_s" not in text
    old = time.time() - 3600.0
    os.utime(tmp_path / "log.csv", (old, old))
    (progress,) = look(tmp_path)
    assert progress.state == "stopped" and "left" not in describe(progress)
    write_run(tmp_path, kind="walk", steps=10_000, body="legs80", seed=3)
    assert look(tmp_path)[0].state == "finished"
    (tmp_path / "run.json").write_text("{")
    assert look(tmp_path)[0].total is None  # a damaged note costs the title, not the curves


def test_status_from_the_command_line(tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    write_log(tmp_path / "run" / "expert0")
    assert main(["train", "status", str(tmp_path / "run"), "--figures", "reward"]) == 0
    out = capsys.readouterr().out
    assert "expert0" in out and "reward" in out and "walk_s" not in out
    assert main(["train", "status", str(tmp_path / "nothing")]) == UnavailableError.exit_code


def test_a_command_is_remembered_with_absolute_paths(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    args = argparse.Namespace(
        command="train", kind="mine", output=Path("run"), library=[Path("a.h5")], start_from=None, steps=5, hidden=[8], action=main,
    )  # fmt: skip
    remember(args, args.output)
    monkeypatch.chdir("/")
    again = recall(tmp_path / "run")
    assert again.kind == "mine" and again.library == [tmp_path / "a.h5"] and again.start_from is None and again.hidden == [8]
    assert again.output == tmp_path / "run" and not hasattr(again, "action")


def test_resume_runs_the_command_again(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    from kinesis_cli import train, train_mixture

    seen: list[argparse.Namespace] = []
    for module, name in ((train, "run_walk"), (train, "run_imitate"), (train_mixture, "run_mine"), (train_mixture, "run_gate")):
        monkeypatch.setattr(module, name, lambda args: (seen.append(args), 0)[1])
    for kind, folder in (("walk", tmp_path / "w"), ("mine", tmp_path / "m"), ("gate", tmp_path / "m" / "gate")):
        remember(argparse.Namespace(kind=kind, output=folder, start_from=Path("x.pt"), resume=False), folder)
    (tmp_path / "w" / "checkpoint.pt").write_bytes(b"there is one")
    for folder in ("w", "m", "m/gate"):
        assert main(["train", "resume", str(tmp_path / folder)]) == 0
    assert [(a.kind, a.output) for a in seen] == [("walk", tmp_path / "w"), ("mine", tmp_path / "m"), ("gate", tmp_path / "m")]
    assert seen[0].resume is True and seen[0].start_from is None and seen[1].resume is False


def test_nothing_to_resume_and_a_damaged_command_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"holds no command\.json"):
        recall(tmp_path)
    (tmp_path / "command.json").write_text("[1]")
    with pytest.raises(UnavailableError, match="damaged"):
        recall(tmp_path)
