"""The judge of the fault campaign sees every violation, and the cases are what they say."""

import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kinesis_cli.faults import GUARDS
from kinesis_cli.main import main
from kinesis_control.drivers.codecs.valve_bank import BankState, Control
from kinesis_control.drivers.frames import CommandFrame
from kinesis_control.errors import UnknownNameError
from kinesis_sim.emulator.campaign import run
from kinesis_sim.emulator.campaign.invariants import judge
from kinesis_sim.emulator.campaign.run import CASES, MISSING, MUTANTS, Result, run_case, select, write_html, write_json
from kinesis_sim.emulator.campaign.spoiled import Words, lie
from kinesis_sim.emulator.truth import Truth

ROWS, MUSCLES, BANKS = 2000, 20, 2
STOP_ROW = 1000


@pytest.fixture
def good():
    """Four seconds: active at 0.6 bar, stopped after two, vented 0.3 s later."""
    time = 0.002 * np.arange(1, ROWS + 1)
    pressure = np.zeros((ROWS, MUSCLES), np.float32)
    pressure[:100] = np.linspace(0.0, 60e3, 100)[:, None]
    pressure[100:STOP_ROW] = 60e3
    pressure[STOP_ROW : STOP_ROW + 150] = np.linspace(60e3, 0.0, 150)[:, None]
    state = np.full((ROWS, BANKS), BankState.DISARMED, np.uint8)
    state[:STOP_ROW], state[STOP_ROW : STOP_ROW + 200] = BankState.ACTIVE, BankState.RAMP
    supply = np.full(ROWS, 850e3, np.float32)
    supply[STOP_ROW:] = 850e3 * np.exp(-np.arange(ROWS - STOP_ROW) / 30.0)
    running = np.arange(ROWS) < STOP_ROW
    return Truth(
        time=time, pressure=pressure, setpoint=pressure.copy(), tension=pressure.copy(), supply=supply, contactor=running, dump_open=~running, estop=~running,
        state=state, epoch=np.full((ROWS, BANKS), 3, np.uint32), joint=np.zeros((ROWS, 2), np.float32), height=np.ones(ROWS, np.float32), events=[],
        facts={"max_pressure_pa": 700e3, "slew_pa_s": 7e6, "joint_range": [[-1.0, 1.0], [-0.5, 0.5]]},
    )  # fmt: skip


def broken(truth):
    return {f.name for f in judge(truth, stopped_s=0.002 * STOP_ROW, safe_s=0.5, ended_s=4.0) if not f.held}


def changed(truth, name, rows, value):
    array = getattr(truth, name).copy()
    array[rows] = value
    return replace(truth, **{name: array})


def test_a_good_run_violates_nothing(good):
    assert broken(good) == set()
    assert {f.name for f in judge(good, stopped_s=2.0, safe_s=0.5, ended_s=4.0)} == {"I1", "I2", "I3", "I4", "I6", "I7", "I8", "I9", "I10"}


@pytest.mark.parametrize(
    ("name", "rows", "value", "expected"),
    [
        ("pressure", (500, 3), 720e3, {"I1", "I2"}),
        ("pressure", (slice(500, 900), 3), 200e3, {"I2"}),
        ("pressure", (slice(1500, 1600), 3), 20e3, {"I3"}),
        ("pressure", (slice(1350, 2000), 3), 60e3, {"I3", "I4", "I10"}),
        ("state", slice(1500, 1600), BankState.ARMED, {"I6"}),
        ("joint", (700, 1), 0.7, {"I7"}),
        ("epoch", (slice(100, 900), 1), 2, {"I8"}),
        ("supply", slice(1000, 2000), 850e3, {"I9", "I10"}),
        ("contactor", slice(1000, 2000), True, {"I6", "I9", "I10"}),
        ("dump_open", slice(1000, 2000), False, {"I9"}),
    ],
)
def test_every_violation_is_seen_and_named(good, name, rows, value, expected):
    assert broken(changed(good, name, rows, value)) == expected


def test_numbers_are_unique_and_what_is_missing_is_said():
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
    assert {case.number for case in CASES} | set(MISSING) == set(range(1, 85)) and not {case.number for case in CASES} & set(MISSING)


def test_the_document_lists_every_case_and_what_is_missing():
    text = (Path(__file__).resolve().parents[3] / "docs" / "robot" / "faults.md").read_text()
    assert [case.name for case in CASES if f"| {case.name} | {case.title} | {case.expect.value} |" not in text] == []
    assert [number for number in MISSING if not re.search(rf"^\| {number} \|.*not run yet", text, re.MULTILINE)] == []


