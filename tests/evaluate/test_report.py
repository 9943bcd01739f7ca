"""Evaluations: figures over episodes, conditions, files."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from kinesis_control.errors import ConfigurationError, UnavailableError, UnknownNameError
from kinesis_control.evaluate.figure import Figure
from kinesis_control.evaluate.report_conditions import Condition, find_figure, judge
from kinesis_control.evaluate.report_evaluation import Evaluation, evaluate_recordings
from kinesis_control.evaluate.report_json import as_dict, read_figures, to_json
from kinesis_control.evaluate.report_store import load_life, save_life
from kinesis_control.evaluate.report_text import summary_lines


@pytest.fixture
def evaluation(whole_bag: Path) -> Evaluation:
    return evaluate_recordings([whole_bag])


def test_figures_of_one_episode_are_the_figures_of_the_evaluation(evaluation: Evaluation) -> None:
    (life,) = evaluation.lives
    assert evaluation.figures["movement.speed"] == life.figures["movement.speed"]
    assert evaluation.figures["movement.speed"].value == pytest.approx(0.4)
    assert evaluation.figures["imitation.success05"].missing  # a generated reference proves nothing


def test_many_episodes_give_means_and_the_worst_by_name(recorded: Any, tmp_path: Path) -> None:
    one = recorded.layout().status(0).ticks(0, 100).save(tmp_path / "one")
    two = recorded.save(tmp_path / "two")
    both = evaluate_recordings([one, two])
    assert both.figures["movement.speed"].n == 2
    assert both.figures["timing.loss.body_state"].value == 0.0 and both.figures["timing.loss.body_state"].n == 200
    assert both.groups[0].worst["falls.fell"][1] in ("one, episode 0", "two, episode 0")


def test_two_policies_give_two_groups_and_no_common_figure(recorded: Any, tmp_path: Path) -> None:
    path = recorded.layout().status(0).ticks(0, 80).status(80, sha256="b" * 64).ticks(80, 80).save(tmp_path / "two")
    mixed = evaluate_recordings([path])
    assert len(mixed.groups) == 2 and mixed.figures["movement.speed"].value is None
    assert "2 bodies or policies are mixed" in mixed.figures["movement.speed"].missing
    assert mixed.groups[1].figures["movement.speed"].value == pytest.approx(0.4)
    assert any("2 policies" in p for p in mixed.recordings[0].problems)


def test_a_bag_without_states_is_a_report_all_the_same(recorded: Any, tmp_path: Path) -> None:
    nothing = evaluate_recordings([recorded.layout().save(tmp_path / "bag")])
    assert nothing.lives == () and "no topic of type kinesis_msgs/msg/BodyState" in nothing.recordings[0].problems[-1]
    assert "/muscle_layout" in "\n".join(summary_lines(nothing))


def test_json_has_no_nan_and_reads_back(evaluation: Evaluation, tmp_path: Path) -> None:
    text = to_json(evaluation)
    assert text == to_json(evaluation)
    json.loads(text, parse_constant=lambda name: pytest.fail(name))
    (tmp_path / "e.json").write_text(text)
    assert read_figures(tmp_path / "e.json") == dict(evaluation.figures)


@pytest.mark.parametrize("text", ["", "[]", '{"schema": "other"}', '{"schema": "kinesis.evaluation", "schema_version": 99}'])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UnavailableError):
        read_figures(tmp_path / "x.json")


def test_an_episode_is_kept_on_the_disk_as_it_is(evaluation: Evaluation, tmp_path: Path) -> None:
    (life,) = evaluation.lives
    save_life(tmp_path / "life.npz", life, "key")
    back = load_life(tmp_path / "life.npz", "key")
    assert back is not None and back.figures == dict(life.figures) and back.body == life.body
    again = {**as_dict(evaluation), "episodes": None}
    assert again == {**as_dict(evaluation), "episodes": None}
    assert load_life(tmp_path / "life.npz", "another key") is None
    (tmp_path / "life.npz").write_bytes((tmp_path / "life.npz").read_bytes()[:500])
    assert load_life(tmp_path / "life.npz", "key") is None


def test_conditions_hold_fail_or_cannot_be_told() -> None:
    figures = {f.name: f for f in (Figure(name="imitation.success05", value=0.8, n=5), Figure.absent("emg.plain.r", "r", "no EMG data"))}
    low, high, unknown = judge([Condition.parse(t) for t in ("success05<0.9", "imitation.success05 > 0.9", "emg.plain.r<0.3")], figures)
    assert (low.failed, high.failed, unknown.failed) == (True, False, None)
    assert "no EMG data" in unknown.line() and "FAILED" in low.line()


def test_a_condition_that_makes_no_sense_is_refused() -> None:
    for text in ("success05", "<0.9", "success05<", "success05=0.9", "success05<nan"):
        with pytest.raises(ConfigurationError, match="expected"):
            Condition.parse(text)
    figures = {n: Figure(name=n, value=1.0) for n in ("movement.speed", "gait.speed")}
    with pytest.raises(UnknownNameError, match="several"):
        find_figure("speed", figures)
    with pytest.raises(UnknownNameError, match=r"movement\.speed"):
        find_figure("sped", figures)


def test_the_page_stands_alone(recorded: Any, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra 'evaluate'")
    from kinesis_control.evaluate.html_report import write_report

    recorded.wall_ns, recorded.latency_ns = 10**18, 4_000_000
    recorded.layout().status(0, clock="realtime").ticks(0, 60).status(30, clock="realtime", faults={"FALLEN": 1}, misses=2)
    evaluation = evaluate_recordings([recorded.save(tmp_path / "<b>bag")])
    page = write_report(tmp_path / "report", evaluation).read_text()
    # Nothing is fetched: addresses stand only in the namespace of SVG, and what is linked is inside.
    assert set(re.findall(r"https?://[^\"' )<]+", page)) <= {"http://www.w3.org/2000/svg"}
    assert all(link.startswith("#") for link in re.findall(r'(?:href|src)="([^"]*)"', page))
    assert "<script" not in page and "<b>bag" not in page.replace("&lt;b&gt;bag", "")
    assert page.count("<svg") >= 5 and "latency" in page and "FALLEN" in page
    assert page == write_report(tmp_path / "again", evaluation).read_text()


def test_outcomes_are_pooled_over_episodes_and_other_shares_averaged() -> None:
    from kinesis_control.evaluate.report_evaluation import _overall
    from kinesis_control.evaluate.statistics import share_figure

    many = [{"goals.reached": share_figure("goals.reached", 1, 1)}, {"goals.reached": share_figure("goals.reached", 1, 4)}]
    assert _overall(many)["goals.reached"] == share_figure("goals.reached", 2, 5)
    plain = [{"gait.stance_share": Figure(name="gait.stance_share", value=v, unit="share", n=n)} for v, n in ((0.6, 10), (0.7, 1))]
    assert _overall(plain)["gait.stance_share"].value == pytest.approx(0.65)


def test_the_commonest_reasons_are_named() -> None:
    from kinesis_control.evaluate.report_evaluation import _overall

    many = [{"a.b": Figure.absent("a.b", "m", why)} for why in ("x", "y", "x", "z", "w")]
    assert _overall(many)["a.b"].missing == "in none of 5: x; y; and 2 other reasons"
    assert _overall(many[:4])["a.b"].missing == "in none of 4: x; y; and another reason"
    assert _overall(many[:2])["a.b"].missing == "in none of 2: x; y"
    assert _overall([many[0], many[2]])["a.b"].missing == "in none of 2: x"