def test_cases_are_found_by_number_and_by_variant():
    assert [case.name for case in select(["31"])] == ["31a", "31b", "31c", "31d"] and [case.name for case in select(["31c", "1"])] == ["31c", "1"]
    assert len(select(["all"])) == len(CASES)
    with pytest.raises(UnknownNameError, match="unknown case '99'"):
        select(["99"])


def test_the_list_names_every_case(capsys):
    assert main(["faults", "list"]) == 0
    told = capsys.readouterr().out
    assert all(case.title in told for case in CASES)


def test_results_are_written(tmp_path):
    results = [Result(case="1", title="<NaN>", body="legs80", bus="udp", seed=0, clock="wall", expect="stops", why=["I1 violated"])]
    write_json(tmp_path / "r.json", results)
    write_html(tmp_path / "r.html", results)
    assert '"passed": false' in (tmp_path / "r.json").read_text() and "&lt;NaN&gt;" in (tmp_path / "r.html").read_text()


def test_each_protection_has_a_case_that_can_be_selected():
    assert set(MUTANTS) == set(GUARDS) and all(len(select([name])) == 1 for name in MUTANTS.values())


def test_a_soak_draws_the_same_cases_for_the_same_seed(monkeypatch):
    drawn = []

    def note(cases, **options):
        drawn.append((cases[0].name, options["seed"]))
        yield from ()

    monkeypatch.setattr(run, "run_cases", note)
    clock = iter(range(1000))
    monkeypatch.setattr(run.time, "monotonic", lambda: next(clock))
    for _ in range(2):
        clock = iter(range(1000))
        assert list(run.soak(CASES, 20.0, body="legs80", bus="udp", seed=3)) == []
    assert drawn[: len(drawn) // 2] == drawn[len(drawn) // 2 :] and len({name for name, _ in drawn}) > 5


def test_a_lying_driver_spoils_one_muscle_and_only_while_it_follows():
    command = CommandFrame(values=np.arange(10.0), control=Control.HOLD)
    assert lie(command, {"lie": 5e5}.get) is command and lie(command, {}.get) is command
    told = lie(command, {"rogue": 0.0}.get)
    assert told.control is Control.FOLLOW and command.control is Control.HOLD
    command.control = Control.FOLLOW
    told = lie(command, {"lie": 5e5}.get)
    assert (told.values != command.values).sum() == 1 and told.values.max() == 5e5 and command.values.max() == 9.0


def test_what_is_broken_inside_is_read_again_when_it_changes(tmp_path):
    words = Words(tmp_path / "words")
    assert words.get("driver") is None
    (tmp_path / "words").write_text("driver\nclock 3600\n")
    assert words.get("driver") == 0.0 and words.get("clock") == 3600.0
    (tmp_path / "new").write_text("freeze\n")
    (tmp_path / "new").replace(tmp_path / "words")
    assert words.get("freeze") == 0.0 and words.get("driver") is None


# -- on a virtual clock: everything but the machine's speed ----------------------------------------------------------------


def test_a_dead_sensor_is_survived_on_the_virtual_clock():
    result = run_case(select(["60a"])[0], body="legs80", bus="udp", seed=0, clock="lockstep")
    assert result.passed, result.why
    assert result.detected_ms < 100.0 and {f.name for f in result.findings if f.held} >= {"I1", "I2", "I3", "I4", "I6", "I7", "I8", "I9", "I10"}


def test_without_the_trip_of_the_banks_a_sensor_at_its_rail_is_seen_too_late():
    result = run_case(select([MUTANTS["trip"]])[0], body="legs80", bus="udp", seed=0, clock="lockstep", options=("--without", "trip"))
    assert any("published after" in why for why in result.why), result.why


@pytest.mark.skipif("KINESIS_FAULT_CAMPAIGN" not in os.environ, reason="needs real time and processor time to spare; set KINESIS_FAULT_CAMPAIGN=1")
@pytest.mark.parametrize("name", ["1", "19", "27", "31d", "60a", "78a"])
def test_the_quick_subset_passes(name):
    result = run_case(select([name])[0], body="legs80", bus="udp", seed=0, options=("--priority", "50"))
    assert result.passed, result.why


@pytest.mark.skipif("KINESIS_FAULT_CAMPAIGN" not in os.environ, reason="needs real time and processor time to spare; set KINESIS_FAULT_CAMPAIGN=1")
def test_without_the_deadline_of_the_banks_a_dead_link_is_not_survived():
    result = run_case(select(["31d"])[0], body="legs80", bus="udp", seed=0, options=("--priority", "50", "--without", "deadline"))
    assert not result.passed
